"""Files that a project names: pictures, music. Looked for beside the file that names them and in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.config import trust

if TYPE_CHECKING:
    from runner.config.convert import Reader


def find(text: str, key: str, reader: Reader, folders: tuple[Path, ...]) -> Path | None:
    """The file that `key` names; a problem is noted where there is none, or where the project may not read it.

    `folders` are the working folder and those of the configuration.
    """
    setter = reader.origins.file_of(key)
    beside = [setter.parent] if setter is not None else []
    places = [folder / Path(text).expanduser() for folder in (*beside, folders[0])]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        looked = " and ".join(dict.fromkeys(str(place.absolute()) for place in places))
        reader.problem(key, "there is no such file", value=text, allowed=f"looked for {looked}")
    elif reader.origins.untrusted(key) and not trust.is_below(path, (*beside, *folders)):
        allowed = "a file below it, or an absolute path on the command line"
        reader.problem(key, "is outside of the project's folder", value=text, allowed=allowed)
        return None
    return path

"""`.hydra/reproduce.yaml`: all that a run was composed from, in one file, with copies of what it refers to beside it.

`python -m runner reproduce DIR` composes it again. It is data, as the whole folder is: it holds no secret, and says
nothing about trust, plugins to load, or where outputs go. The user says that again.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from runner.config import yaml_text
from runner.config.data_files import ENVIRONMENT
from runner.config.interpolations import literal
from runner.errors import OutputError
from runner.redaction import hidden_value, is_secret
from runner.store import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.config.project import Film, GivenImage
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import Plan
    from runner.store.interface import ObjectStore

FOLDER: Final = ".hydra"
NAME: Final = "reproduce"
"""The file's name without its ending, as the primary file of a composition is named."""
FILE: Final = f"{FOLDER}/{NAME}.yaml"
_INPUTS: Final = "inputs"
_THE_USERS: Final = ("output", "plugins", "trust", "sweep")
_HEADER: Final = "# All that this run was composed from: python -m runner reproduce DIR\n"


def write(folder: RunFolder, plan: Plan, objects: ObjectStore) -> None:
    """Write it into a run folder, where it is not there yet. Raises `OSError`, `OutputError`. Blocking."""
    if plan.composed is None or (folder.path / FILE).is_file():
        return
    config: dict[str, Any] = {
        name: section for name, section in plan.composed.config.items() if name not in _THE_USERS
    }
    content = _shown(config, plan.composed.as_written)
    for sequence in plan.sequences:
        for planned in sequence.shots:
            keys, shot = content["sequences"][sequence.name]["shots"][planned.shot.name], planned.shot
            if keys.pop("prompt_file", None) is not None:
                keys["prompt"] = literal(shot.text)
            if shot.image is not None:
                name = f"{_INPUTS}/{sequence.slug}_{planned.stem}{_ending(shot.image)}"
                _keep(shot.image.path, shot.image.fetched, folder, f"{FOLDER}/{name}", objects)
                keys["image"] = name
    _keep_film_files(content.get("film") or {}, plan.project.film, folder, objects)
    anchor = plan.project.anchor
    if anchor is not None:
        name = f"{_INPUTS}/anchor{_ending(anchor)}"
        _keep(anchor.path, anchor.fetched, folder, f"{FOLDER}/{name}", objects)
        content["continuity"]["anchor"] = name
    content = {"defaults": ["open_sections", "_self_"], **content}
    folder.write(FILE, _HEADER + yaml_text.text(content))


def inputs(folder: Path) -> set[str]:
    """The digests of the copies in a run folder. Blocking."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found = {digest for file in (folder / FOLDER / _INPUTS).iterdir() if (digest := digest_of(file))}
    return found


def _shown(config: Mapping[str, Any], as_written: Any, *path: str) -> dict[str, Any]:
    """Values as they were composed, without secrets; where one came from the environment, that it does."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        at = (*path, str(name))
        written = as_written.get(name) if isinstance(as_written, dict) else None
        if isinstance(value, dict):
            found[name] = _shown(value, written, *at)
        elif isinstance(written, str) and ENVIRONMENT.fullmatch(written) and is_secret(".".join(at)):
            found[name] = written
        elif hidden_value(value, *at) == value:
            found[name] = literal(value)
    return found


def _ending(image: GivenImage) -> str:
    """The ending of an image's file, as it was; its content says what it is."""
    ending = PurePosixPath(image.path.name).suffix.lower()
    return ending if ending[1:].isalnum() and len(ending) < 8 else f".{image.format}"


def _keep_film_files(section: dict[str, Any], film: Film, folder: RunFolder, objects: ObjectStore) -> None:
    """Copies of music, narration and the end card, under names that the section then has."""
    card = film.end_card.image if film.end_card is not None else None
    files = {
        "music": ("file", film.music.path, None) if film.music else None,
        "narration": ("file", film.narration.path, None) if film.narration else None,
        "end_card": ("image", card.path, card.fetched) if card else None,
    }
    for key, file in files.items():
        if file is None:
            continue
        of, path, fetched = file
        ending = path.suffix.lower()
        name = f"{_INPUTS}/film_{key}{ending if ending[1:].isalnum() and len(ending) < 8 else ''}"
        _keep(path, fetched, folder, f"{FOLDER}/{name}", objects)
        own = section[key]
        section[key] = {**own, of: name} if isinstance(own, dict) else name


def _keep(path: Path, fetched: bytes | None, folder: RunFolder, name: str, objects: ObjectStore) -> None:
    """A copy of a given file: the runs of one outputs root share it."""
    try:
        data = path.read_bytes() if fetched is None else fetched
    except OSError as error:
        raise OutputError(
            "a file that the project gives cannot be read any more", where=str(path), why=str(error)
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    objects.put_bytes(data, digest)
    objects.place(digest, folder.path / name)

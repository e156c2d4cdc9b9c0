"""The section `film:`: how clips are joined, and the files that a film is given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runner.config import film_keys, given_files, given_images
from runner.config.convert import listed, nearest
from runner.config.project import EndCard, Film, GivenSound
from runner.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runner.config.convert import Reader
    from runner.config.trust import Trust

K = TypeVar("K", bound=film_keys.SoundKeys)
_looked_at: Final[dict[tuple[Path, int, int], tuple[str, float | None]]] = {}
"""Digest and length of sound files, by path, size and time: the jobs of a sweep have the same ones."""
_MOST_LOOKED_AT: Final = 256


def read(
    raw: object, reader: Reader, folders: tuple[Path, ...], trusted: Trust, sequences: Iterable[str]
) -> Film:
    """The section, with every file checked. `sequences` are the names that `film.order` may hold."""
    own = {key: raw.get(key) if isinstance(raw, dict) else None for key in ("music", "narration", "end_card")}
    keys = reader.read(
        film_keys.Film, {**raw, **dict.fromkeys(own)} if isinstance(raw, dict) else raw, "film"
    )
    known = [*sequences]
    for name in keys.order:
        if name not in known:
            allowed = " ".join(filter(None, (nearest(name, known), f"sequences has: {listed(known)}")))
            reader.problem("film.order", "there is no sequence of this name", value=name, allowed=allowed)
    return Film(
        keys=keys,
        music=_sound(film_keys.MusicKeys, own["music"], "film.music", reader, folders),
        narration=_sound(film_keys.NarrationKeys, own["narration"], "film.narration", reader, folders),
        end_card=_card(own["end_card"], reader, folders, trusted),
    )


def _sound(
    cls: type[K], raw: Any, at: str, reader: Reader, folders: tuple[Path, ...]
) -> GivenSound[K] | None:
    """A sound file with its keys, or the file alone."""
    if raw is None:
        return None
    key = at if isinstance(raw, str) else f"{at}.file"
    keys = reader.read(cls, {"file": raw} if isinstance(raw, str) else raw, at)
    path = given_files.find(keys.file, key, reader, folders) if keys.file else None
    if path is None:
        return None
    try:
        sha256, duration_s = _facts(path)
    except MediaError as error:
        reader.problem(key, error.what, value=keys.file, allowed=error.why)
        return None
    except OSError as error:
        reader.problem(key, f"cannot be read: {error.strerror or error}", value=keys.file)
        return None
    return GivenSound(path=path, sha256=sha256, duration_s=duration_s, keys=keys)


def _facts(path: Path) -> tuple[str, float | None]:
    from runner.media import sound_file

    about = path.stat()
    at = path.absolute(), about.st_size, about.st_mtime_ns
    if at not in _looked_at:
        if len(_looked_at) >= _MOST_LOOKED_AT:
            _looked_at.clear()
        duration_s = sound_file.look_at(path).duration_s
        with path.open("rb") as file:
            _looked_at[at] = hashlib.file_digest(file, "sha256").hexdigest(), duration_s
    return _looked_at[at]


def _card(raw: Any, reader: Reader, folders: tuple[Path, ...], trusted: Trust) -> EndCard | None:
    if raw is None:
        return None
    key = "film.end_card" if isinstance(raw, str) else "film.end_card.image"
    keys = reader.read(
        film_keys.EndCardKeys, {"image": raw} if isinstance(raw, str) else raw, "film.end_card"
    )
    if keys.fade_s > keys.duration_s:
        reader.problem(
            "film.end_card.fade_s", "is longer than the card", value=keys.fade_s, allowed="up to duration_s"
        )
    if not keys.image:
        return None
    image = given_images.read(keys.image, key, "black", reader, folders, trusted)
    return EndCard(image=image, keys=keys) if image is not None else None

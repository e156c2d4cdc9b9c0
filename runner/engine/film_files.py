"""What a film is given besides its clips: music, narration and an end card, read and checked once more."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from runner.config.film_keys import MusicKeys
from runner.errors import MediaError, NotAudio
from runner.media import picture
from runner.media.join import Card, Sound, Track

if TYPE_CHECKING:
    from runner.config.film_keys import NarrationKeys
    from runner.config.project import Film, GivenSound


def sound_of(film: Film, *, final: bool) -> Sound:
    """What is heard in a film; `final` says that music and narration are its own. Blocking.

    Raises `NotAudio` where a file has changed since the run was planned, or `OSError`.
    """
    audio = film.audio
    laid = final and audio in ("music", "mix")
    return Sound(
        clips=audio in ("clips", "mix") or (audio == "music" and not final),
        music=_track(film.music) if laid and film.music else None,
        narration=_track(film.narration) if laid and film.narration else None,
        level_lufs=film.keys.level,
    )


def card_of(film: Film) -> Card | None:
    """The end card, where there is one. Blocking. Raises `MediaError` where its image has changed, or `OSError`."""
    if film.end_card is None:
        return None
    given, keys = film.end_card.image, film.end_card.keys
    image = given.adopt()
    if image.sha256 != given.sha256:
        raise MediaError("the image of the end card changed after the run was planned", where=str(given.path))
    return Card(image=picture.decode(image), duration_s=keys.duration_s, fade_s=keys.fade_s)


def _track(given: GivenSound[MusicKeys] | GivenSound[NarrationKeys]) -> Track:
    with given.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != given.sha256:
            raise NotAudio("a sound file changed after the run was planned", where=str(given.path))
    keys = given.keys
    music = keys if isinstance(keys, MusicKeys) else None
    return Track(
        path=given.path,
        gain_db=keys.gain_db,
        start_s=keys.start_s,
        fade_in_s=keys.fade_in_s,
        fade_out_s=keys.fade_out_s,
        loop=music is not None and music.loop,
        duck_db=music.duck_db if music is not None else 0.0,
    )

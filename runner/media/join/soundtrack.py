"""What is heard in a film: the sound of its clips, music and narration, and how loud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A sound file that is laid under a film. Times are seconds of the film, gains decibels.

    It ends with the film at the latest, and `fade_out_s` ends where it does.
    """

    path: Path
    gain_db: float = 0.0
    start_s: float = 0.0
    """When it begins."""
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loop: bool = False
    """It is repeated until the film ends."""
    duck_db: float = 0.0
    """How much quieter it is while something else is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Which sounds a film has. `level_lufs` is the loudness (ITU-R BS.1770) that each clip is brought to."""

    clips: bool = True
    music: Track | None = None
    narration: Track | None = None
    level_lufs: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is the sound of the clips as it is."""
        return self == Sound()

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(track for track in (self.music, self.narration) if track is not None)

    def is_heard(self, *, clips: bool) -> bool:
        """Whether a film has sound at all; `clips` says that one of its clips has."""
        return bool(self.tracks) or (self.clips and clips)

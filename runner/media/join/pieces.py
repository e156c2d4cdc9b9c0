"""What a planned film consists of: spans of clips, and the pieces that are copied, encoded or dissolved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import av

from .soundtrack import Sound

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from .clip import Clip

PictureFilter: TypeAlias = Callable[[av.VideoFrame], av.VideoFrame]
"""Changes the pictures of one clip, such as their colours. Gets each frame as the film needs it (its size, 8-bit 4:2:0)
and returns one of the same size and format. A clip that has one is encoded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A clip of a film, or the frames `start` up to, not including, `end` of it, as in a slice.

    `end=-1` leaves the last frame out. `fade` and `crossfade_s` say how the film goes over from the part before.
    """

    path: Path
    start: int = 0
    end: int | None = None
    fade: int = 0
    """Over how many frames the pictures and the sound of the part before dissolve into this one; 0 is a cut."""
    crossfade_s: float = 0.0
    """How long the sound of both parts is heard at a cut, in seconds; the pictures do not overlap."""
    picture: PictureFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Size in pixels (square ones, upright) and frame rate of a film."""

    width: int
    height: int
    fps: Fraction

    def __str__(self) -> str:
        return f"{self.width}x{self.height} at {self.fps} fps"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Span:
    """The frames of a clip that the film takes: from `start` up to, not including, `end`, in the order of display."""

    clip: Clip
    start: int
    end: int
    number: int
    """Which of the film's parts it is, from 0; -1 is the end card."""
    note: str = ""
    """Why it is encoded again, where that needs other words."""
    fade: int = 0
    crossfade_s: float = 0.0
    picture: PictureFilter | None = None

    @property
    def frames(self) -> int:
        return max(0, self.end - self.start)

    @property
    def start_s(self) -> Fraction:
        """When its first frame is shown, on the clip's own clock. Seconds."""
        if self.clip.steady:
            return self.clip.start_s + self.start / self.clip.fps
        return self.clip.at(min(self.start, self.clip.frames - 1)) * self.clip.time_base


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The packets `first` up to, not including, `first + packets` of a clip, as they are. Each shows a frame."""

    clip: Clip
    packets: int
    first: int = 0

    @property
    def frames(self) -> int:
        return self.packets


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Frames of a clip, by their number in the order of display, to be encoded again.

    `kept` is how many packets of the clip come before all of them in decode order.
    """

    clip: Clip
    picks: Sequence[int]
    kept: int = 0
    picture: PictureFilter | None = None

    @property
    def frames(self) -> int:
        return len(self.picks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissolved:
    """Frames of two clips, of as many each, that fade from one to the other."""

    before: Encoded
    after: Encoded

    @property
    def frames(self) -> int:
        return self.after.frames


Piece: TypeAlias = Copied | Encoded | Dissolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one clip gives to the film: `frames` frames, and the sound of as long.

    Its first `fade` frames are dissolved from the share before, whose last ones they are as well.
    """

    span: Span
    frames: int
    fade: int

    @property
    def clip(self) -> Clip:
        return self.span.clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A film to be written. Its stream parameters are those of the clip `base`; without one all is encoded."""

    look: Look
    base: Clip | None
    pieces: tuple[Piece, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]
    sound: Sound = field(default_factory=Sound)

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)

    @property
    def encoded_frames(self) -> int:
        return sum(piece.frames for piece in self.pieces if not isinstance(piece, Copied))

    @property
    def has_audio(self) -> bool:
        return self.sound.is_heard(clips=any(share.clip.sound_s is not None for share in self.shares))

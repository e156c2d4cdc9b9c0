"""What a metric measures: a clip, or the seam between two. Images are uint8 RGB of shape (height, width, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Level: TypeAlias = Literal["clip", "seam"]
"""What a number of a metric is about."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipSubject:
    """A clip, decoded once for all metrics. Arrays are read-only."""

    frames: Sequence[NDArray[np.uint8]]
    """At most 240 frames, evenly spread over the clip, the first among them; the longer side has at most 320 pixels."""
    stills: Sequence[NDArray[np.uint8]]
    """Up to 5 frames at full size, evenly spread over the clip; 1 of a clip that is larger than 4K."""
    changes: NDArray[np.float32]
    """For each frame but the first, how much it differs from the one before it: the mean over all pixels of the reduced
    frames, in levels of 0 to 255."""
    fps: float
    """Frames per second, on average."""
    duration_s: float
    sound: NDArray[np.float32] | None
    """Mono, -1 to 1, of shape (samples,), at most two minutes; `None` of a clip without sound."""
    sound_rate: int
    """Samples per second: 48000, or 0 without sound."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class SeamSubject:
    """Where a shot begins that was chained from another one. Arrays are read-only."""

    handed_over: NDArray[np.uint8]
    """The frame that the later clip was to start from, as it was sent."""
    before: Sequence[NDArray[np.uint8]]
    """The last frames of the earlier clip in order, at most 5; the last of them is the one that was handed over, before
    its colours were corrected."""
    after: Sequence[NDArray[np.uint8]]
    """The first frames of the later clip in order, at most 5."""
    before_fps: float
    after_fps: float
    reduced_before: Sequence[NDArray[np.uint8]] = ()
    """The last frames of the earlier clip, at most 8; the longer side has at most 320 pixels. Images of `before` and
    `after` are converted when they are first looked at, which takes longer than these."""
    reduced_after: Sequence[NDArray[np.uint8]] = ()
    """The first frames of the later clip, at most 14, as small."""
    sound_before: NDArray[np.float32] | None = None
    """Up to half a second that ends where the frame that was handed over does: mono, -1 to 1; `None` without sound."""
    sound_after: NDArray[np.float32] | None = None
    """Up to half a second from the beginning of the later clip."""
    sound_rate: int = 0
    """Samples per second: 48000, or 0 where either clip has no sound."""


Subject: TypeAlias = ClipSubject | SeamSubject

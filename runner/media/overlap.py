"""Finds how many of a clip's first frames the clip before it has shown already.

overlap = find(handed_over, opening)                        # 0 to 8 frames
overlap = find(handed_over, opening, before=last_frames)    # where `overlap.slow_start` says that it is not certain

A clip that starts from the last frame of another one shows it once more (1), several times (2 to 8), or gains speed so
slowly that its first frames stand where that frame stood. One that goes on with the next frame shows nothing twice (0).
Frames are uint8 RGB of shape (height, width, 3). Distances are root mean squares of luma in levels, on reduced frames.
The thresholds were measured: see `tests/media/test_overlap.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pictures: TypeAlias = Sequence[NDArray[Any]]
    Luma: TypeAlias = NDArray[np.float32]

__all__ = ["LOOKED_AT", "MOST", "Overlap", "find"]

MOST: Final = 8
LOOKED_AT: Final = 14
"""Frames of an opening that are worth giving: the most that repeat, and some that show the pace afterwards."""
_WIDTH: Final = 320
_FIELDS: Final = 10
"""Fields to each side: what moves may be small."""
_STILL: Final = 2.45
"""How much more than the codec's flicker a motion must change."""
_NOTHING: Final = 0.15
"""The least flicker to assume, in levels."""
_AT_ONCE: Final = 0.65
"""What a first step must have of the ones right after it not to be the start of a slow one: steps from a standstill, at
a steady gain of speed, are as 1 to 3 to 5 to 7."""
_SLOW: Final = 0.6
"""A first step below this share of the later ones is slow."""
_NEARLY: Final = 0.85
_MOVES: Final = 0.3
"""Levels: less change from frame to frame tells nothing of where a frame stands."""
_CLEARLY: Final = 2.0
"""Levels: a codec leaves no doubt of a motion that changes so much."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How many of the first frames show what was shown already, and what leaving them out does to the seam.

    A jump is the distance between the two frames that meet at a seam, as a multiple of the later clip's own pace: 1 is
    a seam that nobody notices, 0 a frozen one. It is 0 as well where nothing moves.
    """

    frames: int
    jump_before: float
    """Where nothing is left out: from the handed-over frame to the first one."""
    jump_after: float
    slow_start: bool = False
    """The clip gains speed slowly: only the frames before the seam tell whether that is a standstill in between."""


def find(handed_over: NDArray[Any], first: Pictures, before: Pictures = ()) -> Overlap:
    """Compare a hand-over frame with the first frames (at least one) of the clip that starts from it.

    `before` are the frames before the hand-over frame, the last one of them right before it. Raises `ValueError`
    without frames.
    """
    if not first:
        raise ValueError("a clip without frames cannot be measured")
    frames = [_reduced(frame) for frame in first[:LOOKED_AT]]
    size = frames[0].shape[1], frames[0].shape[0]
    given = _reduced(handed_over, size)
    steps = [_distance(earlier, later) for earlier, later in pairwise(frames)]
    pace = float(np.median(steps[-5:])) if steps else 0.0
    slow = False
    count = _repeats(steps)
    if count == 1:
        if _goes_on(given, frames):
            count = 0
        elif slow := _starts_slowly(steps, pace):
            count = _eased([_reduced(frame, size) for frame in before], given, frames, pace)
    count = min(count, len(frames))
    return Overlap(
        frames=count,
        jump_before=_jump(given, frames, 0, pace),
        jump_after=_jump(given, frames, count, pace),
        slow_start=slow and not before,
    )


def _reduced(rgb: NDArray[Any], size: tuple[int, int] | None = None) -> Luma:
    """The luma of a frame at a size that averages noise away."""
    if size is None:
        width = min(_WIDTH, rgb.shape[1])
        size = width, max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    if size != (rgb.shape[1], rgb.shape[0]):
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))
    luma: Luma = rgb.astype(np.float32) @ _LUMA
    return luma


def _fields(a: Luma, b: Luma) -> NDArray[np.float64]:
    """The mean square of the difference in each of about 100 fields, less that of the whole frame's brightness."""
    difference = b - a
    square = np.square(difference - difference.mean())
    height, width = (max(1, size // _FIELDS) for size in square.shape)
    square = square[: square.shape[0] // height * height, : square.shape[1] // width * width]
    parts = square.reshape(square.shape[0] // height, height, square.shape[1] // width, width)
    means: NDArray[np.float64] = parts.mean(axis=(1, 3), dtype=np.float64).ravel()
    return means


def _distance(a: Luma, b: Luma) -> float:
    """How far two frames are apart where they differ most."""
    return float(np.sqrt(_fields(a, b).max()))


def _repeats(steps: Sequence[float]) -> int:
    """How often the first frame is shown before the image moves at the pace that it then keeps.

    An image that never moves, sets off slowly, or holds each frame as long as the first, shows it once.
    """
    for still in range(min(MOST, len(steps)) - 1, 0, -1):
        held, after = steps[:still], steps[still:]
        at_once = after[0] >= _AT_ONCE * float(np.median(after[:4]))
        if at_once and min(after) > _STILL * max(*held, _NOTHING):
            return 1 + still
    return 1


def _starts_slowly(steps: Sequence[float], pace: float) -> bool:
    rises = len(steps) > 2 and steps[0] < steps[2] and steps[1] < _NEARLY * pace
    return rises and pace > _MOVES and steps[0] < _SLOW * pace


def _eased(before: Sequence[Luma], given: Luma, frames: Sequence[Luma], pace: float) -> int:
    """The first frame that is as far from the handed-over one as a step of the motion before the seam."""
    earlier = [_distance(a, b) for a, b in pairwise([*before, given])]
    step = float(np.median(earlier)) if earlier else 0.0
    if step < _SLOW * pace:
        return 1  # it is slow on both sides
    far = [_distance(frames[0], frame) for frame in frames[: MOST + 1]]
    return 1 + int(np.argmin([abs(one - min(step, pace)) for one in far[1:]]))


def _goes_on(given: Luma, frames: Sequence[Luma]) -> bool:
    """Whether the first frame is the one after the handed-over one.

    Then that one is as far from each frame as a frame before the first would be. What a codec adds is the same for all.
    """
    if len(frames) < 4:
        return False
    pairs = [(frames[0], frames[number]) for number in (1, 2, 3)]
    moved = _fields(*pairs[0])
    chosen = moved >= np.sort(moved)[-max(1, moved.size // 5)]
    far = [0.0, *(float(_fields(*pair)[chosen].mean()) for pair in pairs)]
    if far[1] < _CLEARLY**2:
        return False
    from_given = [float(_fields(given, frame)[chosen].mean()) for frame in frames[:3]]
    if from_given[0] < 0.6 * far[1]:
        return False
    shows_it = _spread([from_given[at] - far[at] for at in range(3)])
    precedes = _spread([from_given[at] - far[at + 1] for at in range(3)])
    return precedes < 0.5 * shows_it


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _jump(given: Luma, frames: Sequence[Luma], count: int, pace: float) -> float:
    """The distance from the handed-over frame to the first one that is left, in steps of the later clip.

    The handed-over frame is the first one's double where there is any overlap, without what a codec did to it.
    """
    if count >= len(frames) or pace <= _NOTHING:
        return 0.0
    start = frames[0] if count else given
    return round(_distance(start, frames[count]) / pace, 2)

"""What jumps at a seam besides the image itself: light, colour, sharpness, noise, and time. Pure.

found = compare(handed_over, before, after)      # reduced frames, uint8 RGB of shape (height, width, 3)
found.luma                                       # 2 and more is seen

A jump is a multiple of what is to be expected between the two frames that meet: 1 is no more than that. Between a
frame and its own copy, that is what a codec changes (see `thresholds`); between a frame and the next one, what the two
clips change from frame to frame by themselves (what 9 of 10 neighbours keep to), where that is more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from runner.media import overlap, seam, thresholds
from runner.media.hand_over import sharpness
from runner.media.look import noise
from runner.media.measures import motion
from runner.media.seam import Verdict
from runner.media.source import SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Frames = Sequence[NDArray[Any]]

_COLUMNS: Final = 160
_FEW_COLUMNS: Final = 80
"""Of the image whose motion is looked at: neither grain nor sharpness counts there."""
_AHEAD: Final = 6
"""Frames over which the motion of a clip is measured."""
_STANDS: Final = 1.0
"""Levels: less change from frame to frame is what a codec makes of one frame, and no motion."""
_SAME: Final = 0.5
"""Frames: a first frame that is less than that away is the handed-over one."""
_USUAL: Final = 90
"""Percent of the neighbours inside of the clips that do not change more."""
_FEWEST: Final = 16
"""Pixels of what two images have in common."""
_DARKEST: Final = 16.0
"""Levels: of a darker frame, changes are compared with this."""
_BAND: Final = 32
_EVERY: Final = 128
"""Rows: of so many a band is looked at for detail."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, slots=True, kw_only=True)
class Jumps:
    """What changes at a seam. `None` where it cannot be told: the first frame shows something else, or is much later.

    All but the last two are multiples of what is to be expected.
    """

    luma: float | None = None
    """Of the mean luma, brighter or darker."""
    contrast: float | None = None
    """Of the deviation of luma, beyond the change of luma itself."""
    saturation: float | None = None
    """Of the chroma; `None` as well where there is hardly any colour."""
    hue: float | None = None
    """A turn of all colours; `None` as above."""
    steps: float | None = None
    """How many frames the first one is away from the handed-over one: 0 is the same, 1 the next, more are missing."""
    repeats: float | None = None
    """How many of the first frames show what was shown before the seam; 1: the handed-over frame, once more."""


class _Change(NamedTuple):
    luma: float
    contrast: float
    saturation: float | None
    hue_deg: float | None


def compare(handed_over: NDArray[Any], before: Frames, after: Frames) -> Jumps:
    """Compare the frames before a seam, the handed-over one last, with the first frames after it, all reduced.

    `handed_over` is that frame as it was sent. Raises `ValueError` without frames.
    """
    if not before or not after:
        raise ValueError("a seam has frames on both sides")
    found = seam.measure(handed_over, after)
    in_place = found.verdict in (Verdict.LOCKED, Verdict.REENCODED)
    if not in_place and not is_along(handed_over, after):
        return Jumps()
    far = steps(before, after)
    repeats = float(overlap.find(before[-1], after, before[:-1]).frames) if in_place else 0.0
    if far >= thresholds.STEPS_MISSING:  # frames further apart show other things
        return Jumps(steps=far, repeats=repeats)
    goes_on = not in_place or far > _SAME
    jump = _change(before[-1], after[0])
    own = [_change(a, b) for side in (before, after) for a, b in pairwise(side)] if goes_on else []

    def over(field: int, least: float) -> float | None:
        value = jump[field]
        return None if value is None else _multiple(value, [one[field] or 0.0 for one in own], least)

    return Jumps(
        luma=over(0, thresholds.LUMA_VARIES),
        contrast=over(1, thresholds.CONTRAST_VARIES),
        saturation=over(2, thresholds.SATURATION_VARIES),
        hue=over(3, thresholds.HUE_VARIES_DEG),
        steps=far,
        repeats=repeats,
    )


def softening(before: Frames, after: Frames) -> float | None:
    """How much fine detail is lost at a seam, as a multiple of what is to be expected; 0 where none is.

    Frames are at full size, at least one on each side. `None` where there is no detail.
    """
    left, right = ([_detail(frame) for frame in frames] for frames in (before, after))
    if min(*left, *right) <= 0:
        return None
    lost = math.log(float(np.median(left))) - math.log(float(np.median(right)))
    own = [math.log(b / a) for side in (left, right) for a, b in pairwise(side)]
    return max(0.0, _multiple(lost, own, thresholds.SHARPNESS_VARIES)) if lost > 0 else 0.0


def graining(before: Frames, after: Frames) -> float:
    """How much noise is added at a seam, as a multiple of what is to be expected; 0 where none is. Frames as above."""
    left, right = ([_grain(frame) for frame in frames] for frames in (before, after))
    added = float(np.median(right) - np.median(left))
    own = [b - a for side in (left, right) for a, b in pairwise(side)]
    return _multiple(added, own, thresholds.NOISE_VARIES) if added > 0 else 0.0


def _multiple(jump: float, own: Sequence[float], least: float) -> float:
    usual = float(np.percentile(np.abs(own), _USUAL)) if own else 0.0
    return abs(jump) / max(least, usual)


def steps(before: Frames, after: Frames) -> float:
    """How many frames the first one after a seam is away from the handed-over one, by the pace of the clip itself.

    0 is the same frame, 1 the next one, 3 one that comes after two missing ones; at most 6. The distance of frames does
    not grow with time as such, so that it is compared with those of frames which are known to be so far apart. 0 where
    hardly anything moves.
    """
    later = [_structure(one) for one in after[: 2 * _AHEAD]]
    far = [0.0]
    for apart in range(1, min(_AHEAD, len(later) - 1) + 1):
        pairs = zip(later, later[apart:], strict=False)
        far.append(max(far[-1] + 1e-6, float(np.median([_distance(a, b) for a, b in pairs]))))
    if len(far) < 3 or far[1] < _STANDS:
        return 0.0
    return round(float(np.interp(_distance(_structure(before[-1]), later[0]), far, range(len(far)))), 2)


def is_along(given: NDArray[Any], after: Frames) -> bool:
    """Whether the handed-over image is found elsewhere in the first frame because the clip's own motion moved it there.

    Then frames are missing between the two, and the image is not reframed.
    """
    if len(after) <= _AHEAD:
        return False
    frames = [motion.reduced(one) for one in (given, after[0], after[_AHEAD])]
    if len({frame.shape for frame in frames}) > 1:
        return False
    found, own = motion.shift(frames[0], frames[1]), motion.shift(frames[1], frames[2])
    if found.distance <= thresholds.MOVED or not _found_again(frames[0], frames[1], found):
        return False
    along = (found.right * own.right + found.down * own.down) / max(own.distance, 1e-9)
    across = abs(found.right * own.down - found.down * own.right) / max(own.distance, 1e-9)
    return 0 < along <= own.distance and across <= max(thresholds.ALONG * found.distance, thresholds.ACROSS)


def _found_again(earlier: NDArray[np.float32], later: NDArray[np.float32], by: motion.Shift) -> bool:
    """Whether what both images show of one scene correlates, where the later one is moved by so much."""
    height, width = earlier.shape
    right, down = round(by.right * width), round(by.down * width)
    columns = slice(max(0, right), width + min(0, right)), slice(max(0, -right), width + min(0, -right))
    rows = slice(max(0, down), height + min(0, down)), slice(max(0, -down), height + min(0, -down))
    parts = earlier[rows[1], columns[1]], later[rows[0], columns[0]]
    if min(parts[0].shape) < _FEWEST:
        return False
    a, b = (_smoothed(part) for part in parts)
    power = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return power > 0 and float((a * b).sum()) / power >= thresholds.FOUND_AGAIN


def _smoothed(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of fields of 3x3 pixels, less the mean of all: grain says nothing of where a scene is."""
    height, width = (size // 3 for size in luma.shape)
    fields = luma[: 3 * height, : 3 * width].reshape(height, 3, width, 3).mean(axis=(1, 3))
    centred: NDArray[np.float32] = fields - fields.mean()
    return centred


def _change(a: NDArray[Any], b: NDArray[Any]) -> _Change:
    """The change of luma, contrast and chroma as parts of them, and the turn of all colours in degrees."""
    (luma_a, chroma_a), (luma_b, chroma_b) = _planes(a), _planes(b)
    gain = max(float(luma_b.mean()), _DARKEST) / max(float(luma_a.mean()), _DARKEST)
    spread = (float(luma_b.std()) + 1) / (float(luma_a.std()) + 1)
    power = float(np.square(np.abs(chroma_a)).mean())
    if math.sqrt(power) < thresholds.LEAST_CHROMA:
        return _Change(gain - 1, spread / gain - 1, None, None)
    # By regression: a scene may have all hues, and a mean of none.
    turn = complex((chroma_b * chroma_a.conj()).mean()) / power
    angle = math.degrees(math.atan2(turn.imag, turn.real))
    return _Change(gain - 1, spread / gain - 1, abs(turn) / gain - 1, angle)


def _structure(rgb: NDArray[Any]) -> NDArray[np.float64]:
    height, width = rgb.shape[:2]
    size = min(width, _FEW_COLUMNS), max(1, round(height * min(width, _FEW_COLUMNS) / width))
    small = Image.fromarray(rgb).resize(size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.7))
    luma = np.asarray(small, np.float64) @ _LUMA
    centred: NDArray[np.float64] = luma - luma.mean()
    return centred


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The root mean square of the difference between two images, in levels, but for a change of contrast."""
    power = float(np.square(a).sum())
    gain = min(max(float((a * b).sum()) / power, 0.8), 1.25) if power else 1.0
    return float(np.sqrt(np.square(gain * a - b).mean()))


def _detail(rgb: NDArray[Any]) -> float:
    """The energy of detail at half the size: what a codec does to grain is less a matter of sharpness there."""
    return float(np.mean([sharpness(_halved(band)) for band in _bands(rgb)]))


def _grain(rgb: NDArray[Any]) -> float:
    return float(np.mean([noise(band) for band in _bands(rgb)]))


def _bands(rgb: NDArray[Any]) -> list[NDArray[Any]]:
    """Some of the rows of a large image, all of a small one."""
    height, width = rgb.shape[:2]
    if height * width <= SMALL:
        return [rgb]
    return [rgb[top : top + _BAND] for top in range(0, height - _BAND + 1, _EVERY)] or [rgb]


def _halved(rgb: NDArray[Any]) -> NDArray[Any]:
    height, width = (max(1, size // 2) for size in rgb.shape[:2])
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(rgb)).resize((width, height), Image.Resampling.BOX)
    )


def _planes(rgb: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Luma and Cb + i Cr, full range BT.709, of the reduced image."""
    height, width = rgb.shape[:2]
    size = min(width, _COLUMNS), max(1, round(height * min(width, _COLUMNS) / width))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX), np.float64)
    luma = small @ _LUMA
    return luma, (small[..., 2] - luma) / 1.8556 + 1j * (small[..., 0] - luma) / 1.5748

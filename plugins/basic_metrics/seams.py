"""Metrics of seams: the frame that was handed over against the first frames of the clip made from it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
from PIL import Image

from runner import media

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from runner.api import SeamSubject
    from runner.media import SeamJumps

    Frames = Sequence[NDArray[np.uint8]]

_LEAST_MOTION: Final = 0.0002
"""Parts of the width, from frame to frame: what moves less stands still."""
_SMALLEST: Final = 16
"""Pixels of an image whose shift can be found."""
_FEWEST: Final = 7
"""Pixels of the window of SSIM."""
_PACED: Final = 5
"""Frames on each side of a seam over which speed is measured."""
_DETAILED: Final = 2
"""Frames on each side of a seam whose detail is looked at, at full size."""
_compared: Final[WeakKeyDictionary[SeamSubject, SeamJumps]] = WeakKeyDictionary()
"""What several metrics of one seam read: it is found once."""


def ssim(subject: SeamSubject) -> float | None:
    given, first = _pair(subject)
    return media.ssim(given, first) if min(given.shape[:2]) >= _FEWEST else None


def psnr_db(subject: SeamSubject) -> float:
    return media.psnr_db(*_pair(subject))


def delta_e(subject: SeamSubject) -> float:
    return media.colour_difference(*_pair(subject))


def luma_jump(subject: SeamSubject) -> float | None:
    return _jumps(subject).luma


def contrast_jump(subject: SeamSubject) -> float | None:
    return _jumps(subject).contrast


def saturation_jump(subject: SeamSubject) -> float | None:
    return _jumps(subject).saturation


def hue_jump(subject: SeamSubject) -> float | None:
    return _jumps(subject).hue


def softening(subject: SeamSubject) -> float | None:
    return media.seam_softening(*_details(subject)) if _shows_it(subject) else None


def graining(subject: SeamSubject) -> float | None:
    return media.seam_graining(*_details(subject)) if _shows_it(subject) else None


def steps(subject: SeamSubject) -> float | None:
    return _jumps(subject).steps


def repeats(subject: SeamSubject) -> float | None:
    return _jumps(subject).repeats


def click(subject: SeamSubject) -> float | None:
    if subject.sound_before is None or subject.sound_after is None:
        return None
    return media.sound_click(subject.sound_before, subject.sound_after, subject.sound_rate)


def level_step_db(subject: SeamSubject) -> float | None:
    if subject.sound_before is None or subject.sound_after is None:
        return None
    return abs(media.sound_level_step_db(subject.sound_before, subject.sound_after, subject.sound_rate))


def motion(subject: SeamSubject) -> float | None:
    """The speed after the seam over the speed before it; 0: the film freezes. `None` where nothing moves before."""
    before, after = _pace(subject.reduced_before[-_PACED:]), _pace(subject.reduced_after[:_PACED])
    if before is None or after is None or before < _LEAST_MOTION:
        return None
    rates = subject.after_fps / subject.before_fps if subject.before_fps and subject.after_fps else 1.0
    return after * rates / before


def _pair(subject: SeamSubject) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The given frame and the first one, the larger one scaled down to the size of the other."""
    given, first = subject.handed_over, subject.after[0]
    if given.shape == first.shape:
        return given, first
    height, width = min(given, first, key=lambda image: image.shape[0] * image.shape[1]).shape[:2]
    return _scaled(given, width, height), _scaled(first, width, height)


def _scaled(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def _jumps(subject: SeamSubject) -> SeamJumps:
    if subject not in _compared:
        _compared[subject] = media.compare_seam(
            subject.handed_over, subject.reduced_before, subject.reduced_after
        )
    return _compared[subject]


def _shows_it(subject: SeamSubject) -> bool:
    """Whether the first frame shows what was handed over, so that their looks can be compared."""
    return _jumps(subject).luma is not None


def _details(subject: SeamSubject) -> tuple[Frames, Frames]:
    return subject.before[-_DETAILED:], subject.after[:_DETAILED]


def _pace(frames: Frames) -> float | None:
    """The mean way from frame to frame, in parts of the width."""
    same = len({frame.shape for frame in frames}) == 1 and min(frames[0].shape[:2]) >= _SMALLEST
    ways = [media.image_shift(a, b).distance for a, b in pairwise(frames)] if same else []
    return sum(ways) / len(ways) if ways else None

"""Where a measure of a clip, or of a seam, counts as a defect, and why there.

`python -m tests.media.calibration` prints how far known-good and known-bad clips are from each.
"""

from __future__ import annotations

from typing import Final

BLACK_LEVEL: Final = 12.0
"""8-bit levels above black, 5 % of the range. A night scene has lights, or a sky, above it; a fade has passed it when
nothing is seen any more."""

BLACK_AREA: Final = 0.98
"""The part of a frame that has to be that dark: a logo's corner or a codec's stray block does not make it a picture."""

BLACK_SHARE: Final = 0.3
"""The part of a clip. A fade in and a fade out, each of a fifth of the clip, are black for less than a twentieth."""

STILL_LEVELS: Final = 1.0
"""Mean levels of luma, in the field of a frame that changes most, below which two frames are the same one. A frame that
is repeated differs from itself by what the codec makes of it, half a level at most; grain alone differs by more."""

FROZEN_SHARE: Final = 0.4
"""The part of a clip that shows one frame without a break. A pause at either end of a motion takes less."""

OTHER_RATE: Final = 0.01
"""Of the requested frame rate. 23.976 for 24, and 29.97 for 30, are the same rate; 24 for 25 is not."""

OTHER_SHAPE: Final = 0.03
"""Of the requested ratio of width to height: models round sides to multiples of 16."""

OTHER_DURATION: Final = 0.1
"""Of the requested duration, and at least `OTHER_DURATION_S`: models count in frames of their own."""

OTHER_DURATION_S: Final = 0.25

LOCKED_DB: Final = 38.0
"""Signal-to-noise ratio from which a first frame is the handed-over image, up to a good codec."""

REENCODED_DB: Final = 26.0
"""The same for an image that is less faithful, or, once a mild change of colour is undone, a little off in colour."""

REFRAMED_ZOOM: Final = 0.015
"""Of the scale: so exactly is it found where the image is noisy."""

REFRAMED_SHIFT: Final = 0.003
"""Of the frame's width, which is a pixel of 320."""

BLANK_RANGE: Final = 8.0
"""Levels between the darkest and the lightest part of a blank frame, reduced to 64 columns."""

LUMA_VARIES: Final = 0.0075
"""Of the brightness. H.264 at any usable quality keeps the mean within 0.5 %; viewers see 2 % at a cut between two
pictures of the same thing."""

CONTRAST_VARIES: Final = 0.04
"""Of the deviation of luma, in a small image."""

HUE_VARIES_DEG: Final = 1.0
"""Of all colours together. 4:2:0 and the codec turn them by less than half a degree."""

SATURATION_VARIES: Final = 0.035
"""Of the chroma. A codec that is poor in colour takes 3 %."""

LEAST_CHROMA: Final = 3.0
"""Levels, root mean square, below which a frame is too grey for its hue and its saturation to be compared."""

SHARPNESS_VARIES: Final = 0.255
"""Of the logarithm of the energy of fine detail: an encoder that begins anew takes a fifth to a quarter of it."""

NOISE_VARIES: Final = 0.75
"""Levels of luma. Between key frames and others, grain that a codec keeps differs by less than one."""

STEPS_MISSING: Final = 1.6
"""Frames from the handed-over one to the first one after the seam: one is a clip that goes on with the next frame, two
is one frame dropped."""

ACROSS: Final = 0.005
"""Of the frame's width: so exactly is a shift known, and not better."""

MOVED: Final = 0.006
"""Of the frame's width: a shorter way is not told from an enlarged image."""

FOUND_AGAIN: Final = 0.8
"""Correlation of what two frames have in common, from which one is the other, moved."""

ALONG: Final = 0.35
"""Part of a shift that is off the direction of the clip's motion, up to which it is the motion that makes it."""

LEVEL_VARIES: Final = 2.0
"""A step has to be so many times what the level of the sound varies by itself."""

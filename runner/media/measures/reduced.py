"""Frames as metrics get them: small, or at full size when they are first looked at; nobody may write to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from runner.media import colour, hdr

if TYPE_CHECKING:
    from fractions import Fraction

    import av
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

    from runner.media.cropping import Crop
    from runner.media.survey import Pictures

LONGEST: Final = 320
"""Pixels of the longer side of a reduced frame."""


_FLAGS: Final = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without the last two all is two levels darker."""


class ReadOnly(Sequence["NDArray[np.uint8]"]):
    """Images that nobody may change."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: Any) -> Any:
        found = self._pictures[index]
        for image in found if isinstance(found, list) else [found]:
            image.setflags(write=False)
        return found


def locked(array: Any) -> Any:
    """The array, which cannot be written to any more."""
    array.setflags(write=False)
    return array


def reduced(
    frame: av.VideoFrame, sar: Fraction, crop: Crop, reformatter: VideoReformatter
) -> NDArray[np.uint8]:
    """A frame as a player shows it, the longer side at most 320 pixels."""
    width, height = colour.display_width(frame.width, sar), frame.height
    scale = min(1.0, LONGEST / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if crop.inside(frame.width, frame.height) or hdr.named(frame.color_trc):
        whole = colour.to_rgb(frame, sar, crop)
        # Turned by now: the sides of the reduced frame follow those of the picture.
        turned = size if (whole.shape[1] >= whole.shape[0]) == (width >= height) else size[::-1]
        return locked(np.array(Image.fromarray(whole).resize(turned, Image.Resampling.BOX)))  # type: ignore[no-any-return]
    clockwise, mirrored = colour.quarter_turns(frame)
    matrix, _ = colour.matrix_of(frame)
    rgb = reformatter.reformat(
        frame,
        width=size[0],
        height=size[1],
        format="rgb24",
        src_colorspace=colour.MATRICES[matrix],
        dst_colorspace=Colorspace.DEFAULT,
        src_color_range=ColorRange.JPEG if colour.full_range_of(frame) else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_FLAGS,
    ).to_ndarray()
    if mirrored:
        rgb = rgb[:, ::-1]
    return locked(np.ascontiguousarray(np.rot90(rgb, -clockwise), np.uint8))  # type: ignore[no-any-return]

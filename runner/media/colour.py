"""Turning decoded frames into the RGB that a viewer sees: matrix, range, chroma position, rotation.

Chroma is interpolated (bicubic) from where the stream says its samples sit; libswscale takes "left" for
H.264 and HEVC that say nothing, and "centre" for the other codecs. Against a float64 reference this is
right to the rounding (0.25 levels on average); libswscale's defaults are off by more than a level.

The transfer curve is not changed: the result is R'G'B' as coded, as players show it for ordinary video.
"""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from runner.errors import ExtractionRefused
from runner.media.cropping import NOTHING, Crop
from runner.media.hdr import to_sdr

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

__all__ = ["chroma_position", "display_width", "full_range_of", "matrix_of", "quarter_turns", "to_rgb"]

# AVColorSpace (ITU-T H.273 MatrixCoefficients) to the names used here.
_TAGS: Final = {
    0: "rgb",
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    9: "bt2020",
}
_UNTAGGED: Final = 2

MATRICES: Final = {
    "rgb": Colorspace.DEFAULT,
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt601": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}

# Without the two FULL_CHR flags one chroma value serves two pixels; without ACCURATE_RND errors add up.
_FLAGS: Final = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


_SQUARE: Final = Fraction(1)
_PROBE: Final = 32
_RED_DIFFERENCE: Final = 2
_of_thread = threading.local()


def to_rgb(frame: av.VideoFrame, sar: Fraction = _SQUARE, crop: Crop = NOTHING) -> NDArray[np.uint8]:
    """Convert to full-range RGB of shape (height, width, 3), dtype uint8, C-contiguous, as a player shows it: rotation
    and flips applied, cropped, pixels of another shape than square (`sar`, width over height) made square by changing
    the width, high dynamic range tone-mapped.

    Alpha is dropped. Raises `ExtractionRefused` for a matrix that cannot be applied, or a rotation that is
    not by quarter turns.
    """
    clockwise, mirrored = quarter_turns(frame)
    cropped, shape = crop.inside(frame.width, frame.height), sar
    if cropped:
        sar = _SQUARE  # the shape of the pixels is that of what is left
    frame = to_sdr(frame, full_range=full_range_of(frame))
    matrix, _ = matrix_of(frame)
    even, width = _even(frame), display_width(frame.width, sar)
    converted = _reformatter().reformat(
        even,
        width=width if even.width == frame.width else display_width(even.width, sar),
        height=even.height,
        format="rgb24",
        src_colorspace=MATRICES[matrix],
        dst_colorspace=Colorspace.DEFAULT,
        src_color_range=ColorRange.JPEG if full_range_of(frame) else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_FLAGS,
    )
    rgb = converted.to_ndarray().astype(np.uint8, copy=False)[: frame.height, :width]
    if cropped:
        rgb = rgb[crop.top : rgb.shape[0] - crop.bottom, crop.left : rgb.shape[1] - crop.right]
        rgb = _stretched(rgb, display_width(rgb.shape[1], shape))
    if mirrored:
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(np.rot90(rgb, -clockwise))


def from_rgb(rgb: NDArray[np.uint8], like: av.VideoFrame) -> av.VideoFrame:
    """The opposite of `to_rgb` for an upright frame of square pixels: an image of the size of `like`, in its format,
    matrix and range, with its time and tags."""
    matrix, _ = matrix_of(like)
    full = full_range_of(like)
    made = _reformatter().reformat(
        VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24"),
        width=like.width,
        height=like.height,
        format=like.format.name,
        src_colorspace=Colorspace.DEFAULT,
        dst_colorspace=MATRICES[matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=_FLAGS,
    )
    made.pts, made.time_base = like.pts, like.time_base
    made.colorspace, made.color_range = like.colorspace, like.color_range
    made.color_primaries, made.color_trc = like.color_primaries, like.color_trc
    return made


def _stretched(rgb: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    if rgb.shape[1] == width:
        return rgb
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
    scaled = _reformatter().reformat(frame, width=width, height=frame.height, interpolation=_FLAGS)
    return scaled.to_ndarray().astype(np.uint8, copy=False)


def display_width(width: int, sar: Fraction) -> int:
    """The width in square pixels of an image that is `width` pixels of shape `sar` wide."""
    return max(1, round(width * sar))


def _reformatter() -> VideoReformatter:
    """Making one takes longer than a small image does. It remembers its last conversion, and is for one thread."""
    if not hasattr(_of_thread, "reformatter"):
        _of_thread.reformatter = VideoReformatter()
    found: VideoReformatter = _of_thread.reformatter
    return found


def matrix_of(frame: av.VideoFrame) -> tuple[str, bool]:
    """Return the name of the matrix to decode with, and whether the stream names it.

    Video that names none is taken for BT.709 if it is HD (at least 1280 wide or 720 high as coded), else for
    BT.601, as browsers do. Raises `ExtractionRefused` for a matrix that is not supported.
    """
    if frame.format.is_rgb:
        return "rgb", True
    if frame.colorspace == _UNTAGGED:
        return ("bt709" if frame.width >= 1280 or frame.height >= 720 else "bt601"), False
    if frame.colorspace not in _TAGS:
        raise ExtractionRefused(
            "the colours of this clip cannot be determined",
            why=f"it uses matrix coefficients {frame.colorspace} of ITU-T H.273; "
            f"supported are {', '.join(dict.fromkeys(_TAGS.values()))}",
        )
    return _TAGS[frame.colorspace], True


def chroma_position(frame: av.VideoFrame) -> tuple[int | None, int | None]:
    """Where the colour samples of a subsampled frame lie, across and down, in 256ths of a luma sample from the first:
    (0, 128) is "left", (128, 128) "center", (0, 0) "top left"; `None` where there is one for each luma sample.

    PyAV does not tell, and libswscale, which honours it, shows it: a single colour sample is converted and looked for.
    """
    small = frame.reformat(width=_PROBE, height=_PROBE, interpolation=Interpolation.POINT)
    if len(small.planes) < 3 or small.format.is_rgb:
        return None, None
    across, down = (_PROBE // size for size in (small.planes[1].width, small.planes[1].height))
    bits = small.format.components[0].bits
    for number, plane in enumerate(small.planes):
        kind = np.dtype(np.uint8 if bits == 8 else "<u2")
        values = np.full((plane.height, plane.line_size // kind.itemsize), 1 << (bits - 1), kind)
        if number == _RED_DIFFERENCE:
            values[plane.height // 2, plane.width // 2] = (1 << bits) - (1 << (bits - 4))
        plane.update(values.tobytes())
    rgb = _reformatter().reformat(
        small,
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.DEFAULT,
        interpolation=_FLAGS,
    )
    red = rgb.to_ndarray()[:, :, 0].astype(np.int64)
    red -= int(np.median(red))
    total = red.sum() or 1
    places: list[int | None] = []
    for axis, ratio in ((0, across), (1, down)):
        centre = (red.sum(axis=axis) * np.arange(_PROBE)).sum() / total
        places.append(min(256, max(0, round((centre - _PROBE // 2) * 2) * 128)) if ratio > 1 else None)
    return places[0], places[1]


def full_range_of(frame: av.VideoFrame) -> bool:
    """Return whether 0 and 255 (not 16 and 235) are black and white."""
    return (
        frame.format.is_rgb
        or frame.color_range == ColorRange.JPEG
        or frame.format.name.startswith("yuvj")  # the old way to say so
    )


def quarter_turns(frame: av.VideoFrame) -> tuple[int, bool]:
    """Return how to turn the frame upright: mirror left to right if the second is true, then so many
    quarter turns clockwise. Raises `ExtractionRefused` for any other transformation."""
    matrix = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]  # typed as a TypedDict
    if matrix is None:
        return 0, False
    # ISO 14496-12, 8.3.2: (x', y') = (a x + c y, b x + d y), y downwards; the sizes only scale.
    a, b, _, c, d = (int(np.sign(value)) for value in np.frombuffer(bytes(matrix), np.int32)[:5])
    match (a, b, c, d):
        case (1, 0, 0, 1) | (0, 0, 0, 0):
            return 0, False
        case (0, 1, -1, 0):
            return 1, False
        case (-1, 0, 0, -1):
            return 2, False
        case (0, -1, 1, 0):
            return 3, False
        case (-1, 0, 0, 1):
            return 0, True
        case (0, -1, -1, 0):
            return 1, True
        case (1, 0, 0, -1):
            return 2, True
        case (0, 1, 1, 0):
            return 3, True
    raise ExtractionRefused(
        "this clip is not upright", why="it asks to be shown turned by an angle that is not a quarter turn"
    )


def _even(frame: av.VideoFrame) -> av.VideoFrame:
    """Return the frame with one more column or row if its chroma does not divide evenly.

    libswscale stretches the chroma of odd sizes over the whole image, up to half a sample off at the far
    edge.
    """
    if len(frame.planes) < 3 or frame.format.is_rgb:
        return frame
    width, height = frame.width + frame.width % 2, frame.height + frame.height % 2
    if (width, height) == (frame.width, frame.height):
        return frame
    # Made by scaling because that keeps the frame's colour properties; the samples are then replaced by the
    # true ones.
    even = frame.reformat(width=width, height=height, interpolation=Interpolation.POINT)
    sample_bytes = (frame.format.components[0].bits + 7) // 8
    for old, new in zip(frame.planes, even.planes, strict=True):
        used = old.width * sample_bytes
        rows = np.frombuffer(memoryview(old), np.uint8).reshape(-1, old.line_size)
        wider = np.frombuffer(memoryview(new), np.uint8).reshape(-1, new.line_size)
        wider[: old.height, :used] = rows[: old.height, :used]
    return even

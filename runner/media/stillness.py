"""How much of a clip is black, and how much stands still, from frames as the decoder gives them, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.media.colour import full_range_of
from runner.media.thresholds import BLACK_AREA, BLACK_LEVEL, STILL_LEVELS

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

_COLUMNS: Final = 160
_ROWS: Final = 90
_FIELDS: Final = 10


class Stillness:
    """Counts while a clip is decoded. It looks at about 14,000 samples of luma of each frame, whatever its size."""

    def __init__(self) -> None:
        self._frames = 0
        self._black = 0
        self._held: NDArray[np.float32] | None = None
        self._run = self._longest = 0
        self._readable = True

    def see(self, frame: av.VideoFrame) -> None:
        """Take the next frame into account."""
        luma = samples(frame) if self._readable else None
        if luma is None:
            self._readable = False
            return
        self._frames += 1
        self._black += float((luma <= BLACK_LEVEL).mean()) >= BLACK_AREA
        # Compared with the frame that stands, not with the one before: what moves slowly adds up.
        if self._held is not None and change(self._held, luma) < STILL_LEVELS:
            self._run += 1
            self._longest = max(self._longest, self._run)
        else:
            self._held, self._run = luma, 0

    @property
    def black(self) -> float | None:
        """The share of black frames; `None` where the pixels cannot be looked at cheaply."""
        return round(self._black / self._frames, 3) if self._readable and self._frames else None

    @property
    def frozen(self) -> float | None:
        """The longest time that one frame stands, as a share of the clip; `None` as above, and of a single frame."""
        steps = self._frames - 1
        return round(self._longest / steps, 3) if self._readable and steps > 0 else None


def samples(frame: av.VideoFrame) -> NDArray[np.float32] | None:
    """Luma in levels from 0, black, to 255, on a grid over the frame. `None` for a format without a plane of luma."""
    parts = frame.format.components
    if frame.format.is_rgb or not parts or frame.format.is_big_endian or frame.format.is_bit_stream:
        return None
    bits, planar = parts[0].bits, frame.format.is_planar
    if not (planar or len(parts) == 1) or parts[0].plane or bits < 8:
        return None
    plane = frame.planes[0]
    depth = np.dtype(np.uint8 if bits == 8 else "<u2")
    rows: NDArray[Any] = np.frombuffer(memoryview(plane), depth)
    rows = rows.reshape(-1, plane.line_size // depth.itemsize)[: plane.height]
    down, across = max(1, plane.height // _ROWS), max(1, plane.width // _COLUMNS)
    grid: NDArray[Any] = rows[down // 2 :: down, across // 2 : plane.width : across]
    # The samples of some formats of more than 8 bits stand in the upper bits.
    top = 8 * depth.itemsize if frame.format.name.startswith("p0") else bits
    luma = grid.astype(np.float32) / np.float32(2 ** (top - 8))
    if full_range_of(frame):
        return luma
    return (luma - np.float32(16)) * np.float32(255 / 219)


def change(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The mean absolute difference in the one of about 100 fields where it is greatest; infinite between two sizes."""
    if a.shape != b.shape:
        return float("inf")
    difference = np.abs(b - a)
    height, width = (max(1, size // _FIELDS) for size in difference.shape)
    whole = difference[: difference.shape[0] // height * height, : difference.shape[1] // width * width]
    fields = whole.reshape(whole.shape[0] // height, height, whole.shape[1] // width, width)
    return float(fields.mean(axis=(1, 3)).max())

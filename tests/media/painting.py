"""Pictures that say which frame they are, and the exact arithmetic between RGB and YUV. Shares no code with
runner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 8

KR_KB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}

_COLOURS = np.array(
    [
        (200, 40, 40),
        (40, 180, 60),
        (50, 60, 210),
        (210, 190, 40),
        (190, 60, 190),
        (50, 190, 190),
        (230, 120, 30),
        (128, 128, 128),
    ],
    np.float64,
)


def picture(number: int, width: int, height: int) -> NDArray[np.float64]:
    """Paint frame `number`: saturated colours above, and below them the number in binary, white is 1."""
    cell, split = width / CELLS, height * 2 // 3
    column = np.minimum((np.arange(width) / cell).astype(int), CELLS - 1)
    rgb = np.empty((height, width, 3))
    rgb[:split] = _COLOURS[(column + number) % CELLS]
    rgb[split:] = np.where((number >> (CELLS - 1 - column)) & 1, 235.0, 20.0)[:, None]
    return rgb


def inside(width: int, height: int) -> NDArray[np.bool_]:
    """Where the colours are even, away from edges that compression and chroma sampling smear. Shape
    (height, width)."""
    cell, split, margin = width / CELLS, height * 2 // 3, 5
    x = np.arange(width) % cell
    y = np.arange(height)
    columns = (x >= margin) & (x < cell - margin)
    rows = (np.abs(y - split) >= margin) & (y >= margin) & (y < height - margin)
    return rows[:, None] & columns[None]


def read_number(rgb: NDArray[np.uint8]) -> int:
    """Read the number off an upright frame."""
    height, width = rgb.shape[:2]
    band = rgb[height * 2 // 3 + 5 : height - 5].mean(axis=(0, 2))
    centres = ((np.arange(CELLS) + 0.5) * width / CELLS).astype(int)
    levels = np.array([band[centre - 2 : centre + 3].mean() for centre in centres])
    assert not np.any(abs(levels - 128) < 60), f"the number cannot be read: {levels.round()}"
    return int("".join("1" if level > 128 else "0" for level in levels), 2)


def error(rgb: NDArray[np.uint8], number: int) -> float:
    """The mean difference in levels between an upright frame and the image that was painted."""
    height, width = rgb.shape[:2]
    mask = inside(width, height)
    return float(np.abs(rgb[mask] - picture(number, width, height)[mask]).mean())


def to_yuv(rgb: NDArray[np.float64], matrix: str, full: bool, bits: int) -> list[NDArray[np.float64]]:
    """Convert to three planes of full resolution, rounded to codes of `bits` (ITU-T H.273, 8.3)."""
    kr, kb = KR_KB[matrix]
    r, g, b = (rgb[..., channel] / 255 for channel in range(3))
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    peak, scale = (1 << bits) - 1, 1 << (bits - 8)
    if full:
        planes = [y * peak, cb * peak + 128 * scale, cr * peak + 128 * scale]
    else:
        planes = [(219 * y + 16) * scale, (224 * cb + 128) * scale, (224 * cr + 128) * scale]
    return [np.clip(np.rint(plane), 0, peak) for plane in planes]


def to_rgb(planes: list[NDArray[np.float64]], matrix: str, full: bool, bits: int) -> NDArray[np.float64]:
    """Convert three planes of full resolution to RGB of 0 to 255, not rounded: the inverse of `to_yuv`."""
    kr, kb = KR_KB[matrix]
    peak, scale = (1 << bits) - 1, 1 << (bits - 8)
    y, cb, cr = (np.asarray(plane, np.float64) for plane in planes)
    if full:
        y, cb, cr = y / peak, (cb - 128 * scale) / peak, (cr - 128 * scale) / peak
    else:
        y = (y / scale - 16) / 219
        cb, cr = (cb / scale - 128) / 224, (cr / scale - 128) / 224
    r, b = y + (2 - 2 * kr) * cr, y + (2 - 2 * kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return np.clip(np.stack([r, g, b], axis=-1) * 255, 0, 255)


def halved(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average 2x2 samples into one, as 4:2:0 chroma; the last row or column of an odd size stands for
    itself."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4


def bits_of(pix_fmt: str) -> int:
    """Return the bits a sample of a planar format: 10 for yuv420p10le."""
    depth = re.search(r"p(\d+)le$", pix_fmt)
    return int(depth[1]) if depth else 8


def frame_of(planes: list[NDArray[Any]], pix_fmt: str, width: int, height: int) -> av.VideoFrame:
    """Put planes (of the sizes that `pix_fmt` has) into a frame."""
    frame = av.VideoFrame(width, height, pix_fmt)
    dtype = np.dtype("<u2" if bits_of(pix_fmt) > 8 else "u1")
    for target, plane in zip(frame.planes, planes, strict=True):
        rows = np.zeros((target.height, target.line_size), np.uint8)
        coded = np.ascontiguousarray(np.rint(plane).astype(dtype)).view(np.uint8)
        rows[: coded.shape[0], : coded.shape[1]] = coded
        target.update(rows.tobytes())
    return frame


def painted(number: int, width: int, height: int, pix_fmt: str, matrix: str, full: bool) -> av.VideoFrame:
    """Frame `number` as a video frame."""
    y, cb, cr = to_yuv(picture(number, width, height), matrix, full, bits_of(pix_fmt))
    planes = [y, cb, cr] if "444" in pix_fmt else [y, halved(cb), halved(cr)]
    if pix_fmt.startswith("yuva"):
        planes.append(np.tile(np.linspace(0, 255, width), (height, 1)))
    return frame_of(planes, pix_fmt, width, height)

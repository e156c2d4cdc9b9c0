"""Pictures and clips made for the checks: soft scenes to start from, and clips whose frames are known."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np

from runner.media import picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.api import EncodedImage

RATE: Final = 25
_TICKS: Final = 12800  # of the time base, a second
_CELL: Final = 16
_EDGE: Final = 4  # where 4:2:0 colours of two cells mix, as the decoder likes
_ACROSS, _DOWN = 8, 6
_BITS: Final = 8
_BT709: Final = 1  # ITU-T H.273
_LIMITED: Final = 1


def still(width: int, height: int, *, seed: int, format: str) -> EncodedImage:
    """A soft hilly scene of `width` x `height` pixels, another one for each `seed`, encoded as `format`."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    scene = np.stack([60 + 120 * y, 90 + 70 * y, 170 - 90 * y], axis=2)
    for _ in range(5):
        across, down, size = random.uniform(0.1, 0.9, 3)
        blob = np.exp(-((x - across) ** 2 + (y - down) ** 2) / (0.004 + 0.03 * size))
        scene += blob[:, :, None] * random.uniform(-90, 90, 3)
    return picture.encode(np.clip(scene, 0, 255).astype(np.uint8), format)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A clip of numbered frames. `times` are in frames of 1/25 s, one for each; `turn` is degrees clockwise."""

    times: tuple[float, ...] = tuple(float(number) for number in range(24))
    b_frames: int = 0
    turn: int = 0
    sound_s: float = 0.0
    index_first: bool = False

    @property
    def last(self) -> int:
        return len(self.times) - 1


def frame(number: int, turn: int = 0) -> NDArray[np.uint8]:
    """Frame `number` as a viewer sees it: its number in the top row of cells, colours of its own below."""
    rgb = np.repeat(np.repeat(_cells(number), _CELL, axis=0), _CELL, axis=1)
    return np.ascontiguousarray(np.rot90(rgb, -turn // 90))


def difference(seen: NDArray[Any], number: int, turn: int = 0) -> float:
    """How far the worst cell of an image is from frame `number`, in 8-bit levels; 255 for another size."""
    expected = frame(number, turn)
    if seen.shape != expected.shape:
        return 255.0
    off = seen.astype(np.float64) - expected
    height, width, _ = off.shape
    cells = off.reshape(height // _CELL, _CELL, width // _CELL, _CELL, 3)
    inner = cells[:, _EDGE:-_EDGE, :, _EDGE:-_EDGE].mean(axis=(1, 3))
    return float(np.abs(inner).max())


def clip(path: Path, recipe: Recipe) -> None:
    """Encode the clip: H.264 at 128 x 96, BT.709."""
    flags = {"movflags": "+faststart"} if recipe.index_first else {}
    with av.open(str(path), "w", format="mp4", options=flags) as container:
        video = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = _ACROSS * _CELL, _DOWN * _CELL, "yuv420p"
        video.options = {
            "preset": "veryfast",
            "crf": "8",
            "g": "12",
            "bf": str(recipe.b_frames),
            "threads": "1",
        }
        video.time_base = video.codec_context.time_base = Fraction(1, _TICKS)
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        if recipe.turn:
            video.set_display_rotation(-recipe.turn)
        sound = container.add_stream("aac", rate=48000) if recipe.sound_s else None
        for number, time in enumerate(recipe.times):
            coded = _coded(number)
            coded.pts, coded.time_base = round(time * _TICKS / RATE), Fraction(1, _TICKS)
            container.mux(video.encode(coded))
        container.mux(video.encode(None))
        if sound is not None:
            _add_sound(container, sound, recipe.sound_s)


def _cells(number: int) -> NDArray[np.uint8]:
    """Colours by cell: the bits of the number on top, muted colours below, which tell one frame from the next."""
    random = np.random.default_rng(number)
    cells = random.integers(50, 200, (_DOWN, _ACROSS, 3), dtype=np.uint8)
    bits = [(number >> bit) & 1 for bit in range(_BITS)]
    cells[0] = np.array([[230 if bit else 25] * 3 for bit in bits], np.uint8)
    return cells


def _coded(number: int) -> av.VideoFrame:
    """The frame in limited-range BT.709, converted here, so that nothing that is checked made it."""
    red, green, blue = np.moveaxis(_cells(number).astype(np.float64), 2, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = (
        16 + luma * 219 / 255,
        128 + (blue - luma) / 1.8556 * 224 / 255,
        128 + (red - luma) / 1.5748 * 224 / 255,
    )
    large, *small = (np.round(plane).astype(np.uint8) for plane in planes)
    y = np.repeat(np.repeat(large, _CELL, axis=0), _CELL, axis=1)
    chroma = [np.repeat(np.repeat(plane, _CELL // 2, axis=0), _CELL // 2, axis=1) for plane in small]
    packed = np.concatenate([y, *(plane.reshape(-1, y.shape[1]) for plane in chroma)])
    made = av.VideoFrame.from_ndarray(np.ascontiguousarray(packed), format="yuv420p")
    made.colorspace, made.color_range = _BT709, _LIMITED
    return made


def _add_sound(container: Any, stream: Any, seconds: float) -> None:
    wave = np.sin(np.arange(round(48000 * seconds)) / 20).astype(np.float32) * 0.1
    for start in range(0, len(wave), 1024):
        piece = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        piece.pts, piece.rate = start, 48000
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))

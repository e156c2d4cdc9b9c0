"""Clips: the first picture, and another that wipes over it from one side. Cheap to draw and cheap to encode.

A frame differs from the one before in one narrow strip, and all frames but the first are coded coarsely: what did not
change costs next to nothing and keeps the quality of the first frame. About 0.1 s of one core for 5 s of 720p.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.testing.fake_provider import clips

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

_BT709: Final = 1  # ITU-T H.273: primaries, transfer and matrix alike
_LIMITED: Final = 1
_FULL: Final = 2  # swscale's number for the range of RGB
_FINE: Final = 14
_COARSE: Final = 34
_SKETCH: Final = 16  # a drawing is this much smaller than the frame it is blown up to
_REACH: Final = 0.7  # how far the wipe gets: the rest of the picture is handed on


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that a clip depends on, but for its pictures."""

    prompt: str
    seed: str
    duration_s: Fraction
    width: int
    height: int
    fps: int

    @property
    def frames(self) -> int:
        return max(2, round(self.duration_s * self.fps))

    def key(self, *pictures: bytes | None) -> str:
        """The same for the same clip."""
        digest = hashlib.sha256(repr(self).encode("utf-8", "surrogatepass"))
        for one in pictures:
            digest.update(b"-" if one is None else hashlib.sha256(one).digest())
        return digest.hexdigest()


def make(look: Look, first: NDArray[np.uint8] | None, last: NDArray[np.uint8] | None) -> bytes:
    """Encode the clip, from `first` to `last`; what is None is drawn from the prompt. Pictures are RGB."""
    start = _frame(look, first, "from")
    end = _frame(look, last, "to")
    edges = _edges(look, 1.0 if last is not None else _REACH)
    # The index goes in front, so that a clip cut off still opens; for that libavformat wants a file.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        import av

        with av.open(str(path), "w", format="mp4", options=options) as container:
            _write(container, look, start, end, edges)
        return path.read_bytes()


def _frame(look: Look, picture: NDArray[np.uint8] | None, part: str) -> av.VideoFrame:
    """A picture in the clip's size and colours; one that has another shape is cropped around its middle."""
    import av

    source = _sketch(look, part) if picture is None else _cropped(picture, look)
    return av.VideoFrame.from_ndarray(source, format="rgb24").reformat(
        width=look.width,
        height=look.height,
        format="yuv420p",
        dst_colorspace=_BT709,
        src_color_range=_FULL,
        dst_color_range=_LIMITED,
        interpolation="BICUBIC",
    )


def _sketch(look: Look, part: str) -> NDArray[np.uint8]:
    import numpy as np

    small = clips.Look(
        prompt=look.prompt,
        seed=f"{look.seed}/{part}",
        duration_s=1.0,
        width=max(8, look.width // _SKETCH),
        height=max(8, look.height // _SKETCH),
    )
    return np.clip(clips.drawn(small) + 0.5, 0, 255).astype(np.uint8)


def _cropped(picture: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
    import numpy as np

    height, width = picture.shape[:2]
    across = min(width, round(height * look.width / look.height))
    down = min(height, round(width * look.height / look.width))
    # Rounding of an even size is no reason to cut and to scale a picture that fits.
    if width - across <= 1 and height - down <= 1:
        return picture
    left, top = (width - across) // 2, (height - down) // 2
    return np.ascontiguousarray(picture[top : top + max(1, down), left : left + max(1, across)])


def _edges(look: Look, reach: float) -> list[int]:
    """How many columns the wipe has covered in each frame; even numbers, for the colours' half resolution."""
    steps = look.frames - 1
    return [min(look.width, round(look.width * reach * step / steps / 2) * 2) for step in range(look.frames)]


def _write(
    container: OutputContainer, look: Look, canvas: av.VideoFrame, end: av.VideoFrame, edges: list[int]
) -> None:
    stream = container.add_stream("libx264", rate=Fraction(look.frames) / look.duration_s)
    stream.width, stream.height, stream.pix_fmt = look.width, look.height, "yuv420p"
    stream.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "qp": str(_FINE),
        "bf": "0",
        "threads": "1",
        "x264-params": f"scenecut=0:subme=0:me=dia:zones=1,{look.frames},q={_COARSE}",
    }
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    to, source = _planes(canvas), _planes(end)
    from_right = hashlib.sha256(look.prompt.encode("utf-8", "surrogatepass")).digest()[0] % 2
    for number, edge in enumerate(edges):
        if number:
            for plane, (drawn, taken) in enumerate(zip(to, source, strict=True)):
                old, new = ((one if plane == 0 else one // 2) for one in (edges[number - 1], edge))
                width = drawn.shape[1]
                strip = slice(width - new, width - old) if from_right else slice(old, new)
                drawn[:, strip] = taken[:, strip]
        canvas.pts = number
        container.mux(stream.encode(canvas))
    container.mux(stream.encode(None))


def _planes(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """The frame's own memory: writing there changes the frame."""
    import numpy as np

    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]

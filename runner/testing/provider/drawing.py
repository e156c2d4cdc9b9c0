"""Clips: a given picture, towards which the camera moves while it dissolves into a scene of the prompt's own.

The first frame is the given one, and the last one, too, where it is given. About 0.7 s of one core for 5 s of 720p.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import textwrap
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.testing.provider.scenery import Scenery

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from numpy.typing import NDArray
    from PIL import Image

    Planes = list[Image.Image]  # luma, and two of chroma at half the size

_TINY: Final = 36  # pixels of the short side
_BT709: Final = 1  # ITU-T H.273: primaries, transfer and matrix alike
_LIMITED: Final = 1
_FULL: Final = 2  # swscale's number for the range of RGB
_FINE: Final = 14  # for the first frame, which is compared with the picture
_COARSE: Final = 23
_PUSH: Final = 0.05  # how fast the camera moves into a given picture: a share of its size per second
_DISSOLVE: Final = 0.55  # of the clip, at most
_DISSOLVE_S: Final = 3.0
_CAPTION: Final = 60  # characters of a prompt that are shown
_RATE: Final = 48_000
_BLOCK: Final = 1024  # samples in an AAC frame
_CHORDS: Final = ((0, 7, 12, 16), (0, 7, 14, 15), (0, 5, 12, 17), (0, 7, 11, 16))
_LOUD: Final = 0.06  # of full scale, for each note: about -20 dBFS together


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that a clip depends on, but for its pictures. Sides are even; without a title no words are shown."""

    prompt: str
    seed: str
    duration_s: Fraction
    width: int
    height: int
    fps: Fraction
    title: str = ""
    sound: bool = False

    @property
    def frames(self) -> int:
        return max(2, round(self.duration_s * self.fps))

    def key(self, *pictures: bytes | None) -> str:
        """The same for the same clip."""
        digest = hashlib.sha256(repr(self).encode("utf-8", "surrogatepass"))
        for one in pictures:
            digest.update(b"-" if one is None else hashlib.sha256(one).digest())
        return digest.hexdigest()


def even(across: float, down: float, short_side: int) -> tuple[int, int]:
    """Width and height of this ratio, both even. Raises `ZeroDivisionError` for a side of 0."""
    scale = short_side / min(across, down)
    return round(across * scale / 2) * 2, round(down * scale / 2) * 2


def tiny(
    prompt: str,
    duration_s: float,
    aspect_ratio: str = "16:9",
    *,
    seed: str = "",
    size: tuple[int, int] | None = None,
) -> Look:
    """A clip of four frames, for tests that need many. Raises `ValueError` where the aspect ratio is none."""
    try:
        across, down = (int(side) for side in aspect_ratio.split(":"))
        width, height = size or even(across, down, _TINY)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"aspect_ratio is {aspect_ratio!r}") from None
    exact_s = Fraction(duration_s).limit_denominator(1000)
    return Look(prompt=prompt, seed=seed, duration_s=exact_s, width=width, height=height, fps=4 / exact_s)


def make(look: Look, first: NDArray[np.uint8] | None, last: NDArray[np.uint8] | None) -> bytes:
    """Encode the clip, from `first` to `last`, where they are given. Pictures are RGB."""
    # The index goes in front, so that a clip cut off still opens; for that libavformat wants a file.
    options = {"movflags": "+faststart", "movie_timescale": str(_RATE), "fflags": "+bitexact"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        import av

        with av.open(str(path), "w", format="mp4", options=options) as container:
            _write(container, look, first, last)
        return path.read_bytes()


def _planes(picture: NDArray[np.uint8], look: Look) -> Planes:
    """A picture in the clip's size and colours; one that has another shape is cropped around its middle."""
    import av
    import numpy as np
    from PIL import Image

    frame = av.VideoFrame.from_ndarray(_cropped(picture, look), format="rgb24").reformat(
        width=look.width,
        height=look.height,
        format="yuv420p",
        dst_colorspace=_BT709,
        src_color_range=_FULL,
        dst_color_range=_LIMITED,
        interpolation="BICUBIC",
    )
    return [Image.fromarray(np.ascontiguousarray(one)) for one in _memory(frame)]


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


def _frames(look: Look, first: NDArray[np.uint8] | None, last: NDArray[np.uint8] | None) -> Iterator[Planes]:
    import numpy as np
    from PIL import Image

    from runner.media import Title

    scene = Scenery(f"{look.prompt}\0{look.seed}", look.width, look.height)
    title = Title(look.title, _caption(look.prompt), look.width, look.height) if look.title else None
    start, end = (None if one is None else _planes(one, look) for one in (first, last))
    dissolve_s = min(_DISSOLVE_S, _DISSOLVE * float(look.duration_s))
    step_s = float(look.duration_s / look.frames)
    last_s = step_s * (look.frames - 1)
    for number in range(look.frames):
        since, until = step_s * number, step_s * (look.frames - 1 - number)
        planes: Planes | None = None
        for still, away_s in ((start, since), (end, until)):
            share = _share(away_s / dissolve_s)
            if still is None or share >= 1:
                continue
            near = _pushed(still, away_s)
            if planes is None and share > 0:
                planes = _planes(scene.at(since), look)
            planes = near if planes is None else _blended(near, planes, share)
        if planes is None:
            planes = _planes(scene.at(since), look)
        if title is not None and (strength := title.strength(since, last_s)):
            y, u, v = (np.array(one) for one in planes)
            title.draw(y, u, v, strength)
            planes = [Image.fromarray(one) for one in (y, u, v)]
        yield planes


def _caption(prompt: str) -> str:
    """The first sentence, or as many of its words as are read at a glance."""
    sentence = re.split(r"[.!?。]\s", prompt.strip(), maxsplit=1)[0]
    return textwrap.shorten(sentence, _CAPTION, placeholder="…")


def _share(part: float) -> float:
    """How much of what follows has come in: at once, and then softly."""
    return min(1.0, 0.5 * part + 0.5 * part * part * (3 - 2 * part)) if part < 1 else 1.0


def _pushed(still: Planes, time_s: float) -> Planes:
    """The picture after moving into its middle; at 0 the picture itself."""
    from PIL import Image

    if time_s <= 0:
        return still
    cut = (1 - 1 / (1 + _PUSH * time_s)) / 2
    return [
        one.resize(
            one.size,
            Image.Resampling.BILINEAR,
            box=(one.width * cut, one.height * cut, one.width * (1 - cut), one.height * (1 - cut)),
        )
        for one in still
    ]


def _blended(one: Planes, other: Planes, share: float) -> Planes:
    from PIL import Image

    return [Image.blend(a, b, share) for a, b in zip(one, other, strict=True)]


def _write(
    container: OutputContainer, look: Look, first: NDArray[np.uint8] | None, last: NDArray[np.uint8] | None
) -> None:
    import av
    import numpy as np

    rate = Fraction(look.frames) / look.duration_s
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = look.width, look.height, "yuv420p"
    stream.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "qp": str(_FINE),
        "bf": "0",
        "threads": "1",
        "x264-params": f"scenecut=0:subme=1:me=dia:zones=1,{look.frames},q={_COARSE}",
    }
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    sound = _sound(container, look) if look.sound else iter(())
    for number, planes in enumerate(_frames(look, first, last)):
        frame = av.VideoFrame(look.width, look.height, "yuv420p")
        for target, plane in zip(_memory(frame), planes, strict=True):
            target[...] = np.asarray(plane)
        frame.pts, frame.colorspace, frame.color_range = number, _BT709, _LIMITED
        container.mux(stream.encode(frame))
        # A second of sound beside a second of pictures, as players like to find them.
        for _ in range(round(_RATE / _BLOCK / rate)):
            container.mux(next(sound, []))
    container.mux(stream.encode(None))
    for packets in sound:
        container.mux(packets)


def _memory(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """The frame's own memory: writing there changes the frame."""
    import numpy as np

    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]


def _sound(container: OutputContainer, look: Look) -> Iterator[list[Packet[AudioStream]]]:
    """A soft chord of the prompt's own, as long as the pictures, block by block."""
    import av

    stream = container.add_stream("aac", rate=_RATE, options={"threads": "1", "aac_coder": "fast"})
    stream.codec_context.layout = "mono"

    def packets() -> Iterator[list[Packet[AudioStream]]]:
        samples = _chord(look)
        for start in range(0, samples.shape[1], _BLOCK):
            block = av.AudioFrame.from_ndarray(
                samples[:, start : start + _BLOCK], format="fltp", layout="mono"
            )
            block.sample_rate, block.time_base, block.pts = _RATE, Fraction(1, _RATE), start
            yield stream.encode(block)
        yield stream.encode(None)

    return packets()


def _chord(look: Look) -> NDArray[np.float32]:
    import numpy as np

    digest = hashlib.sha256(look.prompt.encode("utf-8", "surrogatepass")).digest()
    root = 110 * 2 ** (digest[0] % 10 / 12)
    place = np.arange(round(look.duration_s * _RATE), dtype=np.float32)
    ends = np.clip(np.minimum(place, place[::-1]) / min(0.4 * _RATE, len(place) / 4), 0, 1)
    turn = place * np.float32(2 * np.pi / _RATE)
    notes = _CHORDS[digest[1] % len(_CHORDS)]
    # They swell one after the other.
    sound = sum(
        (0.6 + 0.4 * np.sin(turn * np.float32(0.09 + 0.02 * number) + number))
        * np.sin(turn * np.float32(root * 2 ** (note / 12)))
        for number, note in enumerate(notes)
    )
    return np.asarray(_LOUD * sound * ends * ends * (3 - 2 * ends), np.float32)[None, :]

"""Tiny clips: four frames of H.264 that start from a given picture, or from one drawn for the prompt."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

    from runner.testing.fake_provider.script import Behaviour

_FRAMES: Final = 4
_SHORT_SIDE: Final = 36
_BT709: Final = 1  # ITU-T H.273: primaries, transfer and matrix alike
_LIMITED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that a clip depends on, but for its first frame."""

    prompt: str
    seed: str
    duration_s: float
    width: int
    height: int

    @classmethod
    def of(cls, body: Mapping[str, Any], behaviour: Behaviour) -> Look:
        """Raises `ValueError` where the aspect ratio is none."""
        width, height = behaviour.clip_size or _size(str(body.get("aspect_ratio") or "16:9"))
        return cls(
            prompt=str(body.get("prompt", "")),
            seed=f"{body.get('seed')}/{body.get('take')}/{body.get('model')}",
            duration_s=behaviour.clip_duration_s or float(body["duration_s"]),
            width=width,
            height=height,
        )

    def digest(self, image: bytes | None) -> str:
        """The name of the clip: the same for the same look and first frame."""
        return hashlib.sha256(repr(self).encode() + b"\0" + (image or b"")).hexdigest()[:32]


def make(look: Look, image: bytes | None) -> bytes:
    """Encode the clip; the same bytes for the same input. Raises `OSError` where `image` is not a picture."""
    import numpy as np

    own = drawn(look)
    first = own if image is None else _fitted(image, look)
    moves = [np.roll(own, shift, axis=1) for shift in (0, 2, 4, 6)]
    shares = [0.0, 0.25, 0.5, 0.7] if image is not None else [1.0] * _FRAMES
    return _encoded(
        [first * (1 - share) + move * share for share, move in zip(shares, moves, strict=True)], look
    )


def _size(aspect_ratio: str) -> tuple[int, int]:
    try:
        across, down = (int(side) for side in aspect_ratio.split(":"))
        scale = _SHORT_SIDE / min(across, down)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"aspect_ratio is {aspect_ratio!r}") from None
    return round(across * scale / 2) * 2, round(down * scale / 2) * 2


def drawn(look: Look) -> NDArray[np.float64]:
    """Waves around mid-grey and a soft tint, from prompt and seed; long enough to survive 4:2:0."""
    import numpy as np

    digest = hashlib.sha256(f"{look.prompt}\0{look.seed}".encode()).digest()
    x = np.linspace(0, 2 * np.pi, look.width, endpoint=False)[None, :, None]
    y = np.linspace(0, 2 * np.pi, look.height, endpoint=False)[:, None, None]
    turns = [byte / 256 * 2 * np.pi for byte in digest]
    waves = np.sin((1 + digest[5] % 3) * x + turns[0]) + np.cos((1 + digest[6] % 2) * y + turns[1])
    tint = np.sin(x + np.array(turns[2:5]))
    return np.asarray(128 + 36 * waves + 14 * tint, dtype=np.float64)


def _fitted(image: bytes, look: Look) -> NDArray[np.float64]:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        picture = opened.convert("RGB")
    if picture.size != (look.width, look.height):
        picture = picture.resize((look.width, look.height), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.float64)


def _encoded(frames: list[NDArray[np.float64]], look: Look) -> bytes:
    import av

    rate = Fraction(_FRAMES) / Fraction(look.duration_s).limit_denominator(1000)
    # The index goes in front, so that a clip cut off still opens; for that libavformat wants a file.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options=options) as container:
            _write(container, frames, rate, look)
        return path.read_bytes()


def _write(container: OutputContainer, frames: list[NDArray[np.float64]], rate: Fraction, look: Look) -> None:
    import av
    import numpy as np

    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = look.width, look.height, "yuv420p"
    stream.options = {"preset": "veryfast", "qp": "6", "bf": "0", "threads": "1"}
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    for rgb in frames:
        frame = av.VideoFrame.from_ndarray(np.clip(rgb + 0.5, 0, 255).astype(np.uint8), format="rgb24")
        container.mux(
            stream.encode(
                frame.reformat(
                    format="yuv420p", dst_colorspace=_BT709, src_color_range=2, dst_color_range=_LIMITED
                )
            )
        )
    container.mux(stream.encode(None))

"""The still that a film ends with, as a clip of the film's size and rate."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from PIL import Image

from .clip import look
from .pieces import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .pieces import Look

_CRF: Final = "4"  # it is encoded once more with the film
_NOTE: Final = "the end card is made of a still"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Card:
    """A still image, uint8 RGB of shape (height, width, 3), shown for `duration_s`.

    For `fade_s` of that the film dissolves into it. It is fitted into the film's frame, on black.
    """

    image: NDArray[Any]
    duration_s: float
    fade_s: float = 0.0


@contextlib.contextmanager
def card_span(card: Card, film: Look, folder: Path) -> Iterator[Span]:
    """The card as a span of a clip, which is in `folder` as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{secrets.token_hex(8)}.card.mp4"
    frames = max(1, round(Fraction(card.duration_s) * film.fps))
    try:
        _write(path, _fitted(card.image, film), frames, film.fps)
        clip = look(path)
        fade = round(Fraction(card.fade_s) * film.fps)
        yield Span(clip=clip, start=0, end=frames, number=-1, note=_NOTE, fade=fade)
    finally:
        path.unlink(missing_ok=True)


def _fitted(image: NDArray[Any], film: Look) -> NDArray[np.uint8]:
    """The image as large as it can be in the film's frame, in the middle, on black."""
    width, height = film.width & ~1, film.height & ~1
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    whole = Image.new("RGB", (width, height))
    shown = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    whole.paste(shown, ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(whole)


def _write(path: Path, image: NDArray[np.uint8], frames: int, fps: Fraction) -> None:
    shown = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
    )
    with av.open(str(path), "w", format="mp4") as film:
        track = film.add_stream("libx264", rate=fps, options={"crf": _CRF, "preset": "veryfast"})
        track.height, track.width = image.shape[:2]
        track.pix_fmt = "yuv420p"
        context = track.codec_context
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        for number in range(frames):
            shown.pts, shown.time_base = number, 1 / fps
            film.mux(track.encode(shown))
        film.mux(track.encode(None))

"""The lower third of a clip: a line in small spaced capitals, a larger one below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import lettering

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FADE_S: Final = 0.5
_WHITE: Final = 235


class Title:
    """Drawn over the bottom left corner of images in luma and half-size chroma, BT.709, limited range.

    Of the texts stands what Pillow's own font can show; nothing where that is nothing.
    """

    def __init__(self, small: str, large: str, width: int, height: int) -> None:
        ink = _ink(lettering.legible(small), lettering.legible(large), width, height)
        shade = ink.filter(ImageFilter.GaussianBlur(max(1.0, min(width, height) / 90)))
        box = shade.getbbox() or (0, 0, 2, 2)
        left, top = box[0] // 2 * 2, box[1] // 2 * 2
        right, bottom = min(width, (box[2] + 1) // 2 * 2), min(height, (box[3] + 1) // 2 * 2)
        self._box = (left, top, right, bottom)
        self._ink = _share(ink.crop(self._box))
        self._shade = np.clip(_share(shade.crop(self._box)) * 1.1, 0, 0.45)

    def draw(self, y: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8], strength: float) -> None:
        """Put the title onto an image, which is changed; `strength` is 0 to 1."""
        if strength <= 0:
            return
        left, top, right, bottom = self._box
        ink, shade = self._ink * np.float32(strength), self._shade * np.float32(strength)
        box = y[top:bottom, left:right]
        dark = box - (box - np.float32(16)) * shade
        box[...] = dark + (_WHITE - dark) * ink + np.float32(0.5)
        grey = np.maximum(ink, shade)[::2, ::2]
        for plane in (u, v):
            box = plane[top // 2 : bottom // 2, left // 2 : right // 2]
            box[...] = box + (128 - box.astype(np.float32)) * grey + np.float32(0.5)

    @staticmethod
    def strength(time_s: float, last_s: float) -> float:
        """How strong it stands at a time of a clip whose last frame is at `last_s`: not at all at both ends.

        The first and the last frame are handed over.
        """
        fade = min(_FADE_S, last_s / 4)
        if fade <= 0:
            return 0.0
        share = min(1.0, (time_s - fade / 2) / fade, (last_s - time_s) / fade)
        return share * share * (3 - 2 * share) if share > 0 else 0.0


def _share(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image, np.float32) / np.float32(255)


def _ink(small: str, large: str, width: int, height: int) -> Image.Image:
    image = Image.new("L", (width, height), 0)
    short = min(width, height)
    left, room = round(short * 0.065), round(width - short * 0.13)
    base = round(height - short * 0.075)
    if large:
        text, size = _fitted(large[:1].upper() + large[1:], round(short * 0.062), room)
        lettering.draw(image, (left, base), text, size, fill=235)
    if small:
        line = base - round(short * 0.070)
        thick = max(1, round(short * 0.0028))
        box = (left + 1, line, left + round(short * 0.10), line + thick - 1)
        ImageDraw.Draw(image).rectangle(box, fill=220)
        size, gap = max(6, round(short * 0.024)), short * 0.007
        text = _cut(small.upper(), size, room, gap)
        lettering.draw(image, (left + 1, line - round(short * 0.016)), text, size, fill=205, gap=gap)
    return image


def _fitted(text: str, size: int, room: int) -> tuple[str, int]:
    """Smaller letters for a longer text, down to half the size; then it is cut."""
    smallest = max(6, size // 2)
    for points in range(max(size, smallest), smallest - 1, -1):
        if lettering.length(text, points) <= room:
            return text, points
    return _cut(text, smallest, room), smallest


def _cut(text: str, size: int, room: int, gap: float = 0.0) -> str:
    """As much of a text as there is room for, with `gap` pixels after each letter."""

    def fits(part: str) -> bool:
        return lettering.length(part, size) + gap * len(part) <= room

    if fits(text):
        return text
    end = len(text)
    while end and not fits(text[:end].rstrip() + "…"):
        end -= 1
    return text[:end].rstrip() + "…"

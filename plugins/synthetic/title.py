"""The lower third: the sequence in small spaced capitals, the shot's name below it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .planes import Planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FADE_S: Final = 0.5
_WHITE: Final = 235


class Title:
    """Drawn over the bottom left corner; gone in the first and the last frame, which are handed over."""

    def __init__(self, sequence: str, shot: str, width: int, height: int) -> None:
        ink = _ink(legible(sequence), legible(shot), width, height)
        shade = ink.filter(ImageFilter.GaussianBlur(max(1.0, min(width, height) / 90)))
        box = shade.getbbox() or (0, 0, 2, 2)
        left, top = box[0] // 2 * 2, box[1] // 2 * 2
        right, bottom = min(width, (box[2] + 1) // 2 * 2), min(height, (box[3] + 1) // 2 * 2)
        self._box = (left, top, right, bottom)
        self._ink = _share(ink.crop(self._box))
        self._shade = np.clip(_share(shade.crop(self._box)) * 1.1, 0, 0.45)

    def draw(self, planes: Planes, strength: float) -> Planes:
        """The image with the title on it; `strength` is 0 to 1."""
        if strength <= 0:
            return planes
        planes = Planes(*(plane.copy() for plane in planes))
        left, top, right, bottom = self._box
        ink, shade = self._ink * np.float32(strength), self._shade * np.float32(strength)
        box = planes.y[top:bottom, left:right]
        dark = box - (box - np.float32(16)) * shade
        box[...] = dark + (_WHITE - dark) * ink + np.float32(0.5)
        grey = np.maximum(ink, shade)[::2, ::2]
        for plane in (planes.u, planes.v):
            box = plane[top // 2 : bottom // 2, left // 2 : right // 2]
            box[...] = box + (128 - box.astype(np.float32)) * grey + np.float32(0.5)
        return planes


def strength(time_s: float, last_s: float) -> float:
    """How strong the title stands at a time of a clip whose last frame is at `last_s`."""
    fade = min(_FADE_S, last_s / 4)
    if fade <= 0:
        return 0.0
    share = min(1.0, (time_s - fade / 2) / fade, (last_s - time_s) / fade)
    return share * share * (3 - 2 * share) if share > 0 else 0.0


def legible(name: str) -> str:
    """A name in the letters that the built-in font has: others are transliterated, pictographs left out."""
    text = unicodedata.normalize("NFC", name).replace("_", " ")
    words = "".join(char if _drawable(char) else _latin(char) for char in text)
    return " ".join(words.split())


def _latin(char: str) -> str:
    latin: str = anyascii(char)
    if latin.startswith(":"):
        return ""
    return latin + " " if unicodedata.category(char) == "Lo" and len(latin) > 1 else latin


@lru_cache(maxsize=4096)
def _drawable(char: str) -> bool:
    if char.isspace():
        return True
    if not char.isprintable() or unicodedata.combining(char):
        return False
    font = ImageFont.load_default(24)
    return bytes(font.getmask(char)) != bytes(font.getmask("\U0010ffff"))


def _share(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image, np.float32) / np.float32(255)


def _ink(sequence: str, shot: str, width: int, height: int) -> Image.Image:
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    short = min(width, height)
    left, room = round(short * 0.065), round(width - short * 0.13)
    base = round(height - short * 0.075)
    name, font = _fitted(shot[:1].upper() + shot[1:], round(short * 0.062), room)
    draw.text((left, base), name, fill=235, font=font, anchor="ls")
    line = base - round(short * 0.066)
    thick = max(1, round(short * 0.0028))
    draw.rectangle((left + 1, line, left + round(short * 0.10), line + thick - 1), fill=220)
    small = ImageFont.load_default(max(6, round(short * 0.024)))
    x = float(left + 1)
    for char in _cut(sequence.upper(), small, room, gap=room * 0.012):
        draw.text((x, line - round(short * 0.016)), char, fill=205, font=small, anchor="ls")
        x += small.getlength(char) + short * 0.007
    return image


def _fitted(text: str, size: int, room: int) -> tuple[str, Font]:
    """Smaller letters for a longer text, down to half the size; then it is cut."""
    smallest = max(6, size // 2)
    for points in range(max(size, smallest), smallest - 1, -1):
        font = ImageFont.load_default(points)
        if font.getlength(text) <= room:
            return text, font
    return _cut(text, font, room), font


def _cut(text: str, font: Font, room: int, gap: float = 0.0) -> str:
    """As much of a text as there is room for, with `gap` pixels after each letter."""

    def fits(part: str) -> bool:
        return font.getlength(part) + gap * len(part) <= room

    if fits(text):
        return text
    length = len(text)
    while length and not fits(text[:length].rstrip() + "…"):
        length -= 1
    return text[:length].rstrip() + "…"

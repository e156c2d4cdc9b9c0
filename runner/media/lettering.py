"""Text in the font that comes with Pillow: what it can show of a text, and how that is drawn.

The font has the letters of ASCII. Accents are drawn above and below them; what it has no letters for is left out, and
never spelt in others.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_OUT: Final = "…"
"""Stands for words that cannot be shown."""

_FINE: Final = 4  # letters are drawn this much larger, and scaled down
_PEN: Final = 0.065
# Strokes as points in units of the font's size: from the middle of the letter, and up from its top or its bottom.
_ABOVE: Final[dict[str, tuple[tuple[tuple[float, float], ...], ...]]] = {
    "\u0300": (((-0.10, 0.22), (0.05, 0.10)),),
    "\u0301": (((0.10, 0.22), (-0.05, 0.10)),),
    "\u0302": (((-0.13, 0.09), (0, 0.21), (0.13, 0.09)),),
    "\u0303": (((-0.14, 0.11), (-0.07, 0.17), (0.06, 0.11), (0.14, 0.17)),),
    "\u0304": (((-0.13, 0.14), (0.13, 0.14)),),
    "\u0306": (((-0.13, 0.20), (-0.06, 0.12), (0.06, 0.12), (0.13, 0.20)),),
    "\u0307": (((0, 0.14), (0, 0.15)),),
    "\u0308": (((-0.11, 0.14), (-0.11, 0.15)), ((0.11, 0.14), (0.11, 0.15))),
    "\u030a": (((0, 0.08), (-0.08, 0.11), (-0.08, 0.19), (0, 0.22), (0.08, 0.19), (0.08, 0.11), (0, 0.08)),),
    "\u030b": (((0.02, 0.22), (-0.09, 0.10)), ((0.17, 0.22), (0.06, 0.10))),
    "\u030c": (((-0.13, 0.21), (0, 0.09), (0.13, 0.21)),),
}
_BELOW: Final = {
    "\u0323": (((0, -0.12), (0, -0.13)),),
    "\u0326": (((0.02, -0.10), (-0.04, -0.21)),),
    "\u0327": (((0, 0), (0.05, -0.10), (0, -0.18), (-0.08, -0.18)),),
    "\u0328": (((0.10, 0), (0.04, -0.10), (0.10, -0.17), (0.17, -0.15)),),
}
# Across the letter: up from the base line.
_STROKE: Final = "\u0338"
_ACROSS: Final = {
    "o": (((-0.24, -0.02), (0.24, 0.54)),),
    "O": (((-0.32, -0.02), (0.32, 0.74)),),
    "l": (((-0.11, 0.27), (0.11, 0.43)),),
    "L": (((-0.29, 0.25), (0.03, 0.47)),),
    "d": (((-0.04, 0.61), (0.32, 0.61)),),
    "D": (((-0.38, 0.36), (-0.04, 0.36)),),
}
_MARKS: Final = {*_ABOVE, *_BELOW}
_SPELT: Final = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i", "×": "x", "•": "·",
    "ø": "o\u0338", "Ø": "O\u0338", "đ": "d\u0338", "Đ": "D\u0338", "ł": "l\u0338", "Ł": "L\u0338",
}  # fmt: skip


def legible(text: str) -> str:
    """What can be shown of a text: `LEFT_OUT` for words in other scripts; pictographs are not shown at all.

    Empty where no letter or digit is left.
    """
    shown = "".join(_shown(char) for char in unicodedata.normalize("NFC", text).replace("_", " "))
    words: list[str] = []
    for word in shown.split():
        # A word in other letters goes as a whole, with the letters in between that could be shown.
        kept = LEFT_OUT if "\0" in word else word
        if kept != LEFT_OUT or words[-1:] != [LEFT_OUT]:
            words.append(kept)
    return " ".join(words) if any(char.isalnum() for char in "".join(words)) else ""


def _shown(char: str) -> str:
    """A character in what the font has; NUL where it has nothing for a letter."""
    if char.isspace():
        return " "
    if char in _SPELT:
        return _SPELT[char]
    if all(part in _MARKS or _in_font(part) for part in _parts(char)):
        return char
    kind = unicodedata.category(char)
    if kind == "Pd":
        return "-"
    plain = unicodedata.normalize("NFKC", char)
    if plain != char:
        return "".join(_shown(part) for part in plain)
    return "\0" if kind[0] in "LMN" else ""


def _parts(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow has it with FreeType"
    return font


@lru_cache(maxsize=4096)
def _in_font(char: str) -> bool:
    if not char.isprintable() or unicodedata.combining(char):
        return False
    font = _font(24)
    return bytes(font.getmask(char)) != bytes(font.getmask("\U0010ffff"))


def length(text: str, size: float) -> float:
    """How wide a legible text is, in pixels."""
    bare = "".join(letter for letter, _ in _letters(text))
    return float(_font(size * _FINE).getlength(bare)) / _FINE


def draw(
    image: Image.Image, at: tuple[float, float], text: str, size: float, fill: int, gap: float = 0
) -> None:
    """Draw a legible text onto an image of mode "L": its base line starts `at`; `gap` pixels follow each letter."""
    font = _font(size * _FINE)
    width = min(image.width, round(at[0] + length(text, size) + gap * len(text) + size))
    large = Image.new("L", (width * _FINE, round(size * 2) * _FINE), 0)
    pen = ImageDraw.Draw(large)
    x, base = at[0] * _FINE, round(size * 1.5) * _FINE
    before = ""
    for letter, marks in _letters(text):
        # From the start of the text, for the kerning.
        place = x + font.getlength(before + letter) - font.getlength(letter) + gap * _FINE * len(before)
        pen.text((place, base), letter, fill=255, font=font, anchor="ls")
        _mark(pen, (place, base), letter, marks, size * _FINE)
        before += letter
    small = large.reduce(_FINE)
    image.paste(fill, (0, round(at[1]) - base // _FINE), small)


def _letters(text: str) -> Iterator[tuple[str, str]]:
    """Each letter with its marks."""
    letter, marks = "", ""
    for part in _parts(text):
        if unicodedata.combining(part):
            marks += part
            continue
        if letter:
            yield letter, marks
        letter, marks = part, ""
    if letter:
        yield letter, marks


def _mark(pen: ImageDraw.ImageDraw, at: tuple[float, float], letter: str, marks: str, size: float) -> None:
    font = _font(size)
    left, top, right, _ = font.getbbox(letter, anchor="ls")
    middle, above = at[0] + (left + right) / 2, at[1] + top
    if letter in "ij" and any(mark in _ABOVE for mark in marks):
        above = at[1] + font.getbbox("x", anchor="ls")[1]
        pen.rectangle((at[0] + left - 1, at[1] - size, at[0] + right + 1, above - 1), fill=0)
    for mark in marks:
        if mark in _ABOVE:
            strokes, level = _ABOVE[mark], above
            above -= 0.17 * size  # a second one stands on the first
        else:
            strokes, level = _ACROSS[letter] if mark == _STROKE else _BELOW[mark], at[1]
        for stroke in strokes:
            _stroke(pen, [(middle + x * size, level - y * size) for x, y in stroke], _PEN * size)


def _stroke(pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], wide: float) -> None:
    pen.line(points, fill=255, width=max(1, round(wide)), joint="curve")
    for x, y in points:
        pen.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)

"""What captions show of texts in any script, and that accents are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from runner.media import lettering


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("opening", "opening"),
        ("night_drive", "night drive"),
        ("東京の夜", ""),
        ("Москва", ""),
        ("مرحبا", ""),
        ("Αθήνα", ""),
        ("서울 2", "… 2"),
        ("東京 at night", "… at night"),
        ("東京 の 夜 at night", "… at night"),
        ("東京at night", "… night"),
        ("from Москва to Αθήνα", "from … to …"),
        ("🎬 opening 🚀", "opening"),
        ("👩‍👩‍👧", ""),
        ("...", ""),
        ("dawn – dusk", "dawn - dusk"),
        ("Ｏｐｅｎ", "Open"),
        ("Straße, œuvre", "Strasse, oeuvre"),
        ("Łódź", "L\u0338ódź"),
        ("cafe\u0301", "café"),
        ("a\x00b\n\tc\ud800", "ab c"),
        ("\u0301", ""),
        ("x" * 9999, "x" * 9999),
    ],
)
def test_of_a_text_stands_what_the_font_has_and_nothing_is_spelt_in_other_letters(
    text: str, shown: str
) -> None:
    assert lettering.legible(text) == shown


def drawn(text: str, gap: float = 0) -> np.ndarray:
    image = Image.new("L", (400, 80))
    lettering.draw(image, (10, 60), text, 40, fill=255, gap=gap)
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("letter", "éèêñāăėëåőčçąşț")
def test_an_accent_is_drawn_over_or_under_its_letter(letter: str) -> None:
    import unicodedata

    base = unicodedata.normalize("NFD", letter)[0]
    added = drawn(letter) - drawn(base)

    rows, columns = np.nonzero(added > 100)
    low = letter in "çąşț"
    assert rows.size > 4
    assert (rows.min() > 50) if low else (rows.max() < 40)
    ink = np.nonzero(drawn(base).max(axis=0))[0]
    assert ink.min() - 3 <= columns.min()
    assert columns.max() <= ink.max() + 5
    assert added.min() > -100, "the letter itself stays"


def test_an_i_gives_its_dot_for_an_accent() -> None:
    dotted, accented = drawn("i"), drawn("ï")
    middle = np.nonzero(dotted.max(axis=0))[0].mean().round().astype(int)

    assert dotted[:40, middle].max() > 200
    assert accented[:36, middle].max() < 100


def test_accents_follow_spaced_letters_and_take_no_room() -> None:
    assert lettering.length("Überfahrt", 40) == lettering.length("Uberfahrt", 40)
    added = drawn("aaaé", gap=10) - drawn("aaae", gap=10)
    ink = np.nonzero(drawn("aaae", gap=10).max(axis=0))[0]

    assert np.nonzero(added.max(axis=0) > 100)[0].min() > ink.max() - 25

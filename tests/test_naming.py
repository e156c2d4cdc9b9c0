"""Names as people type them, made safe for disks."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.naming import LONGEST, slug, slugs

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
LOOKALIKES = st.sampled_from(
    ["pour", "Pour", "POUR", "pour!", "pöur", "pour ", " pour", "p\u200bour", "ｐｏｕｒ", "../pour"]
)
NAMES = st.lists(st.one_of(ANY_TEXT, LOOKALIKES), unique=True, max_size=12)
RESERVED: Final = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"com{n}" for n in range(10)),
    *(f"lpt{n}" for n in range(10)),
}


@given(NAMES)
@example(["a", "a-ca9781"])  # the second is what the first would become
@example(["A", "a", "a-559aea", "a-559aead"])  # the last two are what A would become
@example(["x" * 10_000, "x" * 9_999, "x" * 10_000 + "!"])
@example(["日" * 500, "日" * 501])
@example(["é", "e\u0301", "e"])
@example(["😀", "😀😀", "\ud800"])
@example(["", ".", "..", "/", "\\", "\x00", "-", "_"])
@example(["COM1", "com¹", "con", "Con", "nul.txt"])
@example(["שלום", "مرحبا", "\u202eabc"])
def test_names_get_slugs_that_differ_and_are_safe_on_any_disk(names: list[str]) -> None:
    found = slugs(names)

    assert list(found) == names
    assert len({text.casefold() for text in found.values()}) == len(names)
    for text in found.values():
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text), text
        assert text not in RESERVED
        assert len(text) <= LONGEST


@given(NAMES)
def test_the_same_names_get_the_same_slugs_each_time(names: list[str]) -> None:
    assert slugs(names) == slugs(tuple(names))


@given(NAMES, st.from_regex(r"[a-z0-9]{1,9}(?:[-_][a-z0-9]{1,9}){0,3}", fullmatch=True))
@example(["Pour", "pour!"], "pour")
def test_a_name_that_is_its_own_slug_keeps_it_whatever_else_there_is(names: list[str], own: str) -> None:
    expected = own if own not in RESERVED else slugs([own])[own]

    assert slugs([*(name for name in names if name != own), own])[own] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opening", "opening"),
        ("Opening Shot", "opening-shot"),
        ("../../etc/passwd", "etc-passwd"),
        ("Zürich café", "zurich-cafe"),
        ("日本語", "ribenyu"),
        ("😀", "grinning"),
        ("under_score", "under_score"),
        ("--a--", "a"),
    ],
)
def test_a_slug_can_be_read(name: str, expected: str) -> None:
    assert expected == slugs([name])[name]


def test_a_long_name_is_cut_without_a_sign_left_hanging() -> None:
    text = "x" * (LONGEST - 1) + " tail"

    assert slug(text) == "x" * (LONGEST - 1)


@given(ANY_TEXT, st.integers(1, 60))
def test_a_plain_slug_is_never_longer_than_asked(text: str, longest: int) -> None:
    assert re.fullmatch(rf"[a-z0-9_-]{{0,{longest}}}", slug(text, longest=longest))


def test_the_first_of_two_that_share_a_slug_keeps_it() -> None:
    assert slugs(["Pour", "pour!"])["Pour"] == "pour"


def test_a_thousand_names_alike_are_told_apart() -> None:
    names = [f"shot{'!' * count}" for count in range(1, 1001)]

    assert len(set(slugs(names).values())) == 1000

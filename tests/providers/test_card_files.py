"""Files of model cards: every mistake in them is reported with its file and line, all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.providers import CardFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = """\
lake-1:
  about: lakes
  text: &text
    id: lake-1-text
    duration: {values: [5]}
  image:
    <<: *text
    id: lake-1-image
    first_frame: {field: image_url, type: text}
"""


@pytest.fixture
def problems(tmp_path: Path) -> Callable[..., dict[str, tuple[str, str, str]]]:
    """Message, allowed value and line of each problem in files of cards, by the key that it is about."""

    def found(*texts: str) -> dict[str, tuple[str, str, str]]:
        files = []
        for number, text in enumerate(texts):
            file = tmp_path / f"{number}.yaml"
            file.write_text(text, encoding="utf-8")
            files.append(str(file))
        cards = CardFolder(generator="lakes", folder=tmp_path / "shipped")
        with pytest.raises(ConfigError) as raised:
            cards.catalogue(files)
        return {
            one.key: (one.message, one.allowed, one.source.removeprefix(f"{tmp_path}/"))
            for one in raised.value.problems
        }

    return found


def test_all_mistakes_of_all_files_are_reported_together(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    first = GOOD.replace("about:", "abuot:").replace("[5]", "[5], hihg: 3")
    second = "river-1:\n  about: rivers\n  text:\n    id: river\n    prompt_max: many\n"

    found = problems(first, second)

    assert found == {
        "lake-1.about": ("is required", "", "0.yaml:1"),
        "lake-1.abuot": ("there is no such key", "did you mean about?", "0.yaml:2"),
        # What is merged in is reported where it is written.
        "lake-1.text.duration.hihg": ("there is no such key", "did you mean high?", "0.yaml:5"),
        "lake-1.image.duration.hihg": ("there is no such key", "did you mean high?", "0.yaml:5"),
        "river-1.text.prompt_max": (
            "should be a valid integer, unable to parse string as an integer",
            "",
            "1.yaml:5",
        ),
    }


def test_a_mistake_beside_a_merge_is_reported_where_it_is(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    found = problems(GOOD.replace("id: lake-1-text", "id: lake-1-text\n    seed: s") + "    seed: [1]\n")

    assert found == {"lake-1.image.seed": ("should be a valid string", "", "0.yaml:11")}


def test_a_key_that_stands_twice_is_reported_at_any_depth(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    found = problems(
        GOOD.replace("    id: lake-1-image\n", "    id: a\n    id: b\n")
        + "lake-1: {about: again, text: {id: c}}\n"
    )

    assert found["lake-1.image.id"] == ("stands twice, first in line 8", "", "0.yaml:9")
    assert found["lake-1"] == ("stands twice, first in line 1", "", "0.yaml:11")


def test_a_key_beside_a_merge_replaces_what_is_merged_in(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")

    card = CardFolder(generator="lakes", folder=tmp_path).catalogue().cards["lake-1"]

    assert card.image is not None
    assert card.image.id == "lake-1-image"
    assert card.image.duration is not None
    assert card.image.duration.values == (5,)


@pytest.mark.parametrize(
    ("text", "key", "message", "line"),
    [
        ("lake-1: [\n", "0.yaml", "did not find expected node content", 2),
        ("lake-1\n", "0.yaml", "should be a valid dictionary", 1),
        ("lake-1:\n", "lake-1", "should be a dictionary or an instance of ModelCard", 1),
        ("lake-1:\n  about: lakes\n", "lake-1", "expected a variant: `text`, `image`, or both", 1),
        (
            "lake-1:\n  about: lakes\n  text: {id: a, duration: {low: 9, high: 3}}\n",
            "lake-1.text.duration",
            "expected `values`, or `low` and `high`, in seconds",
            3,
        ),
        (
            GOOD + "    prices:\n      - {usd: 1}\n      - {usd: much}\n",
            "lake-1.image.prices.1.usd",
            "should be a valid decimal",
            12,
        ),
        (
            GOOD + "    params:\n      style: {values: [[1]]}\n",
            "lake-1.image.params.style.values.0",
            "should be a valid string",
            11,
        ),
        (
            GOOD + "    aspect_ratio: {field: ratio, values: {16:9: wide}}\n",
            "lake-1.image.aspect_ratio.values",
            "should be a valid string",
            10,
        ),
        ("lake-1: {about: \x00}\n", "0.yaml", "control characters are not allowed", 0),
    ],
)
def test_a_mistake_is_reported_at_its_line(
    problems: Callable[..., dict[str, tuple[str, str, str]]], text: str, key: str, message: str, line: int
) -> None:
    found = problems(text)

    assert list(found) == [key]
    assert message in found[key][0]
    assert found[key][2] == (f"0.yaml:{line}" if line else "0.yaml")


def test_a_model_in_two_files_is_reported_with_both_places(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    found = problems(GOOD, f"# mine\n{GOOD}")

    assert found["lake-1"][0].endswith("0.yaml:1")
    assert found["lake-1"][2] == "1.yaml:2"


def test_a_price_in_credits_is_a_mistake_where_the_provider_has_none(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    found = problems(GOOD + "    prices:\n      - {credits_per_s: 4}\n")

    assert found == {"lake-1.image.prices.0": ("this provider has no credits", "usd, usd_per_s", "0.yaml:11")}


def test_an_unknown_key_within_a_list_or_a_mapping_is_a_mistake(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    prices = "    prices:\n      - {usd_per_sec: 1}\n"
    params = "    params:\n      sound: {tpye: flag}\n      high: {lwo: 1}\n"

    found = problems(GOOD + prices + params)

    unknown = "there is no such key"
    assert found == {
        "lake-1.image.prices.0.usd_per_sec": (unknown, "did you mean usd_per_s?", "0.yaml:11"),
        "lake-1.image.params.sound.tpye": (unknown, "did you mean type?", "0.yaml:13"),
        "lake-1.image.params.high.lwo": (unknown, "did you mean low?", "0.yaml:14"),
    }


def test_a_rule_about_a_field_that_is_never_sent_is_a_mistake(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    prices = "    prices:\n      - {when: {durration: 5}, usd: 1}\n"
    conflicts = "    conflicts:\n      - {when: {x: 1}, key: a, because: b}\n"

    found = problems(GOOD + prices + conflicts)

    never = "names no field of this variant, so the rule would never apply"
    assert found == {
        "lake-1.image.prices.0.when.durration": (never, "did you mean duration?", "0.yaml:11"),
        "lake-1.image.conflicts.0.when.x": (never, "duration, image_url, prompt", "0.yaml:13"),
    }


def test_a_card_that_refers_to_itself_is_a_mistake(
    problems: Callable[..., dict[str, tuple[str, str, str]]],
) -> None:
    assert list(problems("lake-1: &a\n  about: lakes\n  text: *a\n")) == ["0.yaml"]


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        CardFolder(generator="lakes", folder=tmp_path).catalogue([str(tmp_path / "none.yaml")])

    (problem,) = raised.value.problems
    assert (problem.message, problem.source) == ("No such file or directory", str(tmp_path / "none.yaml"))


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    cards = CardFolder(generator="lakes", folder=tmp_path / "shipped")
    file.write_text(GOOD, encoding="utf-8")
    assert cards.models([str(file)]) == {"lake-1": "lakes"}

    file.write_text(GOOD.replace("lakes", "wide lakes"), encoding="utf-8")

    assert cards.models([str(file)]) == {"lake-1": "wide lakes"}

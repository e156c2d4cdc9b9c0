"""How shots are read: names, ratios, boundaries, images, and whose keys count."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
import yaml

from runner.config.project import Boundary

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.config.project import Project
    from tests.config.conftest import Found
    from tests.conftest import Workplace

    Describe = Callable[[str], str]
    Problems = Callable[..., dict[str, Found]]
    Read = Callable[[str], tuple[Project | None, dict[str, Found]]]

GOOD = "project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}, two: {prompt: q}}}}\n"


def png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" + bytes(6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("names", "key", "message"),
    [
        ("{one: {prompt: p}, One: {prompt: q}}", "One", "looks the same as 'one'"),
        ("{é: {prompt: p}, e\u0301: {prompt: q}}", "e\u0301", "looks the same as 'é'"),
        ("{'a ': {prompt: p}, a: {prompt: q}}", "a", "looks the same as 'a '"),
        ("{' ': {prompt: p}}", " ", "a name needs letters"),
        ("{'..': {prompt: p}}", "..", "a name needs letters"),
        (r'{"a\nb": {prompt: p}}', r"a\nb", "a name cannot hold control characters"),
        ("{yes: {prompt: p}}", "True", "YAML reads this name as true"),
        (f"{{{'x' * 201}: {{prompt: p}}}}", "x" * 201, "a name is at most 200 characters long"),
    ],
)
def test_a_name_that_cannot_be_told_apart_or_read_is_refused(
    read: Read, names: str, key: str, message: str
) -> None:
    _, shots = read(f"project: {{name: film}}\nsequences: {{main: {{shots: {names}}}}}\n")
    _, sequences = read(f"project: {{name: film}}\nsequences: {names.replace('prompt: ', 'shots: ')}\n")

    assert shots[f"sequences.main.shots.{key}"].message == message
    assert sequences[f"sequences.{key}"].message == message


@pytest.mark.parametrize("name", [" ", "...", "a\tb", "x" * 201])
def test_a_film_has_a_name_that_can_be_read(read: Read, name: str) -> None:
    _, found = read(yaml.safe_dump(yaml.safe_load(GOOD) | {"project": {"name": name}}))

    assert set(found) == {"project.name"}


def test_names_may_be_any_unicode_and_numbers(describe: Describe, workplace: Workplace) -> None:
    project = describe("""\
project: {name: 映画 🎬}
sequences:
  1:
    shots:
      1: {prompt: p}
      ../2: {prompt: q}
      שלום: {prompt: r}
  2.5: {shots: {01: {prompt: s}}}
""")

    answer = workplace.run("plan", project, "sequences.1.shots.1.duration_s=2", "--json")

    assert answer.code == 0, answer.err
    found = answer.json
    assert {name: [shot["shot"] for shot in shots] for name, shots in found["sequences"].items()} == {
        "1": ["1", "../2", "שלום"],
        "2.5": ["1"],
    }
    assert found["sequences"]["1"][0]["duration_s"] == 2
    assert found["sequences"]["1"][0]["prompt"] == "p"
    assert found["folder"].startswith("outputs/ying")


def test_an_unquoted_aspect_ratio_is_understood(describe: Describe, workplace: Workplace) -> None:
    project = describe(
        f"shot:\n  aspect_ratio: 16:9\n{GOOD.replace('prompt: q', 'prompt: q, aspect_ratio: 9:16')}"
    )

    shots = workplace.run("plan", project, "--json").json["sequences"]["main"]

    assert [shot["aspect_ratio"] for shot in shots] == ["16:9", "9:16"]


@pytest.mark.parametrize("image", ["~nobody_at_all/a.png", "a\0b.png", "x" * 5000, ".", "no/such.png"])
def test_a_picture_that_cannot_be_is_named(read: Read, image: str) -> None:
    shots = {"a": {"prompt": "p", "image": image}}
    _, found = read(yaml.safe_dump({"project": {"name": "film"}, "sequences": {"main": {"shots": shots}}}))

    assert set(found) == {"sequences.main.shots.a.image"}


def test_a_picture_is_found_beside_the_file_that_names_it_or_in_the_current_folder(
    describe: Describe, problems: Problems, workplace: Workplace
) -> None:
    workplace.write("conf/project/beside.png", png())
    workplace.write("here.png", png())
    beside = describe(GOOD.replace("prompt: p", "prompt: p, image: beside.png"))

    for words in (
        (beside,),
        (beside, "sequences.main.shots.one.image=here.png"),
        (beside, f"sequences.main.shots.one.image='{workplace.path / 'here.png'}'"),
    ):
        assert workplace.run("plan", *words).code == 0
    # An override is typed in the current folder, not beside the file.
    assert set(problems(beside, "sequences.main.shots.one.image=beside.png")) == {
        "sequences.main.shots.one.image"
    }


def test_a_truncated_picture_is_no_picture(read: Read, workplace: Workplace) -> None:
    workplace.write("cut.png", png()[:-20])

    _, found = read(GOOD.replace("prompt: p", "prompt: p, image: cut.png"))

    assert found["sequences.main.shots.one.image"].message == "this png image is truncated or damaged"


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [
        ("null", "null", [Boundary.CUT, Boundary.CHAIN]),
        ("chain", "null", [Boundary.CUT, Boundary.CHAIN]),
        ("cut", "null", [Boundary.CUT, Boundary.CUT]),
        ("cut", "chain", [Boundary.CUT, Boundary.CHAIN]),
    ],
)
def test_a_default_boundary_speaks_for_the_shots_that_have_one_before_them(
    read: Read, default: str, own: str, expected: list[Boundary]
) -> None:
    text = GOOD.replace("prompt: q", f"prompt: q, boundary: {own}")

    project, found = read(f"shot: {{boundary: {default}}}\n{text}")

    assert not found
    assert project is not None
    assert [shot.boundary for shot in project.sequences[0].shots] == expected


def test_a_default_boundary_image_asks_each_shot_for_its_picture(read: Read) -> None:
    _, found = read(f"shot: {{boundary: image}}\n{GOOD}")

    assert set(found) == {"sequences.main.shots.one.image", "sequences.main.shots.two.image"}


def test_shot_over_sequence_over_project(describe: Describe, workplace: Workplace) -> None:
    project = describe("""\
project: {name: film, style: In oil.}
shot: {seed: 1, duration_s: 2, fps: 10, params: {a: 1, b: 1, c: 1}}
generator: {params: {a: 0, z: 0}}
sequences:
  main:
    shot: {duration_s: 3, fps: 12, params: {b: 2, c: 2}}
    shots:
      one: {prompt: " p ", fps: 15, params: {c: 3}}
      two: {prompt: q, seed: null}
""")

    one, two = workplace.run("plan", project, "generator.params.a=0", "--json").json["sequences"]["main"]

    assert (one["seed"], one["duration_s"], one["fps"]) == (1, 3, 15)
    assert one["params"] == {"a": 1, "b": 2, "c": 3, "z": 0}
    assert one["prompt"] == "p. In oil."
    assert (two["seed"], two["fps"]) == (None, 12)


@pytest.mark.parametrize("name", ["yes", "No", "off", "true"])
def test_a_word_that_yaml_reads_is_named_as_it_is_written_with_its_line(
    describe: Describe, problems: Problems, name: str
) -> None:
    project = describe(
        f"project: {{name: film}}\nsequences:\n  main:\n    shots:\n      {name}:\n        prompt: p\n"
    )

    found = problems(project)[f"sequences.main.shots.{name}"]

    assert found.message.startswith("YAML reads this name as ")
    assert found.allowed == f'the name in quotes: "{name}"'
    assert found.source == "conf/project/film.yaml:6"


def test_a_prompt_that_yaml_reads_as_a_truth_is_named_with_its_line(
    describe: Describe, problems: Problems
) -> None:
    project = describe(
        "project: {name: film}\nsequences:\n  main:\n    shots:\n      a:\n        prompt: yes\n"
    )

    found = problems(project)["sequences.main.shots.a.prompt"]

    assert "put it in quotes" in found.message
    assert found.source == "conf/project/film.yaml:7"

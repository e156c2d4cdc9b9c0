"""Everything that can be wrong with the description of a film, and the place that each error names."""

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


def test_all_problems_of_a_film_are_reported_together_each_with_its_place(
    describe: Describe, problems: Problems, workplace: Workplace
) -> None:
    workplace.write("conf/project/words.txt", "no picture")
    project = describe("""\
project:
  name: film
  author: me
shot:
  duration_s: 0.01
  seed: -1
continuity: {fallback: cry}
generator: {refarme: 2}
output: {roots: here}
sequences:
  main:
    shto: {}
    shot:
      resolution: huge
    shots:
      one:
        boundary: chain
        prompt: p
      two:
        promt: q
      three:
        prompt: r
        boundary: jump
        image: nowhere.png
      four:
        prompt: s
        image: words.txt
        generator: closeup
      five:
        prompt: t
        boundary: image
      six:
        prompt: u
        boundary: cut
        image: words.txt
  empty: {}
""")

    found = problems(project, "limits.in_flight=0")

    assert {key: (problem.message, problem.source) for key, problem in found.items()} == {
        "project.author": ("there is no such key", "conf/project/film.yaml:4"),
        "shot.duration_s": ("synthetic cannot make this", "conf/project/film.yaml:6"),
        "shot.seed": ("should be greater than or equal to 0", "conf/project/film.yaml:7"),
        "continuity.fallback": ("should be 'text_to_video' or 'none'", "conf/project/film.yaml:8"),
        "generator.refarme": ("there is no such key", "conf/project/film.yaml:9"),
        "output.roots": ("there is no such key", "conf/project/film.yaml:10"),
        "limits.in_flight": ("should be greater than or equal to 1", "command line: limits.in_flight=0"),
        "sequences.main.shto": ("there is no such key", "conf/project/film.yaml:13"),
        "sequences.main.shot.resolution": (
            "should be the short side, such as 720p (or 2K, 4K where the model has it)",
            "conf/project/film.yaml:15",
        ),
        "sequences.main.shots.one.boundary": (
            "the first shot has none before it",
            "conf/project/film.yaml:18",
        ),
        "sequences.main.shots.two.promt": ("there is no such key", "conf/project/film.yaml:21"),
        "sequences.main.shots.two.prompt": ("is required", "conf/project/film.yaml:20"),
        "sequences.main.shots.three.boundary": (
            "should be 'chain', 'cut' or 'image'",
            "conf/project/film.yaml:24",
        ),
        "sequences.main.shots.three.image": ("there is no such file", "conf/project/film.yaml:25"),
        "sequences.main.shots.four.image": (
            "this is not a picture that can be used",
            "conf/project/film.yaml:28",
        ),
        "sequences.main.shots.four.generator": (
            "there is no generator with this label",
            "conf/project/film.yaml:29",
        ),
        "sequences.main.shots.five.image": (
            "is required where the boundary is image",
            "conf/project/film.yaml:30",
        ),
        "sequences.main.shots.six.boundary": (
            "an image is given, and would not be used",
            "conf/project/film.yaml:35",
        ),
        "sequences.main.shots.six.image": (
            "this is not a picture that can be used",
            "conf/project/film.yaml:36",
        ),
        "sequences.empty.shots": ("there is no shot", "conf/project/film.yaml:37"),
    }
    assert found["generator.refarme"].allowed == "did you mean reframe?"
    assert found["sequences.main.shots.two.promt"].allowed == "did you mean prompt?"
    assert found["sequences.main.shto"].allowed in ("did you mean shot?", "did you mean shots?")
    assert found["output.roots"].allowed == "did you mean root?"
    assert found["shot.duration_s"].value == "0.01"
    assert found["shot.duration_s"].allowed == "0.1 to 600 s"
    assert str(workplace.path / "conf/project") in found["sequences.main.shots.three.image"].allowed


def test_nothing_is_written_while_there_is_a_problem(
    describe: Describe, problems: Problems, workplace: Workplace
) -> None:
    before = set(workplace.path.rglob("*"))

    problems(describe(GOOD), "shot.take=0")

    assert {path.name for path in set(workplace.path.rglob("*")) - before} <= {"film.yaml", "project", "conf"}


@pytest.mark.parametrize("level", ["sequences.main.shots.one", "sequences.main.shot", "shot"])
def test_a_value_that_a_generator_cannot_make_is_blamed_on_who_set_it(
    describe: Describe, problems: Problems, level: str
) -> None:
    found = problems(describe(GOOD), f"{level}.duration_s=9999")

    assert {f"{level}.duration_s"} == set(found)
    assert found[f"{level}.duration_s"].source == f"command line: {level}.duration_s=9999"


def test_a_value_of_a_file_below_the_project_is_blamed_on_that_file(
    workplace: Workplace, problems: Problems
) -> None:
    workplace.write("conf/project/house.yaml", "# @package _global_\nshot:\n  fps: 24\n  take: none\n")
    workplace.write(
        "conf/project/film.yaml",
        f"# @package _global_\ndefaults: [house, _self_]\nshot: {{seed: x}}\n{GOOD}",
    )

    found = problems("+project=film")

    assert {key: problem.source for key, problem in found.items()} == {
        "shot.take": "conf/project/house.yaml:4",
        "shot.seed": "conf/project/film.yaml:3",
    }


def test_a_value_of_a_plugins_profile_is_blamed_on_the_profile(
    describe: Describe, workplace: Workplace, problems: Problems
) -> None:
    workplace.write("conf/generator/mine.yaml", "plugin: synthetic\nreframe: large\n")

    found = problems(describe(GOOD), "generator=mine", "+generator@generators.second=mine")

    assert {key: problem.source for key, problem in found.items()} == {
        "generator.reframe": "conf/generator/mine.yaml:2",
        "generators.second.reframe": "conf/generator/mine.yaml:2",
    }


def test_a_bundled_value_is_blamed_on_the_bundled_file(describe: Describe, problems: Problems) -> None:
    found = problems(describe(GOOD), "~generator.plugin", "extractor.plugin=pyva")

    assert found["generator.plugin"].message == "is required"
    assert found["extractor.plugin"].message == "there is no such extractor"
    assert found["extractor.plugin"].allowed.startswith("did you mean pyav?")


@pytest.mark.parametrize(
    ("names", "key", "message"),
    [
        ("{one: {prompt: p}, One: {prompt: q}}", "One", "is the same name as 'one' to a person"),
        ("{é: {prompt: p}, e\u0301: {prompt: q}}", "e\u0301", "is the same name as 'é' to a person"),
        ("{'a ': {prompt: p}, a: {prompt: q}}", "a", "is the same name as 'a ' to a person"),
        ("{' ': {prompt: p}}", " ", "a name needs letters"),
        ("{'..': {prompt: p}}", "..", "a name needs letters"),
        (r'{"a\nb": {prompt: p}}', r"a\nb", "a name cannot hold control characters"),
        ("{yes: {prompt: p}}", "True", "YAML reads this name as True"),
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


@pytest.mark.parametrize(
    "body",
    [GOOD, GOOD.replace("project: {name: film}\n", "name: film\n"), "shot: {seed: 1}\n"],
    ids=["all", "flat name", "shot only"],
)
def test_a_project_file_without_its_header_is_told_which(workplace: Workplace, body: str) -> None:
    workplace.write("conf/project/film.yaml", body)

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "# @package _global_" in answer.err
    assert "conf/project/film.yaml:" in answer.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("project: {name: film}\nsequences: [a: {\n", ["cannot be read", "film.yaml", "line 4"]),
        ("project: {name: film}\nproject: {name: twice}\n", ["duplicate key project", "film.yaml", "line 3"]),
        ("project:\n\tname: film\n", ["cannot be read", "film.yaml", "line 3"]),
        ("- a\n- b\n", ["project/film", "ListConfig"]),
        ("", ["project.name: is required", "sequences: there is no sequence"]),
        ("project: {name: film}\n", ["sequences: there is no sequence"]),
        ("project: {name: film}\nsequences: [one, two]\n", ["project/film", "ListConfig"]),
        ("projct: {name: film}\n", ["did you mean project?", "film.yaml:2"]),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    describe: Describe, workplace: Workplace, text: str, expected: list[str]
) -> None:
    answer = workplace.run("plan", describe(text))

    assert answer.code == 2
    for part in expected:
        assert part in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("sequences: {main: text}", "sequences.main", "should be a mapping of keys"),
        ("sequences: {main: {shots: [{prompt: p}]}}", "sequences.main.shots", "should be a valid dictionary"),
        ("sequences: {main: {shots: {a: p}}}", "sequences.main.shots.a", "should be a mapping of keys"),
        ("sequences: text", "sequences", "should be a mapping of names"),
        ("generators: [a]", "generators", "should be a mapping of names"),
        ("generator: synthetic", "generator", "should be a mapping with a key `plugin`"),
        ("uploader: null", "uploader", "should be a mapping with a key `plugin`"),
        ("extractor: {plugin: 3}", "extractor.plugin", "should be a valid string"),
        ("shot: 3", "shot", "should be a mapping of keys"),
        ("plugins: {block: 3}", "plugins.block", "should be a valid tuple"),
        ("project: {name: [film]}", "project.name", "should be a valid string"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(read: Read, text: str, key: str, message: str) -> None:
    _, found = read(yaml.safe_dump(yaml.safe_load(GOOD) | yaml.safe_load(text)))

    assert found[key].message == message


def test_a_file_that_is_not_utf8_is_named(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yaml", "# @package _global_\nproject: {name: é}\n".encode("latin-1"))

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "film.yaml is not UTF-8 text" in answer.err


def test_a_folder_is_no_project(workplace: Workplace) -> None:
    workplace.write("conf/project/film/cut.yaml", f"# @package _global_\n{GOOD}")

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "there is no project named film" in answer.err
    assert "film/cut" in answer.err
    assert workplace.run("plan", "+project=film/cut").code == 0


def test_a_file_with_the_other_ending_is_told_to_be_renamed(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yml", f"# @package _global_\n{GOOD}")

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "film.yml is not read" in answer.err
    assert "rename it to film.yaml" in answer.err


def test_all_references_to_nothing_are_named(describe: Describe, problems: Problems) -> None:
    references = {
        "${oc.env:NO_SUCH_VARIABLE}": "'NO_SUCH_VARIABLE' not found",
        "${shot.nothing}": "'shot.nothing' not found",
        "${sequences.main.shots.s2.prompt}": "Recursive interpolation",
        "${no_such_resolver:1}": "no_such_resolver",
    }
    shots = "".join(f"   s{at}: {{prompt: '{text}'}}\n" for at, text in enumerate(references))

    found = problems(describe(f"project: {{name: film}}\nsequences:\n main:\n  shots:\n{shots}"))

    assert list(found) == [f"sequences.main.shots.s{at}.prompt" for at in range(4)]
    for at, (problem, message) in enumerate(zip(found.values(), references.values(), strict=True)):
        assert message in problem.message
        assert problem.source == f"conf/project/film.yaml:{at + 6}"


def test_a_broken_reference_is_named(describe: Describe, workplace: Workplace) -> None:
    answer = workplace.run("plan", describe(GOOD.replace("prompt: p", "prompt: '${'")))

    assert answer.code == 2
    assert "sequences.main.shots.one.prompt" in answer.err


def test_references_are_resolved(describe: Describe, workplace: Workplace) -> None:
    project = describe(GOOD.replace("prompt: p", "prompt: '${project.name} at ${shot.fps}'"))

    answer = workplace.run(
        "plan", project, "sequences.main.shots.two.prompt=${sequences.main.shots.one.prompt}", "--json"
    )

    assert [shot["prompt"] for shot in answer.json["sequences"]["main"]] == ["film at 24", "film at 24"]


def test_values_left_to_be_filled_in_are_all_named(describe: Describe, problems: Problems) -> None:
    found = problems(describe(GOOD.replace("prompt: p", "prompt: '???', seed: '???'")))

    assert {key: problem.message for key, problem in found.items()} == {
        "sequences.main.shots.one.prompt": "has to be filled in",
        "sequences.main.shots.one.seed": "has to be filled in",
    }
    assert "sequences.main.shots.one.prompt=" in found["sequences.main.shots.one.prompt"].allowed


def test_text_that_is_not_text_is_named(describe: Describe, problems: Problems) -> None:
    project = describe(GOOD)

    found = problems(project, "sequences.main.shots.one.prompt='\udcff'", "shot.params={a: ['\udcff']}")

    assert {key: problem.message for key, problem in found.items()} == {
        "sequences.main.shots.one.prompt": "holds bytes that are not text",
        "shot.params.a": "holds bytes that are not text",
    }


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

    assert found["sequences.main.shots.one.image"].message == "this png picture is truncated or damaged"


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
    assert one["prompt"] == "p In oil."
    assert (two["seed"], two["fps"]) == (None, 12)


def test_an_override_is_shown_as_it_was_typed(
    describe: Describe, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SEED", "nine")

    found = problems(describe(GOOD), "shot.seed=${oc.env:MY_SEED}")

    assert found["shot.seed"].value == "'nine'"
    assert found["shot.seed"].source == "command line: shot.seed=${oc.env:MY_SEED}"


def test_a_retired_model_is_blamed_on_who_chose_it(
    describe: Describe, problems: Problems, workplace: Workplace
) -> None:
    workplace.write(
        "plugins/past.py",
        """\
from datetime import date
from runner.api import *

@hookimpl
def runner_register():
    return GeneratorSpec(
        name="past",
        factory=print,
        capabilities=lambda options, model, how: GeneratorCapabilities(retired=date(2020, 1, 1)),
    )
""",
    )
    workplace.write("conf/generator/past.yaml", "plugin: past\nmodel: p-1\n")
    project = describe("project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}}}}\n")

    chosen = problems(project, "generator=past")
    labelled = problems(project, "+generator@generators.b=past", "sequences.main.shots.one.generator=b")
    own = problems(project, "generator=past", "sequences.main.shots.one.model=p-2")

    assert {key: problem.source for key, problem in chosen.items()} == {
        "generator.model": "conf/generator/past.yaml:2"
    }
    assert {key: problem.source for key, problem in labelled.items()} == {
        "generators.b.model": "conf/generator/past.yaml:2"
    }
    assert set(own) == {"sequences.main.shots.one.model"}
    assert "past with model p-1 was retired on 2020-01-01" in chosen["generator.model"].message

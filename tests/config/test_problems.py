"""Everything that can be wrong with the description of a film, all of it told together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.config.project import Project
    from tests.config.conftest import Found
    from tests.conftest import Workplace

    Describe = Callable[[str], str]
    Problems = Callable[..., dict[str, Found]]
    Read = Callable[[str], tuple[Project | None, dict[str, Found]]]

GOOD = "project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}, two: {prompt: q}}}}\n"


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
            "this is not an image that can be used",
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
            "this is not an image that can be used",
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


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("sequences: {main: text}", "sequences.main", "should be a mapping of keys"),
        (
            "sequences: {main: {shots: [{prompt: p}]}}",
            "sequences.main.shots",
            "should be a mapping, not a list; write NAME: in place of each -",
        ),
        ("sequences: {main: {shots: {a: p}}}", "sequences.main.shots.a", "should be a mapping of keys"),
        ("sequences: text", "sequences", "should be a mapping of names"),
        ("generators: [a]", "generators", "should be a mapping of names"),
        ("generator: synthetic", "generator", "should be a mapping with a key `plugin`"),
        ("uploader: null", "uploader", "should be a mapping with a key `plugin`"),
        ("extractor: {plugin: 3}", "extractor.plugin", "should be a valid string"),
        ("shot: 3", "shot", "should be a mapping of keys"),
        ("plugins: {block: 3}", "plugins.block", "should be a valid tuple"),
        (
            "project: {name: [film]}",
            "project.name",
            "should be one text; put a text with [ ] { } or a colon in quotes",
        ),
        ("project: {name: yes}", "project.name", "YAML reads this as true, not as text; put it in quotes"),
        (
            "project: {name: film, style: off}",
            "project.style",
            "YAML reads this as false, not as text; put it in quotes",
        ),
        ("shot: {resolution: 1080}", "shot.resolution", "should have a letter: 1080p"),
        ("shot: {resolution: '720'}", "shot.resolution", "should have a letter: 720p"),
        ("shot: {resolution: 4}", "shot.resolution", "should have a letter: 4K"),
        (
            "generator: {plugin: synthetic, params: [a]}",
            "generator.params",
            "should be a mapping, not a list; write NAME: in place of each -",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(read: Read, text: str, key: str, message: str) -> None:
    _, found = read(yaml.safe_dump(yaml.safe_load(GOOD) | yaml.safe_load(text)))

    assert found[key].message == message


def test_all_references_to_nothing_are_named(describe: Describe, problems: Problems) -> None:
    references = {
        "${shot.nothing}": "'shot.nothing' not found",
        "${sequences.main.shots.s1.prompt}": "Recursive interpolation",
    }
    shots = "".join(f"   s{at}: {{prompt: '{text}'}}\n" for at, text in enumerate(references))

    found = problems(describe(f"project: {{name: film}}\nsequences:\n main:\n  shots:\n{shots}"))

    assert list(found) == [f"sequences.main.shots.s{at}.prompt" for at in range(2)]
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

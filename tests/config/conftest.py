"""What tests of the configuration share: a project file as text, and the problems that `plan` reports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from runner import bundle, plugins
from runner.config import validate
from runner.config.compose import Composed
from runner.config.origins import Origins

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.config.project import Project
    from runner.plugins import Registry
    from tests.conftest import Answer, Workplace


class Found(NamedTuple):
    """One reported problem."""

    message: str
    value: str
    allowed: str
    source: str


Problems = dict[str, Found]


def read_problems(text: str) -> Problems:
    """Problems by key, from what was printed."""
    found = {}
    for block in re.split(r"^- ", text, flags=re.MULTILINE)[1:]:
        key, _, message = block.splitlines()[0].partition(": ")
        details = {
            label: match.group(1).strip()
            if (match := re.search(rf"^    {label}: (.*)$", block, re.MULTILINE))
            else ""
            for label in ("value", "allowed", "set in")
        }
        found[key] = Found(message, details["value"], details["allowed"], details["set in"])
    return found


@pytest.fixture
def describe(workplace: Workplace) -> Callable[[str], str]:
    """Write conf/project/film.yaml; returns the override that selects it."""

    def write(text: str) -> str:
        workplace.write("conf/project/film.yaml", f"# @package _global_\n{text}")
        return "+project=film"

    return write


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The bundled plugins."""
    return plugins.load([])


@pytest.fixture
def read(registry: Registry) -> Callable[[str], tuple[Project | None, Problems]]:
    """Check a film without Hydra: its keys over the bundled defaults."""

    def checked(text: str) -> tuple[Project | None, Problems]:
        config = yaml.safe_load((bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8"))
        del config["defaults"]
        for group, name in (("generator", "synthetic"), ("extractor", "pyav"), ("uploader", "local_http")):
            config[group] = {"plugin": name}
        config |= yaml.safe_load(text)
        composed = Composed(config=config, as_written={}, overrides=(), origins=Origins(), job=None)
        project, reader = validate.read(composed, registry)
        return project, read_problems("".join(f"- {problem}\n" for problem in reader.problems))

    return checked


@pytest.fixture
def problems(workplace: Workplace) -> Callable[..., Problems]:
    """Plan, expecting a refusal: the problems by key."""

    def plan(*words: str) -> Problems:
        answer = workplace.run("plan", *words)
        refused(answer)
        return read_problems(answer.err)

    return plan


def refused(answer: Answer) -> None:
    """A user's mistake ends with 2, on stderr, in our own words, without a traceback."""
    assert answer.code == 2, answer.out + answer.err
    assert answer.err.startswith("runner: ")
    assert "Traceback" not in answer.err
    assert "Error executing job" not in answer.err
    assert answer.out == ""

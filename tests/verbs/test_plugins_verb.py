"""`runner plugins`: what is registered, from where, with which options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Workplace

MINE = """\
import os
from dataclasses import dataclass, field

from runner.api import *


@dataclass(frozen=True)
class Options:
    folder: str
    speed: float = 1.5
    api_key: str = field(default_factory=lambda: "hunter2")
    home: str = field(default_factory=lambda: os.environ["NO_SUCH_VARIABLE"])
    made: str = field(default="", init=False)


@hookimpl
def runner_register():
    return [
        GeneratorSpec(
            name="mine",
            factory=print,
            options=Options,
            summary="draws mine",
            capabilities=GeneratorCapabilities(request=RequestLimits(durations_s=(5.0, 10.0), aspect_ratios=("1:1",))),
        ),
        UploaderSpec(
            name="mine",
            factory=print,
            options=Options,
            capabilities=lambda options: UploaderCapabilities(reach=Reach(options.nothing)),
        ),
    ]
"""


def test_all_plugins_are_listed_with_capabilities_options_and_place(workplace: Workplace) -> None:
    file = workplace.write("plugins/mine.py", MINE)

    answer = workplace.run("plugins", "--json")

    assert answer.code == 0, answer.err
    found = {(one["kind"], one["name"]): one for one in answer.json["plugins"]}
    assert {("generator", "synthetic"), ("extractor", "pyav"), ("uploader", "local_http")} <= set(found)
    assert found["generator", "mine"] == {
        "kind": "generator",
        "name": "mine",
        "summary": "draws mine",
        "from": "folder",
        "place": str(file),
        "capabilities": {
            "start from": "text",
            "durations": "5, 10 s",
            "aspect ratios": "1:1",
            "resolutions": "any",
        },
        "options": {
            "folder": {"type": "str", "default": "(required)"},
            "speed": {"type": "float", "default": "1.5"},
            "api_key": {"type": "str", "default": "(hidden)"},
            "home": {"type": "str", "default": "(computed)"},
        },
        "models": {},
    }
    # Its capabilities cannot be told without options.
    assert found["uploader", "mine"]["capabilities"] == {}
    assert found["uploader", "local_http"]["capabilities"] == {"addresses": "loopback"}
    assert (answer.json["broken"], answer.json["blocked"], answer.json["without_plugins"]) == ([], [], [])


def test_the_list_can_be_read(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", MINE)

    answer = workplace.run("plugins")

    assert answer.code == 0
    for text in (
        "generator mine",
        "draws mine",
        "generator.speed=1.5",
        "durations: 5, 10 s",
        "from bundled",
        "none or submit or running or after",
        "list of str",
    ):
        assert text in answer.out
    assert "hunter2" not in answer.out


def test_broken_idle_and_blocked_plugins_are_listed_and_the_others_too(workplace: Workplace) -> None:
    bad = workplace.write("plugins/bad.py", "\n1 / 0\n")
    idle = workplace.write("plugins/idle.py", "")
    workplace.write("plugins/noisy.py", "raise AssertionError('imported')\n")

    answer = workplace.run("plugins", "plugins.block=[noisy, synthetic]", "--json")

    assert answer.code == 2
    assert len(answer.json["broken"]) == 1
    assert f"{bad}:2" in answer.json["broken"][0]
    assert answer.json["without_plugins"] == [str(idle)]
    assert answer.json["blocked"] == ["synthetic", "noisy"]
    assert "local_http" in [one["name"] for one in answer.json["plugins"]]
    shown = workplace.run("plugins", "plugins.block=noisy")
    assert shown.code == 2
    for text in ("broken: plugin bad cannot be loaded", "registers nothing", "blocked: noisy"):
        assert text in shown.out


def test_plugins_of_other_folders_are_listed(workplace: Workplace) -> None:
    file = workplace.write("more/mine.py", MINE)

    answer = workplace.run("plugins", "plugins.dirs=[more,nowhere]", "--json")

    assert [Path(one["place"]) for one in answer.json["plugins"] if one["name"] == "mine"] == [file, file]


def test_other_words_are_refused(workplace: Workplace) -> None:
    answer = workplace.run("plugins", "shot.seed=1")

    assert answer.code == 2
    assert "'shot.seed=1'" in answer.err


def test_a_broken_plugin_stops_a_plan_and_says_how_to_go_on(workplace: Workplace) -> None:
    project = workplace.project({"main": {"a": "p"}})
    file = workplace.write("plugins/bad.py", "\n1 / 0\n")

    answer = workplace.run("plan", project)

    assert answer.code == 2
    for text in ("plugin bad", f"{file}:2", "ZeroDivisionError", "plugins.block=[bad]"):
        assert text in answer.err
    assert workplace.run("plan", project, "plugins.block=[bad]").code == 0


def test_an_option_whose_default_fails_is_the_plugins_fault(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", MINE)
    project = workplace.project({"main": {"a": "p"}})

    answer = workplace.run("plan", project, "generator=mine", "generator.folder=x")

    assert answer.code == 2
    for text in ("runner.plugins.mine.Options", "KeyError", "NO_SUCH_VARIABLE"):
        assert text in answer.err


def test_a_plugin_can_be_chosen_by_its_name_and_by_a_profile(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", MINE)
    workplace.write("conf/generator/square.yaml", "plugin: mine\nfolder: here\nhome: h\n")
    project = workplace.project({"main": {"a": "p"}}, shot={"duration_s": 5, "aspect_ratio": "1:1"})

    profiled = workplace.run("plan", project, "generator=square", "--json")
    named = workplace.run(
        "plan", project, "generator=mine", "generator.folder=here", "generator.home=h", "--json"
    )

    assert profiled.json["sequences"]["main"][0]["generator"] == "mine"
    assert profiled.json["key"] == named.json["key"]


def test_missing_and_unknown_options_of_a_plugin_are_named(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", MINE.replace("folder: str", "count: int\n    folder: str"))
    project = workplace.project({"main": {"a": "p"}}, shot={"duration_s": 5, "aspect_ratio": "1:1"})

    answer = workplace.run(
        "plan",
        project,
        "generator=mine",
        "generator.home=h",
        "+generator.sped=2",
        "generator.api_key=hunter2",
    )

    assert answer.code == 2
    for text in ("generator.folder: is required", "generator.count: is required", "did you mean speed?"):
        assert text in answer.err
    assert "hunter2" not in answer.err


SECRETS = """\
from dataclasses import dataclass, field

from runner.api import *


@dataclass(frozen=True)
class Login:
    number: int = 0
    phrase: int = field(default=0, metadata=SECRET)


@dataclass(frozen=True)
class Options:
    door: int = field(default=5150, metadata=SECRET)
    login: Login = field(default_factory=Login)


@hookimpl
def runner_register():
    return GeneratorSpec(name="safe", factory=print, options=Options, capabilities=GeneratorCapabilities())
"""


def test_an_option_that_is_marked_as_secret_is_named_and_its_value_never_shown(workplace: Workplace) -> None:
    workplace.write("plugins/safe.py", SECRETS)
    project = workplace.project(
        {"main": {"a": "p"}},
        generator={"plugin": "safe", "door": "canary-1", "login": {"phrase": "canary-2", "number": "shown"}},
    )

    listed = workplace.run("plugins", "safe")
    wrong = workplace.run("plan", project)

    assert "generator.door=(hidden)" in listed.out
    assert "generator.login.phrase" in listed.out
    assert "5150" not in listed.out
    assert wrong.code == 2
    assert "generator.door: should be a valid integer" in wrong.err
    assert "generator.login: should be a valid integer" in wrong.err
    assert "shown" in wrong.err
    assert "canary" not in wrong.err


def test_options_that_cannot_be_read_are_the_plugins_fault(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", MINE.replace("folder: str", "folder: 'Nothing'"))
    project = workplace.project({"main": {"a": "p"}})

    answer = workplace.run("plan", project, "generator=mine", "generator.folder=x")

    assert answer.code == 2
    assert "runner.plugins.mine.Options" in answer.err


def test_a_plugin_that_trips_over_a_draft_does_not_hide_the_problems(workplace: Workplace) -> None:
    trap = (
        "capabilities=lambda options, model, mode: GeneratorCapabilities("
        "request=RequestLimits(prompt_max_chars=1 // options.speed))"
    )
    given = 'capabilities=GeneratorCapabilities(request=RequestLimits(durations_s=(5.0, 10.0), aspect_ratios=("1:1",)))'
    assert given in MINE
    workplace.write("plugins/mine.py", MINE.replace(given, trap).replace("1.5", "0.0"))
    project = workplace.project({"main": {"a": "p"}})

    answer = workplace.run(
        "plan", project, "generator=mine", "generator.folder=x", "generator.home=h", "generator.speed=fast"
    )
    alone = workplace.run("plan", project, "generator=mine", "generator.folder=x", "generator.home=h")

    assert "generator.speed: should be a valid number" in answer.err
    assert "failed to state its capabilities" in alone.err


def test_one_plugin_is_shown_with_its_models_and_nested_options(workplace: Workplace) -> None:
    answer = workplace.run("plugins", "kie")

    assert answer.code == 0
    assert "bytedance/seedance-2-mini" in answer.out
    assert "retired 2026-09-24" in answer.out
    assert "generator.callback.public_url" in answer.out
    assert "synthetic" not in answer.out


def test_a_name_that_no_plugin_has_is_told_with_the_nearest(workplace: Workplace) -> None:
    answer = workplace.run("plugins", "kei")

    assert answer.code == 2
    assert "did you mean kie?" in answer.err

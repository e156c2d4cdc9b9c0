"""The command line: what one types wrong, and what it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import __version__

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[1]
FILM = {"main": {"one": "p", "two": "q"}}


def python(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Another Python, in `folder`, that can import the runner."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


# --- help -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--help",), 0), (("-h",), 0), (("+project=film", "--help"), 0), (("-q", "--help"), 0)],
)
def test_it_says_what_one_can_do(workplace: Workplace, words: tuple[str, ...], code: int) -> None:
    workplace.write("conf/project/own.yaml", "# @package _global_\n# A film of my own.\n")

    answer = workplace.run(*words)

    assert answer.code == code
    for text in (
        "python -m runner +project=NAME",
        "plan",
        "plugins",
        "verify",
        "ad_campaign",
        "one_shot",
        "synthetic",
    ):
        assert text in answer.out
    assert "A film of my own." in answer.out
    assert answer.err == ""


def test_the_version_is_told(workplace: Workplace) -> None:
    assert workplace.run("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (("plan",), ("--cfg", "--multirun", "OVERRIDE")),
        (("doctor",), ("--cfg", "OVERRIDE")),
        (("plugins",), ("plugins.dirs=",)),
        (("verify",), ("DIR",)),
        (("journal",), ("state=", "journal resolve TOKEN --submitted TASKID")),
        (("journal", "resolve"), ("--submitted TASKID", "--not-submitted", "--abandon")),
        (("why",), ("SHOT",)),
        (("gc",), ("--paid", "--now", "output.root=DIR")),
        (("conformance",), ("--spend",)),
    ],
)
def test_a_verb_describes_its_options_with_examples(
    workplace: Workplace, words: tuple[str, ...], options: tuple[str, ...]
) -> None:
    answer = workplace.run(*words, "--help")

    assert answer.code == 0
    for text in (*options, "--json", "--quiet", "examples:", f"python -m runner {' '.join(words)}"):
        assert text in answer.out
    assert answer.err == ""
    assert workplace.run("--quiet", *words, "-h").out == answer.out
    assert list(workplace.path.iterdir()) == []


def test_a_verb_with_options_of_its_own_tells_of_them(workplace: Workplace) -> None:
    answer = workplace.run("emulate", "kie", "--help")

    assert answer.code == 0
    assert "--task-seconds" in answer.out
    assert "Overrides" not in answer.out


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_fits_the_terminal(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    about = "A film about the sea at night, in the morning, at noon, and in the evening of a long day."
    workplace.write("conf/project/own.yaml", f"# @package _global_\n# {about}\n")

    for words in ((), ("journal", "--help"), ("plan", "--help"), ("recover", "--help")):
        lines = workplace.run(*words).out.split("\n")
        assert [line for line in lines if len(line) > columns and "python -m runner" not in line] == []


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from runner import cli; cli.main(['--help']);"
        "heavy = 'hydra omegaconf pydantic av numpy httpx aiohttp rich PIL pluggy yaml'.split();"
        "found = set(heavy) & set(sys.modules); sys.exit(f'imported: {found}' if found else 0)"
    )

    done = python(tmp_path, "-c", program)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["", "plugins"])
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, words: str) -> None:
    done = python(
        tmp_path,
        "-c",
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-u', '-m', 'runner', *{words.split()}], stdout=subprocess.PIPE,"
        " stderr=subprocess.PIPE)\n"
        "child.stdout.close()\n"
        "print(child.stderr.read().decode(), child.wait())",
    )

    assert "Traceback" not in done.stdout
    assert "BrokenPipe" not in done.stdout


# --- words typed wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plan",), ["no project is chosen", "ad_campaign", "film", "+project=NAME"]),
        (("plan", "+project=flim"), ["no project named flim", "did you mean film?", "ad_campaign"]),
        (("pln", "+project=film"), ["'pln'", "did you mean plan?"]),
        (("+project=film", "doctor"), ["the verb doctor has to come first", "python -m runner doctor"]),
        (("film",), ["film is a project", "python -m runner +project=film"]),
        (("conf/project/film.yaml",), ["is a project", "next: python -m runner +project=film"]),
        (("plan", "+project=gone"), ["looked in", "conf/project", "python -m runner init NAME"]),
        (("plan", "other.yaml"), ["no project's file", "conf/project", "python -m runner init other"]),
        (("plan", "flim.yaml"), ["no project's file", "did you mean film?"]),
        (("show",), ["there is no verb show", "next: python -m runner open"]),
        (("new",), ["there is no verb new", "next: python -m runner init"]),
        (("resume",), ["there is no verb resume", "next: python -m runner +project=NAME"]),
        (("gc", "--dry-run"), ["no option --dry-run"]),
        (("plan", "flim"), ["'flim'", "did you mean film?"]),
        (("plan", "--jsn"), ["no option --jsn", "did you mean --json?"]),
        (("plan", "--multirn"), ["did you mean --multirun?"]),
        (("plan", "+projct=film"), ["projct: there is no such section", "did you mean project?"]),
        (("plan", "+project=film", "sho.seed=1"), ["no key sho.seed", "did you mean shot.seed?"]),
        (("plan", "+project=film", "shot.sed=1"), ["shot.sed", "did you mean seed?", "command line: shot.sed\n"]),
        (("plan", "+project=film", "+nothing.x=1"), ["nothing: there is no such section", "command line: +nothing.x"]),
        (("plan", "+project=film", "generator=sinthetic"), ["no generator profile", "did you mean synthetic?"]),
        (("plan", "+project=film", "extractor=x"), ["no extractor profile named x", "pyav", "conf/extractor/x.yaml"]),
        (("plan", "+project=film", "generator@generators.b=synthetic"), ["+generator@generators.b=NAME adds one"]),
        (("plan", "+project=film", "generator=null"), ["chosen by the name of one of its files"]),
        (("plan", "+project=film", "=5"), ["runner: "]),
        (("plan", "+project=film", ""), ["the word ''"]),
        (("plan", "+project=film", "shot.seed"), ["'shot.seed'", "KEY=VALUE"]),
        (("plan", "+project=film", "shot.seed="), ["shot.seed: should be a valid integer"]),
        (("plan", "+project=film", "+project=one_shot"), ["project is chosen more than once"]),
        (("plan", "+project=film,one_shot"), ["given several values", "-m"]),
        (("plan", "+project=film", "shot.seed=1,2"), ["shot.seed is given several values", "-m"]),
        (("plan", "+project=film", "shot.model=a, b"), ["""shot.model='"A, B"'"""]),
        (("plan", "+project=film", "shot.model={a"), ["cannot read the override shot.model={a", "quotes"]),
        (("plan", "+project=film", "shot.model='a"), ["cannot read the override shot.model='a", "quote"]),
        (("plan", "+project=film", "shot.model=日本"), ["other scripts needs quotes"]),
        (("plan", "+project=film", "+sequences.日本.shots.a.prompt=x"), ["a key on the", "project's file"]),
        (("plan", "+project=film", "~sequences.main.shots.three"), ["no sequences.main.shots.three to take away"]),
        (("plan", "+project=film", "~sequences.main"), ["sequences: there is no sequence"]),
        (("plan", "+project=film", "hydra.run.dir=/tmp/x"), ["hydra.run.dir cannot be set", "output.root=DIR"]),
        (("plan", "+project=film", "+hydra.sweep.dir=/tmp/x"), ["hydra.sweep.dir cannot be set"]),
        (("plan", "+project=film", "--cfg", "nothing"), ["invalid choice: 'nothing'", "'job'", "plan --help"]),
        (("plan", "+project=film", "--cfg"), ["--cfg: expected one argument"]),
        (("plan", "+project=film", "--cfg", "job", "-m"), ["not allowed with"]),
        (("plan", "+project=film", "--resolve"), ["need --cfg job"]),
        (("plan", "+project=film", "-p", "nothing", "-c", "job"), ["there is no key nothing"]),
        (("plan", "+project=film", "-cd", "nowhere"), ["no such configuration folder", "nowhere"]),
        (("plan", "+project=film", "-cn", "nothing"), ["a configuration file is missing", "nothing"]),
        (("--info", "all", "+project=film"), ["there is no option --info", "next: python -m runner --help"]),
        (("+project=film", "hydra.mode=MULTIRUN"), ["hydra.mode cannot be set", "-m"]),
        (("-m", "+project=film", "shot.seed=glob(*)"), ["swept over no value", "nothing of the sweep was started"]),
        (("-sc", "install=fish-like"), ["the shell cannot be completed"]),
        (("+project=film", "rum"), ["did you mean run?"]),
        (("+project=film", "shot.prompt=Gulls", "in", "flight"), ["in quotes: KEY='some words'"]),
        (("verify",), ["verify: the following arguments are required: DIR", "next: python -m runner verify --help"]),
        (("why", "outputs"), ["required: SHOT"]),
        (("gc", "--piad"), ["no option --piad", "did you mean --paid?"]),
        (("gc", "all"), ["gc cannot use 'all'", "output.root=DIR"]),
        (("journal", "--now"), ["no option --now", "next: python -m runner journal --help"]),
        (("journal", "stat=unknown"), ["journal cannot use 'stat=unknown'", "state="]),
        (("journal", "resolve", "abc"), ["one token and one answer", "--not-submitted"]),
        (("journal", "resolve", "abc", "--abandon", "--not-submitted"), ["one token and one answer"]),
        (("journal", "resolve", "--submitted"), ["--submitted: expected one argument"]),
        (("conformance",), ["conformance: the name of one plugin"]),
        (("plugins", "nothing.x=1"), ["plugins cannot use 'nothing.x=1'"]),
        (("verify", "nowhere"), ["no such folder", "nowhere"]),
        (("+project=film", "--json"), ["a run has no --json"]),
        (("plan", "+project=film", "shot.seed=1", "project=5"), ["runner: "]),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_explained(
    workplace: Workplace, words: tuple[str, ...], expected: list[str]
) -> None:
    workplace.project(FILM)

    answer = workplace.run(*words)

    assert answer.code == 2
    for text in expected:
        assert text in answer.err
    for text in ("Traceback", "HYDRA_FULL_ERROR", "Error executing job"):
        assert text not in answer.err
    assert not (workplace.path / "outputs").exists()


def test_an_option_may_stand_before_the_verb(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "x"}})

    assert workplace.run("--json", "plan", project).json["to_do"] == 1


def test_options_and_overrides_may_stand_in_any_order(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "x"}})

    found = [
        workplace.run(*words).json
        for words in (
            ("plan", "--json", project, "-m", "shot.seed=1,2", "-q", "shot.take=3"),
            ("-q", "plan", "-m", project, "shot.seed=1,2", "shot.take=3", "--json"),
        )
    ]

    assert len(found[0]["jobs"]) == 2
    assert found[0] == found[1]


def test_a_primary_file_and_a_folder_may_be_named(workplace: Workplace) -> None:
    workplace.write("more/mine.yaml", "defaults: [config, _self_]\nshot: {seed: 9}\n")
    project = workplace.project({"main": {"one": "x"}})

    answer = workplace.run("--cfg", "job", "-cd", "more", "--config-name", "mine", project, "-p", "shot.seed")

    assert (answer.code, answer.out) == (0, "9\n")


def test_debug_shows_where_an_error_came_from(workplace: Workplace) -> None:
    with pytest.raises(Exception, match="no project is chosen"):
        workplace.run("plan", "--debug")


def test_a_project_may_be_chosen_without_the_plus(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    assert (
        workplace.run("plan", project.lstrip("+"), "--json").json
        == workplace.run("plan", project, "--json").json
    )


@pytest.mark.parametrize(
    "prompt",
    [
        "日本 😀 שלום",
        "it's; $HOME `x` \\\\ %s {}",
        "a, b = c",
        "x" * 10_000,
        "line\nline",
        "${'",
        "null",
        "1e3",
        "~+=",
    ],
)
def test_a_prompt_in_quotes_may_be_any_text(workplace: Workplace, prompt: str) -> None:
    project = workplace.project(FILM)
    quoted = prompt.replace('"', '\\"').replace("${", "\\${")

    answer = workplace.run("plan", project, f'sequences.main.shots.one.prompt="{quoted}"', "--json")

    assert answer.code == 0, answer.err
    assert answer.json["sequences"]["main"][0]["prompt"] == prompt


# --- where things are looked for ------------------------------------------------------------------------------


def test_ones_own_project_wins_over_a_bundled_one_and_the_others_stay(workplace: Workplace) -> None:
    own = workplace.project(FILM, name="one_shot")

    assert list(workplace.run("plan", own, "--json").json["sequences"]) == ["main"]
    assert [shot["shot"] for shot in workplace.run("plan", own, "--json").json["sequences"]["main"]] == [
        "one",
        "two",
    ]
    assert workplace.run("plan", "+project=long_chain").code == 0


def test_without_a_conf_folder_the_bundled_projects_work(workplace: Workplace) -> None:
    answer = workplace.run("plan", "+project=one_shot", "--json")

    assert answer.code == 0, answer.err
    assert list(workplace.path.iterdir()) == []


def test_a_conf_folder_of_another_kind_does_not_disturb(workplace: Workplace) -> None:
    workplace.write("conf/nginx.conf", "server {}")

    assert workplace.run("plan", "+project=one_shot").code == 0


# --- the composed configuration, and the shell ----------------------------------------------------------------


@pytest.mark.parametrize("words", [("--cfg", "job", "+project=film"), ("plan", "+project=film", "-c", "job")])
def test_the_composed_configuration_is_printed_without_secrets(
    workplace: Workplace, words: tuple[str, ...]
) -> None:
    workplace.project(FILM)

    answer = workplace.run(*words, "+generator.api_key=hunter2", "shot.seed=3")

    assert answer.code == 0, answer.err
    assert "seed: 3" in answer.out
    assert "api_key: (hidden)" in answer.out
    assert "hunter2" not in answer.out + answer.err
    assert "duration_s: 0.5" in answer.out


def test_a_secret_is_in_no_answer_to_anything_typed_wrong(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "hunter2")
    project = workplace.project(FILM)
    for override in (
        "generator.api_key=hunter2",
        "generator.api_key='hunter2'",
        "+generator.api_key=${oc.env:MY_KEY}",
        "+generator.api_key=${oc.env:NOTHING,hunter2}",
        "+generator={plugin: synthetic, api_key: hunter2}",
        "generator.api_key={hunter2",
        "generator.api_key=hunter2,b",
        "generator.api_key=hunter2é",
        "generatr.api_key=hunter2",
        "~generator.api_key=hunter2",
        "sequences.main.shots=[{api_key: hunter2}]",
    ):
        answer = workplace.run("plan", project, override)
        assert answer.code == 2, override
        assert "hunter2" not in answer.err + answer.out, override


def test_shell_completion_answers(tmp_path: Path) -> None:
    installed = python(tmp_path, "-m", "runner", "-sc", "install=bash")
    asked = python(
        tmp_path,
        *("-m", "runner", "-sc", "query=bash"),
        COMP_LINE="runner +project=ad_",
        COMP_POINT=str(len("runner +project=ad_")),
    )

    assert installed.returncode == 0, installed.stderr
    assert "complete" in installed.stdout
    assert asked.returncode == 0, asked.stderr
    assert "ad_campaign" in asked.stdout


def test_the_shell_is_not_steered_by_the_name_of_a_file(workplace: Workplace) -> None:
    workplace.write("conf/project/film\x1b[2J\u202e.yaml", "project: {name: x}\n")
    line = "runner +project=fil"

    asked = python(
        workplace.path, "-m", "runner", "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line))
    )

    assert asked.returncode == 0, asked.stderr
    assert r"film\x1b[2J\u202e" in asked.stdout
    assert asked.stdout.replace("\n", " ").isprintable()


def test_a_terminal_without_unicode_is_no_error(workplace: Workplace) -> None:
    project = workplace.project({"映画": {"שלום": "😀"}})

    done = python(workplace.path, "-m", "runner", "plan", project, PYTHONIOENCODING="ascii", LC_ALL="C")

    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "film"),
        ("plan", "film.yaml"),
        ("plan", "project=film"),
        ("plan", "+project=film.yaml"),
        ("plan", "+project=conf/project/film.yaml"),
        ("plan", "./conf/project/film.yaml"),
        ("plan", "+project='film'"),
        ("--dry-run", "+project=film"),
        ("+project=film", "--dry-run"),
        ("run", "+project=film", "--dry-run"),
        ("plan", "--dry-run", "+project=film"),
    ],
)
def test_what_can_mean_one_plan_is_that_plan(workplace: Workplace, words: tuple[str, ...]) -> None:
    expected = workplace.run("plan", workplace.project(FILM), "--json").json

    answer = workplace.run(*words, "--json")

    assert answer.code == 0, answer.err
    assert answer.json["key"] == expected["key"]
    assert not (workplace.path / "outputs").exists()


def test_an_absolute_path_of_a_project_is_the_project(workplace: Workplace) -> None:
    workplace.project(FILM)

    assert workplace.run("plan", f"+project={workplace.path}/conf/project/film.yaml").code == 0


@pytest.mark.parametrize("name", ["café", "東京", "cafe\u0301", "my film"])
def test_a_project_with_letters_of_any_kind_needs_no_quotes_of_its_own(
    workplace: Workplace, name: str
) -> None:
    workplace.project(FILM, name=name)

    for words in (("plan", f"+project={name}"), ("plan", name), (f"+project={name}", "-q")):
        answer = workplace.run(*words)
        assert answer.code == 0, answer.err


def test_run_is_no_verb_but_is_understood(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    assert workplace.run("run", project, "-q").code == 0
    assert len(workplace.runs()) == 1
    for words in (("run",), ("help",)):
        answer = workplace.run(*words)
        assert answer.code == (0 if words == ("help",) else 2)
        assert "python -m runner VERB" in answer.out
    assert workplace.run("version").out == workplace.run("--version").out

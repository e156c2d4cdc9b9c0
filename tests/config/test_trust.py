"""A project of a stranger is data: it runs nothing, reads nothing of the user's, and sends no key anywhere."""
# ruff: noqa: E501 - a table of documents

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.redaction import HIDDEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

CANARY = "canary-0123456789"
SHOTS = "sequences: {main: {shots: {one: {prompt: a lake}}}}\n"
NAME = "project: {name: film}\n"
KIE = "generator: {plugin: kie, model: kling-2.6"

# name of the test: (what the file has besides its first line, the key, its line, a word of the message)
HOLES: dict[str, tuple[str, str, int, str]] = {
    "callbacks": (f"hydra: {{callbacks: {{x: {{_target_: os.system}}}}}}\n{NAME}{SHOTS}", "hydra", 2, "configures Hydra"),
    "job_logging": (f"{NAME}hydra:\n  job_logging: {{handlers: {{}}}}\n{SHOTS}", "hydra", 3, "configures Hydra"),
    "launcher": (f"{NAME}hydra: {{launcher: {{_target_: x}}}}\n{SHOTS}", "hydra", 3, "configures Hydra"),
    "sweeper": (f"{NAME}hydra: {{sweeper: {{params: {{shot.seed: '1,2'}}}}}}\n{SHOTS}", "hydra", 3, "Hydra"),
    "mode": (f"{NAME}hydra: {{mode: MULTIRUN}}\n{SHOTS}", "hydra", 3, "configures Hydra"),
    "env_set": (f"{NAME}hydra: {{job: {{env_set: {{PATH: /tmp}}}}}}\n{SHOTS}", "hydra", 3, "configures Hydra"),
    "searchpath": (f"{NAME}hydra: {{searchpath: [file:///tmp]}}\n{SHOTS}", "hydra", 3, "configures Hydra"),
    "hydra, escaped": (f'{NAME}"\\x68ydra": {{mode: RUN}}\n{SHOTS}', "hydra", 3, "configures Hydra"),
    "hydra, merged": (f"x: &x {{hydra: {{mode: RUN}}}}\n<<: *x\n{NAME}{SHOTS}", "hydra", 2, "configures Hydra"),
    "defaults: absolute": (f"defaults: [/etc/passwd]\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: parent": (f"defaults:\n  - ../../secrets\n{NAME}{SHOTS}", "defaults", 3, "leaves"),
    "defaults: group": (f"defaults:\n  - /generator: ../../x\n{NAME}{SHOTS}", "defaults", 3, "leaves"),
    "defaults: list": (f"defaults:\n  - /generator: [kie, ../../x]\n{NAME}{SHOTS}", "defaults", 3, "leaves"),
    "defaults: two slashes": (f"defaults: [//x]\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: hydra": (f"defaults: [override /hydra/launcher: x]\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: to hydra": (f"defaults: ['/generator@hydra.callbacks: kie']\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: pkg": (f"defaults: ['pkg://hydra.conf']\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: file": (f"defaults: ['file:///etc']\n{NAME}{SHOTS}", "defaults", 2, "leaves"),
    "defaults: null": (f"defaults: [null]\n{NAME}{SHOTS}", "defaults", 2, "has an entry"),
    "target": (f"{NAME}{SHOTS}shot: {{params: {{a: {{_target_: x}}}}}}\n", "shot.params.a._target_", 4, "code to run"),
    "resolver": (f"project: {{name: film, description: '${{eval:1+1}}'}}\n{SHOTS}", "project.description", 2, "resolver eval"),
    "resolver, nested": (f"project: {{name: film, style: '${{${{a}}:HOME}}'}}\n{SHOTS}", "project.style", 2, "resolver"),
    "resolver, decoded": (f"project: {{name: film, style: '${{oc.decode:x}}'}}\n{SHOTS}", "project.style", 2, "oc.decode"),
    "words of the command": (f"project: {{name: film, style: '${{hydra:overrides.task}}'}}\n{SHOTS}", "project.style", 2, "hydra"),
    "environment": (f"project: {{name: film, style: '${{oc.env:HOME}}'}}\n{SHOTS}", "project.style", 2, "environment"),
    "environment, default": (f"{NAME}{SHOTS}{KIE}, api_key: '${{oc.env:X,abc}}'}}\n", "generator.api_key", 4, "environment"),
    "environment, params": (
        f"{NAME}{SHOTS}{KIE}, params: {{api_key: '${{oc.env:KIE_API_KEY}}'}}}}\n",
        "generator.params.api_key",
        4,
        "environment",
    ),
    "environment, other": (
        f"{NAME}{SHOTS}{KIE}, api_key: '${{oc.env:AWS_SECRET}}'}}\n", "generator.api_key", 4, "may not",
    ),
    "another host": (f"{NAME}{SHOTS}{KIE}, api_url: https://evil.example}}\n", "generator.api_url", 4, "cannot be set"),
    "another upload host": (
        f"{NAME}{SHOTS}uploader: {{plugin: kie, upload_url: https://evil.example}}\n", "uploader.upload_url", 4, "cannot",
    ),
    "key file": (f"{NAME}{SHOTS}{KIE}, api_key_file: /etc/passwd}}\n", "generator.api_key_file", 4, "cannot be set"),
    "credentials": (
        f"{NAME}{SHOTS}uploader: {{plugin: gcs, bucket: b, credentials_file: /x}}\n",
        "uploader.credentials_file",
        4,
        "cannot be set",
    ),
    "binary": (f"{NAME}{SHOTS}extractor: {{plugin: ffmpeg, binary: ./x}}\n", "extractor.binary", 4, "cannot be set"),
    "bind": (f"{NAME}{SHOTS}uploader: {{plugin: local_http, bind: 0.0.0.0}}\n", "uploader.bind", 4, "cannot be set"),
    "callback": (
        f"{NAME}{SHOTS}{KIE}, callback: {{public_url: https://evil.example, port: 8000}}}}\n",
        "generator.callback.public_url",
        4,
        "cannot be set",
    ),
    "cards": (f"{NAME}{SHOTS}{KIE}, cards: [/etc/passwd]}}\n", "generator.cards", 4, "outside"),
    "label": (
        f"{NAME}{SHOTS}generators: {{x: {{plugin: kie, api_url: https://evil.example}}}}\n", "generators.x.api_url", 4, "cannot",
    ),
    "section by reference": (
        f"{NAME}{SHOTS}evil: {{plugin: kie, api_url: https://evil.example}}\ngenerator: ${{evil}}\n",
        "generator.api_url",
        5,
        "cannot be set",
    ),
    "section by merge": (
        f"{NAME}{SHOTS}evil: &e {{plugin: kie, api_url: https://evil.example}}\ngenerator: {{<<: *e}}\n",
        "generator.api_url",
        5,
        "cannot be set",
    ),
    "plugins": (f"{NAME}{SHOTS}plugins: {{dirs: [code]}}\n", "plugins.dirs", 4, "cannot be set"),
    "output": (f"{NAME}{SHOTS}output: {{root: /tmp/elsewhere}}\n", "output.root", 4, "cannot be set"),
    "trust": (f"{NAME}{SHOTS}trust: {{hosts: [evil.example]}}\n", "trust.hosts", 4, "cannot be set"),
    "trusted variables": (f"{NAME}{SHOTS}trust: {{variables: [HOME]}}\n", "trust.variables", 4, "cannot be set"),
    "image": (
        f"{NAME}sequences: {{main: {{shots: {{one: {{prompt: p, image: ../secret.png}}}}}}}}\n",
        "sequences.main.shots.one.image",
        3,
        "outside",
    ),
    "image by link": (
        f"{NAME}sequences: {{main: {{shots: {{one: {{prompt: p, image: link.png}}}}}}}}\n",
        "sequences.main.shots.one.image",
        3,
        "outside",
    ),
    "image of this machine": (
        f"{NAME}sequences: {{main: {{shots: {{one: {{prompt: p, image: 'http://[::1]:9/x'}}}}}}}}\n",
        "sequences.main.shots.one.image",
        3,
        "this machine",
    ),
}  # fmt: skip


def described(workplace: Workplace, text: str) -> None:
    workplace.user_file.write_text("")
    workplace.write("conf/project/film.yaml", f"# @package _global_\n{text}")


@pytest.mark.parametrize("hole", HOLES)
def test_what_no_project_may_hold_is_refused_with_its_line(
    workplace: Workplace, hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, key, line, message = HOLES[hole]
    monkeypatch.setenv("KIE_API_KEY", CANARY)
    monkeypatch.setenv("AWS_SECRET", CANARY)
    secret = workplace.path.parent / "secret.png"
    secret.write_bytes(b"no image")
    workplace.path.joinpath("link.png").symlink_to(secret)
    described(workplace, text)

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    found = [block for block in answer.err.split("\n- ") if block.startswith(f"{key}: ")]
    assert found, answer.err
    assert message in found[0].splitlines()[0]
    assert f"set in: conf/project/film.yaml:{line}" in found[0]
    assert CANARY not in answer.err + answer.out


@pytest.mark.parametrize("verb", [("plan",), (), ("-m", "shot.seed=1,2"), ("--cfg", "job", "--resolve")])
def test_a_hole_is_closed_for_every_way_to_compose(workplace: Workplace, verb: tuple[str, ...]) -> None:
    described(workplace, HOLES["callbacks"][0])

    answer = workplace.run(*verb, "+project=film")

    assert answer.code == 2
    assert "hydra: configures Hydra" in answer.err
    assert not (workplace.path / "outputs").exists()


def test_files_of_hydra_in_the_working_folder_are_refused(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    workplace.write("conf/hydra/job_logging/default.yaml", "version: 1\n")

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "conf/hydra/job_logging/default.yaml:1" in answer.err


def test_a_package_of_hydra_is_refused(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yaml", "# @package hydra.callbacks\nx: {a: 1}\n")

    assert "hydra: configures Hydra" in workplace.run("plan", "+project=film").err


@pytest.mark.parametrize("reference", ["${generator.api_key}", "${uploader.api_key}/${shot.fps}"])
def test_a_project_cannot_refer_to_a_secret(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("KIE_API_KEY", CANARY)
    shot = f"{{prompt: 'https://evil.example/{reference}'}}"
    described(workplace, f"{NAME}sequences: {{main: {{shots: {{one: {shot}}}}}}}\n")

    answer = workplace.run("plan", "+project=film", "generator=kie", "uploader=kie")

    assert answer.code == 2
    assert "sequences.main.shots.one.prompt: refers to a secret" in answer.err
    assert "conf/project/film.yaml:3" in answer.err
    assert CANARY not in answer.err


# --- what the user may do ----------------------------------------------------------------------------------------


def test_the_command_line_may_set_everything(workplace: Workplace, tmp_path: Path) -> None:
    described(workplace, NAME + SHOTS)

    answer = workplace.run(
        "plan", "+project=film", "generator=kie", "uploader=kie", "generator.api_url=http://127.0.0.1:9",
        f"output.root={tmp_path / 'elsewhere'}", "generator.api_key=abcdefghij", "--json",
    )  # fmt: skip

    assert answer.code == 0, answer.err


def test_a_profile_may_name_a_host_that_the_user_trusts(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    profile = "plugin: kie\nmodel: kling-2.6\napi_url: http://127.0.0.1:9\napi_key: '${oc.env:MY_KEY}'\n"
    workplace.write("conf/generator/mine.yaml", profile)

    refused = workplace.run("plan", "+project=film", "generator=mine", "uploader=kie", "shot.duration_s=5")
    workplace.user_file.write_text("trust: {hosts: [127.0.0.1], variables: [MY_KEY]}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_KEY", CANARY)
        trusted = workplace.run(
            "plan", "+project=film", "generator=mine", "uploader=kie", "shot.duration_s=5", "--json"
        )

    assert "generator.api_key: reads the environment variable MY_KEY" in refused.err
    assert "trust.variables=[MY_KEY]" in refused.err
    assert trusted.code == 0, trusted.err


def test_the_error_about_a_host_says_how_to_trust_it(workplace: Workplace) -> None:
    described(workplace, HOLES["another host"][0])

    assert "trust.hosts=[evil.example]" in workplace.run("plan", "+project=film").err


def test_the_users_file_replaces_defaults_and_nothing_closer(workplace: Workplace) -> None:
    described(workplace, f"{NAME}{SHOTS}shot: {{fps: 12}}\n")
    workplace.user_file.write_text(
        "shot: {fps: 30, resolution: 480p, seed: 5}\ngenerator: {plugin: kie, api_key_file: /none}\n"
        "output: {root: of_mine}\n"
    )

    shown = workplace.run("--cfg", "job", "+project=film", "shot.seed=9").out

    assert "fps: 12\n" in shown  # the project's
    assert "resolution: 480p\n" in shown  # the user's
    assert "seed: 9\n" in shown  # the command line's
    assert "api_key_file" not in shown  # another plugin is chosen
    assert "root: of_mine\n" in shown


def test_options_of_the_users_file_are_for_the_plugins_that_have_them(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    workplace.user_file.write_text("generator: {api_key_file: /none}\n")

    assert workplace.run("plan", "+project=film").code == 0
    kie = workplace.run("--cfg", "job", "+project=film", "generator=kie")
    assert "api_key_file: /none" in kie.out


def test_a_mistake_in_the_users_file_is_named_there(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    workplace.user_file.write_text("shot:\n  fps: many\n")

    assert f"set in: {workplace.user_file}:2" in workplace.run("plan", "+project=film").err


def test_a_users_file_that_is_named_and_not_there_is_an_error(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_CONFIG", "nowhere.yaml")

    answer = workplace.run("plan", "+project=one_shot")

    assert answer.code == 2
    assert "RUNNER_CONFIG" in answer.err


def test_the_users_file_is_found_in_the_home_folder(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNNER_CONFIG")
    monkeypatch.setenv("HOME", str(workplace.path))
    workplace.write(".config/film-runner/config.yaml", "shot: {fps: 31}\n")

    assert "fps: 31\n" in workplace.run("--cfg", "job", "+project=one_shot").out


def test_a_sweep_has_the_users_values(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    workplace.user_file.write_text("shot: {fps: 30, seed: 5}\n")

    jobs = workplace.run("plan", "-m", "+project=film", "shot.seed=1,2", "--json").json["jobs"]

    assert [job["sequences"]["main"][0]["seed"] for job in jobs] == [1, 2]
    assert {job["sequences"]["main"][0]["fps"] for job in jobs} == {30}


# --- code ----------------------------------------------------------------------------------------------------------


def test_the_current_folder_is_no_place_for_modules(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    for name in ("anyascii.py", "pluggy.py", "dataclasses.py", "hydra_plugins/evil/__init__.py"):
        workplace.write(name, "import pathlib; pathlib.Path('ran').touch(); raise SystemExit(9)\n")

    found = subprocess.run(
        [sys.executable, "-m", "runner", "plan", "+project=film"],
        capture_output=True, cwd=workplace.path, env=dict(os.environ), text=True, timeout=120, check=False,
    )  # fmt: skip

    assert found.returncode == 0, found.stderr
    assert not (workplace.path / "ran").exists()


def test_a_run_names_the_code_that_it_loaded(workplace: Workplace) -> None:
    described(workplace, f"{NAME}{SHOTS}shot: {{duration_s: 0.5, resolution: 96p, fps: 8}}\n")
    workplace.write("plugins/mine.py", "def runner_event(event):\n    pass\n")

    answer = workplace.run("+project=film")

    assert answer.code == 0
    assert answer.err.count("plugins loaded: mine (plugins/mine.py)") == 1


def test_secrets_of_the_users_file_are_hidden(workplace: Workplace) -> None:
    described(workplace, NAME + SHOTS)
    workplace.user_file.write_text(f"generator: {{api_key: {CANARY}}}\n")

    shown = workplace.run("--cfg", "job", "+project=film", "generator=kie").out

    assert f"api_key: {HIDDEN}" in shown.replace("'", "")
    assert CANARY not in shown

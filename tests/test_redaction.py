"""Secrets never show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest
from omegaconf import OmegaConf

from runner.api import Event, EventKind
from runner.engine.events import Bus
from runner.errors import ConfigError, Problem, TaskFailed
from runner.naming import slug
from runner.redaction import (
    HIDDEN,
    harmless_environment,
    hidden_in_urls,
    hidden_override,
    hidden_text,
    hidden_value,
    is_secret,
    remember,
    remember_environment,
    remember_file,
    scrubbed,
    scrubbed_json,
    spellings,
)
from runner.store.local import spill

if TYPE_CHECKING:
    from tests.conftest import Workplace

SECRET = "hunter2"


@pytest.mark.parametrize(
    "key",
    [
        "generator.api_key",
        "generator.API_KEY",
        "generator.apikey",
        "uploader.access_token",
        "uploader.client_secret",
        "generators.closeup.password",
        "generator.credentials.user",
        "shot.params.hmac",
        "sequences.a.shots.b.params.api-key",
        "generator.headers.Authorization",
        "uploader.aws_secret_access_key",
    ],
)
def test_a_key_that_names_a_secret_is_known(key: str) -> None:
    assert is_secret(key)
    assert hidden_override(f"+{key}={SECRET}") == f"+{key}={HIDDEN}"


@pytest.mark.parametrize(
    "key",
    [
        "shot.seed",
        "sequences.secret_garden.shots.opening.prompt",
        "sequences.garden.shots.the_token.prompt",
        "generators.token.plugin",
        "project.name",
        "author",
    ],
)
def test_a_name_that_a_person_gave_is_no_secret(key: str) -> None:
    assert not is_secret(key)
    assert hidden_override(f"{key}=x") == f"{key}=x"


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("generator.api_key='hunter2'", f"generator.api_key={HIDDEN}"),
        ("+generator={plugin: x, api_key: hunter2}", f"+generator={{plugin: x, api_key: {HIDDEN}}}"),
        ('+generator={api_key: "hunter2, too", plugin: x}', f"+generator={{api_key: {HIDDEN}, plugin: x}}"),
        ("shot.params={a: {token: hunter2}}", f"shot.params={{a: {{token: {HIDDEN}}}}}"),
        ("generator.api_key=${oc.env:KIE_API_KEY}", "generator.api_key=${oc.env:KIE_API_KEY}"),
        ("generator.api_key=${oc.env:KIE_API_KEY,hunter2}", f"generator.api_key={HIDDEN}"),
        ('generator.api_key=${oc.env:KIE_API_KEY,""}', 'generator.api_key=${oc.env:KIE_API_KEY,""}'),
        ("uploader.credentials_file=keys/films.json", "uploader.credentials_file=keys/films.json"),
        ("generator.api_key_file=/run/secrets/kie", "generator.api_key_file=/run/secrets/kie"),
        ("generator.api_key_file=hunter2", f"generator.api_key_file={HIDDEN}"),
        ("uploader.credentials_file='{\"private_key\": 1}'", f"uploader.credentials_file={HIDDEN}"),
        ("shot.params={api-key: hunter2}", f"shot.params={{api-key: {HIDDEN}}}"),
        ("~generator.api_key", "~generator.api_key"),
        ("sequences.a.shots.x.prompt=a token of love", "sequences.a.shots.x.prompt=a token of love"),
    ],
)
def test_an_override_is_shown_without_its_secrets(override: str, shown: str) -> None:
    assert hidden_override(override) == shown


@pytest.mark.parametrize(
    "override",
    [
        "generator.api_key=hunter2",
        "generator.api_key='hunter2'",
        "generator.api_key=[hunter2]",
        "+generator={plugin: x, api_key: hunter2}",
        '+generator={plugin: x, api_key: "hunter2"}',
    ],
)
def test_a_message_of_another_program_is_shown_without_the_secrets_of_the_overrides(override: str) -> None:
    message = f"cannot use '{override}', as hunter2 is no key for plugin x"

    shown = hidden_text(message, ["shot.seed=1", override])

    assert SECRET not in shown
    assert shown.startswith("cannot use '")
    assert "plugin x" in shown


def test_a_message_about_harmless_overrides_is_left_as_it_is() -> None:
    assert hidden_text("cannot use shot.seed=1", ["shot.seed=1", "~shot"]) == "cannot use shot.seed=1"


def test_the_written_configuration_keeps_references_and_hides_literals() -> None:
    config = OmegaConf.create(
        {
            "generator": {
                "plugin": "x",
                "api_key": SECRET,
                "token": 12345,
                "password": "${oc.env:PW,hunter2}",
                "client_secret": "${oc.env:CS}",
                "credentials": {"user": SECRET, "keys": [SECRET]},
                "empty_token": "",
                "no_token": None,
                "use_token": True,
            },
            "sequences": {"secret": {"shots": {"token": {"prompt": "p", "params": {"api_key": SECRET}}}}},
        }
    )

    text = OmegaConf.to_yaml(OmegaConf.create(hidden_value(OmegaConf.to_container(config, resolve=False))))

    assert SECRET not in text
    assert "12345" not in text
    found = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    assert isinstance(found, dict)
    assert found["generator"] == {
        "plugin": "x",
        "api_key": HIDDEN,
        "token": HIDDEN,
        "password": HIDDEN,
        "client_secret": "${oc.env:CS}",
        "credentials": {"user": HIDDEN, "keys": [HIDDEN]},
        "empty_token": "",
        "no_token": None,
        "use_token": True,
    }
    assert found["sequences"]["secret"]["shots"]["token"] == {"prompt": "p", "params": {"api_key": HIDDEN}}


def test_overrides_in_a_list_are_hidden_too() -> None:
    assert hidden_value(["shot.seed=1", "generator.api_key=hunter2"], "hydra", "overrides", "task") == [
        "shot.seed=1",
        f"generator.api_key={HIDDEN}",
    ]


def test_a_secret_that_was_read_is_scrubbed_in_each_of_its_spellings() -> None:
    secret = 'canary+of/"redaction"-<1>'
    remember(secret)

    for spelling in spellings(secret):
        assert scrubbed(f"before {spelling} after") == f"before {HIDDEN} after"


def test_a_short_secret_is_no_reason_to_scrub_words() -> None:
    remember("a")

    assert scrubbed("a lake") == "a lake"


def test_no_error_shows_a_secret_that_was_read() -> None:
    secret = "canary-of-the-errors"
    remember(secret)
    error = TaskFailed(f"{secret} failed", where=secret, why=f"you sent {secret}", hint=f"echo {secret}")
    problem = Problem(key="shot.prompt", message="is wrong", value=secret)

    for text in (str(error), error.line, repr(error), str(ConfigError("no", (problem,))), str(problem)):
        assert secret not in text
        assert HIDDEN in text


def test_no_event_shows_a_secret_that_was_read() -> None:
    remember("canary-of-the-events")
    seen: list[Event] = []

    Bus("run", (("observer", seen.append),)).run_event(EventKind.RUN_WARNED, "got canary-of-the-events")

    assert [event.message for event in seen] == [f"got {HIDDEN}"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@host/path", f"https://me:{HIDDEN}@host/path"),
        ("https://host/?a=1&api_key=hunter2&b=2", f"https://host/?a=1&api_key={HIDDEN}&b=2"),
        ("https://host/x.png?X-Amz-Signature=hunter2", f"https://host/x.png?X-Amz-Signature={HIDDEN}"),
        (
            "see https://host:8080/a@b and what?key=hunter2",
            f"see https://host:8080/a@b and what?key={HIDDEN}",
        ),
        ("https://me@host/list?page=2", "https://me@host/list?page=2"),
        ("is it a key? token=hunter2", "is it a key? token=hunter2"),
    ],
)
def test_a_url_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert hidden_in_urls(text) == shown
    assert hidden_override(f"generator.api_url={text}") == f"generator.api_url={shown}"
    assert hidden_value({"generator": {"api_url": text}}) == {"generator": {"api_url": shown}}


@pytest.mark.parametrize(
    "override",
    [
        "generator.api_kye='canary/of-overrides-1'",
        "generator.api_key=['canary/of-overrides-2',x]",
        "+generator={plugin: x, api_key: 'canary/of-overrides-3'}",
        "generator.api_url=https://x/?key=canary%2Fof-overrides-4",
    ],
)
def test_what_is_hidden_once_is_hidden_everywhere(override: str) -> None:
    number = override.rstrip("',x}]")[-1]
    hidden_override(override)

    assert scrubbed(f"a canary/of-overrides-{number} b") == f"a {HIDDEN} b"


def test_the_place_of_a_secret_is_no_secret() -> None:
    hidden_value({"token_uri": "https://oauth2.example.org/token", "secret_folder": "/run/secrets/of-a-test"})

    for text in ("https://oauth2.example.org/token", "/run/secrets/of-a-test"):
        assert scrubbed(text) == text


@pytest.mark.parametrize("text", ["see {}...", "see {}\N{HORIZONTAL ELLIPSIS} x", "see {}"])
def test_a_secret_that_was_cut_off_is_hidden(text: str) -> None:
    secret = "5f0c8e1b-canary-that-was-cut-off-0123456789"
    remember(secret)

    for length in (8, 9, 20, len(secret) - 1):
        assert scrubbed(text.format(secret[:length])) == text.format(HIDDEN)
    assert scrubbed(f"see {secret[:30]} and go on") == f"see {HIDDEN} and go on"
    assert scrubbed(f"see {secret[:9]} and go on") == f"see {secret[:9]} and go on", "it may be any word"


@pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
def test_a_secret_is_found_inside_of_what_was_encoded(before: str) -> None:
    import base64

    remember("canary>of?the~encoding")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        shown = scrubbed(encode(f"{before}canary>of?the~encoding and more".encode()).decode())
        assert HIDDEN in shown
        assert len(shown) < len(before) + 35


def test_no_short_number_and_no_short_word_is_scrubbed() -> None:
    for secret in ("20260725", "1234567890123456", "emulator", "correcthorsebattery", "emu1ator"):
        remember(secret)

    assert scrubbed("20260725 1234567890123456") == f"20260725 {HIDDEN}"
    assert scrubbed("plugins/emulator correcthorsebattery") == f"plugins/emulator {HIDDEN}"
    assert scrubbed("emu1ator and emulator") == f"{HIDDEN} and emulator"


def test_a_name_for_a_disk_has_no_secret() -> None:
    remember("canary+Of/Names")

    assert slug("Film canary+Of/Names") == "film-hidden"


def test_json_is_scrubbed_text_by_text_and_stays_json() -> None:
    remember('": "canary')
    found = {"a": ["b", {"canary": '": "canary', "n": 1, "none": None}]}

    assert scrubbed_json(found) == {"a": ["b", {"canary": HIDDEN, "n": 1, "none": None}]}
    assert json.loads(json.dumps(scrubbed_json(found)))


PRIVATE_KEY = (
    "-----BEGIN PRIVATE KEY-----\ncanaryMIIEvQIBADA+1\ncanaryAoIBAQC7VJ/2\n-----END PRIVATE KEY-----\n"
)


@pytest.mark.parametrize("as_json", [True, False])
def test_each_line_of_a_private_key_is_a_secret(tmp_path: Path, as_json: bool) -> None:
    file = tmp_path / "key.json"
    key = PRIVATE_KEY.replace("canary", f"canary{as_json}")
    file.write_text(json.dumps({"private_key": key, "client_email": "a@b.example"}) if as_json else key)
    remember_file(str(file))

    for line in key.splitlines()[1:3]:
        assert scrubbed(f"x {line} y") == f"x {HIDDEN} y"
    assert scrubbed("-----BEGIN PRIVATE KEY----- a@b.example") == "-----BEGIN PRIVATE KEY----- a@b.example"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 60_000, b"canary-line-1\ncanary-line-2\n", b"{"])
def test_a_file_that_is_no_key_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.key").write_bytes(content)
    for name in ("x.key", "none.key", "."):
        remember_file(str(tmp_path / name))

    assert scrubbed("canary-line-1") == "canary-line-1"


def test_the_secrets_of_the_environment_are_known_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "ACME_API_KEY": "1-zebra-in-this-environment",
        "GITHUB_PAT": "2-zebra-in-this-environment",
        "HTTPS_PROXY": "http://me:3-zebra-in-this-environment@proxy:3128",
        "SECRETS_DIR": "/run/4-zebra-in-this-environment",
        "MONKEY": "5-zebra-in-this-environment",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    remember_environment()

    shown = [scrubbed(f"{number}-zebra-in-this-environment") for number in range(1, 6)]
    assert [text == HIDDEN for text in shown] == [True, True, True, False, False]
    left = harmless_environment()
    assert {name for name in variables if name in left} == {"SECRETS_DIR", "MONKEY"}
    assert left["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    "content", ["machine a.example login me password canary-of-netrc\n", "machine", "\0", None]
)
def test_the_passwords_of_netrc_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(file))
    if content is not None:
        file.write_text(content)
    remember_environment()

    assert "password" not in (content or "") or scrubbed("canary-of-netrc") == HIDDEN


@pytest.mark.parametrize("extractor", ["ffmpeg", "scikit_video"])
def test_a_program_gets_no_secret(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, extractor: str
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "canary-of-programs")
    seen = workplace.path / "seen"
    program = workplace.write(
        "ffmpeg", f'#!/bin/sh\n{{ env; echo "$@"; }} >> {seen}\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n'
    )
    program.chmod(0o755)
    project = workplace.project({"main": {"one": "a quiet lake", "two": "wind"}})

    answer = workplace.run(project, f"extractor={extractor}", f"extractor.binary={program}")

    assert answer.code == 0, answer.out + answer.err
    told = seen.read_text()
    assert "PATH=" in told
    assert "canary-of-programs" not in told


def test_a_spilled_task_has_no_secret(tmp_path: Path) -> None:
    remember("canary-of-the-spill")
    file = spill.write(tmp_path, "0" * 32, "task-1", {"url": "https://x/?key=canary-of-the-spill", "n": 1})

    assert file is not None
    assert json.loads(file.read_text()) == {
        "token": "0" * 32,
        "task": "task-1",
        "task_data": {"url": f"https://x/?key={HIDDEN}", "n": 1},
    }


def test_a_strangers_thousand_secrets_do_not_push_out_the_users_own() -> None:
    program = """
from runner.redaction import hidden_value, remember, scrubbed
shown = hidden_value({f"token_{number}": f"{number:04}-filler-number" for number in range(5000)})
assert set(shown.values()) == {"(hidden)"}
remember("the-users-own-key")
print(scrubbed("the-users-own-key"), scrubbed("0001-filler-number"), scrubbed("4999-filler-number"))
"""
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [HIDDEN, HIDDEN, "4999-filler-number"]

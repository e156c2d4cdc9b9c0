"""Secrets never show."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from runner.api import Event, EventKind
from runner.engine.events import Bus
from runner.errors import ConfigError, Problem, TaskFailed
from runner.redaction import (
    HIDDEN,
    hidden_config,
    hidden_override,
    hidden_text,
    hidden_value,
    is_secret,
    remember,
    scrubbed,
    spellings,
)

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

    text = hidden_config(config)

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

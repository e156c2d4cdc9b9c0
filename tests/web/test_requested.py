"""What a request may hold, and that nothing else passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import bundle
from runner.errors import ConfigError
from runner.redaction import remember
from runner.web.requested import SECTIONS, read

HERE = bundle.folder("conf").parent
FILM: dict[str, Any] = {
    "project": {"name": "x"},
    "sequences": {"a": {"shots": {"one": {"prompt": "a lake"}}}},
}


def keys_of(content: object) -> list[str]:
    """The dotted keys of all problems of a request."""
    with pytest.raises(ConfigError) as caught:
        read(content, HERE)
    return [problem.key for problem in caught.value.problems]


@pytest.mark.parametrize(
    "override",
    [
        "shot.seed=7",
        "++shot.take=2",
        "sequences.hero.shots.pour.prompt='steam, rises'",
        "generator=kie",
        "uploader=kie",
        "extractor=pyav",
        "+generator@generators.closeup=synthetic",
        "generator.model=kling-3.0",
        "generator.params.mode=pro",
        "budget.confirm_above=null",
        "shot.params={a: 1}",
    ],
)
def test_an_override_of_what_a_film_is_passes(override: str) -> None:
    assert read({"project": "ad_campaign", "overrides": [override]}, HERE).overrides == (override,)


@pytest.mark.parametrize(
    "override",
    [
        "output.root=/tmp/elsewhere",
        "++output.root=/tmp/elsewhere",
        "plugins.dirs=[/tmp]",
        "trust.hosts=[evil.example]",
        "limits.in_flight=1000",
        "store.x=1",
        "sweep.max_jobs=3",
        "hydra.run.dir=/tmp",
        "+hydra.callbacks.x._target_=os.system",
        "hydra/launcher=joblib",
        "generator.api_url=http://evil.example",
        "generator.api_key=stolen",
        "generator.plugin=kie",
        "generator.cards=[/etc/passwd]",
        "generators.x.api_url=http://evil.example",
        "uploader.bucket=theirs",
        "uploader.upload_url=http://evil.example",
        "extractor.binary=/bin/sh",
        "generator=../../etc/passwd",
        "generator=/etc/passwd",
        "generator=nobody",
        "generator@uploader=kie",
        "+project=one_shot",
        "project=one_shot",
        "~budget",
        "~budget.max_cost",
        "shot.seed=1,2",
        "shot.seed=range(1,9)",
        "shot.seed=choice(1,2)",
        "project.name=${oc.env:HOME}",
        "project.name=${generator.api_key}",
        "project.name='${oc.env:HOME}'",
        "shot.params={a: '${oc.env:HOME}'}",
        "shot.params={_target_: os.system}",
        "shot.params._target_=os.system",
        "shot=null",
        "shot.seed",
        "-m",
        "--config-dir=/tmp",
        "=1",
        "",
        "shot.seed=[",
        "shot.seed=" + "[" * 500,
        "shot.a b=1",
        "shot.prompt='" + "x" * 60_000 + "'",
    ],
)
def test_an_override_of_anything_else_is_refused(override: str) -> None:
    assert keys_of({"project": "ad_campaign", "overrides": [override]})


@pytest.mark.parametrize(
    "name",
    ["../ad_campaign", "/etc/passwd", "ad_campaign/../one_shot", "", ".", "ad_campaign.yaml", "AD_CAMPAIGN"],
)
def test_only_a_project_of_conf_can_be_named(name: str) -> None:
    assert keys_of({"project": name}) == ["project"]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"output": {"root": "/tmp"}}, "output"),
        ({"defaults": ["/hydra"]}, "defaults"),
        ({"hydra": {}}, "hydra"),
        ({"trust": {"hosts": []}}, "trust"),
        ({"generator": {"plugin": "kie"}}, "generator.plugin"),
        ({"generator": {"profile": "kie", "api_url": "http://x"}}, "generator.api_url"),
        ({"generator": "../kie"}, "generator.profile"),
        ({"generator": ["kie"]}, "generator"),
        ({"uploader": {"profile": "gcs", "bucket": "x"}}, "uploader.bucket"),
        ({"generators": {"a/b": "kie"}}, "generators.a/b"),
        ({"generators": {"a": {"model": "m"}}}, "generators.a.profile"),
        ({"shot": {"_target_": "os.system"}}, "shot.'_target_'"),
        ({"shot": {"params": {"x": "${oc.env:HOME}"}}}, "shot.params.x"),
        ({"shot": {"params": {"x": "${oc.env:${y}}"}}}, "shot.params.x"),
        ({"shot": {"params": {"x": "\ud800"}}}, "shot.params.x"),
        ({"shot": {"params": {"x": "a\x00b"}}}, "shot.params.x"),
        ({"shot": {"params": {"x": float("nan")}}}, "shot.params.x"),
        ({"shot": []}, "shot"),
    ],
)
def test_a_body_says_what_a_film_is_and_nothing_else(more: dict[str, Any], key: str) -> None:
    assert key in keys_of({**FILM, **more})


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = keys_of({**FILM, "output": {}, "hydra": {}, "shot": {"params": {"x": "${oc.env:HOME}"}}})

    assert set(found) == {"output", "hydra", "shot.params.x"}


def test_what_is_too_deep_or_too_much_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = {"a": deep}

    assert keys_of({**FILM, "shot": {"params": deep}}) == ["body"]
    assert keys_of({**FILM, "shot": {"params": {"x": [0] * 30_000}}}) == ["body"]


def test_a_secret_of_the_server_is_taken_into_no_job() -> None:
    remember("sk-a-secret-of-the-server-4711")

    assert keys_of({**FILM, "project": {"name": "sk-a-secret-of-the-server-4711"}}) == ["body"]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.sampled_from([*SECTIONS, "output", "hydra", "defaults", "trust", "plugins", "_target_", "limits"])
VALUES = PLAIN | st.sampled_from(["kie", "../x", "${oc.env:HOME}", "${now:%Y}", {"profile": "kie", "url": 1}])


@given(PLAIN | st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_value_at_all_is_read_or_refused_as_a_configuration(content: object) -> None:
    try:
        found = read(content, HERE)
    except ConfigError:
        return
    assert set(found.content) <= {*SECTIONS, "overrides"}
    assert "_target_" not in str(found.content)
    assert "${oc" not in str(found.content)


@given(st.text(max_size=40) | st.from_regex(r"[+~]*[a-z._@/]{1,12}=.{0,12}", fullmatch=True))
def test_any_override_at_all_is_read_or_refused_as_a_configuration(text: str) -> None:
    try:
        (override,) = read({"project": "one_shot", "overrides": [text]}, HERE).overrides
    except ConfigError:
        return
    assert override.lstrip("+").partition("=")[0].split(".")[0].split("@")[0] in SECTIONS


def test_the_folder_of_projects_is_there() -> None:
    assert (Path(HERE) / "conf" / "project" / "one_shot.yaml").is_file()

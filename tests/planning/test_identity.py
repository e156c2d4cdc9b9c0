"""What a shot is known by."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.api import (
    TRANSPORT,
    GeneratorCapabilities,
    GeneratorSpec,
    HandOver,
    HostedImage,
    Reach,
    ShotRequest,
)
from runner.config import film_keys
from runner.config.beam_keys import Beam
from runner.config.check_keys import Checks
from runner.config.project import EndCard, Film, GeneratorChoice, GivenImage, GivenSound, Project, Shot
from runner.config.schema import Continuity
from runner.planning import identity

# --- classification: a new field is in one of the lists, or this file fails ---------------------------------

REQUEST_IDENTITY = {name for name, role in identity.ROLES.items() if role is not identity.Role.SEPARATE}
# A name is for people: the same request under another name is the same clip. `image` is a URL; what is at
# it is known by content, as `starts_from`.
REQUEST_TRANSPORT = {"project", "sequence", "shot", "image", "last_image"}

SHOT_IDENTITY = {"request", "boundary", "image", "generator", "graft"}
SHOT_TRANSPORT = {"name", "slug", "at", "origin", "stopped_before", "text"}

CHOICE_IDENTITY = {"spec", "options", "model", "params"}
CHOICE_TRANSPORT = {"label"}

SPEC_IDENTITY = {"name", "key_version", "names_matter"}
SPEC_TRANSPORT = {"factory", "capabilities", "options", "summary", "account", "models", "own_client"}

# Of a run: what is made of the shots.
PROJECT_IDENTITY = {"name", "sequences", "continuity", "anchor", "film", "beam"}
PROJECT_TRANSPORT = {
    "slug",
    "description",
    "extractor",
    "uploader",
    "budget",
    "limits",
    "checks",
    "ci",
    "report",
    "metrics",
    "output_root",
}


@pytest.mark.parametrize(
    ("cls", "in_identity", "in_transport"),
    [
        (ShotRequest, REQUEST_IDENTITY, REQUEST_TRANSPORT),
        (Shot, SHOT_IDENTITY, SHOT_TRANSPORT),
        (GeneratorChoice, CHOICE_IDENTITY, CHOICE_TRANSPORT),
        (GeneratorSpec, SPEC_IDENTITY, SPEC_TRANSPORT),
        (Project, PROJECT_IDENTITY, PROJECT_TRANSPORT),
        (
            Continuity,
            {"fallback", "hand_over", "anchor", "reanchor_every", "correct"},
            {"on_ignored", "retries", "max_drift"},
        ),
        (Checks, set(), {"duration", "shape", "rate", "audio", "black", "frozen", "ending"}),
        (Beam, {"takes", "keep", "score"}, set()),
        (
            film_keys.Film,
            {
                *("join", "crossfade_ms", "fade", "fade_at", "level", "audio", "order", "between"),
                *("music", "narration", "end_card"),  # by the digests of their files
            },
            {"max_duration_s"},
        ),
        (Film, {"keys", "music", "narration", "end_card"}, set()),
        (GivenSound, {"sha256", "keys"}, {"path", "duration_s"}),
        (EndCard, {"image", "keys"}, set()),
        (
            GivenImage,
            {"sha256"},
            {"path", "format", "size", "width", "height", "background", "notes", "fetched"},
        ),
    ],
)
def test_every_field_is_either_identity_or_transport(
    cls: type, in_identity: set[str], in_transport: set[str]
) -> None:
    fields = {one.name for one in dataclasses.fields(cls)}

    assert not in_identity & in_transport
    assert fields == in_identity | in_transport, "classify the new field, a request's in planning/identity.py"


# --- shots ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    quality: str = "high"
    tags: tuple[str, ...] = ()
    api_key: str = field(default="", metadata=TRANSPORT)
    timeout_s: float = field(default=10.0, metadata=TRANSPORT)


def no_factory(options: object, context: object) -> Any:
    raise AssertionError("planning builds nothing")


SPEC = GeneratorSpec(name="gen", factory=no_factory, capabilities=GeneratorCapabilities(), options=Options)
CHOICE = GeneratorChoice(label="", spec=SPEC, options=Options(), model=None, params={})
REQUEST = ShotRequest(
    project="film",
    sequence="main",
    shot="one",
    prompt="a cup",
    model="m-1",
    duration_s=4.0,
    aspect_ratio="16:9",
    resolution="720p",
    fps=24.0,
    seed=7,
    take=1,
    params={"strength": 0.5},
)


def key(
    request: ShotRequest = REQUEST,
    choice: GeneratorChoice = CHOICE,
    given: GivenImage | None = None,
    previous: str | None = None,
) -> str:
    found = identity.fields(request, choice, given=given, previous=previous, hand_over=HandOver.LAST)
    return identity.digest(found)


CHANGED: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.text(),
    "model": st.one_of(st.none(), st.text()),
    "duration_s": st.floats(min_value=0.1, max_value=600),
    "aspect_ratio": st.text(),
    "resolution": st.text(),
    "fps": st.floats(min_value=1, max_value=240),
    "seed": st.one_of(st.none(), st.integers(min_value=0)),
    "take": st.integers(min_value=1),
    "params": st.dictionaries(
        st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text()), max_size=3
    ),
}


for name in REQUEST_IDENTITY - set(CHANGED):
    CHANGED[name] = st.text()  # a new key is a text, or has its line above


def test_a_key_that_a_request_does_not_use_is_no_part_of_its_identity() -> None:
    """So that a new key leaves all the keys there are as they were, and nothing is paid for again."""
    fields = identity.fields(REQUEST, CHOICE, given=None, previous=None, hand_over=HandOver.LAST)
    unused = {name for name, role in identity.ROLES.items() if role is identity.Role.UNLESS_DEFAULT}

    assert not unused & set(fields)


@given(st.data())
def test_any_change_of_what_is_asked_for_is_another_shot(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CHANGED)))
    value = data.draw(CHANGED[name])
    assume(value != getattr(REQUEST, name))

    changed = replace(REQUEST, **{name: value})

    assert key(changed) != key()


@given(name=st.sampled_from(["project", "sequence", "shot"]), value=st.text())
def test_a_name_is_no_part_of_what_is_asked_for(name: str, value: str) -> None:
    assert key(replace(REQUEST, **{name: value})) == key()


def test_where_a_picture_is_hosted_is_no_part_of_what_is_asked_for() -> None:
    hosted = HostedImage(url="http://127.0.0.1:1/x.png", reach=Reach.LOOPBACK)

    assert key(replace(REQUEST, image=hosted)) == key()


def test_another_plugin_or_key_version_is_another_shot() -> None:
    keys = {
        key(),
        key(choice=replace(CHOICE, spec=replace(SPEC, name="other"))),
        key(choice=replace(CHOICE, spec=replace(SPEC, key_version=2))),
    }

    assert len(keys) == 3


def test_options_are_identity_unless_they_say_otherwise() -> None:
    assert key(choice=replace(CHOICE, options=Options(quality="low"))) != key()
    assert key(choice=replace(CHOICE, options=Options(tags=("a",)))) != key()
    assert key(choice=replace(CHOICE, options=Options(api_key="secret", timeout_s=99.0))) == key()
    assert key(choice=replace(CHOICE, label="closeup")) == key()


def test_an_option_may_say_what_of_it_is_identity() -> None:
    @dataclass(frozen=True)
    class Options:
        url: str = field(default="", metadata={"identity": lambda url: "loopback" if "127" in url else url})

    assert identity.identifying_options(Options("http://127.0.0.1:1")) == {"url": "loopback"}
    assert identity.identifying_options(Options("https://a.example")) == {"url": "https://a.example"}


def test_where_a_shot_starts_is_identity() -> None:
    picture = GivenImage(path=Path("bag.png"), sha256="aa", format="png", size=9, width=4, height=3)
    keys = {
        key(),
        key(given=picture),
        key(given=replace(picture, sha256="bb")),
        key(previous="aa"),
        key(previous="bb"),
    }

    assert len(keys) == 5
    assert key(given=replace(picture, path=Path("/elsewhere/bag.png"))) == key(given=picture)


def test_the_key_has_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()

    monkeypatch.setattr(identity, "VERSION", identity.VERSION + 1)

    assert key() != before


def test_a_whole_number_is_the_same_with_and_without_a_point() -> None:
    whole = replace(REQUEST, duration_s=4, fps=24, params={"strength": 1, "list": [2, {"x": 3}]})
    pointed = replace(REQUEST, duration_s=4.0, fps=24.0, params={"strength": 1.0, "list": (2.0, {"x": 3.0})})

    assert key(whole) == key(pointed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": True}, {"a": 1}),
        ({"a": "1"}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": ""}, {"a": None}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": [[1], 2]}, {"a": [1, 2]}),
        ({"a": 0.1}, {"a": 0.1000000001}),
        ({"é": 1}, {"e\u0301": 1}),
    ],
)
def test_values_that_differ_make_keys_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert identity.digest(one) != identity.digest(other)


@given(st.permutations(["a", "b", "c", "d", "e", "f"]))
def test_a_set_of_options_has_no_order(names: list[str]) -> None:
    assert identity.digest({"tags": frozenset(names)}) == identity.digest({"tags": sorted(names)})


def test_the_order_in_which_keys_were_typed_does_not_matter() -> None:
    assert identity.digest({"a": 1, "b": {"c": 2, "d": 3}}) == identity.digest(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )


@given(st.dictionaries(st.text(), st.text()))
def test_any_text_has_a_digest(value: dict[str, str]) -> None:
    found = identity.digest(value)

    assert len(found) == 64
    assert set(found) <= set("0123456789abcdef")


def test_keys_are_the_same_in_every_process() -> None:
    program = "\n".join(
        [
            "import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]",
            "import test_identity as here",
            "print(here.key(here.replace(here.REQUEST, params={'a': {'b': [1, 'x']}, 'c': None})))",
        ]
    )
    root = Path(__file__).parents[2]
    answers = {
        subprocess.run(
            [sys.executable, "-c", program, str(root), str(root / "tests" / "planning")],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(answers) == 1


def test_names_are_identity_only_where_they_change_the_clip() -> None:
    renamed = replace(REQUEST, shot="another name")
    titled = replace(CHOICE, spec=replace(SPEC, names_matter=True))
    assert key(request=renamed) == key()
    assert key(request=renamed, choice=titled) != key(choice=titled)

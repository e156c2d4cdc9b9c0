"""A film that was recorded against the emulator is made again from the recording: no socket, no key, no request."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.emulator.client import running

from runner.redaction import spellings
from tests.kie_account import QUICK, SMALL, KieAccount, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}
CANARY = "CanaryKey-7f3a9b1c2d4e5f60"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture
def kie(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieAccount:
    account = opened(emulator)
    key = emulator.account(f"{CANARY}{account.key[:8]}")
    monkeypatch.setenv("KIE_API_KEY", key)
    return KieAccount(emulator, key, account.asked_before)


@pytest.fixture
def film(workplace: Workplace, kie: KieAccount) -> str:
    """A recorded film; the override that selects its project."""
    film = workplace.project(CHAIN, shot=SMALL)
    answer = workplace.run(film, *kie.words, "+ci=record")
    assert answer.code == 0, answer.out + answer.err
    return film


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """A machine without a network and without a key."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address}")

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KIE_API_KEY")
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket.socket, "connect_ex", refuse)
        yield


def manifest_of(root: Path) -> str:
    (found,) = [path for path in root.rglob("manifest.json") if "latest" not in path.parts]
    return found.read_text(encoding="utf-8")


def cassette(workplace: Workplace) -> Path:
    return workplace.path / "cassettes" / "film"


def exchanges(workplace: Workplace, of: str) -> list[dict[str, Any]]:
    """The recorded exchanges whose URL holds a word."""
    files = sorted((cassette(workplace) / "exchanges").glob("*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return [one for one in found if of in one["request"]["url"]]


def test_a_replay_makes_the_same_manifest_without_a_key_and_without_a_socket(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    before = len(kie.emulator.books().tasks)
    made = manifest_of(workplace.path / "outputs" / "film")

    with offline():
        answer = workplace.run(film, *kie.words, "+ci=replay")

    assert answer.code == 0, answer.out + answer.err
    assert manifest_of(workplace.path / "outputs" / "replay" / "film") == made
    assert "nothing was requested, and nothing is paid" in " ".join(answer.out.split())
    assert len(kie.emulator.books().tasks) == before
    assert {one["request"]["method"] for one in exchanges(workplace, "/")} == {"GET", "POST"}


def test_a_replay_makes_everything_anew(workplace: Workplace, kie: KieAccount, film: str) -> None:
    with offline():
        for _ in range(2):
            answer = workplace.run(film, *kie.words, "+ci=replay")
            assert answer.code == 0, answer.out + answer.err
            assert "kept" not in answer.out
    (run,) = (workplace.path / "outputs" / "replay" / "film").glob("2*")
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert sum(event["kind"] == "shot_finished" for event in events) == 2


def test_a_changed_prompt_fails_with_the_field_named(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    words = ("sequences.main.shots.two.prompt='a storm on the lake'", *kie.words, "+ci=replay")
    with offline():
        answer = workplace.run(film, *words)

    assert answer.code == 1
    printed = " ".join((answer.out + answer.err).split())
    assert 'body.input.prompt: recorded "wind on the lake", requested "a storm on the lake"' in printed
    assert "POST http://loopback/api/v1/jobs/createTask" in printed
    assert "+ci=record" in printed


def test_a_clip_that_was_changed_in_the_cassette_is_refused(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    clip = next((cassette(workplace) / "media").glob("*.mp4"))
    clip.write_bytes(clip.read_bytes()[:-1] + b"x")
    with offline():
        answer = workplace.run(film, *kie.words, "+ci=replay")

    assert answer.code == 2
    assert "a recorded file has changed" in answer.err


def test_no_byte_of_a_cassette_is_a_key(workplace: Workplace, kie: KieAccount, film: str) -> None:
    files = [path for path in cassette(workplace).rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        data = path.read_bytes() + str(path).encode()
        assert not [one for one in spellings(kie.key) if one.encode() in data], path
        assert CANARY.encode() not in data, path


def test_a_recording_is_small_and_stays_the_same_when_nothing_new_is_asked(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    before = {path: path.read_bytes() for path in cassette(workplace).rglob("*") if path.is_file()}
    answer = workplace.run(film, *kie.words, "+ci=record")

    assert answer.code == 0, answer.out + answer.err
    after = {path: path.read_bytes() for path in cassette(workplace).rglob("*") if path.is_file()}
    assert after == before
    assert all(len(one["answers"]) <= 10 for one in exchanges(workplace, "recordInfo"))


def test_clips_that_were_made_without_a_recording_are_not_left_out_silently(
    workplace: Workplace, kie: KieAccount
) -> None:
    film = workplace.project(CHAIN, shot=SMALL)
    assert workplace.run(film, *kie.words).code == 0

    answer = workplace.run(film, *kie.words, "+ci=record")

    assert answer.code == 2
    assert "made without being recorded" in answer.err
    assert "output.root=" in answer.err


def test_a_paid_run_is_not_put_where_replays_are(workplace: Workplace, kie: KieAccount, film: str) -> None:
    with offline():
        assert workplace.run(film, *kie.words, "+ci=replay").code == 0

    answer = workplace.run(film, *kie.words, "output.root=outputs/replay")

    assert answer.code == 2
    assert "each of which empties it" in answer.err


def test_a_replay_empties_no_folder_that_is_not_its_own(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    kept = workplace.write("outputs/replay/mine.txt", "kept")
    with offline():
        answer = workplace.run(film, *kie.words, "+ci=replay")

    assert answer.code == 2
    assert "not made by a replay" in answer.err
    assert kept.read_text() == "kept"


def test_pruning_removes_what_a_replay_did_not_use(workplace: Workplace, kie: KieAccount, film: str) -> None:
    words = ("sequences.main.shots.two.prompt='a storm on the lake'", *kie.words)
    assert workplace.run(film, *words, "+ci=record").code == 0
    used = len(exchanges(workplace, "/"))
    clips = len(list((cassette(workplace) / "media").glob("*.mp4")))
    with offline():
        answer = workplace.run(film, *words, "+ci=replay", "ci.prune=true")
        assert answer.code == 0, answer.out + answer.err
        assert len(exchanges(workplace, "/")) < used
        assert len(list((cassette(workplace) / "media").glob("*.mp4"))) == clips - 1
        assert workplace.run(film, *words, "+ci=replay").code == 0


def test_a_recording_that_is_too_large_says_so_and_the_clips_are_kept(
    workplace: Workplace, kie: KieAccount
) -> None:
    film = workplace.project(CHAIN, shot=SMALL)
    answer = workplace.run(film, *kie.words, "+ci=record", "ci.max_file_mb=0.001")

    assert answer.code == 1
    assert "no room for a file" in answer.out + answer.err
    assert len(list((workplace.path / "outputs" / "film").rglob("02_two.mp4"))) == 1

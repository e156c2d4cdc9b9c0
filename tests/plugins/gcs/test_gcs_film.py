"""Whole films by way of a bucket, and the conformance suite, through the real command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugins.gcs.bench import stored
from tests.plugins.gcs.front import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace
    from tests.plugins.gcs.front import Front

CHAIN = {"one": {"boats": "Boats come home", "gulls": "Gulls follow", "lamp": "A lamp is lit"}}
NO_FALLBACK = "continuity.fallback=none"


@pytest.fixture
def by_bucket(workplace: Workplace, front: Front, bucket: str, key_file: Path) -> tuple[str, ...]:
    """A film of three chained shots, its images in the bucket."""
    return (
        workplace.project(CHAIN),
        *("uploader=gcs", f"uploader.bucket={bucket}", f"uploader.api_url={front.url}"),
        f"uploader.credentials_file={key_file}",
    )


def starts(workplace: Workplace) -> dict[str, str]:
    """What each shot was really made from."""
    (sequence,) = workplace.manifest()["sequences"].values()
    return {name: shot["input_mode"] for name, shot in sequence["shots"].items()}


def test_a_chain_goes_on_from_signed_addresses(
    workplace: Workplace, front: Front, bucket: str, by_bucket: tuple[str, ...]
) -> None:
    answer = workplace.run(*by_bucket, NO_FALLBACK)

    assert answer.code == 0, answer.err
    assert starts(workplace) == {"boats": "text", "gulls": "image", "lamp": "image"}
    assert len(stored(front, bucket)) == 2
    assert front.asked(f"GET /{bucket}/runner/") >= 2


def test_a_finished_film_asks_google_for_nothing(
    workplace: Workplace, front: Front, by_bucket: tuple[str, ...]
) -> None:
    assert workplace.run(*by_bucket).code == 0
    front.lines.clear()

    answer = workplace.run(*by_bucket, "uploader.credentials_file=gone.json")

    assert answer.code == 0, answer.err
    assert not front.lines


def test_a_film_shows_no_secret_anywhere(
    workplace: Workplace, key_file: Path, by_bucket: tuple[str, ...]
) -> None:
    known = json.loads(key_file.read_text())

    answer = workplace.run(*by_bucket, NO_FALLBACK, "--debug")

    assert answer.code == 0, answer.err
    secrets = [line.encode() for line in known["private_key"].splitlines() if "-" not in line]
    secrets.append(b"X-Goog-Signature")
    files = [file for file in workplace.path.rglob("*") if file.is_file() and file != key_file]
    assert len(files) > 10
    for content in (answer.out.encode(), answer.err.encode(), *(file.read_bytes() for file in files)):
        assert not [secret for secret in secrets if secret in content]


def test_a_chain_goes_on_from_public_addresses_of_an_emulator(
    workplace: Workplace, front: Front, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that Google's own libraries know, and nothing between us and the emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", front.emulator)

    answer = workplace.run(
        workplace.project(CHAIN),
        *("uploader=gcs", f"uploader.bucket={bucket}", "uploader.access=public", NO_FALLBACK),
    )

    assert answer.code == 0, answer.err
    assert starts(workplace) == {"boats": "text", "gulls": "image", "lamp": "image"}
    assert len(stored(front, bucket)) == 2


def test_pictures_are_gone_with_the_run_that_wants_it(
    workplace: Workplace, front: Front, bucket: str, by_bucket: tuple[str, ...]
) -> None:
    answer = workplace.run(*by_bucket, NO_FALLBACK, "uploader.delete_at_end=true")

    assert answer.code == 0, answer.err
    assert front.asked("DELETE ") == 2
    assert stored(front, bucket) == {}
    front.lines.clear()
    assert workplace.run(*by_bucket, NO_FALLBACK, "uploader.delete_at_end=true").code == 0
    assert front.lines == [], "a finished run asks nothing of Google"


def test_pictures_that_cannot_be_deleted_are_told(
    workplace: Workplace, front: Front, by_bucket: tuple[str, ...]
) -> None:
    front.faults += [Fault("DELETE", 403, "no storage.objects.delete access")] * 2

    answer = workplace.run(*by_bucket, NO_FALLBACK, "uploader.delete_at_end=true")

    assert answer.code == 0, answer.err
    said = " ".join(answer.out.split())
    assert "! hosted images are left behind: there is no permission" in said
    assert "no storage.objects.delete access" in said


def test_pictures_stay_while_a_task_may_need_them(
    workplace: Workplace, front: Front, bucket: str, by_bucket: tuple[str, ...]
) -> None:
    slow = "+sequences.one.shots.gulls.params.latency_s=60"

    late = workplace.run(
        *by_bucket, NO_FALLBACK, "uploader.delete_at_end=true", slow, "limits.task_timeout_s=1"
    )

    assert late.code == 1
    assert "! the hosted images stay, since tasks may still need them" in " ".join(late.out.split())
    assert len(stored(front, bucket)) == 1


def test_a_wrong_bucket_is_the_reason_for_going_on_from_the_prompt(
    workplace: Workplace, by_bucket: tuple[str, ...]
) -> None:
    answer = workplace.run(*by_bucket, "uploader.bucket=no-such-films")

    assert answer.code == 0, answer.err
    assert starts(workplace) == {"boats": "text", "gulls": "text", "lamp": "text"}
    assert "there is no bucket no-such-films" in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "later_h", "says"),
    [
        (("uploader.bucket=no-such-films",), 0, "there is no bucket no-such-films"),
        ((), 25, "the image URL cannot be fetched back"),
        (("uploader.access=public",), 0, "is not public"),
    ],
)
def test_nothing_is_asked_for_that_would_not_start_from_its_picture(
    workplace: Workplace,
    front: Front,
    by_bucket: tuple[str, ...],
    words: tuple[str, ...],
    later_h: int,
    says: str,
) -> None:
    front.later = timedelta(hours=later_h)

    answer = workplace.run(*by_bucket, NO_FALLBACK, *words)

    assert answer.code == 1
    assert says in answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    shots = list((workplace.path / "outputs").rglob("shots/*.mp4"))
    assert [shot.name for shot in shots] == ["01_boats.mp4"]


@pytest.mark.parametrize(
    ("words", "says", "helps"),
    [
        (
            ("uploader.credentials_file=none.json",),
            "the key file none.json of Google Cloud Storage cannot be read",
            "uploader.credentials_file=FILE that is there",
        ),
        (("uploader.credentials_file=notes.txt",), "is not JSON", "makes a key file"),
        (("uploader.credentials_file=",), "cannot sign a URL", "uploader.credentials_file=KEY.json"),
        (("uploader.expires_h=0.01",), "served for 36 s, and a task may wait 1800 s", "uploader.expires_h"),
    ],
)
def test_a_host_that_is_certain_not_to_work_is_told_before_anything_starts(
    workplace: Workplace, by_bucket: tuple[str, ...], words: tuple[str, ...], says: str, helps: str
) -> None:
    workplace.write("notes.txt", "no key at all")

    answer = workplace.run(*by_bucket, *words)

    assert answer.code == 2
    assert says in answer.err
    assert helps in answer.err
    assert "nothing was started" in answer.err
    assert not list((workplace.path / "outputs").rglob("*.mp4"))


def test_without_a_bucket_nothing_starts(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(CHAIN), "uploader=gcs")

    assert answer.code == 2
    assert "uploader.bucket: has to be filled in" in answer.err
    assert "conf/uploader/gcs.yaml" in answer.err


@pytest.mark.parametrize("access", ["signed", "public"])
def test_it_keeps_its_contract(
    workplace: Workplace, front: Front, bucket: str, key_file: Path, access: str
) -> None:
    """By the emulator itself: it takes HEAD of what is signed for GET, which by its documentation Google does not."""
    answer = workplace.run(
        *("conformance", "gcs", "--json", f"uploader.bucket={bucket}", f"uploader.access={access}"),
        *(f"uploader.api_url={front.emulator}", f"uploader.credentials_file={key_file}"),
    )

    assert answer.code == 0, answer.out
    checks: list[dict[str, Any]] = answer.json["plugins"]["uploader gcs"]
    assert {check["verdict"] for check in checks} == {"ok"}
    assert len(checks) >= 8

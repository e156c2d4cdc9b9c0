"""A paid film whose first frames come out of a bucket: both services emulated, each in a process of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, SMALL, KieAccount, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Workplace
    from tests.plugins.gcs.front import Front

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake", "three": "rain on the lake"}}


@pytest.fixture(scope="module")
def kie_emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture
def kie(kie_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieAccount:
    account = opened(kie_emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    return account


@pytest.mark.parametrize("access", ["signed", "public"])
def test_kie_fetches_the_hand_over_frame_out_of_the_bucket(
    workplace: Workplace, front: Front, bucket: str, key_file: Path, kie: KieAccount, access: str
) -> None:
    address = front.url if access == "signed" else front.emulator
    answer = workplace.run(
        workplace.project(CHAIN, shot=SMALL),
        *(
            "generator=kie",
            f"generator.api_url={kie.emulator.url}",
            "uploader=gcs",
            f"uploader.bucket={bucket}",
        ),
        *(f"uploader.api_url={address}", f"uploader.access={access}", "continuity.fallback=none"),
        *((f"uploader.credentials_file={key_file}",) if access == "signed" else ()),
    )

    assert answer.code == 0, answer.err
    sent = {body["input"]["prompt"]: body["input"].get("first_frame_url", "") for body in kie.sent()}
    assert sent.pop("a quiet lake") == ""
    assert all(url.startswith(f"{address}/{bucket}/runner/") for url in sent.values())
    assert all(("X-Goog-Signature=" in url) is (access == "signed") for url in sent.values())
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert [shots[name]["adherence"]["verdict"] for name in ("two", "three")] == ["locked", "locked"]
    spent = sum(Decimal(str(row["cost_usd"])) for row in workplace.run("journal", "--json").json)
    assert spent == kie.spent_usd


def test_without_credentials_nothing_is_asked_of_kie(
    workplace: Workplace, front: Front, bucket: str, kie: KieAccount
) -> None:
    answer = workplace.run(
        workplace.project(CHAIN, shot=SMALL),
        *(
            "generator=kie",
            f"generator.api_url={kie.emulator.url}",
            "uploader=gcs",
            f"uploader.bucket={bucket}",
        ),
        *(f"uploader.api_url={front.url}", "uploader.credentials_file=none.json", "continuity.fallback=none"),
    )

    assert answer.code == 2
    assert "the key file none.json of Google Cloud Storage cannot be read; nothing was started" in answer.err
    assert kie.books.creations == 0

"""An outputs root that the version before wrote: its clips are reused, nothing is paid for again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.store import journal_path, read_journal
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.store.sqlite.schema import VERSION
from runner.testing.fake_provider.client import running
from tests.engine.paid import PLUGINS
from tests.store.old_paid_root.build import PAID, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Answer, Workplace

HERE = Path(__file__).parent / "old_paid_root"
PAID_RUN = "outputs/paid/fake-2d83214d"
SECOND_RUN = "outputs/paid/fake-efedbeca"
SUBMITTED = {"main/one": 1, "main/two": 2, "other/failed": 2, "other/unknown": 1}
"""What the provider had been asked for."""


@pytest.fixture
def fake(workplace: Workplace) -> Iterator[FakeProvider]:
    """The provider that made the clips, with its books."""
    with running(Path(shutil.copy(HERE / "books.jsonl", workplace.path))) as provider:
        provider.script(**SCRIPT)
        yield provider


class OldRoot:
    """The root as it was, and its project as it is written today."""

    def __init__(self, workplace: Workplace, fake: FakeProvider) -> None:
        self.workplace = workplace
        self.root = workplace.path / "outputs"
        shutil.copytree(HERE / "root", self.root)
        for path in [*self.root.rglob("*.mp4"), *self.root.rglob("*.png")]:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            stored = self.root / ".runner" / "objects" / digest[:2] / digest[2:]
            stored.parent.mkdir(parents=True, exist_ok=True)
            if not stored.exists():
                os.link(path, stored)
        with contextlib.closing(sqlite3.connect(journal_path(self.root))) as journal:
            journal.executescript((HERE / "journal.sql").read_text(encoding="utf-8"))
        cuts = {shot: {"prompt": prompt, "boundary": "cut"} for shot, prompt in PAID["other"].items()}
        self.paid = workplace.project(
            {"main": PAID["main"], "other": cuts},
            name="paid",
            generator={"plugin": "fake", "base_url": fake.base_url, "price_usd": 0.1},
            plugins={"dirs": [str(PLUGINS)]},
        )

    def version(self) -> int:
        with contextlib.closing(sqlite3.connect(journal_path(self.root))) as journal:
            (version,) = journal.execute("PRAGMA user_version").fetchone()
        return int(version)

    def read(self) -> list[Answer]:
        """What the verbs say that only read."""
        commands = (
            ("journal", "--json"),
            ("plan", self.paid, "--json"),
            ("why", SECOND_RUN, "main/two", "--json"),
            ("verify", PAID_RUN, "--json"),
        )
        return [self.workplace.run(*words) for words in commands]


@pytest.fixture
def old(workplace: Workplace, fake: FakeProvider) -> OldRoot:
    return OldRoot(workplace, fake)


def unchanging(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what a rerun may write to it: when, and the note of an outcome that stays unknown."""
    return {name: value for name, value in row.items() if name not in ("updated", "note")}


def test_the_verbs_that_read_leave_an_older_journal_as_it_is(old: OldRoot) -> None:
    assert old.version() == 1
    rows, plan, why, verified = old.read()

    assert [(row["shot"], row["phase"]) for row in rows.json] == [
        ("one", "fetched"),
        ("failed", "failed"),
        ("unknown", "unknown"),
        ("two", "fetched"),
        ("failed", "failed"),
        ("two", "fetched"),
    ]
    standing = {shot["shot"]: shot["standing"] for shots in plan.json["sequences"].values() for shot in shots}
    assert standing == {
        "one": "paid already",
        "two": "paid already",
        "failed": "to do",
        "unknown": "outcome unknown",
    }
    assert why.json["differences"] == {"seed": [None, 5]}
    (folder,) = verified.json
    assert folder["files"] == 4
    assert [problem.partition(" is ")[0] for problem in folder["problems"]] == [
        "other/failed",
        "other/unknown",
    ]
    assert old.version() == 1


def test_clips_of_an_older_root_are_reused_and_nothing_is_paid_for_again(
    old: OldRoot, fake: FakeProvider
) -> None:
    before = [answer.json for answer in old.read()]
    clips = {path: path.read_bytes() for path in old.root.rglob("*.mp4")}

    again = old.workplace.run(old.paid)

    assert again.code == 3, again.out + again.err
    # It failed, and was refunded.
    assert fake.books().submissions_by_shot == {**SUBMITTED, "other/failed": 3}
    assert old.version() == VERSION
    assert {path: path.read_bytes() for path in clips} == clips
    after = [answer.json for answer in old.read()]
    assert [unchanging(row) for row in after[0][:-1]] == [unchanging(row) for row in before[0]]
    assert after[1] == before[1], "the plan"
    assert after[2] == before[2], "why"


def test_an_older_journal_is_read_whole(old: OldRoot) -> None:
    reader = read_journal(old.root)
    assert reader is not None
    with reader:
        attempts = reader.attempts(Filter())
    assert [attempt.seq for attempt in attempts] == sorted(attempt.seq for attempt in attempts)
    one, two, _ = (attempt for attempt in attempts if attempt.phase is Phase.FETCHED)
    assert one.record.clip is not None
    assert (one.record.clip.width, one.record.clip.fps) == (64, "8")
    assert two.record.first_frame is not None
    assert two.record.adherence is not None
    assert two.record.adherence.verdict == "locked"


def test_the_user_resolves_what_an_older_version_left_unknown(old: OldRoot, fake: FakeProvider) -> None:
    rows = old.workplace.run("journal", "state=unknown", "--json").json
    (row,) = rows
    assert old.workplace.run("journal", "resolve", row["token"], "--abandon").code == 0
    fake.script(default={"price_usd": "0.10"})
    finished = old.workplace.run(old.paid)
    assert finished.code == 0, finished.out + finished.err
    assert fake.books().submissions_by_shot == {**SUBMITTED, "other/failed": 3, "other/unknown": 2}


def test_an_older_root_without_its_journal_is_rebuilt_from_its_run_folders(
    old: OldRoot, fake: FakeProvider
) -> None:
    journal_path(old.root).unlink()
    fake.script(default={"price_usd": "0.10"})
    assert old.workplace.run(old.paid).code == 2
    recovered = old.workplace.run("recover", "--json")
    assert (recovered.json["recorded"], recovered.json["cost_usd"]) == (3, 0.3)
    assert old.workplace.run(old.paid).code == 0
    assert fake.books().submissions_by_shot == {**SUBMITTED, "other/failed": 3, "other/unknown": 2}

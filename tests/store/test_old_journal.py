"""An outputs root of version 0.1.0 is read, migrated, and nothing of it is paid for again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from runner import store
from runner.api import InputMode
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.store.sqlite import creation, schema
from tests.store import old_root
from tests.store.contract import run
from tests.store.local_store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from runner.store.attempt import Attempt
    from tests.conftest import Workplace

LOST, REFUSED = "3" * 32, "4" * 32


@pytest.fixture
def old(tmp_path: Path) -> LocalStore:
    return LocalStore(old_root.restore(tmp_path))


def check(found: list[Attempt]) -> None:
    fetched, others = found[:3], found[3:]
    assert {one.phase for one in fetched} == {Phase.FETCHED}
    assert [one.token[0] for one in others] == ["1", "2", "3", "4"]
    assert others[0].task_from_user
    assert (others[2].task, others[2].cost) == ("78", 90_000)
    assert others[3].created < others[2].created
    (chained,) = (one for one in fetched if one.record.first_frame)
    record = chained.record
    assert chained.name == "main/pour"
    assert record.input_mode is InputMode.IMAGE
    assert record.first_frame is not None
    assert record.first_frame.extension == "png"
    assert record.adherence is not None
    assert record.adherence.verdict == "locked"
    assert {one.record.clip.frames for one in fetched if one.record.clip} == {4}
    assert {one.identity["prompt"] for one in fetched} == {"A calm lake", "A red hill", "The lake at night"}


def test_an_old_journal_is_read_without_being_changed(old: LocalStore) -> None:
    before = old.journal.read_bytes()
    with old.reader() as reader:
        check(reader.attempts(Filter()))
        assert reader.leased() == frozenset()
    assert old.journal.read_bytes() == before


def test_an_old_journal_is_migrated_by_whoever_opens_it_first(old: LocalStore) -> None:
    async def steps() -> None:
        async with asyncio.TaskGroup() as opening:
            for _ in range(8):
                opening.create_task(opened())
        with old.reader() as reader:
            check(reader.attempts(Filter()))

    async def opened() -> None:
        async with old.session() as journal:
            check(await journal.attempts(Filter()))
            decisive = await journal.decisive("3" * 64)
            assert decisive is not None
            # By the journal's own order. By the clock it would be the lost one, whose clip is paid for again then.
            assert decisive.token == REFUSED

    run(steps())


def test_a_journal_that_is_migrated_meanwhile_is_not_called_damaged(old: LocalStore) -> None:
    class Overtaken(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "sqlite_master" in sql:
                creation.open_for_writing(old.journal).close()
            return super().execute(sql, *values)

    with closing(sqlite3.connect(old.journal, isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode = WAL")  # as each that opens it does
    with closing(sqlite3.connect(old.journal, isolation_level=None, factory=Overtaken)) as overtaken:
        assert creation.checked_version(old.journal, overtaken) < schema.VERSION
    with closing(sqlite3.connect(old.journal)) as after:
        assert schema.version_of(after) == schema.VERSION


def test_the_clips_of_an_old_root_are_reused(workplace: Workplace) -> None:
    root = old_root.restore(workplace.path)

    planned = workplace.run("plan", "+project=old", "--json")
    done = workplace.run("-q", "+project=old")

    standing = {shot["standing"] for shots in planned.json["sequences"].values() for shot in shots}
    assert standing == {"paid already"}
    assert done.code == 0, done.err
    reader = store.read_journal(root)
    assert reader is not None
    with reader:
        check(reader.attempts(Filter()))
        assert len(reader.attempts(Filter())) == 7
    assert (root / old_root.RUN / "main" / "film.mp4").is_file()

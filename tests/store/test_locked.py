"""A journal that cannot be written for the moment: waited for, reported, and no task id is lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import JournalError
from runner.store.attempt import Phase
from runner.store.interface import Change, Filter
from runner.store.local.disk import failure
from runner.store.sqlite.writer import Patience
from tests.store.contract import attempt, intended, run
from tests.store.local_store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HAS_LOCKS = os.path.exists("/proc/locks")
SHORT = Patience(try_s=0.1, whole_s=0.5)
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return LocalStore(tmp_path / "outputs")


@contextlib.contextmanager
def locked(journal: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the write lock, until its input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(journal)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.communicate("", timeout=60)


def test_a_lock_is_waited_for_and_its_holder_named(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session(patience=Patience(try_s=0.1, whole_s=120.0)) as journal:
            first = await intended(journal)
            with locked(local.journal) as holder:
                moving = asyncio.create_task(
                    journal.move(first.token, Phase.SUBMITTED, Change(task="42", task_data={}))
                )
                deadline = time.monotonic() + 60
                while not local.told:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.02)
                assert not moving.done()
                message = local.told[0]
            assert (await moving).task == "42"
        by = f"process {holder.pid}" if HAS_LOCKS else "another process"
        assert f"the journal is locked by {by}; waiting" in message

    run(steps())


def test_a_lock_that_is_not_given_back_is_an_error_that_advises_no_other_root(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session(patience=SHORT) as journal:
            first = await intended(journal)
            with locked(local.journal) as holder:
                with pytest.raises(JournalError, match="is locked") as raised:
                    await journal.move(first.token, Phase.SUBMITTED, Change(task="42"))
                with pytest.raises(JournalError, match="is locked") as opening:
                    async with local.session(patience=SHORT) as other:
                        await other.renew()
            # The session goes on when the lock is free.
            await journal.move(first.token, Phase.SUBMITTED, Change(task="42"))
        assert str(holder.pid) in raised.value.why or not HAS_LOCKS
        for error in (raised.value, opening.value):
            assert "output.root" not in str(error)

    run(steps())


def test_a_session_that_could_not_give_its_leases_back_holds_nobody_up(local: LocalStore) -> None:
    """Its process may live on for long: a notebook, or a server."""

    async def steps() -> None:
        async with local.session(patience=SHORT) as journal:
            first = await journal.acquire("k")
            assert first is not None
            with local.reader() as reader:
                assert reader.leased() == {"k"}
            lock = sqlite3.connect(local.journal, isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
        lock.close()
        async with local.session() as other:
            assert await other.leased() == frozenset()
            taken = await other.acquire("k")
            assert taken is not None
            assert taken.fence > first.fence

    run(steps())


def test_each_of_those_who_waited_gets_an_error_of_its_own(local: LocalStore) -> None:
    """A shot adds its own task id to the error that it shows."""

    async def steps() -> None:
        async with local.session(patience=SHORT) as journal:
            tokens = [(await intended(journal, token)).token for token in "ab"]
            with locked(local.journal):
                errors = await asyncio.gather(
                    *(journal.move(token, Phase.SUBMITTED, Change(task=token)) for token in tokens),
                    return_exceptions=True,
                )
        assert all(isinstance(error, JournalError) for error in errors)
        assert str(errors[0]) == str(errors[1])
        assert errors[0] is not errors[1]

    run(steps())


def test_a_task_id_that_a_locked_journal_did_not_take_is_adopted(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session(patience=SHORT) as journal:
            first = await intended(journal)
            with locked(local.journal):
                with pytest.raises(JournalError):
                    await journal.move(first.token, Phase.SUBMITTED, Change(task="42"))
                kept = await journal.spill(first.token, "42", {"region": "eu"})
        assert kept == local.root / ".runner" / "spill" / f"{first.token}.json"
        async with local.session() as journal:
            found = await journal.decisive(first.key)
            assert found is not None
            assert (found.phase, found.task, found.task_data) == (Phase.SUBMITTED, "42", {"region": "eu"})
        assert not kept.exists()
        assert any("adopted task 42" in line for line in local.told)

    run(steps())


@contextlib.contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Not even the superuser can write a file, or into a folder."""
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", path], check=False).returncode:
        pytest.skip("files cannot be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_a_task_id_survives_a_root_that_cannot_be_written(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            first = await intended(journal)
        with unwritable(local.journal), unwritable(local.journal.parent):
            with pytest.raises(JournalError, match="no permission") as raised:
                async with local.session() as journal:
                    await journal.move(first.token, Phase.SUBMITTED, Change(task="42"))
            kept = await local.session().spill(first.token, "42", {})
        assert "output.root" not in str(raised.value)
        assert kept is not None
        assert kept.parent.name == "temporary"
        async with local.session() as journal:
            found = await journal.decisive(first.key)
            assert found is not None
            assert found.task == "42"
        assert not kept.exists()

    run(steps())


def test_a_spilled_task_id_is_kept_while_the_journal_does_not_have_it(local: LocalStore) -> None:
    """A journal that was replaced meanwhile, or an attempt that the user settled, is no reason to drop an id."""

    async def steps() -> None:
        async with local.session() as journal:
            first = await intended(journal, "a")
            await journal.move(first.token, Phase.REFUSED, Change(cost=0))
            refused = await journal.spill(first.token, "42", {})
            unknown = await journal.spill(attempt("b").token, "43", {})
        for _ in range(2):
            local.told.clear()
            async with local.session() as journal:
                assert len(await journal.attempts(Filter())) == 1
            assert len(local.told) == 2
            assert all(task in " ".join(local.told) for task in ("42", "43", str(refused), str(unknown)))

    run(steps())


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"token": "../x", "task": "1", "task_data": {}}', "1" * 70_000, '{"token": 7}']
)
def test_a_broken_spill_file_harms_nothing(local: LocalStore, text: str) -> None:
    folder = local.root / ".runner" / "spill"
    folder.mkdir(parents=True)
    (folder / "0.json").write_text(text, encoding="utf-8")

    async def steps() -> None:
        async with local.session() as journal:
            assert await journal.attempts(Filter()) == []

    run(steps())
    assert (folder / "0.json").exists()


def test_spilling_never_raises(local: LocalStore) -> None:
    async def steps() -> None:
        journal = local.session()
        odd = await journal.spill("a" * 32, "42", {"odd": object()})  # type: ignore[dict-item]
        assert odd is not None
        assert '"task": "42"' in odd.read_text(encoding="utf-8")
        shutil.rmtree(local.root)
        local.root.write_bytes(b"no folder")
        (local.root.parent / "temporary").rmdir()
        assert await journal.spill("a" * 32, "42", {}) is not None  # the folder is made again
        shutil.rmtree(local.root.parent / "temporary")
        (local.root.parent / "temporary").write_bytes(b"no folder")
        assert await journal.spill("a" * 32, "42", {}) is None

    run(steps())


def test_what_cannot_be_opened_says_why(local: LocalStore) -> None:
    """SQLite has the same words for a missing permission, too many open files, and a folder in the place."""
    cases = {
        errno.EACCES: ("no permission", "who owns"),
        errno.EMFILE: ("too many files", "ulimit"),
        errno.EROFS: ("cannot be written", "writable"),
    }
    for code, (what, hint) in cases.items():
        told = failure(local.journal, OSError(code, os.strerror(code)))
        assert what in told.what
        assert hint in told.hint
    local.journal.mkdir(parents=True)
    told = failure(local.journal, sqlite3.OperationalError("unable to open database file"))
    assert "directory" in told.why

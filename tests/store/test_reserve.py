"""The room that is kept for noting what was paid for."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.errors import JournalError
from runner.store.attempt import Phase
from runner.store.interface import Change
from runner.store.local.disk import ROOM, Reserve, failure, is_full
from runner.store.sqlite import rows
from tests.store.contract import intended, run
from tests.store.local_store import LocalStore


def test_room_is_kept_once_and_given_up_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    (tmp_path / "reserve").write_bytes(b"left by a process that was killed")
    reserve.keep()
    kept = (tmp_path / "reserve").stat()
    assert kept.st_size == ROOM
    reserve.keep()
    assert (tmp_path / "reserve").stat().st_mtime_ns == kept.st_mtime_ns
    assert reserve.give_up()
    assert not reserve.give_up()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_where_there_is_no_room_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "reserve").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space"):
        Reserve(tmp_path / "reserve").keep()
    assert not (tmp_path / "reserve").exists()
    assert not (tmp_path / "reserve").is_symlink()


def test_a_task_id_is_recorded_on_a_full_disk_and_nothing_new_is_begun(tmp_path: Path) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    local = LocalStore(tmp_path)
    reserve = local.journal.with_name("reserve")

    async def steps() -> None:
        async with local.session() as journal:
            first = await intended(journal)
            rows_update = rows.update

            def on_a_full_disk(*values: Any) -> Any:
                if reserve.exists():
                    raise full
                return rows_update(*values)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(rows, "update", on_a_full_disk)
                await journal.move(first.token, Phase.SUBMITTED, Change(task="42"))
            found = await journal.decisive(first.key)
            assert found is not None
            assert found.task == "42"
            with pytest.raises(JournalError, match="the disk is full"):
                await intended(journal, "b")
        async with local.session():
            assert reserve.exists()

    run(steps())


def test_a_full_disk_is_distinguished_from_other_errors(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    assert is_full(OSError(errno.ENOSPC, "no space"), journal)
    assert not is_full(OSError(errno.EIO, "input/output error"), journal)
    broken = sqlite3.OperationalError("disk I/O error")
    broken.sqlite_errorname = "SQLITE_IOERR_WRITE"
    assert not is_full(broken, journal)
    assert "make room" in failure(journal, OSError(errno.ENOSPC, "no space")).hint
    assert (
        "writable" in failure(journal, sqlite3.OperationalError("attempt to write a readonly database")).hint
    )

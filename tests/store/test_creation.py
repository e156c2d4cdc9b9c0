"""A journal comes into being whole: whoever is killed meanwhile leaves none, and many may begin at once."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner import store
from runner.store.interface import Filter
from tests.store import first_start
from tests.store.contract import intended, run
from tests.store.local_store import LocalStore

ROOT = Path(__file__).parents[2]


def program(*words: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(first_start.__file__), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_a_process_killed_while_it_creates_a_journal_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    left = Counter(program("kill", str(tmp_path), "100"))

    assert set(left) == {"killed none", "killed whole"}
    assert left["killed none"] > 20
    assert left["killed whole"] > 20


def test_forty_processes_may_begin_at_once(tmp_path: Path) -> None:
    assert program("together", str(tmp_path), "40") == [0] * 40

    reader = store.read_journal(tmp_path)
    assert reader is not None
    with reader:
        assert len(reader.attempts(Filter())) == 40
    assert not list(tmp_path.rglob("*.new-*"))


def no_tables(journal: Path) -> None:
    """What version 0.1.0 left when it was killed in its first milliseconds."""
    with contextlib.closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize(
    "make", [Path.touch, no_tables, lambda path: path.with_name("journal.db.new-1").write_bytes(b"half")]
)
def test_what_an_unlucky_start_left_is_replaced(tmp_path: Path, make: Any) -> None:
    local = LocalStore(tmp_path)
    local.journal.parent.mkdir(parents=True)
    make(local.journal)
    assert store.read_journal(tmp_path) is None

    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal)

    run(steps())
    with local.reader() as reader:
        assert len(reader.attempts(Filter())) == 1
    assert not list(local.journal.parent.glob("*.new-*"))

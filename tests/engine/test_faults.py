"""What happened to strangers, through a whole run: the id of a paid task is kept, and no clip is paid for twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import runner
from runner import store
from runner.api import EventKind
from runner.engine.timing import Timing
from runner.errors import JournalError
from runner.store.sqlite.journal import SqliteJournal
from runner.store.sqlite.writer import Patience
from runner.testing.fake_provider.client import running
from tests.engine.desk import Desk
from tests.engine.paid import ROOT, PaidProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner import Plan, RunOutcome
    from runner.api import Event
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

SHORT = Patience(try_s=0.1, whole_s=0.5)


@contextlib.contextmanager
def lock_at_submission(journal: Path) -> Iterator[Callable[[Event], None]]:
    """An observer that takes the journal's lock when a request is about to be sent; it is given back at the end."""
    with contextlib.ExitStack() as stack:

        def observe(event: Event) -> None:
            if event.kind is EventKind.SHOT_PROGRESS and event.message == "submitting":
                lock = stack.enter_context(contextlib.closing(sqlite3.connect(journal, isolation_level=None)))
                lock.execute("BEGIN IMMEDIATE")

        yield observe


def executed(plan: Plan, journal: SqliteJournal, observe: Callable[[Event], None]) -> RunOutcome:
    async def steps() -> RunOutcome:
        async with runner.Session(plan.project.output_root, journal=journal) as session:
            (outcome,) = await session.run([plan], observe)
            return outcome

    return asyncio.run(steps())


def test_m2_a_task_id_survives_a_journal_that_stays_locked(
    one: Desk,
    fake: FakeProvider,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = runner.plan(runner.compose([one.project], source=one.workplace.primary))
    root = plan.project.output_root
    path = store.journal_path(root)
    with lock_at_submission(path) as observe:
        outcome = executed(plan, SqliteJournal(path, patience=SHORT), observe)

    (task,) = fake.books().tasks
    (error,) = outcome.errors
    assert isinstance(error, JournalError)
    assert outcome.folder is not None
    (kept,) = (root / ".runner" / "spill").iterdir()
    assert f"task {task} is kept in {kept}" in error.hint
    assert f"--submitted {task}" in error.hint
    assert "output.root" not in str(error)
    assert f"the provider accepted task {task}" in capsys.readouterr().err
    assert task in (outcome.folder / "runner.log").read_text(encoding="utf-8")
    assert (outcome.folder / "manifest.json").is_file(), (
        "what a run made is recorded although the journal failed"
    )

    again = one.run()
    assert again.code == 0, again.out + again.err
    assert f"adopted task {task}" in caplog.text
    assert not kept.exists()
    assert fake.books().submissions == 1


def test_m4_the_plan_and_the_run_refuse_a_journal_that_lost_its_rows(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert one.run().code == 0
    path = store.journal_path(workplace.path / "outputs")
    for lose in (lambda: path.write_bytes(b""), path.unlink):
        lose()
        for words in ((one.project,), ("plan", one.project)):
            refused = workplace.run(*words)
            assert refused.code == 2, refused.out
            assert "$0.10" in refused.err
            assert "python -m runner recover " in refused.err
            assert "python -m runner recover --accept-loss" in refused.err
    assert workplace.run("recover").code == 0
    assert one.run().code == 0
    assert fake.books().submissions == 1


def test_m7_a_task_id_that_another_attempt_has_is_an_unknown_outcome(
    workplace: Workplace, fake: FakeProvider
) -> None:
    """A provider that begins to count again, as after the loss of its own books."""
    assert Desk(workplace, fake, {"main": {"one": "a quiet lake"}}).run().code == 0
    with running(workplace.path / "new_books.jsonl") as forgetful:
        desk = Desk(workplace, forgetful, {"main": {"one": "wind"}})
        for _ in range(2):
            refused = desk.run()
            assert refused.code == 3, refused.out
            assert "task task-1" in refused.out
            assert "journal resolve" in refused.out
        assert forgetful.books().submissions == 1
        assert [row["phase"] for row in desk.rows()] == ["fetched", "unknown"]
        (_, lost) = desk.rows()
        assert "another attempt" in lost["note"]
        assert workplace.run("journal", "resolve", lost["token"], "--abandon").code == 0
        assert desk.run().code == 0
        assert forgetful.books().submissions == 2


class WithFewFiles(PaidProject):
    """A project in processes that may open so many files."""

    limit = 1024

    def start(self, *words: str, fault: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", f'ulimit -n {self.limit}; exec "$@"', "sh", sys.executable, "-m", "runner", *words],
            cwd=self.workplace.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.mark.parametrize("limit", [8, 10, 11, 12, 13, 14])
def test_m8_too_many_open_files_are_named_and_nothing_is_paid_twice(
    workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any], limit: int
) -> None:
    project = WithFewFiles(workplace, fake, uploader, {"main": {"one": "a quiet lake"}})
    assert project.run("shot.seed=1").code == 0
    project.limit = limit
    for words in ((project.override,), ("plan", project.override)):
        failed = project.command(*words)
        assert "Traceback" not in failed.text, failed.text
        assert "damaged" not in failed.text
        if failed.code:
            assert "oo many" in failed.text, failed.text
            assert "next:" in failed.text
    project.limit = 1024
    assert project.run().code == 0
    assert fake.books().accepted == 2


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="takes another user")
def test_m8_a_journal_of_another_user_is_no_damaged_one(one: Desk, workplace: Workplace) -> None:
    assert one.run().code == 0
    # The folders of tests are closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "place"
        shutil.copytree(workplace.path, place)
        for path in (Path(folder), place):
            path.chmod(0o755)
        store.journal_path(place / "outputs").chmod(0o600)
        own = shutil.copy(workplace.user_file, place / "user.yaml")
        for words in (("journal",), ("plan", one.project)):
            refused = subprocess.run(
                ["setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-m", "runner", *words],
                cwd=place,
                env={**os.environ, "PYTHONPATH": str(ROOT), "RUNNER_CONFIG": str(own)},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert refused.returncode == 2, refused.stdout + refused.stderr
            assert "no permission to open the journal" in refused.stderr
            assert "check who owns it" in refused.stderr


def lose_the_clip(root: Path) -> None:
    """From the object store, and from every run folder."""
    for path in root.rglob("*"):
        if path.is_file() and path.read_bytes()[4:8] == b"ftyp":
            path.unlink()


def test_m5_a_clip_that_is_gone_everywhere_is_fetched_again_from_its_provider(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    root = workplace.path / "outputs"
    assert one.run().code == 0
    for lose_rows in (False, True):
        if lose_rows:
            store.journal_path(root).unlink()
            assert workplace.run("recover").code == 0
        lose_the_clip(root)
        again = one.run()
        assert again.code == 0, again.out
    assert fake.books().submissions == 1


def test_m5_a_clip_of_another_account_that_is_gone_can_be_given_up(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert one.run("generator.api_key=alpha").code == 0
    (row,) = one.rows()
    give_up = ("journal", "resolve", row["token"], "--abandon")
    refused = workplace.run(*give_up)
    assert refused.code == 2, "the clip is there"
    lose_the_clip(workplace.path / "outputs")
    stopped = one.run("generator.api_key=beta")
    assert stopped.code == 1
    assert " ".join(give_up) in " ".join(stopped.out.split())
    assert fake.books().submissions == 1
    assert workplace.run(*give_up).code == 0
    assert one.run("generator.api_key=beta").code == 0
    assert fake.books().submissions == 2


def test_m5_a_recovered_clip_without_a_task_id_that_is_gone_is_lost(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    """No run folder says which task it was, so no provider can be asked for it."""
    root = workplace.path / "outputs"
    assert one.run().code == 0
    (run,) = workplace.runs()
    (run / "run.json").write_text("{}", encoding="utf-8")
    store.journal_path(root).unlink()
    assert workplace.run("recover").code == 0
    lose_the_clip(root)
    for _ in range(2):
        lost = one.run()
        assert lost.code == 1, lost.out
        assert "neither in the object store nor at the provider" in " ".join(lost.out.split())
        assert "take=2" in lost.out
    assert fake.books().submissions == 1


def test_m2_a_heartbeat_that_fails_is_not_the_last_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.journal_path(tmp_path)

    async def steps() -> None:
        journal = SqliteJournal(path, patience=SHORT)
        async with runner.Session(tmp_path, timing=Timing(heartbeat_s=0.02), journal=journal):
            assert await journal.acquire("k") is not None
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await until(lambda: "cannot be renewed" in caplog.text)
                other.execute("ROLLBACK")
                (beat,) = other.execute("SELECT beat FROM leases").fetchone()
                await until(lambda: other.execute("SELECT beat FROM leases").fetchone()[0] > beat)

    asyncio.run(steps())


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)

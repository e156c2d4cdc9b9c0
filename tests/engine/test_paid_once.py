"""The first promise where it was broken once: other containers, and journals that lost their rows."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.paid import ROOT, PaidProject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

CONTAINERS = (
    ("unshare", "--pid", "--fork", "--mount-proc"),
    ("unshare", "-r", "--pid", "--fork", "--mount-proc"),
)
"""A command in a PID namespace of its own, under the same host name: as root, and as anybody."""


@pytest.fixture
def project(workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]) -> PaidProject:
    return PaidProject(workplace, fake, uploader)


def container() -> tuple[str, ...]:
    for words in CONTAINERS:
        if shutil.which("unshare") and not subprocess.run([*words, "true"], check=False).returncode:
            return words
    pytest.skip("no PID namespaces can be made here")


@contextlib.contextmanager
def started(project: PaidProject, words: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """A run in a container of its own."""
    with subprocess.Popen(
        [*words, sys.executable, "-m", "runner", project.override],
        cwd=project.workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def test_a_container_that_is_stopped_for_a_while_is_not_overtaken(
    workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]
) -> None:
    """Under one host name, and in another PID namespace: its process number is no sign of its death."""
    words = container()
    project = PaidProject(workplace, fake, uploader, {"main": {"one": "a quiet lake"}})
    fake.script(default={"submit": ["429"], "retry_after_s": 1.0, "price_usd": "0.10", "run_s": 0.05})

    with started(project, words) as first:
        deadline = time.monotonic() + 60
        while "refused" not in workplace.run("journal", "--json").out:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # It holds the lease, and is about to submit again.
        (child,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGSTOP)
        with started(project, words) as second:
            with contextlib.suppress(subprocess.TimeoutExpired):
                second.wait(timeout=4)
            os.kill(int(child), signal.SIGCONT)
            said = [run.communicate(timeout=120)[0] for run in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], said
    assert fake.books().accepted == 1


def emptied(root: Path) -> None:
    (root / ".runner" / "journal.db").write_bytes(b"")


def not_copied_along(root: Path) -> None:
    shutil.rmtree(root / ".runner")


@pytest.mark.parametrize("lose", [emptied, not_copied_along])
def test_a_journal_that_lost_its_rows_is_rebuilt_and_nothing_is_paid_again(
    project: PaidProject, fake: FakeProvider, lose: Any
) -> None:
    assert project.run().code == 0
    paid, before = fake.books().submissions, project.artifacts()
    lose(project.workplace.path / "outputs")

    refused = project.run()
    assert refused.code == 2, refused.text
    assert "does not know what was paid for" in refused.text
    assert "$0.30" in refused.text
    assert "runner recover" in refused.text
    recovered = project.command("recover")
    assert recovered.code == 0, recovered.text
    done = project.run()

    assert done.code == 0, done.text
    assert fake.books().submissions == paid
    assert project.artifacts() == before


def test_a_loss_that_is_accepted_is_paid_for_again(project: PaidProject, fake: FakeProvider) -> None:
    assert project.run().code == 0
    paid = fake.books().submissions
    not_copied_along(project.workplace.path / "outputs")

    accepted = project.command("recover", "--accept-loss")
    assert accepted.code == 0, accepted.text
    assert "$0.30" in accepted.text
    done = project.run()

    assert done.code == 0, done.text
    assert fake.books().submissions == 2 * paid


def test_a_clip_that_only_a_run_folder_has_is_put_back(project: PaidProject, fake: FakeProvider) -> None:
    assert project.run().code == 0
    paid, before = fake.books().submissions, project.artifacts()
    shutil.rmtree(project.workplace.path / "outputs" / ".runner" / "objects")

    done = project.run()

    assert done.code == 0, done.text
    assert fake.books().submissions == paid
    assert project.artifacts() == before

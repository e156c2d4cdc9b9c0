"""A disk that is full, at any moment of a run, or that cannot be written: said clearly, and nothing is paid twice."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from runner.store.local.disk import ROOM
from tests.engine.paid import ROOT, SHOTS, Done, PaidProject
from tests.engine.small_disk import SmallDisk, mounted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

KILLED = -9


class OnSmallDisk(PaidProject):
    """A project whose `outputs` is a small disk."""

    disk: SmallDisk

    def start(self, *words: str, fault: str = "") -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "RUNNER_FAULT": fault}
        return subprocess.Popen(
            [*self.disk.words, sys.executable, "-m", "runner", *words],
            cwd=self.workplace.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def dies_with_a_task_at_the_provider(self) -> None:
        # One at a time: no other request is out, of which nobody would know what became of it.
        assert self.run("limits.in_flight=1", fault="after_task_id").code == KILLED

    def succeeds(self) -> None:
        """Each shot is made, paid for once, and the same as on any other disk."""
        done = self.run()
        assert done.code == 0, done.text
        assert self.fake.books().accepted_by_shot == SHOTS
        elsewhere = self.run("output.root=elsewhere")
        assert elsewhere.code == 0, elsewhere.text
        assert self.artifacts(str(self.disk.seen_from_here)) == self.artifacts("elsewhere")


@pytest.fixture
def project(workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]) -> Iterator[OnSmallDisk]:
    with mounted(workplace.path / "outputs") as disk:
        project = OnSmallDisk(workplace, fake, uploader)
        project.disk = disk
        yield project


def is_clear(done: Done, *words: str) -> bool:
    """Whether a command ended with one of `words`, a next command, and no trace of the program's inside."""
    return any(word in done.text for word in words) and "next:" in done.text and "Traceback" not in done.text


# Up to ROOM nothing is begun; then each size breaks off at another step, from the first event on. From about 200 kB on
# there may be room for all of it.
@pytest.mark.parametrize(
    "room", [0, 4096, 65_536, ROOM, *(ROOM + kib * 1024 for kib in (60, 76, 96, 112, 128, 144, 160, 176))]
)
def test_a_full_disk_ends_a_run_and_the_same_command_goes_on_when_there_is_room(
    project: OnSmallDisk, room: int
) -> None:
    project.disk.leave(room)
    full = project.run("--quiet")
    assert full.code in (1, 2), full.text
    assert is_clear(full, "the disk is full", "No space left on device"), full.text
    assert "prompt alone" not in full.text, "nothing is bought without continuity for want of room"
    assert max(project.fake.books().accepted_by_shot.values(), default=0) <= 1
    if room <= ROOM:
        assert full.code == 2
        assert project.fake.books().accepted == 0
    project.disk.make_room()
    project.succeeds()


def test_with_no_room_for_anything_new_what_is_under_way_is_brought_home(project: OnSmallDisk) -> None:
    project.dies_with_a_task_at_the_provider()
    project.disk.leave(48 * 1024)
    full = project.run("--quiet")
    assert full.code == 1, full.text
    assert is_clear(full, "the disk is full", "No space left on device"), full.text
    project.disk.make_room()
    project.succeeds()


def test_a_disk_that_cannot_be_written_is_told_before_anything_is_paid_for(project: OnSmallDisk) -> None:
    project.disk.read_only(True)
    refused = project.run()
    assert refused.code == 2, refused.text
    assert is_clear(refused, "cannot be written"), refused.text
    assert project.fake.books().submissions == 0
    project.disk.read_only(False)
    project.succeeds()


def test_a_disk_that_became_read_only_keeps_what_was_paid_for(project: OnSmallDisk) -> None:
    project.dies_with_a_task_at_the_provider()
    before = project.fake.books().submissions
    project.disk.read_only(True)
    refused = project.run()
    assert refused.code == 2, refused.text
    assert is_clear(refused, "cannot be written"), refused.text
    assert project.fake.books().submissions == before
    project.disk.read_only(False)
    project.succeeds()


def test_what_was_paid_for_can_be_read_from_a_disk_that_cannot_be_written(project: OnSmallDisk) -> None:
    assert project.run().code == 0
    project.disk.read_only(True)
    listed = project.command("journal")
    assert listed.code == 0, listed.text
    assert "main/one" in listed.text
    planned = project.command("plan", project.override)
    assert planned.code == 0, planned.text
    assert "3 paid already" in planned.text

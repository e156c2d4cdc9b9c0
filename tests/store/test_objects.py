"""The store of files by digest."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runner.errors import RunnerError
from runner.store.local.objects import LocalObjects

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"a clip" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def test_where_links_cannot_be_a_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    objects = LocalObjects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    monkeypatch.setattr(os, "link", no_links)
    objects.place(DIGEST, tmp_path / "01.mp4")
    assert (tmp_path / "01.mp4").read_bytes() == DATA
    assert not (tmp_path / "01.mp4").samefile(objects.path(DIGEST))


def test_a_file_from_another_disk_is_never_in_its_place_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = LocalObjects(tmp_path / "objects")
    finished = tmp_path / "finished"
    finished.write_bytes(DATA)
    replace, seen = os.replace, []

    def another_disk(source: Path, target: Path) -> None:
        if source == finished:
            raise OSError(errno.EXDEV, "another disk")
        seen.append((source.parent, source.read_bytes(), target.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", another_disk)
    objects.put(finished, DIGEST)
    assert seen == [(objects.folder, DATA, False)]
    assert objects.intact(DIGEST)
    assert not finished.exists()
    assert not list(objects.folder.glob(".part-*"))


def test_half_files_do_not_outlive_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    objects = LocalObjects(tmp_path / "objects")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        objects.put_bytes(DATA, DIGEST)
    assert not list(objects.folder.glob(".part-*"))
    assert not list(objects.all())


def test_a_file_is_linked_where_that_can_be(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    objects.place(DIGEST, tmp_path / "01.mp4")
    assert (tmp_path / "01.mp4").samefile(objects.path(DIGEST))


def test_the_same_bytes_from_many_threads_at_once(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "objects")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: objects.put_bytes(DATA, DIGEST), range(100)))
    assert objects.intact(DIGEST)
    assert [path.name for path in (tmp_path / "objects").iterdir()] == [DIGEST[:2]]


def test_storing_and_placing_at_once_never_finds_the_file_missing(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "objects")

    def once(number: int) -> None:
        objects.put_bytes(DATA, DIGEST)
        objects.place(DIGEST, tmp_path / "run" / f"{number}.mp4")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(once, range(300)))
    assert len(list((tmp_path / "run").iterdir())) == 300


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    objects.path(DIGEST).chmod(0o644)
    objects.path(DIGEST).write_bytes(DATA[:-1] + b"!")
    assert not objects.intact(DIGEST)


def test_a_file_that_cannot_be_opened_now_is_not_taken_for_lost(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        with pytest.raises(RunnerError, match="too many files") as raised:
            objects.intact(DIGEST)
    finally:
        for handle in taken:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert "ulimit" in raised.value.hint
    assert objects.intact(DIGEST)

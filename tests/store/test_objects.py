"""The store of files by digest."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runner.store.objects import Objects

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"a clip" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def test_a_file_goes_in_whole_and_comes_out_under_any_name(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    finished = tmp_path / "finished"
    finished.write_bytes(DATA)
    objects.put(finished, DIGEST)
    assert not finished.exists()
    assert objects.whole(DIGEST)
    assert list(objects.all()) == [DIGEST]
    objects.show(DIGEST, tmp_path / "run" / "01.mp4")
    objects.show(DIGEST, tmp_path / "run" / "01.mp4")
    assert (tmp_path / "run" / "01.mp4").samefile(objects.path(DIGEST))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["01.mp4"]


def test_where_links_cannot_be_a_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    objects = Objects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    monkeypatch.setattr(os, "link", no_links)
    objects.show(DIGEST, tmp_path / "01.mp4")
    assert (tmp_path / "01.mp4").read_bytes() == DATA
    assert not (tmp_path / "01.mp4").samefile(objects.path(DIGEST))


def test_a_file_from_another_disk_is_never_in_its_place_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(tmp_path / "objects")
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
    assert objects.whole(DIGEST)
    assert not finished.exists()
    assert not list(objects.parts())


def test_half_files_do_not_outlive_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    objects = Objects(tmp_path / "objects")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        objects.put_bytes(DATA, DIGEST)
    assert not list(objects.parts())
    assert not list(objects.all())


def test_another_file_in_the_place_is_replaced_and_the_store_is_not_written_through_it(
    tmp_path: Path,
) -> None:
    objects = Objects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    (tmp_path / "01.mp4").write_bytes(b"an older clip")
    objects.show(DIGEST, tmp_path / "01.mp4")
    assert (tmp_path / "01.mp4").read_bytes() == DATA


def test_the_same_bytes_from_many_threads_at_once(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: objects.put_bytes(DATA, DIGEST), range(100)))
    assert objects.whole(DIGEST)
    assert [path.name for path in (tmp_path / "objects").iterdir()] == [DIGEST[:2]]


def test_storing_and_showing_at_once_never_finds_the_file_missing(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")

    def once(number: int) -> None:
        objects.put_bytes(DATA, DIGEST)
        objects.show(DIGEST, tmp_path / "run" / f"{number}.mp4")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(once, range(300)))
    assert len(list((tmp_path / "run").iterdir())) == 300


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    objects.put_bytes(DATA, DIGEST)
    objects.path(DIGEST).chmod(0o644)
    objects.path(DIGEST).write_bytes(DATA[:-1] + b"!")
    assert not objects.whole(DIGEST)

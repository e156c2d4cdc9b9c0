"""The store of files by digest."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from runner.store.objects import Objects

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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

"""What a server keeps below an outputs root: the requests that it accepted, and the clips that the user starred.

    .runner/jobs/ID.json      a request, for its owner's eyes only: prompts are nobody else's affair
    .runner/jobs/lock         held by the server of the root while it lives
    .runner/stars/DIGEST.json a star

Each is one file, so that two writers never take back what the other one wrote.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final

from runner.errors import OutputError
from runner.store import documents
from runner.store.job_record import JobRecord, Star
from runner.store.local import durable, inside
from runner.store.local.disk import unwritable
from runner.store.local.work import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 4 << 20


class LocalServed:
    """Jobs and stars of an outputs root, in files. Blocking."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._jobs = root / ".runner" / "jobs"
        self._stars = root / ".runner" / "stars"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one server of the root. Raises `OutputError` where there is another, or the root cannot be written."""
        inside.check_store(self._root)
        try:
            self._jobs.mkdir(parents=True, exist_ok=True)
            opened = (self._jobs / "lock").open("wb")
        except OSError as error:
            raise unwritable("the outputs root cannot be written", self._root, error) from error
        with opened as lock:
            if not locked(lock):
                raise OutputError(
                    "another server serves this outputs root already",
                    where=str(self._root),
                    hint="use that one, or end it",
                )
            yield

    def write(self, record: JobRecord) -> None:
        """Keep a job: durable when this returns. Raises `OSError`."""
        if not _ID.fullmatch(record.id):
            raise ValueError("no id of a job")
        data = json.dumps(record.to_json(), ensure_ascii=True).encode()
        durable.write_whole(self._jobs / f"{record.id}.json", data, private=True)
        durable.sync_folder(self._jobs)

    def jobs(self) -> list[JobRecord]:
        """All jobs, the oldest first. What is none is left out."""
        found = []
        for name, content in _contents(self._jobs, _ID):
            record = JobRecord.from_json(content)
            if record is not None and record.id == name:
                found.append(record)
        return sorted(found, key=lambda record: record.created)

    def star(self, star: Star) -> None:
        """Mark a clip. Raises `OSError`."""
        if not _DIGEST.fullmatch(star.digest):
            raise ValueError("no digest of a clip")
        data = json.dumps(dataclasses.asdict(star), ensure_ascii=True).encode()
        durable.write_whole(self._stars / f"{star.digest}.json", data)

    def unstar(self, digest: str) -> None:
        """Take the mark of a clip back. Raises `OSError`."""
        if _DIGEST.fullmatch(digest):
            (self._stars / f"{digest}.json").unlink(missing_ok=True)

    def stars(self) -> list[Star]:
        """All stars, the oldest first. What is none is left out."""
        found = []
        for name, content in _contents(self._stars, _DIGEST):
            star = Star.from_json(content)
            if star is not None and star.digest == name and documents.is_digest(star.key):
                found.append(star)
        return sorted(found, key=lambda star: star.starred)


def _contents(folder: Path, named: re.Pattern[str]) -> Iterator[tuple[str, Any]]:
    """The names, without their ending, and the contents of the files of JSON in a folder."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    read: Callable[[Path], bytes] = lambda path: inside.read_bytes(path, _LARGEST)  # noqa: E731
    for path in paths:
        if path.suffix == ".json" and named.fullmatch(path.stem):
            with contextlib.suppress(OSError, ValueError):
                yield path.stem, documents.loads(read(path).decode("utf-8"))

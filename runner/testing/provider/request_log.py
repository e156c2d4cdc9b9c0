"""What came in, for tests to assert on; on request in a file, which outlives a kill."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_MOST: Final = 20_000


class RequestLog:
    """Lists of entries by what they are about, oldest first. Times are seconds of the provider's clock."""

    def __init__(self) -> None:
        self.entries: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def note(self, about: str, **entry: Any) -> dict[str, Any]:
        """Write one entry, which may be completed later. The oldest go when a list gets too long."""
        entries = self.entries[about]
        if len(entries) >= _MOST:
            del entries[: _MOST // 10]
        entries.append(entry)
        return entry


class EventFile:
    """A file of events, one JSON line each. Each is one system call, so that a killed process leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def past(self) -> Iterator[dict[str, Any]]:
        """The events that are in the file."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def append(self, event: Mapping[str, Any]) -> None:
        os.write(self._file, json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def seen(headers: Mapping[str, str]) -> dict[str, str]:
    """Request headers by their name in lower case, without what they must keep secret."""
    return {name.lower(): "***" if name.lower() in _SECRET else value for name, value in headers.items()}

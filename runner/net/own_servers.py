"""What this process itself serves and is called by: requests to it leave no machine, and its addresses mean nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_servers: Final[dict[tuple[str, int], int]] = {}
_names: Final[dict[str, str]] = {}


@contextlib.contextmanager
def serving(url: str) -> Iterator[None]:
    """While the body runs, `url` leads to a server of this process."""
    parts = urlsplit(url)
    at = (parts.hostname or "", parts.port or 80)
    _servers[at] = _servers.get(at, 0) + 1
    try:
        yield
    finally:
        _servers[at] -= 1
        if not _servers[at]:
            del _servers[at]


@contextlib.contextmanager
def known_as(url: str, name: str) -> Iterator[None]:
    """While the body runs, `url`, which is another one each time, stands for `name`: it is no part of a request."""
    _names[url] = name
    try:
        yield
    finally:
        _names.pop(url, None)


def is_own(host: str, port: int | None) -> bool:
    """Whether a server of this process answers there."""
    return (host, port or 80) in _servers


def names() -> dict[str, str]:
    """What URLs of this process stand for."""
    return dict(_names)

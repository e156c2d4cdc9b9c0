"""The files that a provider serves: uploads and results, kept on disk for as long as they are promised."""

from __future__ import annotations

import math
import mimetypes
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from runner.testing.provider.clock import Clock
    from runner.testing.provider.script import Steps

PREFIX: Final = "/files/"
LINK_S: Final = 20 * 60.0
_UNKNOWN: Final = "application/octet-stream"


@dataclass(slots=True, kw_only=True)
class HostedFile:
    """One file. `steps` are the answers that its downloads get; `fetched` counts the whole requests for it.

    Its own address works until `address_until` at most, other addresses of it may until `expires_at`.
    """

    name: str
    path: Path
    expires_at: float
    address_until: float
    result: bool
    steps: Steps = ()
    fetched: int = 0

    @property
    def content_type(self) -> str:
        """By the name's extension, whatever is inside."""
        return content_type(self.name)


class Files:
    """Files by the path of their address, below `/files/`. On disk they have names of our own making."""

    def __init__(self, folder: Path, clock: Clock, public_url: str) -> None:
        self.folder = folder
        self._clock = clock
        self.public_url = public_url.rstrip("/")
        self._by_path: dict[str, HostedFile] = {}
        self._links: dict[str, tuple[str, float]] = {}

    def put(self, name: str, data: bytes, life_s: float, *, result: bool = False, steps: Steps = ()) -> str:
        """Keep a file; the same name again replaces it. Returns its address."""
        path = self.folder / secrets.token_hex(16)
        path.write_bytes(data)
        return self.show(name, path, life_s, result=result, steps=steps)

    def show(
        self,
        name: str,
        path: Path,
        life_s: float,
        *,
        address_life_s: float = math.inf,
        result: bool = False,
        steps: Steps = (),
    ) -> str:
        """Serve what is in `path` already. Returns its address."""
        now = self._clock.now()
        replaced = self._by_path.get(name)
        if replaced is not None and replaced.path != path:
            replaced.path.unlink(missing_ok=True)
        self._by_path[name] = HostedFile(
            name=name,
            path=path,
            expires_at=now + life_s,
            address_until=now + address_life_s,
            result=result,
            steps=steps,
        )
        return self._address(name)

    def find(self, name: str) -> HostedFile | None:
        """The file at a path (decoded, without the prefix), while it lives and the path leads to it."""
        linked, until = self._links.get(name, (name, math.inf))
        found = self.kept(linked)
        if found is not None and linked == name:
            until = found.address_until
        return found if self._clock.now() < until else None

    def kept(self, name: str) -> HostedFile | None:
        """The file of this name while it lives; its own address may have run out before."""
        found = self._by_path.get(name)
        return found if found is not None and self._clock.now() < found.expires_at else None

    def link(self, name: str) -> str:
        """A second address of a file, for 20 minutes."""
        linked = f"download/{secrets.token_hex(16)}/{name.rpartition('/')[2]}"
        self._links[linked] = (name, self._clock.now() + LINK_S)
        return self._address(linked)

    def name_of(self, address: str) -> str:
        """The path of one of our own addresses; "" for any other."""
        start = f"{self.public_url}{PREFIX}"
        return unquote(urlsplit(address).path.removeprefix(PREFIX)) if address.startswith(start) else ""

    def _address(self, name: str) -> str:
        return f"{self.public_url}{PREFIX}{quote(name)}"


def content_type(name: str) -> str:
    """What the API says a file is: it goes by the name."""
    if name.lower().endswith(".webp"):
        return "image/webp"  # not in every system's list
    return mimetypes.guess_type(name)[0] or _UNKNOWN

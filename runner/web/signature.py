"""Who accepted a job: this user, for this outputs root. A root may be anybody's, and its jobs spend money."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.web.requested import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON

_BYTES: Final = 32
_STATE: Final = "XDG_STATE_HOME"


class Signer:
    """Signs the requests of one outputs root with a key of the user that no root holds.

    The root's own path is signed, too: in a copy of the root nothing goes on by itself, where all would be paid again.
    """

    def __init__(self, key: bytes, root: Path) -> None:
        self._key = key
        self._root = str(root.resolve())

    @classmethod
    def of_user(cls, root: Path) -> Signer:
        """With the key in the user's state folder, which is made on first use.

        Where it cannot be kept a new one is made each time: jobs then wait for the user after a restart.
        """
        state = os.environ.get(_STATE) or "~/.local/state"
        with contextlib.suppress(OSError, RuntimeError):
            return cls(_kept(Path(state).expanduser() / "film-runner" / "serve.key"), root)
        return cls(secrets.token_bytes(_BYTES), root)

    def sign(self, id: str, request: Mapping[str, JSON]) -> str:
        """The signature of a job, 64 hex digits."""
        message = canonical([self._root, id, request]).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def is_signed(self, id: str, request: Mapping[str, JSON], signature: str) -> bool:
        """Whether this user accepted a job for this root."""
        return hmac.compare_digest(self.sign(id, request).encode(), signature.encode("utf-8", "replace"))


def _kept(file: Path) -> bytes:
    """The key in a file, for its owner alone; made where there is none. Raises `OSError`."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(secrets.token_bytes(_BYTES))
            opened.flush()
            os.fsync(opened.fileno())
    key = file.read_bytes()
    if len(key) != _BYTES:  # of a process that died while it wrote it
        file.unlink()
        raise OSError("the key is not whole")
    return key

"""Where a provider's API key comes from: a key file, an option, an environment variable."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from runner.errors import ConfigError, RunnerError
from runner.redaction import remember

E = TypeVar("E", bound=RunnerError)


@dataclass(slots=True, kw_only=True)
class ApiKey:
    """The key of one account. It is looked up once for each object: keep it in the plugin object.

    A key file comes before the option: profiles fill the option from the environment, and a file that a user names
    must win over it.
    """

    provider: str
    """The provider's name in messages."""
    variable: str
    """The environment variable that is read where neither a file nor an option is given."""
    option: str = ""
    """The value of the option `api_key`."""
    file: str = ""
    """The value of the option `api_key_file`: a file that holds nothing but the key."""
    section: str = "generator"
    """The section of the configuration that has the options, for messages."""
    hint: str = ""
    """Further advice for a user without a key."""
    _key: str = field(default="", init=False, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def known(self) -> str:
        """The key, once it was looked up; else empty. To keep it out of messages."""
        return self._key

    async def get(self, error: type[E] | type[ConfigError] = ConfigError) -> str:
        """The key. A key file is read once, in a worker thread. Raises `error` where there is no key."""
        async with self._lock:
            if not self._key:
                try:
                    self._key = await asyncio.to_thread(self.read) if self.file else self.read()
                except ConfigError as missing:
                    raise error(missing.what, why=missing.why, hint=missing.hint) from missing
        return self._key

    def read(self) -> str:
        """Look the key up. Blocking. Raises `ConfigError` where there is none, without showing what is there."""
        key, why = (
            self.option,
            f"{self.section}.api_key is empty, and {self.variable} is not set in the environment",
        )
        if self.file:
            try:
                key, why = Path(self.file).expanduser().read_text(encoding="utf-8"), f"{self.file} is empty"
            except (OSError, UnicodeDecodeError) as error:
                key = ""
                reason = getattr(error, "strerror", None) or str(error)
                why = f"{self.section}.api_key_file cannot be read: {reason}"
        elif not key:
            key = os.environ.get(self.variable, "")
        key = key.strip()
        if key and (not key.isascii() or not key.isprintable() or " " in key):
            key, why = "", "what is there is no key: it has spaces or characters that no key has"
        if not key:
            hint = "; ".join(filter(None, (f"export {self.variable}=...", self.hint)))
            raise ConfigError(f"there is no key for {self.provider}", why=why, hint=hint)
        remember(key)
        return key

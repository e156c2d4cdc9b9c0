"""What a session owns once, for all of its runs."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runner.engine.limits import AccountLimits
    from runner.engine.plugin_objects import PluginObjects
    from runner.engine.timing import Timing
    from runner.store.interface import Journal, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Shared by all runs of a session."""

    root: Path
    """The outputs root."""
    work: Path
    """A private folder that is removed at the end of the session."""
    journal: Journal
    objects: ObjectStore
    plugins: PluginObjects
    limits: AccountLimits
    timing: Timing
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    def is_taken(self, key: str) -> bool:
        """Whether a run of this session is generating the clip."""
        return key in self._turns and self._turns[key].locked()

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Shots of this session that request the same clip take turns: the second one finds it stored."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            yield

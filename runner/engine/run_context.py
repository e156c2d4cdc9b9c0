"""What the shots of one run share: journal, store, budget, limits, and a voice."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.api import Event
from runner.store.budget import Budget
from runner.store.claims import HEARTBEAT_S, Owner, beat, this_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from runner.api import EventKind
    from runner.engine.events import Bus
    from runner.engine.limits import AccountLimits
    from runner.planning.plan import PlannedShot
    from runner.store.journal import Journal
    from runner.store.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run's view of the store. `scope` is whose budget pays: the run, or the sweep it belongs to."""

    root: Path
    scope: str
    work: Path
    journal: Journal
    objects: Objects
    limits: AccountLimits
    bus: Bus
    budget: Budget = field(default_factory=Budget)
    submit_timeout_s: float = 120.0
    task_timeout_s: float = 1800.0
    retries: int = 2
    owner: Owner = field(default_factory=this_process)
    clock: Callable[[], float] = time.time
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Two shots of this run that ask for the same clip take turns: the second one finds it made."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            yield

    @contextlib.asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Keep the claims of this process warm."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self.journal.soon(beat(self.owner, self.clock()))

    def tell(
        self, planned: PlannedShot, kind: EventKind, message: str = "", progress: float | None = None
    ) -> None:
        self.bus.tell(
            Event(
                kind=kind,
                sequence=planned.sequence,
                shot=planned.shot.name,
                message=message,
                progress=progress,
            )
        )

    def command(self, *words: str) -> str:
        """A command that a person can paste, for this outputs root."""
        root = () if str(self.root) == "outputs" else (f"output.root={self.root}",)
        return shlex.join(["python", "-m", "runner", *words, *root])

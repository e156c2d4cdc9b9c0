"""The sessions of one command, one for each outputs root, and what a signal does to them."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from runner import interrupts
from runner.planning.plan import Plan
from runner.planning.preparation import Registries, plan_jobs
from runner.session import Session
from runner.verbs.confirm import confirm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from runner.config.compose import Composed
    from runner.errors import RunnerError
    from runner.plugins import Source


class Sessions:
    """Plans configurations, and opens the sessions in which they run."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._registries = Registries()
        self._named: set[Source] = set()
        self._stack: AsyncExitStack | None = None
        self.open: dict[Path, Session] = {}
        """By their outputs roots."""
        self.signals = 0
        """How often the user asked to stop."""
        self.on_signal: list[Callable[[], object]] = []
        """Called with each signal, after the sessions were."""

    def planned(
        self, jobs: Sequence[Composed], agree: Callable[[Sequence[Plan]], None] = confirm
    ) -> list[Plan | RunnerError]:
        """The plans of all jobs. Says which plugins were loaded, and asks where the user has to agree to the cost."""
        planned = plan_jobs(jobs, self._registries)
        new = [one for one in self._registries.foreign if one not in self._named]
        self._named.update(new)
        if new and not self._quiet:
            # Code of the folder one works in, or of installed packages: said once, since it can do anything.
            print(f"plugins loaded: {', '.join(map(_shown, new))}", file=sys.stderr)
        agree([plan for plan in planned if isinstance(plan, Plan)])
        return planned

    @contextlib.asynccontextmanager
    async def opened(self, plans: Sequence[Plan] = ()) -> AsyncIterator[dict[Path, Session]]:
        """Open sessions, in which all plans have been checked, by the outputs roots."""
        with interrupts.handled_by(self._cancel):
            async with AsyncExitStack() as self._stack:
                await self.check(plans)
                yield self.open

    async def check(self, plans: Sequence[Plan]) -> None:
        """Check plans in their sessions, which are opened where they are not. Errors are those of `Session.check`."""
        assert self._stack is not None, "the sessions are not open"
        for root, ci in {plan.project.output_root: plan.project.ci for plan in plans}.items():
            if root not in self.open:
                self.open[root] = session = await self._stack.enter_async_context(Session(root, ci=ci))
                for _ in range(self.signals):
                    session.cancel()  # the signal came while it was being opened
            await self.open[root].check([plan for plan in plans if plan.project.output_root == root])

    def _cancel(self) -> None:
        self.signals += 1
        for session in self.open.values():
            session.cancel()
        for call in self.on_signal:
            call()


def _shown(source: Source) -> str:
    place = source.place
    with contextlib.suppress(ValueError):
        place = str(Path(place).relative_to(Path.cwd()))
    return f"{source.name} ({place})"

"""The library: a session executes plans over one outputs root, any number of them at once.

    plans = [runner.plan(runner.compose([f"+project={name}"])) for name in names]
    async with runner.Session("outputs") as session:
        outcomes = await session.run(plans, observer=print)

The command line, a sweep and a notebook are clients of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import store
from runner.api import EventKind
from runner.config.ci_keys import Ci
from runner.engine import cancellation, kill_points
from runner.engine.balances import over_balances
from runner.engine.events import Bus
from runner.engine.limits import AccountLimits
from runner.engine.plugin_calls import shielded
from runner.engine.plugin_objects import PluginObjects
from runner.engine.resources import Resources
from runner.engine.run import execute
from runner.engine.run_context import RunContext
from runner.engine.tapes import Taping
from runner.engine.timing import Timing
from runner.engine.watchdog import watching
from runner.errors import JournalError, OutputError, RunnerError, UsageError
from runner.money import from_usd
from runner.outputs import evidence, grafts, places
from runner.outputs.cost import RunCost
from runner.outputs.film_cache import FilmCache
from runner.outputs.outcome import Ending, RunOutcome
from runner.outputs.recorder import Recorder
from runner.planning.affordability import over_budget
from runner.planning.estimate import estimate
from runner.planning.readiness import Readiness
from runner.store.budget import Budget, Spend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from runner.api import Event
    from runner.engine.run_context import Failures
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import Plan
    from runner.store.attempt import Attempt
    from runner.store.interface import Journal

__all__ = ["Session"]

_log = logging.getLogger(__name__)


class Session:
    """Executes runs over one outputs root. Use as an asynchronous context manager, from one event loop.

    It owns the journal, the object store, HTTP clients, plugin objects (one for each spec and options), image hosting,
    limits and leases once, for all of its runs: budgets, rates and limits of tasks in flight hold across them.
    """

    def __init__(
        self,
        root: str | Path = "outputs",
        *,
        timing: Timing | None = None,
        journal: Journal | None = None,
        ci: Ci | None = None,
    ) -> None:
        """`timing` has the waits and retries, `journal` is of another backend, `ci` is `project.ci` of all plans."""
        self.root: Final = Path(root)
        """The outputs root."""
        self._journal = journal
        self._timing = timing or Timing()
        self._taping = Taping(ci or Ci())
        self._stack = AsyncExitStack()
        self._resources: Resources | None = None
        self._readiness = Readiness()
        self._checked: set[str] = set()
        self._tasks: set[asyncio.Task[RunOutcome]] = set()
        self._buses: list[Bus] = []
        self._cancelled = 0

    async def __aenter__(self) -> Session:
        """Open the journal. Raises `JournalError`, or `OutputError` where the root cannot be written."""
        try:
            self._resources = await self._opened()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        self._resources = None
        await self._stack.aclose()

    async def run(
        self,
        plans: Sequence[Plan],
        observer: Callable[[Event], object] | None = None,
        *,
        at_once: int | None = None,
    ) -> tuple[RunOutcome, ...]:
        """Execute plans side by side, at most `at_once` of them at a time; their outcomes, in the order of the plans.

        `observer` is called with every event of every run (`Event.run` is the plan's key); what it raises is logged.
        Before the first request they are checked as by `check`; a run that is refused has that error as its outcome.
        What goes wrong with a run is in its outcome: `errors`, `exit_code`. A shot that several of them have is
        generated once; where it fails, it fails for all of them. A cancellation of the caller ends all runs early, so
        that nothing is paid twice, and is then raised again.
        """
        async with contextlib.aclosing(self.outcomes(plans, observer, at_once=at_once)) as ended:
            outcomes = {number: outcome async for number, outcome in ended}
        return tuple(outcomes[number] for number in range(len(plans)))

    async def outcomes(
        self,
        plans: Sequence[Plan],
        observer: Callable[[Event], object] | None = None,
        *,
        at_once: int | None = None,
    ) -> AsyncGenerator[tuple[int, RunOutcome]]:
        """Execute plans as `run` does; the index of each plan with its outcome, as soon as it has ended."""
        resources = self._open
        unchecked = [plan for plan in plans if plan.key not in self._checked]
        refused = await self._refusals(unchecked)
        self._checked.difference_update(plan.key for plan in plans)
        turns = asyncio.Semaphore(at_once or max(len(plans), 1))
        failed: Failures = {}

        async def in_turn(plan: Plan) -> RunOutcome:
            async with turns:
                return await self._run(plan, resources, observer, refused.get(plan.key), failed)

        numbers = {asyncio.create_task(in_turn(plan)): number for number, plan in enumerate(plans)}
        pending = set(numbers)
        self._tasks.update(pending)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in sorted(done, key=numbers.__getitem__):
                    # One that is cancelled before its first step has no outcome of its own.
                    number = numbers[task]
                    yield number, _interrupted(plans[number]) if task.cancelled() else task.result()
        finally:
            # The caller was cancelled, or wants no more.
            for task in pending:
                task.cancel()
            if pending:
                await shielded(asyncio.wait(pending))
            self._tasks.difference_update(numbers)

    async def check(self, plans: Sequence[Plan]) -> None:
        """Raise where one of these runs cannot do what it is for, or all of them cost more than there is.

        Keys, image hosts, the journal's completeness, budgets and, where a generator reports one, the account's
        balance. Nothing is requested but that. `run` checks by itself; check before it what runs one after the other.

        Raises `ConfigError`, `JournalError`, `NotAffordable`, `PluginError`.
        """
        for plan in plans:
            await asyncio.to_thread(self._check, plan)
        refused = await self._refusals(plans)
        for error in refused.values():
            raise error
        self._checked.update(plan.key for plan in plans)

    async def spend(self, plan: Plan) -> Spend:
        """What is at risk so far in the budget that pays for `plan`: its own, or its sweep's. Raises `JournalError`."""
        return await self._open.journal.spend(plan.scope)

    def cancel(self) -> None:
        """End all runs early: finish pending submissions, record what is there, and return their outcomes.

        Tasks live on at the provider, and the same command picks them up. Called a second time, it also cancels them at
        the providers that charge less for a cancelled task.
        """
        self._cancelled += 1
        if self._cancelled == 1:
            for task in self._tasks:
                task.cancel()

    async def cancel_task(self, attempt: Attempt, plan: Plan) -> None:
        """Cancel the task of an attempt at its provider, with the generator that `plan` configures.

        Raises `UsageError` where the provider does not charge less for that, or the plan has no such generator.
        """
        await cancellation.cancel_task(self._open, attempt, plan)

    # --- one run ----------------------------------------------------------------------------------------------

    async def _refusals(self, plans: Sequence[Plan]) -> dict[str, RunnerError]:
        """Why runs cannot be paid for, by the keys of their plans."""
        try:
            over = await asyncio.to_thread(over_budget, plans)
            found: dict[str, RunnerError] = {
                plan.key: error for plan, error in zip(plans, over, strict=True) if error is not None
            }
            left = [plan for plan in plans if plan.key not in found]
            return found | await over_balances(left, self._open.plugins, self._timing)
        except RunnerError as error:
            return {plan.key: error for plan in plans}

    async def _run(
        self,
        plan: Plan,
        resources: Resources,
        observer: Callable[[Event], object] | None,
        refused: RunnerError | None,
        failed: Failures,
    ) -> RunOutcome:
        if refused is not None:
            return RunOutcome(plan=plan, error=refused)
        try:
            if self._cancelled:
                return _interrupted(plan)
            return await self._recorded(plan, resources, observer, failed)
        except asyncio.CancelledError:
            return _interrupted(plan)
        except RunnerError as error:
            return RunOutcome(plan=plan, error=error)

    async def _recorded(
        self,
        plan: Plan,
        resources: Resources,
        observer: Callable[[Event], object] | None,
        failed: Failures,
    ) -> RunOutcome:
        if plan.project.output_root.resolve() != self.root.resolve():
            raise UsageError(
                "the run has another outputs root than its session",
                where=str(plan.project.output_root),
                why=f"the session is over {self.root}",
            )
        folder, recorder = await resources.in_files_thread(self._begun, plan, resources)
        with recorder:
            named: list[tuple[str, Callable[[Event], object]]] = [("events.jsonl", recorder.observe)]
            if observer is not None:
                named.append(("observer", observer))
            run = RunContext(
                plan=plan,
                folder=folder,
                resources=resources,
                bus=Bus(plan.key, (*named, *plan.observers)),
                budget=_budget(plan),
                failed=failed,
            )
            self._buses.append(run.bus)
            try:
                return await self._finished(run, recorder)
            except RunnerError as error:
                with contextlib.suppress(OSError):
                    recorder.fail(str(error))
                raise
            finally:
                self._buses.remove(run.bus)
                if plan.job is None:
                    places.point_to(folder.path, plan)

    async def _finished(self, run: RunContext, recorder: Recorder) -> RunOutcome:
        outcome = await execute(run, FilmCache(run.folder))
        if self._cancelled > 1:
            await cancellation.cancel_tasks(run)
        kill_points.reach("before_manifest")
        outcome = replace(outcome, folder=run.folder.path, cost=await self._cost(run, outcome))
        outcome = self._taping.ended(outcome, run.requested)
        try:
            await shielded(run.resources.in_files_thread(recorder.finish, outcome))
        except OSError as error:
            # What was made is there, and paid for: the summary must not be lost with the manifest.
            failure = OutputError(
                "the manifest cannot be written",
                where=str(run.folder.path),
                why=error.strerror or str(error),
                hint="make room, or make the folder writable; then rerun the same command",
            )
            outcome = replace(outcome, error=failure)
        kill_points.reach("after_manifest")
        return outcome

    def _begun(self, plan: Plan, resources: Resources) -> tuple[RunFolder, Recorder]:
        """The folder of a run, with what is known before anything is requested, and its recorder. Blocking.

        Raises what `check` does, and `OutputError`.
        """
        self._check(plan)
        folder = places.opened(plan, resources.work)
        recorder = Recorder(folder, plan)
        recorder.begin(resources.objects)
        return folder, recorder

    def _check(self, plan: Plan) -> None:
        """Raise where a run cannot do what it is for, before anything is requested. Blocking."""
        self._taping.check(plan)
        self._readiness.check(plan)
        evidence.check(plan)
        grafts.check(plan)

    async def _cost(self, run: RunContext, outcome: RunOutcome) -> RunCost:
        """What the run cost. A journal that cannot be read now is no reason to lose the record of what was made."""
        stopped = any(shot.ending is Ending.STOPPED for shot in outcome.shots)
        journal, scope = run.resources.journal, run.plan.scope
        try:
            return RunCost(
                now=await journal.spend(scope, run.owner),
                so_far=await journal.spend(scope),
                ahead=(await asyncio.to_thread(estimate, run.plan)).ahead if stopped else {},
            )
        except JournalError as error:
            _log.warning("cannot determine what the run cost: %s", error.line)
            return RunCost(now=Spend(), so_far=Spend())

    # --- what the session owns ----------------------------------------------------------------------------------

    @property
    def _open(self) -> Resources:
        if self._resources is None:
            raise RuntimeError("the session is not open: use `async with Session(...) as session`")
        return self._resources

    async def _opened(self) -> Resources:
        enter = self._stack.enter_async_context
        self._loop = asyncio.get_running_loop()
        logger = logging.getLogger("runner")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
            self._stack.callback(logger.setLevel, logging.NOTSET)
        timing = await self._taping.opened(self._stack, self.root, self._timing)
        try:
            work = self._stack.enter_context(store.work_folder(self.root))
        except OSError as error:
            failure = store.unwritable("the outputs root cannot be written", self.root, error)
            if isinstance(error, (NotADirectoryError, FileExistsError)):
                # A file is in its place: there is no journal that another root would lack.
                failure.hint = "move that file away, or choose another root with output.root=DIR"
            raise failure from error
        journal = await enter(self._journal or store.open_journal(self.root, self._notify))
        resources = Resources(
            root=self.root,
            work=work,
            journal=journal,
            objects=store.object_store(self.root),
            plugins=await PluginObjects.opened(self._stack, work, timing, self._taping.tape),
            limits=AccountLimits(timing, store.turns(self.root, work)),
            timing=timing,
        )
        self._stack.callback(resources.close)
        await enter(watching(self._timing, self._stalled))
        heartbeat = asyncio.create_task(self._keep_alive(resources))
        self._stack.push_async_callback(_ended, heartbeat)
        return resources

    def _notify(self, message: str) -> None:
        """Pass on what the journal's thread reports, such as that it waits for a lock."""
        self._loop.call_soon_threadsafe(self._warn, message)

    def _stalled(self, message: str) -> None:
        """Report a plugin that blocks the loop: at once in the logs, since the loop does not run."""
        _log.warning("%s", message)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._show, message)

    def _show(self, message: str) -> None:
        for bus in self._buses:
            bus.run_event(EventKind.RUN_WARNED, message)

    def _warn(self, message: str) -> None:
        _log.warning("%s", message)
        self._show(message)

    async def _keep_alive(self, resources: Resources) -> None:
        """Tell other sessions that this one lives. One failure is none: the journal may be locked for a moment."""
        while True:
            await self._timing.sleep(self._timing.heartbeat_s)
            try:
                await resources.journal.renew()
            except JournalError as error:
                _log.warning("the leases of this session cannot be renewed: %s", error.line)


def _budget(plan: Plan) -> Budget:
    keys = plan.project.budget
    return Budget(max_cost=from_usd(keys.max_cost), max_shots=keys.max_shots)


def _interrupted(plan: Plan) -> RunOutcome:
    return RunOutcome(plan=plan, interrupted=True)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

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
from runner.api import EventKind, SupportsCancel
from runner.engine import kill_points
from runner.engine.balances import over_balances
from runner.engine.events import Bus
from runner.engine.limits import AccountLimits
from runner.engine.plugin_calls import Call, called, shielded
from runner.engine.plugin_objects import PluginObjects
from runner.engine.resources import Resources
from runner.engine.run import execute
from runner.engine.run_context import RunContext, fingerprint, task_ref
from runner.engine.timing import Timing
from runner.engine.watchdog import watching
from runner.errors import JournalError, OutputError, RunnerError, ShotError, UsageError
from runner.money import from_usd
from runner.outputs import evidence, places
from runner.outputs.cost import RunCost
from runner.outputs.film_cache import FilmCache
from runner.outputs.outcome import Ending, RunOutcome
from runner.outputs.recorder import Recorder
from runner.planning.affordability import over_budget
from runner.planning.estimate import estimate
from runner.planning.readiness import Readiness
from runner.store.attempt import Attempt, Phase
from runner.store.budget import Budget, Spend
from runner.store.interface import Filter, Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.api import Event
    from runner.config.project import GeneratorChoice
    from runner.planning.plan import Plan

__all__ = ["Session"]

_log = logging.getLogger(__name__)
_CANCEL_S: Final = 15.0
"""How long the provider may take to cancel a task."""


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
    ) -> None:
        """`timing` has the waits and retries, `journal` is one of another backend; both have their defaults."""
        self.root: Final = Path(root)
        """The outputs root."""
        self._journal = journal
        self._timing = timing or Timing()
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
        self, plans: Sequence[Plan], observer: Callable[[Event], object] | None = None
    ) -> tuple[RunOutcome, ...]:
        """Execute plans side by side; their outcomes, in the order of the plans.

        `observer` is called with every event of every run (`Event.run` is the plan's key); what it raises is logged.
        Before the first request they are checked as by `check`; a run that is refused has that error as its outcome.
        What goes wrong with a run is in its outcome: `errors`, `exit_code`. A cancellation of the caller ends all runs
        early, so that nothing is paid twice, and is then raised again.
        """
        resources = self._open
        unchecked = [plan for plan in plans if plan.key not in self._checked]
        refused = await self._refusals(unchecked)
        self._checked.difference_update(plan.key for plan in plans)
        tasks = [
            asyncio.create_task(self._run(plan, resources, observer, refused.get(plan.key))) for plan in plans
        ]
        self._tasks.update(tasks)
        try:
            if tasks:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await shielded(asyncio.wait(tasks))
            raise
        finally:
            self._tasks.difference_update(tasks)
        # One that is cancelled before its first step has no outcome of its own.
        ended = zip(plans, tasks, strict=True)
        return tuple(_interrupted(plan) if task.cancelled() else task.result() for plan, task in ended)

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
        if attempt.phase is not Phase.SUBMITTED:
            raise UsageError(
                f"this attempt is {attempt.phase}; there is no task to cancel", where=attempt.name
            )
        for planned in plan.shots:
            choice = planned.shot.generator
            if choice.spec.name != attempt.generator or fingerprint(planned) != attempt.account:
                continue
            if not planned.capabilities.billing.cancel_saves_money:
                raise UsageError(
                    f"{attempt.generator} charges the same for a cancelled task", where=attempt.name
                )
            await self._cancel_at_provider(attempt, choice)
            return
        raise UsageError(
            f"the project has no generator {attempt.generator} of this attempt's account",
            where=attempt.name,
            hint="name the project, and the key, that the task was submitted with",
        )

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
    ) -> RunOutcome:
        if refused is not None:
            return RunOutcome(plan=plan, error=refused)
        try:
            if self._cancelled:
                return _interrupted(plan)
            return await self._recorded(plan, resources, observer)
        except asyncio.CancelledError:
            return _interrupted(plan)
        except RunnerError as error:
            return RunOutcome(plan=plan, error=error)

    async def _recorded(
        self, plan: Plan, resources: Resources, observer: Callable[[Event], object] | None
    ) -> RunOutcome:
        if plan.project.output_root.resolve() != self.root.resolve():
            raise UsageError(
                "the run has another outputs root than its session",
                where=str(plan.project.output_root),
                why=f"the session is over {self.root}",
            )
        await asyncio.to_thread(self._check, plan)
        folder = places.opened(plan, resources.work)
        with Recorder(folder, plan) as recorder:
            named: list[tuple[str, Callable[[Event], object]]] = [("events.jsonl", recorder.observe)]
            if observer is not None:
                named.append(("observer", observer))
            run = RunContext(
                plan=plan,
                folder=folder,
                resources=resources,
                bus=Bus(plan.key, (*named, *plan.observers)),
                budget=_budget(plan),
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
            await self._cancel_tasks(run)
        kill_points.reach("before_manifest")
        outcome = replace(outcome, folder=run.folder.path, cost=await self._cost(run, outcome))
        try:
            recorder.finish(outcome)
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

    def _check(self, plan: Plan) -> None:
        """Raise where a run cannot do what it is for, before anything is requested. Blocking."""
        self._readiness.check(plan)
        evidence.check(plan)

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
            plugins=await PluginObjects.opened(self._stack, work, self._timing),
            limits=AccountLimits(self._timing),
            timing=self._timing,
        )
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

    # --- tasks at the provider ------------------------------------------------------------------------------------

    async def _cancel_tasks(self, run: RunContext) -> None:
        """Cancel this run's tasks where that saves money. Never raises: the tasks live on otherwise."""
        keys = {planned.key: planned for planned in run.plan.shots}
        for attempt in await run.resources.journal.attempts(
            Filter(keys=frozenset(keys), phases=(Phase.SUBMITTED,))
        ):
            planned = keys[attempt.key]
            if not planned.capabilities.billing.cancel_saves_money:
                continue
            try:
                await self._cancel_at_provider(attempt, planned.shot.generator)
            except RunnerError as error:
                _log.warning("task %s of %s is not cancelled: %s", attempt.task, attempt.name, error.line)

    async def _cancel_at_provider(self, attempt: Attempt, choice: GeneratorChoice) -> None:
        generator = await self._open.plugins.generator(choice)
        if not isinstance(generator, SupportsCancel):
            raise UsageError(f"generator {choice.spec.name} has no `cancel`", where=attempt.name)
        call = Call(f"generator {choice.spec.name}", "cancel", attempt.name, limit_s=_CANCEL_S)
        try:
            await called(call, generator.cancel, task_ref(attempt))
        except TimeoutError as error:
            raise ShotError(
                f"{choice.spec.name} did not cancel task {attempt.task}", why=f"not within {_CANCEL_S:g} s"
            ) from error


def _budget(plan: Plan) -> Budget:
    keys = plan.project.budget
    return Budget(max_cost=from_usd(keys.max_cost), max_shots=keys.max_shots)


def _interrupted(plan: Plan) -> RunOutcome:
    return RunOutcome(plan=plan, interrupted=True)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

"""One job of a sweep in a process that somebody's launcher started: joblib, submitit, ray."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from runner import outgoing, redaction
from runner.config.compose import compose_job
from runner.errors import RunnerError, UsageError
from runner.outputs import places
from runner.outputs.outcome import RunOutcome
from runner.planning.preparation import Registries, plan
from runner.session import Session
from runner.sweeps.exchange import Exchange, WorkerSweep
from runner.sweeps.execute import value_of
from runner.sweeps.packed import pack

if TYPE_CHECKING:
    from pathlib import Path

    from runner.planning.plan import Plan

_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Job:
    """The task function that launchers pickle: it finds all else in the exchange."""

    exchange: Path

    def __call__(self, config: Any) -> float | None:
        """Run the job that Hydra's configuration gives the number of; its value."""
        from hydra.core.hydra_config import HydraConfig

        number = HydraConfig.get().job.num
        assert number is not None, "launchers number their jobs"
        with outgoing.filtered_streams():
            return run_job(Exchange(self.exchange), int(number))


@cache
def _registries() -> Registries:
    """The plugins of this process, which may run several jobs."""
    return Registries()


def run_job(exchange: Exchange, number: int) -> float | None:
    """Run a job, and report what became of it; its value. Raises `UsageError` where its sweep is not to be seen."""
    redaction.remember_environment()
    try:
        sweep = exchange.sweep()
    except OSError as error:
        raise UsageError(
            "this process does not see the sweep that it works for",
            where=str(exchange.path),
            why="the processes of a sweep share one machine, and its folder for temporary files",
        ) from error
    os.chdir(sweep.folder)
    with exchange.working(number):
        try:
            outcome = _outcome(exchange, sweep, number)
        except RunnerError as error:
            exchange.end(number, pack(error))
            return None
        exchange.end(number, pack(outcome))
    return value_of(outcome, sweep.objective)


def _outcome(exchange: Exchange, sweep: WorkerSweep, number: int) -> RunOutcome:
    job = sweep.jobs[number]
    composed = compose_job(sweep.words, job.overrides, job.job, job.declared, source=sweep.primary)
    planned = plan(composed, _registries())
    if planned.key != job.key:
        raise RunnerError(
            "a file changed while the sweep ran; its job was not started",
            where=f"job {job.job.number}",
            hint="run the same command again",
        )
    if exchange.stops():
        return RunOutcome(plan=planned, interrupted=True)
    exchange.begin(number, (places.path_for(planned) / "events.jsonl").absolute())
    with _no_interrupts():
        return asyncio.run(_run(planned, exchange))


async def _run(planned: Plan, exchange: Exchange) -> RunOutcome:
    try:
        async with Session(planned.project.output_root) as session:
            watching = asyncio.create_task(_watch(exchange, session))
            try:
                (outcome,) = await session.run([planned])
            finally:
                watching.cancel()
    except RunnerError as error:  # the session could not be opened
        return RunOutcome(plan=planned, error=error)
    return outcome


async def _watch(exchange: Exchange, session: Session) -> None:
    """Stop the session as often as the user asks."""
    stopped = 0
    while True:
        await asyncio.sleep(_LOOK_S)
        while stopped < exchange.stops():
            session.cancel()
            stopped += 1


@contextlib.contextmanager
def _no_interrupts() -> Any:
    """Leave Ctrl-C, which a terminal sends to all of its processes, to the process of the sweep: it asks to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

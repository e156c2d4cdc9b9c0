"""Runs jobs in other processes of this machine, by a launcher of a third party: joblib, submitit, ray.

All jobs are composed, planned and checked here before. A worker composes its job again, and runs no other plan. The
journal, the leases in it and the request log of the root are what its processes share.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import OmegaConf

from runner.api import Event, EventKind
from runner.config import launching
from runner.errors import RunnerError, UsageError
from runner.outputs.outcome import RunOutcome
from runner.planning.plan import Plan
from runner.redaction import hidden_override
from runner.sweeps.exchange import Exchange, WorkerJob, WorkerSweep
from runner.sweeps.execute import value_of
from runner.sweeps.hydra_launcher import Loader
from runner.sweeps.job import JobOutcome, JobState
from runner.sweeps.packed import unpack
from runner.sweeps.search import in_thread
from runner.sweeps.worker import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from omegaconf import DictConfig

    from runner.config.compose import Composed, PrimaryConfig

_LOOK_S: Final = 0.2
_LONGEST_LINE: Final = 1 << 20


class Elsewhere:
    """Runs the jobs of a sweep by the launcher that the command line names."""

    def __init__(
        self,
        launcher: str,
        hydra: DictConfig,
        words: Sequence[str],
        folder: Path,
        primary: PrimaryConfig,
        objective: str | None,
    ) -> None:
        """`hydra` is that section of the sweep, with the options of the launcher; `words` are the sweep's, to be looked
        up in `folder` and `primary`. Raises `UsageError` where one of them holds a secret."""
        for word in words:
            if hidden_override(word) != word:
                raise UsageError(
                    f"hydra/launcher={launcher} takes no secret from the command line",
                    where=hidden_override(word),
                    why="launchers write the overrides of their jobs to files",
                    hint="set it in the environment, or in your own file",
                )
        self._launcher = launcher
        self._hydra = hydra
        self._words = tuple(words)
        self._folder = folder
        self._primary = primary
        self._objective = objective
        self._exchange: Exchange | None = None
        self._stops = 0

    def stop(self) -> None:
        """Ask all jobs to end, as `Session.cancel` does."""
        self._stops += 1
        if self._exchange is not None:
            self._exchange.stop()

    def close(self) -> None:
        """End processes that wait for further batches. They have our standard streams open."""
        if (loky := sys.modules.get("joblib.externals.loky")) is not None:
            loky.get_reusable_executor().shutdown(kill_workers=True)

    async def run(
        self,
        jobs: Sequence[Composed],
        planned: Sequence[Plan | RunnerError],
        *,
        observer: Callable[[Event], object],
        ended: Callable[[JobOutcome], object],
        fail_fast: bool,
    ) -> tuple[tuple[JobOutcome, ...], JobOutcome | None]:
        """What became of all jobs, in order, and the one whose failure stopped the others with `fail_fast`.

        A job whose process ended without an answer has failed.
        """
        found: dict[int, JobOutcome] = {}
        stopped_by: JobOutcome | None = None
        ours: list[tuple[Composed, Plan]] = []

        def note(at: int, one: JobOutcome) -> None:
            nonlocal stopped_by
            found[at] = one
            ended(one)
            if fail_fast and stopped_by is None and one.state is JobState.FAILED and one.plan is not None:
                stopped_by = one
                self.stop()

        numbers = []
        for at, (composed, plan) in enumerate(zip(jobs, planned, strict=True)):
            assert composed.job is not None, "the jobs of a sweep have numbers"
            if isinstance(plan, Plan):
                ours.append((composed, plan))
                numbers.append(at)
            else:
                note(at, JobOutcome(job=composed.job, error=plan))
        if ours:
            async for place, outcome in self._outcomes(ours, observer):
                composed, plan = ours[place]
                assert composed.job is not None
                value = value_of(outcome, self._objective)
                note(numbers[place], JobOutcome(job=composed.job, plan=plan, outcome=outcome, value=value))
        return tuple(found[at] for at in range(len(jobs))), stopped_by

    async def _outcomes(
        self, jobs: Sequence[tuple[Composed, Plan]], observer: Callable[[Event], object]
    ) -> Any:
        """Each job that has ended, by its place in `jobs`, as soon as it has."""
        first = jobs[0][0].job.number if jobs[0][0].job is not None else 0
        at_work = set(range(len(jobs)))
        with Exchange.made(self._for_workers(jobs, first)) as exchange:
            self._exchange = exchange
            for _ in range(self._stops):
                exchange.stop()
            events = _Events(exchange, {first + at: plan.key for at, (_, plan) in enumerate(jobs)}, observer)
            overrides = [
                [hidden_override(one) for one in composed.job.overrides]
                for composed, _ in jobs
                if composed.job is not None
            ]
            launched = asyncio.ensure_future(in_thread(lambda: self._launch(exchange, overrides, first)))
            while at_work:
                over = launched.done()
                # A launcher that fails may leave jobs of its running.
                over = over and not any(exchange.is_at_work(first + at) for at in at_work)
                for number, packed in list(exchange.ended()):
                    events.look()
                    yield number - first, unpack(packed, jobs[number - first][1])
                    at_work.discard(number - first)
                if over:
                    break
                await (
                    asyncio.sleep(_LOOK_S) if launched.done() else asyncio.wait([launched], timeout=_LOOK_S)
                )
                events.look()
            await asyncio.wait([launched])
            error = launched.exception()
            self._exchange = None
        for at in sorted(at_work):
            yield at, RunOutcome(plan=jobs[at][1], **self._unanswered(error))

    def _unanswered(self, error: BaseException | None) -> dict[str, Any]:
        if self._stops and not isinstance(error, RunnerError):
            return {"interrupted": True}
        why = f"{type(error).__name__}: {error}".splitlines()[0] if error is not None else ""
        return {
            "error": error
            if isinstance(error, RunnerError)
            else RunnerError(
                f"the process of the job ended without an answer (hydra/launcher={self._launcher})",
                why=why,
                hint="run the same command again: what was made is reused",
            )
        }

    def _for_workers(self, jobs: Sequence[tuple[Composed, Plan]], first: int) -> WorkerSweep:
        found: dict[int, WorkerJob] = {}
        for at, (composed, plan) in enumerate(jobs):
            assert composed.job is not None
            declared: Mapping[str, Any] = composed.origins.declared
            found[first + at] = WorkerJob(
                job=composed.job,
                overrides=composed.overrides,
                declared={one: declared[one] for one in composed.overrides if one in declared},
                key=plan.key,
            )
        return WorkerSweep(
            words=self._words,
            folder=self._folder.absolute(),
            primary=self._primary,
            jobs=found,
            objective=self._objective,
        )

    def _launch(self, exchange: Exchange, overrides: list[list[str]], first: int) -> None:
        """Have the launcher run all jobs. Blocking; in a thread of its own."""
        config = launching.safe_section(self._hydra, exchange.path)
        if OmegaConf.select(config, "hydra.launcher.ray.init") is not None:
            # Without a folder of its own Ray has its workers import from the current one, and no variable helps.
            empty = exchange.path / "ray"
            empty.mkdir()
            OmegaConf.update(
                config, "hydra.launcher.ray.init.runtime_env.working_dir", str(empty), force_add=True
            )
        try:
            launcher = Plugins.instance().instantiate_launcher(
                hydra_context=HydraContext(config_loader=Loader(), callbacks=Callbacks()),
                task_function=Job(exchange.path),
                config=config,
            )
            with _no_modules_of_the_folder(), contextlib.redirect_stdout(sys.stderr):
                launcher.launch(overrides, initial_job_idx=first)
        except RunnerError:
            raise
        except ImportError as error:
            raise UsageError(f"hydra/launcher={self._launcher} cannot be used", why=str(error)) from error


class _Events:
    """Hands on the events of the workers' runs, from the files that they are recorded in."""

    def __init__(
        self, exchange: Exchange, runs: Mapping[int, str], observer: Callable[[Event], object]
    ) -> None:
        self._exchange = exchange
        self._runs = runs
        self._observer = observer
        self._read: dict[int, tuple[Path, int]] = {}

    def look(self) -> None:
        """Hand on what is new."""
        for number, begun in self._exchange.began().items():
            file, done = self._read.get(number, begun)
            with contextlib.suppress(OSError), file.open("rb") as lines:
                lines.seek(done)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    done += len(line)
                    if len(line) < _LONGEST_LINE:
                        self._hand_on(line, self._runs[number])
            self._read[number] = (file, done)

    def _hand_on(self, line: bytes, run: str) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            entry = json.loads(line)
            self._observer(
                Event(
                    kind=EventKind(entry["kind"]),
                    run=run,
                    sequence=str(entry.get("sequence", "")),
                    shot=str(entry.get("shot", "")),
                    message=str(entry.get("message", "")),
                    progress=entry.get("progress"),
                    detail=dict(entry.get("detail") or {}),
                )
            )


@contextlib.contextmanager
def _no_modules_of_the_folder() -> Iterator[None]:
    """Have the Python of workers import nothing from the working folder: it is started there, as `python -m`."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before

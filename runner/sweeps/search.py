"""Runs a sweeper that chooses jobs while they run: in a thread of its own, its batches on the event loop of the caller.

Nothing of the process is changed: Hydra only creates the sweeper from its section of the configuration.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import launching
from runner.errors import RunnerError, UsageError
from runner.sweeps import hydra_launcher, optuna_sweeper
from runner.sweeps.objectives import objective_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hydra.core.utils import JobReturn

    from runner.config.launching import Search
    from runner.sweeps.job import JobOutcome

    RunBatch = Callable[[list[list[str]], int], Awaitable[Sequence[JobOutcome]]]
    """Runs the jobs with these overrides, the first of which has this number. Raises `Stopped` to end the search."""

T = TypeVar("T")
_MOST_JOBS: Final = 100_000


class Stopped(BaseException):
    """Ends a sweeper: no sweeper catches it as the failure of a job."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What the sweeper takes for the task function; `RunnerLauncher` finds the batches in it."""

    batches: hydra_launcher.Batches

    def __call__(self, config: Any) -> None:
        raise TypeError("jobs are run in batches")


async def run_search(search: Search, run_batch: RunBatch) -> None:
    """Run the sweeper of `search` to its end. Errors of the sweeper are `UsageError`; those of `run_batch` are raised
    as they are, and end it."""
    if search.objective is None and search.launching.sweeper in launching.EXTRAS["hydra/sweeper"]:
        raise UsageError(
            "a search needs an objective",
            why="its sweeper chooses jobs by a number that each of them has",
            hint="objective=cost_usd; another name lists all there are",
        )
    loop = asyncio.get_running_loop()

    def batches(batch: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        overrides = [list(job) for job in batch]
        if first + len(overrides) > _MOST_JOBS:
            raise UsageError(f"the search has more than {_MOST_JOBS:,} jobs")
        done = asyncio.run_coroutine_threadsafe(_ran(run_batch, overrides, first), loop).result()
        if isinstance(done, BaseException):
            raise Stopped from done
        return [_returned(job, one, search.objective) for one, job in zip(overrides, done, strict=True)]

    with tempfile.TemporaryDirectory(prefix="film-runner-") as folder:
        try:
            await in_thread(lambda: _sweep(search, batches, Path(folder)))
        except Stopped as stopped:
            if isinstance(stopped.__cause__, Exception):
                raise stopped.__cause__ from None


def expected_jobs(search: Search) -> int:
    """How many jobs there will be at most, where the sweeper says so; else 0."""
    found = OmegaConf.select(search.hydra, "sweeper.n_trials")
    return found if isinstance(found, int) and 0 < found <= _MOST_JOBS else 0


def direction(search: Search) -> str:
    """`minimize` or `maximize`."""
    found = OmegaConf.select(search.hydra, "sweeper.direction")
    return "maximize" if str(getattr(found, "name", found)).lower() == "maximize" else "minimize"


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, called in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # it is None only with an error, or where T is

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    threading.Thread(target=run, name="launcher", daemon=True).start()
    return await done


async def _ran(
    run_batch: RunBatch, overrides: list[list[str]], first: int
) -> Sequence[JobOutcome] | BaseException:
    """What a batch came to, or why there is no further one: an exception of its own type ends a thread badly."""
    try:
        return await run_batch(overrides, first)
    except (Exception, Stopped) as error:
        return error


def _sweep(search: Search, batches: hydra_launcher.Batches, folder: Path) -> None:
    hydra_launcher.register(hydra_launcher.TARGET, hydra_launcher.RunnerLauncher)
    hydra_launcher.register(optuna_sweeper.TARGET, optuna_sweeper.OptunaSweeper)
    config = launching.safe_section(search.hydra, folder)
    with open_dict(config):
        config.hydra.launcher = {"_target_": hydra_launcher.TARGET}
    (folder / "hydra").mkdir()
    name = search.launching.sweeper
    try:
        sweeper = Plugins.instance().instantiate_sweeper(
            hydra_context=HydraContext(config_loader=hydra_launcher.Loader(), callbacks=Callbacks()),
            task_function=_Task(batches),
            config=config,
        )
        sweeper.sweep(list(search.arguments))
    except RunnerError:
        raise
    except (HydraException, OmegaConfBaseException, ImportError) as error:
        why = str(error.__cause__ or error).strip().splitlines()
        raise UsageError(
            f"hydra/sweeper={name} cannot be used",
            why=why[0] if why else type(error).__name__,
            hint="its options are keys of hydra.sweeper, with + where it has others",
        ) from error
    except Exception as error:
        raise UsageError(
            f"hydra/sweeper={name} failed", why=f"{type(error).__name__}: {error}", hint="--debug shows where"
        ) from error


def _returned(job: JobOutcome, overrides: list[str], objective: str | None) -> JobReturn:
    error = next(iter(job.errors), None)
    if job.outcome is not None and error is None and objective is not None and job.value is None:
        try:
            objective_of(job.outcome, objective)
        except RunnerError as missing:
            error = missing
    return hydra_launcher.returned(overrides, job.job.number, job.value, error, job.folder)

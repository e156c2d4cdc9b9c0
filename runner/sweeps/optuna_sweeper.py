"""`hydra/sweeper=optuna`: Optuna chooses jobs by the values of those before, and hands them to the launcher.

Ours, since the released hydra-optuna-sweeper (1.3.0) takes no Optuna after 2.10 of 2022: it imports what Optuna 3
deprecated and 4 removed. The options that both have are called the same.

A job that has been chosen before is not run again: its value is known. The study is in memory. With the same `seed` the
same command chooses the same jobs, whose clips the journal has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig

TARGET: Final = "hydra_plugins.film_runner.OptunaSweeper"
_SAMPLERS: Final = ("tpe", "random")
_ASKED_AGAIN: Final = 50
"""How often Optuna may choose what is known before the search counts as finished."""


@dataclass(frozen=True, slots=True)
class _Among:
    """One of some values, as overrides: in order of size, or by name."""

    values: tuple[str, ...]
    ordered: bool

    def suggest(self, trial: optuna.Trial, key: str) -> str:
        if self.ordered:
            return self.values[trial.suggest_int(key, 0, len(self.values) - 1)]
        return str(trial.suggest_categorical(key, self.values))


@dataclass(frozen=True, slots=True)
class _Between:
    """A number of an interval, its ends included."""

    key: str
    low: float
    high: float
    log: bool

    def suggest(self, trial: optuna.Trial, key: str) -> str:
        if isinstance(self.low, int) and isinstance(self.high, int):
            return f"{self.key}={trial.suggest_int(key, self.low, self.high, log=self.log)}"
        value = trial.suggest_float(key, self.low, self.high, log=self.log)
        # Six digits decide as much as sixteen do, and people can read them.
        return f"{self.key}={float(f'{value:.6g}')!r}"


class OptunaSweeper(Sweeper):
    """Searches. Raises `UsageError` for a search that cannot be made, from `sweep`."""

    def __init__(self, direction: str, n_trials: int, n_jobs: int, sampler: str, seed: int | None) -> None:
        self._direction = direction
        self._trials = n_trials
        self._at_once = n_jobs
        self._sampler = sampler
        self._seed = seed
        self.config = None
        self.launcher = None
        self.hydra_context = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.hydra_context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        """Search over the sweeps in `arguments`; all else is the same in all jobs."""
        assert self.launcher is not None
        self._check()
        parsed = OverridesParser.create().parse_overrides(arguments)
        space = {one.get_key_element(): _space(one) for one in parsed if one.is_sweep_override()}
        if not space:
            raise UsageError(
                "there is nothing to search over", hint="give a key several values: 'KEY=interval(0,1)'"
            )
        study = self._study()
        values: dict[tuple[str, ...], float | None] = {}
        total = int(min(self._trials, _combinations(space)))
        while len(values) < total:
            batch = self._batch(study, parsed, space, values, min(self._at_once, total - len(values)))
            if not batch:
                return
            done = self.launcher.launch([list(job) for job in batch], initial_job_idx=len(values))
            for (job, trial), returned in zip(batch.items(), done, strict=True):
                values[job] = _value(returned)
                _tell(study, trial, values[job])

    def _batch(
        self,
        study: optuna.Study,
        parsed: Sequence[Override],
        space: Mapping[str, _Among | _Between],
        values: Mapping[tuple[str, ...], float | None],
        size: int,
    ) -> dict[tuple[str, ...], optuna.Trial]:
        """Jobs that have not been run, each with its trial; none where Optuna finds no more."""
        batch: dict[tuple[str, ...], optuna.Trial] = {}
        twice: list[optuna.Trial] = []
        for _ in range(size + _ASKED_AGAIN):
            trial = study.ask()
            job = tuple(
                space[key].suggest(trial, key) if key in space else f"{key}={one.get_value_element_as_str()}"
                for one in parsed
                for key in [one.get_key_element()]
            )
            if job in values:
                _tell(study, trial, values[job])
            elif job in batch:
                twice.append(trial)  # stays open until the batch is full, so that something else is chosen
            else:
                batch[job] = trial
            if len(batch) == size:
                break
        for trial in twice:
            _tell(study, trial, None)
        return batch

    def _check(self) -> None:
        given: dict[str, tuple[Any, bool, str]] = {
            "direction": (
                self._direction,
                self._direction in ("minimize", "maximize"),
                "minimize, or maximize",
            ),
            "n_trials": (self._trials, _is_whole(self._trials), "a whole number, 1 or more"),
            "n_jobs": (self._at_once, _is_whole(self._at_once), "a whole number, 1 or more"),
            "sampler": (self._sampler, self._sampler in _SAMPLERS, " or ".join(_SAMPLERS)),
            "seed": (
                self._seed,
                self._seed is None or _is_whole(self._seed, 0, 2**32 - 1),
                "0 to 4294967295, or null",
            ),
        }
        for name, (value, fits, allowed) in given.items():
            if not fits:
                hint = f"hydra.sweeper.{name}=VALUE"
                raise UsageError(
                    f"hydra.sweeper.{name} is {value!r}", why=f"it should be {allowed}", hint=hint
                )

    def _study(self) -> optuna.Study:
        try:
            import optuna
        except ImportError as error:
            raise UsageError(
                "hydra/sweeper=optuna needs Optuna",
                why=str(error),
                hint="pip install 'film-runner[optuna]'",
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = (
            optuna.samplers.TPESampler(seed=self._seed, n_startup_trials=max(5, self._trials // 4))
            if self._sampler == "tpe"
            else optuna.samplers.RandomSampler(seed=self._seed)
        )
        direction = optuna.study.StudyDirection[self._direction.upper()]
        return optuna.create_study(direction=direction, sampler=sampler)


def _is_whole(value: object, least: int = 1, most: int = 1_000_000) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _space(override: Override) -> _Among | _Between:
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        if low is None or high is None or not low < high:
            raise UsageError(f"{key} has an empty interval", hint="'KEY=interval(LOW,HIGH)'")
        return _Between(key, low, high, "log" in value.tags)
    values = tuple(f"{key}={one}" for one in override.sweep_string_iterator())
    if not values:
        raise UsageError(f"{key} is swept over no value")
    return _Among(tuple(dict.fromkeys(values)), ordered=override.is_range_sweep())


def _combinations(space: Mapping[str, _Among | _Between]) -> float:
    return math.prod(len(one.values) if isinstance(one, _Among) else math.inf for one in space.values())


def _value(returned: Any) -> float | None:
    """The value of a job that ended; `None` for one that failed."""
    # To look at the value of one that failed raises, and prints.
    found = returned.return_value if returned.status is JobStatus.COMPLETED else None
    return found if isinstance(found, float) and math.isfinite(found) else None


def _tell(study: optuna.Study, trial: optuna.Trial, value: float | None) -> None:
    import optuna

    if value is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, value)

"""Who chooses the jobs of a sweep and who starts them: `hydra/sweeper` and `hydra/launcher` of the command line.

Only the command line chooses them. A file of the working folder that configures Hydra is refused (`data_files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, OmegaConf, open_dict

from runner.config import sweep_words
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GRID: Final = "basic"
"""Hydra's sweeper that every sweep has by default: each combination of the values."""
OURS: Final = "runner"
"""The launcher that runs all jobs in one session; see `runner.sweeps.hydra_launcher`."""
ONE_BY_ONE: Final = "basic"
"""Hydra's launcher of that name: one job after the other, in this process."""
EXTRAS: Final = {
    "hydra/launcher": {"joblib": "joblib", "submitit_local": "submitit", "ray": "ray"},
    "hydra/sweeper": {"optuna": "optuna"},
}
"""The extras of this package that install launchers and sweepers, by their names."""

_NO_CHOICE_OF_JOBS: Final = frozenset({"_target_", "n_trials", "n_jobs", "max_failure_rate"})
"""Settings of sweepers that do not decide which jobs come first."""


@dataclass(frozen=True, slots=True)
class Launching:
    """The names of the sweeper and of the launcher that a sweep has."""

    sweeper: str = GRID
    launcher: str = OURS

    @property
    def is_grid(self) -> bool:
        """Whether the jobs are the combinations of the values, and known before the first one starts."""
        return self.sweeper == GRID

    @property
    def in_this_process(self) -> bool:
        return self.launcher in (OURS, ONE_BY_ONE)

    @property
    def one_by_one(self) -> bool:
        return self.launcher == ONE_BY_ONE

    def require_known_jobs(self) -> None:
        """Raise `UsageError` where a sweeper chooses the jobs while they run."""
        if not self.is_grid:
            raise UsageError(
                f"the jobs of hydra/sweeper={self.sweeper} are not known before it runs",
                why="it chooses each of them from the results of those before",
                hint="leave out -m to see one job, or hydra/sweeper to see all combinations",
            )

    def refuse_declared(self) -> None:
        """Raise `UsageError`: two things would choose the jobs."""
        raise UsageError(
            f"hydra/sweeper={self.sweeper} chooses the jobs, and so does a file",
            why="+sweep=NAME and sweep.from_file list the jobs of a sweep",
            hint="leave out one of the two",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the jobs of a search have in common. `sweep_key` is 64 hex digits.

    `arguments` are the words for the sweeper; `hydra` is the section `hydra` of the composition.
    """

    sweep_key: str
    project: str
    arguments: tuple[str, ...]
    hydra: DictConfig
    launching: Launching
    objective: str | None


def chosen(words: Sequence[str]) -> Launching:
    """What the command line chooses."""
    found = {
        group: value.strip("'\"")
        for group, _, value in (word.partition("=") for word in words)
        if group.lstrip("+") in EXTRAS
    }
    named = {group.lstrip("+"): value for group, value in found.items()}
    return Launching(named.get("hydra/sweeper", GRID), named.get("hydra/launcher", OURS))


def search(base: DictConfig, words: Sequence[str]) -> Search:
    """The search that `base` configures; its words are `words`."""
    launching = chosen(words)
    settings: Any = OmegaConf.to_container(base.hydra.sweeper, resolve=False)
    objective = OmegaConf.select(base, "sweep.objective")
    decides = {name: value for name, value in settings.items() if name not in _NO_CHOICE_OF_JOBS}
    key, project = sweep_words.identity(base, sweeper=[launching.sweeper, decides, objective])
    typed: Any = OmegaConf.to_container(base.hydra.overrides.task, resolve=False)
    return Search(
        sweep_key=key,
        project=project,
        arguments=tuple(map(str, typed)),
        hydra=base.hydra,
        launching=launching,
        objective=objective if isinstance(objective, str) else None,
    )


def safe_section(hydra: DictConfig, folder: Path) -> DictConfig:
    """A configuration for launchers and sweepers, with nothing but the section `hydra`, and in it no overrides.

    Hydra writes no configuration, sets up no logging and calls nothing of what is configured; the folders that it
    makes are in `folder`.
    """
    section = hydra.copy()
    OmegaConf.set_readonly(section, False)
    with open_dict(section):
        section.output_subdir = None
        section.callbacks = {}
        # Hydra leaves logging alone where the configuration has no root logger.
        section.job_logging = {"root": None}
        section.hydra_logging = {"root": None}
        section.verbose = False
        section.sweep.dir = str(folder / "hydra")
        section.sweep.subdir = "${hydra.job.num}"
        section.job.chdir = False
        section.job.env_set = {}
        section.job.override_dirname = ""
        section.job.id = "0"
        section.job.num = 0
        section.overrides.task = []
        section.overrides.hydra = []
    whole = OmegaConf.create({"hydra": {}})
    with open_dict(whole):
        whole.hydra = section
    return whole

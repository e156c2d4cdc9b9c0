"""`hydra/launcher=runner`: what a sweeper of Hydra's, or of a third party, hands its batches of jobs to.

A sweeper asks Hydra for the launcher of its configuration. It gets this one, whichever the command line names: jobs are
composed, planned and paid for here, and `Batches` decides where they run.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, Protocol

from hydra.core.config_loader import ConfigLoader
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, open_dict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.object_type import ObjectType
    from hydra.plugins.config_source import ConfigSource
    from hydra.plugins.plugin import Plugin
    from hydra.types import HydraContext, RunMode, TaskFunction

TARGET: Final = "hydra_plugins.film_runner.Launcher"
"""How the configuration names it: Hydra takes plugins from this package only, by names that are registered."""


class Batches(Protocol):
    """Runs the batches of a sweep. Called in the thread of the sweeper."""

    def __call__(self, batch: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]: ...


class RunnerLauncher(Launcher):
    """Hands each batch to the `Batches` that the sweeper was given as its task function."""

    def __init__(self) -> None:
        self._batches: Batches | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._batches = getattr(task_function, "batches", None)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run one batch; what became of each job, in order."""
        if self._batches is None:
            raise TypeError("hydra/launcher=runner runs jobs of python -m runner -m, and nothing else")
        return self._batches([list(job) for job in job_overrides], initial_job_idx)


class Loader(ConfigLoader):
    """What launchers and sweepers get in place of Hydra's loader: a job is its number and its overrides.

    It reads no file, so that in another process nothing of the working folder is read by Hydra. It can be pickled.
    """

    def load_configuration(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode, *args: Any, **more: Any
    ) -> DictConfig:
        raise _not_composed()

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The configuration of a job for Hydra's own use."""
        found = copy.deepcopy(master_config)
        with open_dict(found):
            found.hydra.overrides.task = list(sweep_overrides)
        return found

    def get_search_path(self) -> ConfigSearchPath:
        raise _not_composed()

    def get_sources(self) -> list[ConfigSource]:
        return []

    def list_groups(self, parent_name: str) -> list[str]:
        return []

    def get_group_options(
        self, group_name: str, results_filter: ObjectType | None = None, *args: Any, **more: Any
    ) -> list[str]:
        return []

    def compute_defaults_list(self, *args: Any, **more: Any) -> Any:
        raise _not_composed()


def _not_composed() -> TypeError:
    """Of what would compose a job. `ConfigLoader` is abstract, and launchers that run jobs call the rest of it only."""
    return TypeError("this loader composes nothing: jobs are composed by the runner")


def register(name: str, plugin: type[Plugin]) -> None:
    """Let Hydra find a plugin of ours under a name in `hydra_plugins`: no package of that name has to be installed."""
    found = Plugins.instance()
    found.register(plugin)
    found.class_name_to_class[name] = plugin


def returned(
    overrides: Sequence[str], number: int, value: object, error: Exception | None, folder: str
) -> JobReturn:
    """What a sweeper learns of a job: its value, or its error."""
    found = JobReturn(overrides=list(overrides), working_dir=folder, task_name=f"job {number}")
    found.status = JobStatus.COMPLETED if error is None else JobStatus.FAILED
    found.return_value = value if error is None else error
    return found

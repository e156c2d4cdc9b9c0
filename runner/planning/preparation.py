"""From a composed configuration to a plan, the way that every use of a configuration goes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runner import plugins
from runner.config import schema, validate
from runner.config.convert import Reader
from runner.errors import ConfigError, PluginError, RunnerError
from runner.planning import capability_checks
from runner.planning.plan import make

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.config.compose import Composed, SweepJob
    from runner.planning.plan import Plan
    from runner.plugins import Registry, Source

# Plugins are modules of one package: the process loads one set of them at a time.
_LOADING: Final = threading.Lock()


class Registries:
    """Loaded plugins, once for all configurations that name the same folders and block the same plugins."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[Path, ...], tuple[str, ...]], Registry] = {}

    @property
    def foreign(self) -> tuple[Source, ...]:
        """The loaded plugins that do not come with the program, each once."""
        return tuple(dict.fromkeys(one for registry in self._known.values() for one in registry.foreign))

    def of(self, composed: Composed) -> Registry:
        """The plugins that `composed` names; what could not be loaded is noted in the registry."""
        keys = Reader(composed.origins).read(schema.PluginKeys, composed.config.get("plugins"), "plugins")
        dirs = tuple((composed.folder / one).resolve() for one in keys.dirs)
        with _LOADING:
            if (dirs, keys.block) not in self._known:
                self._known[dirs, keys.block] = plugins.load(dirs, keys.block)
            return self._known[dirs, keys.block]


def plan(composed: Composed, registries: Registries | None = None) -> Plan:
    """What will be requested for a composition: keys, requests, prices. Nothing is contacted or written.

    Pass the same `registries` for several compositions, so that plugins are loaded once. Raises `ConfigError` with
    every problem that was found, or `PluginError`.
    """
    registry = (registries or Registries()).of(composed)
    registry.require_whole()
    project, reader = validate.read(composed, registry)
    if project is None:
        raise _problems(reader)
    try:
        made = make(project, registry)
        capability_checks.check(made, reader, hosts=capability_checks.public_hosts(registry))
    except ConfigError as error:
        # Problems in model cards stand beside those of the configuration.
        reader.problems += (one for one in error.problems if one not in reader.problems)
        if not error.problems:
            raise
    except PluginError:
        # On a draft with known problems a plugin may well fail; those come first.
        if not reader.problems:
            raise
    if reader.problems:
        raise _problems(reader)
    return replace(made, composed=composed, observers=registry.observers())


def plan_jobs(jobs: Sequence[Composed], registries: Registries | None = None) -> list[Plan | RunnerError]:
    """The plans of a sweep's jobs, in their order. Nothing is contacted or written.

    With `sweep.skip_invalid` a job that cannot run has its error in place of a plan; otherwise it is an error of the
    whole sweep. Raises `ConfigError` that names all such jobs.
    """
    registries = registries or Registries()
    found: list[Plan | RunnerError] = []
    for composed in jobs:
        try:
            found.append(plan(composed, registries))
        except RunnerError as error:
            if composed.job is None:
                raise
            found.append(error)
    broken = [
        (composed, error)
        for composed, error in zip(jobs, found, strict=True)
        if isinstance(error, RunnerError)
    ]
    if not broken or all(sweep_keys(composed).skip_invalid for composed, _ in broken):
        return found
    raise _broken_sweep([(composed.job, error) for composed, error in broken if composed.job], len(jobs))


def sweep_keys(composed: Composed) -> schema.SweepKeys:
    """How the sweep that this is a job of is to be run. What cannot be read is noted where the job is planned."""
    return Reader(composed.origins).read(schema.SweepKeys, composed.config.get("sweep"), "sweep")


def _broken_sweep(broken: Sequence[tuple[SweepJob, RunnerError]], jobs: int) -> RunnerError:
    """One error for all jobs that cannot run, the first of them in full."""
    job, first = broken[0]
    count = "a job" if len(broken) == 1 else f"{len(broken)} of {jobs} jobs"
    others = _spans([other.number for other, _ in broken[1:]])
    more = f"\nso do jobs {others}" if others else ""
    return ConfigError(
        f"{count} of the sweep cannot run; nothing of the sweep was started",
        where=f"job {job.number}: {' '.join(job.overrides)}",
        why=f"{first}{more}",
        hint="correct it, or leave such jobs out: sweep.skip_invalid=true",
    )


def _spans(numbers: Sequence[int]) -> str:
    """Rising numbers as people list them: 1 to 63, 70; the first twenty entries."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    more = ["and more"] if len(spans) > 20 else []
    return ", ".join([" to ".join(map(str, span)) for span in spans[:20]] + more)


def _problems(reader: Reader) -> ConfigError:
    found = tuple(reader.problems)
    count = len(found) + reader.left_out
    problems = "a problem" if count == 1 else f"{count:,} problems"
    why = f"{reader.left_out:,} more problems are not shown" if reader.left_out else ""
    return ConfigError(f"the configuration has {problems}; nothing was started", found, why=why)

"""Runs that are composed again from what is in their folders: what `reproduce` and `graft` have in common."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import interrupts
from runner.config import user_file
from runner.config.compose import PrimaryConfig, SweepJob, compose
from runner.errors import ConfigError, UsageError
from runner.outputs import description, manifest
from runner.planning.preparation import plan as make_plan
from runner.report import progress, sweep_progress
from runner.session import Session
from runner.sweeps.job import JobOutcome
from runner.verbs.root import of_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan
    from runner.planning.preparation import Registries


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A run folder: what its manifest says, and the plan of what it was composed from."""

    folder: Path
    manifest: dict[str, Any]
    plan: Plan


def with_root(folder: Path, words: list[str]) -> list[str]:
    """The overrides, with the outputs root that the folder lies in where they name none. Raises `UsageError`."""
    if any(word.startswith("output.root=") for word in words):
        return words
    root = of_folder(folder)
    if root is None:
        raise UsageError(
            "the folder lies in no outputs root", where=str(folder), hint="name one: output.root=DIR"
        )
    root = root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root
    return [*words, f"output.root={json.dumps(str(root), ensure_ascii=False)}"]


def recorded(folder: Path, words: Sequence[str], registries: Registries) -> Recorded:
    """What a run folder was composed from, with further overrides. Raises `UsageError`, `ConfigError`."""
    found = manifest.read(folder)
    if found is None:
        raise UsageError(
            "this run did not finish",
            where=str(folder),
            why=f"there is no {manifest.NAME} in it that can be read",
            hint="run its command again; run.json in it has the overrides",
        )
    if not (folder / description.FILE).is_file():
        raise UsageError(
            "this folder does not hold what it was composed from",
            where=str(folder / description.FILE),
            why="an earlier version of the program made it",
            hint="run its command again, which adds it; run.json has the overrides",
        )
    place = (folder / description.FOLDER).absolute()
    source = PrimaryConfig(name=description.NAME, folder=place, user_file=user_file.of_environment())
    composed = compose(words, Path(), source)
    first = next(iter(composed.origins.layers), None)
    if first is None or first.file.parent.resolve() != place.resolve():
        raise ConfigError(
            f"another {description.NAME}.yaml is in the way",
            where=str(first.file) if first else "",
            hint="run the command in another folder",
        )
    return Recorded(folder=folder, manifest=found, plan=make_plan(composed, registries))


async def made(recorded: Sequence[Recorded], quiet: bool) -> list[RunOutcome]:
    """Run all of them side by side."""
    plans = [one.plan for one in recorded]
    found: dict[int, RunOutcome] = {}
    async with Session(plans[0].project.output_root, ci=plans[0].project.ci) as session:
        with interrupts.handled_by(session.cancel):
            await session.check(plans)
            display = _display(plans, quiet)
            try:
                async with contextlib.aclosing(session.outcomes(plans, display.observe)) as ended:
                    async for number, outcome in ended:
                        found[number] = outcome
                        if isinstance(display, sweep_progress.Show):
                            name = recorded[number].folder.name
                            job = SweepJob(
                                number=number, overrides=(f"folder={name}",), sweep_key="", project=""
                            )
                            display.ended(JobOutcome(job=job, plan=plans[number], outcome=outcome))
            finally:
                display.close()
    return [found[number] for number in range(len(plans))]


def _display(plans: Sequence[Plan], quiet: bool) -> progress.Show | sweep_progress.Show:
    if len(plans) == 1:
        return progress.show(plans[0], quiet=quiet)
    return sweep_progress.show(plans, jobs=len(plans), quiet=quiet)

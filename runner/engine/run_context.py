"""What the steps of one run know: the session's resources, the plan, the folder, the budget, the observers."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.api import EventKind, TaskRef
from runner.engine.plugin_calls import Call

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Generator, GeneratorCapabilities
    from runner.engine.events import Bus
    from runner.engine.resources import Resources
    from runner.errors import ShotError
    from runner.media.look import Look
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot
    from runner.store.attempt import Attempt
    from runner.store.budget import Budget
    from runner.store.interface import Lease

    Failures = dict[tuple[str, int], ShotError]
    """By the keys of the shots, and the ids of the generators that were to make them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run of a session."""

    plan: Plan
    folder: RunFolder
    resources: Resources
    bus: Bus
    budget: Budget
    failed: Failures = field(default_factory=dict)
    """Shots that failed at the provider since this run and those beside it were started."""
    requested: dict[str, PlannedShot] = field(default_factory=dict)
    """The shots whose clips were asked for so far, by key: takes that stand in for planned ones among them."""

    slow: set[str] = field(default_factory=set)
    """Metrics that took too long once, by name: they are not measured again."""

    @property
    def owner(self) -> str:
        """Under which this run's attempts are counted: those of other sessions are not its own spending."""
        return f"{self.resources.journal.owner}:{self.plan.key[:16]}"

    def command(self, *words: str) -> str:
        """A command that the user can paste, for this outputs root."""
        root = self.plan.project.output_root
        of_root = () if str(root) == "outputs" else (f"output.root={root}",)
        return shlex.join(["python", "-m", "runner", *words, *of_root])

    def again_with(self, override: str) -> str:
        """The command of this run with one more override, secrets hidden; of a job of a sweep, the command that runs it
        alone. The bare override where there is no command."""
        composed = self.plan.composed
        if composed is None:
            return override
        key = override.partition("=")[0]
        words = ["-cd", str(composed.config_dir)] if composed.config_dir is not None else []
        for word in composed.shown_overrides:
            section = word.lstrip("+~").partition("=")[0]
            if section != key and section.partition(".")[0] != "sweep":
                words.append(word)
        return shlex.join(["python", "-m", "runner", *words, override])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotJob:
    """One shot that this session has the lease of."""

    run: RunContext
    sequence: PlannedSequence
    planned: PlannedShot
    generator: Generator
    lease: Lease
    previous_clip: Path | None
    """The clip of the shot that it chains from."""
    anchor: Look | None = None
    """What the chain is to look like: its hand-over frame may be corrected towards that."""

    @property
    def account(self) -> str:
        """The fingerprint of the paying account."""
        return fingerprint(self.planned)

    @property
    def capabilities(self) -> GeneratorCapabilities:
        return self.planned.capabilities

    def call(self, method: str, limit_s: float | None) -> Call:
        """A call of the shot's generator."""
        return self.call_of(f"generator {self.planned.shot.generator.spec.name}", method, limit_s)

    def call_of(self, plugin: str, method: str, limit_s: float | None) -> Call:
        """A call of another plugin for this shot."""
        return Call(
            plugin,
            method,
            self.planned.name,
            limit_s=limit_s,
            shot=self.planned.key,
            remind=lambda message: self.run.bus.shot_event(EventKind.SHOT_PROGRESS, self.planned, message),
            remind_s=self.run.resources.timing.remind_s,
        )


def task_ref(attempt: Attempt) -> TaskRef:
    """The provider's task of an attempt."""
    return TaskRef(attempt.task, attempt.task_data)


def fingerprint(planned: PlannedShot) -> str:
    """What tells one paying account from another, without revealing its key."""
    choice = planned.shot.generator
    secret = choice.spec.account(choice.options) if choice.spec.account else ""
    return hashlib.sha256(f"{choice.spec.name}\0{secret}".encode()).hexdigest()[:12]

"""The tape of a session: what is recorded or replayed, the root of a replay, and a time that does not wait."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runner.cassette import files
from runner.errors import CassetteError, ConfigError, OutputError, RunnerError, UnrecordedRequest, UsageError
from runner.planning.estimate import Standing, estimate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AsyncExitStack
    from pathlib import Path

    from runner.cassette.recording import Recording
    from runner.cassette.replaying import Player
    from runner.config.ci_keys import Ci
    from runner.engine.timing import Timing
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan

    Tape = Recording | Player

MARK: Final = ".replay"
"""Stands in a root that replays make; locked while one does."""


class Taping:
    """The tape of one session."""

    def __init__(self, ci: Ci) -> None:
        self.ci = ci
        self.tape: Tape | None = None
        """What is recorded, or replayed, once it is open."""
        self._all_fine = True

    async def opened(self, stack: AsyncExitStack, root: Path, timing: Timing) -> Timing:
        """Open the tape; the timing of the session's runs. `stack` ends it all.

        Raises `CassetteError`, `OutputError`, `UsageError`.
        """
        self.tape = await asyncio.to_thread(_opened, self.ci)
        if self.tape is None or not self.tape.replays:
            _refuse_replay_root(root)
            return timing
        stack.push_async_callback(self._prune)
        stack.enter_context(replay_root(root))
        return without_waiting(timing, self.tape.cassette.recorded)

    def check(self, plan: Plan) -> None:
        """Raise where a run cannot be recorded or replayed, before anything is requested. Blocking.

        Raises `ConfigError`, `JournalError`, `UsageError`.
        """
        if plan.project.ci != self.ci and {plan.project.ci.mode, self.ci.mode} != {"off"}:
            raise UsageError(
                f"the run has ci.mode={plan.project.ci.mode}, and its session {self.ci.mode}",
                hint="Session(root, ci=plan.project.ci); with other launchers, leave ci.mode out",
            )
        if self.tape is None:
            return
        for choice in {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}.values():
            if choice.spec.own_client:
                raise ConfigError(
                    f"what generator {choice.spec.name} answers cannot be recorded",
                    where=choice.at,
                    why="its SDK has an HTTP client of its own",
                    hint="leave ci.mode out, or choose another generator",
                )
        if not self.tape.replays:
            _check_unrecorded(plan, self.tape.cassette)

    def ended(self, outcome: RunOutcome, asked: Collection[str]) -> RunOutcome:
        """The outcome of a run, with what went wrong with the tape. `asked` are the keys of its shots."""
        if (error := self._problem({*asked, *(shot.key for shot in outcome.plan.shots)})) is not None:
            outcome = replace(outcome, error=error)
        self._all_fine = self._all_fine and outcome.exit_code == 0
        return outcome

    def _problem(self, keys: set[str]) -> RunnerError | None:
        if self.tape is None or not self.tape.replays:
            return self.tape.problem if self.tape is not None else None
        missed = [one for shot, one in self.tape.missed if shot in keys or not shot]
        if not missed:
            return None
        first, others = missed[0], len(missed) - 1
        more = f"; {others} more are not there either, and may follow from it" if others else ""
        return UnrecordedRequest(first.what, where=first.where, why=first.why + more, hint=first.hint)

    async def _prune(self) -> None:
        """Remove from the cassette what a replay did not use, if that is wanted. Raises `CassetteError`."""
        if self.ci.prune and self._all_fine and self.tape is not None and self.tape.replays:
            try:
                await asyncio.to_thread(self.tape.cassette.prune, self.tape.used)
            except OSError as error:
                where, why = str(self.tape.cassette.folder), error.strerror or str(error)
                raise CassetteError("the cassette cannot be pruned", where=where, why=why) from error


def _opened(ci: Ci) -> Tape | None:
    if ci.mode == "off":
        return None
    cassette = files.opened(ci.cassette, now=time.time(), new=not ci.replays)
    if ci.replays:
        from runner.cassette.replaying import Player

        cassette.check()
        return Player(cassette)
    from runner.cassette.recording import Recording

    try:
        cassette.save()
    except OSError as error:
        why = error.strerror or str(error)
        raise CassetteError("the cassette cannot be written", where=str(ci.cassette), why=why) from error
    return Recording(cassette, max_file_bytes=ci.max_file_bytes, max_bytes=ci.max_bytes)


def _check_unrecorded(plan: Plan, cassette: files.Cassette) -> None:
    """What is in the journal is not asked for again, and would be missing in the recording."""
    standing = estimate(plan).standing
    known = (Standing.PAID, Standing.RUNNING)
    missing = [
        shot.name
        for shot in plan.shots
        if standing[shot.key] in known
        and shot.key not in cassette.shots
        and (shot.price is None or shot.price.usd != 0)
    ]
    if missing:
        raise ConfigError(
            "clips of this root were made without being recorded; nothing was started",
            where=", ".join(missing),
            why="they would not be requested again, and the recording would lack them",
            hint="record into another root, which pays for them once more: output.root=outputs/recorded",
        )


@contextlib.contextmanager
def replay_root(root: Path) -> Iterator[None]:
    """Empty the outputs root of a replay, and hold it: nothing is reused, and no other replay is in it.

    Blocking. Raises `UsageError` for a folder that no replay made, or that another one is in; `OutputError`.
    """
    import fcntl

    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()) and not (root / MARK).is_file():
            raise UsageError(
                "this folder was not made by a replay, which would empty it",
                where=str(root),
                hint="choose another root with output.root=DIR",
            )
        with (root / MARK).open("a") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    "another replay is running in this folder",
                    where=str(root),
                    hint="wait for it, or choose another root with output.root=DIR",
                ) from None
            for entry in root.iterdir():
                if entry.name != MARK:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            yield
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError("the outputs root cannot be emptied", where=str(root), why=why) from error


def _refuse_replay_root(root: Path) -> None:
    """Raise `UsageError` where replays make a root: what is paid for would be lost with the next one."""
    if (root / MARK).exists():
        raise UsageError(
            "this outputs root is made by replays, each of which empties it",
            where=str(root),
            hint="choose another root with output.root=DIR",
        )


@dataclass(slots=True)
class _Clock:
    """A time in which waiting takes none: it jumps to when the waiting would end."""

    recorded: float
    _ahead_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def monotonic(self) -> float:
        """Seconds of this time."""
        return time.monotonic() + self._ahead_s

    def clock(self) -> float:
        """Seconds since 1970, as if it were when the cassette was recorded: what expires lives."""
        return self.recorded + self.monotonic() - self._began

    async def sleep(self, seconds: float) -> None:
        """Let others work, and go to the time when this would end. Those that wait together end together."""
        until = self.monotonic() + seconds
        await asyncio.sleep(min(max(seconds, 0.0), 0.002))
        self._ahead_s += max(0.0, until - self.monotonic())


def without_waiting(timing: Timing, recorded: float) -> Timing:
    """The same timing for a replay of what was `recorded` at that time."""
    clock = _Clock(recorded)
    return replace(
        timing, sleep=clock.sleep, monotonic=clock.monotonic, clock=clock.clock, jitter=lambda: 1.0
    )

"""Progress of a sweep for a person: how far its jobs are, what takes longest, and a line for each job that has ended.

On a terminal the count, the bar and the slowest shots stay in place; elsewhere a line is printed now and then. Goes to
standard error.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from runner.api import EventKind
from runner.outgoing import filtered_streams, one_line
from runner.report.headway import Headway
from runner.report.progress_words import OVER, SAYS
from runner.sweeps.job import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from runner.api import Event
    from runner.planning.plan import Plan
    from runner.report.console import Console
    from runner.sweeps.job import JobOutcome

_SILENCE_S: Final = 30.0
_SLOWEST: Final = 5
"""How many of the shots under way are shown: those that have been for longest."""
_TOLD: Final = frozenset({EventKind.SHOT_FAILED, EventKind.SHOT_FELL_BACK, EventKind.FILM_FAILED})
_STYLES: Final = {
    JobState.FINE: ("+", "green"),
    JobState.FAILED: ("x", "red"),
    JobState.CANCELLED: ("!", "yellow"),
}


@runtime_checkable
class Show(Protocol):
    """Something that shows the events and the ended jobs of a sweep until it is closed."""

    def observe(self, event: Event) -> None: ...

    def ended(self, job: JobOutcome) -> None: ...

    def more(self, plans: Sequence[Plan]) -> None:
        """Follow the jobs of a further batch. Blocking."""
        ...

    def close(self) -> None: ...


def show(plans: Sequence[Plan], *, jobs: int, quiet: bool, search: bool = False) -> Show:
    """The display that fits where standard error goes. `jobs` is how many there are, those that cannot run included; of
    a `search`, whose plans come batch by batch, how many there will be at most."""
    if quiet:
        return _Silent()
    far = Far(plans, jobs=jobs, search=search)
    return Live(far) if sys.stderr.isatty() else Plain(far)


class _Silent:
    def observe(self, event: Event) -> None:
        pass

    def ended(self, job: JobOutcome) -> None:
        pass

    def more(self, plans: Sequence[Plan]) -> None:
        pass

    def close(self) -> None:
        pass


class Far:
    """Follows a sweep: its jobs, the clips that they need, and which have been under way for longest."""

    def __init__(
        self,
        plans: Sequence[Plan],
        *,
        jobs: int,
        search: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.jobs = jobs
        self.done = self.failed = 0
        self.headway = Headway(*plans, clock=clock, of_sweep=search)
        self._clock = clock
        self._running: set[str] = set()
        self._keys: dict[tuple[str, str, str], str] = {}
        self._number: dict[str, int] = {}
        self._under_way: dict[str, tuple[Event, float]] = {}
        self._note(plans)

    def more(self, plans: Sequence[Plan]) -> None:
        """Follow the jobs of a further batch. Blocking."""
        self.headway.add(plans)
        self._note(plans)
        self.jobs = max(self.jobs, len(self._number))

    def _note(self, plans: Sequence[Plan]) -> None:
        self._keys |= {
            (plan.key, shot.sequence, shot.shot.name): shot.key for plan in plans for shot in plan.shots
        }
        self._number |= {plan.key: plan.job.number for plan in plans if plan.job is not None}

    def observe(self, event: Event) -> None:
        self.headway.observe(event)
        if event.kind is EventKind.RUN_STARTED:
            self._running.add(event.run)
        key = self._keys.get((event.run, event.sequence, event.shot))
        if key is None:
            return
        if event.kind in OVER:
            self._under_way.pop(key, None)
        elif event.kind is EventKind.SHOT_PROGRESS or event.kind in SAYS:
            known, since = self._under_way.get(key, (event, self._clock()))
            # Jobs that wait for a clip do not say how far it is.
            now = event if known.run == event.run else known
            self._under_way[key] = (now, self._clock() if _waits(known) and not _waits(now) else since)

    def ended(self, job: JobOutcome) -> None:
        self.done += 1
        self.failed += job.state is JobState.FAILED
        if job.plan is not None:
            self._running.discard(job.plan.key)

    @property
    def line(self) -> str:
        """`12 of 64 jobs (2 failed), 20 running, 3 shots wait for others`."""
        failed = f" ({self.failed} failed)" if self.failed else ""
        running = f", {len(self._running)} running" if self._running else ""
        waiting = sum(_waits(event) for event, _ in self._under_way.values())
        waits = ""
        if waiting:
            waits = f", {waiting} shots wait for others" if waiting > 1 else ", 1 shot waits for others"
        return f"{self.done} of {self.jobs} {'job' if self.jobs == 1 else 'jobs'}{failed}{running}{waits}"

    def slowest(self, most: int) -> list[str]:
        """The shots that have been under way for longest, each with its state and seconds; first those that do not
        merely wait for others."""
        now = self._clock()
        eldest = sorted(self._under_way.values(), key=lambda one: (_waits(one[0]), one[1]))
        return [
            f"{now - since:5.0f} s  {self.name(event)}  {SAYS.get(event.kind) or event.message}"
            for event, since in eldest[:most]
        ]

    def name(self, event: Event) -> str:
        """Which shot of which job an event is about."""
        number = self._number.get(event.run)
        job = f"job {number}" if number is not None else ""
        return " ".join(filter(None, (job, "/".join(filter(None, (event.sequence, event.shot))))))


def _waits(event: Event) -> bool:
    """Whether a shot waits for others of this session, or of another one."""
    return event.detail.get("waiting") is True


def ending(job: JobOutcome) -> str:
    """How a job ended, in one line."""
    outcome = job.outcome
    if job.errors:
        return f"{job.state}: {job.errors[0].line}"
    if outcome is None or job.state is not JobState.FINE:
        return str(job.state)
    reused = sum(shot.reused for shot in outcome.shots)
    took = max((shot.elapsed_s for shot in outcome.shots), default=0.0)
    parts = [f"done, {len(outcome.shots)} {'shot' if len(outcome.shots) == 1 else 'shots'}"]
    if reused:
        parts.append("all there already" if reused == len(outcome.shots) else f"{reused} there already")
    elif took:
        parts.append(f"the slowest in {took:.1f} s")
    return ", ".join(parts)


def naming(job: JobOutcome) -> str:
    """The number of a job, and what differs in it, cut to a line."""
    from runner.report.sweep import differing

    text = one_line(differing(job.job.overrides))
    return f"job {job.job.number} {text if len(text) <= 40 else f'{text[:37]}...'}".rstrip()


class Plain:
    """Prints each job that ends, what goes wrong, and a sign of life after half a minute of silence."""

    def __init__(self, far: Far, clock: Callable[[], float] = time.monotonic) -> None:
        self._far = far
        self._clock = clock
        self._began = self._spoke = clock()

    def observe(self, event: Event) -> None:
        self._far.observe(event)
        if event.kind in _TOLD:
            self._print(f"{self._far.name(event)} {SAYS[event.kind]}: {event.message}")
        elif self._clock() - self._spoke >= _SILENCE_S:
            slowest = "; ".join(" ".join(one.split()) for one in self._far.slowest(3))
            self._print(f"{self._state}; slowest: {slowest or 'nothing is under way'}")

    def ended(self, job: JobOutcome) -> None:
        self._far.ended(job)
        if job.state is not JobState.NOT_STARTED:
            self._print(f"{naming(job)}: {ending(job)} ({self._state})")

    def more(self, plans: Sequence[Plan]) -> None:
        self._far.more(plans)

    def close(self) -> None:
        pass

    @property
    def _state(self) -> str:
        return f"{self._far.line} · {self._far.headway.line}"

    def _print(self, text: str) -> None:
        self._spoke = self._clock()
        print(f"[{self._spoke - self._began:7.1f}s] {one_line(text)}", file=sys.stderr, flush=True)


class Live:
    """A few lines that stay at the bottom of the terminal, and a line above them for each job that has ended."""

    def __init__(self, far: Far, console: Console | None = None) -> None:
        from rich.live import Live as Region

        from runner.report.console import Console

        self._far = far
        self._lock = threading.Lock()  # it is drawn by a thread of rich's
        self._console = console or Console(stderr=True)
        self._region = Region(
            get_renderable=self._drawn, console=self._console, refresh_per_second=4, transient=True
        )
        self._region.start()
        # rich prints what others print above the region, with the colours that stand in it.
        self._streams = contextlib.ExitStack()
        self._streams.enter_context(filtered_streams())

    def observe(self, event: Event) -> None:
        with self._lock:
            self._far.observe(event)
        if event.kind in _TOLD:
            self._line("x", "red", f"{self._far.name(event)} {SAYS[event.kind]}: {event.message}")

    def ended(self, job: JobOutcome) -> None:
        with self._lock:
            self._far.ended(job)
        if job.state in _STYLES:
            sign, style = _STYLES[job.state]
            self._line(sign, style, f"{naming(job)}: {ending(job)}")

    def more(self, plans: Sequence[Plan]) -> None:
        with self._lock:
            self._far.more(plans)

    def close(self) -> None:
        self._streams.close()
        self._region.stop()

    def _line(self, sign: str, style: str, text: str) -> None:
        from rich.text import Text

        self._console.print(Text().append(f"{sign} ", style=style).append(one_line(text)))

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            far = self._far
            rows = far.slowest(max(min(_SLOWEST, self._console.height - 5), 0))
            lines = [far.line, far.headway.line_with_clock]
            bar = Table.grid(expand=True)  # a bar alone does not end its line
            bar.add_row(ProgressBar(total=max(far.jobs, 1), completed=far.done))
        slow = [Text(one_line(row), style="dim", no_wrap=True, overflow="ellipsis") for row in rows]
        bold = [Text(line, style="bold", no_wrap=True, overflow="ellipsis") for line in lines]
        return Group(*slow, bar, *bold)

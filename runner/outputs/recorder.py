"""`run.json`, `events.jsonl`, `runner.log` and `.hydra/`: what differs from run to run, and what was composed."""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import json
import logging
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner import __version__, store
from runner.api import EventKind
from runner.money import to_usd
from runner.outgoing import LogFormatter, outgoing
from runner.outputs import description, manifest
from runner.outputs.lines import Lines
from runner.outputs.timeline import timelines
from runner.store.documents import MANIFEST as NAME
from runner.store.documents import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.api import Event
    from runner.errors import OutputError
    from runner.outputs.folder import RunFolder
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan
    from runner.store.interface import ObjectStore

_log = logging.getLogger("runner.run")
_RUN: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("run", default=None)
"""The recorder of the run that the current task belongs to: a line of one run never lands in the log of another.

Lines of what all runs share, such as a plugin's server, are in the logs of all runs that are open.
"""


_EVENTS: Final = "events.jsonl"
_LOG: Final = "runner.log"
VERSION: Final = 1
"""Of `run.json`; see `runner/schemas`."""
_NOTHING_NEW: Final = frozenset(
    {
        EventKind.RUN_STARTED,
        EventKind.RUN_WARNED,
        EventKind.RUN_FINISHED,
        EventKind.SHOT_REUSED,
        EventKind.SHOT_WARNED,
        EventKind.TAKE_FINISHED,
        EventKind.CHAIN_MEASURED,
        EventKind.FILM_FINISHED,
    }
)
"""What happens in a run that reuses all that an earlier one made."""


class _RunLogs(logging.Handler):
    """Puts each line into the log of the run that it belongs to.

    One handler for all runs: a logger asks each of its handlers about each line.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[Recorder, Lines] = {}
        self.setFormatter(LogFormatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))

    def open(self, recorder: Recorder, lines: Lines) -> None:
        with self._lock_of_logs():
            if not self._logs:
                logging.getLogger("runner").addHandler(self)
            self._logs[recorder] = lines

    def close_one(self, recorder: Recorder) -> None:
        with self._lock_of_logs():
            self._logs.pop(recorder, None)
            if not self._logs:
                logging.getLogger("runner").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        run = _RUN.get()
        logs = list(self._logs.values()) if run is None else [self._logs[run]] if run in self._logs else []
        with contextlib.suppress(Exception):  # a plugin's call, with arguments that do not fit its message
            line = self.format(record) if logs else ""
            for lines in logs:
                lines.add(line)

    @contextlib.contextmanager
    def _lock_of_logs(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()


class Recorder:
    """Writes into one run folder while the run goes on. Once it has begun it is a context manager of the run's own
    task."""

    def __init__(self, folder: RunFolder, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._started = datetime.now(UTC)
        self._open = contextlib.ExitStack()
        self._marked = False
        self._standing: dict[str, Any] | None = None
        """The record of an earlier run of this request that finished: it stands until something new is made."""

    def begin(self, objects: ObjectStore) -> None:
        """Leave a mark of whose folder this is before anything else happens, then what reproduces the run. Blocking.

        Raises `OutputError`.
        """
        try:
            for name in (_EVENTS, _LOG):
                store.make_own(self._folder.path / name)
            self._standing = self._finished_before()
            if self._standing is None:
                self._mark()
            composed = self._plan.composed
            if composed is not None:
                self._folder.write(".hydra/config.yaml", composed.text)
                lines = [f"- {json.dumps(one, ensure_ascii=False)}\n" for one in composed.shown_overrides]
                self._folder.write(".hydra/overrides.yaml", "".join(lines) or "[]\n")
            description.write(self._folder, self._plan, objects)
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Recorder:
        """Collect events and the lines of the log from here on. Raises `OutputError`."""
        try:
            self._events = Lines(self._folder.path / _EVENTS)
            self._open.callback(self._events.close)
            token = _RUN.set(self)
            self._open.callback(_RUN.reset, token)
            log = Lines(self._folder.path / _LOG)
            self._open.callback(log.close)
            _LOGS.open(self, log)
            self._open.callback(_LOGS.close_one, self)
        except OSError as error:
            self._open.close()
            raise self._unwritable(error) from error
        return self

    def _unwritable(self, error: OSError) -> OutputError:
        return store.unwritable("the output folder cannot be written", self._folder.path, error)

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def _finished_before(self) -> dict[str, Any] | None:
        found = read_run(self._folder.path)
        is_ours = found is not None and found["key"] == self._plan.key
        return found if is_ours and found is not None and found.get("state") == "finished" else None

    def _mark(self) -> None:
        self._marked = True
        self._folder.remove_stale()
        self._write_record("running")

    def observe(self, event: Event) -> None:
        """Append one event, and log what one would look for."""
        if not self._marked and event.kind not in _NOTHING_NEW:
            with contextlib.suppress(OSError):
                self._mark()
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": event.kind,
        }
        entry |= {key: value for key in ("sequence", "shot", "message") if (value := getattr(event, key))}
        if event.progress is not None:
            entry["progress"] = round(event.progress, 3)
        if event.detail:
            entry["detail"] = dict(event.detail)
        self._events.add(outgoing(json.dumps(entry, ensure_ascii=False)))
        if event.kind is EventKind.SHOT_PROGRESS:
            return
        bad = event.kind.endswith(("failed", "fell_back", "warned", "skipped"))
        where = "/".join(filter(None, (event.sequence, event.shot))) or "run"
        _log.log(logging.WARNING if bad else logging.INFO, "%s %s %s", where, event.kind, event.message)

    def finish(self, outcome: RunOutcome) -> None:
        """Write timelines and the manifest, then the record that points to it.

        A run that made nothing new leaves the record of the one that did: when, for how much, and with which tasks.
        """
        text = outgoing(manifest.text(outcome))
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        is_new = not self._folder.holds(NAME, text)
        for timeline in timelines(outcome):
            # A film of the same manifest has the same timeline.
            if is_new or not (self._folder.path / timeline.path).is_file():
                self._folder.write(timeline.path, timeline.text())
        if is_new:
            if not self._marked:
                self._mark()  # the record that stands has the digest of the manifest that is about to go
            self._folder.write(NAME, text)
        standing = self._standing or {}
        as_it_stands = (standing.get("manifest_sha256"), standing.get("exit_code"))
        if not self._marked and not outcome.interrupted and as_it_stands == (digest, outcome.exit_code):
            return
        self._write_record(
            "interrupted" if outcome.interrupted else "finished",
            finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
            exit_code=outcome.exit_code,
            manifest_sha256=digest,
            money=outcome.cost.to_json() if outcome.cost is not None else None,
            shots=of_shots(outcome),
            films={
                film.name: {"reused": film.reused, "elapsed_s": round(film.elapsed_s, 3)}
                for film in outcome.all_films
            },
        )

    def fail(self, message: str) -> None:
        """Record that the run ended before it could make anything."""
        self._write_record("failed", error=message)

    def _write_record(self, state: str, **more: Any) -> None:
        composed = self._plan.composed
        record = {
            "run_version": VERSION,
            "key": self._plan.key,
            "project": self._plan.project.name,
            "shots_planned": len(self._plan.shots),
            "state": state,
            "started": self._started.isoformat(timespec="milliseconds"),
            "runner": __version__,
            "python": platform.python_version(),
            "host": platform.node(),
            "overrides": composed.shown_overrides if composed is not None else [],
            **more,
        }
        self._folder.write("run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def of_shots(outcome: RunOutcome) -> dict[str, dict[str, Any]]:
    """What differs from run to run of each shot, by SEQUENCE/SHOT."""
    return {
        shot.planned.name: {
            "ending": shot.ending,
            "reused": shot.reused,
            "elapsed_s": round(shot.elapsed_s, 3),
            "task": shot.task,
            "cost_usd": to_usd(shot.cost),
        }
        for shot in outcome.shots
    }


_LOGS: Final = _RunLogs()

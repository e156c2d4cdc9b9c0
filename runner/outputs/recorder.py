"""`run.json`, `events.jsonl`, `runner.log` and `.hydra/`: what differs from run to run, and what was composed."""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import json
import logging
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner import __version__, store
from runner.api import EventKind
from runner.money import to_usd
from runner.outgoing import LogFormatter, outgoing
from runner.outputs import manifest
from runner.store.documents import MANIFEST as NAME

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Event
    from runner.outputs.folder import RunFolder
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan

_log = logging.getLogger("runner.run")
_RUN: contextvars.ContextVar[object] = contextvars.ContextVar("run", default=None)
"""The recorder of the run that the current task belongs to: a line of one run never lands in the log of another.

Lines of what all runs share, such as a plugin's server, are in the logs of all runs that are open.
"""


class _Lines:
    """A file that lines are appended to. It is open for each line only: hundreds of runs may go on at once.

    What cannot be written, because the disk is full, is not worth stopping for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("a", encoding="utf-8"):
            pass  # raises where it cannot be written at all

    def add(self, line: str) -> None:
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


class _RunLog(logging.Handler):
    """Takes the log lines of one run."""

    def __init__(self, folder: RunFolder, recorder: Recorder) -> None:
        super().__init__()
        self._lines = _Lines(folder.path / "runner.log")
        self.setFormatter(LogFormatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
        self.addFilter(lambda record: _RUN.get() in (None, recorder))

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):  # a plugin's call, with arguments that do not fit its message
            self._lines.add(self.format(record))


class Recorder:
    """Writes into one run folder while the run goes on. Use as a context manager in the run's own task."""

    def __init__(self, folder: RunFolder, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._started = datetime.now(UTC)
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Recorder:
        """Leave a mark of whose folder this is before anything else happens. Raises `OutputError`."""
        try:
            self._begin()
        except OSError as error:
            self._open.close()
            raise store.unwritable("the output folder cannot be written", self._folder.path, error) from error
        return self

    def _begin(self) -> None:
        for name in ("events.jsonl", "runner.log"):
            store.make_own(self._folder.path / name)
        self._events = _Lines(self._folder.path / "events.jsonl")
        log = _RunLog(self._folder, self)
        self._open.callback(log.close)
        token = _RUN.set(self)
        self._open.callback(_RUN.reset, token)
        logging.getLogger("runner").addHandler(log)
        self._open.callback(logging.getLogger("runner").removeHandler, log)
        self._write_record("running")
        composed = self._plan.composed
        if composed is not None:
            self._folder.write(".hydra/config.yaml", composed.text)
            lines = [f"- {json.dumps(one, ensure_ascii=False)}\n" for one in composed.shown_overrides]
            self._folder.write(".hydra/overrides.yaml", "".join(lines) or "[]\n")

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def observe(self, event: Event) -> None:
        """Append one event, and log what one would look for."""
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
        """Write the manifest, then the record that points to it."""
        text = outgoing(manifest.text(outcome))
        self._folder.write(NAME, text)
        self._write_record(
            "interrupted" if outcome.interrupted else "finished",
            finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
            exit_code=outcome.exit_code,
            manifest_sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
            money=outcome.cost.to_json() if outcome.cost is not None else None,
            shots={
                shot.planned.name: {
                    "ending": shot.ending,
                    "reused": shot.reused,
                    "elapsed_s": round(shot.elapsed_s, 3),
                    "task": shot.task,
                    "cost_usd": to_usd(shot.cost),
                }
                for shot in outcome.shots
            },
            films={
                film.sequence.name: {"reused": film.reused, "elapsed_s": round(film.elapsed_s, 3)}
                for film in outcome.films
            },
        )

    def fail(self, message: str) -> None:
        """Record that the run ended before it could make anything."""
        self._write_record("failed", error=message)

    def _write_record(self, state: str, **more: Any) -> None:
        composed = self._plan.composed
        record = {
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

"""`run.json`, `events.jsonl`, `runner.log` and `.hydra/`: what differs from run to run, and what was composed."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner import __version__
from runner.api import EventKind
from runner.outputs import manifest
from runner.outputs.lines import Lines
from runner.store.budget import MICROS

if TYPE_CHECKING:
    from runner.api import Event
    from runner.config.compose import Composed
    from runner.outputs.folder import RunFolder
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan
    from runner.report.money import Money


# `json.dumps` makes an encoder for each call that is not by its defaults.
_ENCODED: Final = json.JSONEncoder(ensure_ascii=False).encode
_log = logging.getLogger("runner.run")


class Record:
    """Writes into one run folder while the run goes on."""

    def __init__(self, folder: RunFolder, plan: Plan, composed: Composed) -> None:
        self._folder = folder
        self._plan = plan
        self._composed = composed
        self._started = datetime.now(UTC)
        self._events = Lines(folder.path / "events.jsonl")
        self._log_lines = Lines(folder.path / "runner.log")
        self._log = logging.StreamHandler(self._log_lines)
        self._log.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
        self._before = logging.getLogger("runner").level

    def open(self) -> None:
        """Leave a mark of whose folder this is before anything else happens."""
        logger = logging.getLogger("runner")
        logger.setLevel(logging.INFO)
        logger.addHandler(self._log)
        self._folder.write("run.json", _text(self._facts("running")))
        self._folder.write(".hydra/config.yaml", self._composed.text)
        overrides = "".join(
            f"- {json.dumps(one, ensure_ascii=False)}\n" for one in self._composed.shown_overrides
        )
        self._folder.write(".hydra/overrides.yaml", overrides or "[]\n")

    def close(self) -> None:
        logging.getLogger("runner").removeHandler(self._log)
        logging.getLogger("runner").setLevel(self._before)
        self._log.close()
        self._log_lines.close()
        self._events.close()

    def observe(self, event: Event) -> None:
        """Append one event, and log what a person would look for."""
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": event.kind,
        }
        entry |= {key: value for key in ("sequence", "shot", "message") if (value := getattr(event, key))}
        if event.progress is not None:
            entry["progress"] = round(event.progress, 3)
        if event.detail:
            entry["detail"] = dict(event.detail)
        self._events.write(_ENCODED(entry) + "\n")
        self._events.flush()
        if event.kind is EventKind.SHOT_PROGRESS:
            return
        bad = event.kind.endswith(("failed", "fell_back", "warned", "skipped"))
        where = "/".join(filter(None, (event.sequence, event.shot))) or "run"
        _log.log(logging.WARNING if bad else logging.INFO, "%s %s %s", where, event.kind, event.message)

    def finish(self, outcome: RunOutcome, money: Money) -> None:
        """Write the manifest, then the record that points to it."""
        text = manifest.text(outcome)
        self._folder.write(manifest.NAME, text)
        facts = self._facts("interrupted" if outcome.interrupted else "finished")
        facts |= {
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "exit_code": outcome.exit_code,
            "manifest_sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(),
            "money": money.as_json(),
            "shots": {
                shot.planned.name: {
                    "ending": shot.ending,
                    "reused": shot.reused,
                    "elapsed_s": round(shot.elapsed_s, 3),
                    "task": shot.task,
                    "cost_usd": None if shot.cost is None else shot.cost / MICROS,
                }
                for shot in outcome.shots
            },
            "films": {
                film.sequence.name: {"reused": film.reused, "elapsed_s": round(film.elapsed_s, 3)}
                for film in outcome.films
            },
        }
        self._folder.write("run.json", _text(facts))

    def fail(self, message: str) -> None:
        """Note that the run ended before it could make anything."""
        self._folder.write("run.json", _text(self._facts("failed") | {"error": message}))

    def _facts(self, state: str) -> dict[str, Any]:
        return {
            "key": self._plan.key,
            "state": state,
            "started": self._started.isoformat(timespec="milliseconds"),
            "runner": __version__,
            "python": platform.python_version(),
            "host": platform.node(),
            "overrides": self._composed.shown_overrides,
        }


def _text(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"

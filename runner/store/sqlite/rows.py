"""Attempts as rows, and the questions that the reader and the writer both answer."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final

from runner.errors import TaskIdInUse
from runner.outgoing import outgoing
from runner.redaction import scrubbed_json
from runner.store import documents
from runner.store.attempt import OPEN, Attempt, Phase, decisive
from runner.store.budget import Spend
from runner.store.clip_record import ClipRecord
from runner.store.interface import Decision, Filter, Judgement, Measurement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from runner.store.interface import Change

_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Attempt) if field.name != "seq")
_NAME: Final = re.compile(r"[\w-]{1,128}")
"""Of an attempt, a shot or a file; the object store takes digests alone."""
_MOST: Final = 10**15
"""Millionths of a US dollar; a larger sum is none."""
_JSON: Final = frozenset({"results", "identity", "task_data"})
_EXACT: Final = frozenset({"token", "key", "scope", "owner", "account", "task", "digest"})
"""Texts that are compared, and hold no secret; a task id that does is refused before."""
_LISTED: Final = "(SELECT value FROM json_each(?))"
"""Any number of values as one JSON list: SQLite takes a limited number of values in one statement."""


def insert(connection: sqlite3.Connection, attempt: Attempt) -> Attempt:
    """Add an attempt at the end of the sequence."""
    marks = ", ".join("?" * len(_COLUMNS))
    values = [_stored(name, getattr(attempt, name)) for name in _COLUMNS]
    done = connection.execute(f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
    return dataclasses.replace(attempt, seq=done.lastrowid or 0)


def update(
    connection: sqlite3.Connection, token: str, phase: Phase, change: Change, now: float
) -> Attempt | None:
    """Change an attempt; returns it as it is then, `None` where there is none. Raises `TaskIdInUse`."""
    (before,) = select(connection, "token = ?", token) or (None,)
    if before is None:
        return None
    if phase in _OVERTAKEN.get(before.phase, ()):
        return before  # a run that was stopped for long reports what another one has overtaken
    changes: dict[str, Any] = {
        field.name: value
        for field in dataclasses.fields(change)
        if (value := getattr(change, field.name)) is not None
    }
    if changes.get("task"):
        _check_task(connection, before, changes["task"])
    changes |= {"phase": phase, "updated": now}
    names = ", ".join(f"{name} = ?" for name in changes)
    values = [_stored(name, value) for name, value in changes.items()]
    connection.execute(f"UPDATE attempts SET {names} WHERE token = ?", [*values, token])
    return dataclasses.replace(before, **changes)


def withdraw(connection: sqlite3.Connection, token: str, change: Change, now: float) -> None:
    """Take back an intent, if there is one, that was certainly not submitted."""
    if select(connection, "token = ? AND phase = 'intended'", token):
        update(connection, token, Phase.REFUSED, change, now)


_EARLIER: Final = frozenset({Phase.INTENDED, Phase.SUBMITTED, Phase.UNKNOWN, Phase.REFUSED})
_OVERTAKEN: Final = {Phase.READY: _EARLIER, Phase.FETCHED: _EARLIER | {Phase.FAILED}}
"""By the phase of an attempt, what comes too late and changes nothing."""


def decisive_of(connection: sqlite3.Connection, key: str) -> Attempt | None:
    return decisive(select(connection, "key = ?", key))


def matching(connection: sqlite3.Connection, wanted: Filter) -> list[Attempt]:
    """The attempts that match, in order."""
    conditions, values = ["1"], []
    for column in ("project", "generator", "task"):
        if (value := getattr(wanted, column)) is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if wanted.token_prefix is not None:
        # Between the first and the last token that begins so: the index on tokens finds them.
        conditions.append("token >= ? AND token < ?")
        values += [wanted.token_prefix, wanted.token_prefix + chr(0x10FFFF)]
    for column, several in (("phase", wanted.phases), ("key", wanted.keys)):
        if several is not None:
            conditions.append(f"{column} IN {_LISTED}")
            values.append(json.dumps(list(several)))
    return select(connection, " AND ".join(conditions), *values)


def by_keys(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, list[Attempt]]:
    """All attempts of these shots, by key, in order."""
    found: dict[str, list[Attempt]] = {}
    for attempt in matching(connection, Filter(keys=keys)):
        found.setdefault(attempt.key, []).append(attempt)
    return found


def spend(connection: sqlite3.Connection, scope: str, owner: str | None = None) -> Spend:
    """What a scope has at risk; of one owner's attempts only where `owner` is given."""
    condition, values = "scope = ?", [scope]
    if owner is not None:
        condition, values = "scope = ? AND owner = ?", [scope, owner]
    row = connection.execute(
        "SELECT count(*), coalesce(sum(coalesce(cost, reserved)), 0),"
        " coalesce(sum(CASE WHEN cost IS NULL THEN reserved END), 0),"
        " coalesce(sum(cost IS NULL AND reserved IS NULL), 0)"
        f" FROM attempts WHERE {condition} AND phase <> 'refused'",
        values,
    ).fetchone()
    return Spend(*map(int, row))


def measurements(connection: sqlite3.Connection, subjects: Collection[str]) -> list[Measurement]:
    rows = connection.execute(
        "SELECT subject, metric, version, value FROM measurements"
        f" WHERE subject IN {_LISTED} ORDER BY subject, metric, version",
        [json.dumps(list(subjects))],
    )
    return [
        Measurement(subject=subject, metric=metric, version=version, value=value)
        for subject, metric, version, value in rows
    ]


def add_measurements(connection: sqlite3.Connection, measured: Sequence[Measurement]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO measurements (subject, metric, version, value) VALUES (?, ?, ?, ?)",
        [(one.subject, one.metric, one.version, one.value) for one in measured],
    )


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether no attempt was ever recorded."""
    return connection.execute("SELECT 1 FROM attempts LIMIT 1").fetchone() is None


def accepted_losses(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(key for (key,) in connection.execute("SELECT key FROM accepted_losses"))


def accept_losses(connection: sqlite3.Connection, keys: Collection[str]) -> None:
    connection.executemany("INSERT OR IGNORE INTO accepted_losses (key) VALUES (?)", [(key,) for key in keys])


def decisions(connection: sqlite3.Connection, keys: Collection[str]) -> list[Decision]:
    rows = connection.execute(
        f"SELECT key, digest, verdict, decided FROM decisions WHERE key IN {_LISTED} ORDER BY key, digest",
        [json.dumps(list(keys))],
    )
    return [
        Decision(key=key, digest=digest, verdict=Judgement(verdict), decided=decided)
        for key, digest, verdict, decided in rows
    ]


def decide(connection: sqlite3.Connection, made: Sequence[Decision]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO decisions (key, digest, verdict, decided) VALUES (?, ?, ?, ?)",
        [(one.key, one.digest, one.verdict, one.decided) for one in made],
    )


def select(connection: sqlite3.Connection, where: str, *values: object) -> list[Attempt]:
    query = f"SELECT {', '.join(_COLUMNS)}, seq FROM attempts WHERE {where} ORDER BY seq"
    return [_attempt(row) for row in connection.execute(query, values)]


def _check_task(connection: sqlite3.Connection, attempt: Attempt, task: str) -> None:
    """A task makes one clip. Raises `TaskIdInUse` where another attempt has it."""
    found = select(
        connection,
        f"task = ? AND generator = ? AND account = ? AND token <> ? AND phase IN {_LISTED}",
        *(task, attempt.generator, attempt.account, attempt.token, json.dumps([*OPEN, Phase.FETCHED])),
    )
    if found:
        other = found[0]
        raise TaskIdInUse(
            f"{attempt.generator} returned task {task}, which is that of another attempt",
            where=attempt.name,
            why=f"{other.project} {other.name}, attempt {other.token[:8]}, is {other.phase} with it; "
            "one of the two tasks cannot be fetched",
            hint=f"look it up at the provider, then: python -m runner journal resolve {attempt.token}",
        )


def _attempt(row: tuple[Any, ...]) -> Attempt:
    values = dict(zip((*_COLUMNS, "seq"), row, strict=True))
    for name in (*_JSON, "record"):
        values[name] = documents.loads(values[name])
    _check(values)
    values["record"] = ClipRecord.from_json(values["record"])
    values["phase"] = Phase(values["phase"])
    values["results"] = tuple(tuple(result) for result in values["results"])
    return Attempt(**values)


def _check(values: dict[str, Any]) -> None:
    """Raise `ValueError` for a row that this program does not write: a journal may be anybody's."""
    names = [values["token"], values["key"], *([values["digest"]] if values["digest"] else [])]
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError(f"the attempt {values['token'][:40]!r} has keys or digests that are none")
    results = values["results"]
    if not isinstance(results, list) or not all(_is_result(one) for one in results):
        raise ValueError(f"the attempt {values['token']} has results that are none")
    if not all(isinstance(values[name], dict) for name in ("identity", "task_data")):
        raise ValueError(f"the attempt {values['token']} has data that is none")
    if any((values[name] or 0) > _MOST for name in ("reserved", "cost")):
        raise ValueError(f"the attempt {values['token']} has a cost that is none")


def _is_result(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)


def _stored(name: str, value: Any) -> Any:
    if name == "record":
        return json.dumps(scrubbed_json(value.to_json(), keys=False))
    if name in _JSON:
        return json.dumps(scrubbed_json(value))
    return outgoing(value) if isinstance(value, str) and name not in _EXACT else value

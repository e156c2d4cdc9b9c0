"""The journal's tables, and how an older file becomes a newer one."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from typing import Final

_ATTEMPT_RULES: Final = """
        phase    TEXT NOT NULL CHECK (phase IN ('intended', 'submitted', 'ready', 'fetched', 'refused',
                                                'failed', 'unknown', 'abandoned', 'lost')),
        reserved INTEGER CHECK (reserved >= 0),
        cost     INTEGER CHECK (cost >= 0),
        task     TEXT NOT NULL DEFAULT '',
"""

MIGRATIONS: Final[tuple[str, ...]] = (
    f"""
    CREATE TABLE attempts (
        token    TEXT PRIMARY KEY,
        key      TEXT NOT NULL,
        scope    TEXT NOT NULL,
        project  TEXT NOT NULL,
        sequence TEXT NOT NULL,
        shot     TEXT NOT NULL,
        generator TEXT NOT NULL,
        model    TEXT NOT NULL,
        account  TEXT NOT NULL,
        {_ATTEMPT_RULES}
        results  TEXT NOT NULL DEFAULT '[]',
        digest   TEXT NOT NULL DEFAULT '',
        facts    TEXT NOT NULL DEFAULT '{{}}',
        identity TEXT NOT NULL DEFAULT '{{}}',
        note     TEXT NOT NULL DEFAULT '',
        created  REAL NOT NULL,
        updated  REAL NOT NULL,
        CHECK (phase NOT IN ('submitted', 'ready', 'fetched') OR task <> ''),
        CHECK (phase <> 'fetched' OR digest <> '')
    ) STRICT;
    CREATE INDEX attempts_by_key ON attempts (key, created);
    CREATE INDEX attempts_by_scope ON attempts (scope);
    CREATE UNIQUE INDEX attempts_open ON attempts (key)
        WHERE phase IN ('intended', 'submitted', 'ready', 'unknown');
    CREATE TABLE claims (
        key       TEXT PRIMARY KEY,
        owner     TEXT NOT NULL,
        host      TEXT NOT NULL,
        boot      TEXT NOT NULL,
        pid       INTEGER NOT NULL,
        life      TEXT NOT NULL,
        heartbeat REAL NOT NULL
    ) STRICT;
    """,
    # The journal's own sequence, clip records in place of facts, leases with fencing, measurements.
    f"""
    ALTER TABLE attempts RENAME TO attempts_1;
    DROP INDEX attempts_by_key;
    DROP INDEX attempts_by_scope;
    DROP INDEX attempts_open;
    CREATE TABLE attempts (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        token    TEXT NOT NULL UNIQUE,
        key      TEXT NOT NULL,
        scope    TEXT NOT NULL,
        owner    TEXT NOT NULL DEFAULT '',
        project  TEXT NOT NULL,
        sequence TEXT NOT NULL,
        shot     TEXT NOT NULL,
        generator TEXT NOT NULL,
        model    TEXT NOT NULL,
        account  TEXT NOT NULL,
        {_ATTEMPT_RULES}
        task_data TEXT NOT NULL DEFAULT '{{}}',
        results  TEXT NOT NULL DEFAULT '[]',
        digest   TEXT NOT NULL DEFAULT '',
        record   TEXT NOT NULL DEFAULT '{{}}',
        identity TEXT NOT NULL DEFAULT '{{}}',
        note     TEXT NOT NULL DEFAULT '',
        created  REAL NOT NULL,
        updated  REAL NOT NULL,
        CHECK (phase NOT IN ('submitted', 'ready') OR task <> ''),
        CHECK (phase <> 'fetched' OR digest <> '')
    ) STRICT;
    INSERT INTO attempts (token, key, scope, project, sequence, shot, generator, model, account, phase, reserved, cost,
                          task, results, digest, record, identity, note, created, updated)
        SELECT token, key, scope, project, sequence, shot, generator, model, account, phase, reserved, cost,
               task, results, digest, facts, identity,
               CASE note WHEN 'resolved by a person' THEN 'resolved by the user' ELSE note END, created, updated
        FROM attempts_1 ORDER BY rowid;
    DROP TABLE attempts_1;
    CREATE INDEX attempts_by_key ON attempts (key, seq);
    CREATE INDEX attempts_by_scope ON attempts (scope);
    CREATE INDEX attempts_by_task ON attempts (task) WHERE task <> '';
    -- At most one attempt of a shot may be on its way to a provider.
    CREATE UNIQUE INDEX attempts_open ON attempts (key)
        WHERE phase IN ('intended', 'submitted', 'ready', 'unknown');
    DROP TABLE claims;
    CREATE TABLE leases (
        key   TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        host  TEXT NOT NULL,
        boot  TEXT NOT NULL,
        space TEXT NOT NULL,
        pid   INTEGER NOT NULL,
        life  TEXT NOT NULL,
        fence INTEGER NOT NULL,
        beat  INTEGER NOT NULL,
        wall  REAL NOT NULL
    ) STRICT;
    CREATE INDEX leases_by_owner ON leases (owner) WHERE owner <> '';
    CREATE TABLE measurements (
        subject TEXT NOT NULL,
        metric  TEXT NOT NULL,
        version INTEGER NOT NULL,
        value   REAL NOT NULL,
        PRIMARY KEY (subject, metric, version)
    ) STRICT;
    -- Shots whose clips were lost with an older journal, and which the user agreed to pay for again.
    CREATE TABLE accepted_losses (key TEXT PRIMARY KEY) STRICT;
    """,
    # What the user decided about clips: the newest decision about a clip counts.
    """
    CREATE TABLE decisions (
        key     TEXT NOT NULL,
        digest  TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
        decided REAL NOT NULL,
        PRIMARY KEY (key, digest)
    ) STRICT;
    """,
)
VERSION: Final = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a journal; 0 for a file that has no tables yet."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def check(connection: sqlite3.Connection, version: int) -> None:
    """Raise `sqlite3.DatabaseError` where a journal has other tables than this program makes.

    A view or a trigger runs what its maker likes.
    """
    if version and _everything(connection) != _expected(version):
        raise sqlite3.DatabaseError("it is malformed: its tables are not those of this program")


@functools.cache
def _expected(version: int) -> list[tuple[str, str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        for script in MIGRATIONS[:version]:
            fresh.executescript(script)
        return _everything(fresh)


def _everything(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Type, name and text of all that a journal holds."""
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE substr(name, 1, 7) <> 'sqlite_'"
    )
    return sorted((kind, name, " ".join(sql.split())) for kind, name, sql in rows)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a journal up to this version, each step in a transaction that only one process can be in."""
    for number, script in enumerate(MIGRATIONS, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version_of(connection) < number:
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite has rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

"""The journal's tables, and how an older file becomes a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

MIGRATIONS: Final[tuple[str, ...]] = (
    """
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
        phase    TEXT NOT NULL CHECK (phase IN ('intended', 'submitted', 'ready', 'fetched', 'refused',
                                                'failed', 'unknown', 'abandoned', 'lost')),
        reserved INTEGER CHECK (reserved >= 0),
        cost     INTEGER CHECK (cost >= 0),
        task     TEXT NOT NULL DEFAULT '',
        results  TEXT NOT NULL DEFAULT '[]',
        digest   TEXT NOT NULL DEFAULT '',
        facts    TEXT NOT NULL DEFAULT '{}',
        identity TEXT NOT NULL DEFAULT '{}',
        note     TEXT NOT NULL DEFAULT '',
        created  REAL NOT NULL,
        updated  REAL NOT NULL,
        CHECK (phase NOT IN ('submitted', 'ready', 'fetched') OR task <> ''),
        CHECK (phase <> 'fetched' OR digest <> '')
    ) STRICT;
    CREATE INDEX attempts_by_key ON attempts (key, created);
    CREATE INDEX attempts_by_scope ON attempts (scope);
    -- At most one attempt of a shot may be on its way to a provider.
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
)
VERSION: Final = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a journal up to this version, each step in a transaction that only one process can be in."""
    for number, script in enumerate(MIGRATIONS, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < number:
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite has rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

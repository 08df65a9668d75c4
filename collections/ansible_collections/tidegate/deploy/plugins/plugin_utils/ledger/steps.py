# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps by which the store's schema came to be.

A step that was released is never edited; a new one is appended. The SQL is the part that SQLite and PostgreSQL share.
Time is text in UTC of one width, so that it sorts; documents are canonical JSON as text; flags are 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Migration(NamedTuple):
    number: int
    name: str
    statements: Iterable[str]
    guards: Mapping[str, Iterable[str]] = {}
    """What else is done in one kind of database, by its name: triggers are written differently in each."""


_FIRST = Migration(
    1,
    "changes, runs, leases",
    (
        """CREATE TABLE changes (
            id TEXT NOT NULL PRIMARY KEY,
            service TEXT NOT NULL,
            environment TEXT NOT NULL,
            state TEXT NOT NULL,
            source TEXT NOT NULL,
            created_at TEXT NOT NULL,
            revision INTEGER NOT NULL,
            closed_at TEXT,
            outcome TEXT
        )""",
        "CREATE INDEX changes_of_service ON changes (service, environment, created_at)",
        """CREATE TABLE revisions (
            change_id TEXT NOT NULL REFERENCES changes (id),
            revision INTEGER NOT NULL,
            content_digest TEXT NOT NULL,
            plan_digest TEXT NOT NULL,
            plan TEXT NOT NULL,
            created_at TEXT NOT NULL,
            PRIMARY KEY (change_id, revision)
        )""",
        """CREATE TABLE runs (
            id TEXT NOT NULL PRIMARY KEY,
            change_id TEXT,
            revision INTEGER,
            verb TEXT NOT NULL,
            holder TEXT NOT NULL,
            doc TEXT,
            leased INTEGER NOT NULL,
            waves INTEGER NOT NULL,
            opened INTEGER NOT NULL,
            closed INTEGER NOT NULL,
            state TEXT NOT NULL,
            code TEXT,
            message TEXT,
            started_at TEXT NOT NULL,
            ended_at TEXT,
            outcome TEXT,
            FOREIGN KEY (change_id, revision) REFERENCES revisions (change_id, revision)
        )""",
        "CREATE INDEX runs_of_change ON runs (change_id, started_at)",
        "CREATE INDEX runs_of_holder ON runs (holder)",
        """CREATE TABLE waves (
            run_id TEXT NOT NULL REFERENCES runs (id),
            number INTEGER NOT NULL,
            opened_at TEXT NOT NULL,
            closed_at TEXT,
            doc TEXT,
            PRIMARY KEY (run_id, number)
        )""",
        """CREATE TABLE run_hosts (
            run_id TEXT NOT NULL REFERENCES runs (id),
            host TEXT NOT NULL,
            wave INTEGER NOT NULL,
            position INTEGER NOT NULL,
            step TEXT,
            verdict TEXT,
            code TEXT,
            message TEXT,
            touched INTEGER NOT NULL,
            doc TEXT,
            updated_at TEXT,
            PRIMARY KEY (run_id, host)
        )""",
        """CREATE TABLE events (
            run_id TEXT NOT NULL REFERENCES runs (id),
            number INTEGER NOT NULL,
            at TEXT NOT NULL,
            host TEXT NOT NULL,
            step TEXT NOT NULL,
            verdict TEXT NOT NULL,
            code TEXT,
            message TEXT,
            doc TEXT,
            PRIMARY KEY (run_id, number)
        )""",
        """CREATE TABLE leases (
            service TEXT NOT NULL,
            environment TEXT NOT NULL,
            number BIGINT NOT NULL,
            run_id TEXT,
            holder TEXT,
            ttl_s INTEGER NOT NULL,
            taken_at TEXT NOT NULL,
            renewed_at TEXT NOT NULL,
            expires_at TEXT NOT NULL,
            PRIMARY KEY (service, environment)
        )""",
        "CREATE INDEX leases_of_run ON leases (run_id)",
    ),
)

_ONCE = Migration(
    2,
    "tasks that run once per change",
    (
        """CREATE TABLE once_tasks (
            change_id TEXT NOT NULL REFERENCES changes (id),
            name TEXT NOT NULL,
            position INTEGER NOT NULL,
            state TEXT NOT NULL,
            run_id TEXT NOT NULL REFERENCES runs (id),
            host TEXT NOT NULL,
            under_way INTEGER NOT NULL,
            there INTEGER,
            updated_at TEXT NOT NULL,
            PRIMARY KEY (change_id, name)
        )""",
        "CREATE INDEX once_of_run ON once_tasks (run_id)",
    ),
)

_NEVER = "the ledger is only added to"


def _only_added_to(*tables: str) -> dict[str, tuple[str, ...]]:
    """The triggers that keep tables from being edited by accident, by the kind of database."""
    return {
        "sqlite": tuple(
            f"CREATE TRIGGER {table}_{what} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
            for table in tables
            for what in ("UPDATE", "DELETE")
        ),
        "postgresql": tuple(
            f"""CREATE TRIGGER {table}_{what} BEFORE {what} ON {table}
            FOR EACH {each} EXECUTE FUNCTION tidegate_never()"""
            for table in tables
            for what, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
        ),
    }


_LEDGER = _only_added_to("entries", "checkpoints", "log_keys")

_LOG = Migration(
    3,
    "ledger",
    (
        """CREATE TABLE entries (
            number INTEGER NOT NULL PRIMARY KEY,
            previous TEXT NOT NULL UNIQUE,
            leaf TEXT NOT NULL,
            change_id TEXT,
            document TEXT NOT NULL
        )""",
        "CREATE INDEX entries_of_change ON entries (change_id)",
        """CREATE TABLE checkpoints (
            size INTEGER NOT NULL PRIMARY KEY,
            note TEXT NOT NULL
        )""",
        """CREATE TABLE log_keys (
            number INTEGER NOT NULL PRIMARY KEY REFERENCES entries (number),
            line TEXT NOT NULL
        )""",
        """CREATE TABLE batches (
            run_id TEXT NOT NULL REFERENCES runs (id),
            last INTEGER NOT NULL,
            entry INTEGER NOT NULL REFERENCES entries (number),
            PRIMARY KEY (run_id, last)
        )""",
        """CREATE TABLE denials (
            source TEXT NOT NULL PRIMARY KEY,
            minute TEXT NOT NULL,
            more INTEGER NOT NULL
        )""",
    ),
    {
        "sqlite": _LEDGER["sqlite"],
        "postgresql": (
            f"""CREATE FUNCTION tidegate_never() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$""",
            *_LEDGER["postgresql"],
        ),
    },
)

_STATES = Migration(
    4,
    "states of changes",
    (
        "ALTER TABLE changes ADD COLUMN before TEXT",
        "ALTER TABLE changes ADD COLUMN requested_by TEXT",
        "ALTER TABLE changes ADD COLUMN review_due_at TEXT",
        "ALTER TABLE changes ADD COLUMN reviewed_at TEXT",
        "UPDATE changes SET state = 'draft' WHERE state = 'planned'",
        """CREATE TABLE moves (
            change_id TEXT NOT NULL REFERENCES changes (id),
            number INTEGER NOT NULL,
            at TEXT NOT NULL,
            event TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            revision INTEGER NOT NULL,
            actor TEXT NOT NULL,
            reason TEXT,
            PRIMARY KEY (change_id, number)
        )""",
    ),
)

_APPROVALS = Migration(
    5,
    "approvals and the runs that began by them",
    (
        """CREATE TABLE approvals (
            statement TEXT NOT NULL,
            change_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            person TEXT NOT NULL,
            decision TEXT NOT NULL,
            strength TEXT NOT NULL,
            key TEXT,
            document TEXT NOT NULL,
            evidence TEXT,
            signature TEXT,
            expires_at TEXT,
            at TEXT NOT NULL,
            PRIMARY KEY (statement, person, decision, strength),
            FOREIGN KEY (change_id, revision) REFERENCES revisions (change_id, revision)
        )""",
        "CREATE INDEX approvals_of_change ON approvals (change_id, revision)",
        """CREATE TABLE attempts (
            statement TEXT NOT NULL,
            number INTEGER NOT NULL,
            run_id TEXT NOT NULL REFERENCES runs (id),
            at TEXT NOT NULL,
            PRIMARY KEY (statement, number),
            UNIQUE (statement, run_id)
        )""",
    ),
    _only_added_to("approvals", "attempts"),
)

_OBSERVED = Migration(
    6,
    "what playbooks of the site's own did",
    (
        """CREATE TABLE gated (
            run_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            at TEXT NOT NULL,
            actor TEXT NOT NULL,
            playbook TEXT NOT NULL,
            change_id TEXT,
            mode TEXT NOT NULL,
            allowed INTEGER NOT NULL,
            code TEXT NOT NULL,
            reason TEXT,
            hosts TEXT NOT NULL,
            PRIMARY KEY (run_id, number)
        )""",
        "CREATE INDEX gated_at ON gated (at)",
        """CREATE TABLE recorded_runs (
            run_id TEXT NOT NULL PRIMARY KEY,
            change_id TEXT,
            actor TEXT NOT NULL,
            playbook TEXT NOT NULL,
            started_at TEXT NOT NULL,
            ended_at TEXT,
            lost INTEGER NOT NULL
        )""",
        "CREATE INDEX recorded_of_change ON recorded_runs (change_id, started_at)",
        """CREATE TABLE recorded_batches (
            run_id TEXT NOT NULL REFERENCES recorded_runs (run_id),
            number INTEGER NOT NULL,
            at TEXT NOT NULL,
            digest TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (run_id, number)
        )""",
    ),
)

_NOTED = Migration(
    7,
    "what was noted while the store was away",
    (
        """CREATE TABLE noted (
            process TEXT NOT NULL,
            id TEXT NOT NULL,
            PRIMARY KEY (process, id)
        )""",
    ),
)

_TRUST = Migration(
    8,
    "trust bundles and the hosts that enforce them",
    (
        """CREATE TABLE trust_versions (
            environment TEXT NOT NULL,
            number INTEGER NOT NULL,
            draft INTEGER NOT NULL,
            digest TEXT NOT NULL UNIQUE,
            document TEXT NOT NULL,
            made_at TEXT NOT NULL,
            PRIMARY KEY (environment, number, draft)
        )""",
        """CREATE TABLE trust_signatures (
            digest TEXT NOT NULL REFERENCES trust_versions (digest),
            key TEXT NOT NULL,
            person TEXT NOT NULL,
            signature TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (digest, key)
        )""",
        """CREATE TABLE enrolled_hosts (
            uid TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            environment TEXT NOT NULL,
            enrolled_at TEXT NOT NULL,
            trust INTEGER NOT NULL,
            program TEXT NOT NULL,
            note TEXT,
            ended_at TEXT
        )""",
        "CREATE INDEX enrolled_by_name ON enrolled_hosts (name)",
    ),
    _only_added_to("trust_versions", "trust_signatures"),
)

_ENTERED_ONCE = Migration(
    9,
    "entries that are made once",
    (
        """CREATE TABLE entered_once (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            number INTEGER NOT NULL REFERENCES entries (number),
            PRIMARY KEY (kind, key)
        )""",
    ),
    _only_added_to("entered_once"),
)

ALL = (_FIRST, _ONCE, _LOG, _STATES, _APPROVALS, _OBSERVED, _NOTED, _TRUST, _ENTERED_ONCE)
NEWEST = ALL[-1].number

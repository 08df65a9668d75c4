# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's tables as queries see them; how they came to be is in `steps`.

SQLAlchemy is imported here, at the top, so that Ansible's main process pays for it once before it forks a worker per
task and host. Where it is missing, importing this module still works, and `require_sqlalchemy` says what to do.
What a statement compiles to is kept in `COMPILED` for all stores of a process; it goes with their one `DIALECT`.
"""

from __future__ import annotations

import sys
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

__all__ = [
    "APPENDED",
    "APPROVALS",
    "ATTEMPTS",
    "BATCHES",
    "CHANGES",
    "CHECKPOINTS",
    "COMPILED",
    "DENIALS",
    "DIALECT",
    "ENROLLED",
    "ENTERED_ONCE",
    "ENTRIES",
    "EVENTS",
    "GATED",
    "LEASES",
    "LOG_KEYS",
    "MIGRATIONS",
    "MOVES",
    "NOTED",
    "ONCE",
    "RECORDED_BATCHES",
    "RECORDED_RUNS",
    "REVISIONS",
    "RUNS",
    "RUN_HOSTS",
    "TABLES",
    "TRUST",
    "TRUST_SIGNATURES",
    "WAVES",
    "require_sqlalchemy",
    "sa",
]

COMPILED: dict[Any, Any] = {}
DIALECT: Any = None

try:
    import sqlalchemy as sa

    MISSING = None if sa.__version__.split(".")[0] == "2" else f"SQLAlchemy {sa.__version__}"
    # Much of it is imported and built on first use, which would otherwise happen in every worker.
    with sa.create_engine("sqlite+pysqlite://").connect() as _connection:
        _connection.execute(sa.select(sa.literal(1)))
        DIALECT = _connection.dialect
except ImportError as error:
    sa = None  # type: ignore[assignment]  # every use is behind require_sqlalchemy
    MISSING = str(error)


def require_sqlalchemy() -> None:
    """Refuse to go on without SQLAlchemy 2.

    Raises:
        Refusal: DEPENDENCY, with the command that installs it for the Python that runs Ansible.
    """
    if MISSING is not None:
        raise Refusal(
            "DEPENDENCY",
            f"the store needs SQLAlchemy 2, found: {MISSING}. Install it for the Python that runs Ansible: "
            f"{sys.executable} -m pip install 'SQLAlchemy>=2,<3'",
            python=sys.executable,
        )


def _table(name: str, *columns: str) -> sa.TableClause:
    if sa is None:  # so that this module can be imported; nothing is asked of a table then
        return None  # type: ignore[unreachable]
    return sa.table(name, *(sa.column(column) for column in columns))


MIGRATIONS = _table("tidegate_migrations", "number", "name", "applied_at")
CHANGES = _table(
    "changes",
    "id", "service", "environment", "state", "source", "created_at", "revision", "closed_at", "outcome",
    "before", "requested_by", "review_due_at", "reviewed_at",
)  # fmt: skip
MOVES = _table("moves", "change_id", "number", "at", "event", "before", "after", "revision", "actor", "reason")
REVISIONS = _table("revisions", "change_id", "revision", "content_digest", "plan_digest", "plan", "created_at")
RUNS = _table(
    "runs",
    "id", "change_id", "revision", "verb", "holder", "doc", "leased", "waves", "opened", "closed",
    "state", "code", "message", "started_at", "ended_at", "outcome",
)  # fmt: skip
WAVES = _table("waves", "run_id", "number", "opened_at", "closed_at", "doc")
RUN_HOSTS = _table(
    "run_hosts",
    "run_id", "host", "wave", "position",
    "step", "verdict", "code", "message", "touched", "doc", "updated_at",
)  # fmt: skip
EVENTS = _table("events", "run_id", "number", "at", "host", "step", "verdict", "code", "message", "doc")
LEASES = _table(
    "leases",
    "service", "environment", "number", "run_id", "holder", "ttl_s", "taken_at", "renewed_at", "expires_at",
)  # fmt: skip
ONCE = _table(
    "once_tasks",
    "change_id", "name", "position", "state", "run_id", "host", "under_way", "there", "updated_at",
)  # fmt: skip
ENTRIES = _table("entries", "number", "previous", "leaf", "change_id", "document")
ENTERED_ONCE = _table("entered_once", "kind", "key", "number")
CHECKPOINTS = _table("checkpoints", "size", "note")
LOG_KEYS = _table("log_keys", "number", "line")
BATCHES = _table("batches", "run_id", "last", "entry")
DENIALS = _table("denials", "source", "minute", "more")
GATED = _table(
    "gated",
    "run_id", "number", "at", "actor", "playbook", "change_id", "mode", "allowed", "code", "reason", "hosts",
)  # fmt: skip
RECORDED_RUNS = _table("recorded_runs", "run_id", "change_id", "actor", "playbook", "started_at", "ended_at", "lost")
RECORDED_BATCHES = _table("recorded_batches", "run_id", "number", "at", "digest", "document")
OBSERVED = (GATED, RECORDED_RUNS, RECORDED_BATCHES)
APPROVALS = _table(
    "approvals",
    "statement", "change_id", "revision", "person", "decision", "strength", "key", "document", "evidence", "signature",
    "expires_at", "at",
)  # fmt: skip
ATTEMPTS = _table("attempts", "statement", "number", "run_id", "at")
NOTED = _table("noted", "process", "id")
TRUST = _table("trust_versions", "environment", "number", "draft", "digest", "document", "made_at")
TRUST_SIGNATURES = _table("trust_signatures", "digest", "key", "person", "signature", "at")
ENROLLED = _table("enrolled_hosts", "uid", "name", "environment", "enrolled_at", "trust", "program", "note", "ended_at")
TABLES = (
    CHANGES,
    MOVES,
    REVISIONS,
    RUNS,
    WAVES,
    RUN_HOSTS,
    EVENTS,
    LEASES,
    ONCE,
    ENTRIES,
    ENTERED_ONCE,
    CHECKPOINTS,
    LOG_KEYS,
    BATCHES,
    DENIALS,
    *OBSERVED,
    NOTED,
    APPROVALS,
    ATTEMPTS,
    TRUST,
    TRUST_SIGNATURES,
    ENROLLED,
)
APPENDED = (ENTRIES, ENTERED_ONCE, CHECKPOINTS, LOG_KEYS, APPROVALS, ATTEMPTS, TRUST, TRUST_SIGNATURES)
"""What is only ever added to."""

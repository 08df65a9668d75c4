# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker asks of the store, asked once before workers are forked.

Each of a rollout's workers lives for one task on one host. To compile its dozen statements would take it longer than
everything else that it does with the store, some of it while no other worker can write.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import postgresql, schema
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import is_server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import VARIABLE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.sqlite import SqliteFile
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_RUN, _HOST, _SERVICE = "run", "host", ("service", "environment")


def warm() -> None:
    """Have all statements of a rollout compiled, by one in memory; nothing where that cannot be: the store will say why."""
    if schema.MISSING is None:
        with suppress(Refusal):
            _rehearse()
            if is_server(os.environ.get(VARIABLE, "")):
                _translate()


def _translate() -> None:
    """Have what was compiled for SQLite compiled for PostgreSQL, too, under the key by which it is looked for."""
    for dialect, _key, columns, _schemas, many in list(schema.COMPILED):
        if dialect is schema.DIALECT:
            statement = schema.COMPILED[dialect, _key, columns, _schemas, many].statement
            statement._compile_w_cache(
                postgresql.dialect(), compiled_cache=schema.COMPILED, column_keys=list(columns), for_executemany=many
            )


def _rehearse() -> None:
    store = Store(SqliteFile(":memory:"), lambda: _LONG_AGO)
    try:
        store.migrate()
        store.schema()
        change, revision = store.new_change(*_SERVICE, "0" * 64, b"{}", "")
        store.begin_run(_RUN, None, None, "rollout", {}, [[_HOST]], lease=True)
        store.bind_run(_RUN, change, revision)
        store.take_lease(*_SERVICE, _RUN, {}, 60, lambda _holder: False)
        store.open_wave(_RUN, 0)
        exercise(store, _RUN, _HOST)
    finally:
        store.close()


def exercise(store: Store, run: str, host: str) -> None:
    """Ask what the steps on one host ask.

    Args:
        store: in which the run has an open wave.
        run: the run.
        host: one of its hosts.
    """
    found = store.run(run)
    if found is not None and found.change_id is not None and found.revision is not None:
        store.change(found.change_id)
        store.plan_bytes(found.change_id, found.revision)
        store.runs(found.change_id)
        store.approvals(found.change_id, found.revision)
    store.latest()
    store.run_state(run)
    store.host_row(run, host)
    store.host_rows(run)
    store.wave_state(run)
    store.lease(*_SERVICE)
    store.bad_hosts(run)
    store.note(run, host, "step", "ok")
    store.note(run, host, "step", "ok", touched=True)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would keep a run from using a store in PostgreSQL, or lose what it records. It asks the server, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import migrations, roles, steps
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import holds_secret, shown
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Server

Finding = dict[str, str]

OLDEST = 150000
"""The oldest server that is tested, as PostgreSQL numbers them."""

_OWNER = "let the owner of the store run: ansible-playbook tidegate.deploy.store"
_FACTS = """SELECT current_setting('server_version_num')::int AS version,
    current_setting('server_version') AS named,
    pg_is_in_recovery() AS standby,
    current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable,
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
    coalesce(NOT inet_server_addr() <<= '127.0.0.0/8' AND inet_server_addr() <> '::1', false) AS remote,
    coalesce((SELECT pg_has_role(nspowner, 'MEMBER') FROM pg_namespace WHERE nspname = 'tidegate'),
        has_database_privilege(current_database(), 'CREATE')) AS owner,
    coalesce(has_table_privilege(to_regclass('tidegate.entries'), 'INSERT'), true) AS writer"""


def inspect_server(address: str) -> list[Finding]:
    """Everything that speaks against a database as the store.

    Args:
        address: its URL.
    """
    try:
        facts, number = _asked(address)
    except Refusal as refusal:
        return [finding("store", REFUSE, refusal.message, "or name another store in TIDEGATE_STORE")]
    return [*_usable(facts, number, shown(address)), *_safe(facts, address)]


def _asked(address: str) -> tuple[Mapping[str, Any], int]:
    server = Server(address, "")
    with server.refusing(), server.engine().connect() as connection, connection.begin():
        server.begin(connection, write=False)
        facts = dict(connection.exec_driver_sql(_FACTS).mappings().one())
        return facts, migrations.version(connection, server.name)


def _usable(facts: Mapping[str, Any], number: int, name: str) -> Iterator[Finding]:
    newest = steps.NEWEST
    if facts["version"] < OLDEST:
        found = f"the store {name} is in PostgreSQL {facts['named']}, expected {OLDEST // 10000} or newer"
        yield finding("store", REFUSE, found, "bring the server up to date")
    if facts["standby"]:
        yield finding("store", REFUSE, f"the store {name} is a standby, which takes no writes", "name the primary")
    if number > newest:
        found = f"the store {name} has schema {number}, this Tidegate knows up to {newest}"
        yield finding("store", REFUSE, found, "run the Tidegate that wrote it, or a newer one")
    elif number < newest and not facts["owner"]:
        found = f"the store {name} has schema {number}, this Tidegate needs {newest}, and this user may not migrate it"
        yield finding("store", REFUSE, found, _OWNER)
    elif number and not facts["writer"]:
        yield finding("store", REFUSE, f"this user may not write the store {name}", f"GRANT {roles.WRITER} TO it")


def _safe(facts: Mapping[str, Any], address: str) -> Iterator[Finding]:
    if not facts["durable"]:
        found = "the server forgets what it just committed when it crashes (fsync or synchronous_commit is off)"
        yield finding("store", WARN, found, "switch both on for this database")
    if facts["remote"] and not facts["encrypted"]:
        yield finding("store", WARN, "the connection to the store is not encrypted", "sslmode=verify-full in the URL")
    if holds_secret(address):
        found = "the password of the store stands in TIDEGATE_STORE, where every process of this user can read it"
        yield finding("store", WARN, found, "put it into ~/.pgpass (mode 600), or into a service file")

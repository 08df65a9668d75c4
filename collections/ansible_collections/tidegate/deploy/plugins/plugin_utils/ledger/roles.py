# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in a store in PostgreSQL, as SQL that is derived from the tables.

An *owner* migrates. A *writer* does all that a controller does, and can only read the ledger and add to it. A *reader* reads.
Roles hold privileges and do not log in; the users that do are made their members. Without roles one user does everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import APPENDED, TABLES

SCHEMA = "tidegate"
OWNER, WRITER, READER = "tidegate_owner", "tidegate_writer", "tidegate_reader"

OWNER_OF_SCHEMA = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'tidegate'"
MAY_OWN = "SELECT pg_has_role(nspowner, 'MEMBER') FROM pg_namespace WHERE nspname = 'tidegate'"
MAY_CREATE = "SELECT has_database_privilege(current_database(), 'CREATE')"
THERE = "SELECT rolname FROM pg_roles WHERE rolname IN ('tidegate_writer', 'tidegate_reader') ORDER BY rolname"

_ROLES = {
    OWNER: "brings the store up to date",
    WRITER: "does all that a controller does; reads the ledger and adds to it",
    READER: "reads",
}


def script() -> str:
    """What a database administrator runs once in the store's database; running it again changes nothing."""
    made = "\n".join(_role(name, what) for name, what in _ROLES.items())
    return f"""-- The roles and the schema of a Tidegate store. Run it in the store's database, as a superuser.
{made}
CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {OWNER};
GRANT USAGE ON SCHEMA {SCHEMA} TO {WRITER}, {READER};
-- Who logs in is yours to name, as in:
--   CREATE ROLE ann LOGIN IN ROLE {OWNER};
--   CREATE ROLE awx LOGIN IN ROLE {WRITER};
-- Then the owner runs `ansible-playbook tidegate.deploy.store`, now and after each upgrade. It makes the tables and grants:
{"".join(f"--   {statement};" + chr(10) for statement in grants((WRITER, READER)))}"""


def grants(roles: Iterable[str]) -> Iterator[str]:
    """What each of the roles may do, table by table; what it might have had before is taken from it first.

    Args:
        roles: those of `WRITER` and `READER` that there are.
    """
    for role in roles:
        yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}"
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {role}"
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}"
        if role == WRITER:
            yield from (f"GRANT {_may(table.name)} ON {SCHEMA}.{table.name} TO {role}" for table in TABLES)


def _may(table: str) -> str:
    return "INSERT" if table in {one.name for one in APPENDED} else "INSERT, UPDATE, DELETE"


def _role(name: str, what: str) -> str:
    made = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} NOLOGIN; END IF;"
    return f"DO $$ BEGIN {made} END $$;\nCOMMENT ON ROLE {name} IS 'Tidegate: {what}';"

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: store
short_description: Bring the store up to date as its owner, or write the SQL that makes its roles
version_added: 1.0.0
description:
  - Opens the store of this site, makes or migrates its tables, all of them or none, and says which schema it has.
  - In PostgreSQL it also grants the roles C(tidegate_writer) and C(tidegate_reader), where they exist, what they need and no
    more. A writer reads the ledger and adds to it, and cannot change what is there.
  - With O(sql_file) it opens nothing, and writes the SQL with which a database administrator makes the roles and the schema.
author:
  - Tidegate contributors (@tidegate)
options:
  sql_file:
    description: A file on the controller that gets the SQL. Running that SQL again changes nothing.
    type: path
  clock_reset:
    description:
      - Let the time of the ledger follow this controller's clock again, where its last entry is later by more than five minutes.
      - Nothing goes forward by a clock that is behind the ledger. Set the clock right first; this is for a ledger that got an
        entry from a clock that was ahead. That it was done, and by whom, is an entry itself.
    type: bool
    default: false
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
requirements:
  - SQLAlchemy 2 on the controller; psycopg 3 for a store in PostgreSQL
notes:
  - Which store it is says the environment variable C(TIDEGATE_STORE), else it is C(.tidegate/store.db) beside the inventory.
  - Fails with C(--limit).
seealso:
  - module: tidegate.deploy.doctor
"""

EXAMPLES = r"""
- name: Write the SQL for the database administrator
  tidegate.deploy.store:
    sql_file: roles.sql

- name: Bring the store up to date, as its owner
  tidegate.deploy.store:

- name: Let the ledger follow this controller's clock again, after another one was ahead
  tidegate.deploy.store:
    clock_reset: true
"""

RETURN = r"""
schema:
  description: The number of the schema that the store has.
  returned: without O(sql_file)
  type: int
  sample: 7
granted:
  description: The roles that were granted what they need.
  returned: without O(sql_file)
  type: list
  elements: str
  sample: [tidegate_reader, tidegate_writer]
set_back_s:
  description: By how many seconds the time of the ledger was set back.
  returned: without O(sql_file)
  type: int
  sample: 0
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: store
    verdict: ok
    say: /srv/site/inventories/demo/.tidegate/store.db has schema 7, which is the newest
    code: ""
"""

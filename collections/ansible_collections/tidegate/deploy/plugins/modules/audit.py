# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Prove that the ledger is what it was
version_added: 1.0.0
description:
  - Reads the ledger from its first entry on, and sees that each entry names its place and the one before it, that every checkpoint
    and every witness agrees, and that plans, notes about hosts and outcomes in the store are those whose digests the entries hold.
  - Signs where the ledger stands when all is as it was, and shows that to the site's witnesses. The first time, C(ssh-keygen) makes
    the key beside the store. A witness that refuses is told and fails nothing.
  - Fails otherwise, and names the first bad entry and what was done to it.
  - Can write an export for an outsider, with everything in it that is needed to check it and C(tidegate-verify.py), which needs neither
    Tidegate nor Ansible. It is written also when the ledger is not what it was.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
options:
  export:
    description: A folder on the controller that is not there yet, or empty. Nothing is written in check mode.
    type: path
  rotate_key:
    description: Whether a new key signs from now on. The old one signs it over in an entry, and stays beside it. Nothing happens in
      check mode, or when the ledger is not what it was.
    type: bool
    default: false
  key_lost:
    description: Whether the key of this controller signs from now on although the one before did not sign it over, since nobody has that
      any more. It is made where there is none. The entry says so, and every check of the ledger does, until it is given the new key.
      Nothing happens in check mode, or when the ledger is not what it was. Not together with O(rotate_key).
    type: bool
    default: false
notes:
  - It reads C(tidegate_witnesses), a list of files, best on file systems of other machines; the environment variable
    E(TIDEGATE_WITNESSES) names them instead, separated by colons.
  - The environment variable E(TIDEGATE_LOG_KEY) names another place of the key.
seealso:
  - module: tidegate.deploy.status
  - module: tidegate.deploy.history
"""

EXAMPLES = r"""
- name: Prove the ledger, and give an auditor what is needed to do it again
  tidegate.deploy.audit:
    export: /srv/audit/2026-11
"""

RETURN = r"""
size:
  description: How many entries were read that fit.
  returned: when the ledger could be read
  type: int
origin:
  description: The name of the ledger, as checkpoints have it.
  returned: when the ledger could be read
  type: str
first_bad:
  description: The first bad entry, or between which two it is.
  returned: when something is not as it was, and the entry is known
  type: str
findings:
  description: All that is not as it was, each with its C(kind), C(message), C(first) and C(last).
  returned: when the ledger could be read
  type: list
  elements: dict
not_signed:
  description: Why the ledger was not signed, a witness did not accept that, or an enrolled host could not be asked.
  returned: when the ledger could be read
  type: list
  elements: str
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: audit
    verdict: ok
    say: all 1204 entries are as they were
    code: ""
"""

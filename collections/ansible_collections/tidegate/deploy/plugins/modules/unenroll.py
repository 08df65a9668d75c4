# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unenroll
short_description: Let enrolled hosts stop refusing, by what enough people signed
version_added: 1.0.0
description:
  - Writes a statement that names the hosts, and shows who has signed it and who still has to. The signatures lie beside it. Each
    person runs it with the same file.
  - Once the quorum that may change the trust has signed, all hosts are looked at, and then stop refusing; or none, if one of them
    refuses that.
  - Their services run on, and their releases stay. What an enrolled host has, its identity and its login, is removed.
author:
  - Tidegate contributors (@tidegate)
options:
  environment:
    description: Whose trust it is. It is needed where the inventory has hosts of several environments.
    type: str
  hosts:
    description: A pattern of the hosts; needed where the statement is made.
    type: str
  reason:
    description: Why; needed where the statement is made, and part of what is signed.
    type: str
    default: ""
  statement:
    description:
      - The file with the statement, which is made where there is none. It is needed.
      - It may be used for seven days.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
  - tidegate.deploy.signing
seealso:
  - module: tidegate.deploy.enroll
  - module: tidegate.deploy.remove
"""

EXAMPLES = r"""
- name: Say what is to be signed
  tidegate.deploy.unenroll:
    hosts: web1
    reason: it is given away
    statement: web1.json

- name: Sign it
  tidegate.deploy.unenroll:
    statement: web1.json
    sign: true
"""

RETURN = r"""
hosts:
  description: Of each host what was C(removed), and what is C(left).
  returned: success, and when some hosts could not be asked
  type: dict
missing:
  description: Who still has to sign, in words; empty where nobody has to.
  returned: success, and when some hosts could not be asked
  type: str
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: unenroll
    verdict: ok
    say: 1 hosts are no longer enrolled; take tidegate_enrolled out of the inventory for them
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: approval
short_description: Approve or reject a change with an SSH key, or take that back
version_added: 1.0.0
description:
  - Shows the plan of a change, or, where an earlier plan of it was approved, only what differs; then who is asked, and signs
    the statement about it with C(ssh-keygen).
  - Every digest of the statement is computed anew from the plan that is shown. The person is found from the key that signed,
    in C(tidegate_people).
  - A decision that could not count is refused, and the ledger keeps that it was.
  - Asks at the terminal before it signs. Where there is none, O(sign) says yes.
author:
  - Tidegate contributors (@tidegate)
options:
  verb:
    description: What is decided.
    type: str
    choices: [approve, reject, withdraw]
    default: approve
  id:
    description: The change. It is needed.
    type: str
  reason:
    description: Why it is rejected or withdrawn; both need it, and it is part of what is signed.
    type: str
    default: ""
  export:
    description:
      - A file that gets the exact bytes to be signed on another machine; the plan is put beside it, with C(.plan) behind its
        name. Nothing is decided.
    type: path
  evidence:
    description:
      - Approvals that were given in another system of C(tidegate_policy.elsewhere), instead of a signature. C(servicenow:NUMBER),
        C(awx:NUMBER) of an approval node, C(gitlab:GROUP/PROJECT:DEPLOYMENT), or C(github:OWNER/REPOSITORY:RUN:ENVIRONMENT).
      - The people who approved there are asked for, and found by their accounts in C(tidegate_people). Their approvals count
        as V(recorded). Nobody counts who asked for it there, or who approved before the plan was made.
      - They count as V(countersigned) where a bridge of C(tidegate_bridges) may vouch for that system, and this process has its
        key, in the file that the environment variable E(TIDEGATE_BRIDGE_KEY) names, or in its SSH agent.
    type: str
  statement:
    description:
      - With O(verb=reject) and instead of O(id), a file with an exported statement about the plan, of any type. The enrolled hosts
        that it names are told of the veto directly, and refuse from then on all that is about that plan. No store is asked, and
        none is told; once there is one again, M(tidegate.deploy.status) enters what hosts were told.
      - One that is a veto already is taken as it is, with its reason.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
  - tidegate.deploy.signing
seealso:
  - module: tidegate.deploy.change
"""

EXAMPLES = r"""
- name: Show a change and sign it with the key of the agent
  tidegate.deploy.approval:
    id: CHG-2026-0007
    sign: true

- name: Reject a change
  tidegate.deploy.approval:
    verb: reject
    id: CHG-2026-0007
    reason: too risky today

- name: Have hosts refuse what an exported statement is about, without any store
  tidegate.deploy.approval:
    verb: reject
    statement: statement.json
    reason: ada's key was stolen

- name: Hand in what was signed elsewhere
  tidegate.deploy.approval:
    id: CHG-2026-0007
    signature: statement.json.sig

- name: Record who approved in ServiceNow
  tidegate.deploy.approval:
    id: CHG-2026-0007
    evidence: servicenow:CHG0030001
"""

RETURN = r"""
change:
  description: The id of the change.
  returned: success
  type: str
  sample: CHG-2026-0007
state:
  description: The state of the change afterwards.
  returned: success
  type: str
  sample: approved
person:
  description: Who decided, several people with commas; empty where nothing was.
  returned: success
  type: str
  sample: ada
statement:
  description: The sha256 of what was signed.
  returned: success
  type: str
hosts:
  description: Of each host that was told of a veto without the store V(ok), V(failed) or V(unknown).
  returned: with O(statement)
  type: dict
plan_digest:
  description: The sha256 of the plan as canonical JSON.
  returned: success
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
    step: approval
    verdict: ok
    say: "CHG-2026-0007: approve by ada; it is approved"
    code: ""
"""

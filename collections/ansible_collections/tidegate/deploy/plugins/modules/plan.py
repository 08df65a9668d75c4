# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Freeze the plan of the run's change, and show it
version_added: 1.0.0
description:
  - Adds to the draft which release each host runs now, and keeps the plan in the store under its digest. Unchanged content is
    the same open change, changed content a new revision of it.
  - Fails when more hosts than the failure budget allows were refused by M(tidegate.deploy.precheck) or could not be asked.
  - In a rollout it also takes the lease of the service, so that nobody else rolls it out meanwhile.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
seealso:
  - module: tidegate.deploy.change
  - module: tidegate.deploy.precheck
"""

EXAMPLES = r"""
- name: Freeze and show the plan
  tidegate.deploy.plan:
"""

RETURN = r"""
change:
  description: The id of the change.
  returned: success
  type: str
  sample: CHG-2026-0007
revision:
  description: The number of the plan among those of the change, from 1.
  returned: success
  type: int
plan_digest:
  description: The sha256 of the plan as canonical JSON.
  returned: success
  type: str
waves:
  description: The names of the hosts of each wave.
  returned: success
  type: list
  elements: list
  sample: [[web1], [web2, web3]]
notes:
  description: How the plan differs from the revision before, and what is done already.
  returned: success
  type: list
  elements: str
outlook:
  description: Where the change stands, as M(tidegate.deploy.change_info) has it.
  returned: success
  type: dict
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: plan
    verdict: ok
    say: CHG-2026-0007 revision 1, 3 waves
    code: ""
"""

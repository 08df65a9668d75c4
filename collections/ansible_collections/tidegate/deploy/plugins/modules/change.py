# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: change
short_description: Begin a run by opening its change
version_added: 1.0.0
description:
  - For V(plan) and V(rollout) reads a change file and the inventory, checks both, and drafts the plan. M(tidegate.deploy.plan)
    freezes it after M(tidegate.deploy.precheck) has looked at the hosts.
  - For V(submit), V(cancel), V(pause) and V(review) records what somebody decides about a change. That needs no run and no host.
  - For V(submit) of a change that has enrolled hosts, shows its plan and signs the request with C(ssh-keygen), by the key of whoever wants it. Hosts
    demand that. It asks at the terminal first; where there is none, O(sign) says yes. Any other change is signed for where a key is named.
  - For V(review) of an emergency that enrolled hosts let through without a grant, also shows them the entry of the review. Until then they refuse
    the next one.
  - For V(rollback) takes up a change that was rolled out, with the plan that it had then.
  - Every other step finds the run by the process of C(ansible-playbook) that began it.
author:
  - Tidegate contributors (@tidegate)
options:
  verb:
    description: What the run is for.
    type: str
    required: true
    choices: [plan, rollout, resume, rollback, close, submit, cancel, pause, review]
  file:
    description:
      - Path of the change file.
      - V(plan) and V(rollout) need it or O(id); the others refuse it.
    type: str
  id:
    description:
      - A change that the store knows. Its change file is read again, and a difference to what was planned is refused.
      - V(resume), V(rollback), V(close) and all decisions need it, and take the plan that was frozen, not the file.
    type: str
  reason:
    description: Why, in a person's words; V(close), V(cancel), V(pause) and V(review) need it, and the record keeps it.
    type: str
  statement:
    description:
      - For V(review) instead of O(id), the sha256 of the statement of an emergency for whose review enrolled hosts wait, and whose change is another
        store's, or was reviewed while they were away.
    type: str
  export:
    description:
      - For V(submit), a file that gets the exact bytes to be signed on another machine; the plan is put beside it, with C(.plan) behind its name.
        Nothing is decided.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
  - tidegate.deploy.signing
seealso:
  - module: tidegate.deploy.approval
  - module: tidegate.deploy.plan
  - module: tidegate.deploy.close
"""

EXAMPLES = r"""
- name: Hand a change in for approval
  tidegate.deploy.change:
    verb: submit
    id: CHG-2026-0007

- name: Hand a change of enrolled hosts in, signed with the key of the agent
  tidegate.deploy.change:
    verb: submit
    id: CHG-2026-0007
    sign: true

- name: Let a rollout open no further wave
  tidegate.deploy.change:
    verb: pause
    id: CHG-2026-0007
    reason: the load is too high

- name: Open the change of a file
  tidegate.deploy.change:
    verb: rollout
    file: changes/web-2.4.0.yml

- name: Go on with a change that is paused
  tidegate.deploy.change:
    verb: resume
    id: CHG-2026-0007

- name: Open the way back of a change
  tidegate.deploy.change:
    verb: rollback
    id: CHG-2026-0007
"""

RETURN = r"""
service:
  description: The service that changes.
  returned: success
  type: str
  sample: web
release:
  description: The release of the plan.
  returned: success
  type: str
  sample: 2.4.0-3f9a1c77b02d
hosts:
  description: The hosts of the plan, in the order of its waves.
  returned: success
  type: list
  elements: str
outlook:
  description: Where the change stands after a decision, as M(tidegate.deploy.change_info) has it.
  returned: when the verb is V(submit), V(cancel), V(pause) or V(review)
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
    step: change
    verdict: ok
    say: web 2.4.0-3f9a1c77b02d for 6 hosts in production
    code: ""
"""

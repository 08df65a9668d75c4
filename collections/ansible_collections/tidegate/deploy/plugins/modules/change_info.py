# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: change_info
short_description: Say what is known of a change
version_added: 1.0.0
description:
  - Reads plan, state, approvals and history of a change from the store, and whether it may run now. Nothing is changed.
  - Works in any play, also with C(--limit), and beside a rollout.
author:
  - Tidegate contributors (@tidegate)
options:
  id:
    description: The change.
    type: str
    required: true
requirements:
  - SQLAlchemy and jsonschema on the controller, as in the C(requirements.txt) of the collection
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
seealso:
  - module: tidegate.deploy.gate
  - module: tidegate.deploy.change
"""

EXAMPLES = r"""
- name: Ask who has approved a change
  tidegate.deploy.change_info:
    id: CHG-2026-0007
  register: asked

- name: Show what is missing
  ansible.builtin.debug:
    var: asked.outlook.missing
"""

RETURN = r"""
service:
  description: The service that changes.
  returned: success
  type: str
  sample: web
environment:
  description: The environment that it changes in.
  returned: success
  type: str
  sample: production
release:
  description: The release of the newest plan.
  returned: success
  type: str
hosts:
  description: Its hosts, in the order of its waves.
  returned: success
  type: list
  elements: str
plan_digest:
  description: The digest of the newest plan.
  returned: success
  type: str
type:
  description: V(standard), V(normal) or V(emergency).
  returned: success
  type: str
risk:
  description: V(low), V(medium), V(high), or nothing where nobody has judged it.
  returned: success
  type: str
outlook:
  description: Where the change stands.
  returned: success
  type: dict
  contains:
    change:
      description: The id of the change.
      type: str
      returned: always
    state:
      description: One of the states of a change.
      type: str
      returned: always
    revision:
      description: The number of its newest plan.
      type: int
      returned: always
    asked:
      description: Whether policy asks anybody's approval.
      type: bool
      returned: always
    wanted_by:
      description: Who wants it, and whether that is V(signed) or V(recorded); empty while nobody does, and once it has ended.
      type: str
      returned: always
    approved_by:
      description: The people who count, each with the strength of the approval.
      type: list
      elements: str
      returned: always
    missing:
      description: What is missing or does not count, each with its code.
      type: list
      elements: str
      returned: always
    vetoed_by:
      description: Who has rejected it.
      type: list
      elements: str
      returned: always
    review_due_at:
      description: Until when an emergency has to be reviewed; empty where it has not.
      type: str
      returned: always
    next:
      description: The commands of which one may be typed.
      type: list
      elements: str
      returned: always
window:
  description: Whether windows and freezes let it run now, as C(open), and the same in words, as C(text).
  returned: success
  type: dict
moves:
  description: What happened to the change, each with C(event), the C(state) that it led to, C(at), C(actor) and C(reason).
  returned: success
  type: list
  elements: dict
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: change_info
    verdict: ok
    say: CHG-2026-0007 is submitted, window open at any time
    code: ""
"""

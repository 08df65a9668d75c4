# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gate
short_description: Fail unless a change lets hosts be touched now
version_added: 1.0.0
description:
  - For plays of the site's own, as their first task. It fails unless the change is approved as policy asks, not vetoed, in its
    window, and for all of the hosts.
  - It is the same decision as that of the callback P(tidegate.deploy.gate#callback), and always refuses. A callback sees
    every play; a task is stepped around by C(--skip-tags) and C(--start-at-task).
  - The answer is in the ledger before it is given.
author:
  - Tidegate contributors (@tidegate)
options:
  id:
    description: The change.
    type: str
    required: true
  hosts:
    description: The hosts that are about to be touched. Without it, these are all of the play's.
    type: list
    elements: str
requirements:
  - SQLAlchemy and jsonschema on the controller, as in the C(requirements.txt) of the collection
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
seealso:
  - module: tidegate.deploy.change_info
"""

EXAMPLES = r"""
- name: Go on only with an approved change
  tidegate.deploy.gate:
    id: "{{ tidegate_change }}"
  run_once: true
"""

RETURN = r"""
hosts:
  description: The hosts that may be touched.
  returned: success
  type: list
  elements: str
until:
  description: Until when, as far as windows and freezes say; nothing where no end is in sight.
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
    step: gate
    verdict: ok
    say: CHG-2026-0007 lets 6 hosts be touched now
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor
short_description: Say what would hinder a rollout, on the controller and on every host, and what mends it
version_added: 1.0.0
description:
  - Looks at the controller (Python, packages, where collections are looked for, C(ansible.cfg), the place of the store), at the
    services of the inventory, and at all of their hosts at once. Where no service is defined yet, at all hosts.
  - Prints each finding once, with the places where it is so, and with what mends it. V(stop) would stop a rollout, or its way
    back; V(unknown) is a host that could not be asked; V(warn) is to be mended soon; V(note) is good to know.
  - Fails when there is anything of V(stop) or V(unknown).
  - Nothing is installed on a host, and nothing is written on the controller but O(json_file). Hosts take one command each.
author:
  - Tidegate contributors (@tidegate)
options:
  service:
    description: The only service whose data and hosts are looked at.
    type: str
  json_file:
    description: A file on the controller that gets all findings as JSON, also when the task fails. None in check mode.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
requirements:
  - None but ansible-core; what else is missing on the controller is a finding
notes:
  - It reads C(tidegate_become) of each host that it asks, by default V(true).
  - Probes of the services are asked once, as in a pre-check.
  - Fails with C(--limit).
seealso:
  - module: tidegate.deploy.precheck
  - module: tidegate.deploy.init
"""

EXAMPLES = r"""
- name: Look at the controller and at every host, and say what mends what was found
  tidegate.deploy.doctor:
    service: web
"""

RETURN = r"""
counts:
  description: How many findings there are of each level.
  returned: always
  type: dict
  sample:
    stop: 1
    unknown: 0
    warn: 2
    note: 3
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: doctor
    verdict: ok
    say: 2 to mend soon, 3 to know
    code: ""
"""

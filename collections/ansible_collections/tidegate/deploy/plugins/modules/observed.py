# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: observed
short_description: Show what the gate for any playbook refused, or would have refused, and why
version_added: 1.0.0
description:
  - Sums up what the callback P(tidegate.deploy.gate#callback) said to playbooks on protected hosts. Runs are grouped by reason, with
    playbooks, people, changes and hosts.
  - Says where the gate refuses, and where it only observes.
author:
  - Tidegate contributors (@tidegate)
options:
  days:
    description: For how many days back, from 1 to 3650.
    type: int
    default: 30
  json_file:
    description: A file on the controller that gets the same as JSON.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
seealso:
  - module: tidegate.deploy.status
"""

EXAMPLES = r"""
- name: Show what the gate would have refused this week
  tidegate.deploy.observed:
    days: 7
    json_file: observed.json
"""

RETURN = r"""
observed:
  description: What was shown.
  returned: success
  type: dict
  contains:
    runs:
      description: How many runs on protected hosts the gate saw.
      returned: always
      type: int
    refused:
      description: How many of them it refused.
      returned: always
      type: int
    would_refuse:
      description: How many it would have refused, had it not only observed.
      returned: always
      type: int
    reasons:
      description:
        - Of each reason C(mode), C(code), the number of C(runs), C(playbooks), C(by) whom, C(changes), C(hosts), and when and why
          it was the C(last) one.
      returned: always
      type: list
      elements: dict
    gate:
      description: The protected hosts, by what the gate does there, V(enforce) or V(observe).
      returned: always
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
    step: observed
    verdict: ok
    say: the gate would have refused 3 of 41 runs in the last 30 days
    code: ""
"""

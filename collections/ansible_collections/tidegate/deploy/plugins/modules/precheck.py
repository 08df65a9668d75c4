# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: precheck
short_description: Look at a host before anything changes, and say all that is wrong with it at once
version_added: 1.0.0
description:
  - Looks at free space and inodes, memory, load, failed units, full and read-only file systems, the clock, ports, the service's
    own health, and the release that it would go back to. The thresholds are the C(checks) of the service.
  - Where an interrupted run has left an activation behind, it first waits until the host has gone back by itself.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.plan
"""

EXAMPLES = r"""
- name: Look at every host before anything changes
  hosts: "{{ query('tidegate.deploy.hosts', 'plan') }}"
  gather_facts: false
  tasks:
    - name: Look for anything that speaks against the change
      tidegate.deploy.precheck:
      become: true
      ignore_errors: true # noqa: ignore-errors -- the plan judges what was found on all hosts
"""

RETURN = r"""
findings:
  description: All that was found; the host is refused if any of it has the level V(refuse).
  returned: when the host answered
  type: list
  elements: dict
  contains:
    check:
      description: What was looked at.
      returned: always
      type: str
    level:
      description: V(refuse) or V(warn).
      returned: always
      type: str
    found:
      description: What is the case.
      returned: always
      type: str
    expected:
      description: What should be.
      returned: always
      type: str
    hint:
      description: What to do about it.
      returned: always
      type: str
facts:
  description: The measured values behind the findings.
  returned: when the host answered
  type: dict
service:
  description: Where the service stands on the host, as in M(tidegate.deploy.release_info).
  returned: when the host answered
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
    step: precheck
    verdict: ok
    say: healthy, on 2.3.1-0c41d2aa9f10
    code: ""
"""

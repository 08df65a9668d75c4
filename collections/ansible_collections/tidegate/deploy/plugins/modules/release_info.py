# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Ask a host which releases of its services it runs
version_added: 1.0.0
description:
  - Asks one host where each of its services stands, and whether it is well. It needs no run and no store, and installs nothing.
  - A host that cannot be reached fails with the verdict V(unknown), and is not dropped by Ansible.
author:
  - Tidegate contributors (@tidegate)
requirements:
  - Linux with systemd and Python 3.9 or newer on the host, and root by C(become)
options:
  service:
    description: The only service to ask about. Without it, these are all of the host's C(tidegate_services).
    type: str
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
seealso:
  - module: tidegate.deploy.status
"""

EXAMPLES = r"""
- name: Ask what runs here
  tidegate.deploy.release_info:
    service: web
  become: true
  register: answer

- name: Show the release
  ansible.builtin.debug:
    msg: "{{ answer.services.web.current }} is {{ answer.services.web.state }}"
"""

RETURN = r"""
services:
  description: Where each service stands, by its name.
  returned: success
  type: dict
  contains:
    state:
      description: V(steady), V(pending), V(ready), V(reverting) or V(failed).
      returned: always
      type: str
    current:
      description: The release that C(current) resolves to, or V(absent).
      returned: always
      type: str
    change:
      description: The change that put it there or is under way.
      returned: always
      type: str
    deadline_in_s:
      description: Seconds until the host goes back by itself.
      returned: always
      type: int
    back_until:
      description: Until when the change can be taken back.
      returned: always
      type: str
    reverted:
      description: What was taken back last, why and when.
      returned: always
      type: dict
    reason:
      description: Why it is not steady.
      returned: always
      type: str
    closed:
      description: Changes that may not go on here.
      returned: always
      type: list
      elements: str
    releases:
      description: All releases that are on the host.
      returned: always
      type: list
      elements: str
host:
  description: What the host says of itself, such as C(hostname), C(boot_id), C(uptime_s) and C(time).
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
    step: release_info
    verdict: ok
    say: web 2.4.0-3f9a1c77b02d steady
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stage
short_description: Put a release on a host, verified, beside what runs there
version_added: 1.0.0
description:
  - Sends the artifact over the connection, or has the host fetch it from the artifact's URL. The host checks digest and size,
    unpacks it, and compares the tree with the plan's manifest before the release gets its name.
  - A release that is there intact is not sent again. Nothing is switched.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.shows_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.activate
"""

EXAMPLES = r"""
- name: Put the release on every host
  hosts: "{{ query('tidegate.deploy.hosts', 'waves') }}"
  gather_facts: false
  tasks:
    - name: Put the release beside what runs there
      tidegate.deploy.stage:
      become: true
"""

RETURN = r"""
bytes_received:
  description: How much the host has taken over the network; 0 when the release was there already.
  returned: success
  type: int
  sample: 2318220
timings:
  description: How long each part took on the host, in milliseconds; empty when the release was there already.
  returned: success
  type: dict
  sample:
    receive_ms: 310
    unpack_ms: 420
    sync_ms: 35
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: stage
    verdict: ok
    say: 2.4.0-3f9a1c77b02d is there already
    code: ""
"""

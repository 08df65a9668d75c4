# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: activate
short_description: Switch a host to the release of the plan; it goes back by itself unless confirmed in time
version_added: 1.0.0
description:
  - Drains, runs the hooks, switches, restarts and probes the service, in a unit of its own on the host. It outlives the
    connection, which is opened again when it is lost.
  - A host that fails any of it has gone back to its previous release before this step fails.
  - Where M(tidegate.deploy.confirm) does not follow before the deadline, or the host boots meanwhile, it goes back by itself.
  - Fails unless M(tidegate.deploy.availability) has opened the host's wave.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.shows_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.confirm
  - module: tidegate.deploy.back
"""

EXAMPLES = r"""
- name: Activate wave by wave
  hosts: "{{ query('tidegate.deploy.hosts', 'waves') }}"
  serial: "{{ query('tidegate.deploy.hosts', 'wave_sizes') }}"
  gather_facts: false
  tasks:
    - name: Open the wave if enough other hosts serve meanwhile
      tidegate.deploy.availability:
      run_once: true
    - name: Switch to the new release
      tidegate.deploy.activate:
      become: true
"""

RETURN = r"""
service:
  description: Where the service stands on the host, as in M(tidegate.deploy.release_info).
  returned: success
  type: dict
timings:
  description: How long each part took, in milliseconds.
  returned: success
  type: dict
  sample:
    drain_ms: 5003
    switch_ms: 2
    start_ms: 210
    probe_ms: 2041
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: activate
    verdict: ok
    say: 2.3.1-0c41d2aa9f10 → 2.4.0-3f9a1c77b02d, probed on the host
    code: ""
"""

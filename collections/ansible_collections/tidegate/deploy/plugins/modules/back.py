# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: back
short_description: Take a host back to the release that it ran before the change
version_added: 1.0.0
description:
  - Switches back, restarts and probes the previous release, and closes the change on the host, so that no rollout of it can go
    on there. A host that never took the change is only told that it is closed.
  - A host that failed while the change goes on, within the budget or because it is paused, goes back without closing it there,
    so that it can be tried again.
  - In a rollback every host goes back. In a rollout a host goes back once the rollout has stopped, or when it failed itself,
    and is skipped otherwise.
author:
  - Tidegate contributors (@tidegate)
options:
  why:
    description: The reason that is recorded. By default what stopped the rollout, or that an operator asked for it.
    type: str
attributes:
  diff_mode:
    support: none
    description: With C(--diff) shows the release before and after.
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.activate
  - module: tidegate.deploy.close
"""

EXAMPLES = r"""
- name: Take every host back
  hosts: "{{ query('tidegate.deploy.hosts', 'back') }}"
  serial: "{{ query('tidegate.deploy.hosts', 'back_sizes') }}"
  gather_facts: false
  tasks:
    - name: Take the host back to its previous release
      tidegate.deploy.back:
        why: customers see wrong prices
      become: true
"""

RETURN = r"""
service:
  description: Where the service stands on the host, as in M(tidegate.deploy.release_info).
  returned: success, except in check mode
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
    step: back
    verdict: back
    say: back on 2.3.1-0c41d2aa9f10
    code: ""
"""

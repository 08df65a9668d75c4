# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: found
short_description: Say in the check tasks of a change whether the change is there on the host
version_added: 1.0.0
description:
  - The check tasks of a change that carries the site's own tasks end with it. What it says is kept as the host's word, before the
    change, after it was made, and after it was taken back. A check that ends without it counts as a failed one.
  - In the check of what runs once per change it says whether that was done.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
options:
  there:
    description: Whether the change is there. Of several answers in one check the last one counts.
    type: bool
    required: true
  say:
    description: What was found, in one short sentence, without anything secret.
    type: str
notes:
  - It works in the run of a change only; elsewhere it fails with V(NO_CHANGE).
seealso:
  - module: tidegate.deploy.tasks
  - module: tidegate.deploy.once
"""

EXAMPLES = r"""
- name: Look at the banner
  ansible.builtin.stat:
    path: /etc/banner
  register: banner

- name: Say whether the change is there
  tidegate.deploy.found:
    there: "{{ banner.stat.exists }}"
"""

RETURN = r"""
msg:
  description: What it came to, in one sentence.
  returned: always
  type: str
tidegate:
  description: The same in parts.
  returned: always
  type: dict
  sample:
    step: found
    verdict: ok
    say: it is there
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tasks
short_description: Stand around a site's own tasks on a host
version_added: 1.0.0
description:
  - A change may carry the site's own tasks instead of a release. This module stands before them, after them, and where one of
    them failed. It says whether they are to run on the host, reads back by the change's check whether the change is there, and
    records what it came to.
  - The roles P(tidegate.deploy.check#role), P(tidegate.deploy.apply#role) and P(tidegate.deploy.revert#role) use it.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.host_step
options:
  part:
    description: The part of the change that is run; V(check) is the check that is asked by itself.
    type: str
    choices: [check, apply, revert]
    required: true
  at:
    description: Whether the part is to begin, has ended well, or has failed.
    type: str
    choices: [begin, end, failed]
    required: true
  task:
    description: The name of the task that failed.
    type: str
notes:
  - With O(at=begin) it asks the host, so that nothing begins on one that does not answer, and writes down that the part begins.
  - A host that does not answer any more after a task failed is V(unknown), and counts against the failure budget.
seealso:
  - module: tidegate.deploy.found
  - module: tidegate.deploy.once
"""

EXAMPLES = r"""
- name: See whether the host needs the change, and answers
  tidegate.deploy.tasks:
    part: apply
    at: begin
  become: true
  register: begun
"""

RETURN = r"""
needed:
  description: Whether the tasks of the part are to run on the host.
  returned: when it begins
  type: bool
msg:
  description: What it came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: apply
    verdict: ok
    say: made, and found there by its check
    code: ""
"""

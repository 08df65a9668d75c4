# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: once
short_description: Stand around tasks that run once per change
version_added: 1.0.0
description:
  - Stands before, between and after tasks that a change runs once, such as a database migration. That they begin is written to the
    store before they do, and that they are done when they are, so that they are repeated by no other run of the change.
  - Tasks that began in an earlier run, and of which nobody knows how they ended, are asked by their check. Without a check they are
    refused with V(ONCE), and not repeated.
  - Whatever does not go well stops the rollout. The role P(tidegate.deploy.once#role) uses it.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
options:
  name:
    description: The name of the tasks in the change file; with all values of O(at) but V(all).
    type: str
  at:
    description: >-
      Whether it is asked if they were done, they are to begin, have ended well, or have failed. V(all) sees that nothing is left of
      what runs at one O(time), also when the host that runs it has been lost.
    type: str
    choices: [ask, begin, end, failed, all]
    required: true
  task:
    description: The name of the task that failed.
    type: str
  time:
    description: With O(at=all), whether it is what runs before the first wave, or after the last one.
    type: str
    choices: [before, after]
    default: before
seealso:
  - module: tidegate.deploy.found
  - module: tidegate.deploy.tasks
"""

EXAMPLES = r"""
- name: Write down that the migration begins
  tidegate.deploy.once:
    name: migrate
    at: begin
  register: begun
"""

RETURN = r"""
needed:
  description: Whether what follows is to run.
  returned: always
  type: bool
msg:
  description: What it came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(skipped) or V(failed).
  returned: always
  type: dict
  sample:
    step: once
    verdict: ok
    say: migrate is done
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: close
short_description: End a run with its outcome
version_added: 1.0.0
description:
  - Makes the outcome from what each host said when it was last read back, records it, gives the lease back, and shows it with
    the cause, the hosts by state, what was taken back, what is left, and the next command.
  - Fails unless every host is where the verb wanted it. In check mode it fails if the run would stop.
  - Does nothing when the run has ended already, for example because nothing was to be rolled out.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
options:
  verb:
    description: What the run has to be; another one fails, so that nobody turns a rollout into a plan by a variable. A rollout
      that is resumed is a V(rollout).
    type: str
    choices: [rollout, rollback, close]
    default: rollout
  json_file:
    description:
      - A file on the controller that gets change and outcome as JSON, also when this task fails.
      - Not written in check mode. A file that cannot be written is a warning.
    type: path
seealso:
  - module: tidegate.deploy.finish
  - module: tidegate.deploy.change
  - module: tidegate.deploy.status
"""

EXAMPLES = r"""
- name: Record the outcome, show it, and fail unless all is as planned
  tidegate.deploy.close:
    verb: rollout
    json_file: outcome.json
"""

RETURN = r"""
outcome:
  description: What became of the change.
  returned: when a run was ended, except in check mode
  type: dict
  contains:
    verdict:
      description: V(completed), V(partial), V(paused), V(kept), V(closed), V(rolled_back), V(not_started), V(refused) or
        V(failed).
      returned: always
      type: str
    cause:
      description: Why it stopped, with a code; empty when it did not.
      returned: always
      type: str
    reason:
      description: Why somebody ended the change as it stands.
      returned: when the verb is V(close)
      type: str
    hosts:
      description: Of each host its C(name), its C(place), and the release that it runs as C(current).
      returned: always
      type: list
      elements: dict
    took_ms:
      description: How long the run took, in milliseconds.
      returned: always
      type: int
    steps:
      description: Of each C(step) on how many C(hosts) it ran, during how long it ran on any of them as C(took_ms), and how long
        on the C(slowest) as C(longest_ms). What it took on each host, and the host's own parts of that, is in the store.
      returned: always
      type: list
      elements: dict
change:
  description: The id of the change.
  returned: when a run was ended, except in check mode
  type: str
  sample: CHG-2026-0007
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: close
    verdict: ok
    say: CHG-2026-0007 completed
    code: ""
"""

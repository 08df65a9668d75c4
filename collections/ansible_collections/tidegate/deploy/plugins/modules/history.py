# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: history
short_description: Show the one record of a change, or the recorded runs of playbooks
version_added: 1.0.0
description:
  - Shows what became of a change, from its first plan to its end. The plan, who decided what, who ran what and when, what was noted on each host,
    timings, which playbooks of the site's own were run for it, what did not go as planned, the verdict, and the proof that all of it
    is in the ledger.
  - Without O(id) it shows the runs of playbooks that tidegate.deploy.recorder has recorded, the newest 100, whichever change they
    named.
  - Writes it as JSON, which C(tidegate-verify.py --record) checks without the store, and as Markdown, in which no text of anybody's is
    obeyed.
  - The record is signed by the key of the ledger when a run of the change ends. A record that something was added to since says that
    it is not signed; the end of the next run signs it anew.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
options:
  id:
    description: The id of the change. Leave it out for the recorded runs of playbooks.
    type: str
  json_file:
    description: A file on the controller that gets the record with its proof as JSON. Not written in check mode.
    type: path
  markdown_file:
    description: A file on the controller that gets the record as Markdown. Not written in check mode.
    type: path
seealso:
  - module: tidegate.deploy.audit
  - module: tidegate.deploy.change_info
"""

EXAMPLES = r"""
- name: Keep the record of a change beside the ticket
  tidegate.deploy.history:
    id: CHG-2026-0007
    json_file: CHG-2026-0007.json
    markdown_file: CHG-2026-0007.md

- name: See which playbooks were run lately, by whom and with what effect
  tidegate.deploy.history:
"""

RETURN = r"""
history:
  description: The record, its signature and its proof; or the recorded runs of playbooks.
  returned: success
  type: dict
  contains:
    record:
      description: What happened, as C(change), C(plans), C(plan), C(moves), C(decisions), C(refused), C(runs), C(playbooks),
        C(deviations) and C(verdict).
      returned: when a change was named
      type: dict
    signature:
      description: The armored signature by the key of the ledger, or V(null).
      returned: when a change was named
      type: str
    proof:
      description: The newest C(checkpoint), and the C(entries) of the change with the paths that prove them to be in it.
      returned: when a change was named, and the ledger was signed once
      type: dict
    playbooks:
      description: The recorded runs, newest first, each with C(run_id), C(playbook), C(change_id), C(actor), C(started_at), C(ended_at),
        C(lost) and C(hosts), which have the number of results that were C(ok), C(changed), C(failed), C(unreachable) and C(skipped).
      returned: when no change was named
      type: list
      elements: dict
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: history
    verdict: ok
    say: CHG-2026-0007 completed
    code: ""
"""

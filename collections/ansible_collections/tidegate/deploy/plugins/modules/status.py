# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Ask all hosts what they run, and show it beside the changes that the store knows
version_added: 1.0.0
description:
  - Asks the hosts of all services in C(tidegate_services) at once, and shows which release each runs, whether it is well, and
    what will become of it.
  - A host whose link or whose release's files somebody changed past Tidegate has drifted. That is told, and is an entry of the
    ledger, once for as long as it stays the same; another one when it is mended. Whoever may only read the store is told all the same.
  - Shows per service and host what is enforced against whom. A host that the inventory or the store says is enrolled, and that says so no
    longer, enforces nothing; that is told, and counts as drift.
  - An emergency that an enrolled host let through without the store's consent is an entry of the ledger, once.
  - A host that cannot be asked is shown as unknown, with the reason, and does not fail the task.
author:
  - Tidegate contributors (@tidegate)
options:
  service:
    description: The only service to ask about.
    type: str
  json_file:
    description: A file on the controller that gets the whole status as JSON.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
notes:
  - It reads C(tidegate_become) of each host that it asks, by default V(true).
seealso:
  - module: tidegate.deploy.release_info
"""

EXAMPLES = r"""
- name: Ask every host and show what it says
  tidegate.deploy.status:
    service: web
    json_file: status.json
"""

RETURN = r"""
status:
  description: What was shown.
  returned: success
  type: dict
  contains:
    store:
      description: The path of the store.
      returned: always
      type: str
    changes:
      description:
        - All paused changes, then the latest others, each with C(id), C(service), C(environment), C(state), C(revision) and
          C(created_at).
        - C(on_failure) is what its change file asks for, C(cause) why it stopped, C(reason) why somebody closed it.
        - C(catch_up_until) says until when a partial change takes the hosts that were down; C(next) has the commands for one
          that waits for somebody.
        - C(window) says of an open one whether it may run now, or when, and its windows in words.
        - C(type) is its kind; C(wanted_by) says who wants it, C(approved_by) says who has approved it, C(missing) what it lacks,
          C(downgrade) that an open one brings hosts to an older release than they run, C(review_due_at) until when an emergency
          is reviewed.
      returned: always
      type: list
      elements: dict
    gate:
      description: >-
        The hosts that the gate for any playbook protects, by what it does there, V(enforce) or V(observe); and, as C(said), what it
        refused or would have refused in the last 30 days, as M(tidegate.deploy.observed) returns it.
      returned: always
      type: dict
    ledger:
      description: The C(size) of the ledger, the size that was C(signed) last, what C(problem) its checkpoint has, and of each of its C(witnesses)
        the C(path) and what it C(says).
      returned: always
      type: dict
    services:
      description: Of each service, by host, what the host said; C(unknown) says why it could not be asked, C(drift) how what it runs differs
        from what was recorded for it last. C(enforcement) says C(against) whom it refuses by itself, that this was C(lost), its C(uid), number
        of C(trust), C(program), how many entries of the ledger it has C(seen), the emergencies that are C(reviews_due), and C(problems).
      returned: always
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
    step: status
    verdict: ok
    say: all hosts answered
    code: ""
"""

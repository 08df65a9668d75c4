# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: emergency
short_description: Have the hosts of an emergency change give challenges, which people sign instead of a grant
version_added: 1.0.0
description:
  - Asks every host of a change of the type V(emergency) for a challenge, and keeps the statement with all of them for the next four hours. All of its
    hosts are enrolled.
  - While it lasts it is what M(tidegate.deploy.approval) shows and signs. What was approved before does not count for it.
  - A rollout of the change then needs no grant of the store, so a store that was made a minute ago will do. Hosts let it through once, and no other
    emergency of the service until they are shown the review of this one.
  - Is refused while a host waits for the review of the one before.
author:
  - Tidegate contributors (@tidegate)
options:
  id:
    description: The change. It is needed.
    type: str
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
seealso:
  - module: tidegate.deploy.approval
  - module: tidegate.deploy.change
"""

EXAMPLES = r"""
- name: Ask the hosts for challenges, and keep what people sign now
  tidegate.deploy.emergency:
    id: CHG-2026-0007
"""

RETURN = r"""
change:
  description: The id of the change.
  returned: success
  type: str
  sample: CHG-2026-0007
statement:
  description: The sha256 of what people sign; empty in check mode, which asks for no challenge.
  returned: success
  type: str
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: emergency
    verdict: ok
    say: "CHG-2026-0007: an emergency waits for its signatures"
    code: ""
"""

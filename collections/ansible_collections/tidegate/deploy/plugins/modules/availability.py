# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: availability
short_description: Open the plan's next wave, if enough other hosts serve meanwhile
version_added: 1.0.0
description:
  - Checks that the batch of the play is exactly the plan's next wave and that the wave before it is confirmed. Then asks all
    hosts of the plan outside of the wave whether they serve, and compares their number with the floor.
  - A wave that may not begin does not fail this task, but stops the rollout in the store. Every later step then sees that and
    is skipped, except M(tidegate.deploy.back).
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
notes:
  - Use it with C(run_once), first in each batch of a play with the strategy C(linear).
  - It needs no C(become) of its own. It reads C(tidegate_become) of each host that it asks, by default V(true).
seealso:
  - module: tidegate.deploy.activate
"""

EXAMPLES = r"""
- name: Open the wave if enough other hosts serve meanwhile
  tidegate.deploy.availability:
  run_once: true
"""

RETURN = r"""
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: availability
    verdict: ok
    say: "wave 2 of 3: 4 other hosts serve, floor 3"
    code: ""
"""

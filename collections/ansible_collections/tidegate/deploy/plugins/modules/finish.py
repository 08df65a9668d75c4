# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: finish
short_description: See that every wave is through
version_added: 1.0.0
description:
  - Closes the last wave. A wave that was never begun, or has a host that was not confirmed, stops the rollout in the store, also
    where no step of this collection could say why. The hosts that were touched then go back with M(tidegate.deploy.back).
  - Does not fail as a task; M(tidegate.deploy.close) does.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
notes:
  - Use it on localhost between the waves and the way back.
seealso:
  - module: tidegate.deploy.availability
  - module: tidegate.deploy.close
"""

EXAMPLES = r"""
- name: See that every wave is through
  tidegate.deploy.finish:
"""

RETURN = r"""
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(skipped) or V(failed).
  returned: always
  type: dict
  sample:
    step: finish
    verdict: ok
    say: "all 3 waves are through"
    code: ""
"""

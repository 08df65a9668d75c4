# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: renew
short_description: Give a host more time before it goes back by itself
version_added: 1.0.0
description:
  - Moves the deadline of an activation that this run has begun and that is not confirmed yet.
  - An activation cannot be renewed after one hour.
author:
  - Tidegate contributors (@tidegate)
options:
  extend_s:
    description: Seconds from now until the new deadline.
    type: int
    default: 300
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.activate
  - module: tidegate.deploy.confirm
"""

EXAMPLES = r"""
- name: Take ten more minutes for a look at the canary
  tidegate.deploy.renew:
    extend_s: 600
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
    step: renew
    verdict: ok
    say: goes back in 600 s unless it is confirmed
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remove
short_description: Take the host program, its units and its state away; services run on
version_added: 1.0.0
description:
  - Looks at all hosts first, and changes nothing on any if a service is being activated or goes back on one of them.
  - On each host it then removes C(/usr/local/lib/tidegate), C(/var/lib/tidegate) and the units and timers of the host program.
    No service is stopped or restarted; C(current) and all releases stay.
  - Shows what stays on each host, and which change can no longer be taken back there.
author:
  - Tidegate contributors (@tidegate)
options:
  service:
    description: Only the hosts of this service. By default all hosts of all services in the inventory.
    type: str
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
notes:
  - The state of every service on a host goes, not only of the one that was named.
  - It reads C(tidegate_become) of each host, by default V(true).
  - The next rollout installs the host program again.
seealso:
  - module: tidegate.deploy.adopt
"""

EXAMPLES = r"""
- name: Leave no trace on the hosts of a service
  tidegate.deploy.remove:
    service: web
"""

RETURN = r"""
hosts:
  description: Of each host, the paths C(removed), and of each service what is C(left) there.
  returned: success, and when some hosts could not be asked
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
    step: remove
    verdict: ok
    say: 6 hosts were freed of it
    code: ""
"""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
short_description: Take a running service over, without a switch and without a restart
version_added: 1.0.0
description:
  - Looks at all hosts of a service first, and changes nothing on any if one of them refuses.
  - On each host it then copies what the service runs from to a release of its own, with a manifest, lets C(current) name the
    copy by one rename, and writes down that the service is steady on it. The unit is neither started nor stopped, and the
    folder that its process was started from stays.
  - After that the service is like one that was rolled out. The next rollout has a release to go back to.
author:
  - Tidegate contributors (@tidegate)
options:
  service:
    description: The service to take over. It is required; the playbook takes it from C(tidegate_service).
    type: str
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.shows_release
  - tidegate.deploy.procedure.record
notes:
  - It reads of each host C(tidegate_adopt_version), the version that runs, which by default is the name of the folder that
    C(current) leads to; C(tidegate_adopt_from), the folder that the service runs from where there is no C(current); and
    C(tidegate_become), by default V(true).
  - The service must run and be well by its probes, and a probe that shows a release must show this version.
  - Files that others may not read, setuid files, devices, and links that leave the folder and are not named under C(links) of the
    service are refused, as is whatever was written after the service started. Folders named C(__pycache__) are left out.
  - A host on which Tidegate has the service already is left as it is.
seealso:
  - module: tidegate.deploy.remove
"""

EXAMPLES = r"""
- name: Take over what runs
  tidegate.deploy.adopt:
    service: web
"""

RETURN = r"""
hosts:
  description: Of each host that was taken over, or had been before, its C(release), the folder C(from) which it was copied, and
    what is left C(todo) before the next rollout.
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
    step: adopt
    verdict: ok
    say: 6 hosts were taken over
    code: ""
"""

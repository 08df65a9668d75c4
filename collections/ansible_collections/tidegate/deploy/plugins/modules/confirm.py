# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: confirm
short_description: Make an activation permanent, and read back that it is
version_added: 1.0.0
description:
  - Opens a connection and login of its own, so that a release that cuts the host off is never confirmed.
  - Succeeds only when the host itself says, on that connection, that it is steady on the new release.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.probe
  - module: tidegate.deploy.back
"""

EXAMPLES = r"""
- name: Make the new release permanent
  tidegate.deploy.confirm:
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
    step: confirm
    verdict: ok
    say: "confirmed, read back: steady on 2.4.0-3f9a1c77b02d"
    code: ""
"""

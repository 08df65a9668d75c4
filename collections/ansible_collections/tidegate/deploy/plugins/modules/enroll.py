# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: enroll
short_description: Let hosts refuse by themselves what was not approved
version_added: 1.0.0
description:
  - Looks at all hosts first, and changes nothing on any if one of them refuses.
  - A host that is not enrolled gets an identity, the newest trust that enough people signed, and a user that may do nothing but
    run the host program. From then on it activates no release without a permit, however Ansible is called.
  - A host that is enrolled gets the versions of the trust that it missed, in their order, and then the host program of this
    collection if its trust names it.
  - It can be run again after any interruption.
author:
  - Tidegate contributors (@tidegate)
options:
  environment:
    description: Whose trust it is. It is needed where the inventory has hosts of several environments.
    type: str
  hosts:
    description: A pattern of hosts. Without it all hosts with a service are meant.
    type: str
  anew:
    description:
      - Take the last version although the people of the version before it have not signed it, because too few of them are left.
        It still needs the quorum that it asks for itself.
      - Only hosts that are not enrolled take it. Root has to remove the identity of one that is, which the ledger shows.
    type: bool
    default: false
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
notes:
  - A host is enrolled as root, by C(tidegate_become). Write C(tidegate_enrolled=true) into the inventory for it afterwards, as the
    output says. From then on it is reached as C(tidegate_login), by default V(deploy), without C(become).
  - It is refused while an activation is under way on a host, and on hosts without C(ssh-keygen) 8.1 and C(sudo), or whose clock is
    more than five minutes off.
seealso:
  - module: tidegate.deploy.trust
  - module: tidegate.deploy.unenroll
"""

EXAMPLES = r"""
- name: Enroll two hosts
  tidegate.deploy.enroll:
    hosts: web1,web2
"""

RETURN = r"""
number:
  description: The number of the newest version of the trust that holds.
  returned: success, and when some hosts could not be asked
  type: int
hosts:
  description: Of each host its C(uid), the number of the C(trust) that it enforces, the digest of its C(program), and what was
    done there (C(did)).
  returned: success, and when some hosts could not be asked
  type: dict
not_named:
  description: Hosts for which the inventory does not say C(tidegate_enrolled) yet.
  returned: success, and when some hosts could not be asked
  type: list
  elements: str
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: enroll
    verdict: ok
    say: "trust version 1: 2 hosts were brought to it"
    code: ""
"""

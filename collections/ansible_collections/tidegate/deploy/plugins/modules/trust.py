# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust
short_description: Draft, show and sign what enrolled hosts trust
version_added: 1.0.0
description:
  - Compiles people, rules, services and C(tidegate_trust) of the inventory into the one document that enrolled hosts enforce, and
    drafts it as the next version where it says something else than the last one, or where that soon runs out.
  - Shows all that a version says, what is different in it and weaker than before, who has signed it and who still has to.
    A version holds once the quorum that the version before asks for and the one that it asks for itself have signed it.
  - Shows what each host enforces, and how that differs from the inventory.
  - Without a key, a signature or O(sign) nothing is signed. Otherwise it asks at the terminal before it signs; where there is
    none, O(sign) says yes.
author:
  - Tidegate contributors (@tidegate)
options:
  environment:
    description: Whose trust it is. It is needed where the inventory has hosts of several environments.
    type: str
  hosts:
    description: A pattern of hosts that are asked what they enforce. Without it all are that are known to be enrolled.
    type: str
  renew:
    description:
      - Draft the next version also where it says the same as the last one. Hosts that can remember no more statements or vetoes
        (code C(FULL)) make room once they have it. A draft that waits for signatures is not drafted again.
    type: bool
    default: false
  version:
    description:
      - The number of an earlier version that is shown and signed once more. Nothing is drafted then.
      - Hosts judge keys by their own present. A host that was away for longer than a key under a version that it missed was
        good comes to later versions once others, whose keys are good, have signed that version, too.
    type: int
  export:
    description: A file that gets the exact bytes to be signed on another machine. Nothing is signed.
    type: path
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.record
  - tidegate.deploy.signing
notes:
  - C(tidegate_trust), C(tidegate_people) and C(tidegate_policy) are read from inventory data. Extra variables do not change them.
seealso:
  - module: tidegate.deploy.enroll
  - module: tidegate.deploy.unenroll
"""

EXAMPLES = r"""
- name: Draft and show
  tidegate.deploy.trust:

- name: Sign what is shown with the key of the agent
  tidegate.deploy.trust:
    sign: true

- name: Hand in what was signed elsewhere
  tidegate.deploy.trust:
    signature: trust.json.sig
"""

RETURN = r"""
environment:
  description: Whose trust it is.
  returned: success
  type: str
number:
  description: The number of the version that was shown.
  returned: success
  type: int
digest:
  description: The sha256 of its bytes.
  returned: success
  type: str
holds:
  description: Whether everybody has signed it who has to.
  returned: success
  type: bool
missing:
  description: Who still has to sign it, in words.
  returned: success
  type: list
  elements: str
person:
  description: Who signed; empty where nobody did.
  returned: success
  type: str
hosts:
  description: Of each host that was asked its C(verdict), whether it is C(enforced), the number of its C(trust), and in what it
    C(differs) from the inventory.
  returned: success
  type: dict
stuck:
  description: Of each host that cannot come to the newest version, the number of the version that does not hold any more.
  returned: success
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
    step: trust
    verdict: ok
    say: "version 2 of production, signed by ada; it holds"
    code: ""
"""

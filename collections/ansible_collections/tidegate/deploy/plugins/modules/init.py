# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: init
short_description: Write a first services file from what the hosts of the inventory run
version_added: 1.0.0
description:
  - Asks the hosts of the inventory at once which services of the site's own they run, and on which TCP ports these listen. Such a
    service has a unit file in C(/etc/systemd/system), or runs a program from C(/opt), C(/srv), C(/home), C(/usr/local) and the
    like. Units that name a folder C(current) and wait for a first release count, too.
  - Writes C(group_vars/all/tidegate_services.yml) beside the inventory. Whatever is not known for sure is marked as a guess, with
    its reason. What is written is valid.
  - Never overwrites. Where the file is there, or C(tidegate_services) is defined for any host, it fails and names the place.
  - A host that cannot be asked is named, and the others are used.
  - Nothing is installed on a host. Each port that a service of the site's own listens on is asked for C(/health) and C(/) over
    HTTP, once each.
author:
  - Tidegate contributors (@tidegate)
options:
  groups:
    description: The groups whose hosts are asked. By default all.
    type: list
    elements: str
attributes:
  diff_mode:
    support: full
    description: With C(--diff) shows the file.
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.shows_release
requirements:
  - jsonschema on the controller
notes:
  - It reads C(tidegate_become) of each host that it asks, by default V(true).
  - Fails with C(--limit).
seealso:
  - module: tidegate.deploy.doctor
"""

EXAMPLES = r"""
- name: Ask every host of two groups what it runs, and write the services file beside the inventory
  tidegate.deploy.init:
    groups: [web, workers]
"""

RETURN = r"""
file:
  description: The file that was written, or would be.
  returned: success
  type: str
services:
  description: The names of the services in it.
  returned: success
  type: list
  elements: str
not_asked:
  description: Hosts that could not be asked.
  returned: success
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
    step: init
    verdict: ok
    say: 2 services are in /srv/site/group_vars/all/tidegate_services.yml
    code: ""
"""

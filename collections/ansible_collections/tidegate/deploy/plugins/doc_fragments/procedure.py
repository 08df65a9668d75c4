# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a run have in common, for their pages."""

from __future__ import annotations


class ModuleDocFragment:
    """One fragment per base class of the actions: `HostStep` and `RecordDoor`."""

    HOST_STEP = r"""
options: {}
requirements:
  - SQLAlchemy and jsonschema on the controller, as in the C(requirements.txt) of the collection
  - Linux with systemd and Python 3.9 or newer on the host, and root by C(become)
notes:
  - What the step works on comes from the plan of the run, which M(tidegate.deploy.change) begins and M(tidegate.deploy.plan)
    freezes. No variable of a play or host changes it.
  - What it came to is recorded in the store. A step that the run does not want any more is skipped and says why.
  - A host that cannot be reached stays in the run, as failed with the verdict V(unknown), and is not dropped by Ansible.
  - It takes one command on the host, over any connection plugin that can pipeline. The first one installs the host program
    in C(/usr/local/lib/tidegate), except in check mode.
  - Fails with C(--limit), since a change goes to the hosts of its plan.
"""

    RECORD = r"""
options: {}
requirements:
  - SQLAlchemy and jsonschema on the controller, as in the C(requirements.txt) of the collection
notes:
  - Works for all hosts of a plan on the store of the site. This is C(.tidegate/store.db) beside the inventory, or what the
    environment variable E(TIDEGATE_STORE) names. In check mode it is a copy that is thrown away at the end of the run.
  - Fails with C(--limit), since a change goes to the hosts of its plan.
"""

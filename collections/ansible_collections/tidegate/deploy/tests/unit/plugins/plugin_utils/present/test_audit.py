# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit found, as people read it."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Walked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import Audited
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.audit import audit_text


def test_what_could_not_be_signed_is_told_to_its_end():
    """The command that helps stands last; what a terminal would obey is shown as what it is."""
    found = Audited(Walked("tidegate/x", 7, {}, [], None, {}, []), 1, 0, [])
    warning = f"the ledger was not signed: {'x' * 300}\x1b[2J: ansible-playbook tidegate.deploy.audit -e tidegate_key_lost=true"
    *lines, last = audit_text(found, "/srv/store.db", [warning]).splitlines()
    assert lines[0] == "Ledger of /srv/store.db: all 7 entries are as they were"
    assert last.endswith("x\\x1b[2J: ansible-playbook tidegate.deploy.audit -e tidegate_key_lost=true")

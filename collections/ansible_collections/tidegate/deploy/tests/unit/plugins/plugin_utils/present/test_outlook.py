# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a change stands, as people read it after a decision."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import OPEN, TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.outlook import outlook_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import Outlook


@pytest.mark.parametrize("state", [*OPEN, *TERMINAL])
def test_nobody_is_waited_for_once_a_change_has_ended(state):
    """Who had approved it is in its history then."""
    text = outlook_text(Outlook("CHG-2026-0001", state, 1, True, "", (), (), (), "", ()), "what was decided")
    assert (state in OPEN) == ("nobody yet" in text)

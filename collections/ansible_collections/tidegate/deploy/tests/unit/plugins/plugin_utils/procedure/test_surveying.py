# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `init` asks, and what it refuses before it asks anybody."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import surveying
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory

GROUPS = {"all": ["web1", "db1"], "ungrouped": [], "web": ["web1"], "db": ["db1"], "empty": []}


def an_inventory(common=None, groups=None, **of_hosts):
    return Inventory({"web1": {}, "db1": {}, **of_hosts}, groups or GROUPS, lambda pattern: [], common or {}, ".")


def test_services_that_are_defined_already():
    """For one host only, empty, or by an extra variable: whatever is there counts."""
    surveying.refuse_defined(an_inventory())
    for inventory in (
        an_inventory(db1={"tidegate_services": {}}),
        an_inventory(db1={"tidegate_services": None}),
        an_inventory(common={"tidegate_services": {}}),
    ):
        with pytest.raises(Refusal) as refused:
            surveying.refuse_defined(inventory)
        assert "EXISTS" == refused.value.code
        assert "defines tidegate_services already" in refused.value.message


def test_groups_to_ask_about():
    """All, or those that are named; a name that is no group is refused with the nearest."""
    assert GROUPS.keys() == surveying.groups_of(an_inventory(), None).keys()
    assert {"web": ("web1",)} == surveying.groups_of(an_inventory(), ["web"])
    with pytest.raises(Refusal, match="did you mean web"):
        surveying.groups_of(an_inventory(), ["wbe"])
    with pytest.raises(Refusal, match="no host to ask"):
        surveying.groups_of(an_inventory(), ["empty"])


def test_groups_on_whose_hosts_nothing_was_found():
    """Groups of hosts without a service of their own are named, empty ones are not."""
    assert ["db"] == surveying.groups_without(GROUPS, {"web1"})

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a change are there, once each."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.hosts import resolve_hosts

INVENTORY = ("web1", "web2", "web3", "db1")


def test_order_is_kept():
    """A list of hosts keeps its order, because its first host may well be the wanted canary."""
    assert ("web3", "web1") == resolve_hosts(["web3", "web1"], INVENTORY, "hosts")


BAD = {
    "none": ([], "group web: found no host, expected at least one"),
    "twice": (["web1", "web2", "web1"], "group web: web1 named twice, expected each host once"),
    "unknown": (["web1", "wbe2", "xyz"], "group web: not in the inventory: wbe2 (did you mean web2?), xyz"),
}


@pytest.mark.parametrize(("names", "message"), BAD.values(), ids=BAD)
def test_refusals(names, message):
    """Each mistake names the place and the hosts."""
    with pytest.raises(Refusal) as caught:
        resolve_hosts(names, INVENTORY, "group web")

    assert ("HOSTS", message) == (caught.value.code, caught.value.message)

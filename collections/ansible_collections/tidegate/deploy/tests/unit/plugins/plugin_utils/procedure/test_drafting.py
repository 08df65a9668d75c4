# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a service has, as the inventory tells it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory, service_hosts

RAW = {"web": {"unit": "web.service", "hosts": "{{ pattern }}", "limits": "{{ limits }}"}}
RESOLVED = {"web": {"unit": "web.service", "hosts": "front", "limits": {"probe_s": 30}}}


def an_inventory(services_by_host, groups):
    hostvars = {host: {"tidegate_services": services} for host, services in services_by_host.items()}
    return Inventory(
        hostvars, {"all": list(hostvars), **groups}, lambda pattern: groups[pattern], {"tidegate_services": RAW}, "."
    )


def test_templates_in_a_service_are_those_of_a_host_that_has_it():
    """What localhost sees of a service is not resolved, so a host is asked, and one that has no service is passed over."""
    inventory = an_inventory({"db1": {}, "web1": RESOLVED, "web2": RESOLVED}, {"front": ["web1", "web2"]})

    assert service_hosts("web", inventory) == ("web1", "web2")


def test_a_service_that_no_host_has_is_named_with_the_nearest():
    """A misspelt service is refused with what was probably meant."""
    inventory = an_inventory({"web1": RESOLVED}, {"front": ["web1"]})

    with pytest.raises(Refusal) as refused:
        service_hosts("wep", inventory)

    assert refused.value.code == "UNKNOWN_SERVICE"
    assert "did you mean web?" in refused.value.message

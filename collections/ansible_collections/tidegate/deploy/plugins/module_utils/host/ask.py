# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `ask`: what is where on this host. It changes nothing, apart from what every step does: reap."""

from __future__ import annotations

import os
import sys

from ..core.definition import SERVICE, Definition
from ..core.errors import Refusal
from ..core.release import VERSION
from . import fields
from .standing import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Where services stand, and what the host says of itself.

    Args:
        host: where.
        request: ``services``: list of ``{service, root}``; of an empty list every service with a journal is meant.
            With ``retained``, a version or the id of a release, with ``health`` and with ``intact``, each is a whole definition: what the
            host keeps of that version is told, and the probes are asked once; where no release of the service
            is deployed that is what is wrong, unless ``health`` is ``any``. With ``intact`` it is told how what it rests on
            differs from what was staged.
    """
    asked = request.get("services")
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise Refusal("DATA", "request.services: found no list of services", path="services")
    roots = {fields.text(item, "service", SERVICE): _root(item) for item in asked}
    if not asked:
        roots = dict.fromkeys(host.services())
    found = {service: standing(host, service, root) for service, root in roots.items()}
    if request.get("retained"):
        from .retained import retained

        wanted = fields.text(request, "retained", VERSION)
        for item in asked:
            found[item["service"]]["retained"] = retained(host, Definition.parse(item).doc, wanted)
    if request.get("intact"):
        from .intact import damage_of_current

        for item in asked:
            found[item["service"]]["damage"] = damage_of_current(host, Definition.parse(item).doc)
    if request.get("health"):
        for item in asked:
            found[item["service"]]["unhealthy"] = _why_unhealthy(
                item, found[item["service"]], request["health"] == "any"
            )
    return {
        "changed": False,
        "services": found,
        "host": _about(host),
    }


def _root(item: dict[str, Any]) -> Optional[str]:
    """Where a service lies, as far as its caller knows."""
    return None if item.get("root") is None else fields.words(item, "root")


def _why_unhealthy(doc: dict[str, Any], stands: dict[str, Any], also_undeployed: bool) -> str:
    """What the probes of a service find wrong with it now; empty where nothing is."""
    from . import probes

    definition = Definition.parse(doc)
    if stands["current"] == "absent" and not also_undeployed:
        return "not deployed"
    results = probes.quick(definition.doc, None, definition.limit_s("probe"))
    return "; ".join(f"{result['name']}: {result['detail']}" for result in results if not result["ok"])


def _about(host: Host) -> dict[str, Any]:
    return {
        "boot_id": host.clock.boot_id(),
        "uptime_s": host.clock.now_ms() // 1000,
        "time": host.clock.utc(),
        "hostname": os.uname().nodename,
        "python": sys.executable,
    }

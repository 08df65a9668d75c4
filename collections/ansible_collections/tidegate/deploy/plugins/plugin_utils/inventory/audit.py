# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of ``tidegate_services`` with everything that is wrong in it, service by service, and what is right none the less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.origin import origin
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import VARIABLE, Service, Services


@dataclass(frozen=True)
class Audit:
    """What a value of the variable is worth.

    Attributes:
        services: those that are right.
        problems: a line for each thing that is not, with its file and line as far as known, and its path in the variable.
    """

    services: Mapping[str, Service]
    problems: tuple[str, ...] = ()


def audit(variable: Any) -> Audit:
    """Read a value of the variable as far as that goes.

    Args:
        variable: the value, templated; None where the variable is not defined.

    Raises:
        Refusal: DEPENDENCY, a package is missing.
    """
    if variable is None:
        return Audit({})
    if not isinstance(variable, Mapping):
        return Audit({}, tuple(_problems(variable)))
    problems: list[str] = []
    services: dict[str, Service] = {}
    for name, entry in variable.items():
        try:
            services.update(Services.of({name: entry}).by_name)
        except Refusal as refusal:
            problems += _lines(refusal, origin(entry) or origin(variable))
    if not problems:
        problems += _problems(variable)  # what only two services together can be: overlapping
    return Audit(services, tuple(problems))


def _problems(variable: Any) -> list[str]:
    try:
        Services.of(plain(variable, VARIABLE))
    except Refusal as refusal:
        return _lines(refusal, origin(variable))
    return []


def _lines(refusal: Refusal, place: str) -> list[str]:
    if refusal.code == "DEPENDENCY":
        raise refusal
    lines = [line.removeprefix(f"{VARIABLE}: ") for line in refusal.message.splitlines()]
    return [f"{place or VARIABLE}: {line}" for line in lines]

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a change is about, proved against the inventory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import nearest


def resolve_hosts(names: Sequence[str], inventory: Collection[str], place: str) -> tuple[str, ...]:
    """The hosts of a change, in the order given: a list's own order, or the inventory's for a pattern.

    Args:
        names: what the change file lists, or what a pattern stands for.
        inventory: all hosts of the inventory.
        place: where the names come from, for errors: ``changes/web.yml: hosts`` or ``group web``.

    Raises:
        Refusal: HOSTS when there is none, one appears twice, or one is not in the inventory.
    """
    if not names:
        raise Refusal("HOSTS", f"{place}: found no host, expected at least one")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise Refusal("HOSTS", f"{place}: {', '.join(doubled)} named twice, expected each host once", hosts=doubled)
    unknown = [name for name in names if name not in inventory]
    if unknown:
        text = ", ".join(_with_hint(name, inventory) for name in unknown)
        raise Refusal("HOSTS", f"{place}: not in the inventory: {text}", hosts=unknown)
    return tuple(names)


def _with_hint(name: str, inventory: Collection[str]) -> str:
    near = nearest(name, inventory)
    return f"{name} (did you mean {near}?)" if near else name

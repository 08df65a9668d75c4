# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which ansible-core this collection runs: asked by every door and lookup, for Ansible itself only warns.

Since 2.19 it is Ansible that tells a template from text that merely looks like one: what our plugins answer is never run.
Older ones would run it.
"""

from __future__ import annotations

import re

from ansible.release import __version__

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

OLDEST = "2.19.0"
"""As ``requires_ansible`` of the collection says it."""


def require_core(found: str = __version__) -> None:
    """See that ansible-core is one that is supported.

    Args:
        found: its version.

    Raises:
        Refusal: DEPENDENCY.
    """
    if _numbers(found) < _numbers(OLDEST):
        raise Refusal(
            "DEPENDENCY",
            f"found ansible-core {found}, expected {OLDEST} or newer: before that, texts of hosts and changes could be run as "
            f"templates. Run with a newer one, for example: python -m pip install 'ansible-core>={OLDEST}'",
            found=found,
        )


def _numbers(version: str) -> tuple[int, ...]:
    """The two numbers that name a series; a pre-release of it counts as one of it."""
    return tuple(int(number) for number in re.findall(r"[0-9]+", version)[:2])

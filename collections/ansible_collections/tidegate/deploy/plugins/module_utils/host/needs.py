# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host program cannot do without."""

from __future__ import annotations

import os

from ..core.errors import Refusal


def require_root_and_systemd() -> None:
    """Refuse to work where the program cannot."""
    if os.geteuid() != 0:
        raise Refusal("NO_ROOT", f"the host program runs as uid {os.geteuid()}, expected root; set tidegate_become")
    if not os.path.isdir("/run/systemd/system"):  # sd_booted(3)
        raise Refusal("NO_SYSTEMD", "found no /run/systemd/system, expected a host that systemd runs")

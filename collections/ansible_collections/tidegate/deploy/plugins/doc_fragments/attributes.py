# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every action of this collection supports."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that are the same everywhere; a module adds its own ``diff_mode``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action:
    support: full
    description: Is an action plugin and runs on the controller.
  async:
    support: none
    description: Can run in the background with the keyword C(async).
  check_mode:
    support: full
    description: With C(--check) says what would happen, and writes nothing anywhere.
  platform:
    support: full
    platforms: posix
    description: The systems on which it acts. Hosts run Linux with systemd.
"""

    CHANGES_NO_RELEASE = r"""
options: {}
attributes:
  diff_mode:
    support: N/A
    description: With C(--diff) shows the release before and after.
"""

    SHOWS_RELEASE = r"""
options: {}
attributes:
  diff_mode:
    support: full
    description: With C(--diff) shows the release before and after.
"""

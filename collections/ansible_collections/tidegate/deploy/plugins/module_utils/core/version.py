# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host program calls itself: the protocol that it speaks, and its version."""

from __future__ import annotations

PROTOCOL = 1
VERSION = (1, 0, 0)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value was written, as ansible-core remembers it since 2.19; what it does not remember is left out of messages."""

from __future__ import annotations

import os
from typing import Any

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # it is no public interface
    Origin = None


def origin(value: Any) -> str:
    """The file and line of a value of a variable, such as ``group_vars/all/main.yml:3``; empty where nobody knows."""
    tag = Origin.get_tag(value) if Origin is not None else None
    path, line = getattr(tag, "path", None), getattr(tag, "line_num", None)
    if not path:
        return ""
    short = os.path.relpath(path)
    return f"{path if short.startswith('..') else short}{f':{line}' if line else ''}"


def written(value: Any, place: str) -> str:
    """A place for messages, with the file and line where they are known: ``tidegate_services of host web1 (site.yml:2)``."""
    where = origin(value)
    return f"{place} ({where})" if where else place

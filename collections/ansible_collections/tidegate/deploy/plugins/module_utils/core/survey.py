# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units of a host are a site's own services, told from what systemd shows of them; nothing here knows for sure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

OWN_UNIT_FOLDERS = ("/etc/systemd/system/", "/usr/local/lib/systemd/system/")
OWN_TREES = tuple("/opt/ /srv/ /home/ /usr/local/ /var/www/ /var/opt/ /data/ /app/ /apps/".split())
PROPERTIES = tuple(
    "Id LoadState ActiveState SubState UnitFileState FragmentPath Transient Type ExecStart WorkingDirectory RootDirectory".split()
)

_RUNNING = ("active", "reloading", "activating")
_PROGRAM = re.compile(r"path=([^ ;]+) ;")
_ARGUMENTS = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_CURRENT = re.compile(r"(?<![^\s=:'\"])(/[A-Za-z0-9._/+@-]*?)/current(?![A-Za-z0-9._-])")
_NOT_A_SITES = re.compile(r"(tidegate-|snap\.|systemd-|user@|getty@|serial-getty@).*|.*@\.service")


def is_own(shown: Mapping[str, str]) -> bool:
    """Whether a unit looks like a service of the site, and not like one of the distribution.

    It runs, or waits for its first release; its unit file lies where only a site puts one, or what it runs does.

    Args:
        shown: what systemd shows of `PROPERTIES`.
    """
    if shown.get("LoadState") != "loaded" or shown.get("Transient") == "yes" or shown.get("Type") == "oneshot":
        return False
    if not shown.get("FragmentPath") or _NOT_A_SITES.fullmatch(shown.get("Id", "")):
        return False
    if not runs(shown) and current_root(shown) is None:
        return False
    return has_own_file(shown) or any(place.startswith(OWN_TREES) for place in (program(shown), directory(shown)))


def has_own_file(shown: Mapping[str, str]) -> bool:
    """Whether the unit file lies where packages of a distribution put none."""
    return shown.get("FragmentPath", "").startswith(OWN_UNIT_FOLDERS)


def runs(shown: Mapping[str, str]) -> bool:
    """Whether a unit runs, or is started again and again."""
    return shown.get("ActiveState") in _RUNNING and shown.get("SubState") != "exited"


def program(shown: Mapping[str, str]) -> str:
    """The program that a unit starts; empty if it starts none."""
    found = _PROGRAM.search(shown.get("ExecStart", ""))
    return found.group(1) if found else ""


def directory(shown: Mapping[str, str]) -> str:
    """The folder that a unit runs in, without systemd's marks; empty if it names none."""
    return shown.get("WorkingDirectory", "").lstrip("!-~")


def current_root(shown: Mapping[str, str]) -> Optional[str]:
    """The folder whose ``current`` a unit runs from; null when it names none."""
    arguments = _ARGUMENTS.search(shown.get("ExecStart", ""))
    texts = (program(shown), directory(shown), shown.get("RootDirectory", ""), arguments.group(1) if arguments else "")
    for text in texts:
        found = _CURRENT.search(text)
        if found:
            return found.group(1)
    return None

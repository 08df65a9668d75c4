# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shapes a run on the controller, and whether everybody there may change it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ansible import constants as C

COLLECTION = Path(__file__).resolve().parents[3]

_PLUGINS = tuple(f"DEFAULT_{kind}_PLUGIN_PATH" for kind in ("ACTION", "CALLBACK", "CONNECTION", "FILTER", "INVENTORY"))
_PLUGINS += tuple(f"DEFAULT_{kind}_PLUGIN_PATH" for kind in ("LOOKUP", "STRATEGY", "TEST", "VARS", "CACHE"))
_FOLDERS = (*_PLUGINS, "BECOME_PLUGIN_PATH", "DEFAULT_MODULE_PATH", "DEFAULT_MODULE_UTILS_PATH", "DEFAULT_ROLES_PATH")
"""The settings that name folders from which code is loaded, collections apart."""


def unsafe_places() -> tuple[str, ...]:
    """What shapes this run and can be written by every user: ansible.cfg, folders of plugins and collections."""
    return tuple(place for place in dict.fromkeys(_places()) if _writable_by_all(place))


@cache
def told_unsafe() -> str:
    """That there are such places, and what to do about them; empty where there are none.

    It is looked at once per run: doors ask when they are imported, before Ansible forks a worker per task and host.
    """
    places = unsafe_places()
    return f"{', '.join(places)} can be changed by every user of this machine: chmod o-w" if places else ""


def _places() -> Iterator[str]:
    if C.CONFIG_FILE:
        yield from (str(C.CONFIG_FILE), os.path.dirname(str(C.CONFIG_FILE)))
    if os.path.exists("ansible.cfg"):  # where everybody may write, Ansible reads none, and goes on without it
        yield os.getcwd()
    for setting in _FOLDERS:
        yield from map(str, getattr(C, setting) or ())
    for folder in C.COLLECTIONS_PATHS or ():
        yield from (str(folder), os.path.join(str(folder), "ansible_collections"))
    yield from (str(COLLECTION), str(COLLECTION / "plugins"), str(COLLECTION / "plugins" / "callback"))


def _writable_by_all(place: str) -> bool:
    try:
        found = os.stat(place)
    except OSError:
        return False
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    device = stat.S_ISCHR(found.st_mode)  # /dev/null is how one says that there is no ansible.cfg
    return bool(found.st_mode & stat.S_IWOTH) and not sticky and not device

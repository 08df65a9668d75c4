# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the store of a site is, and where this controller keeps what lies beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import file_of

VARIABLE = "TIDEGATE_STORE"
FOLDER = ".tidegate"
NAME = "store.db"


def locate(inventory_sources: Sequence[str]) -> str:
    """The path (or URL) of the store.

    ``TIDEGATE_STORE`` decides when it is set. Otherwise the store is ``.tidegate/store.db`` beside the inventory: in the
    folder of the first source that is a file, or in the first that is a folder (Ansible reads no hidden name in it), so
    that a folder and a file in it name the same store. Without either it is in the working folder.

    Args:
        inventory_sources: what Ansible was given with ``-i``, or `ansible_inventory_sources`.
    """
    told = os.environ.get(VARIABLE)
    if told:
        return told if "://" in told else os.path.abspath(os.path.expanduser(told))
    return os.path.join(folder_beside(inventory_sources), NAME)


def folder(inventory_sources: Sequence[str]) -> str:
    """What lies beside the store on this controller: the folder of its file, or `folder_beside` where it is none."""
    try:
        return os.path.dirname(file_of(locate(inventory_sources)))
    except Refusal:  # a server; or what can be no store, which whoever opens it says
        return folder_beside(inventory_sources)


def folder_beside(inventory_sources: Sequence[str]) -> str:
    """``.tidegate`` beside the inventory: what a controller keeps for itself when its store is in PostgreSQL."""
    return os.path.join(inventory_folder(inventory_sources), FOLDER)


def inventory_folder(inventory_sources: Sequence[str]) -> str:
    """The folder of the first inventory source that is a file or a folder; without one the working folder."""
    for source in inventory_sources:
        path = os.path.abspath(source)
        if os.path.isdir(path):
            return path
        if os.path.isfile(path):
            return os.path.dirname(path)
    return os.getcwd()

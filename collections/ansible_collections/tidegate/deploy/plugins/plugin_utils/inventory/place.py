# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a site's services are written for the first time: beside its inventory, and nowhere that holds anything already."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

NAME = "tidegate_services"
_EXTENSIONS = (".yml", ".yaml", ".json", "")  # as Ansible's vars plugin host_group_vars reads them


def new_file(inventory_sources: Sequence[str]) -> Path:
    """The path of the services file that is to be written.

    Args:
        inventory_sources: as Ansible names them.

    Raises:
        Refusal: DATA, there is no inventory to write beside; EXISTS, something is there already.
    """
    there = next((Path(source).absolute() for source in inventory_sources if os.path.exists(source)), None)
    if there is None:
        raise Refusal("DATA", "found no inventory file or folder to write beside; name one with -i")
    group_vars = (there if there.is_dir() else there.parent) / "group_vars"
    folder = group_vars / "all"
    for extension in _EXTENSIONS:
        single = Path(f"{folder}{extension}")
        if os.path.lexists(single) and not folder.is_dir():
            raise Refusal(
                "EXISTS",
                f"{single} is a file: Ansible would not read it any more once there is a folder {folder}. Move it to "
                f"{folder / 'main.yml'}, then run this again",
            )
        existing = folder / f"{NAME}{extension}"
        if os.path.lexists(existing):
            raise Refusal(
                "EXISTS", f"{existing} is there already, and is left as it is; init writes only where nothing is"
            )
    return folder / f"{NAME}.yml"


def write_new(path: Path, text: str) -> None:
    """Write a file that must not be there, with the folders above it; all of it or nothing.

    Raises:
        Refusal: EXISTS, somebody was faster; DATA, it cannot be written.
    """
    made: list[Path] = []
    begun = False
    try:
        for folder in (path.parent.parent, path.parent):
            if not folder.is_dir():
                folder.mkdir()
                made.append(folder)
        with path.open("x", encoding="utf-8") as file:
            begun = True
            file.write(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            if begun:
                path.unlink()
            for folder in reversed(made):
                folder.rmdir()
        if isinstance(error, FileExistsError):
            raise Refusal("EXISTS", f"{path} is there already, and is left as it is") from None
        raise Refusal("DATA", f"{path} cannot be written: {error.strerror}; nothing was changed") from None

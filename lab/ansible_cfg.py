# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ansible.cfg of a project from which practice hosts are worked on, in tests and measurements alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

TEXT = """\
[defaults]
inventory = inventory
collections_path = {collections}
callback_plugins = {plugins}/callback
connection_plugins = {plugins}/connection
callbacks_enabled = {callbacks}
interpreter_python = auto_silent
forks = {forks}
timeout = {timeout_s}

[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist={persist_s}s{ssh_more}
"""


def text(
    *,
    collections: Path | str,
    plugins: Path,
    callbacks: Iterable[str],
    forks: int,
    timeout_s: int = 10,
    persist_s: int = 60,
    ssh_more: str = "",
) -> str:
    """The file.

    Args:
        collections: where the collection is.
        plugins: a folder with callbacks and connections of one's own.
        callbacks: that are enabled.
        forks: at how many hosts Ansible works at once.
        timeout_s: for how long a host that does not answer is waited for.
        persist_s: for how long a connection that nobody uses is kept.
        ssh_more: options of ssh.
    """
    return TEXT.format(
        collections=collections,
        plugins=plugins,
        callbacks=", ".join(callbacks),
        forks=forks,
        timeout_s=timeout_s,
        persist_s=persist_s,
        ssh_more=f" {ssh_more}" if ssh_more else "",
    )

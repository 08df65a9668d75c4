# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""A connection that cannot carry anything on standard input, as some of the world's cannot."""

from __future__ import annotations

DOCUMENTATION = r"""
name: e2e_copies_files
short_description: Cannot pipeline
description:
  - Stands for connection plugins that only copy files. It never connects.
author:
  - Tidegate contributors (@tidegate)
options: {}
"""

from typing import Any

from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):  # type: ignore[misc]
    """Whoever uses it in spite of what it says fails."""

    transport = "e2e_copies_files"
    has_pipelining = False

    def _connect(self) -> Connection:
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        raise AssertionError("used although it cannot pipeline")

    def put_file(self, in_path: str, out_path: str) -> None:
        raise AssertionError("used although it cannot pipeline")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        raise AssertionError("used although it cannot pipeline")

    def close(self) -> None:
        pass

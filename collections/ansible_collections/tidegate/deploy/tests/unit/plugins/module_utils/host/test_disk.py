# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the disk is asked to make durable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.host.disk import Disk


def test_each_folder_that_is_made_is_durable(tmp_path: Path, monkeypatch: Any) -> None:
    """Not the last one only: a power cut must not take away its parents."""
    synced: list[str] = []
    disk = Disk()
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    disk.make_folder(str(tmp_path / "a" / "b" / "c"))
    assert synced == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert oct((tmp_path / "a").stat().st_mode & 0o777) == "0o700"
    disk.make_folder(str(tmp_path / "a" / "b" / "c"))
    assert len(synced) == 3

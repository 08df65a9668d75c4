# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on disk that hold after a power cut. Every move of state or link passes through here, as one operation each."""

from __future__ import annotations

import contextlib
import os


class Disk:
    """Durable operations; tests hand in one that fails between any two of them."""

    def rename(self, source: str, target: str) -> None:
        """Replace a path by another in one step, durably."""
        os.rename(source, target)
        self.sync_folder(os.path.dirname(target))

    def unlink(self, path: str) -> None:
        """Remove a file or link durably; it may be gone already."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        self.sync_folder(os.path.dirname(path))

    def make_folder(self, path: str) -> None:
        """Make a private folder and its parents, each of them durably."""
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            self.sync_folder(os.path.dirname(folder))

    def write(self, path: str, data: bytes) -> None:
        """Write a private file and sync its content; the caller syncs the folder."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def overwrite(self, path: str, data: bytes) -> None:
        """Write over the bytes of a file that is at least as long: needs no space."""
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.pwrite(descriptor, data, 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def symlink(self, target: str, path: str) -> None:
        """Make a link, in place of one of the same name; the caller syncs the folder."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        os.symlink(target, path)

    def sync_folder(self, path: str) -> None:
        """Make the entries of a folder durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

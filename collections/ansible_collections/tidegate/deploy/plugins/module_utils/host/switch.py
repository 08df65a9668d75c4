# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link ``current`` of a service and the links that wait beside it to take its place.

Invariants:

- `current` is replaced by one rename(2) of a link that was made before; it is never missing in between.
- Only going back from a first deployment removes it.
"""

from __future__ import annotations

import os

from ..core.errors import Refusal
from ..core.states import ABSENT, ATTEMPTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .disk import Disk

_BACK, _NEW, _ADOPTED = ".back-", ".next-", ".adopted"


class Switch:
    """The links of one service.

    Args:
        root: the folder of the service.
        disk: does what must be durable.
    """

    def __init__(self, root: str, disk: Disk) -> None:
        self._root = root
        self._disk = disk

    @property
    def current_path(self) -> str:
        """Where the link is."""
        return os.path.join(self._root, "current")

    def current(self) -> str:
        """The release that `current` names, or ``absent``.

        Raises:
            Refusal: UNSAFE_PATH; it is no link, or names no release of this root.
        """
        try:
            target = os.readlink(self.current_path)
        except FileNotFoundError:
            return ABSENT
        except OSError:
            raise Refusal(
                "UNSAFE_PATH", f"{self.current_path}: expected a link to releases/<id>, found no link"
            ) from None
        folder, _slash, release = target.rpartition("/")
        if folder not in ("releases", os.path.join(self._root, "releases")) or not release or release.startswith("."):
            raise Refusal("UNSAFE_PATH", f"{self.current_path}: expected a link to releases/<id>, found {target!r}")
        return release

    def prepare(self, aid: str, old: str, new: str) -> None:
        """Make the link forward, and those for each attempt to go back."""
        self._disk.symlink(f"releases/{new}", self._forward(aid))
        self.prepare_back(aid, old)

    def prepare_back(self, aid: str, old: str) -> None:
        """Make the links for each attempt to go back; from a first deployment there is nothing to link to."""
        if old != ABSENT:
            for number in range(1, ATTEMPTS + 1):
                self._disk.symlink(f"releases/{old}", self._back(aid, number))
        self._disk.sync_folder(self._root)

    def forward(self, aid: str) -> None:
        """Put the new release into place."""
        self._disk.rename(self._forward(aid), self.current_path)

    def was_forward(self, aid: str) -> bool:
        """Whether the new release was ever put into place."""
        return not os.path.lexists(self._forward(aid))

    def back(self, aid: str, old: str, attempt: int) -> None:
        """Put the old release into place again, or nothing where nothing was; repeats from any point."""
        if old == ABSENT:
            self._disk.unlink(self.current_path)
        elif self._names() != old:
            self._disk.rename(self._any_back(aid, attempt, old), self.current_path)

    def adopt(self, release: str) -> None:
        """Let `current` name a release outside of any activation: one that holds what runs already."""
        link = os.path.join(self._root, _ADOPTED)
        self._disk.symlink(f"releases/{release}", link)
        self._disk.rename(link, self.current_path)

    def forget(self, aid: str) -> None:
        """Remove what waits beside `current` for an activation that nothing needs any longer."""
        for path in [self._forward(aid), *(self._back(aid, number) for number in range(1, ATTEMPTS + 1))]:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass

    def leftover(self, needed: set[str]) -> list[str]:
        """The activations that links wait for although nothing needs them."""
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return []
        aids = {name.split("-")[1] for name in names if name.startswith((_BACK, _NEW))}
        return sorted(aids - needed)

    def _names(self) -> str:
        try:
            return self.current()
        except Refusal:
            return ""

    def _any_back(self, aid: str, attempt: int, old: str) -> str:
        # Each attempt has a link of its own; after meddling by others any that is left will do.
        numbers = [attempt, *range(ATTEMPTS, 0, -1)]
        for path in (self._back(aid, number) for number in numbers):
            if os.path.lexists(path):
                return path
        self._disk.symlink(f"releases/{old}", self._back(aid, attempt))
        return self._back(aid, attempt)

    def _back(self, aid: str, number: int) -> str:
        return os.path.join(self._root, f"{_BACK}{aid}-{number}")

    def _forward(self, aid: str) -> str:
        return os.path.join(self._root, f"{_NEW}{aid}")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as the steps see it: its paths, disk, clock and units, and where one service stands on it.

Everything that reads a clock, a link or systemd passes through here, so that tests can hand in others.
"""

from __future__ import annotations

import os

from ..core import states
from ..core.errors import Refusal
from . import journal as journals
from .locks import Lock
from .switch import Switch
from .watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from .clock import Clock
    from .disk import Disk
    from .paths import Paths
    from .tree import Authority
    from .units import Units
    from .users import Users


_INSTALL_MS = 120_000
UNSAFE = "unsafe"  # what `current` is to people when it is no link of ours


class Host:
    """The outside world of a step.

    Args:
        paths: where the host program keeps its files.
        disk: durable operations.
        clock: the clocks.
        units: systemd.
        authority: whose folders are trusted; root's if none is named.
        watch: looks at services; the real one if none is named.
        users: the users of the host and its sudo; the real ones if none are named.
    """

    __slots__ = ("authority", "clock", "disk", "paths", "units", "users", "watch")

    def __init__(
        self,
        paths: Paths,
        disk: Disk,
        clock: Clock,
        units: Units,
        authority: Optional[Authority] = None,
        watch: Optional[Watch] = None,
        users: Optional[Users] = None,
    ) -> None:
        self.watch = watch or Watch(clock)
        self.users = users
        self.authority = authority
        self.paths = paths
        self.disk = disk
        self.clock = clock
        self.units = units

    @property
    def is_enrolled(self) -> bool:
        """Whether this host says that it is enrolled, and refuses by itself; a disk that cannot say so is an error."""
        try:
            os.lstat(self.paths.identity)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def lets(self, user: str) -> bool:
        """Whether the sudo rule of an enrollment lets a user call the host program."""
        try:
            with open(self.paths.sudoers, "rb") as file:
                return file.readline().startswith(os.fsencode(f"{user} "))
        except FileNotFoundError:
            return False

    def lock(self) -> Lock:
        """The one lock for all transitions."""
        self._require_folder()
        return Lock(self.paths.lock, self.clock)

    def install_lock(self) -> Lock:
        """The lock under which host programs are installed; that may take a while."""
        self._require_folder()
        return Lock(self.paths.install_lock, self.clock, _INSTALL_MS)

    def _require_folder(self) -> None:
        if not os.path.isdir(self.paths.services):
            self.disk.make_folder(self.paths.services)

    def journal(self, service: str) -> journals.Journal:
        """The journal of a service."""
        return journals.Journal(self.paths, self.disk, service)

    def services(self) -> list[str]:
        """The services that this host has state of."""
        return journals.services(self.paths)


class Spot:
    """Where one service stands, read once; under the lock it stays true until the lock is let go.

    Args:
        host: where.
        service: its name.
        root: where it lies, if the caller knows; else the journal says so.
        lenient: a `current` that is no link of ours is shown, not refused.

    Attributes:
        journal: its journal.
        view: the journal's document.
        root: where it lies, as far as anything says so.
        current: what `current` names.
    """

    __slots__ = ("_host", "current", "journal", "root", "view")

    def __init__(self, host: Host, service: str, root: Optional[str] = None, lenient: bool = False) -> None:
        self._host = host
        self.journal = host.journal(service)
        self.root = root or root_of(self.journal.read(states.ABSENT))
        self.current = self._current(lenient)
        self.view = self.journal.read(self.current)

    @property
    def switch(self) -> Switch:
        """Its links.

        Raises:
            Refusal: STATE; nothing says where the service lies.
        """
        if self.root is None:
            raise Refusal("STATE", f"{self.journal.service}: nothing was ever deployed here")
        return Switch(self.root, self._host.disk)

    def _current(self, lenient: bool) -> str:
        try:
            return self.switch.current() if self.root else states.ABSENT
        except Refusal:
            if lenient:
                return UNSAFE
            raise

    def facts(self, **more: Any) -> states.Facts:
        """What is known now, for a decision."""
        clock = self._host.clock
        change = more.get("change") or self.view.get("change")
        return states.Facts(
            now_ms=clock.now_ms(),
            boot_id=clock.boot_id(),
            utc=clock.utc(),
            current=self.current,
            closed=self.journal.is_closed(str(change)) if change else False,
            **more,
        )

    def decide(self, event: str, **more: Any) -> states.Move:
        """What an event would do now; raises what refuses it."""
        return states.decide(self.view, event, self.facts(**more))

    def go(self, move: states.Move) -> None:
        """Move the state to one of the futures of the present activation, and keep a line of it."""
        if move.future is None:
            return
        self.journal.move(self.view["aid"], move.future)
        self.journal.add_history(f"{self._host.clock.utc()} {self.view['change']} {self.view['aid']} {move.future}")
        self.view = self.journal.read(self.current)


def root_of(view: Mapping[str, Any]) -> Optional[str]:
    """The root that a journal names, if it names one."""
    definition = view.get("new_definition") or {}
    return definition.get("root") or (view.get("reverted") or {}).get("root")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives an enrolled host through its login: each change with the permit that people and a log gave for it, made by hand."""

from __future__ import annotations

from typing import Any

from host.driver import Driver, Release, SshChannel
from host.hand import Hand, moment

from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import BY_SUDO, HostProgram
from lab.host import Host


class Permitted(Driver):
    """One change after another on one enrolled host.

    Attributes:
        hand: who has people sign, and whose log grants; it enrolls the host as root.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.hand = Hand(Driver(host))
        self.program = HostProgram(SshChannel(host, user="deploy"), None, check=False, installs=False, enrolled=True)
        self._statements: dict[str, Statement] = {}

    def session(self) -> list[str]:
        """The ssh program with what reaches the host program."""
        return [*self.host.ssh_command("deploy"), BY_SUDO]

    def staging(self, release: Release, doc: dict[str, Any] | None = None) -> dict[str, Any]:
        """The fields of a request to stage by push, for the last change."""
        permit = self.hand.signed(self.statement(self.change, release))
        return {**super().staging(release, doc), "permit": permit}

    def activation(self, change: str, release: Release, previous: str, **changes: Any) -> dict[str, Any]:
        """The fields of a request to activate, by a new challenge of the host."""
        asked = super().activation(change, release, previous, **{"back_until": moment(hours=1), **changes})
        return {**asked, "permit": self.hand.permit(self.statement(change, release))}

    def going_back(self, change: str, operator: bool = True, **changes: Any) -> dict[str, Any]:
        """The fields of a request to take a change back, by the statement that put it there."""
        return {"statement": self._statements[change].id, **super().going_back(change, operator, **changes)}

    def statement(self, change: str, release: Release) -> Statement:
        """What people signed about a change: the same whenever it is asked for."""
        if change not in self._statements:
            self._statements[change] = self.hand.statement(change, release)
        return self._statements[change]

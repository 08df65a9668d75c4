# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout to enrolled hosts: they are enrolled, and what goes out is what people signed."""

from __future__ import annotations

from e2e.hosts import V2
from e2e.project import Result
from e2e.test_enrolled import approved
from e2e.test_enrollment import FORGET, Office
from faults.hold import LINE
from faults.rollouts import Rollout


class Governed(Rollout):
    """The same for hosts that decide by themselves."""

    _office: Office | None = None

    def describe(self) -> None:
        """Write inventory and services, and have them trusted, once: hosts know no other definition afterwards."""
        if self._office is not None:
            return
        super().describe()
        self.site.inventory(self.names)
        self._office = Office(self.site)
        self._office.signed("ada", "bob")
        enrolled = self.site.play("enroll")
        assert enrolled.rc == 0, enrolled.text
        self._approve(self._office)

    def _approve(self, office: Office) -> None:
        """People want and sign it; only the rollout itself goes over the line on which it is held."""
        self._inventory()
        self.named = {"change": approved(office, V2, self.waves)}
        self._inventory(ansible_ssh_executable=str(LINE))

    def _inventory(self, **more: str) -> None:
        self.site.inventory(self.names, **{name: {"tidegate_enrolled": True, **more} for name in self.names})

    def again(self) -> Result:
        """The same command once more; a change that is over is wanted and signed anew."""
        if self._office and self.site.changes().get(self.change) in ("rolled_back", "failed"):
            self._approve(self._office)
        return super().again()

    def forget(self) -> None:
        """Nobody is enrolled any more."""
        self.hosts.ssh(FORGET, self.names)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that fails, and what the plan says of that."""

from __future__ import annotations

from contextlib import ExitStack

from e2e.hosts import V1
from faults import promises
from faults.outages.outage import Outage
from faults.rollouts import Rollout

MIGRATION = """\
- name: Migrate
  ansible.builtin.shell:
    cmd: echo migrated >> /var/tmp/migrations
"""


class LastFails(Outage):
    """The host of the last wave fails: everything goes back."""

    untouched = ()
    again = (0, "completed")

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.fail_on("web2")

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.site.changes()[rollout.change] == "rolled_back"
        assert promises.journal(rollout.hosts["web1"])["reverted"]["change"] == rollout.change


class LastFailsWithinBudget(LastFails):
    """The same, with a budget of one: the others stay on the new release; the same command catches the one up."""

    state = "partial"

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        super().prepare(rollout, undo)
        rollout.keys["budget"] = 1

    def inspect(self, rollout: Rollout) -> None:
        promises.assert_on(rollout.hosts, V1, "web2")
        assert rollout.site.changes()[rollout.change] == self.state


class LastFailsAndOthersAreKept(LastFailsWithinBudget):
    """The same, with the policy to keep; the same file is then a new change."""

    state = "kept"

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.fail_on("web2")
        rollout.keys["on_failure"] = "keep"


class LastFailsAndPauses(LastFailsWithinBudget):
    """The same, with the policy to pause, until the change is resumed."""

    state = "paused"

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.fail_on("web2")
        rollout.keys["on_failure"] = "pause"

    def inspect(self, rollout: Rollout) -> None:
        super().inspect(rollout)
        rollout.verb, rollout.named = "resume", {"change": rollout.change}


class PointOfNoReturn(LastFailsAndPauses):
    """A step without a way back is done, once; then the first host fails. What is left is to pause, and to go on."""

    untouched = ("web2",)

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        (rollout.site.folder / "tasks").mkdir()
        rollout.site.write("tasks/migrate.yml", MIGRATION)
        rollout.hosts["web1"].ssh("rm -f /var/tmp/migrations")
        rollout.keys["once"] = [{"name": "migrate", "on": "web1", "apply": "../tasks/migrate.yml"}]
        rollout.describe()
        refused = rollout.start().end()
        assert (refused.rc, "no way back" in refused.text) == (2, True), refused.text
        rollout.keys["on_failure"] = "pause"
        rollout.fail_on("web1")

    def inspect(self, rollout: Rollout) -> None:
        self._migrated_once(rollout)
        assert rollout.site.changes()[rollout.change] == "paused"
        rollout.verb, rollout.named = "resume", {"change": rollout.change}

    def _migrated_once(self, rollout: Rollout) -> None:
        assert rollout.hosts["web1"].ssh("cat /var/tmp/migrations").stdout == "migrated\n"

    def conclude(self, rollout: Rollout) -> None:
        self._migrated_once(rollout)

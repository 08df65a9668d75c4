# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a rollout: its controller, the way to a host, or a host for good."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

from e2e.hosts import V1
from e2e.project import artifact
from faults import promises
from faults.hold import Gates, until
from faults.rollouts import OLD_STAR_S, Rollout, callbacks, own_artifact

MIGRATION = """\
- name: Migrate
  ansible.builtin.shell:
    cmd: echo migrated >> /var/tmp/migrations
"""


class Outage:
    """Nothing; outages replace what they need.

    Attributes:
        ends: whether the struck run comes to an end by itself, and with which exit statuses.
        again: the exit status of the same command afterwards, and what becomes of the change then.
        concerned: the hosts that must be on the old release where that is expected; by default all.
        untouched: hosts that no wave may have begun on.
        deadlines: the places at which a deadline has to pass.
    """

    ends: tuple[int, ...] = (2,)
    again: tuple[int, str] = (0, "completed")
    untouched: tuple[str, ...] = ("web2",)
    concerned: tuple[str, ...] = ()
    deadlines: str = ""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        """Before it begins."""

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        """While it is held."""

    def follow(self, rollout: Rollout) -> None:
        """Once what was held goes on: by default the run is waited for."""
        result = rollout.end()
        assert result.rc in self.ends, result.text

    def mend(self, rollout: Rollout) -> None:
        """Before anybody looks."""

    def inspect(self, rollout: Rollout) -> None:
        """What else must be so, before the command is run again."""

    def conclude(self, rollout: Rollout) -> None:
        """What else must be so, after that."""


class Killed(Outage):
    """SIGKILL for the main process; its workers go on until they notice."""

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.kill_main()

    def follow(self, rollout: Rollout) -> None:
        rollout.bury()


class KilledOnTheWayBack(Killed):
    """The same, while every host is taken back: the change ends as taken back."""

    again = (2, "rolled_back")
    untouched = ()


class Rebooted(Killed):
    """The machine of the controller loses its power; afterwards the same command is run."""

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.kill_all()


class RebootedOnTheWayBack(Rebooted):
    """The same, while every host is taken back."""

    again = (2, "rolled_back")
    untouched = ()


class Stopped(Outage):
    """Everything of the controller stands still until its lease is over and another run has done the work."""

    untouched = ()
    deadlines = "SRVKB"
    second = 0

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        self._stand_still(rollout)
        for name in rollout.names:
            Gates(rollout.hosts[name]).clear()
        second = rollout.start().end()
        assert second.rc == self.second, second.text
        self.second_codes = second.codes
        self.before = {name: promises.journal(rollout.hosts[name]) for name in rollout.names}
        rollout.stop_all(signal.SIGCONT)

    def _stand_still(self, rollout: Rollout) -> None:
        until(lambda: self._stopped_outside_the_store(rollout), "a moment at which nobody writes to the store")

    def _stopped_outside_the_store(self, rollout: Rollout) -> bool:
        """Stop it, and let its lease run out; a process that stands still with the store in its hands goes on first."""
        rollout.stop_all(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(rollout.site.store_folder / "store.db", timeout=0.2)) as store:
                store.execute("UPDATE leases SET expires_at = '2026-01-01T00:00:00.000000Z'")
                store.commit()
        except sqlite3.OperationalError:
            rollout.stop_all(signal.SIGCONT)
            return False
        return True

    def follow(self, rollout: Rollout) -> None:
        result = rollout.end()
        assert result.rc != 0 or "nothing" in result.text, result.text
        after = {name: promises.journal(rollout.hosts[name]) for name in rollout.names}
        assert after == self.before, f"the run that was stopped did something to hosts: {result.text}"


class StoppedBeforeItsRequest(Stopped):
    """The same, with its order to go back on the line; the host refuses the older lease number."""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.fail_on("web1")

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "FENCED" in rollout.result.codes, rollout.result.text


class StoppedWhileSending(Stopped):
    """The same, with half of a release sent: the host waits for the rest for a while, and tells others so."""

    second = 2

    def inspect(self, rollout: Rollout) -> None:
        assert "BUSY" in self.second_codes


class StoppedOnTheWayBack(Stopped):
    """The same, while every host is taken back; the other run finishes that, and the file is then a new change."""

    second = 2


class Signalled(Outage):
    """SIGTERM: an orderly end, at once, with a record and without a lease."""

    number = signal.SIGTERM
    ends = (143,)

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        assert rollout.run is not None
        rollout.run.signal(self.number)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.site.runs()[-1][1] == "interrupted", rollout.site.runs()
        assert rollout.site.leases() == []
        assert rollout.result is not None
        assert "Traceback" not in rollout.result.text, rollout.result.text


class CtrlC(Signalled):
    """SIGINT."""

    number = signal.SIGINT
    ends = (99, 130)


class TerminalLost(Signalled):
    """SIGHUP."""

    number = signal.SIGHUP
    ends = (129,)


class CtrlCOnTheWayBack(CtrlC):
    """SIGINT while every host is taken back."""

    again = (2, "rolled_back")
    untouched = ()


class SignalledInTheEnd(Signalled):
    """SIGTERM after the last confirm."""

    untouched = ()


class RebootedInTheEnd(Rebooted):
    """The power of the controller goes after the last confirm."""

    untouched = ()


class Cut(Outage):
    """The cable of the first host is pulled, and put back when the run is over."""

    host = "web1"

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        undo.callback(rollout.hosts[self.host].restore)
        rollout.hosts[self.host].cut()

    def mend(self, rollout: Rollout) -> None:
        rollout.hosts[self.host].restore()

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "UNREACHABLE" in rollout.result.codes, rollout.result.text


class CutBeyondDeadline(Cut):
    """The same; the cable comes back when the host has gone back by itself."""

    deadlines = "SRVKN"

    def mend(self, rollout: Rollout) -> None:
        until(lambda: promises.state(rollout.hosts[self.host]) == "steady", "the way back", OLD_STAR_S)
        super().mend(rollout)


class ReplyLost(Outage):
    """The host confirms, and its answer is lost: the controller asks again."""

    ends = (0,)
    untouched = ()

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.order = ("lose", "confirm", "web1")

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        assert rollout.run is not None
        rollout.run.wait_for(lambda: rollout.line.reached, 120)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.line.requests("confirm") == 1
        assert rollout.result is not None
        assert rollout.result.verdicts("confirm") == {"web1": "ok", "web2": "ok"}


class GoneForEver(Outage):
    """The first host loses its power for the rest of the run."""

    deadlines = "SRVKL"

    host = "web1"

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.hosts[self.host].kill()

    def mend(self, rollout: Rollout) -> None:
        rollout.hosts[self.host].start()
        rollout.hosts[self.host].wait_ready()

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        end = json_of(rollout.result.end)
        assert self.host in end, end
        assert "unknown" in end or "reached" in end, end


class Partition(CutBeyondDeadline):
    """Of the second wave one host can be reached, the other cannot."""

    host = "web3"
    untouched = ()
    order = ("before", "probe", "web2")

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.names = ["web1", "web2", "web3"]
        rollout.waves = [["web1"], ["web2", "web3"]]
        rollout.order = self.order

    def inspect(self, rollout: Rollout) -> None:
        super().inspect(rollout)
        assert rollout.result is not None
        assert "web3" in json_of(rollout.result.end), rollout.result.text


class PartitionBeforeWave(Partition):
    """The same, before the second wave begins."""

    order = ("before", "ask", "web1")


class StoreFull(Outage):
    """The disk with the store is full when the first confirm is to be recorded."""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        store = rollout.site.store_folder
        store.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "store", str(store)], check=True)
        undo.callback(subprocess.run, ["umount", "-l", str(store)], check=True)

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        store = rollout.site.store_folder
        free = os.statvfs(store)
        subprocess.run(["mount", "-o", f"remount,size={(free.f_blocks - free.f_bfree) * free.f_frsize}", str(store)],
                       check=True)  # fmt: skip

    def mend(self, rollout: Rollout) -> None:
        subprocess.run(["mount", "-o", "remount,size=8m", str(rollout.site.store_folder)], check=True)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "STORE" in rollout.result.text, rollout.result.text
        assert rollout.opened() == 1


class ArtifactChanges(Outage):
    """The artifact is another one when the second host gets it."""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.arguments = ["-f", "1"]
        rollout.keys["artifact"] = own_artifact(rollout.site)
        rollout.order = ("before", "stage", "web1")

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        data = bytearray(Path(artifact("2.0.0")["file"]).read_bytes())
        data[len(data) // 2] ^= 1
        Path(rollout.keys["artifact"]["file"]).write_bytes(data)

    def mend(self, rollout: Rollout) -> None:
        own_artifact(rollout.site)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert rollout.result.verdicts("stage") == {"web1": "ok", "web2": "failed"}, rollout.result.text
        assert "DIGEST" in rollout.result.codes
        assert rollout.opened() == 0


class BrokenCallback(Outage):
    """One callback breaks at every event, and our own is not loaded."""

    ends = (0,)
    untouched = ()

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.environment = callbacks("e2e_results", "faults_broken")

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "broken at" in rollout.result.text
        confirmed = rollout.site.ask_store("SELECT host FROM events WHERE step = 'confirm' AND verdict = 'ok'")
        assert {host for (host,) in confirmed} >= {"web1", "web2"}


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


class RollbackKilled(Outage):
    """An operator's rollback of a completed change is killed while the first host goes back."""

    untouched = ()
    concerned = ("web1",)
    again = (0, "rolled_back")

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        done = rollout.end()
        assert done.rc == 0, done.text
        first = Gates(rollout.hosts["web1"])
        first.hold(f"start-{V1}")
        rollout.verb, rollout.named = "rollback", {"change": rollout.change}
        rollout.run = rollout.start()
        rollout.run.wait_for(lambda: first.holds(f"start-{V1}"), 60)
        rollout.kill_main()

    def follow(self, rollout: Rollout) -> None:
        rollout.bury()


def json_of(value: object) -> str:
    """For looking up words."""
    return json.dumps(value)

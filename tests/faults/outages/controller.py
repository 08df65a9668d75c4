# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes the controller: its processes, its machine, its store, its callbacks."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from contextlib import ExitStack, closing

from e2e.hosts import V1
from faults import promises
from faults.hold import Gates, until
from faults.outages.outage import Outage
from faults.rollouts import Rollout, callbacks


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


class StoreFull(Outage):
    """The disk with the store is full when the first confirm is to be recorded: the room beside it is enough to end."""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        store = rollout.site.store_folder
        store.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "store", str(store)], check=True)
        undo.callback(subprocess.run, ["umount", "-l", str(store)], check=True)

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        store = rollout.site.store_folder
        free = os.statvfs(store)
        subprocess.run(["mount", "-o", f"remount,size={(free.f_blocks - free.f_bfree) * free.f_frsize}", str(store)],
                       check=True)  # fmt: skip

    def mend(self, rollout: Rollout) -> None:
        subprocess.run(["mount", "-o", "remount,size=24m", str(rollout.site.store_folder)], check=True)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "STORE" in rollout.result.text, rollout.result.text
        assert rollout.opened() == 1


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

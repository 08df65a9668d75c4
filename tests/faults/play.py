# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: to its phase, the fault, what follows, and the look at what has become of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from functools import cache

from e2e.hosts import BASELINE, BLANK, Fleetful
from e2e.project import CHECKOUT, Project
from faults import injections, outages, promises
from faults.alone import V1, V2, Alone
from faults.enrolled import enroll, used_up
from faults.governed import Governed
from faults.hold import Gates, until
from faults.kinds import ENROLLED, GOVERNED, PYTHON, Cell, Row
from faults.outages.outage import Outage
from faults.rollouts import OLD_STAR_S, Rollout
from host.driver import Driver, Release
from host.hand import FORGET
from host.permitted import Permitted

from lab.host import Host

ROUNDS = "10000"


def play(hosts: Fleetful, bulky: Release, row: Row, cell: Cell) -> None:
    """Do one cell."""
    if cell.place == PYTHON:
        _run_test(cell.fault)
        return
    host = hosts["web1"]
    Gates(host).clear()
    hosts.put_back(BLANK if cell.expected == "ELSEWHERE" else BASELINE, ["web1"])
    alone = Alone(host, bulky, Permitted(host) if row.world == ENROLLED else None)
    fault = injections.named(cell.fault)
    try:
        fault.prepare(alone)
        if row.world == ENROLLED:
            enroll(alone)
        alone.bring_to(cell.place)
        fault.strike(alone)
        alone.go_on(cell.then)
        if cell.expected == "OLD*":
            alone.wait_back()
        fault.mend(alone)
        _check(hosts, alone, cell)
        fault.inspect(alone)
        if row.world == ENROLLED:
            used_up(alone, cell)
        _again(hosts, alone)
    finally:
        alone.end()
        _revive(host)
        if row.world == ENROLLED:
            host.ssh(f"{FORGET}; rm -rf /usr/local/lib/tidegate", check=False)
            Driver(host).service()  # which brings this program in place of the one that can be held


def _revive(host: Host) -> None:
    """Whatever a cell that broke off has left: the next one finds a host that runs."""
    host.thaw()
    host.restore()
    host.free_disk()
    host.start()
    host.wait_ready()


@cache
def _run_test(path: str) -> None:
    """Run a file of tests with as many rounds as were asked for; once, for all cells that it proves."""
    folders = (CHECKOUT / "collections/ansible_collections/tidegate/deploy", CHECKOUT)
    [file] = [str(folder / path) for folder in folders if (folder / path).exists()]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", file]
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "TIDEGATE_RACES": ROUNDS}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def _check(hosts: Fleetful, alone: Alone, cell: Cell) -> None:
    """Who was refused, and what the host has come to."""
    if cell.code:
        told = alone.refused or alone.answer
        assert told is not None
        assert told.code in cell.code.split(" or "), (told.code, told.message)
        assert cell.says in told.message
    if cell.expected == "ELSEWHERE":
        return
    if cell.expected == "NEW" and promises.state(alone.host) == "ready":
        alone.confirm().or_refuse()
    version = alone.release.version if cell.expected == "NEW" else V1.version
    seen = promises.assert_on(hosts, version, "web1", leftovers=True)["web1"]
    reverted = (seen.journal.get("reverted") or {}).get("change")
    if cell.expected == "NEW":
        assert (seen.journal["change"], reverted) == (alone.change, None)
    else:
        assert seen.journal.get("change") != alone.change
        assert reverted in (None, alone.change)


def _again(hosts: Fleetful, alone: Alone) -> None:
    """Asked again, what is done stays done; and where the host went back, a new change gets through."""
    if promises.journal(alone.host).get("change") == alone.change:
        assert not alone.confirm().or_refuse().changed
        return
    alone.gates.clear()
    alone.release, alone.change, alone.deadline_s = V2, alone.driver.new_change(), 60
    alone.doc = alone.definition()
    alone.stage().or_refuse()
    alone.activate().or_refuse()
    alone.confirm().or_refuse()
    promises.assert_on(hosts, V2.version, "web1")


# --- with a controller


def play_rollout(site: Project, hosts: Fleetful, row: Row, cell: Cell) -> None:
    """Do one cell, and run the command again."""
    outage = outages.named(cell.fault)
    kind = Governed if row.world == GOVERNED else Rollout
    rollout = kind(site, hosts, cell.place in outage.deadlines or cell.expected.startswith(("OLD*", "EITHER")))
    with ExitStack() as undo:
        undo.callback(rollout.forget)
        undo.callback(_let_go, rollout)
        outage.prepare(rollout, undo)
        rollout.begin(cell.place)
        outage.strike(rollout, undo)
        rollout.go_on()
        outage.follow(rollout)
        if "OLD*" in cell.expected:
            until(lambda: promises.state(hosts["web1"]) == "steady", "the way back", OLD_STAR_S)
        outage.mend(rollout)
        _check_rollout(rollout, outage, cell)
        _run_again(rollout, outage)


def _let_go(rollout: Rollout) -> None:
    rollout.line.open()
    rollout.stop_all(signal.SIGCONT)
    rollout.kill_all()
    for name in rollout.names:
        Gates(rollout.hosts[name]).clear()
        _revive(rollout.hosts[name])


def _check_rollout(rollout: Rollout, outage: Outage, cell: Cell) -> None:
    hosts, expected = rollout.hosts, cell.expected.split()[0]
    if "BLOCK" in cell.expected:
        promises.assert_blocked(rollout.site, hosts, V1.version, *outage.untouched)
    if expected == "NEW":
        promises.assert_on(hosts, V2.version, "web1")
    elif expected == "EITHER":
        seen = hosts.wait("web1", lambda one: one.settled, OLD_STAR_S)
        promises.assert_on(hosts, seen.version, "web1")
    else:
        promises.assert_on(hosts, V1.version, *(outage.concerned or rollout.names), leftovers=True)
    promises.assert_no_claim(rollout.site, hosts)
    outage.inspect(rollout)


def _run_again(rollout: Rollout, outage: Outage) -> None:
    rc, state = outage.again
    again = rollout.again()
    assert again.rc == rc, again.text
    version = V2.version if state == "completed" else V1.version
    promises.assert_on(rollout.hosts, version, *rollout.names)
    promises.assert_recorded_once(rollout.site, rollout.change, state)
    promises.assert_no_claim(rollout.site, rollout.hosts)
    outage.conclude(rollout)

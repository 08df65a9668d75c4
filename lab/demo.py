# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: Tidegate's main job on really booted hosts, each step verified on the hosts themselves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time

from lab import enrolled, governed, releases
from lab.command import LabError
from lab.fleet import Fleet
from lab.load import Load
from lab.show import CHECKOUT, Site, Unproven, beside, end, passed_s, prove, release, require, say, tell, wait_for

FOLDER = CHECKOUT / "build" / "demo"
STORE = FOLDER / "store.db"
WEB = ("web1", "web2", "web3", "web4", "web5", "web6")
WORKERS = ("worker1", "worker2")
RATE = 50
SWITCHED_WITHIN_S = 60
RETURNED_WITHIN_S = 120


def main() -> int:
    """Run the demonstration; the status is 0 only if every step was verified on the hosts."""
    try:
        releases.build()
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True, mode=0o700)
        say("Eight Debian hosts boot on this machine: six web hosts in three racks behind HAProxy, two workers.")
        with Fleet.up(["web[1:6]", "worker[1:2]"]) as fleet:
            site = Site(CHECKOUT, STORE)
            _releases(fleet, site)
            _people(fleet, site)
    except (LabError, Unproven) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; the hosts are gone", file=sys.stderr)
        return 130
    tell(
        f"\nEvery step was verified on the hosts, in {passed_s():.0f} s. Where to look next:\n"
        "  make fleet HOSTS=4                       hosts of your own to play with\n"
        "  changes/web-2.0.0.yml                    all that a change is\n"
        "  inventories/demo/group_vars/all/         all that a service is\n"
        "  README.md                                the smallest start, with hosts that you have already"
    )
    return 0


def _releases(fleet: Fleet, site: Site) -> None:
    """Good and bad releases, and a controller that is killed."""
    say("1  Release 1 goes everywhere, for the first time.")
    workers = site.start_verb("rollout", "-e", "tidegate_change_file=changes/worker-1.0.0.yml")
    with beside(lambda: fleet.balance(*WEB)) as balancer:
        site.verb("rollout", "-e", "tidegate_change_file=changes/web-1.0.0.yml")
    end(workers)
    prove(fleet, {**dict.fromkeys(WEB, "1.0.0"), **dict.fromkeys(WORKERS, "1.0.0")})

    with Load(balancer.wait(), RATE) as load:
        say(f"2  Release 2 goes out in waves, while {RATE} requests a second go through HAProxy.")
        with beside(lambda: _kill_after_switch(fleet, site)) as killed:
            site.verb("rollout", "-e", "tidegate_change_file=changes/web-2.0.0.yml")
            prove(fleet, dict.fromkeys(WEB, "2.0.0"))
            tell(f"   {load.summary()}")
            require(load.failed == 0, f"{load.failed} requests failed")
            killed.show()

        say("4  Release 3 crashes after 3 seconds. The canary stops it and is taken back; no other host is touched.")
        site.verb("rollout", "-e", "tidegate_change_file=changes/web-3.0.0.yml", expected=2)
        prove(fleet, dict.fromkeys(WEB, "2.0.0"))

        say("5  Release 4 answers wrongly. The same happens.")
        site.verb("rollout", "-e", "tidegate_change_file=changes/web-4.0.0.yml", expected=2)
        prove(fleet, dict.fromkeys(WEB, "2.0.0"))
        tell(f"   {load.summary()}")

    say("6  The host whose controller was killed returns by itself.")
    wait_for("worker1 steady on 1.0.0", lambda: _steady(fleet, "worker1", "1.0.0"), RETURNED_WITHIN_S)
    prove(fleet, dict.fromkeys(WORKERS, "1.0.0"))


def _people(fleet: Fleet, site_of_nobody: Site) -> None:
    """People who sign, a playbook that is gated, a ledger that cannot be doctored, and hosts that enforce all that."""
    site = governed.make_site(FOLDER / "site", STORE)
    with beside(lambda: governed.hand_in(site)) as handed_in:
        say("7  What is where, asked of the hosts.")
        site_of_nobody.verb("status")
        change = handed_in.show()
    governed.approve(site, change)
    with beside(lambda: governed.gate(fleet, site)) as gated, beside(lambda: enrolled.agree(fleet, site)) as agreed:
        site.verb("rollout", "-e", change)
        prove(fleet, dict.fromkeys(WEB, "1.0.0"))
        gated.show()
        agreed.wait()
        with beside(lambda: enrolled.enroll(site)) as enrolling:
            governed.audit(site, site.folder / "audit", STORE)
            agreed.show()
            enrolling.show()
    enrolled.demonstrate(fleet, site, WEB)


def _kill_after_switch(fleet: Fleet, site: Site) -> None:
    """Begin a rollout of the workers, and kill it with all of its processes as soon as a host was switched."""
    say("3  Meanwhile another controller is killed with SIGKILL, right after it has switched worker1.")
    run = site.start_verb("rollout", "-e", "tidegate_change_file=changes/worker-2.0.0.yml")
    try:
        wait_for("the switch on worker1", lambda: release(fleet, "worker1") == "2.0.0", SWITCHED_WITHIN_S)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    version = release(fleet, "worker1")
    tell(f"   killed at {time.strftime('%H:%M:%S')} with worker1 on {version}; nobody will confirm that")
    site.verb("status", "-e", "tidegate_service=worker")


def _steady(fleet: Fleet, host: str, version: str) -> bool:
    journal = json.loads(fleet[host].ssh("cat /var/lib/tidegate/services/worker/journal.json").stdout)
    return bool(journal["state"] == "steady" and release(fleet, host) == version)


if __name__ == "__main__":
    sys.exit(main())

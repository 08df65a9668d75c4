# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: Tidegate's main job on really booted hosts, each step verified on the hosts themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import releases
from lab.command import LabError
from lab.fleet import Fleet
from lab.load import Load

SITE = Path(__file__).resolve().parent.parent
STORE = SITE / "build" / "demo" / "store.db"
WEB = ("web1", "web2", "web3", "web4", "web5", "web6")
WORKERS = ("worker1", "worker2")
RATE = 50
PLAYBOOK = "ansible-playbook"
SWITCHED_WITHIN_S = 60
RETURNED_WITHIN_S = 120
POLL_S = 0.2


class Unproven(Exception):
    """A step of the demonstration did not leave the hosts as it should have."""


def main() -> int:
    """Run the demonstration; the status is 0 only if every step was verified on the hosts."""
    began = time.monotonic()
    try:
        releases.build()
        STORE.unlink(missing_ok=True)
        _say("Eight Debian hosts boot on this machine: six web hosts in three racks behind HAProxy, two workers.")
        with Fleet.up(["web[1:6]", "worker[1:2]"]) as fleet:
            _demonstrate(fleet)
    except (LabError, Unproven) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; the hosts are gone", file=sys.stderr)
        return 130
    _say(f"Every step was verified on the hosts, in {time.monotonic() - began:.0f} s. Where to look next:")
    print(
        "  make fleet HOSTS=4                       hosts of your own to play with\n"
        "  changes/web-2.0.0.yml                    all that a change is\n"
        "  inventories/demo/group_vars/all/         all that a service is\n"
        "  README.md                                the smallest start, with hosts that you have already"
    )
    return 0


def _demonstrate(fleet: Fleet) -> None:
    _say("1  Release 1 goes everywhere, for the first time.")
    workers = _start("rollout", "-e", "tidegate_change_file=changes/worker-1.0.0.yml")
    _play("rollout", "-e", "tidegate_change_file=changes/web-1.0.0.yml")
    _end(workers)
    _prove(fleet, {**dict.fromkeys(WEB, "1.0.0"), **dict.fromkeys(WORKERS, "1.0.0")})

    with Load(fleet.balance(*WEB), RATE) as load, ThreadPoolExecutor() as aside:
        _say(f"2  Release 2 goes out in waves, while {RATE} requests a second go through HAProxy.")
        killed = aside.submit(_kill_after_switch, fleet)
        _play("rollout", "-e", "tidegate_change_file=changes/web-2.0.0.yml")
        _prove(fleet, dict.fromkeys(WEB, "2.0.0"))
        print(f"   {load.summary()}")
        _require(load.failed == 0, f"{load.failed} requests failed")

        _say("3  Meanwhile another controller was killed with SIGKILL, right after it had switched worker1.")
        print(f"   {killed.result()}")
        _play("status", "-e", "tidegate_service=worker")

        _say("4  Release 3 crashes after 3 seconds. The canary stops it and is taken back; no other host is touched.")
        _play("rollout", "-e", "tidegate_change_file=changes/web-3.0.0.yml", expected=2)
        _prove(fleet, dict.fromkeys(WEB, "2.0.0"))

        _say("5  Release 4 answers wrongly. The same happens.")
        _play("rollout", "-e", "tidegate_change_file=changes/web-4.0.0.yml", expected=2)
        _prove(fleet, dict.fromkeys(WEB, "2.0.0"))
        print(f"   {load.summary()}")

    _say("6  The host whose controller was killed returns by itself.")
    _await("worker1 steady on 1.0.0", lambda: _steady(fleet, "worker1", "1.0.0"), RETURNED_WITHIN_S)
    _prove(fleet, dict.fromkeys(WORKERS, "1.0.0"))

    _say("7  What is where, asked of the hosts.")
    _play("status")


def _kill_after_switch(fleet: Fleet) -> str:
    """Begin a rollout of the workers, and kill it with all of its processes as soon as a host was switched."""
    run = _start("rollout", "-e", "tidegate_change_file=changes/worker-2.0.0.yml")
    try:
        _await("the switch on worker1", lambda: _release(fleet, "worker1") == "2.0.0", SWITCHED_WITHIN_S)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    return (
        f"killed at {time.strftime('%H:%M:%S')} with worker1 on {_release(fleet, 'worker1')}; nobody will confirm that"
    )


# --- runs of Ansible -------------------------------------------------------------------------------------------------


def _start(verb: str, *arguments: str) -> subprocess.Popen[str]:
    command = [PLAYBOOK, f"tidegate.deploy.{verb}", *arguments]
    return subprocess.Popen(
        command,
        cwd=SITE,
        env={**os.environ, "TIDEGATE_STORE": str(STORE), "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _play(verb: str, *arguments: str, expected: int = 0) -> None:
    print(f"$ {PLAYBOOK} tidegate.deploy.{verb} {' '.join(arguments)}".rstrip())
    _end(_start(verb, *arguments), expected, shown=True)


def _end(run: subprocess.Popen[str], expected: int = 0, shown: bool = False) -> None:
    """Wait for a run, and show what Tidegate says in it."""
    everything: list[str] = []
    try:
        assert run.stdout is not None
        for line in _told(run.stdout, everything):
            if shown:
                print(f"   {line}", flush=True)
        status = run.wait()
    except BaseException:
        os.killpg(run.pid, signal.SIGTERM)
        run.wait()
        raise
    if status != expected:
        raise Unproven(f"ended with {status}, expected {expected}:\n{''.join(everything[-60:])}")


def _told(lines: Iterator[str] | Sequence[str], everything: list[str]) -> Iterator[str]:
    """Tidegate's own lines and blocks among those of Ansible."""
    in_block = False
    for line in lines:
        everything.append(line)
        text = line.rstrip("\n")
        begins = text.startswith(("── ", "service "))
        ends = text.startswith("enforced ") or (text != "" and not text.strip("─"))
        if begins or in_block or ends or text.startswith("tidegate"):
            yield text
        in_block = (in_block or begins) and not ends


# --- proof -----------------------------------------------------------------------------------------------------------


def _prove(fleet: Fleet, expected: dict[str, str]) -> None:
    """See on each host which release `current` leads to and which one runs."""
    with ThreadPoolExecutor() as pool:
        seen = pool.map(lambda host: (_release(fleet, host), _running(fleet, host)), expected)
        for (host, version), (found, running) in zip(expected.items(), seen, strict=True):
            _require(
                (found, running) == (version, version), f"{host}: current {found}, running {running}, not {version}"
            )
    versions = ", ".join(sorted(set(expected.values())))
    print(f"   verified on {len(expected)} hosts: current and the running process are {versions}")


def _release(fleet: Fleet, host: str) -> str:
    service = host.rstrip("0123456789")
    link = fleet[host].ssh(f"readlink /opt/{service}/current", check=False).stdout.strip()
    return link.rpartition("/")[2].rpartition("-")[0] or "none"


def _steady(fleet: Fleet, host: str, version: str) -> bool:
    journal = json.loads(fleet[host].ssh("cat /var/lib/tidegate/services/worker/journal.json").stdout)
    return bool(journal["state"] == "steady" and _release(fleet, host) == version)


def _running(fleet: Fleet, host: str) -> str:
    if host.startswith("web"):
        asked = "curl -s -o /dev/null -D - http://127.0.0.1:8080/version | sed -n 's/^X-Release: *//Ip'"
    else:
        asked = "/opt/worker/current/bin/worker --running"
    return fleet[host].ssh(asked, check=False).stdout.strip() or "none"


def _await(what: str, true: Callable[[], bool], timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not true():
        _require(time.monotonic() < until, f"waited {timeout_s:g} s for {what}")
        time.sleep(POLL_S)


def _require(true: bool, what: str) -> None:
    if not true:
        raise Unproven(what)


def _say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill something at a random moment of a rollout or rollback, look, run the same command again, look; N times.

    python -m kills 50 --seed 7 --fleets 2

Each kill is drawn from the seed and its number alone. Totals are kept in build/kills.jsonl, so that runs add up. At the
first promise that does not hold it stops, tells how to repeat it, keeps the logs, and ends with 1.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.hosts import Fleetful
from e2e.project import CHECKOUT, Project
from kills.loop import Fleetwise, Kill
from kills.promises import Violation
from kills.record import Record

from lab import machine, releases
from lab.command import LabError
from lab.fleet import Fleet

HOSTS = 3


def main(arguments: list[str]) -> int:
    """Do as many kills as were asked for."""
    parser = argparse.ArgumentParser(prog="kills", description="Random kills of rollouts and rollbacks")
    parser.add_argument("count", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=None, help="of a run that is to be repeated or gone on with")
    parser.add_argument("--first", type=int, default=None, help="number of the first kill; else after those recorded")
    parser.add_argument("--fleets", type=int, default=2, help="fleets of three hosts at once")
    parser.add_argument("--slow", type=int, default=1, help="what limits are multiplied by, on a busy machine")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order, too
    machine.demand()
    releases.build()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    record = Record(CHECKOUT / "build/kills.jsonl", seed)
    first = record.done(seed) + 1 if asked.first is None else asked.first
    say(f"{asked.count} kills on {asked.fleets} fleets of {HOSTS} hosts; seed {seed}, from number {first}")
    left = iter(range(first, first + asked.count))
    threads = [
        threading.Thread(target=_work, args=(f"kills-{os.getpid()}-{number}", left, record, asked.slow))
        for number in range(asked.fleets)
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        record.stop.set()
        for thread in threads:
            thread.join()
    say(record.summary())
    return 1 if record.failed else 0


def _work(name: str, left: Iterator[int], record: Record, slow: int) -> None:
    """One fleet takes the next kill that nobody has taken, until none is left or a promise is broken."""
    try:
        with _project(name) as (site, hosts):
            fleet = Fleetwise(site, hosts, slow)
            fleet.begin()
            while not record.stop.is_set() and (number := record.next_of(left)) is not None:
                _one(name, fleet, Kill(record.seed, number), record)
    except (LabError, OSError, AssertionError, Violation) as error:
        record.fail(f"{name}: {error}")


def _one(name: str, fleet: Fleetwise, kill: Kill, record: Record) -> None:
    began = time.monotonic()
    try:
        told = fleet.play(kill)
    except LabError as error:  # a host could not be looked at, perhaps because this program is told to stop
        time.sleep(1)
        if not record.stop.is_set():
            record.fail(f"{name}: kill {kill.number} of seed {kill.seed} ({kill}): {error}")
        return
    except (Violation, AssertionError) as error:
        kept = CHECKOUT / f"build/kills-{kill.seed}-{kill.number}"
        shutil.copytree(fleet.site.temp.parent, kept, dirs_exist_ok=True, symlinks=True, ignore=_sockets)
        record.fail(
            f"{name}: kill {kill.number} of seed {kill.seed} ({kill}):\n{error}\n"
            f"struck: {fleet.struck}\nthe logs are in {kept}; repeat: make kills N=1 SEED={kill.seed} FIRST={kill.number}\n"
            f"{traceback.format_exc()}"
        )
        record.add(kill, time.monotonic() - began, fleet.struck, fleet.reruns, str(error)[:4000])
        return
    record.add(kill, time.monotonic() - began, told, fleet.reruns, "")


def _sockets(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not (Path(folder, name).is_file() or Path(folder, name).is_dir())}


@contextmanager
def _project(name: str) -> Iterator[tuple[Project, Fleetful]]:
    """A fleet of its own, and somebody's project for it; both are gone afterwards."""
    top = Path(tempfile.mkdtemp(prefix="kills"))
    home = Path(tempfile.mkdtemp(prefix="k"))
    try:
        with Fleet.up(HOSTS, name=name) as fleet:
            hosts = Fleetful(fleet)
            folder = top / "site"
            folder.mkdir()
            site = Project(folder, hosts, home)
            try:
                yield site, hosts
            finally:
                site.stop()
    finally:
        shutil.rmtree(top, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def say(text: str) -> None:
    """Tell people."""
    sys.stdout.write(f"kills: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

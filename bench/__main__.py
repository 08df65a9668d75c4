# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure; see `python -m bench --help`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench import machine, planned, report, runs
from bench.hosts import Hosts
from lab.command import LabError
from lab.fleet import Fleet

PLACE = report.ROOT / "build/bench"
PLANNED = "planned"
BOOT_S = 15
PLANNED_S = 0.06


def main() -> int:
    """Boot a fleet, run all contenders in turn, keep and show what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--hosts", type=int, default=20, help="how many hosts (20)")
    parser.add_argument("--runs", type=int, default=3, help="how often each contender runs (3)")
    parser.add_argument(
        "--only", default="", help="contenders or beginnings of their names, and planned; by default all"
    )
    parser.add_argument("--planned", default="200,1000", help="numbers of hosts that are only planned (200,1000)")
    parser.add_argument("--tiny", action="store_true", help="small releases, to try the bench itself")
    parser.add_argument("--to", type=Path, default=report.LAST, help="where the result goes (build/bench/result.json)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that hosts and groups are taken down then, too
    try:
        document = measure(parser.parse_args())
    except (LabError, KeyboardInterrupt) as why:
        print(f"bench: {str(why) or 'interrupted'}", file=sys.stderr)
        return 1
    print(f"\n{report.console(document)}")
    return 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Measure what was asked for, and write it down.

    Raises:
        LabError: a tool failed, or the hosts do not run what it said that it had deployed.
    """
    words = given.only.replace(",", " ").split()
    turns = runs.schedule([word for word in words if word != PLANNED], given.runs) if words != [PLANNED] else []
    counts = [int(count) for count in given.planned.split(",")] if not words or PLANNED in words else []
    sizes = runs.Sizes(30, 200_000, 1_000_000) if given.tiny else runs.Sizes()
    _say(
        f"{len(turns)} runs with {given.hosts} hosts, then {counts or 'none'} planned: {_estimate(given, turns, counts)}"
    )
    began = time.monotonic()
    document: dict[str, Any] = {**machine.described(sizes, given.hosts, given.runs, PLACE), "runs": [], "planned": []}
    if turns:
        with Fleet.up(given.hosts, name=f"bench-{os.getpid()}", disk_size="3g") as fleet:
            for run in runs.Rounds(PLACE, Hosts(fleet), turns, sizes, _say).play():
                document["runs"].append(run)
                _write(given.to, document)
    for run in planned.play(PLACE, counts, sizes, _say):
        document["planned"].append(run)
        _write(given.to, document)
    _say(f"measured in {(time.monotonic() - began) / 60:.1f} minutes; kept in {given.to}")
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    """Keep what there is so far: who fails late has not measured in vain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _estimate(given: argparse.Namespace, turns: list[tuple[int, str]], counts: list[int]) -> str:
    """How long it will take on two cores that have nothing else to do."""
    seconds = (
        BOOT_S
        + sum(2 + runs.EXPECTED_S[name] * max(0.2, given.hosts / 20) for _, name in turns)
        + sum(count * PLANNED_S for count in counts)
    )
    return f"about {max(1, round(seconds / 60))} minutes on two quiet cores"


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

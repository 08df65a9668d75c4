# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts that are not there: what a rollout costs the controller alone, with answers that come at once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import releases, runs
from bench.contenders import Site, describe_services, environment, write_change
from bench.hosts import Service
from bench.meter import Meter
from lab.command import LabError

FORKS = 20
SERVICE = Service("planned", 8100, "bin/web")
RUN_S = 900.0
ROLLED_OUT_AT_MOST = 200  # more would take as long as all else together, and show nothing new


def play(place: Path, counts: list[int], sizes: runs.Sizes, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """A plan for each number of hosts, and up to 200 a rollout in one wave."""
    release = releases.archive(place / "releases", runs.BASE, sizes.files, sizes.archive_bytes)
    (place / "log").mkdir(parents=True, exist_ok=True)
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder, Meter(None) as meter:
            there, stub = site(Path(folder), count), Path(folder, "stub")
            stub.mkdir()
            change = write_change(there, SERVICE, release, None)
            for verb in ("plan", "rollout") if count <= ROLLED_OUT_AT_MOST else ("plan",):
                command = there.playbook(f"tidegate.deploy.{verb}", "-e", f"tidegate_change_file={change}")
                log = place / "log" / f"{verb}-{count}.log"
                given = {**environment(), **command.environment, "BENCH_STUB": str(stub)}
                status, used = meter.run(command.argv, command.folder, given, log, RUN_S)
                if status != 0:
                    raise LabError(f"{verb} of {count} planned hosts ended with {status}; see {log}")
                times = runs.read_times(json.loads(there.times.read_text()), used, count)
                run = {"verb": verb, "hosts": count, **asdict(used), **times}
                say(f"{verb} of {count} planned hosts: {_said(run)}")
                yield run


def _said(run: dict[str, Any]) -> str:
    cpu_s = run["controller_cpu_s"]
    return (
        f"{run['wall_s']:.1f} s, controller {cpu_s:.1f} s, {1000 * cpu_s / run['hosts']:.0f} ms per host,"
        f" {run['peak_memory_bytes'] / 1e6:.0f} MB"
    )


def site(place: Path, count: int) -> Site:
    """A project with that many hosts, all reached through the stub."""
    common = {"ansible_connection": "bench_stub", "ansible_python_interpreter": "/usr/bin/python3"}
    members: dict[str, object] = {f"host{number:04}": {} for number in range(1, count + 1)}
    inventory = {"all": {"vars": common, "children": {"planned": {"hosts": members}}}}
    made = Site(place / "site", inventory, FORKS, ("tidegate.deploy.progress",))
    describe_services(made, SERVICE)
    return made

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gate and recorder cost a playbook, beside no callback, one that does nothing, and ARA.

python -m bench.callbacks            50 hosts, 20 tasks, every contender in turn, five times
python -m bench.callbacks --keep     and keep it for docs/benchmarks.md (`python -m bench.report` writes the page)
python -m bench.callbacks --tiny     to try the bench itself

Every host is a name of this machine and every task the cheapest that there is, so that what a callback costs weighs most.
Processor time is that of all processes of a run, the one that asks the store included. The goals are of issues: the recorder
at most 1.05 times no callback and at most a fifth of what ARA adds, the gate at most 0.1 s more per run than the same run
without it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.goal import Goal

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "bench/plugins/callback"
VENV = ROOT / "build/bench-venv"
LAST = ROOT / "build/bench/callbacks.json"
KEPT = ROOT / "bench/results/callbacks.json"
REMARKS = ROOT / "bench/results/remarks_on_callbacks.md"
RECORDER, GATE, ARA = "tidegate.deploy.recorder", "tidegate.deploy.gate", "ara_default"
CONTENDERS = {
    "none": "",
    "nothing": "bench_nothing",
    "recorder": RECORDER,
    "gate": GATE,
    "gate and recorder": f"{GATE}, {RECORDER}",
    "ARA": ARA,
}


def main() -> int:
    """Measure, keep and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.callbacks", description=__doc__)
    parser.add_argument("--hosts", type=int, default=50, help="how many hosts (50)")
    parser.add_argument("--tasks", type=int, default=20, help="how many tasks on each (20)")
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs (5)")
    parser.add_argument(
        "--ara", type=int, help="how often ARA runs, which takes most of the time (as often as the others)"
    )
    parser.add_argument("--keep", action="store_true", help="keep what was measured for the page")
    parser.add_argument("--tiny", action="store_true", help="4 hosts, 2 tasks, 1 run")
    given = parser.parse_args()
    if given.tiny:
        given.hosts, given.tasks, given.runs = 4, 2, 1
    subprocess.run([ROOT / "tools/venv", VENV, "bench"], check=True, cwd=ROOT)
    ara_runs = given.runs if given.ara is None else given.ara
    runs = {name: ara_runs if name == "ARA" else given.runs for name in CONTENDERS}
    measured = measure({name: times for name, times in runs.items() if times}, given.hosts, given.tasks)
    document = {"hosts": given.hosts, "tasks": given.tasks, "measured": measured}
    LAST.parent.mkdir(parents=True, exist_ok=True)
    for path in (LAST, KEPT) if given.keep else (LAST,):
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("\n".join(told(measured)))
    return 0


def measure(runs: Mapping[str, int], hosts: int, tasks: int) -> dict[str, list[dict[str, float]]]:
    """Seconds of every run of every contender; they take turns, so that a busy minute meets all of them.

    Args:
        runs: how often each contender runs, by name.
        hosts: how many hosts.
        tasks: how many tasks on each.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site(Path(folder), hosts, tasks)
        for name in runs:
            one(Path(folder), name, "--limit", "web000")  # so that nobody pays for what is made once
        for number in range(max(runs.values())):
            for name in (name for name in runs if number < runs[name]):
                found[name].append(one(Path(folder), name))
                print(f"bench: {number + 1}/{runs[name]} {name}: {found[name][-1]['wall_s']:.2f} s", file=sys.stderr)
    return found


def site(folder: Path, hosts: int, tasks: int) -> None:
    """A folder with an inventory of protected hosts, and a playbook."""
    inventory = {
        "tidegate_protected": {
            "hosts": {f"web{number:03}": {} for number in range(hosts)},
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": str(VENV / "bin/python")},
        }
    }
    (folder / "inventory").mkdir()
    (folder / "inventory/hosts.yml").write_text(json.dumps(inventory))
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": f"Task {number}", "ansible.builtin.debug": {"msg": "hello"}} for number in range(tasks)],
    }
    (folder / "site.yml").write_text(json.dumps([play]))


def one(folder: Path, name: str, *args: str) -> dict[str, float]:
    """Seconds of wall clock and of processor that one run takes."""
    shutil.rmtree(folder / "inventory/.tidegate", ignore_errors=True)
    callbacks = CONTENDERS[name]
    lines = ["[defaults]", "inventory = inventory", f"collections_path = {ROOT / 'collections'}", "forks = 10"]
    lines += [f"callbacks_enabled = {callbacks}"] if callbacks else []
    lines += [f"callback_plugins = {_ara_plugins() if name == 'ARA' else PLUGINS}"]
    (folder / "ansible.cfg").write_text("\n".join([*lines, ""]))
    environment = {
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ARA_BASE_DIR": str(folder / "ara"),
        "ANSIBLE_HOME": str(folder / "home"),
    }
    before, began = _spent_s(), time.monotonic()
    done = subprocess.run(
        [VENV / "bin/ansible-playbook", "site.yml", *args],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {"wall_s": time.monotonic() - began, "cpu_s": _spent_s() - before}


def _ara_plugins() -> str:
    done = subprocess.run(
        [VENV / "bin/python", "-m", "ara.setup.callback_plugins"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _spent_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def told(measured: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """Medians, and what the goals ask, for a terminal."""
    found = medians(measured)
    lines = [f"{'':18}{'wall s':>10}{'cpu s':>10}{'wall ×':>10}{'cpu ×':>10}"]
    for name, values in found.items():
        numbers = "".join(f"{value:10.2f}" for value in (values["wall_s"], values["cpu_s"]))
        lines.append(f"{name:18}{numbers}{values['wall_x']:10.3f}{values['cpu_x']:10.3f}")
    return lines + [f"{goal.says}: {goal.shown(goal.found)} of {goal.limit:g}: {goal.met}" for goal in goals(found)]


def medians(measured: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of every contender the median seconds, how many times those without a callback they are, and how many more."""
    found = {
        name: {f"{key}_s": statistics.median(run[f"{key}_s"] for run in runs) for key in ("wall", "cpu")}
        for name, runs in measured.items()
    }
    for values in found.values():
        for key in ("wall", "cpu"):
            values[f"{key}_x"] = values[f"{key}_s"] / found["none"][f"{key}_s"]
            values[f"more_{key}_s"] = values[f"{key}_s"] - found["none"][f"{key}_s"]
    return found


def goals(found: Mapping[str, Mapping[str, float]]) -> list[Goal]:
    """The goals, with what the medians come to."""
    recorder, both = found["recorder"], found["gate and recorder"]
    of_ara = recorder["more_cpu_s"] / found["ARA"]["more_cpu_s"] if "ARA" in found else None
    return [
        Goal("recorder, processor of a run beside none", 1.05, recorder["cpu_x"]),
        Goal("what the recorder adds, beside what ARA adds (processor)", 0.2, of_ara),
        Goal("gate beside the recorder, processor per run", 0.1, both["cpu_s"] - recorder["cpu_s"], "s"),
        Goal("gate alone, processor per run", 0.1, found["gate"]["more_cpu_s"], "s"),
    ]


def chapter(document: Mapping[str, Any]) -> str:
    """What was kept, as a chapter of the page."""
    found = medians(document["measured"])
    rows = [
        f"| {name} | {values['cpu_s']:.2f} | {values['cpu_x']:.3f} × | {_spread_s(document['measured'][name])} "
        f"| {len(document['measured'][name])} |"
        for name, values in found.items()
    ]
    asked = [
        f"| {goal.says} | ≤ {goal.shown(goal.limit)} | {goal.shown(goal.found)} | {goal.met} |" for goal in goals(found)
    ]
    remarks = REMARKS.read_text(encoding="utf-8")
    return "\n".join([_CHAPTER.format(**document), *rows, "", _GOALS, *asked, "", remarks])


def _spread_s(runs: Sequence[Mapping[str, float]]) -> str:
    found = sorted(run["cpu_s"] for run in runs)
    return f"{found[0]:.1f} to {found[-1]:.1f}"


_CHAPTER = """\
## The callbacks

What the callbacks for playbooks of a site's own cost such a playbook: {tasks} tasks on {hosts} protected hosts, each a name of this machine, each task the cheapest
that there is. "nothing" is a callback whose hooks are empty. Processor time is that of all processes of a run, the one that asks the store included; the
store is made anew in every run. Medians of runs in turn. `python -m bench.callbacks` measures it again.

| callback | CPU s | beside none | from … to | runs |
|---|---|---|---|---|"""
_GOALS = """\
| goal | limit | measured | met |
|---|---|---|---|"""


if __name__ == "__main__":
    raise SystemExit(main())

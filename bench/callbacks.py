# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gate and recorder cost a playbook, beside no callback and beside ARA.

python -m bench.callbacks            50 hosts, 20 tasks, every contender in turn, five times
python -m bench.callbacks --tiny     to try the bench itself

Every host is a name of this machine and every task the cheapest that there is, so that what a callback costs weighs most.
The goals are of issues: the recorder at most 1.05 times no callback and at most a fifth of what ARA adds, the gate at most
0.1 s more per run than the same run without it.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "build/bench-venv"
LAST = ROOT / "build/bench/callbacks.json"
RECORDER, GATE, ARA = "tidegate.deploy.recorder", "tidegate.deploy.gate", "ara_default"
CONTENDERS = {
    "none": "",
    "recorder": RECORDER,
    "gate and recorder": f"{GATE}, {RECORDER}",
    "ARA": ARA,
}


def main() -> int:
    """Measure, keep and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.callbacks", description=__doc__)
    parser.add_argument("--hosts", type=int, default=50, help="how many hosts (50)")
    parser.add_argument("--tasks", type=int, default=20, help="how many tasks on each (20)")
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs (5)")
    parser.add_argument("--without-ara", action="store_true", help="leave out ARA, which takes most of the time")
    parser.add_argument("--tiny", action="store_true", help="4 hosts, 2 tasks, 1 run")
    given = parser.parse_args()
    if given.tiny:
        given.hosts, given.tasks, given.runs = 4, 2, 1
    subprocess.run([ROOT / "tools/venv", VENV, "bench"], check=True, cwd=ROOT)
    names = [name for name in CONTENDERS if name != "ARA" or not given.without_ara]
    measured = measure(names, given.hosts, given.tasks, given.runs)
    document = {"hosts": given.hosts, "tasks": given.tasks, "runs": given.runs, "measured": measured}
    LAST.parent.mkdir(parents=True, exist_ok=True)
    LAST.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("\n".join(told(measured)))
    return 0


def measure(names: list[str], hosts: int, tasks: int, runs: int) -> dict[str, list[dict[str, float]]]:
    """Seconds of every run of every contender; they take turns, so that a busy minute meets all of them."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site(Path(folder), hosts, tasks)
        for name in names:
            one(Path(folder), name)  # so that nobody pays for what is made once
        for number in range(runs):
            for name in names:
                found[name].append(one(Path(folder), name))
                print(f"bench: {number + 1}/{runs} {name}: {found[name][-1]['wall_s']:.2f} s", file=sys.stderr)
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


def one(folder: Path, name: str) -> dict[str, float]:
    """Seconds of wall clock and of processor that one run takes."""
    shutil.rmtree(folder / "inventory/.tidegate", ignore_errors=True)
    callbacks = CONTENDERS[name]
    lines = ["[defaults]", "inventory = inventory", f"collections_path = {ROOT / 'collections'}", "forks = 10"]
    lines += [f"callbacks_enabled = {callbacks}"] if callbacks else []
    lines += [f"callback_plugins = {_ara_plugins()}"] if name == "ARA" else []
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
        [VENV / "bin/ansible-playbook", "site.yml"],
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


def told(measured: dict[str, list[dict[str, float]]]) -> list[str]:
    """A table of medians, and what the goals ask."""
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in measured.items()
    }
    base = medians["none"]
    lines = [f"{'':18}{'wall s':>10}{'cpu s':>10}{'wall ×':>10}{'cpu ×':>10}"]
    for name, found in medians.items():
        ratios = [found[key] / base[key] for key in ("wall_s", "cpu_s")]
        numbers = "".join(f"{value:10.2f}" for value in (found["wall_s"], found["cpu_s"]))
        lines.append(f"{name:18}{numbers}{ratios[0]:10.3f}{ratios[1]:10.3f}")
    more = {name: {key: found[key] - base[key] for key in found} for name, found in medians.items()}
    gate = {key: medians["gate and recorder"][key] - medians["recorder"][key] for key in base}
    lines.append(_goal("recorder ÷ none", medians["recorder"]["cpu_s"] / base["cpu_s"], 1.05))
    if "ARA" in more:
        lines.append(_goal("recorder's overhead ÷ ARA's", more["recorder"]["cpu_s"] / more["ARA"]["cpu_s"], 0.2))
    return [*lines, _goal("gate, seconds per run", gate["cpu_s"], 0.1)]


def _goal(what: str, found: float, most: float) -> str:
    return f"{what}: {found:.3f} of processor time, goal {most:g}: {'reached' if found <= most else 'missed'}"


if __name__ == "__main__":
    raise SystemExit(main())

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gate and recorder cost a playbook, beside no callback, one that does nothing, and ARA.

python -m bench.callbacks            50 hosts: 20 tasks in 4 rounds, and 2 tasks in 12; ARA in the first round only
python -m bench.callbacks --keep     and keep it for docs/benchmarks.md (`python -m bench.report` writes the page)
python -m bench.callbacks --tiny     to try the bench itself

Every host is a name of this machine and every task the cheapest that there is, so that what a callback costs weighs most.
Nearly all that a run takes is Ansible's forks, and that differs from run to run by more than what is looked for. So each run is
compared with the one without callbacks of its own round, and besides a long playbook, on which what is paid per result shows, there
is a short one that can run often, on which what is paid per run shows.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.goal import Goal
from bench.paired import Runs, alone, goal, more, times

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ROOT / "bench/plugins/callback"
VENV = ROOT / "build/bench-venv"
LAST = ROOT / "build/bench/callbacks.json"
KEPT = ROOT / "bench/results/callbacks.json"
REMARKS = ROOT / "bench/results/remarks_on_callbacks.md"
RECORDER, GATE = "tidegate.deploy.recorder", "tidegate.deploy.gate, bench_waits"
NONE, BOTH, ENFORCING = "none", "gate and recorder", "gate, enforcing"
CONTENDERS = {
    NONE: "",
    "nothing": "bench_nothing",
    "recorder": RECORDER,
    "gate": GATE,
    BOTH: f"{GATE}, {RECORDER}",
    ENFORCING: GATE,
    "ARA": "ara_default",
}
LONG = (NONE, "recorder", "gate", BOTH, "ARA")
SHORT = (NONE, "nothing", "recorder", "gate", BOTH, ENFORCING)


def main() -> int:
    """Measure, keep and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.callbacks", description=__doc__)
    parser.add_argument("--hosts", type=int, default=50, help="how many hosts (50)")
    parser.add_argument("--tasks", type=int, default=20, help="how many tasks on each in the long playbook (20)")
    parser.add_argument("--few-tasks", type=int, default=2, help="how many tasks on each in the short one (2)")
    parser.add_argument("--runs", type=int, default=4, help="how many rounds of the long playbook (4)")
    parser.add_argument("--short-runs", type=int, default=12, help="how many rounds of the short one (12)")
    parser.add_argument(
        "--ara", type=int, default=1, help="in how many rounds ARA runs, which takes most of the time (1)"
    )
    parser.add_argument("--keep", action="store_true", help="keep what was measured for the page")
    parser.add_argument("--tiny", action="store_true", help="4 hosts, 2 tasks, 1 round of each")
    given = parser.parse_args()
    if given.tiny:
        given.hosts, given.tasks, given.runs, given.short_runs = 4, 2, 1, 1
    subprocess.run([ROOT / "tools/venv", VENV, "bench"], check=True, cwd=ROOT)
    of_long = {name: min(given.ara, given.runs) if name == "ARA" else given.runs for name in LONG}
    of_short = dict.fromkeys(SHORT, given.short_runs)
    document = {
        "hosts": given.hosts,
        "long": {"tasks": given.tasks, "measured": measure(of_long, given.hosts, given.tasks)},
        "short": {"tasks": given.few_tasks, "measured": measure(of_short, given.hosts, given.few_tasks)},
    }
    LAST.parent.mkdir(parents=True, exist_ok=True)
    for path in (LAST, KEPT) if given.keep else (LAST,):
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(told(document))
    return 0


def measure(runs: Mapping[str, int], hosts: int, tasks: int) -> dict[str, list[dict[str, float]]]:
    """Seconds of every run of every contender; they take turns, there and back again, so that a busy minute meets all of them.

    Args:
        runs: how often each contender runs, by name.
        hosts: how many hosts.
        tasks: how many tasks on each.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in runs if runs[name]}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = Site(Path(folder), hosts, tasks)
        for name in found:
            site.run(name, "--limit", "web000")  # so that nobody pays for what is made once
        for number in range(max(runs.values())):
            there = [name for name in found if number < runs[name]]
            for name in there[:: -1 if number % 2 else 1]:
                found[name].append(site.run(name))
                print(f"bench: round {number + 1} {name}: {found[name][-1]['wall_s']:.2f} s", file=sys.stderr)
    return found


class Site:
    """An inventory of protected hosts, a playbook, and a store that knows a change which carries it.

    Args:
        folder: empty.
        hosts: how many.
        tasks: how many on each.
    """

    def __init__(self, folder: Path, hosts: int, tasks: int) -> None:
        self._folder = folder
        self._here = {"ansible_connection": "local", "ansible_python_interpreter": str(VENV / "bin/python")}
        web: dict[str, Any] = {"hosts": {f"web{number:03}": {} for number in range(hosts)}}
        task = {"ansible.builtin.debug": {"msg": "hello"}}
        play = {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"name": f"Task {number}", **task} for number in range(tasks)],
        }
        self._write("inventory/hosts.yml", {"tidegate_protected": {"children": {"web": web}, "vars": self._here}})
        self._write(
            "inventory/group_vars/all/tidegate_services.yml", {"tidegate_services": {"web": {"unit": "web.service"}}}
        )
        self._write("site.yml", [play])
        self._write("changes/own.yml", {"service": "web", "playbook": "../site.yml"})
        self._configure(NONE)
        self._ansible("tidegate.deploy.plan", "-e", "tidegate_change_file=changes/own.yml")
        shutil.move(folder / "inventory/.tidegate", folder / "store")
        with closing(sqlite3.connect(folder / "store/store.db")) as store:
            self._change = str(store.execute("SELECT max(id) FROM changes").fetchone()[0])

    def run(self, name: str, *args: str) -> dict[str, float]:
        """Seconds of wall clock and of processor that one run takes, and, with a gate, that it waited for answers."""
        store, waited = self._folder / "inventory/.tidegate", self._folder / "waited"
        shutil.rmtree(store, ignore_errors=True)
        waited.unlink(missing_ok=True)
        shutil.copytree(self._folder / "store", store)
        self._configure(name)
        before, began = _spent_s(), time.monotonic()
        self._ansible("site.yml", *args, TIDEGATE_CHANGE=self._change if name == ENFORCING else "")
        took = {"wall_s": time.monotonic() - began, "cpu_s": _spent_s() - before}
        return took | ({"waited_s": float(waited.read_text())} if waited.exists() else {})

    def _configure(self, name: str) -> None:
        plugins = _ara_plugins() if name == "ARA" else PLUGINS
        lines = ["[defaults]", "inventory = inventory", f"collections_path = {ROOT / 'collections'}", "forks = 10"]
        lines += [f"callbacks_enabled = {CONTENDERS[name]}"] if CONTENDERS[name] else []
        (self._folder / "ansible.cfg").write_text("\n".join([*lines, f"callback_plugins = {plugins}", ""]))
        gate = {"tidegate_gate": "enforce" if name == ENFORCING else "observe"}
        self._write("inventory/group_vars/tidegate_protected.yml", gate)

    def _ansible(self, *words: str, **more: str) -> None:
        environment = {
            "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "ARA_BASE_DIR": str(self._folder / "ara"),
            "ANSIBLE_HOME": str(self._folder / "home"),
            "BENCH_WAITED": str(self._folder / "waited"),
        }
        done = subprocess.run(
            [VENV / "bin/ansible-playbook", *words],
            cwd=self._folder,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: {words} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _write(self, path: str, content: Any) -> None:
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).write_text(json.dumps(content))


def _ara_plugins() -> str:
    done = subprocess.run(
        [VENV / "bin/python", "-m", "ara.setup.callback_plugins"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _spent_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """The goals, with what was found in the rounds."""
    long, short = document["long"]["measured"], document["short"]["measured"]
    ours, ara = more(long, "recorder", NONE, "cpu_s"), more(long, "ARA", NONE, "cpu_s")
    of_ara = ours.median / ara.median if ours and ara else None
    found = [
        goal(f"recorder beside none, {what}", 1.05, times(long, "recorder", NONE, key), room=0.05)
        for key, what in (("wall_s", "clock"), ("cpu_s", "processor"))
    ]
    found.append(Goal("what the recorder adds, beside what ARA adds, processor", 0.2, of_ara))
    for which, runs in (("long", long), ("short", short)):
        found += [
            goal(f"gate that observes beside none, {which}, clock", 0.1, more(runs, "gate", NONE, "wall_s"), "s"),
            goal(
                f"gate and recorder beside recorder, {which}, clock", 0.1, more(runs, BOTH, "recorder", "wall_s"), "s"
            ),
            goal(
                f"gate and recorder beside recorder, {which}, processor",
                0.1,
                more(runs, BOTH, "recorder", "cpu_s"),
                "s",
            ),
        ]
    found.append(goal("gate that enforces, wait for its answer", 0.1, alone(short, ENFORCING, "waited_s"), "s"))
    return found


def told(document: Mapping[str, Any]) -> str:
    """All that was measured, for a terminal."""
    lines = [*_table(document["long"]["measured"]), "", *_table(document["short"]["measured"]), ""]
    return "\n".join([*lines, *_goals(document)])


def chapter(document: Mapping[str, Any]) -> str:
    """What was kept, as a chapter of the page."""
    long, short = (document[name] for name in ("long", "short"))
    hosts = document["hosts"]
    parts = [
        _CHAPTER.format(hosts=hosts, long=long["tasks"], short=short["tasks"]),
        *_table(long["measured"]),
        "",
        f"The same with {short['tasks']} tasks:",
        "",
        *_table(short["measured"]),
        "",
        *_goals(document),
        "",
        REMARKS.read_text(encoding="utf-8"),
    ]
    return "\n".join(parts)


def _table(runs: Runs) -> list[str]:
    lines = [
        "| callback | clock s | more than none | CPU s | more than none | waited s | rounds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, own in runs.items():
        cells = [f"{found.median:.2f}" if (found := alone(runs, name, key)) else "–" for key in ("wall_s", "cpu_s")]
        beside = [str(more(runs, name, NONE, key)) if name != NONE else "–" for key in ("wall_s", "cpu_s")]
        waited = str(alone(runs, name, "waited_s") or "–")
        lines.append(f"| {name} | {cells[0]} | {beside[0]} | {cells[1]} | {beside[1]} | {waited} | {len(own)} |")
    return lines


def _goals(document: Mapping[str, Any]) -> list[str]:
    rows = [f"| {one.says} | ≤ {one.limit:.3f} {one.unit} | {_shown(one)} | {one.met} |" for one in goals(document)]
    return ["| goal | limit | measured | met |", "|---|---|---|---|", *rows]


def _shown(one: Goal) -> str:
    return "–" if one.found is None else f"{one.found:.3f} {one.unit}"


_CHAPTER = """\
## The callbacks

What the callbacks for playbooks of a site's own cost such a playbook: {long} or {short} tasks on {hosts} protected hosts, each a name of this machine, each task the
cheapest that there is. "nothing" is a callback whose hooks are empty. Processor time is that of all processes of a run, the one that asks the store included; the store has
one change, which carries the playbook and lets the gate that enforces pass. Contenders take turns, there and back again. What one takes is the median of its rounds; what it
takes more is the median of the differences to the run without callbacks in the same round, and between what half of these differences lie. "waited" is how long Ansible's process waited
for answers of the gate. `python -m bench.callbacks` measures it again, in six minutes.
"""


if __name__ == "__main__":
    raise SystemExit(main())

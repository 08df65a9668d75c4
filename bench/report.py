# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians, goals, a table for the console, and the page of the documentation, all made of one kept document.

python -m bench.report          write docs/benchmarks.md anew from what is kept
python -m bench.report --keep   keep the last measurement, build/bench/result.json, first
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import callbacks, enrolled
from bench.goal import Goal

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "bench/results/reference.json"
LAST = ROOT / "build/bench/result.json"
LEDGER = ROOT / "bench/results/ledger.json"
REMARKS = ROOT / "bench/results/remarks.md"
PAGE = ROOT / "docs/benchmarks.md"
MEASURES = ("wall_s", "controller_cpu_s", "hosts_cpu_s", "peak_memory_bytes", "to_hosts_bytes", "results_per_host")
TITLES = {
    "floor": "`ssh … curl \\| tar` (floor)",
    "tidegate": "Tidegate",
    "pyinfra": "pyinfra",
    "plain": "plain Ansible tasks",
}
CHAPTERS = {
    "pull": "{files:,} files, {archive_bytes}, downloaded by the hosts",
    "push": "{files:,} files, {archive_bytes}, sent by the controller",
    "file": "One file of {file_bytes}, downloaded by the hosts",
}


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each contender the median of each measure, and of each of its steps; what ran before round 1 does not count."""
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(run["contender"] for run in runs if run["round"] > 0):
        own = [run for run in runs if run["contender"] == name and run["round"] > 0]
        found[name] = {key: statistics.median(run[key] for run in own) for key in MEASURES if key in own[0]}
        found[name]["runs"] = len(own)
        found[name]["on_host_ms"] = {
            key: statistics.median(run["on_host_ms"][key] for run in own) for key in own[0].get("on_host_ms", {})
        }
        found[name]["steps_s"] = {
            key: [statistics.median(values) for values in zip(*(run["steps_s"][key] for run in own), strict=True)]
            for key in own[0].get("steps_s", {})
        }
    return found


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """The goals, with what was found."""
    found, hosts = medians(document["runs"]), document["setting"]["hosts"]

    def ratio(one: str, other: str) -> float | None:
        return found[one]["wall_s"] / found[other]["wall_s"] if one in found and other in found else None

    per_host = found["tidegate-pull"]["controller_cpu_s"] / hosts if "tidegate-pull" in found else None
    peer = ratio("tidegate-pull", "pyinfra-pull")
    return [
        Goal("whole rollout, beside plain tasks", 0.3, ratio("tidegate-pull", "plain-pull")),
        Goal("whole rollout, beside pyinfra's deploy without any of its checks", 1.6, peer),
        Goal("the same: the mark that we are after", 1.0, peer),
        Goal("processor of the controller, per host", 0.3, per_host, "s"),
        Goal("rollback of all hosts, beside their rollout", 0.5, ratio("tidegate-rollback", "tidegate-pull")),
        Goal("rollout of the large file, beside the floor", 1.3, ratio("tidegate-file", "floor-file")),
    ]


def console(document: Mapping[str, Any]) -> str:
    """All that was measured, for a terminal."""
    found, hosts = medians(document["runs"]), document["setting"]["hosts"]
    lines = [f"{'medians':<20}{'wall s':>8}{'ctrl s':>8}{'hosts s':>9}{'MB':>6}{'MB/host':>9}{'results':>9}"]
    for name, values in found.items():
        results = f"{values['results_per_host']:.1f}" if "results_per_host" in values else "-"
        lines.append(
            f"{name:<20}{values['wall_s']:>8.1f}{values['controller_cpu_s']:>8.1f}{values['hosts_cpu_s']:>9.1f}"
            f"{values['peak_memory_bytes'] / 1e6:>6.0f}{values['to_hosts_bytes'] / hosts / 1e6:>9.1f}{results:>9}"
        )
    for name in (name for name in found if found[name]["steps_s"] and name.startswith("tidegate")):
        lines += ["", f"{name:<20}{'wall s':>8}{'ctrl s':>8}{'hosts s':>9}"]
        for step, (wall_s, *cpu_s) in found[name]["steps_s"].items():
            lines.append(f"  {step:<18}{wall_s:>8.1f}" + "".join(f"{s:>{8 + i}.1f}" for i, s in enumerate(cpu_s)))
        if found[name]["on_host_ms"]:
            lines.append("  on a host, ms: " + ", ".join(f"{k} {v:.0f}" for k, v in found[name]["on_host_ms"].items()))
    for run in document["planned"]:
        lines += ["", f"{run['verb']} of {run['hosts']} planned hosts: {run['wall_s']:.1f} s, {_planned(run)}"]
    lines.append("")
    for goal in goals(document):
        if goal.found is not None:
            lines.append(f"{goal.met.strip('*'):<4}{goal.shown(goal.found):>9} of {goal.limit:g}  {goal.says}")
    return "\n".join(lines)


def _planned(run: Mapping[str, Any]) -> str:
    cpu_s = run["controller_cpu_s"]
    return f"controller {cpu_s:.1f} s, {cpu_s / run['hosts']:.3f} s per host, {run['peak_memory_bytes'] / 1e6:.0f} MB"


def page(
    document: Mapping[str, Any],
    remarks: str,
    ledger: Mapping[str, Any] | None = None,
    of_callbacks: Mapping[str, Any] | None = None,
    of_enrolled: Mapping[str, Any] | None = None,
) -> str:
    """The page of the documentation; the remarks are what people say of the numbers, what comes last is measured apart."""
    found, setting = medians(document["runs"]), document["setting"]
    sizes = {key: _bytes(value) if key.endswith("bytes") else value for key, value in setting.items()}
    parts = [_INTRODUCTION.format(**document["machine"], **sizes), _goals_table(document)]
    for kind, title in CHAPTERS.items():
        rows = {tool: found[f"{tool}-{kind}"] for tool in TITLES if f"{tool}-{kind}" in found}
        if rows:
            parts.append(f"## {title.format(**sizes)}\n\n{_contenders_table(rows, setting)}")
    parts += [_steps(found), remarks]
    if document["planned"]:
        parts.append(_planned_table(document["planned"]))
    if of_enrolled:
        parts.append(enrolled.chapter(of_enrolled))
    if ledger:
        parts.append(ledger_table(ledger))
    if of_callbacks:
        parts.append(callbacks.chapter(of_callbacks))
    return "\n".join([*parts, _METHOD.format(**document["machine"], **sizes)])


def _goals_table(document: Mapping[str, Any]) -> str:
    rows = [
        f"| {goal.says} | ≤ {goal.shown(goal.limit)} | {goal.shown(goal.found)} | {goal.met} |"
        for goal in goals(document)
    ]
    return "\n".join(["| goal | limit | measured | met |", "|---|---|---|---|", *rows, ""])


def _contenders_table(rows: Mapping[str, Mapping[str, Any]], setting: Mapping[str, Any]) -> str:
    lines = [
        "| tool | wall s | controller CPU s | hosts' CPU s | controller MB | MB to each host | results per host |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, values in rows.items():
        results = f"{values['results_per_host']:.1f}" if "results_per_host" in values else "–"
        lines.append(
            f"| {TITLES[tool]}{', one run' if values['runs'] < setting['runs'] else ''} | {values['wall_s']:.1f} | {values['controller_cpu_s']:.1f} | {values['hosts_cpu_s']:.1f}"
            f" | {values['peak_memory_bytes'] / 1e6:.0f} | {values['to_hosts_bytes'] / setting['hosts'] / 1e6:.1f} | {results} |"
        )
    return "\n".join([*lines, ""])


def _steps(found: Mapping[str, Mapping[str, Any]]) -> str:
    columns = [
        name for name in ("tidegate-pull", "tidegate-push", "tidegate-rollback", "tidegate-file") if name in found
    ]
    steps = list(dict.fromkeys(step for name in columns for step in found[name]["steps_s"]))
    steps.sort(key=lambda step: _ORDER.index(step) if step in _ORDER else len(_ORDER))
    lines = [
        "## Where Tidegate's time goes",
        "",
        "Seconds from the beginning of a step to that of the next one (processor seconds of the controller + of all hosts).",
        "",
        "| step | " + " | ".join(name.removeprefix("tidegate-") for name in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for step in steps:
        cells = [_times(found[name]["steps_s"].get(step)) for name in columns]
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    totals = [_times([found[name][key] for key in MEASURES[:3]]) for name in columns]
    lines.append("| **all** | " + " | ".join(totals) + " |")
    timings = found.get("tidegate-pull", {}).get("on_host_ms")
    if timings:
        said = ", ".join(f"{name.removesuffix('_ms')} {value:.0f}" for name, value in timings.items())
        lines += ["", f"Inside of distribution and activation, as the hosts measure it, in ms: {said}."]
    return "\n".join([*lines, ""])


def _times(values: Sequence[float] | None) -> str:
    """Wall time, and both processor times."""
    return "–" if values is None else f"{values[0]:.1f} ({' + '.join(f'{value:.1f}' for value in values[1:])})"


def _planned_table(planned: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {run['hosts']:,} | {run['verb']} | {run['wall_s']:.1f} | {run['controller_cpu_s']:.1f}"
        f" | {run['controller_cpu_s'] / run['hosts']:.3f} | {run['peak_memory_bytes'] / 1e6:.0f} |"
        for run in planned
    ]
    return "\n".join([_PLANNED, *rows, ""])


def ledger_table(found: Mapping[str, Any]) -> str:
    """What `python -m bench.ledger` measured, beside what was promised."""
    seconds, memory = found["verified_s"], found["verified_peak_bytes"] / 2**20
    rows = [
        ("appends/s, SQLite", "≥ 1,000", f"{found['sqlite_per_s']:,.0f}", found["sqlite_per_s"] >= 1000),
        ("appends/s, PostgreSQL", "≥ 400", f"{found['postgresql_per_s']:,.0f}", found["postgresql_per_s"] >= 400),
        (f"verifying {found['entries']:,} entries", "≤ 60 s", f"{seconds:.1f} s", seconds <= 60),
        ("memory for that", "≤ 500 MiB", f"{memory:.0f} MiB", memory <= 500),
    ]
    lines = [f"| {what} | {limit} | {value} | {'yes' if met else '**no**'} |" for what, limit, value, met in rows]
    return "\n".join([_LEDGER.format(**found), *lines, ""])


def _bytes(value: int) -> str:
    return f"{value / 1e6:.0f} MB"


_ORDER = (
    "start", "open the change", "pre-check", "freeze the plan", "distribute", "open the wave", "activate", "test",
    "confirm", "judge the waves", "go back", "close", "end",
)  # fmt: skip
_INTRODUCTION = """\
# Benchmarks

What a whole governed rollout costs (plan, pre-check, distribution, activation with its way back armed, test, confirmation,
record), beside what other tools take to copy, link and restart. This page is made by `python -m bench.report` of
`bench/results/reference.json`; `make bench` measures again, in one command, as root.

{hosts} hosts, each a Debian in systemd-nspawn, share one machine with the controller: {cores} cores ({processor}),
{memory_gib} GiB of memory, {distribution}, Linux {kernel}. So wall time is about half of all processor seconds together; in a real
fleet the hosts' part runs on their own machines, and the controller's is what grows with their number.
Python {python}, ansible-core {ansible}, pyinfra {pyinfra}, {ssh}; measured at commit {commit}. Numbers are medians of {runs}.
"""
_PLANNED = """\
## Many hosts

What the controller alone needs, with hosts that are a stub and answer at once: no SSH, 20 forks, one wave.

| hosts | what | wall s | controller CPU s | per host | controller MB |
|---|---|---|---|---|---|"""
_LEDGER = """\
## The ledger

{processes} processes append at once, {each} entries each in a transaction of its own, which is on the disk before it is answered
(SQLite with `synchronous=FULL`, PostgreSQL with `fsync` on; processes and server share the two cores). Medians of {runs}. Then an outsider's
`tidegate-verify.py` checks an export against a checkpoint. `python -m bench.ledger` measures it again.

| what | limit | measured | met |
|---|---|---|---|"""
_METHOD = """\
## How it is measured

- **The release** is {files:,} files of {archive_bytes}, three quarters of them text, as a `tar.gz` of {packed_bytes}; every run brings
  a version of which the hosts have no file. The large file is a program that does not compress. Hosts' disks are memory.
- **The same for all**: one wave of all hosts; login as an ordinary user by the same key and cipher, root by sudo; a new
  connection in each run; {hosts} hosts at once (`forks`). Ansible runs with pipelining, ControlPersist, and without facts.
  pyinfra has an SSH client of its own, which needs no masters.
- **The same work**: a folder per release, the digest of what was downloaded, link, restart, one good answer that shows the new
  version, one old release kept. The playbooks, the deploy and the script are in `bench/peers/`. Tidegate's probes
  are told to be content with one answer, too: how long one looks at a release is a choice, and comes on top.
- **In turn**: each round runs all tools once. After each run every host is asked over the network whether it
  runs the new release. The first rollout, which brings the host program to the hosts, is not counted.
- **Processor and memory** are those of a control group with all processes of the tool, masters of SSH included; memory without
  pages of files, its peak among samples every 0.1 s. The hosts' processor is that of their control group. Bytes
  are counted on their cables, SSH included. Results are what Ansible's callbacks see.
"""


def main(arguments: Sequence[str]) -> None:
    """Write the page of what is kept."""
    if "--keep" in arguments:
        shutil.copyfile(LAST, KEPT)
    PAGE.write_text(page_of_kept())


def page_of_kept() -> str:
    """The page of all that is kept; without a chapter on what never was."""
    apart = (
        json.loads(kept.read_text()) if kept.exists() else None for kept in (LEDGER, callbacks.KEPT, enrolled.KEPT)
    )
    return page(json.loads(KEPT.read_text()), REMARKS.read_text(), *apart)


if __name__ == "__main__":
    main(sys.argv[1:])

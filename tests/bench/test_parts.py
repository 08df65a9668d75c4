# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench without any host: its releases, its web server, its arithmetic, its stub, and the page that is made of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import callbacks, planned, releases, report, runs
from bench.contenders import environment, write_change
from bench.meter import Used
from bench.server import Files
from lab.command import LabError


def run(contender, number, wall_s, **more):
    """One run, as it is kept."""
    used = Used(wall_s, 5.0, 100_000_000, 10.0, 20_000_000, 1_000_000)
    return {"contender": contender, "round": number, **vars(used), "steps_s": {}, "on_host_ms": {}, **more}


def document(*found):
    """A result with these runs."""
    machine = dict.fromkeys(("cores", "processor", "memory_gib", "distribution", "kernel", "cgroups", "python"), "some")
    machine |= dict.fromkeys(("ansible", "pyinfra", "ssh", "commit"), "some")
    setting = {"hosts": 20, "runs": 3, "files": 1200, "archive_bytes": 30_000_000, "packed_bytes": 17_000_000}
    setting |= {"file_bytes": 200_000_000}
    return {"machine": machine, "setting": setting, "runs": list(found), "planned": []}


def test_the_page_is_made_of_what_is_kept():
    """docs/benchmarks.md says what bench/results holds, and nothing else."""
    assert report.page_of_kept() == report.PAGE.read_text(), "run python -m bench.report"


def test_releases_are_the_same_whenever_they_are_made(tmp_path):
    """Twice the same bytes; of another version no file is the same."""
    one, same = (releases.archive(tmp_path / place, "1.0.1", 30, 200_000) for place in "ab")
    other = releases.archive(tmp_path / "a", "1.0.2", 30, 200_000)

    assert one.sha256 == same.sha256 != other.sha256
    with tarfile.open(one.path) as tar, tarfile.open(other.path) as theirs:
        contents = {entry.name: tar.extractfile(entry).read() for entry in tar}
        others = {entry.name: theirs.extractfile(entry).read() for entry in theirs}
    assert (30, 200_000) == (len(contents), sum(map(len, contents.values())))
    assert {"bin/web"} == {name for name in contents if contents[name] == others[name]}


def test_a_program_is_as_large_as_it_says(tmp_path):
    """One executable file."""
    made = releases.program(tmp_path, "2.0.0", 100_000)

    assert 100_000 == made.path.stat().st_size
    assert os.access(made.path, os.X_OK)
    assert not made.is_archive


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [(None, 200, b"0123456789"), ("bytes=3-5", 206, b"345"), ("bytes=7-", 206, b"789"), ("bytes=12-", 416, None)],
)
def test_the_web_server_knows_ranges(tmp_path, asked, status, expected):
    """A download that was interrupted can go on."""
    (tmp_path / "file").write_bytes(b"0123456789")
    with Files("127.0.0.1", tmp_path) as files:
        connection = http.client.HTTPConnection("127.0.0.1", files.server_port)
        with contextlib.closing(connection):
            connection.request(
                "GET", urlsplit(files.url(tmp_path / "file")).path, headers={"Range": asked} if asked else {}
            )
            answer = connection.getresponse()
            found = answer.status, answer.read()

    assert status == found[0]
    assert expected in (None, found[1])


def test_names_of_contenders():
    """Beginnings of names choose, in the order of a round; one that is none is refused."""
    assert ["floor-pull", "tidegate-pull", "floor-push", "floor-file"] == runs.names(["floor", "tidegate-pull"])
    assert list(runs.EXPECTED_S) == runs.names([])
    assert ["tidegate-pull", "tidegate-rollback"] == runs.names(["tidegate-rollback"])
    with pytest.raises(LabError, match="no contender begins with ansistrano"):
        runs.names(["ansistrano"])


def test_what_is_slow_and_in_no_goal_runs_once():
    """Unless it is asked for by name."""
    assert [(1, "plain-pull"), (1, "plain-push"), (1, "plain-file"), (2, "plain-pull")] == runs.schedule(["plain"], 2)
    assert [(1, "plain-push"), (2, "plain-push")] == runs.schedule(["plain-push"], 2)


def test_times_of_steps():
    """Each step lasts until the next one begins; what no step covers is start and end."""
    tasks = [
        {"name": "a", "action": "tidegate.deploy.stage", "began": [1.0, 0.5, 0.0], "results": 2, "local": 0},
        {"name": "b", "action": "ansible.builtin.uri", "began": [4.0, 1.0, 2.0], "results": 2, "local": 1},
    ]
    for task in tasks:
        task["timings"] = [{"switch_ms": 1}, {"switch_ms": 5}, {"switch_ms": 3}] if task["name"] == "a" else []
    used = Used(6.0, 1.5, 0, 3.0, 0, 0)

    found = runs.read_times({"ended": [5.0, 1.25, 3.0], "tasks": tasks}, used, 2)

    assert 2.0 == found["results_per_host"]
    assert found["steps_s"] == {
        "start": [1.0, 0.5, 0.0],
        "distribute": [3.0, 0.5, 2.0],
        "b": [1.0, 0.25, 1.0],
        "end": [1.0, 0.25, 0.0],
    }
    assert {"switch_ms": 3} == found["on_host_ms"]


def test_goals_are_judged_by_medians_of_what_was_measured():
    """The first rollout does not count, one slow run does not decide, and what was not measured is not met."""
    walls = {"tidegate-pull": (8, 9, 99), "pyinfra-pull": (6, 6, 6), "plain-pull": (31, 31, 31)}
    found = [run(name, number, wall) for name, wall_s in walls.items() for number, wall in enumerate(wall_s, 1)]

    goals = report.goals(document(run("tidegate-first", 0, 500), *found))

    assert ["yes", "yes", "**no**", "yes", "not measured", "not measured"] == [goal.met for goal in goals]
    assert [9 / 31, 1.5, 1.5, 0.25, None, None] == [goal.found for goal in goals]


def test_page_and_console_show_what_was_measured():
    """Of a contender that did not run there is no row."""
    steps = {"start": [1.0, 0.9, 0.0], "activate": [2.0, 0.5, 4.0], "end": [0.1, 0.0, 0.0]}
    found = document(run("tidegate-pull", 1, 9.0, results_per_host=5.2, steps_s=steps, on_host_ms={"probe_ms": 80}))

    page, console = report.page(found, "A remark.\n"), report.console(found)

    assert "| Tidegate, one run | 9.0 | 5.0 | 10.0 | 100 | 1.0 | 5.2 |" in page
    assert "A remark." in page
    assert "| activate | 2.0 (0.5 + 4.0) |" in page
    assert "pyinfra |" not in page
    assert "  activate               2.0     0.5      4.0" in console


def test_a_rollout_over_the_stub(tmp_path):
    """The stub answers each step as the present procedure wants it answered."""
    release = releases.archive(tmp_path, "1.0.0", 10, 10_000)
    site = planned.site(tmp_path, 3)
    change = write_change(site, planned.SERVICE, release, None)
    command = site.playbook("tidegate.deploy.rollout", "-e", f"tidegate_change_file={change}")
    given = {**environment(), **command.environment, "BENCH_STUB": str(tmp_path / "stub"), "BENCH_BEGAN": "0"}
    (tmp_path / "stub").mkdir()
    done = subprocess.run(
        command.argv,
        cwd=command.folder,
        env={**given, "BENCH_CPU_FILES": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "host0001, host0002, host0003" in done.stdout
    assert {"distribute", "activate", "test", "confirm"} <= set(
        runs.read_times(json.loads(site.times.read_text()), Used(0, 0, 0, 0, 0, 0), 3)["steps_s"]
    )


def test_the_ledger_is_measured_apart():
    """Each promise beside what was found, and whether it was kept."""
    found = {"processes": 8, "each": 500, "runs": 3, "entries": 1_000_000, "verified_peak_bytes": 20 * 2**20}
    table = report.ledger_table({**found, "sqlite_per_s": 1200.4, "postgresql_per_s": 399.0, "verified_s": 22.93})
    assert table.splitlines()[-4:] == [
        "| appends/s, SQLite | ≥ 1,000 | 1,200 | yes |",
        "| appends/s, PostgreSQL | ≥ 400 | 399 | **no** |",
        "| verifying 1,000,000 entries | ≤ 60 s | 22.9 s | yes |",
        "| memory for that | ≤ 500 MiB | 20 MiB | yes |",
    ]


def test_callbacks_are_measured_apart():
    """Each contender beside none of the same round, each goal beside what was found; of one that did not run nothing is told."""
    rounds = {"none": [10.0, 12.0, 11.0], "recorder": [10.4, 12.8, 11.0], "gate": [10.0, 12.2, 11.1]}
    rounds["gate and recorder"] = [10.48, 13.6, 11.0]
    measured = {name: [{"wall_s": one / 2, "cpu_s": one} for one in values] for name, values in rounds.items()}
    enforcing = {"gate, enforcing": [{"wall_s": 1.0, "cpu_s": 1.0, "waited_s": waited} for waited in (0.2, 0.25, 0.21)]}
    document = {"hosts": 50, "long": {"tasks": 20, "measured": measured}, "short": {"tasks": 2, "measured": enforcing}}

    chapter = callbacks.chapter(document)

    assert "| recorder | 5.50 | 0.20 (0.10 to 0.30) | 11.00 | 0.40 (0.20 to 0.60) | – | 3 |" in chapter
    assert "| recorder beside none, processor | ≤ 1.050 × | 1.040 × | yes |" in chapter
    assert "| gate that observes beside none, long, clock | ≤ 0.100 s | 0.050 s | yes |" in chapter
    assert "| gate that observes beside none, short, clock | ≤ 0.100 s | – | not measured |" in chapter
    noisy = "| ≤ 0.100 s | 0.080 s | yes; half of the rounds lie 0.40 s apart, too far to tell |"
    assert f"| gate and recorder beside recorder, long, processor {noisy}" in chapter
    assert "| gate that enforces, wait for its answer | ≤ 0.100 s | 0.210 s | **no** |" in chapter
    assert "beside what ARA adds, processor | ≤ 0.200 × | – | not measured |" in chapter

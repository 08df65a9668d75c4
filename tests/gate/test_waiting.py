# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for the gate: a run that it may refuse, and no run on hosts that it only observes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from gate.conftest import PLAYBOOK, RUN_S, clerk_of

OBSERVED = ("observe", False, "NO_CHANGE", ["web1", "web2"])
DELEGATED = ("observe", False, "NO_CHANGE", ["web2"])


def plays(site: Any, *tasks: tuple[str, dict[str, Any]]) -> str:
    """A playbook of plays with one task each, and its name."""
    site.write("site.yml", [{"hosts": hosts, "gather_facts": False, "tasks": [task]} for hosts, task in tasks])
    return "site.yml"


def until(true: Callable[[], Any]) -> None:
    """Wait for something."""
    late = time.monotonic() + RUN_S
    while not true():
        assert time.monotonic() < late
        time.sleep(0.02)


def begun(site: Any, *args: str, **env: str) -> subprocess.Popen[str]:
    """A run whose end nobody waits for, in a process group of its own."""
    return subprocess.Popen(
        [str(PLAYBOOK), *args], cwd=site.folder, env={**site.environment, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def test_what_is_only_observed_goes_on_while_nobody_answers(site: Any) -> None:
    """Plays and delegations do not wait for a clerk that stands still; what it says then is shown and kept, in the order of asking."""
    site.protect()
    playbook = plays(
        site,
        ("db1", site.to_clerk(signal.SIGSTOP)),
        ("web", site.touch()),
        ("db1", site.touch(delegate_to="web2")),
        ("db2", site.to_clerk(signal.SIGCONT)),
    )

    done = site.run(playbook)

    assert (0, ["db1", "web1", "web2"]) == (done.rc, site.touched), done.text
    assert [OBSERVED, DELEGATED] == site.gated
    assert ["only observes; it would refuse web1, web2: NO_CHANGE: no change was named"] == [
        line.rpartition("; name ")[0] for line in done.said
    ]


def test_what_is_enforced_waits_for_the_answer(site: Any) -> None:
    """No host is touched while the clerk stands still; when it goes on, so does the run."""
    site.protect(tidegate_gate="enforce")
    playbook = plays(site, ("db1", site.to_clerk(signal.SIGSTOP)), ("web", site.touch()))
    change = site.planned(playbook)
    log = site.folder / ".ansible/log"

    run = begun(site, playbook, "-e", f"tidegate_change={change}", ANSIBLE_LOG_PATH=str(log))
    until(lambda: log.exists() and "PLAY [web]" in log.read_text())
    before = site.touched
    at = time.time()
    os.kill(clerk_of(str(site.folder)), signal.SIGCONT)
    said, _none = run.communicate(timeout=RUN_S)

    assert (0, [], ["web1", "web2"]) == (run.returncode, before, site.touched), said
    assert all(at < path.stat().st_mtime for path in site.touched_folder.iterdir())


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_what_was_observed_of_a_run_that_ends_early_is_kept(site: Any, signum: signal.Signals) -> None:
    """The clerk writes what it was asked, also when the run is gone by then; on Ctrl-C it is shown, too."""
    site.protect()
    tasks = (
        ("db1", site.to_clerk(signal.SIGSTOP)),
        ("web", site.touch()),
        ("db1", {"ansible.builtin.pause": {"seconds": 60}}),
    )

    run = begun(site, plays(site, *tasks))
    until(lambda: ["web1", "web2"] == site.touched)
    clerk = clerk_of(str(site.folder))
    os.killpg(run.pid, signum)
    if signum == signal.SIGKILL:
        run.wait()
    os.kill(clerk, signal.SIGCONT)
    said, _none = run.communicate(timeout=RUN_S)
    until(lambda: not os.path.exists(f"/proc/{clerk}"))

    assert [OBSERVED] == site.gated
    assert (signum == signal.SIGINT) == ("tidegate gate: only observes; it would refuse web1, web2" in said), said
    assert site.ask("SELECT DISTINCT run_id FROM gated") == site.ask("SELECT run_id FROM recorded_runs")


def test_data_of_what_is_only_observed_ends_no_play_in_its_middle(site: Any) -> None:
    """Where it is clear that nothing is enforced, what else is wrong with a policy is found while the run goes on: exit 78 at its end."""
    site.protect(tidegate_policy={"gate": "observe", "freezes": "always"})

    done = site.run(site.play())

    assert (78, ["web1", "web2"]) == (done.rc, site.touched)
    assert "DATA: tidegate_policy of host web1: freezes: found 'always'" in done.said[0]
    assert "nothing of it is enforced" in done.said[0]

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that hold a lease: told apart, and known to be gone only where that can be seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder

from .processes import DEADLINE_S, FORK, at_once

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs Linux")


def holder_of(process):
    return {**holder.current_run_holder(), "pid": process.pid, "started": holder._started(process.pid)}


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_a_worker_names_its_ansible_playbook():
    """All forked workers are one holder and one run: the process that forked them."""
    me = holder.current_run_holder()
    assert (me["pid"], me["started"] != "") == (os.getpid(), True)
    assert at_once(lambda _number: holder.current_run_holder(), 2) == [me, me]


def test_a_worker_whose_ansible_playbook_is_gone_stops():
    """An orphan does not begin another step."""
    answer, question = FORK.Pipe(duplex=False)

    def orphan(parent):
        until = time.monotonic() + DEADLINE_S
        while os.getppid() == parent and time.monotonic() < until:
            time.sleep(0.01)
        try:
            holder.current_run_holder()
            question.send("went on")
        except Refusal as refusal:
            question.send(refusal.code)

    def playbook():
        FORK.Process(target=orphan, args=(os.getpid(),)).start()
        os.kill(os.getpid(), signal.SIGKILL)

    FORK.Process(target=playbook).start()
    assert answer.poll(DEADLINE_S)
    assert answer.recv() == "INTERRUPTED"


def test_a_run_id_is_of_the_process_and_of_its_change():
    """32 hexadecimal digits, equal for equal holders, different per change."""
    me = holder.current_run_holder()
    ids = [holder.run_id(me), holder.run_id(me, "CHG-2026-0001"), holder.run_id(me, "CHG-2026-0002")]
    assert len(set(ids)) == 3
    assert {len(found) for found in ids} == {32}
    assert holder.run_id(dict(me)) == holder.run_id(me)


def test_a_living_process_is_not_dead(sleeper):
    """Neither this one nor another."""
    assert not holder.is_dead(holder.current_run_holder())
    assert not holder.is_dead(holder_of(sleeper))


def test_a_killed_process_is_dead(sleeper):
    """Also while its parent has not asked for its exit status."""
    held = holder_of(sleeper)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert holder.is_dead(held)
    sleeper.wait()
    assert holder.is_dead(held)


def test_a_stopped_process_is_not_dead(sleeper):
    """SIGSTOP: only time takes its lease."""
    held = holder_of(sleeper)
    sleeper.send_signal(signal.SIGSTOP)
    assert not holder.is_dead(held)


@pytest.mark.parametrize(
    ("differs", "dead"),
    [
        ({"started": "1"}, True),
        ({"pid": 2**22 + 1}, True),
        ({"boot_id": "another boot"}, True),
        ({"boot_id": "another boot", "machine": "another machine"}, False),
        ({"boot_id": "another boot", "host": "another-name"}, False),
        ({"boot_id": ""}, False),
        ({"pid": 2**22 + 1, "pids": "pid:[1]"}, False),
    ],
    ids=[
        "process id used again",
        "no such process",
        "booted since",
        "another machine",
        "a clone of this machine, or a container of the same image",
        "unknown boot",
        "another container",
    ],
)
def test_who_is_known_to_be_gone(differs, dead):
    """Gone is only who would be seen here if it lived, or whose machine was booted since."""
    assert holder.is_dead({**holder.current_run_holder(), **differs}) is dead


def test_without_a_machine_id_another_boot_says_nothing(monkeypatch):
    """Containers often have none; their lease runs out."""
    monkeypatch.setattr(holder, "_machine", lambda: "")
    assert not holder.is_dead({**holder.current_run_holder(), "boot_id": "another boot"})

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress callback under a real ansible-playbook, with an action that stands in for ours."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.callback.progress import (
    GRACE_S,
    Interruption,
    line_for_output,
    plain_text,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

COLLECTIONS = Path(__file__).resolve().parents[7]
AT = datetime(2026, 11, 24, 14, 3, 7, tzinfo=UTC)
DEADLINE_S = 60

ACTION = """
import os, time
from datetime import datetime, timezone
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, locate
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        who = holder.current_run_holder()
        path = locate.locate(task_vars["ansible_inventory_sources"])
        if self._task.args.get("begin"):
            with Store.open(path, lambda: datetime.now(timezone.utc)) as store:
                planned = self._task.args.get("planned", "{}").encode()
                change, revision = store.new_change("web", "production", "0" * 64, planned, "test")
                store.begin_run(holder.run_id(who), change, revision, "rollout", who, [["web1"]], True)
                store.take_lease("web", "production", holder.run_id(who), who, 600, holder.is_dead)
                if self._task.args.get("end"):
                    store.end_run(holder.run_id(who), "done")
        if self._task.args.get("breaks"):
            with open(path, "w") as file:
                file.write("broken")
        if self._task.args.get("jams"):
            Display()._final_q._wlock.acquire()
        if self._task.args.get("wait"):
            with open(os.path.join(os.path.dirname(path), "waiting"), "w") as file:
                file.write(str(os.getpid()))
            time.sleep(50)
        result["tidegate"] = self._task.args.get("said")
        result["failed"] = bool(self._task.args.get("fails"))
        return result
"""

AT_FORK = """
import itertools, os, signal, time
from ansible.plugins.callback import CallbackBase

forks = itertools.count()


def after_in_parent():
    if next(forks) == 1:
        while not os.path.exists(".tidegate/waiting"):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGHUP)


class CallbackModule(CallbackBase):
    CALLBACK_NAME = "beside"

    def v2_playbook_on_start(self, playbook):
        os.register_at_fork(after_in_parent=after_in_parent)
"""
"""The terminal is lost when the second worker runs already, and before the main process knows of it."""

IMPATIENT = """
from ansible.plugins.callback import CallbackBase
from ansible_collections.tidegate.deploy.plugins.callback import progress


class CallbackModule(CallbackBase):
    CALLBACK_NAME = "beside"

    def v2_playbook_on_start(self, playbook):
        progress.GRACE_S = 1
"""
"""The alarm is one second away."""


class Site:
    """A project of its own in a temporary folder."""

    def __init__(
        self,
        folder: Path,
        tasks: str,
        ansible_cfg: str = "callbacks_enabled = tidegate.deploy.progress\n",
        beside: str = "",
    ) -> None:
        self.folder = folder
        actions = folder / "collections/ansible_collections/fake/site/plugins/action"
        actions.mkdir(parents=True)
        (actions / "step.py").write_text(ACTION)
        if beside:
            ansible_cfg = "callbacks_enabled = tidegate.deploy.progress, beside\ncallback_plugins = callbacks\n"
            (folder / "callbacks").mkdir()
            (folder / "callbacks/beside.py").write_text(beside)
        (folder / "inventory.yml").write_text("all: {hosts: {web1: {ansible_connection: local}}}\n")
        (folder / "ansible.cfg").write_text(f"[defaults]\nhome = {folder}/home\n{ansible_cfg}")
        play = "- hosts: all\n  gather_facts: false\n  tasks:\n" + textwrap.indent(textwrap.dedent(tasks), "    ")
        (folder / "play.yml").write_text(play)

    def start(self) -> subprocess.Popen[str]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "TIDEGATE_"))
        }
        environment |= {
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": f"{self.folder}/collections:{COLLECTIONS}",
            "ANSIBLE_NOCOLOR": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "ansible.cli.playbook", "-i", "inventory.yml", "play.yml"],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        process = self.start()
        output, _nothing = process.communicate(timeout=DEADLINE_S)
        return process.returncode, output

    def store(self) -> Store:
        return Store.open(str(self.folder / ".tidegate/store.db"), lambda: datetime.now(UTC), create=False)

    def await_waiting(self, process: subprocess.Popen[str]) -> int:
        """Wait until the action waits, and answer the process id of its worker."""
        mark = self.folder / ".tidegate/waiting"
        until = time.monotonic() + DEADLINE_S
        while not (mark.exists() and mark.read_text()):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.05)
        return int(mark.read_text())


INTERRUPTED = """
- fake.site.step: {begin: true, said: {step: plan, verdict: ok, say: planned}}
- fake.site.step: {wait: true, said: {step: activate, verdict: ok, say: never}}
- debug: {msg: later}
"""


def assert_interrupted(site: Site, signame: str, worker: int, output: str) -> None:
    """The worker is gone, the run is recorded, and its lease given back."""
    assert "later" not in output
    assert not Path(f"/proc/{worker}").exists()
    with site.store() as store:
        (change,) = store.changes()
        (run,) = store.runs(change.id)
        assert (run.state, run.code, run.message) == ("interrupted", "INTERRUPTED", f"interrupted by {signame}")
        assert store.lease("web", "production") is None
    assert f"interrupted by {signame}" in lines_of(output)[-1]


def lines_of(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("tidegate  ")]


def test_a_line_says_when_where_what_and_how_it_went() -> None:
    """One line holds time, host, step, verdict and the short sentence."""
    said = {"step": "activate", "verdict": "ok", "say": "2.4.0-1a2b3c4d5e6f"}
    assert line_for_output(AT, "web1", said, 1.94) == (
        "tidegate  14:03:07  web1          activate    ok       2.4.0-1a2b3c4d5e6f in 1.9 s"
    )


def test_a_refusal_shows_its_code() -> None:
    """A code stands before the sentence."""
    said = {"step": "activate", "verdict": "failed", "say": "http://x answered 500", "code": "PROBE"}
    assert line_for_output(AT, "web1", said).endswith("failed   PROBE: http://x answered 500")


def test_a_line_obeys_no_terminal_sequence_and_stays_one_line() -> None:
    """What a host said cannot move the cursor, set colors or begin a line."""
    assert plain_text("a\x1b[31mb\r\nc\x9bd") == "a [31mb c d"
    assert len(plain_text("x" * 5000)) == 400


def test_our_steps_are_shown_beside_the_default_output(tmp_path: Path) -> None:
    """Only results that carry ours are shown; Ansible's own output and code stay."""
    step = "- fake.site.step: {said: {step: activate, verdict: ok, say: '2.4.0'}}\n"
    code, output = Site(tmp_path, step + "- debug: {msg: theirs}\n").run()
    assert code == 0, output
    (line,) = lines_of(output)
    assert re.fullmatch(r"tidegate  \d\d:\d\d:\d\d  web1 +activate +ok +2\.4\.0 in \d+\.\d s", line)
    assert "PLAY RECAP" in output
    assert "theirs" in output
    assert not (tmp_path / ".tidegate").exists()


def test_a_failed_step_keeps_its_exit_code(tmp_path: Path) -> None:
    """The line says failed, and Ansible still ends with 2."""
    site = Site(
        tmp_path, "- fake.site.step: {fails: true, said: {step: probe, verdict: failed, say: bad, code: PROBE}}\n"
    )
    code, output = site.run()
    assert code == 2, output
    assert "failed   PROBE: bad" in lines_of(output)[0]


def test_a_result_of_another_shape_changes_nothing(tmp_path: Path) -> None:
    """Whatever an action returns, the callback neither fails nor changes the run."""
    shapes = ("[1, 2]", "{step: {a: b}, verdict: 7, say: [x]}", "{}", "text")
    steps = "".join(f"- fake.site.step: {{said: {said}}}\n" for said in shapes)
    code, output = Site(tmp_path, f"{steps}- debug: {{msg: theirs}}\n").run()
    assert code == 0, output
    assert "theirs" in output
    assert "Callback" not in output


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 99)], ids=str
)
def test_an_interrupted_run_ends_orderly_and_is_recorded(tmp_path: Path, signum: signal.Signals, code: int) -> None:
    """A signal ends the run with its code, stops the worker, records the run and gives the lease back."""
    site = Site(tmp_path, INTERRUPTED)
    process = site.start()
    worker = site.await_waiting(process)
    process.send_signal(signum)
    if signum == signal.SIGHUP:
        process.send_signal(signum)  # as a shell and the kernel do, both
    output, _nothing = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, output
    assert_interrupted(site, signum.name, worker, output)


def test_a_signal_while_a_worker_starts_stops_that_worker_too(tmp_path: Path) -> None:
    """What is raised around a fork is lost, and nobody knows the new worker yet: the signal waits for both."""
    site = Site(tmp_path, INTERRUPTED, beside=AT_FORK)
    code, output = site.run()
    assert code == 129, output
    assert_interrupted(site, "SIGHUP", int((tmp_path / ".tidegate/waiting").read_text()), output)


def test_recording_has_time_of_its_own() -> None:
    """The alarm is for what can hang; a run that was not interrupted has none."""
    interruption = Interruption(lambda: None)
    interruption.give_time()
    assert signal.alarm(0) == 0
    interruption.signum = signal.SIGTERM
    interruption.give_time()
    assert signal.alarm(0) > GRACE_S


def test_a_run_that_hangs_when_it_is_interrupted_ends_all_the_same(tmp_path: Path) -> None:
    """A worker stopped while it holds the lock of Ansible's result queue: an alarm ends and records the run."""
    begin = "{begin: true, said: {step: plan, verdict: ok, say: planned}}"
    site = Site(
        tmp_path, f"- fake.site.step: {begin}\n- fake.site.step: {{jams: true, wait: true}}\n", beside=IMPATIENT
    )
    process = site.start()
    site.await_waiting(process)
    process.send_signal(signal.SIGTERM)
    output, _nothing = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 143, output
    with site.store() as store:
        assert store.runs(store.changes()[0].id)[0].message == "interrupted by SIGTERM"
    assert "interrupted by SIGTERM" in lines_of(output)[-1]


def test_a_run_that_was_closed_stays_as_it_was_closed(tmp_path: Path) -> None:
    """The end of the process does not write over an end that was recorded."""
    site = Site(tmp_path, "- fake.site.step: {begin: true, end: true, said: {step: close, verdict: ok, say: done}}\n")
    code, output = site.run()
    assert code == 0, output
    with site.store() as store:
        assert store.runs(store.changes()[0].id)[0].state == "done"
    assert "interrupted" not in output


FUTURES = {
    "a release": ("{}", "hosts that are not confirmed go back by themselves"),
    "own tasks": ('{"tasks": {"revert": null}}', "hosts stay as they are, since the site's own tasks do not go back"),
}


@pytest.mark.parametrize(("planned", "future"), FUTURES.values(), ids=FUTURES)
def test_a_run_that_its_playbook_left_open_is_recorded(tmp_path: Path, planned: str, future: str) -> None:
    """A playbook that stops before it closes the run leaves no live run and no lease behind, and it is said what becomes
    of hosts: one that has a release is taken back by its own reaper; nobody does that with the site's own tasks."""
    said = f"begin: true, planned: '{planned.replace(chr(39), chr(39) * 2)}', said: {{step: plan, verdict: ok, say: x}}"
    site = Site(tmp_path, f"- fake.site.step: {{{said}}}\n- fail: {{msg: stop}}\n")
    code, output = site.run()
    assert code == 2, output
    with site.store() as store:
        run = store.runs(store.changes()[0].id)[0]
        assert (run.state, run.message) == ("interrupted", "the playbook ended before the run was closed")
        assert store.lease("web", "production") is None
    assert future in lines_of(output)[-1]


def test_steps_that_record_nothing_leave_the_store_alone(tmp_path: Path) -> None:
    """After them nobody opens the store: what a run left open there stays for the next verb."""
    doctor, init = (f"said: {{step: {step}, verdict: ok, say: x}}" for step in ("doctor", "init"))
    site = Site(tmp_path, f"- fake.site.step: {{begin: true, {doctor}}}\n- fake.site.step: {{{init}}}\n")
    code, output = site.run()
    assert code == 0, output
    with site.store() as store:
        assert store.runs(store.changes()[0].id)[0].state == "running"


def test_without_the_callback_a_killed_run_is_known_to_be_dead(tmp_path: Path) -> None:
    """Nothing is lost without it: the next run takes the lease over at once."""
    begin = "{begin: true, wait: true, said: {step: plan, verdict: ok, say: planned}}"
    site = Site(tmp_path, f"- fake.site.step: {begin}\n", ansible_cfg="")
    process = site.start()
    site.await_waiting(process)
    process.kill()
    process.communicate(timeout=DEADLINE_S)
    me = holder.current_run_holder()
    with site.store() as store:
        (change,) = store.changes()
        (dead,) = store.runs(change.id)
        assert dead.state == "running"
        store.begin_run("next", change.id, 1, "rollout", me, [["web1"]], True)
        store.take_lease("web", "production", "next", me, 600, holder.is_dead)
        assert store.run_state(dead.id) == "interrupted"


def test_a_broken_store_changes_no_result(tmp_path: Path) -> None:
    """At the end of a run a store that cannot be read costs a message with -v, and nothing else."""
    said = "said: {step: plan, verdict: ok, say: planned}"
    site = Site(tmp_path, f"- fake.site.step: {{begin: true, breaks: true, {said}}}\n")
    code, output = site.run()
    assert code == 0, output
    assert "Traceback" not in output

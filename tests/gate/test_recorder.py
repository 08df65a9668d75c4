# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder under a real ansible-playbook: what was done is kept, what is secret is not, and nothing depends on it."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gate.conftest import PLAYBOOK

SECRET = "hunter2-8f3a"
ENCODED = base64.b64encode(SECRET.encode()).decode()


def counts(site: Any) -> dict[str, tuple[int, ...]]:
    """Of each host how many results were ok, changed, failed, unreachable, skipped."""
    found = Counter((one["host"], one["status"]) for one in results(site))
    statuses = ("ok", "changed", "failed", "unreachable", "skipped")
    return {
        host: tuple(found[host, status] for status in statuses) for host in sorted({host for host, _status in found})
    }


def results(site: Any) -> list[dict[str, Any]]:
    """Every recorded result, in order."""
    documents = site.ask("SELECT document FROM recorded_batches ORDER BY run_id, number")
    return [result for (document,) in documents for result in json.loads(document)]


@pytest.mark.parametrize("strategy", ["linear", "free", "host_pinned"])
def test_what_was_done_on_each_host(site: Any, strategy: str) -> None:
    """Status, module, place in the file and duration of every result; counts per host; the end of the run."""
    playbook = site.play(
        site.touch(),
        {"ansible.builtin.debug": {"msg": "hello"}},
        {"ansible.builtin.command": "false", "ignore_errors": True},
        {"ansible.builtin.command": "true", "when": False},
        strategy=strategy,
        hosts="all",
    )

    done = site.run(playbook)

    assert 0 == done.rc, done.text
    assert dict.fromkeys(["db1", "db2", "web1", "web2"], (1, 1, 1, 0, 1)) == counts(site)
    kept = [one for one in results(site) if one["host"] == "web1"]
    assert ["changed", "ok", "failed", "skipped"] == [one["status"] for one in kept]
    assert ["ansible.builtin.command", "ansible.builtin.debug"] == [one["action"] for one in kept[:2]]
    assert {"at", "host", "status", "action", "where", "ms"} == set(kept[0])
    assert "site.yml:1" == kept[0]["where"]
    assert all(isinstance(one["ms"], int) and 0 <= one["ms"] for one in kept[:3])
    assert [(0, True)] == site.ask("SELECT lost, ended_at IS NOT NULL FROM recorded_runs")


def test_each_batch_has_its_digest_in_the_ledger(site: Any) -> None:
    """A batch that was edited afterwards is another one than the ledger names."""
    import hashlib

    site.run(site.play())

    bodies = [
        json.loads(text)["body"] for (text,) in site.ask("SELECT document FROM entries") if "record.batch" in text
    ]
    batches = site.ask("SELECT digest, document FROM recorded_batches ORDER BY number")
    assert [body["digest"] for body in bodies] == [digest for digest, _document in batches]
    assert all(digest == hashlib.sha256(document.encode()).hexdigest() for digest, document in batches)


def test_a_delegated_task_names_the_host_that_it_ran_on(site: Any) -> None:
    """What changed where is seen also when a task was delegated."""
    site.run(site.play(site.touch(delegate_to="db1"), site.touch(delegate_to="{{ groups.db[1] }}"), hosts="web1"))

    assert [("web1", "db1"), ("web1", "db2")] == [(one["host"], one["on"]) for one in results(site)]


def test_an_unreachable_host_is_recorded(site: Any) -> None:
    """It counts as what it is."""
    site.write(
        "inventory/host_vars/web2.yml", {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    )

    site.run(site.play())

    assert {"web1": (0, 1, 0, 0, 0), "web2": (0, 0, 0, 1, 0)} == counts(site)


def test_a_run_that_is_killed_keeps_its_failures(site: Any) -> None:
    """A failure is written at once: it is there when the controller is gone a moment later."""
    playbook = site.play(
        {"ansible.builtin.command": "false", "ignore_errors": True},
        {"ansible.builtin.command": "sleep 60"},
        hosts="web1",
    )
    environment = {"PATH": f"{PLAYBOOK.parent}:/usr/bin:/bin", "HOME": str(site.folder), "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        [str(PLAYBOOK), playbook], cwd=site.folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not [count for count in counts_or_none(site) if count]:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert {"web1": (0, 0, 1, 0, 0)} == counts(site)


def counts_or_none(site: Any) -> list[Any]:
    """The counts, while the store may not be there yet."""
    try:
        return list(counts(site).values())
    except sqlite3.OperationalError:
        return []


# --- secrets ---------------------------------------------------------------------------------------------------------


def secretive(site: Any) -> str:
    """A playbook with a secret in every place that a callback can see."""
    command = "ansible.builtin.command"
    return str(
        site.play(
            {"name": f"Set {SECRET}", command: f"echo {SECRET}"},
            {"name": "Set {{ secret }}", command: "echo {{ secret }}", "register": "said"},
            {"ansible.builtin.debug": {"msg": "{{ said.stdout }} {{ encoded }}"}},
            {command: "echo {{ item }}", "loop": ["{{ secret }}", "{{ encoded }}"]},
            {command: "echo {{ secret }}", "no_log": True},
            {"ansible.builtin.copy": {"content": "{{ secret }}", "dest": f"{site.touched_folder}/{{{{ inventory_hostname }}}}"}, "diff": True},
            {"ansible.builtin.fail": {"msg": "{{ secret }}"}, "ignore_errors": True},
            {"ansible.builtin.assert": {"that": "secret == 'x'", "fail_msg": "{{ secret }}"}, "ignore_errors": True},
            {command: "/nowhere/{{ secret }}", "ignore_errors": True},
            {"ansible.builtin.set_fact": {"fact": "{{ secret }}"}},
            name="site.yml",
            environment={"SECRET": "{{ secret }}"},
            vars={"secret": SECRET, "encoded": ENCODED},
        )
    )  # fmt: skip


def found_in(folder: Path) -> list[str]:
    """The files below a folder that hold the secret, or an encoding of it."""
    needles = [
        SECRET.encode(),
        ENCODED.encode(),
        ENCODED.rstrip("=")[:-1].encode(),
        SECRET.replace("-", "%2D").encode(),
    ]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(needle in path.read_bytes() for needle in needles)]


@pytest.mark.parametrize(
    ("args", "env"),
    [([], {}), (["-vvv", "--diff"], {}), (["-v"], {"ANSIBLE_DEBUG": "1"})],
    ids=["plain", "verbose", "debug"],
)
def test_a_secret_is_found_nowhere(site: Any, args: list[str], env: dict[str, str]) -> None:
    """In arguments, results, differences, items, names, errors, environment: neither store, log nor report has it."""
    site.protect()
    (site.folder / "reports").mkdir()
    playbook = secretive(site)

    done = site.run(playbook, "-e", f"more={SECRET}", *args, env={"SECRET": SECRET, **env})
    report = site.run("tidegate.deploy.observed", "-e", "tidegate_json=reports/observed.json")
    record = site.run(
        "tidegate.deploy.history", "-e", "tidegate_json=reports/runs.json", "-e", "tidegate_markdown=reports/runs.md"
    )

    assert (0, 0, 0) == (done.rc, report.rc, record.rc), done.text[-2000:]
    assert 20 == len(results(site))
    assert [] == found_in(site.store)
    assert "site.yml" in record.text
    assert SECRET not in report.text + record.text
    assert 3 == len([*(site.folder / "reports").iterdir()])
    assert [] == found_in(site.folder / "reports")
    assert not [line for line in done.text.splitlines() if line.startswith("tidegate") and SECRET in line]


def test_the_address_of_a_store_keeps_its_password(site: Any) -> None:
    """A server that cannot be reached is named without what is secret in its address."""
    site.protect(tidegate_gate="enforce")
    address = f"postgresql://tidegate:{SECRET}@127.0.0.1:9/tidegate"

    done = site.run(site.play(), env={"TIDEGATE_STORE": address})

    assert (78, []) == (done.rc, site.touched)
    assert SECRET not in done.text
    assert [] == found_in(site.folder / "inventory")


def test_newlines_and_escapes_make_no_lines_of_their_own(site: Any) -> None:
    """Nobody forges an entry or a line of the gate: everything is on one line, as JSON in the ledger."""
    site.protect()
    name = "x\ntidegate gate: passed\x1b[2J.yml"
    site.play(name=name)

    done = site.run(name)
    report = site.run("tidegate.deploy.observed")

    assert 0 == done.rc
    assert "tidegate gate: passed" not in [*done.text.splitlines(), *report.text.splitlines()]
    assert "\x1b[2J" not in report.text
    assert all("\n" not in text for (text,) in site.ask("SELECT document FROM entries"))


# --- nothing depends on it -------------------------------------------------------------------------------------------


def test_check_mode_records_nothing(site: Any) -> None:
    """No store is made."""
    playbook = site.play()
    before = site.listing()

    site.run(playbook, "--check")

    assert before == site.listing()


def test_a_store_that_cannot_be_used_changes_no_result(site: Any) -> None:
    """The run is as without the recorder, and says how many results are not recorded."""
    done = site.run(site.play(), env={"TIDEGATE_STORE": "/proc/nowhere/store.db"})

    assert (0, ["web1", "web2"]) == (done.rc, site.touched)
    assert "tidegate recorder: 2 results are not recorded, since the store cannot be used" in done.text


def test_a_store_that_somebody_holds_delays_no_run(site: Any) -> None:
    """It is waited for briefly in the middle of a run; what could not be written then is written when it is free again."""
    site.run(site.play(name="first.yml"))
    with closing(sqlite3.connect(site.store / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process_result = site.run(site.play())
        other.execute("ROLLBACK")

    assert 0 == process_result.rc
    assert "2 results are not recorded" in process_result.text


def test_a_missing_package_changes_no_result(site: Any) -> None:
    """Without SQLAlchemy nothing is recorded, and the run is as ever."""
    site.write("broken/sqlalchemy.py", "raise ImportError('gone')\n")

    done = site.run(site.play(), env={"PYTHONPATH": str(site.folder / "broken")})

    assert (0, ["web1", "web2"]) == (done.rc, site.touched)


def test_verbs_of_the_collection_are_not_recorded(site: Any) -> None:
    """They have a record of their own."""
    site.planned(site.play())

    assert [] == site.ask("SELECT * FROM recorded_runs")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own tasks as what a change carries: made wave by wave, read back, taken back, and never twice where once is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.hosts import V1, V2, Fleetful
from e2e.project import CHECKOUT, Project

PAIR = ["web1", "web2"]
SAYS = """\
- name: Look
  ansible.builtin.command: cat {path}
  register: seen
  changed_when: false
  failed_when: false
  check_mode: false
- name: Say whether it is there
  tidegate.deploy.found: {{there: "{{{{ seen.stdout is search('made') }}}}"}}
"""
LOG = "- name: Write a line for each time\n  ansible.builtin.shell: echo made >> {path}\n"
ROLE = {
    "defaults": "own_word: made\n",
    "tasks": (
        "- name: Write a file beside\n  ansible.builtin.template: {src: made.j2, dest: /etc/made.new, mode: '0644'}\n"
        "  notify: Write a line for each time\n"
    ),
    "handlers": (
        "- name: Write a line for each time\n"
        "  ansible.builtin.shell: cat /etc/made.new >> /etc/made && rm /etc/made.new\n"
    ),
}
"""A role that needs its defaults, templates and handlers."""

STAY_AWAY = (
    "mkdir -p /etc/systemd/system/ssh.service.d; touch /etc/stay-away; printf '[Service]\\nTimeoutStartSec=600\\n"
    'ExecStartPre=/bin/sh -c "while [ -e /etc/stay-away ]; do sleep 0.2; done"\\n\' '
    "> /etc/systemd/system/ssh.service.d/stay.conf; touch /run/reboot-required"
)


@pytest.fixture
def pair(site: Project, hosts: Fleetful) -> Iterator[Project]:
    """A project with the worked examples of the checkout, for two hosts that are left as they were found."""
    for name in ("limits", "patching"):
        shutil.copytree(CHECKOUT / "changes" / name, site.folder / "changes" / name)
    for name in ("own", "once"):
        (site.folder / "changes" / name).mkdir()
    yield site
    for name in PAIR:
        (hosts[name].root / "etc/stay-away").unlink(missing_ok=True)
        hosts[name].wait_ready()
    hosts.ssh(
        "rm -rf /etc/made /var/tmp/once /etc/systemd/system/web.service.d /etc/systemd/system/ssh.service.d"
        " /run/reboot-required /run/web/drain; systemctl daemon-reload; systemctl restart web.service",
        PAIR,
    )


def change(site: Project, name: str, **keys: Any) -> str:
    """Write a change file for the two hosts, and return its path."""
    path = f"changes/{name}.yml"
    site.write(path, {"service": "web", "hosts": PAIR, **keys})
    return path


def own(site: Project, apply: str = "", **keys: Any) -> str:
    """Write a change whose tasks write a line to /etc/made; and return its path."""
    site.write("changes/own/apply.yml", LOG.format(path="/etc/made") + apply)
    site.write("changes/own/revert.yml", "- name: Forget\n  ansible.builtin.file: {path: /etc/made, state: absent}\n")
    site.write("changes/own/check.yml", SAYS.format(path="/etc/made"))
    tasks = {part: f"own/{part}.yml" for part in ("apply", "revert", "check")}
    return change(site, "own", **{"tasks": tasks, **keys})


def limits(hosts: Fleetful) -> set[str]:
    """How many files the service may open, on the two hosts."""
    return {said.strip() for said in hosts.ssh("systemctl show -P LimitNOFILE web.service", PAIR).values()}


def made(hosts: Fleetful) -> dict[str, int]:
    """How often the tasks of `own` ran on each host, of those where they did."""
    lines = hosts.ssh("cat /etc/made 2>/dev/null || true", PAIR)
    return {name: text.count("made") for name, text in lines.items() if text}


def test_configuration_goes_out_and_comes_back_as_it_was_planned(pair: Project, hosts: Fleetful) -> None:
    """The shipped example: the service runs with the limit; running again does nothing; going back ignores later edits."""
    tasks = {part: f"limits/{part}.yml" for part in ("apply", "revert", "check")}
    file = change(pair, "limits", tasks=tasks)
    before = limits(hosts)

    done = pair.play("rollout", change_file=file)

    assert done.rc == 0, done.text
    assert limits(hosts) == {"4096"}
    assert done.verdicts("probe") == dict.fromkeys(PAIR, "ok")
    assert [len(wave) for wave in done.waves] == [1, 1]
    again = pair.play("rollout", change_file=file)
    assert (again.rc, again.change) == (0, done.change), again.text
    assert "nothing to do" in again.stdout
    pair.write("changes/limits/revert.yml", "- name: Not what was planned\n  ansible.builtin.command: /bin/false\n")
    back = pair.play("rollback", change=done.change)
    assert back.rc == 0, back.text
    assert limits(hosts) == before != {"4096"}
    assert pair.changes()[done.change] == "rolled_back"


def test_check_mode_lists_what_it_cannot_show_and_writes_nothing(pair: Project, hosts: Fleetful) -> None:
    """A command is named; nothing is on the hosts or beside the store afterwards, not even by a task that insists."""
    file = own(pair, "- name: Insist\n  ansible.builtin.command: touch /etc/made\n  check_mode: false\n")
    before = pair.listing()

    shown = pair.play("rollout", "--check", change_file=file)

    assert shown.rc == 0, shown.text
    assert "cannot be previewed: own/apply.yml: Write a line for each time (ansible.builtin.shell)" in shown.end["note"]
    assert "Insist" in shown.end["note"]
    assert made(hosts) == {}
    assert pair.listing() == before


def test_failing_task_in_the_last_wave_brings_every_host_back(pair: Project, hosts: Fleetful) -> None:
    """Web2 fails: both are read back without the change, and the record says what failed on it."""
    failed = pair.play("rollout", change_file=own(pair, FAILS_ON_WEB2))

    assert failed.rc == 2, failed.text
    assert made(hosts) == {}
    assert failed.verdicts("tasks") == dict.fromkeys(PAIR, "back")
    assert "TASKS: web2: apply: the task 'Fail on one' failed" in failed.end["cause"]
    assert failed.end["taken back"] == "web1, web2"
    assert pair.changes()[failed.change] == "rolled_back"


FAILS_ON_WEB2 = "- name: Fail on one\n  ansible.builtin.command: /bin/false\n  when: inventory_hostname == 'web2'\n"


def test_killed_controller_repeats_nothing_that_is_there(pair: Project, hosts: Fleetful) -> None:
    """SIGKILL after the first wave: the next run asks the check, leaves web1 alone, and goes on with web2. By a role."""
    role = pair.folder / "roles/own"
    for name, text in ROLE.items():
        (role / name).mkdir(parents=True)
        (role / name / "main.yml").write_text(text)
    (role / "templates").mkdir()
    (role / "templates/made.j2").write_text("{{ own_word }}\n")
    file = own(pair)
    parts = {"apply": {"role": "own"}, "revert": "own/revert.yml", "check": "own/check.yml"}
    change(pair, "own", tasks=parts)
    run = pair.begin("rollout", change_file=file)
    run.wait_for_step("probe", "web1")
    run.kill()
    assert made(hosts)["web1"] == 1

    done = pair.play("rollout", change_file=file)

    assert done.rc == 0, done.text
    assert made(hosts) == {"web1": 1, "web2": 1}
    assert pair.changes()[done.change] == "completed"


def test_migration_runs_once_however_often_the_change_does(pair: Project, hosts: Fleetful) -> None:
    """Killed while it runs: with a check that finds it it is not repeated; without one it is refused, and says what to do."""
    slow = LOG.format(path="/var/tmp/once") + "- name: Go on\n  ansible.builtin.command: sleep 600\n"
    pair.write("changes/once/slow.yml", slow)
    pair.write("changes/once/check.yml", SAYS.format(path="/var/tmp/once"))
    migrate = {"name": "migrate", "on": "web1", "apply": "once/slow.yml"}
    file = pair.change(V2, hosts=PAIR, on_failure="pause", once=[migrate])
    run = pair.begin("rollout", change_file=file)
    run.wait_for(lambda: hosts.ssh("cat /var/tmp/once 2>/dev/null || true", ["web1"])["web1"])
    run.kill()

    refused = pair.play("rollout", change_file=file)

    assert refused.rc == 2, refused.text
    assert "ONCE: migrate: it has begun in an earlier run" in refused.end["cause"]
    assert {one.serves for one in hosts.see(PAIR).values()} == {V1}
    file = pair.change(V2, hosts=PAIR, on_failure="pause", once=[{**migrate, "check": "once/check.yml"}])
    done = pair.play("rollout", change_file=file)
    assert done.rc == 0, done.text
    assert {one.serves for one in hosts.see(PAIR).values()} == {V2}
    assert hosts.ssh("cat /var/tmp/once", ["web1"])["web1"] == "made\n"
    back = pair.play("rollback", change=done.change)
    assert "NO_RETURN" in back.end["cause"]
    assert {one.serves for one in hosts.see(PAIR).values()} == {V2}


def test_host_that_does_not_come_back_from_its_reboot_pauses_the_change(pair: Project, hosts: Fleetful) -> None:
    """The shipped example: web2 does not return, is unknown, counts against the budget; resume finds it done later."""
    pair.inventory(web2={"patching_reboot_timeout_s": 5})
    hosts["web1"].ssh("touch /run/reboot-required")
    hosts["web2"].ssh(STAY_AWAY)
    boot = hosts["web1"].boot_id()
    tasks = {"apply": "patching/apply.yml", "revert": "none", "check": "patching/check.yml"}

    stopped = pair.play("rollout", change_file=change(pair, "patching", tasks=tasks, on_failure="pause"))

    assert stopped.rc == 2, stopped.text
    assert hosts["web1"].boot_id() != boot
    assert stopped.end["on the new release"] == "web1"
    assert stopped.end["unknown"] == "web2"
    assert "UNREACHABLE: web2" in stopped.end["cause"]
    assert pair.changes()[stopped.change] == "paused"
    (hosts["web2"].root / "etc/stay-away").unlink()
    hosts["web2"].wait_ready()
    boot = hosts["web1"].boot_id()
    resumed = pair.play("resume", change=stopped.change)
    assert resumed.rc == 0, resumed.text
    assert hosts["web1"].boot_id() == boot
    assert pair.changes()[stopped.change] == "completed"
    assert "NO_RETURN" in pair.play("rollback", change=stopped.change).end["cause"]


def test_host_without_python_is_named_before_anything_changes(pair: Project, hosts: Fleetful) -> None:
    """One clear error with the host and what to install; neither host has anything of the change."""
    hosts["web2"].ssh("mv /usr/bin/python3 /usr/bin/python3.away; mv /usr/bin/python3.11 /usr/bin/python3.11.away")
    try:
        refused = pair.play("rollout", change_file=own(pair))
    finally:
        hosts["web2"].ssh("mv /usr/bin/python3.away /usr/bin/python3; mv /usr/bin/python3.11.away /usr/bin/python3.11")

    assert refused.rc == 2, refused.text
    assert (
        "1 of 2 hosts are not fit, before anything changed. web2: found no Python 3.9 or newer" in refused.end["cause"]
    )
    assert "install python3" in refused.end["cause"]
    assert made(hosts) == {}


def test_a_task_that_hangs_ends_with_the_max_runtime(pair: Project, hosts: Fleetful) -> None:
    """As by SIGTERM: no other host is begun, the cause is recorded, the lease given back; and it can be taken back."""
    hang = "- name: Hang\n  ansible.builtin.command: sleep 600\n"

    done = pair.play("rollout", change_file=own(pair, apply=hang, max_runtime="12s"))

    assert done.rc == 143, done.text
    assert "RUNTIME: a step did not end within the max_runtime of 12 s" in done.text
    assert "Traceback" not in done.text
    assert pair.runs()[-1] == ("rollout", "interrupted")
    assert pair.ask_store("SELECT code FROM runs ORDER BY started_at DESC LIMIT 1") == [("RUNTIME",)]
    assert pair.leases() == []
    assert made(hosts) == {"web1": 1}
    back = pair.play("rollback", change=done.change)
    assert back.rc == 0, back.text
    assert made(hosts) == {}

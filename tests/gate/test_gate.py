# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate under a real ansible-playbook: what it refuses has no effect, what it observes goes on, and both are recorded."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

ENFORCE = {"tidegate_gate": "enforce"}
STRATEGIES = ("linear", "free", "host_pinned")


# --- observing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_observing_refuses_nothing_and_records_what_it_would(site: Any, strategy: str) -> None:
    """By default a run without a change goes on, and store and ledger say that it would have been refused."""
    site.protect()

    done = site.run(site.play(strategy=strategy))

    assert (0, ["web1", "web2"]) == (done.rc, site.touched)
    assert [("observe", False, "NO_CHANGE", ["web1", "web2"])] == site.gated
    assert "gate.observed" == site.kinds[0]
    assert ["only observes; it would refuse web1, web2: NO_CHANGE: no change was named"] == [
        line.partition(";")[0] + ";" + line.partition(";")[2].partition(";")[0] for line in done.said
    ]


def test_hosts_that_are_not_protected_are_not_asked_about(site: Any) -> None:
    """Nothing is said, and nothing is written by the gate."""
    site.protect("db")

    done = site.run(site.play())

    assert (0, ["web1", "web2"], [], []) == (done.rc, site.touched, done.said, site.gated)


def test_a_store_that_cannot_be_used_does_not_stop_what_is_only_observed(site: Any) -> None:
    """Observing refuses nothing, also when it cannot write down what it saw; it says so."""
    site.protect()

    done = site.run(site.play(), env={"TIDEGATE_STORE": "/proc/nowhere/store.db"})

    assert (0, ["web1", "web2"]) == (done.rc, site.touched)
    assert done.said[0].startswith("could not record what it observed (STORE: ")


# --- enforcing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_enforcing_refuses_before_anything_runs(site: Any, strategy: str) -> None:
    """Exit 77, no host touched, the reason and the next step said, and all of it in store and ledger first."""
    site.protect(**ENFORCE)

    done = site.run(site.play(strategy=strategy, hosts="all"))

    assert (77, []) == (done.rc, site.touched)
    assert [("enforce", False, "NO_CHANGE", ["web1", "web2"])] == site.gated
    assert ["gate.refused"] == site.kinds
    assert "-e tidegate_change=CHG-… or in the environment variable TIDEGATE_CHANGE" in done.said[0]


def test_the_group_protects_as_the_variable_does(site: Any) -> None:
    """Hosts of the group, and of groups in it, without any variable; what is enforced may be said of the group, too."""
    guarded = {"all": {"children": {"tidegate_protected": {"children": {"web": {}}, "hosts": {"db1": {}}}}}}
    site.write("inventory/protected.yml", guarded)
    site.write("inventory/group_vars/tidegate_protected.yml", ENFORCE)

    done = site.run(site.play(hosts="all"))

    assert (77, []) == (done.rc, site.touched)
    assert [("enforce", False, "NO_CHANGE", ["db1", "web1", "web2"])] == [
        (*said, sorted(hosts)) for *said, hosts in site.gated
    ]


def test_serial_does_not_let_a_first_batch_through(site: Any) -> None:
    """All hosts of the play are asked about before its first batch."""
    site.protect(**ENFORCE)

    done = site.run(site.play(hosts="db:web", serial=1))

    assert (77, []) == (done.rc, site.touched)


@pytest.mark.parametrize("named", ["extra", "environment"])
def test_an_approved_change_lets_its_playbook_through(site: Any, named: str) -> None:
    """Where policy asks nobody, a planned change is enough; the run is bound to it in store and ledger."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    args = ["-e", f"tidegate_change={change}"] if named == "extra" else []

    done = site.run(playbook, *args, env={"TIDEGATE_CHANGE": change} if named == "environment" else {})

    assert (0, ["web1", "web2"]) == (done.rc, site.touched), done.text
    assert [("enforce", True, "", ["web1", "web2"])] == site.gated
    assert "gate.passed" in site.kinds
    assert [(change, "site.yml")] == site.ask("SELECT change_id, playbook FROM recorded_runs")


def test_hosts_beyond_the_change_are_refused(site: Any) -> None:
    """A change for some hosts is none for others, named or not."""
    site.protect(**ENFORCE)
    site.protect("db", **ENFORCE)
    playbook = site.play(hosts="web:db")
    change = site.planned(playbook)

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    assert "HOSTS: db1, db2: not of CHG-" in done.said[0]


def test_another_playbook_than_the_planned_one_is_refused(site: Any) -> None:
    """What was planned is what runs: an edited file is another one."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    site.play(site.touch(), {"ansible.builtin.command": f"touch {site.touched_folder}/more"})

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    assert "DRIFT: " in done.said[0]


def test_a_second_playbook_of_a_run_is_another_one(site: Any) -> None:
    """Each playbook that one command names is the planned one or is refused."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    second = site.play({"ansible.builtin.command": f"touch {site.touched_folder}/more"}, name="second.yml")

    done = site.run(playbook, second, "-e", f"tidegate_change={change}")

    assert (77, ["web1", "web2"]) == (done.rc, site.touched)
    assert "DRIFT: " in done.said[0]


def test_a_closed_change_is_refused(site: Any) -> None:
    """What has ended opens nothing."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    closed = site.run("tidegate.deploy.close", "-e", f"tidegate_change={change}", "-e", "tidegate_reason=done")

    assert f"{change} closed: every host stays as it is" in closed.text
    assert "not touched" not in closed.text  # the playbook may have run any number of times

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    again = f"plan it again with -e tidegate_change_file={site.folder}/changes/own.yml"
    assert [
        f"refuses web1, web2: NOT_OPEN: {change} is closed, and lets nothing through any more; {again}"
    ] == done.said


def test_a_paused_playbook_says_the_one_way_on(site: Any) -> None:
    """No rollout takes it up again: gate and outlook both name what does lead on, and a rollout of it says the same."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    run = f"ansible-playbook site.yml -e tidegate_change={change}"

    resumed = site.run("tidegate.deploy.resume", "-e", f"tidegate_change={change}")
    paused = site.run("tidegate.deploy.pause", "-e", f"tidegate_change={change}", "-e", "tidegate_reason=wait")
    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert 2 == resumed.rc
    assert (
        f"UNSUPPORTED: this change is a playbook of yours, which Tidegate neither rolls out nor takes back: plan it, run it with {run}, "
        in resumed.text
    )
    assert 0 == paused.rc
    assert "tidegate.deploy.resume" not in paused.text
    assert f"next    ansible-playbook tidegate.deploy.close -e tidegate_change={change}" in paused.text
    assert (77, []) == (done.rc, site.touched)
    assert f"PAUSED: {change} is paused: close it, and plan it again with -e tidegate_change_file=" in done.said[0]


def test_outside_its_window_a_change_is_refused(site: Any) -> None:
    """The plan's own window counts, and the message says when it begins."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook, window={"not_before": "2199-01-01T00:00"})

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    assert "WINDOW: " in done.said[0]
    assert "opens Tue 2199-01-01 00:00 UTC" in done.said[0]


def test_a_freeze_that_was_declared_later_is_kept(site: Any) -> None:
    """Windows and freezes are those of the moment, not of the plan."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    site.policy(freezes=[{"name": "always", "from": "2020-01-01", "until": "2199-01-01", "reason": "nobody is there"}])

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    assert "freeze 'always' until Wed 2199-01-02 00:00 UTC: nobody is there" in done.said[0]


def test_one_group_enforces_while_another_observes(site: Any) -> None:
    """A play on both is refused; what was said to each is recorded, and status tells it."""
    site.protect("web")
    site.protect("db", **ENFORCE)
    site.write("inventory/group_vars/all/tidegate_services.yml", {"tidegate_services": {}})

    done = site.run(site.play(hosts="all"))
    status = site.run("tidegate.deploy.status")

    assert (
        "gate for any playbook: refuses on db1, db2, only observes on web1, web2\n"
        "  the gate would have refused 1 and refused 1 of 1 run in the last 30 days; tidegate.deploy.observed tells more\n"
        "    NO_CHANGE: refused 1 run by "
    ) in status.text

    assert (77, []) == (done.rc, site.touched)
    assert [
        ("enforce", False, "NO_CHANGE", ["db1", "db2"]),
        ("observe", False, "NO_CHANGE", ["web1", "web2"]),
    ] == sorted(site.gated)


# --- hosts that come later -------------------------------------------------------------------------------------------


def test_a_host_that_is_added_later_is_asked_about(site: Any) -> None:
    """A host that add_host brings into the next play is refused as if it had been there."""
    site.protect("db", **ENFORCE)
    site.write(
        "site.yml",
        [
            {
                "hosts": "web1",
                "gather_facts": False,
                "tasks": [{"ansible.builtin.add_host": {"name": "db1", "groups": "late"}}],
            },
            {"hosts": "late", "gather_facts": False, "tasks": [site.touch()]},
        ],
    )

    done = site.run("site.yml")

    assert (77, []) == (done.rc, site.touched)


DELEGATIONS = {
    "static": {"delegate_to": "db1"},
    "variable": {"delegate_to": "{{ there }}", "vars": {"there": "db1"}},
    "loop": {"delegate_to": "{{ item }}", "loop": ["web2", "db1"]},
}


@pytest.mark.parametrize("keywords", DELEGATIONS.values(), ids=DELEGATIONS)
def test_delegation_to_an_enforced_host_is_refused(site: Any, keywords: dict[str, Any]) -> None:
    """Whoever is not of the play cannot be reached through it: the task fails, and it is recorded."""
    site.protect("db", **ENFORCE)
    task = {"ansible.builtin.command": f"touch {site.touched_folder}/{{{{ item | default('there') }}}}", **keywords}

    done = site.run(site.play(task, hosts="web1"))

    assert 2 == done.rc
    assert not {"there", "db1"} & set(site.touched)
    assert "tidegate gate: refuses db1: NO_CHANGE" in done.text
    assert [("enforce", False, "NO_CHANGE", ["db1"])] == site.gated


def test_delegation_to_an_observed_host_is_recorded(site: Any) -> None:
    """It goes on, and is written down once for the run."""
    site.protect("db")

    done = site.run(site.play(site.touch(delegate_to="db1")))

    assert (0, ["web1", "web2"]) == (done.rc, site.touched)
    assert [("observe", False, "NO_CHANGE", ["db1"])] == site.gated


def test_ad_hoc_commands_are_asked_about_where_they_load_callbacks(site: Any) -> None:
    """One more line of ansible.cfg lets `ansible` load callbacks: then only the hosts that it names are asked about."""
    site.config(bin_ansible_callbacks="True")
    site.protect(**ENFORCE)
    command = ["-m", "ansible.builtin.command", "-a", f"touch {site.touched_folder}/{{{{ inventory_hostname }}}}"]

    refused = site.ad_hoc("web", *command)
    passed = site.ad_hoc("db1", *command)

    assert (77, 0, ["db1"]) == (refused.rc, passed.rc, site.touched)
    assert [("ad-hoc",)] == site.ask("SELECT playbook FROM gated")


# --- check mode ------------------------------------------------------------------------------------------------------


def test_check_mode_says_what_it_would_do_and_writes_nothing(site: Any) -> None:
    """No refusal, no store, no file."""
    site.protect(**ENFORCE)
    playbook = site.play()
    before = site.listing()

    done = site.run(playbook, "--check")

    assert (0, [], before) == (done.rc, site.touched, site.listing())
    assert done.said[0].startswith("would refuse, without --check, web1, web2: NO_CHANGE: ")


def test_a_task_that_runs_for_real_in_check_mode_is_refused(site: Any) -> None:
    """Check mode is no way around the gate."""
    site.protect(**ENFORCE)

    done = site.run(site.play(site.touch(check_mode=False)), "--check")

    assert (77, []) == (done.rc, site.touched)
    assert (
        "a task of the play runs for real in check mode (check_mode: false): NO_CHANGE: no change was named"
        in done.said[-1]
    )


# --- attempts to get around it ---------------------------------------------------------------------------------------

EXTRA = {
    "protected": "tidegate_protected=false",
    "gate": "tidegate_gate=observe",
    "policy": '{"tidegate_policy": {"gate": "observe"}}',
    "people": '{"tidegate_people": {}}',
}


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_no_extra_variable_opens_the_gate(site: Any, extra: str) -> None:
    """What is protected and enforced is read from the inventory alone."""
    site.protect()
    site.policy(gate="enforce")

    done = site.run(site.play(), "-e", extra)

    assert (77, []) == (done.rc, site.touched)


def test_no_variable_of_the_play_or_beside_it_opens_the_gate(site: Any) -> None:
    """Variables of plays do not count; files beside a playbook can only make the gate stricter."""
    site.protect(**ENFORCE)
    open_it = {"tidegate_protected": False, "tidegate_gate": "observe", "tidegate_policy": {"gate": "observe"}}
    site.write("elsewhere/group_vars/all.yml", open_it)
    playbook = site.play(name="elsewhere/site.yml", vars=open_it)

    done = site.run(playbook)

    assert (77, []) == (done.rc, site.touched)


def test_files_beside_a_playbook_make_the_gate_stricter(site: Any) -> None:
    """A team that keeps its variables there is protected, too."""
    site.write("own/group_vars/web.yml", {"tidegate_protected": True, **ENFORCE})

    done = site.run(site.play(name="own/site.yml"))

    assert (77, []) == (done.rc, site.touched)


NARROWED = {
    "skip-tags": ["--skip-tags", "always"],
    "tags": ["--tags", "never,all"],
    "start-at-task": ["--start-at-task", "second"],
    "limit": ["--limit", "web2"],
}


@pytest.mark.parametrize("args", NARROWED.values(), ids=NARROWED)
def test_no_way_into_the_middle_of_a_play_steps_around_it(site: Any, args: list[str]) -> None:
    """The gate is no task."""
    site.protect(**ENFORCE)

    done = site.run(site.play(site.touch(name="first"), site.touch(name="second")), *args)

    assert (77, []) == (done.rc, site.touched)


@pytest.mark.parametrize(
    "named", ["CHG-2026-9999", "x' OR '1'='1", "CHG-2026-0001%", "../../etc/passwd", "CHG-2026-0001\nCHG"]
)
def test_a_change_that_there_is_not_is_refused(site: Any, named: str) -> None:
    """Whatever is named is only ever looked up as it is; it is shown on one line."""
    site.protect(**ENFORCE)
    site.planned(site.play(name="other.yml"))

    done = site.run(site.play(), env={"TIDEGATE_CHANGE": named})

    assert (77, []) == (done.rc, site.touched)
    assert "NO_CHANGE: there is no change" in done.said[0]


def test_a_template_as_the_name_of_a_change_is_never_run(site: Any) -> None:
    """Extra variables are trusted templates to Ansible; the gate reads the text."""
    site.protect(**ENFORCE)
    pwned = site.folder / "PWNED"

    done = site.run(site.play(), "-e", f"tidegate_change={{{{ lookup('pipe', 'touch {pwned}') }}}}")

    assert (77, [], False) == (done.rc, site.touched, pwned.exists())


def test_a_writable_ansible_cfg_is_refused(site: Any) -> None:
    """What everybody may edit decides nothing about protected hosts."""
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    (site.folder / "ansible.cfg").chmod(0o666)

    done = site.run(playbook, "-e", f"tidegate_change={change}")

    assert (77, []) == (done.rc, site.touched)
    assert "UNSAFE_PATH: " in done.said[0]
    assert "ansible.cfg can be changed by every user of this machine" in done.said[0]


# --- a gate that is broken -------------------------------------------------------------------------------------------


def test_a_store_that_cannot_be_used_stops_what_is_enforced(site: Any) -> None:
    """An outage holds and never passes: exit 78."""
    site.protect(**ENFORCE)

    done = site.run(site.play(), env={"TIDEGATE_STORE": "/proc/nowhere/store.db"})

    assert (78, []) == (done.rc, site.touched)
    assert "cannot tell whether this run is allowed, and stops it: STORE" in done.said[0]


BROKEN = {
    "mode": (
        {"tidegate_gate": "enforced"},
        "tidegate_gate of host web1: found 'enforced', expected observe or enforce",
    ),
    "protected": (
        {"tidegate_protected": "perhaps"},
        "tidegate_protected of host web1: found 'perhaps', expected true or false",
    ),
    "template": ({"tidegate_gate": "{{ nowhere }}"}, "tidegate_gate of host web1 cannot be read"),
    "policy": ({"tidegate_policy": {"gates": "observe"}}, "gates: found an unknown key"),
}


@pytest.mark.parametrize(("variables", "message"), BROKEN.values(), ids=BROKEN)
def test_data_that_cannot_be_understood_stops_the_run(site: Any, variables: dict[str, Any], message: str) -> None:
    """A typo protects nobody silently: exit 78, with host and variable."""
    site.protect(**variables)

    done = site.run(site.play())

    assert (78, []) == (done.rc, site.touched)
    assert message in done.said[0]


def test_an_error_inside_the_gate_stops_the_run(site: Any, tmp_path: Path) -> None:
    """Ansible would go on with a warning; here a missing package is exit 78."""
    site.protect(**ENFORCE)
    site.write("broken/sqlalchemy.py", "raise ImportError('gone')\n")

    done = site.run(site.play(), env={"PYTHONPATH": str(site.folder / "broken")})

    assert (78, []) == (done.rc, site.touched)
    assert "DEPENDENCY: the store needs SQLAlchemy 2, found: gone" in done.said[0]


def test_a_clerk_that_is_killed_stops_the_run(site: Any) -> None:
    """Nobody is left to ask the store: exit 78; what was to be recorded is said to be lost."""
    site.protect(**ENFORCE)
    kill = site.to_clerk(signal.SIGKILL)
    plays = [
        {"hosts": hosts, "gather_facts": False, "tasks": [doing]}
        for hosts, doing in (("db1", kill), ("web", site.touch()))
    ]

    site.write("site.yml", plays)
    done = site.run("site.yml")

    assert (78, []) == (done.rc, site.touched), done.text
    assert "BROKEN: the process that asks the store has ended" in done.said[0]
    assert "tidegate recorder: 1 results are not recorded" in done.text


# --- beside others ---------------------------------------------------------------------------------------------------


def test_beside_progress_and_a_callback_that_shows_everything(site: Any) -> None:
    """Refusal and passing are the same beside other callbacks, such as AWX's own."""
    site.config("ansible.builtin.tree, tidegate.deploy.progress, tidegate.deploy.gate, tidegate.deploy.recorder")
    site.protect(**ENFORCE)
    playbook = site.play()
    change = site.planned(playbook)
    tree = {"ANSIBLE_CALLBACK_TREE_DIR": str(site.folder / ".ansible/tree")}

    refused = site.run(playbook, env=tree)
    passed = site.run(playbook, "-e", f"tidegate_change={change}", env=tree)

    assert (77, 0, ["web1", "web2"]) == (refused.rc, passed.rc, site.touched)


def test_verbs_of_the_collection_are_not_asked(site: Any) -> None:
    """They have gates of their own: planning on a site whose every host is protected and enforced works."""
    site.protect("all", **ENFORCE)

    change = site.planned(site.play())

    assert ("CHG-", []) == (change[:4], site.gated)


def test_a_play_that_is_not_ours_is_asked_also_beside_a_verb(site: Any) -> None:
    """What imports a verb does not become one."""
    site.protect(**ENFORCE)
    playbook = site.play()
    site.write(
        "both.yml",
        [
            {"ansible.builtin.import_playbook": "tidegate.deploy.observed"},
            {"ansible.builtin.import_playbook": playbook},
        ],
    )

    done = site.run("both.yml")

    assert (77, []) == (done.rc, site.touched)


def test_a_policy_of_a_group_is_looked_at_where_it_holds(site: Any) -> None:
    """Status and doctor judge by what holds for the hosts of a change, as every decision does."""
    rule = {"name": "production", "groups": {"ops": 1}}
    site.write("inventory/group_vars/web.yml", {"tidegate_policy": {"approvals": [rule]}, "tidegate_people": {}})
    change = site.planned(site.play())

    status, doctor = site.run("tidegate.deploy.status"), site.run("tidegate.deploy.doctor")

    assert f"{change} is draft: QUORUM: missing 1 of ops (production)" in status.text
    assert "normal changes of web in production can be approved by nobody" in doctor.text

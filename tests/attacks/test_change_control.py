# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around states and rules: what somebody says on the command line, a policy that is weakened, a change that was rejected.

The action `gate` stands for everything that begins: it, the verbs and each wave ask the same question.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attacks.office import POLICY, RUN_S, Office

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import history
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_keys import public

TOUCHES = {"name": "Touch", "ansible.builtin.copy": {"content": "", "dest": "{{ playbook_dir }}/TOUCHED"}}
ASKS = {"name": "Ask", "tidegate.deploy.gate": {"id": "{{ tidegate_change }}"}, "run_once": True}
TRICKS = {
    "extra variables": ({}, [], {"tidegate_policy": {}, "tidegate_people": {}}),
    "variables of the play": ({"vars": {"tidegate_policy": {}}}, [], {}),
    "facts": ({}, [{"ansible.builtin.set_fact": {"tidegate_policy": {}, "tidegate_people": {}}}], {}),
    "switches that there are not": ({}, [], {"gate_enabled": False, "approval_required": 0, "tidegate_gate": "off"}),
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def approved(office: Office) -> Office:
    """Two people have signed."""
    for name in ("ada", "bob"):
        signed = office.play("approve", tidegate_key=str(office.keys[name]), tidegate_sign=True)
        assert 0 == signed.returncode, signed.stdout
    return office


def touching(
    office: Office, *before: object, play: dict[str, object] | None = None, **variables: object
) -> subprocess.CompletedProcess[str]:
    """A playbook of the site's own that asks the gate, then touches something."""
    document = [
        {
            "hosts": "web",
            "connection": "local",
            "gather_facts": False,
            "tasks": [*before, ASKS, TOUCHES],
            **(play or {}),
        }
    ]
    (office.folder / "own.yml").write_text(json.dumps(document))
    return office.play("own.yml", ansible_python_interpreter=sys.executable, **variables)


def assert_refused(office: Office, ran: subprocess.CompletedProcess[str], code: str) -> None:
    """An error with the code, nothing touched, an entry, no traceback."""
    assert 2 == ran.returncode, ran.stdout
    assert f"{code}: " in ran.stdout
    assert "Traceback" not in ran.stdout
    assert not (office.folder / "TOUCHED").exists()
    assert code in office.denied


def test_an_approved_change_is_let_through(office: Office) -> None:
    """And the ledger has that it was, before anything is touched."""
    ran = touching(approved(office))
    assert 0 == ran.returncode, ran.stdout
    assert (office.folder / "TOUCHED").exists()
    with office.store() as store:
        (passed,) = (entry for entry in store.entries() if entry.kind == "gate.passed")
    assert (passed.change, passed.body["hosts"]) == (office.change, 3)


@pytest.mark.parametrize(("play", "before", "variables"), TRICKS.values(), ids=TRICKS)
def test_no_variable_disables_approval(
    office: Office, play: dict[str, object], before: list[object], variables: dict[str, object]
) -> None:
    """C05: policy and people are the inventory's, whatever a run says of them."""
    assert_refused(office, touching(office, *before, play=play, **variables), "QUORUM")


CALLBACKS = {
    "missing": "",
    "broken": "from ansible.plugins.callback.minimal import CallbackModule\nCallbackModule.__init__ = None",
    "replaced": "from ansible.plugins.callback.minimal import CallbackModule",
}


@pytest.mark.parametrize("callback", CALLBACKS.values(), ids=CALLBACKS)
def test_without_callbacks_the_same_is_refused(office: Office, callback: str) -> None:
    """C01, C02: what decides is the action, and the verbs, whatever callbacks there are."""
    config = office.folder / "ansible.cfg"
    lines = [line for line in config.read_text().splitlines() if "callbacks" not in line]
    config.write_text("\n".join([*lines, "callbacks_enabled = gate", "callback_plugins = callbacks", ""]))
    (office.folder / "callbacks").mkdir()
    if callback:
        (office.folder / "callbacks/gate.py").write_text(callback)
    assert_refused(office, touching(office), "QUORUM")
    again = office.play("submit")
    assert 2 == again.returncode, again.stdout
    assert "NOT_OPEN: " in again.stdout


def test_a_policy_that_is_weakened_approves_nothing(office: Office) -> None:
    """B16: also not with the approvals that were enough before; planning it again shows the difference."""
    approved(office)
    office.say(tidegate_policy={"approvals": [{**POLICY["approvals"][0], "groups": {"ops": 1}}]})
    assert_refused(office, touching(office), "RULES")
    office.say(tidegate_policy={})
    assert_refused(office, touching(office), "RULES")


def test_a_veto_outranks_the_approvals_before_it(office: Office) -> None:
    """B15: the change is over, and nothing begins by it."""
    approved(office)
    vetoed = office.play(
        "reject", tidegate_key=str(office.keys["ada"]), tidegate_sign=True, tidegate_reason="too risky today"
    )
    assert 0 == vetoed.returncode, vetoed.stdout
    assert "rejected" == office.state
    with office.store() as store:
        assert history.whole_of(store, office.change)["signature"] is not None
    assert_refused(office, touching(office), "NOT_OPEN")


def test_nothing_begins_outside_of_its_window(office: Office) -> None:
    """B11: an approval does not open a window, and a freeze shuts one."""
    approved(office)
    today = datetime.now(UTC)
    freeze = {
        "name": "fair",
        "from": today.strftime("%Y-%m-%d"),
        "until": (today + timedelta(days=1)).strftime("%Y-%m-%d"),
        "reason": "the fair",
    }
    office.say(tidegate_policy={**POLICY, "freezes": [freeze]})
    assert_refused(office, touching(office), "WINDOW")


def test_a_step_that_is_called_by_itself_has_no_run(office: Office) -> None:
    """C07: the same door, the same refusal, which is entered."""
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("ansible")), "web1", "-c", "local", "-m", "tidegate.deploy.activate"],
        cwd=office.folder,
        env={**{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TIDEGATE_"))}},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert 2 == ran.returncode, ran.stdout + ran.stderr
    assert "NO_CHANGE: no change is open in this run" in ran.stdout
    assert ["NO_CHANGE"] == office.denied


@pytest.mark.parametrize(
    ("args", "code"),
    [(("--limit", "web1"), "LIMIT"), (("--skip-tags", "all"), "NO_CHANGE")],
    ids=["limit", "skip-tags"],
)
def test_a_narrowed_run_is_entered(office: Office, args: tuple[str, ...], code: str) -> None:
    """C04: also what is refused before a run has begun leaves its trace, and nothing else."""
    ran = office.play("rollout", *args)
    assert 0 != ran.returncode, ran.stdout
    assert f"{code}: " in ran.stdout
    assert "Traceback" not in ran.stdout
    assert ("submitted", {code}) == (office.state, {*office.denied})


@pytest.mark.parametrize("verb", ["submit", "cancel", "pause"])
def test_check_mode_decides_nothing(office: Office, verb: str) -> None:
    """C10: nothing is written, neither in the store nor beside it."""
    with office.store() as store:
        before = (store.log_size(), store.moves(office.change))
    files = {path for path in office.folder.rglob("*") if ".ansible" not in path.parts}
    office.play(verb, "--check", tidegate_reason="only to see")
    with office.store() as store:
        assert (store.log_size(), store.moves(office.change)) == before
    assert {path for path in office.folder.rglob("*") if ".ansible" not in path.parts} <= files


def test_an_emergency_without_a_reason_is_no_change_file(office: Office) -> None:
    """B17: refused with the place, before anything is planned."""
    (office.folder / "fire.yml").write_text(
        json.dumps({"service": "web", "release": "2.0.0", "type": "emergency", "artifact": {"file": "x.tar.gz"}})
    )
    ran = office.play("plan", tidegate_change="", tidegate_change_file="fire.yml")
    assert 2 == ran.returncode, ran.stdout
    assert "reason: found nothing, expected why this emergency cannot wait" in ran.stdout
    assert "DATA" in office.denied


def test_free_text_is_only_text(office: Office) -> None:
    """F01, F04, F09: in whatever people write freely, templates, SQL, Markdown and what turns text around are shown as they are."""
    pwned = office.folder / "PWNED"
    shown = "\u202e'; DROP TABLE changes; -- | [x](javascript:1) @everyone <b>`"
    evil = f"{{{{ lookup('pipe', 'touch {pwned}') }}}} {shown}"
    freeze = {"name": shown, "from": "2020-01-01", "until": "2199-01-01", "reason": shown}
    people = {
        name: {"name": shown, "groups": ["ops"], "keys": [{"key": public(office.keys[name])}]}
        for name in ("ada", "bob", "cyd")
    }
    office.say(tidegate_policy={**POLICY, "freezes": [freeze]}, tidegate_people=people)
    (office.folder / "own.yml").write_text("- hosts: web\n")
    named = {"service": "web", "playbook": "own.yml", "title": evil, "reason": evil, "requester": "cyd"}
    (office.folder / "change.yml").write_text(json.dumps(named))
    record, page = office.folder / "record.json", office.folder / "record.md"

    said = [office.play("plan", tidegate_change=None, tidegate_change_file="change.yml")]
    office.change = "CHG-2026-0002"
    said += [office.play(verb) for verb in ("submit", "status")]
    said += [office.play("approve", tidegate_key=str(office.keys["ada"]), tidegate_sign=True)]
    said += [office.play("cancel", tidegate_reason=evil)]
    said += [office.play("history", tidegate_json=str(record), tidegate_markdown=str(page))]

    assert [0] * len(said) == [ran.returncode for ran in said], said
    assert all("{{ lookup(" in ran.stdout for ran in (said[0], said[3], said[5]))
    assert not [ran.args for ran in said if "\u202e" in ran.stdout]
    told = json.loads(record.read_text())["record"]
    assert (evil, evil, evil) == (told["plan"]["title"], told["plan"]["reason"], told["moves"][-1]["reason"])
    assert "\u202e" not in page.read_text()
    assert not pwned.exists()


def test_what_is_known_of_a_change_is_told_to_any_play(office: Office) -> None:
    """State, who has approved, what is missing, and what happened, for plays that decide by it."""
    tasks = [
        {"tidegate.deploy.change_info": {"id": "{{ tidegate_change }}"}, "register": "asked"},
        {"ansible.builtin.copy": {"content": "{{ asked | to_json }}", "dest": "{{ playbook_dir }}/asked.json"}},
    ]
    document = [{"hosts": "web", "connection": "local", "gather_facts": False, "tasks": tasks}]
    (office.folder / "asks.yml").write_text(json.dumps(document))
    ran = office.play("asks.yml", "--limit", "web1", ansible_python_interpreter=sys.executable)
    assert 0 == ran.returncode, ran.stdout
    asked = json.loads((office.folder / "asked.json").read_text())
    assert ("submitted", ["QUORUM: missing 2 of ops (production)"]) == (
        asked["outlook"]["state"],
        asked["outlook"]["missing"],
    )
    assert [("submit", "cyd")] == [(move["event"], move["actor"]) for move in asked["moves"]]
    assert asked["window"]["open"]


def test_no_verb_begins_where_everybody_may_change_what_shapes_it(office: Office) -> None:
    """C13: what an ansible.cfg says that everybody may write is not what the site says."""
    (office.folder / "ansible.cfg").chmod(0o666)
    ran = office.play("cancel", tidegate_reason="why not")
    assert 2 == ran.returncode, ran.stdout
    assert (
        f"UNSAFE_PATH: {office.folder}/ansible.cfg can be changed by every user of this machine: chmod o-w"
        in ran.stdout
    )
    assert ("submitted", ["UNSAFE_PATH"]) == (office.state, office.denied)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A veto is made from a statement in a file, pushed to the hosts that it names, and entered once there is a store again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import of_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.status import status_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import approving, enforcing, vetoing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said

from ..present.test_status import GATE, LEDGER, NOTHING
from .conftest import OLD, a_plan
from .signers import Office
from .test_permits import UIDS

WHY = "the key of ada was stolen"
ASKED = {"verb": "reject", "reason": WHY, "id": None, "evidence": None}
WHEN = "2026-11-28T12:00:00Z"


class Wanted(Office):
    """A change of two enrolled hosts."""

    def plan(self, _plan):
        rules = {"rules": self.rules.digest}
        made = a_plan(waves=(("web1", "web2"),), floor=0, **rules).as_found(dict.fromkeys(UIDS, OLD), UIDS, 0)
        super().plan(made)


@pytest.fixture
def wanted(site, office_keys):
    return Wanted(site, office_keys)


@pytest.fixture
def exported(wanted, tmp_path):
    """A file with what people are to sign about a change."""
    file = tmp_path / "statement.json"
    file.write_bytes(of_change(wanted.change).data)
    return str(file)


def refused(arguments):
    with pytest.raises(Refusal) as caught:
        vetoing.of_arguments(arguments)
    return caught.value


def test_the_veto_is_what_the_store_would_have_people_sign(wanted, exported, tmp_path):
    """To the byte, so that the same signature may be handed in to the store; of an emergency about that plan it is the same veto."""
    veto = vetoing.of_arguments({**ASKED, "statement": exported})
    assert veto.data == of_change(wanted.change, "veto", WHY).data
    assert vetoing.enrolled_in(veto) == list(UIDS)
    window = {"not_before": WHEN, "not_after": "2026-11-28T13:00:00Z"}
    urgent = of_change(wanted.change).as_emergency(dict.fromkeys(UIDS, "c" * 64), "it burns", window)
    (tmp_path / "urgent.json").write_bytes(urgent.data)
    assert vetoing.of_arguments({**ASKED, "statement": str(tmp_path / "urgent.json")}).about == veto.about
    (tmp_path / "veto.json").write_bytes(veto.data)
    assert vetoing.of_arguments({**ASKED, "reason": "", "statement": str(tmp_path / "veto.json")}) == veto


def test_what_makes_no_veto_is_refused(exported, tmp_path):
    """With its place, before anybody signs anything."""
    (tmp_path / "other.json").write_text("{}")
    for more, code, told in (
        ({"reason": " "}, "DATA", "tidegate_reason: found nothing"),
        ({"verb": "approve"}, "DATA", "it is for tidegate.deploy.reject"),
        ({"id": "CHG-2026-0001"}, "DATA", "found it with id"),
        ({"statement": str(tmp_path / "none.json")}, "DATA", "No such file"),
        ({"statement": str(tmp_path / "other.json")}, "STATEMENT", "other.json"),
    ):
        found = refused({**ASKED, "statement": exported, **more})
        assert (found.code, told in found.message) == (code, True), found.message


def test_hosts_that_were_not_enrolled_are_not_told(wanted):
    """They ask for no permit, and so refuse nothing."""
    doc = of_change(wanted.change).doc
    partly = Statement.of({**doc, "hosts": [{**doc["hosts"][0], "uid": ""}, doc["hosts"][1]]})
    assert vetoing.enrolled_in(partly) == ["web2"]


def test_each_host_is_told_and_what_came_of_it_is_too(wanted, monkeypatch):
    """One that cannot be reached is unknown, and the others refuse all the same."""
    said = {"web1": Said("ok", fields={"changed": True}), "web2": Said("unknown", "UNREACHABLE", "cannot be reached")}
    monkeypatch.setattr(
        vetoing, "each", lambda _door, hosts, check, _ask: {name: said[name] for name in hosts if not check}
    )
    veto = of_change(wanted.change, "veto", WHY)
    done = vetoing.push(SimpleNamespace(), UIDS, veto, SimpleNamespace(armored="x"))
    short = done.fell_short("approval", "refuse it", {})
    assert (short.verdict, short.code) == ("failed", "UNREACHABLE")
    assert "1 of 2 hosts refuse it; run it again for the others: web2: UNREACHABLE: cannot be reached" in short.say
    assert Signed.parse(Signed(veto.data, ("x",)).doc()).data == veto.data


# --- once the store is back


def about(wanted, **more):
    """What a host says that was told of a veto."""
    veto = of_change(wanted.change, "veto", WHY)
    told = {"service": "web", "statement": veto.id, "about": veto.about, "change": veto.change, "by": "bob", "at": WHEN}
    return {"uid": UIDS["web1"], "reviews_due": [], "vetoes": [{**told, **more}]}


def entered(store):
    return [entry.body for entry in store.entries() if entry.kind == "host.said"]


def test_a_veto_that_the_store_does_not_know_is_entered_once(wanted):
    """Of each host; and whoever looks is told what to type so that the store rejects the change, too."""
    said = about(wanted)
    for _time in range(2):
        assert enforcing.ingest(wanted.store, "web1", said) == ""
    enforcing.ingest(wanted.store, "web2", {**said, "uid": UIDS["web2"]})
    assert [(body["host"], body["by"], body["change"]) for body in entered(wanted.store)] == [
        ("web1", "bob", wanted.id),
        ("web2", "bob", wanted.id),
    ]
    (veto,) = vetoing.unknown(wanted.store, said)
    assert veto["next"].startswith(f"ansible-playbook tidegate.deploy.reject -e tidegate_change={wanted.id}")
    stand = {
        "unknown": "",
        "current": "x",
        "state": "steady",
        "change": "",
        "drift": "",
        "unhealthy": "",
        "reverted": None,
    }
    stand |= {"reason": "", "enforced": True, "enforcement": {**NOTHING, "uid": UIDS["web1"], "vetoes": [veto]}}
    document = {"store": "s", "changes": [], "services": {"web": {"web1": stand}}, "gate": GATE, "ledger": LEDGER}
    shown = status_text(document)
    assert (
        f"web: bob vetoed {wanted.id} at {WHEN} on hosts, without this store: reject it here, too: {veto['next']}"
        in shown
    )


def test_one_that_the_store_knows_is_nothing_new(wanted):
    """It was pushed by the store's own verb, or rejected there since."""
    asked = wanted.asked("reject", WHY)
    made = ssh_keygen.sign(asked.statement.data, asked.statement.namespace, str(wanted.keys["ada"]))
    approving.decide(wanted.store, asked, made, wanted.by, wanted.now)
    assert vetoing.unknown(wanted.store, about(wanted)) == []
    enforcing.ingest(wanted.store, "web1", about(wanted))
    assert entered(wanted.store) == []


def test_a_change_of_another_store_has_nothing_to_be_typed(wanted):
    """Though it may have the same id."""
    other = about(wanted, about="f" * 64)
    assert [veto["next"] for veto in vetoing.unknown(wanted.store, other)] == [""]
    assert [veto["next"] for veto in vetoing.unknown(wanted.store, about(wanted, change="CHG-2026-9999"))] == [""]

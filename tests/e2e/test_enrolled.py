# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release goes out to enrolled hosts, which see that people signed and that the store granted it, and comes back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project
from e2e.test_enrollment import NAMES, Office, office

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

__all__ = ["office"]

WARDEN = "cat /var/lib/tidegate/services/web/warden.json"
WAVES = [["web1"], ["web2"], ["web4"]]


def approved(office: Office, version: str, waves: Sequence[Sequence[str]] = WAVES) -> str:
    """A change that cyd wants, and two others have signed."""
    site = office.site
    site.change(version, hosts=[host for wave in waves for host in wave], waves=waves, floor=1, requester="cyd")
    planned = site.play("plan", change_file=f"changes/web-{version}.yml")
    assert planned.rc == 0, planned.text
    change = planned.change
    for verb, name in (("submit", "cyd"), ("approve", "ada"), ("approve", "bob")):
        done = site.play(verb, change=change, key=office.keys[name], sign="true")
        assert done.rc == 0, done.text
    return change


def asked_in_haste(office: Office, version: str, env: Mapping[str, str] | None = None) -> str:
    """A change of web1 that cannot wait, and that cyd wants."""
    site = office.site
    urgent = {"type": "emergency", "reason": "customers cannot pay", "hosts": ["web1"], "floor": 0}
    planned = site.play("plan", env=env, change_file=site.change(version, requester="cyd", **urgent))
    assert planned.rc == 0, planned.text
    submitted = site.play("submit", env=env, change=planned.change, key=office.keys["cyd"], sign="true")
    assert submitted.rc == 0, submitted.text
    return planned.change


def let_through(office: Office, change: str, env: Mapping[str, str] | None = None) -> str:
    """Its statement, once two people have signed what web1 gave for it, and web1 let it through."""
    site = office.site
    asked = site.play("emergency", env=env, change=change)
    assert asked.rc == 0, asked.text
    for name in ("ada", "bob"):
        signed = site.play("approve", env=env, change=change, key=office.keys[name], sign="true")
        assert signed.rc == 0, signed.text
    assert "hosts let it through without the store's consent, once" in signed.stdout
    done = site.play("rollout", env=env, change=change)
    assert done.rc == 0, done.text
    return str(asked.of("emergency")[-1]["statement"])


def one_emergency_after_the_other(office: Office, hosts: Fleetful) -> None:
    """With the store away another one does, made for it; no second one before a review that the hosts' own ledger holds."""
    site = office.site
    away = {"TIDEGATE_STORE": str(site.temp / "away" / "store.db")}
    first = let_through(office, asked_in_haste(office, V2, away), away)
    assert_all_on(hosts.see(("web1",)), V2)

    change = asked_in_haste(office, V1)
    early = site.play("emergency", change=change)
    assert (early.rc, early.codes) == (2, {"REVIEW_DUE"}), early.text
    hint = f"tidegate.deploy.review -e tidegate_statement={first}"
    told = site.play("status")
    assert told.rc == 0, told.text
    assert hint in early.text
    assert hint in told.stdout
    assert told.stdout.count("everybody but root there") == len(NAMES)
    assert journalled(site) == [("web1", first)]

    reviewed = site.play("review", statement=first, reason="'the database of the ledger was down'")
    assert reviewed.rc == 0, reviewed.text
    second = let_through(office, change)
    assert_all_on(hosts.see(("web1",)), V1)
    seen = site.play("review", change=change, reason="'and it was wrong'")
    assert seen.rc == 0, seen.text
    assert "shown to web1" in seen.stdout
    kept = json.loads(hosts["web1"].ssh(WARDEN).stdout)
    assert (kept["emergency"], {first, second} <= set(kept["statements"])) == (None, True)
    assert journalled(site) == [("web1", first), ("web1", second)]


def vetoed_without_a_store(office: Office, hosts: Fleetful, change: str) -> None:
    """From what was exported, by one person, while the store cannot be reached; a host that was cut off is told later. Then the
    store still grants the change and the hosts refuse it, until it is rejected there, too."""
    site, exported = office.site, str(office.site.temp / "veto.json")
    written = site.play("reject", change=change, reason="'the fair is on'", export=exported)
    assert written.rc == 0, written.text
    told = {"statement": exported, "key": office.keys["ada"], "sign": "true"}
    away = {"TIDEGATE_STORE": "postgresql://nobody@127.0.0.1:1/none"}
    hosts["web4"].cut()
    partly = site.play("reject", env=away, **told)
    hosts["web4"].restore()
    assert (partly.rc, partly.codes) == (2, {"UNREACHABLE"}), partly.text
    assert f"2 of 3 hosts refuse {change} by themselves now" in partly.text
    assert "run it again for the others: web4: UNREACHABLE" in partly.text
    whole = site.play("reject", env=away, **told)
    assert whole.rc == 0, whole.text
    assert whole.of("approval")[-1]["hosts"] == dict.fromkeys(NAMES, "ok")

    refused = site.play("rollout", "--check", change=change)
    assert (refused.rc, "VETO" in refused.text) == (2, True), refused.text
    shown = site.play("status")
    assert shown.rc == 0, shown.text
    assert f"web: ada vetoed {change} at " in shown.stdout
    assert f"reject it here, too: ansible-playbook tidegate.deploy.reject -e tidegate_change={change}" in shown.stdout
    assert [host for host, _statement in journalled(site)][-len(NAMES) :] == list(NAMES)


def taken_out_by_root(site: Project, hosts: Fleetful) -> None:
    """A host that says no longer that it is enrolled is told, and is drift; one that says that it is another host is told, too."""
    identity, other = "/var/lib/tidegate/identity.json", "0123456789abcdef" * 2
    hosts["web1"].ssh(f"mv {identity} {identity}.away")
    hosts["web2"].ssh(f'cp -p {identity} {identity}.away; sed -i \'s/"uid":"[0-9a-f]*/"uid":"{other}/\' {identity}')
    told = site.play("status")
    hosts.ssh(f"mv {identity}.away {identity}", ("web1", "web2"))
    assert told.rc == 0, told.text
    assert f"enrolled as {other}, and the store knows it as " in told.stdout
    assert "web1: NOT ENFORCED: the inventory and the store say that it is enrolled" in told.stdout
    assert told.stdout.count("everybody but root there") == len(NAMES) - 1
    with Store.open(str(site.store_folder / "store.db"), lambda: datetime.now(UTC)) as store:
        assert "web1" in {entry.body["host"] for entry in store.entries() if entry.kind == "drift.found"}


def journalled(site: Project) -> list[tuple[str, str]]:
    """The emergencies that hosts told the store of."""
    with Store.open(str(site.store_folder / "store.db"), lambda: datetime.now(UTC)) as store:
        return [(entry.body["host"], entry.body["statement"]) for entry in store.entries() if entry.kind == "host.said"]


def grants(site: Project) -> list[tuple[int, list[str]]]:
    """The index of each grant of the ledger, and the uids that it is for."""
    with Store.open(str(site.store_folder / "store.db"), lambda: datetime.now(UTC)) as store:
        return [(entry.index, sorted(entry.body["hosts"])) for entry in store.entries() if entry.kind == "grant"]


def test_release_reaches_enrolled_hosts_with_what_was_signed_and_granted(office: Office, hosts: Fleetful) -> None:
    """Each wave has its grant, and each host keeps its index, the attempt and the log that it has seen; a bad release comes
    back by the hosts' own rules, a good one by the operator's word, and neither asks anybody for a signature. Emergencies need no store, and
    one after the other a review. A veto reaches them. A store that is set back afterwards is found out by what hosts have seen of it."""
    site = office.site
    office.signed("ada", "bob")
    enrolled = site.play("enroll")
    assert enrolled.rc == 0, enrolled.text
    uids = {host: one["uid"] for host, one in enrolled.of("enroll")[-1]["hosts"].items()}
    site.inventory(NAMES, **{name: {"tidegate_enrolled": True} for name in NAMES})

    change = approved(office, V2)
    previewed = site.play("rollout", "--check", change=change)
    assert previewed.rc == 0, previewed.text
    assert grants(site) == []
    done = site.play("rollout", change=change)
    assert done.rc == 0, done.text
    assert_all_on(hosts.see(NAMES), V2)
    made = grants(site)
    assert [hosts for _index, hosts in made] == [[uids[name]] for name in NAMES]
    kept = {name: json.loads(text) for name, text in hosts.ssh(WARDEN, NAMES).items()}
    assert [kept[name]["fence"] for name in NAMES] == [index for index, _hosts in made]
    assert {tuple(used["attempts"] for used in one["statements"].values()) for one in kept.values()} == {(1,)}
    assert all(one["seen"]["size"] > one["fence"] for one in kept.values())

    kept_store = shutil.copytree(site.store_folder, site.temp / "kept")
    audited = site.play("audit")
    assert audited.rc == 0, audited.text
    assert "3 by hosts" in audited.stdout

    bad = site.play("rollout", change=approved(office, "4.0.0"))
    assert bad.rc == 2, bad.text
    assert_all_on(hosts.see(NAMES), V2)

    back = site.play("rollback", change=change)
    assert back.rc == 0, back.text
    assert_all_on(hosts.see(NAMES), V1)

    one_emergency_after_the_other(office, hosts)
    taken_out_by_root(site, hosts)

    unwanted = approved(office, "3.0.0")
    vetoed_without_a_store(office, hosts, unwanted)
    veto = site.play("reject", change=unwanted, key=office.keys["ada"], sign="true", reason="'the fair is on'")
    assert veto.rc == 0, veto.text
    assert f"told web1, web2, web4, which refuse {unwanted} by themselves now" in veto.stdout
    assert {len(json.loads(text)["vetoed"]) for text in hosts.ssh(WARDEN, NAMES).values()} == {1}

    shutil.rmtree(site.store_folder)
    shutil.copytree(kept_store, site.store_folder)
    set_back = site.play("audit")
    assert (set_back.rc, set_back.codes) == (2, {"LEDGER"}), set_back.text
    assert "TRUNCATED: " in set_back.stdout
    assert "the host web1's checkpoint has" in set_back.stdout

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts are enrolled, follow their trust from version to version, take another host program by it, and are let go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from e2e.hosts import V1, Fleetful, assert_all_on
from e2e.project import CHECKOUT, Project, Result, named
from e2e.test_change_control import a_key, denied
from host.driver import Driver, ready

NAMES = ("web1", "web2", "web4")
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
POLICY = {"approvals": [{"name": "production", "groups": {"ops": 2}}]}
IDENTITY = "cat /var/lib/tidegate/identity.json"
TRACES = "ls -d /var/lib/tidegate/identity.json /etc/sudoers.d/tidegate 2>/dev/null; getent passwd deploy; true"
FORGET = """
rm -rf /var/lib/tidegate/identity.json /var/lib/tidegate/trust /etc/sudoers.d/tidegate /var/lib/tidegate-login
userdel --force deploy 2>/dev/null
rm -f /var/cache/e2e/*.seen
"""


class Office:
    """A site whose hosts refuse by themselves, and the people who decide about that."""

    def __init__(self, site: Project) -> None:
        self.site = site
        self.keys = {name: a_key(site.temp, name) for name in ("ada", "bob", "cyd", "eve")}
        self.people("ada", "bob", "cyd")
        site.write("inventory/group_vars/all/tidegate_policy.yml", {"tidegate_policy": POLICY})
        login = Path(f"{site.hosts.fleet.key}.pub").read_text()
        trust = {"site": "example.org", "rule": {"groups": {"ops": 2}}, "login_keys": [login]}
        site.write("inventory/group_vars/all/tidegate_trust.yml", {"tidegate_trust": trust})

    def people(self, *names: str, **until: str) -> None:
        """Let these be everybody; the keys of some run out."""
        dates = {name: {"until": day} for name, day in until.items()}
        people = {
            name: {
                "groups": ["ops"],
                "keys": [{"key": Path(f"{self.keys[name]}.pub").read_text(), **dates.get(name, {})}],
            }
            for name in names
        }
        self.site.write("inventory/group_vars/all/tidegate_people.yml", {"tidegate_people": people})

    def signed(self, *names: str, **more: Any) -> Result:
        """The next version of the trust, signed by people one after the other."""
        for name in names:
            done = self.site.play("trust", key=self.keys[name], sign="true", **more)
            assert done.rc == 0, done.text
        return done


@pytest.fixture
def office(site: Project, hosts: Fleetful) -> Iterator[Office]:
    """Three hosts that run 1.0.0; nothing of an enrollment stays."""
    site.inventory(NAMES)
    yield Office(site)
    hosts.ssh(FORGET, NAMES)


def refuses_deploy(hosts: Fleetful, name: str, command: str) -> bool:
    """Whether the login of an enrolled host cannot do something."""
    return hosts[name].ssh(command, user="deploy", check=False).returncode != 0


def enforced(done: Result) -> dict[str, tuple[int, list[str]]]:
    """What each host was brought to, and by what."""
    return {host: (one["trust"], one["did"]) for host, one in done.of("enroll")[-1]["hosts"].items()}


LOGIN_KEYS, SUDO_RULE = "/var/lib/tidegate-login/.ssh/authorized_keys", "/etc/sudoers.d/tidegate"
SPOIL = {
    "web1": f"cp -p {LOGIN_KEYS} /root/kept; echo '# once more' >> {LOGIN_KEYS}",
    "web2": f"cp -p {SUDO_RULE} /root/kept; echo '# once more' >> {SUDO_RULE}",
    "web4": "mv /var/lib/tidegate/identity.json /root/kept",
}
MEND = {
    "web1": f"mv /root/kept {LOGIN_KEYS}",
    "web2": f"mv /root/kept {SUDO_RULE}",
    "web4": "mv /root/kept /var/lib/tidegate/identity.json",
}


def looked_at_by_the_doctor(site: Project, hosts: Fleetful) -> None:
    """What root has changed past an enrollment, whose trust is behind, and what is enforced against whom, a line each."""
    for name, command in SPOIL.items():
        hosts[name].ssh(command)
    try:
        seen = site.play("doctor")
    finally:
        for name, command in MEND.items():
            hosts[name].ssh(command)
    lines = seen.stdout.splitlines()
    assert named(lines, "warn ", " web1 ", f"{LOGIN_KEYS} holds other keys than tidegate_trust.login_keys")
    assert named(lines, "stop ", " web2 ", f"{SUDO_RULE} is not as it was made", "tidegate.deploy.enroll")
    assert named(lines, "warn ", " web2 ", "trust version 1, and 2 is signed → tidegate.deploy.enroll brings it there")
    assert named(lines, "warn ", " web4 ", "NOT ENFORCED: the inventory and the store say that it is enrolled")
    assert named(lines, "note ", " web1, web2 ", "web: enforced against everybody but root there")
    assert named(lines, "note ", " web4 ", "web: enforced against nobody: root and whoever can log in")


def refused_while_under_way(office: Office, hosts: Fleetful) -> None:
    """One host on which a change waits for its confirmation keeps all of them from being enrolled; that change goes on as it was."""
    driver = Driver(hosts["web1"])
    doc = hosts.see(["web1"])["web1"].journal["new_definition"]
    change, _old = ready(driver, definition=doc, deadline_s=600)
    refused = office.site.play("enroll")
    assert (refused.rc, refused.codes) == (2, {"UNDER_WAY"}), refused.text
    assert "1 host refused, and nothing was changed on any: web1: UNDER_WAY: " in refused.text
    assert "expected none; let the rollout end first" in refused.text
    assert {text.strip() for text in hosts.ssh(TRACES, NAMES).values()} == {""}
    assert driver.service()["state"] == "ready"
    driver.back(change, definition=doc).or_refuse()


def signed_once_more(office: Office, hosts: Fleetful, env: dict[str, str]) -> None:
    """A host for which bob's key has run out meanwhile cannot pass the version that he has signed, until somebody else has whom the
    rule of the version before asks, and somebody whom its own does. It stays three days ahead."""
    site = office.site
    hosts["web2"].shift_clock(3 * 24 * 3600)
    stuck = site.play("enroll", env=env, hosts="web2")
    assert (stuck.rc, stuck.codes) == (2, {"KEY"}), stuck.text
    assert "of bob is not valid now, or was not when it signed; missing 1 of ops (trust)" in stuck.text
    for name in ("cyd", "eve"):
        again = site.play("trust", env=env, trust_version=2, key=office.keys[name], sign="true")
        assert again.rc == 0, again.text
        assert f"version 2 of production, signed by {name}; it holds" in again.stdout


def enrolled_anew_by_root(site: Project, hosts: Fleetful, uid: str, env: dict[str, str]) -> None:
    """Its login is no way in any more. That nobody signed that the host may leave is told when root enrolls it again, and afterwards
    by `status` and `audit`."""
    hosts["web1"].ssh("rm /var/lib/tidegate/identity.json")
    by_login = site.play("enroll", env=env, hosts="web1")
    assert (by_login.rc, by_login.codes) == (2, {"NOT_ENROLLED"}), by_login.text
    assert "this host is not enrolled any more, and deploy may only look and confirm" in by_login.text
    enrolled = {"tidegate_enrolled": True}
    site.inventory(NAMES, web2=enrolled, web4=enrolled)
    anew = site.play("enroll", env=env, hosts="web1")
    site.inventory(NAMES, web1=enrolled, web2=enrolled, web4=enrolled)
    assert anew.rc == 0, anew.text
    assert f"it was taken out as {uid}, and nobody signed that: find out who did" in anew.stdout
    told, audited = site.play("status"), site.play("audit")
    assert f"enrolled anew by root there: nobody signed that it may leave as {uid}" in told.stdout
    assert audited.rc == 0, audited.text
    assert f"says that web1 was enrolled anew as {hosts_uid(hosts, 'web1')}, and nobody signed" in audited.stdout


def hosts_uid(hosts: Fleetful, name: str) -> str:
    """The uid of an enrolled host."""
    return str(json.loads(hosts[name].ssh(IDENTITY).stdout)["uid"])


def another_program(folder: Path) -> dict[str, str]:
    """The environment of a controller whose host program differs by a comment, and so has another digest."""
    shutil.copytree(
        CHECKOUT / "collections/ansible_collections",
        folder / "ansible_collections",
        ignore=shutil.ignore_patterns("tests", "output"),
    )
    source = folder / "ansible_collections/tidegate/deploy/plugins/module_utils/host/ask.py"
    source.write_text(source.read_text() + "# another build\n")
    return {"ANSIBLE_COLLECTIONS_PATH": str(folder)}


def test_hosts_follow_their_trust_until_they_are_let_go(office: Office, hosts: Fleetful) -> None:
    """Enrolled by two signatures once nothing is under way, one that was cut off when it is back; driven by a login that is root
    for nothing else; a leaver's key goes, a host that was left out catches up in order and takes another host program; a clone is
    refused; two people let all of them go."""
    site = office.site
    office.people("ada", "bob", "cyd", bob=TOMORROW)

    early = site.play("enroll")
    half = office.signed("ada")
    still = site.play("enroll")
    assert (early.rc, still.rc, early.codes, still.codes) == (2, 2, {"TRUST"}, {"TRUST"}), early.text
    assert "missing 1 of ops (trust)" in half.stdout
    assert office.signed("bob").of("trust")[-1]["holds"]
    refused_while_under_way(office, hosts)
    before = hosts.see(NAMES)

    hosts["web1"].ssh("mv /usr/bin/ssh-keygen /usr/bin/away")
    hosts["web2"].shift_clock(900)
    unfit = site.play("enroll")
    hosts["web1"].ssh("mv /usr/bin/away /usr/bin/ssh-keygen")
    hosts["web2"].shift_clock(0)
    assert unfit.rc == 2, unfit.text
    assert "2 hosts refused, and nothing was changed on any" in unfit.text
    assert "web1: NO_SSH_KEYGEN" in unfit.text
    assert "web2: CLOCK" in unfit.text
    assert {text.strip() for text in hosts.ssh(TRACES, NAMES).values()} == {""}

    files = {**hosts.listing(NAMES), **hosts.everything(NAMES)}
    previewed = site.play("enroll", "--check")
    assert previewed.rc == 0, previewed.text
    assert {**hosts.listing(NAMES), **hosts.everything(NAMES)} == files
    assert "make the user deploy" in previewed.stdout

    hosts["web4"].cut()
    partly = site.play("enroll")
    hosts["web4"].restore()
    assert (partly.rc, partly.codes) == (2, {"UNREACHABLE"}), partly.text
    assert "2 of 3 hosts are up to date; run it again for the others: web4: UNREACHABLE: " in partly.text
    assert hosts["web4"].ssh(TRACES).stdout == ""
    first = site.play("enroll")
    assert first.rc == 0, first.text
    assert "tidegate_enrolled: true" in first.stdout
    assert [host for host, (_trust, did) in enforced(first).items() if did] == ["web4"]
    identities = {name: json.loads(text) for name, text in hosts.ssh(IDENTITY, NAMES).items()}
    assert {name: one["uid"] for name, one in identities.items()} == {
        host: one["uid"] for host, one in first.of("enroll")[-1]["hosts"].items()
    }
    assert not refuses_deploy(hosts, "web1", "true")
    assert refuses_deploy(hosts, "web1", "sudo -n id")
    assert refuses_deploy(hosts, "web1", "sudo -n /usr/local/lib/tidegate/current/tidegate-host boot")

    site.inventory(NAMES, **{name: {"tidegate_enrolled": True} for name in NAMES})
    asked = site.play("status")
    again = site.play("enroll")
    assert asked.rc == 0, asked.text
    assert (again.rc, again.of("enroll")[-1]["changed"]) == (0, False), again.text

    office.people("ada", "bob", "eve", bob=TOMORROW)
    second = office.signed("ada", "bob")
    assert "people.cyd goes" in second.stdout
    only_one = site.play("enroll", hosts="web1")
    assert enforced(only_one) == {"web1": (2, ["trust version 1 → 2"])}, only_one.text
    looked_at_by_the_doctor(site, hosts)

    newer = another_program(site.temp / "newer")
    for name in ("ada", "eve"):
        signed = site.play("trust", env=newer, key=office.keys[name], sign="true")
        assert signed.rc == 0, signed.text
    signed_once_more(office, hosts, newer)
    third = site.play("enroll", env=newer)
    hosts["web2"].shift_clock(0)
    assert third.rc == 0, third.text
    assert [(trust, did[0], did[1][:13]) for trust, did in (enforced(third)[name] for name in ("web1", "web2"))] == [
        (3, "trust version 2 → 3", "host program "),
        (3, "trust version 1 → 3", "host program "),
    ]
    shown = site.play("trust", env=newer, hosts="web2")
    assert shown.of("trust")[-1]["hosts"]["web2"] == {"verdict": "ok", "trust": 3, "enforced": True, "differs": []}

    kept = hosts["web4"].ssh("cat /etc/machine-id").stdout
    hosts["web4"].ssh("cp /etc/machine-id /tmp/kept && tr 0-9a-f 1-9a-f0 < /tmp/kept > /etc/machine-id")
    cloned = site.play("enroll", env=newer)
    hosts["web4"].ssh("cat /tmp/kept > /etc/machine-id; rm /tmp/kept")
    assert (cloned.rc, cloned.codes) == (2, {"IDENTITY"}), cloned.text
    assert hosts["web4"].ssh("cat /etc/machine-id").stdout == kept
    enrolled_anew_by_root(site, hosts, identities["web1"]["uid"], newer)

    file = str(site.temp / "away.json")
    asking = site.play(
        "unenroll",
        env=newer,
        hosts="web",
        reason="'the fair is over'",
        statement=file,
        key=office.keys["ada"],
        sign="true",
    )
    assert asking.rc == 0, asking.text
    assert "missing 1 of ops" in asking.stdout
    assert "identity.json" in hosts["web1"].ssh(TRACES).stdout
    gone = site.play("unenroll", env=newer, statement=file, key=office.keys["bob"], sign="true")
    assert gone.rc == 0, gone.text
    assert {text.strip() for text in hosts.ssh(TRACES, NAMES).values()} == {""}

    assert denied(site) >= {"TRUST", "UNDER_WAY", "NO_SSH_KEYGEN", "IDENTITY"}
    after = hosts.see(NAMES)
    assert_all_on(after, V1)
    assert {name: one.started_us for name, one in after.items()} == {
        name: one.started_us for name, one in before.items()
    }

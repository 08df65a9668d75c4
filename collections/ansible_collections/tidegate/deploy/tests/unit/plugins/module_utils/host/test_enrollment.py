# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host comes to refuse by itself, what it trusts from then on, and how it stops; cut off anywhere, too."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, fitness
from ansible_collections.tidegate.deploy.plugins.module_utils.host import demands, doctor, program, signatures
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core import ssh_keys
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import PowerCut
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    NAME,
    PROGRAM,
    Enrolled,
    line,
    look_up_signatures,
    rule,
    sign,
)


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs without root and systemd."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)


@pytest.fixture
def fresh(tmp_path: Path) -> Enrolled:
    """A host with a service, that is not enrolled."""
    bench = Enrolled(tmp_path, enroll=False)
    bench.deploy("1.0")
    return bench


@pytest.fixture
def host(tmp_path: Path) -> Enrolled:
    """An enrolled host."""
    return Enrolled(tmp_path)


def unenrollment(bench: Enrolled, signers: tuple[str, ...] = ("cy", "dan"), **changes: Any) -> dict[str, Any]:
    """The fields of `unenroll`."""
    doc = {"v": 1, "type": "unenroll", "hosts": [{"name": NAME, "uid": bench.uid}], "trust": 1, "reason": "retired"}
    data = canonical.dumps({**doc, "not_after": "2026-12-01T00:00:00Z", **changes})
    made = [sign(who, data, "unenroll@tidegate") for who in signers]
    return {"statement": base64.b64encode(data).decode(), "signatures": made}


# --- enroll


def test_a_running_host_is_enrolled(fresh: Enrolled) -> None:
    """It gets a login, a rule, trust and an identity; its service runs on, and it says from then on that it refuses."""
    before = (fresh.current, fresh.stands["change"], list(fresh.units.calls))
    answer = fresh.ask("enroll", **fresh.enrollment())
    assert (answer["changed"], answer["name"], answer["trust"], answer["enforced"]) == (True, NAME, 1, True)
    assert (fresh.current, fresh.stands["change"], fresh.units.calls) == before
    paths = fresh.host.paths
    assert fresh.users.homes["deploy"] == paths.home
    assert Path(paths.home, ".ssh", "authorized_keys").read_text() == f"{line('login')}\n"
    assert Path(paths.sudoers).read_text() == f'deploy ALL=(root) NOPASSWD: {paths.lib}/current/tidegate-host ""\n'
    assert [oct(os.stat(path).st_mode & 0o777) for path in (paths.home, paths.sudoers)] == ["0o755", "0o440"]
    told = fresh.ask("ask", services=[])["enrolled"]
    assert (told["uid"], told["name"], told["login"], told["trust"]) == (answer["uid"], NAME, "deploy", 1)
    assert (told["program"], told["checkpoint"], told["reviews_due"], told["problem"]) == (PROGRAM, None, [], "")


def test_the_same_enrollment_again_changes_nothing(host: Enrolled) -> None:
    """Asked again, also with the uid that it has; what differs is named, and is refused."""
    host.disk.log.clear()
    for more in ({}, {"uid": host.uid}):
        answer = host.ask("enroll", **host.enrollment(**more))
        assert (answer["changed"], answer["uid"]) == (False, host.uid)
    assert host.disk.log == []
    for more, named in (
        ({"name": "web2"}, "name"),
        ({"uid": "f" * 32}, "uid"),
        ({"login_keys": [line("eve")]}, "keys of the login"),
        ({"doc": host.bundle(2)}, "trust bundle"),
    ):
        answer = host.answer("enroll", **host.enrollment(**more))
        assert (answer["code"], named in answer["message"]) == ("ENROLLED", True), answer
    assert host.disk.log == []


def test_a_rehearsal_writes_nothing(fresh: Enrolled) -> None:
    """It says what it would do, by the program that travels along."""
    fresh.disk.log.clear()
    answer = fresh.ask("enroll", check=True, program=PROGRAM, **fresh.enrollment())
    assert answer["would"][-2:] == ["keep trust version 1", f"enroll this host as {NAME}"]
    assert (answer["changed"], answer["enforced"], fresh.disk.log) == (True, False, [])
    assert fresh.code("enroll", check=True, program="1" * 64, **fresh.enrollment()) == "TRUST"


WEAK = "ssh-ed25519 " + base64.b64encode(ssh_keys.blob_of(b"ssh-ed25519", b"\x01" + bytes(31))).decode()


def with_key(bench: Enrolled, name: str, key: str) -> dict[str, Any]:
    """A trust bundle in which somebody has another key."""
    people = bench.bundle()["people"]
    return bench.bundle(people={**people, name: {"groups": [], "keys": [{"line": key, "from": None, "until": None}]}})


REFUSED = {
    "one signature of two": (
        lambda bench: bench.enrollment() | {"signatures": bench.enrollment()["signatures"][:1]},
        "QUORUM",
    ),
    "a program that it does not name": (lambda bench: bench.enrollment(bench.bundle(programs=["1" * 64])), "TRUST"),
    "a key of no proper point": (lambda bench: bench.enrollment(with_key(bench, "eve", WEAK)), "ALG"),
    "one key under two people": (lambda bench: bench.enrollment(with_key(bench, "eve", line("ada"))), "KEY"),
    "expired": (lambda bench: bench.enrollment(bench.bundle(expires_at="2026-11-02T00:00:00Z")), "TRUST"),
    "the caller's clock is off": (lambda bench: bench.enrollment(utc="2026-11-28T12:05:01Z"), "CLOCK"),
    "another login": (lambda bench: bench.enrollment(login="root"), "DATA"),
    "a key with options": (lambda bench: bench.enrollment(login_keys=[f'command="x" {line("login")}']), "ALG"),
    "no keys": (lambda bench: bench.enrollment(login_keys=[]), "DATA"),
    "no base64": (lambda bench: bench.enrollment(bundle="?"), "TRUST"),
    "another root": (
        lambda bench: bench.enrollment(
            bench.bundle(services={"web": [{"definition": bench.definition(root="/opt/other"), "hosts": []}]})
        ),
        "TRUST",
    ),
    "an overlapping service": (
        lambda bench: bench.enrollment(
            bench.bundle(
                services={
                    "api": [
                        {
                            "definition": bench.definition(service="api", root=f"{bench.root}/api", unit="api.service"),
                            "hosts": [],
                        }
                    ]
                }
            )
        ),
        "TRUST",
    ),
    "a service that is the login's": (
        lambda bench: bench.enrollment(
            bench.bundle(services={"web": [{"definition": bench.definition(owner="deploy"), "hosts": []}]})
        ),
        "TRUST",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_does_not_fit_is_not_enrolled(fresh: Enrolled, why: str) -> None:
    """Nothing was written, and the host is as it was."""
    wish, code = REFUSED[why]
    assert fresh.code("enroll", **wish(fresh)) == code
    assert not os.path.lexists(fresh.host.paths.sudoers)
    assert not fresh.host.is_enrolled


def test_a_host_that_cannot_verify_is_not_enrolled(fresh: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ssh-keygen, and with one that takes anything for true or false."""
    wish = fresh.enrollment()
    monkeypatch.setattr(signatures, "SEARCH_PATH", "/nowhere")
    assert fresh.code("enroll", **wish) == "NO_SSH_KEYGEN"
    for says in (True, False):
        monkeypatch.setattr(signatures, "verify", lambda *_given, says=says: says)
        assert fresh.code("enroll", **wish) == "NO_SSH_KEYGEN"


@pytest.mark.parametrize("state", ["pending", "ready", "reverting"])
def test_nothing_is_enrolled_while_something_is_under_way(fresh: Enrolled, state: str) -> None:
    """What began without a permit ends before the host demands one."""
    change = fresh.new_change()
    fresh.begin(change, fresh.release("2.0"))
    if state != "pending":
        fresh.run_effects()
    if state == "reverting":
        fresh.back(change)
    assert fresh.state == state
    assert fresh.code("enroll", **fresh.enrollment()) == "UNDER_WAY"


def test_somebody_elses_user_is_left_alone(fresh: Enrolled) -> None:
    """A login that was there before, with a home of its own, is not taken over."""
    fresh.users.homes["deploy"] = "/home/deploy"
    assert fresh.code("enroll", **fresh.enrollment()) == "PRECHECK"


def test_a_rule_that_sudo_does_not_take_is_never_in_place(fresh: Enrolled) -> None:
    """A file that sudo cannot read would lock everybody out of it."""
    fresh.users.problem = "syntax error"
    assert fresh.answer("enroll", **fresh.enrollment())["code"] == "PRECHECK"
    assert not os.path.lexists(fresh.host.paths.sudoers)
    assert not fresh.host.is_enrolled


def test_an_enrollment_that_is_cut_off_anywhere_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment does the login reach a host that demands nothing; asking again goes on."""
    look_up_signatures(monkeypatch)
    count = Enrolled(tmp_path / "count", enroll=False)
    count.disk.count = 0
    count.ask("enroll", **count.enrollment())
    for number in range(1, count.disk.count + 1):
        bench = Enrolled(tmp_path / str(number), enroll=False)
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            bench.answer("enroll", **bench.enrollment())
        bench.disk.cut_at = None
        where = f"cut before {bench.disk.log[-1]}"
        if os.path.lexists(bench.host.paths.sudoers):
            assert bench.host.is_enrolled, where
        answer = bench.ask("enroll", **bench.enrollment())
        assert (answer["enforced"], answer["trust"]) == (True, 1), where
        assert os.path.lexists(bench.host.paths.sudoers), where
        assert not bench.ask("enroll", **bench.enrollment())["changed"], where


# --- who it is


def test_the_login_of_a_host_that_root_took_out_may_only_look_and_confirm(host: Enrolled) -> None:
    """Until it is enrolled again, or the rule is gone: it is not root's, and nothing demands anything of it. Root itself goes on."""
    os.unlink(host.host.paths.identity)
    asked = {"services": [], "definition": host.definition(), **host.enrollment()}

    def refused(caller: str) -> set[str]:
        host.program = program.Program(PROGRAM, host.host, caller)
        answers = {step: host.answer(step, check=True, **asked) for step in demands.DEMANDS}
        return {step for step, answer in answers.items() if "may only look and confirm" in str(answer.get("message"))}

    assert refused("deploy") == {*demands.DEMANDS} - {"ask", "doctor", "confirm", "renew"}
    assert refused("ops") == refused("") == set()
    host.ask("enroll", **host.enrollment())
    assert refused("deploy") == set()


def test_a_clone_counts_as_not_enrolled(host: Enrolled) -> None:
    """Another machine-id, or a host key that is gone: it says so, and lets nothing forward."""
    etc = Path(host.host.paths.etc)
    for path, text in (
        (etc / "machine-id", "fedcba\n"),
        (etc / "ssh" / "ssh_host_ed25519_key.pub", f"{line('eve')} x\n"),
    ):
        kept = path.read_text()
        path.write_text(text)
        assert host.code("challenge", services=["web"]) == "IDENTITY"
        assert host.code("trust", bundles=[]) == "IDENTITY"
        assert host.ask("ask", services=[])["enrolled"]["problem"]
        path.write_text(kept)
    assert host.ask("challenge", services=["web"])["uid"] == host.uid


def test_a_further_host_key_changes_nothing(host: Enrolled) -> None:
    """An update of sshd may bring one."""
    Path(host.host.paths.etc, "ssh", "ssh_host_rsa_key.pub").write_text(f"{line('eve')} root@web1\n")
    assert host.ask("ask", services=[])["enrolled"]["problem"] == ""


# --- trust


def test_trust_is_applied_in_order(host: Enrolled) -> None:
    """A host that was away takes all at once; only the last must be unexpired; again is no change."""
    second = host.signed_bundle(host.bundle(2, expires_at="2026-11-20T00:00:00Z", made_at="2026-11-10T00:00:00Z"))
    third = host.signed_bundle(host.bundle(3))
    assert host.ask("trust", check=True, bundles=[second, third])["trust"] == 1
    answer = host.ask("trust", bundles=[second, third])
    assert (answer["changed"], answer["trust"], answer["enrolled"]["trust"]) == (True, 3, 3)
    assert not host.ask("trust", bundles=[second, third])["changed"]
    assert sorted(os.listdir(host.host.paths.trust)) == sorted(
        f"{n}.{kind}" for n in (1, 2, 3) for kind in ("json", "sigs")
    )


def test_trust_that_does_not_follow_is_refused(host: Enrolled) -> None:
    """Skipped, of another site, expired, signed by too few, or another one of the same number."""
    made = host.signed_bundle
    for bundles in (
        [made(host.bundle(3))],
        [made(host.bundle(2**53 - 1))],
        [made(host.bundle(2, site="other"))],
        [made(host.bundle(2, environment="staging"))],
        [made(host.bundle(2, expires_at="2026-11-20T00:00:00Z"))],
        [made(host.bundle(2), "cy")],
        [made(host.bundle(2), "cy", "cy")],
        [made(host.bundle(2), "ada", "bob")],
        [made(host.bundle(1, sources=["x.example"]))],
        [{"data": "AAAA", "signatures": []}],
    ):
        assert host.code("trust", bundles=bundles) in ("TRUST", "QUORUM", "EXPIRED")


def test_both_quorums_sign_a_change_of_the_quorum(host: Enrolled) -> None:
    """Neither those who go nor those who come can do it alone."""
    after = host.bundle(2, trust_rule=rule("ops", groups={"ops": 2}))
    for signers in (("cy", "dan"), ("ada", "bob")):
        assert host.code("trust", bundles=[host.signed_bundle(after, *signers)]) == "QUORUM"
    assert host.ask("trust", bundles=[host.signed_bundle(after, "cy", "dan", "ada", "bob")])["trust"] == 2


def test_trust_that_is_cut_off_anywhere_is_the_one_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version counts whole or not at all."""
    look_up_signatures(monkeypatch)
    count = Enrolled(tmp_path / "count")
    both = [count.signed_bundle(count.bundle(2)), count.signed_bundle(count.bundle(3))]
    count.disk.count = 0
    count.ask("trust", bundles=both)
    for number in range(1, count.disk.count + 1):
        bench = Enrolled(tmp_path / str(number))
        both = [bench.signed_bundle(bench.bundle(2)), bench.signed_bundle(bench.bundle(3))]
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            bench.answer("trust", bundles=both)
        bench.disk.cut_at = None
        assert bench.ask("ask", services=[])["enrolled"]["trust"] in (1, 2, 3)
        assert bench.ask("trust", bundles=both)["trust"] == 3


# --- unenroll


def test_enough_people_unenroll_a_host(host: Enrolled) -> None:
    """Rule, login and identity go; services, journals and the trust that counted stay."""
    host.deploy("1.0")
    before = (host.current, host.stands["change"])
    for asked in (
        unenrollment(host, signers=("cy",)),
        unenrollment(host, signers=("ada", "bob")),
        unenrollment(host, hosts=[{"name": NAME, "uid": "f" * 32}]),
        unenrollment(host, not_after="2026-11-28T11:59:59Z"),
        unenrollment(host, trust=2),
    ):
        assert host.code("unenroll", **asked)
    assert host.ask("unenroll", check=True, **unenrollment(host))["would"]
    answer = host.ask("unenroll", **unenrollment(host))
    assert (answer["changed"], answer["enforced"], answer["left"]) == (True, False, [])
    assert (host.current, host.stands["change"]) == before
    paths = host.host.paths
    assert not any(map(os.path.lexists, (paths.identity, paths.sudoers, paths.home)))
    assert "deploy" not in host.users.homes
    assert os.path.exists(paths.bundle(1))
    assert host.code("unenroll", **unenrollment(host)) == "NOT_ENROLLED"
    uid = host.ask("enroll", **host.enrollment())["uid"]
    assert uid != host.uid


def test_an_unenrollment_that_is_cut_off_anywhere_is_done_again(tmp_path: Path) -> None:
    """The login never reaches a host that demands nothing."""
    count = Enrolled(tmp_path / "count")
    count.disk.count = 0
    count.ask("unenroll", **unenrollment(count))
    assert count.disk.count >= 2
    for number in range(1, count.disk.count + 1):
        bench = Enrolled(tmp_path / str(number))
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            bench.answer("unenroll", **unenrollment(bench))
        bench.disk.cut_at = None
        assert bench.host.is_enrolled
        assert not bench.ask("unenroll", **unenrollment(bench))["enforced"]
        assert not os.path.lexists(bench.host.paths.sudoers)


# --- what the doctor finds


def test_the_doctor_looks_at_an_enrolled_host(host: Enrolled) -> None:
    """A sound one is not worth a word; a rule or a program that root has changed is."""

    def found(*keys: str) -> list[str]:
        facts = doctor.gather(host.host, {}, [line(name) for name in keys] or None)
        told = fitness.findings({**facts, "units": []}, PROGRAM, (1, 0, 0))
        return [one["found"] for one in told if one["check"] == "enrolled"]

    assert found() == found("login") == []
    os.chmod(host.host.paths.sudoers, 0o600)
    Path(host.host.paths.sudoers).write_text("deploy ALL=(ALL) NOPASSWD: ALL\n")
    assert "does not reach the host program" in found()[0]
    host.clock.wall = "2027-12-01T00:00:00Z"
    assert "has run out" in found()[1]
    Path(host.host.paths.etc, "machine-id").write_text("clone\n")
    assert ["machine-id" in one for one in found()] == [True]


LOGINS = {
    "no user": (lambda host, _keys: host.users.homes.pop("deploy"), "there is no user deploy"),
    "another home": (
        lambda host, _keys: host.users.homes.update(deploy="/home/deploy"),
        "the user deploy has the home /home/deploy, expected",
    ),
    "a password": (lambda host, _keys: host.users.with_password.add("deploy"), "has a password, expected none"),
    "one key more": (
        lambda _host, keys: keys.write_text(f"{keys.read_text()}{line('eve')}\n"),
        "authorized_keys holds other keys than tidegate_trust.login_keys",
    ),
    "others may write": (
        lambda _host, keys: keys.chmod(0o666),
        "with mode 0666, expected one that only root writes to",
    ),
    "no file": (lambda _host, keys: keys.unlink(), "authorized_keys cannot be read (No such file or directory)"),
}


@pytest.mark.parametrize(("change", "says"), LOGINS.values(), ids=LOGINS)
def test_the_doctor_looks_at_the_login(host: Enrolled, change: Callable[..., Any], says: str) -> None:
    """How it differs from what the enrollment made, also where nobody says whose keys it should have."""
    change(host, Path(host.host.paths.home, ".ssh", "authorized_keys"))
    told = doctor.gather(host.host, {}, [line("login")])["enrolled"]["login_problems"]
    assert any(says in one for one in told), told
    unasked = doctor.gather(host.host, {})["enrolled"]["login_problems"]
    assert unasked == [one for one in told if "tidegate_trust" not in one]


def test_the_doctor_says_when_the_trust_of_a_host_ends(host: Enrolled) -> None:
    """By its own clock: the version itself, and keys without which its rules could not be met."""
    people = host.bundle()["people"]
    people["cy"]["keys"][0]["until"] = "2026-12-15T00:00:00Z"
    second = host.bundle(2, people=people, expires_at="2026-12-20T00:00:00Z")
    host.ask("trust", bundles=[host.signed_bundle(second)])
    told = doctor.gather(host.host, {})["enrolled"]
    assert (told["trust"], told["days_left"], told["ends"]) == (2, 21, "2026-12-20T00:00:00Z")
    (lapse,) = told["lapses"]
    assert "the rule 'trust' asks 2 of trust, and from 2026-12-15T00:00:01Z on 1 more" in lapse


def test_the_doctor_tells_of_services_what_status_tells(host: Enrolled) -> None:
    """Where each stands, whether it is as it was staged, and what the host enforces."""
    host.deploy("1.0.0")
    asked = [{"definition": host.definition(), "thresholds": {}}]
    answer = doctor.step(host.host, {"program": PROGRAM, "services": asked})
    assert (answer["services"]["web"]["current"], answer["services"]["web"]["damage"]) == (host.current, "")
    assert (answer["enrolled"]["uid"], answer["enrolled"]["problem"]) == (host.uid, "")

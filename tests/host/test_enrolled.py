# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real host that is enrolled, and a controller that speaks the protocol by hand: no Ansible, no gate, no callbacks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from host.driver import ROOT, V1, V2, Driver, definition
from host.hand import FORGET, LOGIN, TRACES, Hand

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import line, rule

BRIDGE = "other-log"
"""Whose key the bridge has: one that means nothing to the host before."""


@pytest.fixture
def hand(driver: Driver) -> Iterator[Hand]:
    """An enrolled host that runs V1, without what other tests have staged; it is as before afterwards."""
    driver.host.ssh(f"rm -rf {ROOT}/releases/{V2.id}")
    hand = Hand(driver)
    try:
        hand.enroll()
        yield hand
    finally:
        driver.host.ssh(FORGET, check=False)


def opening(hand: Hand) -> dict[str, Any]:
    """The next version of the trust, by which what a bridge countersigned opens the host."""
    bridge = {"systems": ["awx"], "keys": [{"line": line(BRIDGE), "from": None, "until": None}]}
    evidence = {"bridges": {"board": bridge}, "accounts": {"bob": {"awx": "bob"}}}
    asks = {**rule("two of ops", groups={"ops": 2}, strength="countersigned"), "match": {}}
    return hand.bundle(2, rules=[asks], countersigned_opens=True, evidence=evidence)


def test_an_enrolled_host_refuses_by_itself(hand: Hand) -> None:
    """Whoever asks, root and the program that travels included; what was signed and granted comes in, and goes back. What a bridge
    countersigned stands in for a signature once its trust says so."""
    driver, host = hand.driver, hand.host
    # the login reaches one thing, without arguments
    for command in (
        f"{LOGIN} boot",
        "sudo -n sh -c id",
        f"sudo -n env {LAUNCHER}",
        "cat /var/lib/tidegate/identity.json",
    ):
        assert host.ssh(command, user="deploy", check=False).returncode != 0, command
    assert "deploy:*:" in host.read("/etc/shadow").decode()
    # nobody brings a release in without a permit: not the login, not root, not a program of root's own
    change = driver.new_change()
    statement = hand.statement(change, V2)
    release = V2.path.read_bytes()
    assert hand.call("stage", release, **driver.staging(V2))["code"] == "PERMIT"
    assert driver.stage(V2).code == "PERMIT"
    assert driver.activate(change, V2, V1.id).code == "PERMIT"
    assert driver.preview.call("stage", driver.staging(V2), io.BytesIO(release)).code == "PERMIT"
    assert driver.call("remove").code == "ENROLLED"
    assert hand.call("stage", release, permit=hand.signed(statement), **driver.staging(V2))["changed"]
    assert (
        hand.call("activate", permit=hand.signed(statement), **hand.activation(change, V2, V1.id))["code"]
        == "CHALLENGE"
    )
    # one signature and what a bridge saw are not enough, until those who rule its trust have signed that they are
    again = {**driver.staging(V2), "source": {"kind": "have"}, "challenge": True}
    approved = {**hand.signed(statement, ["ada"]), "evidence": [hand.vouched(statement, "bob", BRIDGE)]}
    assert hand.call("stage", permit=approved, **again)["code"] == "QUORUM"
    assert hand.call("trust", bundles=[hand.signed_bundle(opening(hand))])["trust"] == 2
    # with a permit it comes in, over the challenge that came with the staging; a copy of it does not
    staged = hand.call("stage", permit=approved, **again)
    permit = {**approved, "grant": hand.grant(statement, staged)}
    seen = host.ssh("stat -c '%a %U' /run/tidegate/verified /run/tidegate/challenges; ls /run/tidegate/verified").stdout
    assert seen.splitlines()[:2] == ["700 root"] * 2
    assert len(seen.splitlines()) >= 2 + len(permit["signatures"])

    answer = hand.call("activate", permit=permit, **hand.activation(change, V2, V1.id))

    assert (answer["ok"], answer["enforced"], answer["service"]["state"]) == (True, True, "ready"), answer
    assert hand.call("confirm", service="web", change=change, token=hand.token)["changed"]
    assert driver.answers() == V2.version
    back = {"definition": definition(), "change": change, "why": "asked by a test", "operator": True, "wait_s": 60}
    assert hand.call("back", **back)["code"] == "PERMIT"
    assert hand.call("back", statement=statement.id, **back)["changed"]
    assert driver.current() == V1.id
    assert hand.call("activate", permit=permit, **hand.activation(change, V2, V1.id))["code"] == "CLOSED"
    # after a reboot it refuses still, and no challenge is good any more
    change = driver.new_change()
    statement = hand.statement(change, V2)
    permit = hand.permit(statement)
    host.reboot()
    host.wait_ready()
    assert hand.call("activate", permit=permit, **hand.activation(change, V2, V1.id))["code"] == "CHALLENGE"
    told = hand.call("ask", services=[{"service": "web", "root": ROOT}])
    assert (told["enforced"], told["enrolled"]["uid"], told["services"]["web"]["current"]) == (True, hand.uid, V1.id)
    assert told["enrolled"]["checkpoint"]["size"] == 2
    # those who rule its trust let it go, and nothing of it stays
    assert hand.call("unenroll", **hand.unenrollment())["changed"]
    assert host.ssh(TRACES, check=False).stdout == ""
    assert host.ssh("getent passwd deploy", check=False).returncode != 0
    assert driver.service()["current"] == V1.id
    assert driver.stage(V2).or_refuse().fields["enforced"] is False

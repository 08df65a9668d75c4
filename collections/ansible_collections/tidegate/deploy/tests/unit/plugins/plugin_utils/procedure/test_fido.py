# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIDO keys sign through an agent and the real ssh-keygen: touched they count, and not otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.quorum import standing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import approving, moving

from ...module_utils.core.ssh_agent import KNOWN, TOUCHED, UNTOUCHED, Agent, Token
from ...module_utils.core.ssh_keys import public
from .conftest import a_plan


@pytest.fixture(params=[Token.ed25519, Token.ecdsa], ids=["sk-ssh-ed25519", "sk-ecdsa"])
def token(request, office, monkeypatch):
    """A FIDO key of ada's in an agent that holds nobody else's."""
    with Agent(request.param()) as agent:
        [found] = agent.tokens
        monkeypatch.setenv("SSH_AUTH_SOCK", agent.path)
        office.without(ada={"groups": ["ops"], "keys": [{"key": found.line}]})
        yield found


def sign_with_token(office):
    statement = office.asked().statement
    return office.decide(ssh_keygen.sign_with_agent(statement.data, statement.namespace, office.by.people.keys))


@pytest.mark.parametrize("flags", [TOUCHED, KNOWN])
def test_a_fido_key_signs_when_it_is_touched(office, token, flags):
    """Through the agent and the real ssh-keygen; with a PIN or a finger, too."""
    token.flags = flags
    assert "ada" == sign_with_token(office).person
    assert {"ada": "signed"} == office.standing().counted
    signature = Signature.parse(office.store.approvals(office.id)[0].signature)
    assert (flags, token.counter, flags == KNOWN) == (signature.flags, signature.counter, signature.verified)


def test_a_fido_key_that_nobody_touched_does_not_count(office, token):
    """OpenSSH finds the signature true; it is refused all the same, also where somebody put it into the store."""
    token.flags = UNTOUCHED
    with pytest.raises(Refusal, match=r"PRESENCE.*touch it.*no-touch-required"):
        sign_with_token(office)
    statement = office.asked().statement
    untouched = ssh_keygen.sign_with_agent(statement.data, statement.namespace, office.by.people.keys)
    token.flags = TOUCHED
    sign_with_token(office)
    row = office.store.approvals(office.id)[0]
    assert signing.verify(untouched.key.line, statement.namespace, statement.data, untouched.armored)
    edited = [replace(row, signature=untouched.armored)]
    found = standing(statement, office.rules, office.by.people, edited, office.now, {})
    assert ({}, "PRESENCE") == (found.counted, found.why[0].code)


def test_what_enrolled_hosts_demand_of_keys_is_demanded_of_approvers(office, token):
    """Nobody goes home believing that they have approved what hosts will not take."""
    doc = {"site": "acme", "rule": {"groups": {"ops": 1}}, "login_keys": [public(office.keys["eve"])]}
    trust = TrustData.of({**doc, "require_presence": True, "require_verification": True})
    plan = a_plan(rules=office.rules.digest).doc
    hosts = [{**host, "uid": f"{number:032x}"} for number, host in enumerate(plan["hosts"], 1)]
    office.plan(plans.parse({**plan, "hosts": hosts}))
    moving.move(office.store, office.id, "submit", actor="cyd", requested_by="cyd")

    def decide(signature):
        return approving.decide(office.store, office.asked(), signature, office.by, office.now, trust)

    statement = office.asked().statement
    signed_by = [statement.data, statement.namespace, office.by.people.keys]
    with pytest.raises(
        Refusal, match=r"PRESENCE: .* does not say who touched it, expected a FIDO key that asks for a PIN"
    ):
        decide(ssh_keygen.sign_with_agent(*signed_by))
    with pytest.raises(Refusal, match=r"PRESENCE: .* is no FIDO key, expected one"):
        decide(ssh_keygen.sign(*signed_by[:2], str(office.keys["bob"])))
    assert [] == office.store.approvals(office.id)
    token.flags = KNOWN
    assert "ada" == decide(ssh_keygen.sign_with_agent(*signed_by)).person


def test_a_touch_is_not_taken_from_another_signature(office, token):
    """Who turns the flag on, or takes a counter for another, has a signature that is not true."""
    token.flags = UNTOUCHED
    statement = office.asked().statement
    blob = bytearray(ssh_keygen.sign_with_agent(statement.data, statement.namespace, office.by.people.keys).blob)
    assert UNTOUCHED == blob[-5]
    blob[-5] = TOUCHED
    with pytest.raises(Refusal, match="SIG_INVALID"):
        office.decide(Signature.of_blob(bytes(blob)))


def test_a_token_that_waits_in_vain_is_said(office, token):
    """The agent gives up; the message tells to touch it, not to start an agent."""
    token.flags = None
    with pytest.raises(Refusal, match=r"SIGNING.*agent refused operation.*touch its token when it blinks"):
        sign_with_token(office)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permits and versions of trust of which something is missing: what is tried, the code, and words of the message."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from e2e.hostile import Ground, by_certificate, flipped, untouched
from host.driver import V2, definition
from host.hand import moment, someone

from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core import ssh_keys
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import line, rule, sign, wanted

Attack = Callable[[Ground], dict[str, Any]]


def signed_by(*signers: str, namespace: str = "", **changes: Any) -> Attack:
    """A release that these people signed and the store granted."""

    def attack(ground: Ground) -> dict[str, Any]:
        statement = ground.about(**changes)
        made = ground.by(statement, *signers, namespace=namespace)
        return ground.forward(statement, ground.granted(statement, made))

    return attack


def beside_ada(make: Callable[[Any], Any]) -> Attack:
    """A release that one person signed; the other signature is made by something else."""

    def attack(ground: Ground) -> dict[str, Any]:
        statement = ground.about()
        made = [*ground.by(statement, "ada"), make(statement)]
        return ground.forward(statement, ground.granted(statement, made))

    return attack


def granted(make: Callable[[Ground, Any], dict[str, Any]]) -> Attack:
    """A release that two people signed, with a grant in which something is odd."""

    def attack(ground: Ground) -> dict[str, Any]:
        statement = ground.about()
        return ground.forward(statement, {**ground.signed(statement), "grant": make(ground, statement)})

    return attack


def wanted_as(make: Callable[[Ground, Any], str]) -> Attack:
    """A release that two people signed and the store granted, with somebody else's word for who wants it."""

    def attack(ground: Ground) -> dict[str, Any]:
        statement = ground.about()
        return ground.forward(statement, {**ground.permit(statement), "request": make(ground, statement)})

    return attack


def asked_for(**changes: Any) -> Attack:
    """What was signed and granted, and something else that is asked for with it."""

    def attack(ground: Ground) -> dict[str, Any]:
        statement = ground.about()
        return ground.forward(statement, ground.permit(statement), **changes)

    return attack


def by_another(**changes: Any) -> Attack:
    """The same, with a definition that differs from the one of the trust."""
    return lambda ground: asked_for(definition={**ground.definition, **changes})(ground)


def once_more(which: str, *, fresh: bool) -> Attack:
    """A statement that was used, with a new grant, or a copy of the one of that time that is proved as the host asks now."""

    def attack(ground: Ground) -> dict[str, Any]:
        used = getattr(ground, which)
        if fresh:
            return ground.forward(used.statement, ground.permit(used.statement), used.release)
        index = ground.log.documents.index(base64.b64decode(used.permit["grant"]["entry"]))
        grant = ground.log.proof(index, ground.mint()["seen"]["size"], moment())
        return ground.forward(used.statement, {**used.permit, "grant": grant}, used.release)

    return attack


def ungranted(ground: Ground, _statement: Any) -> Any:
    """What whoever has no store has."""
    ground.mint()


def of_another(ground: Ground, _statement: Any) -> dict[str, Any]:
    """A grant for something else, over a good challenge."""
    return ground.grant(ground.about(), ground.mint())


def of_own_log(ground: Ground, statement: Any) -> dict[str, Any]:
    """A grant that a log has which goes on from the true one, and is signed by another key."""
    return ground.grant(statement, ground.mint(), ground.log_of(ground.log.documents, "other-log"))


def of_fork(ground: Ground, statement: Any) -> dict[str, Any]:
    """A grant of a log that had another entry where the host saw one, with the true key."""
    documents = [*ground.log.documents[:1]]
    log = ground.log_of(documents)
    for number in range(len(ground.log.documents)):
        log.add("denied", {"n": number}, moment())
    return ground.grant(statement, ground.mint(), log)


def of_older(ground: Ground, statement: Any) -> dict[str, Any]:
    """A grant of the log as it was before what the host has seen."""
    return ground.grant(statement, ground.mint(), ground.log_of(ground.log.documents[:1]))


def not_in_it(ground: Ground, statement: Any) -> dict[str, Any]:
    """A true proof of another entry, with an entry of one's own."""
    mine, true = of_own_log(ground, statement), ground.grant(ground.about(), ground.mint())
    return {**true, "entry": mine["entry"]}


def recorded(_statement: Any) -> str:
    """What other systems leave where people clicked."""
    return '{"system":"awx","job":17,"person":"bob","strength":"recorded"}'


def countersigned(ground: Ground) -> dict[str, Any]:
    """A release that one person signed, and another approved in a system of which a bridge saw that."""
    statement = ground.about()
    permit = ground.granted(statement, ground.by(statement, "ada"))
    return ground.forward(statement, {**permit, "evidence": [ground.vouched(statement, "bob", "bridge")]})


OTHER = {"name": "web2", "uid": "f" * 32, "previous": V2.id, "challenge": ""}
HOOKS = {"before": {"command": ["/bin/touch", "/x"]}, "after": None}

PERMITS: dict[str, tuple[Attack, str, str]] = {
    "A01 flipped bytes": (
        beside_ada(lambda statement: flipped(sign("bob", statement.data, statement.namespace))),
        "SIG_INVALID",
        "not of these bytes",
    ),
    "A02 of another statement": (
        beside_ada(lambda statement: sign("bob", statement.data + b" ", statement.namespace)),
        "SIG_INVALID",
        "not of these bytes",
    ),
    "A03 for a file": (signed_by("ada", "bob", namespace="file"), "NAMESPACE", "file"),
    "A05 by a stranger": (signed_by("ada", "login"), "QUORUM", "is no key of anybody"),
    "A08 by a certificate": (beside_ada(by_certificate), "ALG", "cert"),
    "A09 by a key of last year": (signed_by("ada", "old"), "KEY", "old"),
    "A09 by a key of next year": (signed_by("ada", "new"), "KEY", "new"),
    "A18 a veto": (signed_by("ada", "bob", type="veto", reason="no"), "PERMIT", "found a veto"),
    "A18 a request": (signed_by("ada", "bob", type="request"), "PERMIT", "found a request"),
    "A18 signatures of a veto": (signed_by("ada", "bob", namespace="veto@tidegate"), "NAMESPACE", "veto@tidegate"),
    "B01 by whoever wants it": (signed_by("ada", "bob", requester="ada"), "SELF", "ada"),
    "B01 wanted by nobody": (signed_by("ada", "bob", requester=""), "REQUEST", "wanted by nobody"),
    "B01 wanted by a name that ada made up": (
        wanted_as(lambda _ground, statement: wanted(statement, by="ada")),
        "REQUEST",
        "wanted by eve, and the request is signed by",
    ),
    "B01 wanted by eve, says the controller": (wanted_as(lambda *_of: ""), "REQUEST", "found no signature"),
    "B01 wanted by eve, who wanted another": (
        wanted_as(lambda ground, _statement: wanted(ground.about())),
        "SIG_INVALID",
        "not of these bytes",
    ),
    "B04 by two keys of one person": (signed_by("gil", "gil2"), "QUORUM", "missing 1 of ops"),
    "B06 by one signature, nine times": (signed_by(*["ada"] * 9), "QUORUM", "missing 1 of ops"),
    "B08 of another artifact": (signed_by("ada", "bob", manifest="e" * 64), "PERMIT", "manifest"),
    "B09 for another host": (signed_by("ada", "bob", hosts=[OTHER]), "PERMIT", "does not name web1"),
    "B10 for another environment": (signed_by("ada", "bob", environment="staging"), "PERMIT", "staging"),
    "B10 for another service": (signed_by("ada", "bob", service="api"), "PERMIT", "service"),
    "B11 after its window": (
        signed_by("ada", "bob", window={"not_before": None, "not_after": "2026-01-01T00:00:00Z"}),
        "WINDOW",
        "until 2026-01-01",
    ),
    "B15 after a veto": (once_more("vetoed", fresh=True), "VETO", "rejected"),
    "B18 called standard": (signed_by("ada", change_type="standard"), "QUORUM", "missing 1 of ops"),
    "H01 a copy, where nobody took it back": (once_more("spent", fresh=False), "CHALLENGE", "ask for a grant again"),
    "H01 a copy, where it was taken back": (once_more("closed", fresh=False), "CLOSED", "was taken back"),
    "H02 no grant": (granted(ungranted), "GRANT", "has no grant"),
    "H02 a grant for something else": (granted(of_another), "GRANT", "another statement"),
    "H02 a lease that is over": (
        granted(lambda ground, statement: ground.grant(statement, ground.mint(), lease_until=moment(seconds=-1))),
        "GRANT",
        "lease",
    ),
    "H03 of a log of one's own": (granted(of_own_log), "GRANT", "key"),
    "H03 of a fork": (granted(of_fork), "GRANT", "has not grown out of"),
    "H03 of an older log": (granted(of_older), "GRANT", "seen"),
    "H03 not in the log": (granted(not_in_it), "GRANT", "log"),
    "H04 a unit of one's own": (by_another(unit="evil.service"), "DEFINITION", "differ in unit"),
    "H04 a root of one's own": (by_another(root="/opt/evil"), "DEFINITION", "differ in root"),
    "H04 a hook of one's own": (by_another(hooks=HOOKS), "DEFINITION", "differ in hooks"),
    "H04 no probes": (by_another(probes=[]), "DEFINITION", "differ in probes"),
    "H04 another plan": (asked_for(plan="1" * 64), "PERMIT", "plan"),
    "H04 a longer way back": (asked_for(back_until="2099-01-01T00:00:00Z"), "PERMIT", "back_until"),
    "H07 no attempt left": (once_more("spent", fresh=True), "ATTEMPTS", "used 1 times"),
    "H07 taken back": (once_more("closed", fresh=True), "CLOSED", "was taken back"),
    "H11 a grant of ten minutes ago": (
        granted(lambda ground, statement: ground.grant(statement, ground.mint(), at=moment(minutes=-10))),
        "CLOCK",
        "apart",
    ),
    "H13 recorded evidence": (beside_ada(recorded), "SIG_INVALID", "signature"),
    "H13 signed by a bridge": (signed_by("ada", "bridge"), "QUORUM", "is no key of anybody"),
    "H13 countersigned by a bridge": (countersigned, "QUORUM", "countersigned evidence does not open this host"),
    "H14 by a key that nobody touched": (beside_ada(untouched), "PRESENCE", "touch"),
}


WEAK = "ssh-ed25519 " + base64.b64encode(ssh_keys.blob_of(b"ssh-ed25519", b"\x01" + bytes(31))).decode()


def with_people(ground: Ground, **people: Any) -> dict[str, Any]:
    """The next version, with somebody else in it."""
    trust = ground.trust(2)
    return {**trust, "people": {**trust["people"], **people}}


def overlapping(ground: Ground, **changes: Any) -> dict[str, Any]:
    """The next version, with a service that meets another."""
    services = ground.trust()["services"]
    other = definition(**{"service": "api", "root": "/opt/api", "unit": "api.service", **changes})
    return ground.trust(2, services={**services, "api": [{"definition": other, "hosts": []}]})


NOW_OPS = {"trust_rule": rule("trust", groups={"ops": 2})}
TRUST: dict[str, tuple[Callable[[Ground], dict[str, Any]], tuple[str, ...], str, str]] = {
    "A15 a key of no proper point": (lambda g: with_people(g, eve=someone([], WEAK)), ("cy", "dan"), "ALG", "eve"),
    "B05 one key under two people": (
        lambda g: with_people(g, eve=someone([], line("ada"))),
        ("cy", "dan"),
        "KEY",
        "ada",
    ),
    "B22 a huge number": (lambda g: g.trust(2**53 - 1), ("cy", "dan"), "TRUST", "expected 2"),
    "H09 one is skipped": (lambda g: g.trust(3), ("cy", "dan"), "TRUST", "expected 2"),
    "H09 the same number": (lambda g: g.trust(1, sources=["x.example"]), ("cy", "dan"), "TRUST", "another one"),
    "H09 one signature": (lambda g: g.trust(2), ("cy",), "QUORUM", "by version 1"),
    "H09 the old quorum only": (lambda g: g.trust(2, **NOW_OPS), ("cy", "dan"), "QUORUM", "by version 2"),
    "H09 the new quorum only": (lambda g: g.trust(2, **NOW_OPS), ("ada", "bob"), "QUORUM", "by version 1"),
    "H09 it has run out": (
        lambda g: g.trust(2, made_at="2026-01-01T00:00:00Z", expires_at="2026-01-02T00:00:00Z"),
        ("cy", "dan"),
        "TRUST",
        "ran out",
    ),
    "H09 of another site": (lambda g: g.trust(2, site="other"), ("cy", "dan"), "TRUST", "other"),
    "H12 one root in another": (lambda g: overlapping(g, root="/opt/web/api"), ("cy", "dan"), "TRUST", "overlap"),
    "H12 one unit of two": (lambda g: overlapping(g, unit="web.service"), ("cy", "dan"), "TRUST", "web.service"),
}

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement has one form: exactly these fields, in canonical bytes, its hosts sorted."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import EMERGENCY, TYPES, Statement

DOC = {
    "v": 1,
    "type": "approval",
    "change": "CHG-2026-0007",
    "revision": 2,
    "change_type": "normal",
    "risk": None,
    "service": "web",
    "environment": "production",
    "action": "deploy",
    "artifact": "a" * 64,
    "manifest": "b" * 64,
    "definitions": ["c" * 64],
    "plan": "d" * 64,
    "hosts": [
        {"name": "web1", "uid": "", "previous": "absent", "challenge": ""},
        {"name": "web2", "uid": "", "previous": "1.0.0-abc", "challenge": ""},
    ],
    "window": {"not_before": "2026-11-28T13:00:00Z", "not_after": None},
    "back_for_s": 604800,
    "max_attempts": 10,
    "min_trust": 0,
    "requester": "ada",
    "rules": "e" * 64,
    "reason": "",
}
ENROLLED = Statement.of(
    {
        **DOC,
        "hosts": [{"name": "web1", "uid": "f" * 32, "previous": "absent", "challenge": ""}],
        "window": {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T17:00:00Z"},
    }
)


def test_a_statement_is_named_by_its_bytes():
    """The id is the digest of what is signed, and parsing gives back the same."""
    statement = Statement.of(DOC)

    assert canonical.dumps(DOC) == statement.data
    assert hashlib.sha256(statement.data).hexdigest() == statement.id
    assert statement == Statement.parse(statement.data)
    assert ("CHG-2026-0007", "ada", "approval@tidegate") == (statement.change, statement.requester, statement.namespace)


def test_each_type_has_a_namespace_of_its_own():
    """A request, a veto or a withdrawal that was signed is never an approval."""
    plain = [Statement.of(DOC).as_type(type_) for type_ in TYPES if type_ != EMERGENCY]
    statements = [*plain, ENROLLED.as_emergency({"web1": "1" * 64}, "the site is down")]

    assert len(TYPES) == len({statement.namespace for statement in statements})
    assert len(TYPES) == len({statement.id for statement in statements})


WRONG = {
    "another field": ({"more": 1}, "found other fields"),
    "version": ({"v": 2}, "v is not as it must be, expected 1"),
    "version as truth": ({"v": True}, "v is not as it must be"),
    "type": ({"type": "grant"}, "type is not as it must be, expected one of approval"),
    "revision": ({"revision": 0}, "revision is not as it must be"),
    "digest": ({"plan": "D" * 64}, "plan is not as it must be, expected a SHA-256 digest"),
    "definitions twice": ({"definitions": ["c" * 64] * 2}, "definitions is not as it must be"),
    "no hosts": ({"hosts": []}, "hosts is not as it must be"),
    "hosts unsorted": ({"hosts": DOC["hosts"][::-1]}, "hosts: found names in another order"),
    "a host twice": ({"hosts": [DOC["hosts"][0]] * 2}, "hosts: found names in another order or twice"),
    "a host with more": ({"hosts": [{**DOC["hosts"][0], "x": 1}]}, "hosts[0]: found other fields"),
    "window": ({"window": {"not_before": "yesterday", "not_after": None}}, "window is not as it must be"),
    "attempts": ({"max_attempts": 0}, "max_attempts is not as it must be"),
    "reason": ({"reason": "x" * 1001}, "reason is not as it must be"),
    "a float": ({"back_for_s": 1.5}, "expected a document that can be signed"),
}


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_statement(change, says):
    """Every field is checked, and none may be added."""
    with pytest.raises(Refusal) as caught:
        Statement.of({**DOC, **change})
    assert "STATEMENT" == caught.value.code
    assert says in caught.value.message


BYTES = {
    "newline": (canonical.dumps(DOC) + b"\n", "not in its canonical form"),
    "spaces": (canonical.dumps(DOC).replace(b",", b", ", 1), "not in its canonical form"),
    "a key twice": (b'{"v":1,"v":1}', "appears twice"),
    "no JSON": (b"hello", "expected a statement"),
    "not UTF-8": (b"\xff\xfe", "expected a statement"),
    "a list": (b"[]", "found other fields"),
    "deep": (b"[" * 100000, "expected a statement"),
}


@pytest.mark.parametrize(("data", "says"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_statement(data, says):
    """Only the canonical bytes are: whatever else says the same could be shown otherwise than it is signed."""
    with pytest.raises(Refusal) as caught:
        Statement.parse(data)
    assert "STATEMENT" == caught.value.code
    assert says in caught.value.message


EMERGENCY_DOC = ENROLLED.as_emergency({"web1": "1" * 64}, "the site is down").doc
NO_EMERGENCY = {
    "no reason": ({"reason": " "}, "reason: found nothing, expected why it cannot wait"),
    "no window": ({"window": None}, "at most 4 hours in an emergency"),
    "an open end": ({"window": {**DOC["window"], "not_after": None}}, "at most 4 hours in an emergency"),
    "a second too long": (
        {"window": {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T17:00:01Z"}},
        "at most 4 hours in an emergency",
    ),
    "ends before it begins": (
        {"window": {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T12:00:00Z"}},
        "at most 4 hours in an emergency",
    ),
    "no such day": (
        {"window": {"not_before": "2026-11-31T13:00:00Z", "not_after": "2026-11-31T14:00:00Z"}},
        "window is not as it must be",
    ),
    "a host that is not enrolled": (
        {"hosts": [{**EMERGENCY_DOC["hosts"][0], "uid": ""}]},
        "hosts[0]: uid is not as it must be, expected the uid of an enrolled host, in an emergency",
    ),
    "a host without challenge": (
        {"hosts": [{**EMERGENCY_DOC["hosts"][0], "challenge": ""}]},
        "hosts[0]: challenge is not as it must be, expected the challenge of the host, in an emergency",
    ),
    "an approval with a challenge": (
        {"type": "approval"},
        "hosts[0]: challenge is not as it must be, expected nothing but in an emergency",
    ),
}


@pytest.mark.parametrize(("change", "says"), NO_EMERGENCY.values(), ids=NO_EMERGENCY)
def test_what_is_no_emergency(change, says):
    """It is for enrolled hosts that have minted a challenge, says why, and ends within hours."""
    with pytest.raises(Refusal) as caught:
        Statement.of({**EMERGENCY_DOC, **change})
    assert "STATEMENT" == caught.value.code
    assert says in caught.value.message


def test_statements_of_all_types_are_about_the_same():
    """A veto names what it closes, whether that was approved or an emergency."""
    emergency = Statement.of(EMERGENCY_DOC)
    hours = {"not_before": "2026-11-29T01:00:00Z", "not_after": "2026-11-29T02:00:00Z"}
    later = ENROLLED.as_emergency({"web1": "1" * 64}, "the site is down", hours)

    assert ENROLLED.about == emergency.about == later.about == emergency.as_type("veto", "no").about
    assert ENROLLED.id != emergency.id != later.id
    assert later.doc["window"] == hours
    assert ENROLLED.about == later.as_request().id == ENROLLED.as_request().as_request().id
    assert ENROLLED.as_request().namespace == "request@tidegate"
    assert ENROLLED.about != Statement.of({**ENROLLED.doc, "plan": "0" * 64}).about


def test_a_host_is_named_with_its_uid():
    """The same name on another machine is another host."""
    assert EMERGENCY_DOC["hosts"][0] == Statement.of(EMERGENCY_DOC).host("web1", "f" * 32)
    assert Statement.of(EMERGENCY_DOC).host("web1", "e" * 32) is None
    assert Statement.of(EMERGENCY_DOC).host("web2", "f" * 32) is None

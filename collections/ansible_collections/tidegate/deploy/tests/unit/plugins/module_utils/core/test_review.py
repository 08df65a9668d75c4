# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever signs elsewhere sees the plan, and that the statement is about it and no other."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.review import fields_of, lines, reviewed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement

from .test_statement import DOC

DEFINITION = {"v": 1, "service": "web", "hooks": {"before": {"command": ["bin/migrate"]}}}
PLAN = {
    "action": "deploy",
    "service": "web",
    "environment": "production",
    "title": "an escape \x1b[2J and \u202e",
    "artifact": {"sha256": "a" * 64},
    "release": {"manifest": "b" * 64},
    "definitions": {canonical.digest(DEFINITION): DEFINITION},
    "hosts": [
        {"name": name, "definition": canonical.digest(DEFINITION), "previous": "absent"} for name in ("web2", "web1")
    ],
    "window": None,
    "back_for_s": 60,
    "rules": "e" * 64,
    "waves": [["web1"], ["web2"]],
}
STATEMENT = Statement.of({**DOC, **fields_of(PLAN)})


def test_the_plan_is_shown_whole():
    """Summary first, then every word of the plan; nothing that a terminal would obey."""
    shown = list(lines(STATEMENT, reviewed(STATEMENT, canonical.dumps(PLAN))))
    text = "\n".join(shown)

    assert shown[0] == "decision   approval of CHG-2026-0007 revision 2"
    assert "host       web1, now on absent" in shown
    assert "bin/migrate" in text
    assert "an escape \\u001b[2J and \\u202e" in text
    assert text.isascii()


WRONG = {
    "budget": ({**PLAN, "budget": 5}, "they differ in plan"),
    "artifact": ({**PLAN, "artifact": None}, "they differ in artifact, plan"),
    "a host more": (
        {**PLAN, "hosts": [*PLAN["hosts"], {**PLAN["hosts"][0], "name": "web3"}]},
        "they differ in plan, hosts",
    ),
    "another definition under the same name": (
        {**PLAN, "definitions": {canonical.digest(DEFINITION): {**DEFINITION, "hooks": {}}}},
        "the digests by which its hosts name their definitions",
    ),
    "no plan": ({"a": 1}, "found no plan (KeyError"),
    "a list": ([1], "found no plan (TypeError"),
    "texts": ({**PLAN, "hosts": "web1"}, "found no plan (TypeError"),
}


@pytest.mark.parametrize(("plan", "says"), WRONG.values(), ids=WRONG)
def test_another_plan_is_not_signed(plan, says):
    """What differs is named."""
    with pytest.raises(Refusal) as caught:
        reviewed(STATEMENT, canonical.dumps(plan))
    assert "STATEMENT" == caught.value.code
    assert says in caught.value.message


def test_bytes_that_are_no_document():
    """Neither JSON nor UTF-8."""
    with pytest.raises(Refusal, match="found no plan"):
        reviewed(STATEMENT, b"\xff")


ENROLLED = {
    **PLAN,
    "type": "emergency",
    "risk": "high",
    "trust": 3,
    "hosts": [{**host, "uid": host["name"][-1] * 32} for host in PLAN["hosts"]],
    "window": {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T14:00:00Z"},
}


def test_what_enrolled_hosts_go_by_is_shown():
    """The kind of change, the version of trust, and which machine each host is."""
    statement = Statement.of({**DOC, **fields_of(ENROLLED)})
    shown = list(lines(statement, reviewed(statement, canonical.dumps(ENROLLED))))

    assert "kind       emergency, risk high" in shown
    assert "trust      version 3 or later" in shown
    assert f"host       web1, now on absent, uid {'1' * 32}" in shown


def test_an_emergency_is_about_the_plan_whose_hosts_gave_challenges():
    """They are shown, as is a window of its own, and do not make it another plan."""
    challenges = {"web1": "a" * 64, "web2": "b" * 64}
    hours = {"not_before": "2026-11-29T01:00:00Z", "not_after": "2026-11-29T02:00:00Z"}
    statement = Statement.of({**DOC, **fields_of(ENROLLED)}).as_emergency(challenges, "customers cannot pay", hours)
    shown = list(lines(statement, reviewed(statement, canonical.dumps(ENROLLED))))
    at = next(index for index, line in enumerate(shown) if line.startswith("host       web1"))

    assert "reason     customers cannot pay" in shown
    assert "window     2026-11-29T01:00:00Z until 2026-11-29T02:00:00Z" in shown
    assert f"web1, now on absent, uid {'1' * 32}, challenge {'a' * 64}" == "".join(
        line[11:] for line in shown[at : at + 2]
    )
    assert "sign it    ssh-keygen -Y sign -n emergency@tidegate -f KEY STATEMENT" in shown


def test_a_request_is_about_the_plan_and_its_window():
    """Which stands in the plan: one request holds for an approval and for an emergency."""
    request = Statement.of({**DOC, **fields_of(ENROLLED)}).as_request()
    shown = list(lines(request, reviewed(request, canonical.dumps(ENROLLED))))

    assert {"decision   request of CHG-2026-0007 revision 2", "window     the plan's"} <= set(shown)
    with pytest.raises(Refusal, match="they differ in window"):
        reviewed(Statement.of({**request.doc, "window": ENROLLED["window"]}), canonical.dumps(ENROLLED))

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge countersigns has one form, and nothing else is it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.evidence import KEPT, NAMESPACE, message
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import TYPES, namespace_of

STATEMENT = "a1" * 32
EVIDENCE = {
    "system": "servicenow",
    "reference": "CHG0030001",
    "account": "ada.there",
    "given_at": "2026-11-28T13:00:00+00:00",
    "url": "https://acme.service-now.com/api/sn_chg_rest/change/c1",
}


def test_its_bytes_are_these():
    """A form that changes would void every countersignature."""
    expected = (
        '{"evidence":{"account":"ada.there","given_at":"2026-11-28T13:00:00+00:00","reference":"CHG0030001",'
        '"system":"servicenow","url":"https://acme.service-now.com/api/sn_chg_rest/change/c1"},"person":"ada",'
        f'"statement":"{STATEMENT}","type":"evidence","v":1}}'
    )
    assert expected.encode() == message(STATEMENT, "ada", EVIDENCE)
    assert set(EVIDENCE) == set(KEPT)


def test_its_namespace_is_of_no_statement():
    """A countersignature is no approval, veto or withdrawal."""
    assert NAMESPACE not in [namespace_of(type_) for type_ in TYPES]


WRONG = {
    "no digest": ("a1", "ada", {}, "statement is not as it must be, expected the id of a statement"),
    "nobody": (STATEMENT, "", {}, "person is not as it must be"),
    "a field more": (
        STATEMENT,
        "ada",
        {"comment": "yes"},
        "evidence: found other fields, expected exactly account, given_at",
    ),
    "no account": (STATEMENT, "ada", {"account": None}, "evidence: account is not as it must be"),
    "an empty system": (STATEMENT, "ada", {"system": ""}, "evidence: system is not as it must be"),
    "a long url": (STATEMENT, "ada", {"url": "x" * 1001}, "evidence: url is not as it must be"),
    "half a character": (STATEMENT, "ada", {"account": "\ud800"}, "lone surrogate"),
}


@pytest.mark.parametrize(("statement", "person", "fields", "told"), WRONG.values(), ids=WRONG)
def test_what_is_not_as_it_must_be_is_refused(statement, person, fields, told):
    """With what was found."""
    with pytest.raises(Refusal, match="STATEMENT") as caught:
        message(statement, person, {**EVIDENCE, **fields})
    assert told in caught.value.message

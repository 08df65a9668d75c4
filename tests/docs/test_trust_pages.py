# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages on trust and permits: their examples fit each other, and a host that has that bundle takes that permit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, permit
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.made_trust import (
    CHALLENGE,
    NOW,
    Identity,
    by,
    log_of,
    logged,
    verify,
    wanted,
)

PAGES = Path(__file__).parents[2] / "docs/reference"
TRUST_PAGE, PERMIT_PAGE, STATEMENT_PAGE = (
    (PAGES / f"{name}.md").read_text(encoding="utf-8") for name in ("trust-bundle", "permit", "statement")
)


def examples(page):
    """The JSON blocks of a page."""
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


(TRUST,), (STATEMENT, GRANT) = examples(TRUST_PAGE), examples(PERMIT_PAGE)


def test_the_examples_are_a_host_a_statement_and_its_grant():
    """Nothing is wrong with the bundle, and two people of it are enough for the host to go forward."""
    bundle, statement = Bundle.of(TRUST), Statement.of(STATEMENT)
    documents = [*log_of(GRANT["index"]), canonical.dumps(GRANT)]

    assert [] == findings(bundle)
    people = by(("ada", "bob", "cy"), statement), wanted(statement)
    standing = permit.require_statement(statement, *people, bundle, Identity(), "web", NOW, verify)
    assert standing.granted
    grant = permit.require_grant(logged(documents), statement, Identity(), CHALLENGE, Seen(), bundle, NOW, verify)
    assert GRANT["index"] == grant.index


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        (
            TRUST_PAGE,
            {*TRUST, *TRUST["log"], *TRUST["people"]["ada"], *TRUST["rules"][0], *TRUST["services"]["web"][0]},
        ),
        (STATEMENT_PAGE, {*STATEMENT, *STATEMENT["hosts"][0], *STATEMENT["window"]}),
    ],
    ids=["trust-bundle", "statement"],
)
def test_every_field_is_told(page, keys):
    """None is missing on its page."""
    told = {word for code in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"[a-z_]+", code)}
    assert set() == keys - told

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement that lets hosts go is made once, signed by one person after the other, and accepted by the hosts it names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import require_unenroll
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import unenrolling
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory

from .test_trusting import NOW, Office

UID = "a" * 32
HOSTS = {"web1": {}, "web2": {}}
INVENTORY = Inventory(HOSTS, {"all": list(HOSTS)}, lambda pattern: pattern.split(","), {}, "/site")


@pytest.fixture
def office(tmp_path, keys):
    made = Office(tmp_path, keys)
    made.draft()
    made.sign("ada", "bob")
    made.store.enroll_host("web1", UID, "production", 1, "f" * 64)
    yield made
    made.store.close()


@pytest.fixture
def paper_of(office, tmp_path):
    """The statement in a file, as one run of the verb sees it."""

    def paper(check=False, **arguments):
        given = {"statement": str(tmp_path / "away.json"), "reason": "", **arguments}
        return unenrolling.paper(office.store, INVENTORY, office.versions[-1].bundle, given, NOW, check)

    return paper


def by(office, paper, name):
    arguments = {"sign": True, "key": str(office.keys[name])}
    return unenrolling.signed(paper, office.versions[-1].bundle, arguments, NOW)


def test_people_sign_one_file_one_after_the_other(office, paper_of):
    """What the first one began the second one finishes; the host accepts that, and another host does not."""
    first = paper_of(hosts="web1", reason="given away")
    assert ("2 of ops (trust)", ("web1",)) == (first.standing.missing, first.hosts)
    assert "1 of ops (trust)" == by(office, first, "ada").standing.missing

    again = paper_of()
    assert (first.data, ["ada"]) == (again.data, list(again.armored))
    whole = by(office, again, "cyd")

    assert whole.standing.granted
    signed = Signed.parse(whole.request)
    bundle = office.versions[-1].bundle
    require_unenroll(signed, bundle, SimpleNamespace(name="web1", uid=UID), NOW, signing.verify)
    with pytest.raises(Refusal) as caught:
        require_unenroll(signed, bundle, SimpleNamespace(name="web1", uid="b" * 32), NOW, signing.verify)
    assert "PERMIT" == caught.value.code


def test_check_mode_makes_no_file(paper_of, tmp_path):
    """What would be signed is shown all the same."""
    paper = paper_of(check=True, hosts="web1", reason="given away")
    assert ("given away", []) == (paper.doc["reason"], list(tmp_path.glob("away.json*")))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"hosts": "web1"}, "DATA", "tidegate_reason: found nothing"),
        ({"reason": "x"}, "DATA", "tidegate_hosts: found nothing"),
        ({"hosts": "web1,web2", "reason": "x"}, "NOT_ENROLLED", "web2: found no enrollment in the store"),
    ],
)
def test_what_is_missing_is_named(paper_of, tmp_path, arguments, code, said):
    """No file is made."""
    with pytest.raises(Refusal, match=said) as caught:
        paper_of(**arguments)
    assert (code, []) == (caught.value.code, list(tmp_path.glob("away.json*")))


def test_hosts_that_are_gone_are_left(office, paper_of):
    """A statement whose hosts were let go has nothing left to do."""
    paper_of(hosts="web1", reason="given away")
    office.store.unenroll_host("web1", "d" * 64)
    with pytest.raises(Refusal, match="no host that it names is enrolled any more"):
        paper_of()

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is one checked value, and two plans with the same content are one change."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.change.sample_plan import (
    DEFINITION,
    HOSTS,
    MANIFEST,
    a_plan,
)


def test_hosts_stand_in_wave_order():
    """The document lists hosts in the order in which they change, whatever order they came in."""
    built = a_plan()

    assert built.host_names == ("web1", "web2")
    assert built.waves == (("web1",), ("web2",))
    assert built.wave_of("web2") == 1
    assert built.host("web2").previous == "2.3.0-abc"
    assert built.definition_of("web1") == DEFINITION


def test_release_is_named_by_its_manifest():
    """The release id carries the manifest's digest; files and bytes are counted from the manifest."""
    built = a_plan()

    assert f"2.4.0-{MANIFEST.digest[:12]}" == built.release_id
    assert (built.doc["release"]["files"], built.doc["release"]["size_bytes"]) == (2, 15)


def test_equal_definitions_are_kept_once():
    """Hosts with one definition share it; a host with its own has its own."""
    other = {**DEFINITION, "root": "/srv/web"}
    hosts = [HOSTS[0], plan.Host("web1", other)]

    assert len(a_plan().doc["definitions"]) == 1
    assert other == a_plan(hosts=hosts).definition_of("web1")
    assert a_plan(hosts=hosts).definition_of("web2") == DEFINITION


def test_round_trip():
    """A plan that was written as canonical JSON reads back as the same plan."""
    built = a_plan(title="Näheres")

    assert built.digest == plan.parse(canonical.loads(canonical.dumps(built.doc))).digest


def test_content_digest_leaves_out_what_runs_now():
    """Another expected previous release is another plan, but the same content; anything else is other content."""
    moved = a_plan(hosts=[plan.Host("web2", DEFINITION, "9.9.9-f", "b"), HOSTS[1]])

    assert a_plan().digest != moved.digest
    assert a_plan().content_digest == moved.content_digest
    assert a_plan().content_digest != a_plan(budget=1).content_digest


def test_a_plan_does_not_change_with_its_parts():
    """Changing a document after it was frozen does not reach the plan."""
    limits = {"max_bytes": 1}
    built = a_plan(limits=limits)
    limits.clear()

    assert a_plan().digest == built.digest


def test_unknown_host_is_named():
    """Asking a plan for a host that it does not have is refused with the hosts that it has."""
    with pytest.raises(Refusal, match="web9 is not a host of this plan; it has web1, web2") as caught:
        a_plan().host("web9")

    assert caught.value.code == "HOSTS"


BROKEN = {
    "unknown key": (lambda doc: doc.update(windwo=1), "DATA", "windwo: found an unknown key"),
    "missing key": (lambda doc: doc.pop("budget"), "DATA", "budget: found nothing, expected a number, 0 or more"),
    "newer version": (lambda doc: doc.update(v=2), "DATA", "v: found 2, expected 1"),
    "host in no wave": (lambda doc: doc["waves"].pop(), "WAVES", "the waves name web1, expected each host once"),
    "other order": (lambda doc: doc["waves"].reverse(), "WAVES", "in order: web1, web2"),
    "host twice": (
        lambda doc: (doc["hosts"].append(doc["hosts"][0]), doc["waves"].append(["web1"])),
        "WAVES",
        "expected each host once",
    ),
    "floor": (lambda doc: doc.update(floor=2), "WAVES", "does not leave 2 up"),
    "definition changed": (
        lambda doc: next(iter(doc["definitions"].values())).update(root="/"),
        "DATA",
        "the definition has another digest",
    ),
    "definition of nobody": (
        lambda doc: doc["definitions"].update({canonical.digest({"service": "web"}): {"service": "web"}}),
        "DATA",
        "definitions without a host",
    ),
    "other release": (
        lambda doc: doc["release"].update(manifest="0" * 64),
        "DATA",
        "release.id: found 2.4.0-",
    ),
    "boolean as a number": (lambda doc: doc.update(floor=True), "DATA", "floor: found true, expected a number"),
}


@pytest.mark.parametrize(("spoil", "code", "message"), BROKEN.values(), ids=BROKEN)
def test_a_document_that_is_no_plan_is_refused(spoil, code, message):
    """Parsing is strict, and says what it found."""
    doc = copy.deepcopy(a_plan().doc)
    spoil(doc)

    with pytest.raises(Refusal) as caught:
        plan.parse(doc, "plan of CHG-2026-0001")

    assert code == caught.value.code
    assert message in caught.value.message
    assert caught.value.message.startswith("plan of CHG-2026-0001")


def test_a_definition_of_another_service_is_refused():
    """Each definition in a plan is of the plan's service."""
    with pytest.raises(Refusal, match="found one of service 'worker'"):
        a_plan(hosts=[plan.Host("web1", {"service": "worker"}), HOSTS[0]])


def test_a_wave_with_a_stranger_is_refused():
    """Waves that name a host which the plan does not have do not make a plan."""
    with pytest.raises(Refusal, match="web3"):
        a_plan(waves=[["web1"], ["web2", "web3"]])

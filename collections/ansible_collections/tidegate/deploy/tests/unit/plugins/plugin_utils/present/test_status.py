# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of changes that status shows."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.status import status_text


def a_change(**facts):
    known = {
        "id": "CHG-2026-0007",
        "service": "web",
        "environment": "production",
        "state": "completed",
        "revision": 1,
        "created_at": "2026-11-24T12:00:00.000000Z",
        "on_failure": "rollback",
        "cause": "",
        "reason": "",
        "catch_up_until": None,
        "type": "normal",
        "approved_by": [],
        "wanted_by": "",
        "missing": [],
        "downgrade": "",
        "review_due_at": "",
        "next": [],
        "window": [],
    }
    return {**known, **facts}


GATE = {"enforce": [], "observe": [], "said": {"reasons": []}}
NOTHING = {
    "against": "nobody: root and whoever can log in",
    "lost": "",
    "uid": "",
    "trust": 0,
    "program": "",
    "seen": 0,
    "reviews_due": [],
    "vetoes": [],
    "problems": [],
}
LEDGER = {
    "size": 12,
    "signed": 10,
    "problem": "",
    "witnesses": [{"path": "/mnt/\x1bw", "says": "has seen all that is signed"}],
}


def shown(*changes):
    return status_text(
        {"store": "/site/store.db", "services": {}, "changes": list(changes), "gate": GATE, "ledger": LEDGER}
    )


def test_a_paused_change_is_told_with_its_cause_and_what_to_type():
    """Whoever looks at the status can decide at once."""
    text = shown(a_change(state="paused", on_failure="pause", cause="PROBE: web4: 500", next=["type this", "or that"]))

    assert "CHG-2026-0007  web      production   paused  pause" in text
    assert "CHG-2026-0007 is paused: PROBE: web4: 500\n  type this\n  or that\n" in text


def test_a_change_that_waits_for_people_says_for_whom():
    """Who has approved, what is missing, and the command for the next of them."""
    text = shown(
        a_change(
            state="submitted",
            wanted_by="cyd (signed)",
            approved_by=["ada (signed)"],
            missing=["QUORUM: missing 1 of ops"],
            next=["approve it"],
            window=["opens Tue", "nights, every Tuesday 22:00–02:00 UTC"],
        )
    )

    assert (
        "CHG-2026-0007 is submitted: wanted by cyd (signed); approved by ada (signed); QUORUM: missing 1 of ops\n"
        "  window: opens Tue; nights, every Tuesday 22:00–02:00 UTC\n  approve it\n" in text
    )


def test_an_emergency_that_nobody_reviewed_is_told():
    """With the time until which somebody should."""
    text = shown(a_change(review_due_at="2026-12-01T12:00:00.000000Z", next=["review it"]))

    assert "CHG-2026-0007 is completed: its review is due at 2026-12-01T12:00:00.000000Z\n  review it\n" in text


def test_other_changes_have_one_line_with_what_is_to_note():
    """Until when a partial one takes hosts that were down, and why somebody closed another."""
    text = shown(
        a_change(state="partial", catch_up_until="2026-12-01 12:00 UTC"),
        a_change(id="CHG-2026-0006", state="closed", reason="the next one mends it"),
    )

    assert "catch up until 2026-12-01 12:00 UTC" in text
    assert "the next one mends it" in text
    assert "is paused" not in text


def test_the_ledger_and_its_witnesses_are_told():
    """How far it is signed, and what each witness has seen; a path that a terminal would obey is shown."""
    text = shown()
    assert "ledger: 12 entries, the first 10 are signed" in text
    assert "witness /mnt/\\x1bw: has seen all that is signed" in text


def test_a_downgrade_and_drift_are_told():
    """An open change that brings hosts to an older release says so; so does a host that somebody changed by hand."""
    stand = dict.fromkeys(("unknown", "change", "unhealthy", "reverted", "reason"))
    host = {
        **stand,
        "current": "2.0.0-aa",
        "state": "steady",
        "enforced": False,
        "drift": "runs 2.0.0-aa",
        "enforcement": NOTHING,
    }
    change = a_change(downgrade="a downgrade: 1.0.0-bb is older than 2.0.0-aa on web1")
    text = status_text(
        {"store": "s", "services": {"web": {"web1": host}}, "changes": [change], "gate": GATE, "ledger": LEDGER}
    )
    assert "drift: runs 2.0.0-aa" in text
    assert "a downgrade: 1.0.0-bb is older" in text


def test_what_is_enforced_against_whom_is_told_per_service_and_host():
    """By what; what is wrong with it; who enforces no longer; and what to type for a review. Without any such host: nothing."""
    stand = dict.fromkeys(("unknown", "change", "unhealthy", "reverted", "reason", "drift"))
    stand |= {"current": "2.0.0-aa", "state": "steady", "enforced": False, "enforcement": NOTHING}
    due = {
        "service": "web",
        "statement": "a" * 64,
        "change": "CHG-2026-0001",
        "at": "2026-11-28T12:00:00Z",
        "next": "this",
    }
    good = {**NOTHING, "against": "everybody but root there", "uid": "1" * 32, "trust": 2, "seen": 41}
    good |= {"reviews_due": [due], "problems": ["trust version 2, and 3 is signed"]}
    gone = {**NOTHING, "lost": "NOT ENFORCED: the store says that it is enrolled"}
    hosts = {"web1": {**stand, "enforced": True, "enforcement": good}, "web2": {**stand, "enforcement": gone}}
    document = {"store": "s", "services": {"web": hosts}, "changes": [], "gate": GATE, "ledger": LEDGER}
    text = status_text(document)
    assert (
        f"web      web1  everybody but root there             uid {'1' * 32}, trust version 2, has seen 41 entries"
        in text
    )
    assert "trust version 2, and 3 is signed; the emergency of 2026-11-28T12:00:00Z waits for its review" in text
    assert "web      web2  nobody: root and whoever can log in" in text
    assert "\n  web2: NOT ENFORCED: the store says that it is enrolled\n" in text
    assert "beyond every host: root on it" in text
    assert "\n  web: review it: this\n" in text
    assert "beyond every host" not in status_text({**document, "services": {"web": {"web2": stand}}})

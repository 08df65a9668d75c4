# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a change, from what its hosts last said."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap

NEW, OLD = "2.0.0-0123456789ab", "1.0.0-ba9876543210"


def a_host(name="web1", verdict="ok", state="steady", current=NEW, touched=True, bad=False, alone=True, **where):
    row = {"verdict": verdict, "message": "because", "where": {"state": state, "current": current, **where}}
    return recap.host_end(name, NEW, OLD, row, touched, bad, alone=alone)


PLACES = {
    "confirmed": ({}, "new"),
    "came back": ({"current": OLD}, "old"),
    "never begun": ({"current": OLD, "touched": False}, "untouched"),
    "waits for its deadline": ({"state": "ready"}, "pending"),
    "goes back": ({"state": "reverting", "current": OLD}, "pending"),
    "gave up": ({"state": "failed", "current": OLD}, "failed"),
    "silent": ({"verdict": "unknown", "state": "ready"}, "unknown"),
    "said nothing since it was touched": ({"state": None, "current": None}, "unknown"),
    "runs something else": ({"current": "9.9.9-aaaaaaaaaaaa"}, "elsewhere"),
}


@pytest.mark.parametrize(("facts", "place"), PLACES.values(), ids=PLACES)
def test_place_of_a_host(facts, place):
    """A host is where it was last read back; a host that cannot be asked is unknown, whatever it said before."""
    assert place == a_host(**facts).place


def test_a_silent_host_says_what_will_become_of_it():
    """Unknown hosts carry their own deadline into the final block."""
    assert "goes back by itself within 90 s" in a_host(verdict="unknown", state="ready", deadline_in_s=90).future


FUTURES_OF_TASKS = {
    "begun": ({"current": OLD}, "it stays as it is, however far the tasks came there"),
    "found there": ({}, "the change was found there before, and stays"),
    "not begun": ({"current": OLD, "touched": False}, "nothing was begun there, it stays as it is"),
}


@pytest.mark.parametrize(("facts", "future"), FUTURES_OF_TASKS.values(), ids=FUTURES_OF_TASKS)
def test_a_silent_host_with_own_tasks_does_not_go_back(facts, future):
    """The site's own tasks are taken back by nobody but a run."""
    said = a_host(verdict="unknown", alone=False, **facts).future

    assert said.startswith(future)
    assert "goes back" not in said


ROLLOUTS = {
    "all new": ("", [{}, {}], recap.COMPLETED),
    "one failed within the budget": ("", [{}, {"current": OLD, "bad": True}], recap.PARTIAL),
    "stopped before a wave": ("FLOOR: x", [{"current": OLD, "touched": False}], recap.NOT_STARTED),
    "all taken back": ("PROBE: x", [{"current": OLD}, {"current": OLD, "touched": False}], recap.ROLLED_BACK),
    "one silent": ("PROBE: x", [{"current": OLD}, {"verdict": "unknown"}], recap.FAILED),
    "one still new": ("PROBE: x", [{"current": OLD}, {}], recap.FAILED),
}


@pytest.mark.parametrize(("cause", "hosts", "verdict"), ROLLOUTS.values(), ids=ROLLOUTS)
def test_verdict_of_a_rollout(cause, hosts, verdict):
    """Only read-back of every host makes a success, and only read-back of the old release makes a rollback."""
    assert verdict == recap.of_rollout(cause, [a_host(**facts) for facts in hosts]).verdict


def test_only_completed_is_as_planned():
    """Failures within the budget are allowed, and still not what was planned."""
    assert recap.of_rollout("", [a_host()]).as_planned
    assert not recap.of_rollout("", [a_host(), a_host(current=OLD, bad=True)]).as_planned


def test_rollback_needs_every_host_back():
    """A rollback that left a host unread is no rollback."""
    assert recap.ROLLED_BACK == recap.of_rollback("", [a_host(current=OLD)]).verdict
    assert recap.FAILED == recap.of_rollback("", [a_host(current=OLD), a_host(verdict="unknown")]).verdict


def test_a_rollback_that_every_host_refuses_changed_nothing():
    """Hosts that say no, because a later change followed, do not make the change rolled back, nor failed."""
    refusing = recap.host_end(
        "web1",
        NEW,
        OLD,
        {"step": "back", "verdict": "failed", "where": {"state": "steady", "current": NEW}},
        True,
        True,
    )

    assert refusing.place == "refused"
    assert recap.REFUSED == recap.of_rollback("NOT_OURS: web1: no", [refusing]).verdict
    assert recap.FAILED == recap.of_rollback("NOT_OURS: web1: no", [refusing, a_host(current=OLD)]).verdict

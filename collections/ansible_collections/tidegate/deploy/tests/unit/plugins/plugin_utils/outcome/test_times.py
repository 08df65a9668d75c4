# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long steps took: each on its slowest host, and over all hosts without counting any moment twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.times import Note, times_of

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def note(step, host, ended_s, took_s):
    """A step that ended so many seconds after noon."""
    return Note(step, host, NOON + timedelta(seconds=ended_s), round(took_s * 1000))


def test_what_hosts_do_at_once_counts_once():
    """Two waves of two hosts: the first together from 0 to 3, the second from 10 to 12."""
    notes = [
        note("precheck", "web1", -1, 1),
        note("activate", "web1", 2, 2),
        note("activate", "web2", 3, 2.5),
        note("activate", "web3", 12, 2),
        note("activate", "web4", 11.5, 0.5),
    ]
    precheck, activate = times_of(notes)
    assert precheck.doc() == {"step": "precheck", "hosts": 1, "took_ms": 1000, "longest_ms": 1000, "slowest": "web1"}
    assert (activate.hosts, activate.took_ms) == (4, 5000)
    assert (activate.longest_ms, activate.slowest) == (2500, "web2")


def test_a_step_that_was_done_twice_on_a_host():
    """It counts as one host, and both times."""
    (back,) = times_of([note("back", "web1", 1, 1), note("back", "web1", 5, 2)])
    assert (back.hosts, back.took_ms, back.longest_ms) == (1, 3000, 2000)


def test_nothing_was_done():
    """No notes, no times."""
    assert times_of([]) == ()

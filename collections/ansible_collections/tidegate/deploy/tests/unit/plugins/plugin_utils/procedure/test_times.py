# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record tells how long each step took on each host, and what of that the host measured."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.times import StepTime
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import end_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import ending
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult

from .conftest import OLD


def test_each_note_has_the_times_of_its_own_step(site):
    """Not those of the step before, where a step has none."""
    run = site.frozen()
    run.record("web1", StepResult("activate", "ok", "", data={"timings": {"probe_ms": 900}}), took_ms=1200)
    run.mark_touched("web1")
    run.record("web1", StepResult("confirm", "ok", ""), took_ms=80)

    activate, begin, confirm = [event.doc for event in site.store.events(run.id) if event.host == "web1"][-3:]

    assert (activate["took_ms"], activate["timings"]) == (1200, {"probe_ms": 900})
    assert not {"took_ms", "timings"} & set(begin)
    assert (confirm["took_ms"], "timings" in confirm) == (80, False)
    assert run.known_of("web1")["current"] == OLD


def test_the_outcome_has_the_times_of_the_run(site):
    """By step, in their order, with the slowest host; as data, and in the block that ends the run."""
    run = site.frozen()
    for host, took_ms in (("web1", 1200), ("web2", 3400)):
        run.record(host, StepResult("activate", "ok", ""), took_ms=took_ms)
    run.record("web1", StepResult("confirm", "ok", ""), took_ms=80)

    outcome = ending.outcome_of(run)

    assert [(step.step, step.hosts, step.longest_ms, step.slowest) for step in outcome.steps] == [
        ("activate", 2, 3400, "web2"),
        ("confirm", 1, 80, "web1"),
    ]
    assert outcome.doc()["steps"][0]["longest_ms"] == 3400
    assert 0 <= outcome.doc()["took_ms"] < 60_000


def test_the_block_says_how_long_it_took():
    """The whole run, then its steps."""
    steps = (StepTime("precheck", 2, 640, 600, "web1"), StepTime("activate", 2, 3210, 3000, "web2"))
    hosts = [recap.HostEnd("web1", "new", True, False, "2.0.0-x")]
    outcome = recap.Outcome(recap.COMPLETED, "", hosts, took_ms=7450, steps=steps)

    shown = end_text(outcome, "CHG-2026-0001", "2.0.0-x", "store.db", [])

    assert "took 7.5 s: precheck 0.6, activate 3.2" in " ".join(shown.split())

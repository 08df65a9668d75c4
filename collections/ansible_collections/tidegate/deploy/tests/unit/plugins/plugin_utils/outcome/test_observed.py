# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate said is summed up by reason, and told in words that people act on."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import GatedRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.observed import summed_up
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.observed import (
    gate_text,
    headline,
    observed_lines,
    observed_text,
)

NOBODY = {"enforce": [], "observe": []}


def row(run, number=1, mode="observe", code="NO_CHANGE", hosts=("web1",), actor="ann@control", playbook="site.yml"):
    """A row of the store; without a code the run was allowed."""
    at = f"2026-11-28T13:00:{number:02}.000000Z"
    return GatedRow(
        run, number, at, actor, playbook, None, mode, int(not code), code, f"because of {code}", tuple(hosts)
    )


def test_runs_are_counted_once_in_all_and_once_for_each_reason():
    """A run that was told two reasons is one run."""
    rows = [
        row("a"),
        row("a", 2, code="WINDOW"),
        row("b", 3, hosts=["web2"], actor="bob@control", playbook="patch.yml"),
        row("c", 4, code=""),
    ]

    found = summed_up(rows)

    assert (3, 0, 2) == (found["runs"], found["refused"], found["would_refuse"])
    assert [("NO_CHANGE", 2), ("WINDOW", 1)] == [(reason["code"], reason["runs"]) for reason in found["reasons"]]
    first = found["reasons"][0]
    assert (["patch.yml", "site.yml"], ["ann@control", "bob@control"]) == (first["playbooks"], first["by"])
    assert (["web1", "web2"], "2026-11-28T13:00:03.000000Z") == (first["hosts"], first["last"])


def test_refusing_and_observing_are_told_apart():
    """What was refused is not what would have been."""
    found = summed_up([row("a"), row("b", 2, mode="enforce"), row("c", 3, mode="enforce", code="")])

    assert "the gate would have refused 1 and refused 1 of 3 runs in the last 30 days" == headline(found, 30)


def test_status_sums_it_up():
    """How many runs, why, and whose; nothing where there is nothing to say."""
    found = summed_up([row("a"), row("b", 2, mode="enforce", code="WINDOW", actor="bob@control")])

    assert [
        "the gate would have refused 1 and refused 1 of 2 runs in the last 30 days; tidegate.deploy.observed tells more",
        "  WINDOW: refused 1 run by bob@control",
        "  NO_CHANGE: would have refused 1 run by ann@control",
    ] == observed_lines(found, 30)
    assert [] == observed_lines(summed_up([row("a", code="")]), 30)


def test_a_site_without_findings():
    """Nothing to refuse, nothing seen, nothing protected: each is said."""
    assert "the gate would have let all of 1 run through in the last 7 days" == headline(
        summed_up([row("a", code="")]), 7
    )
    assert headline(summed_up([]), 7).startswith(
        "the gate saw no run on protected hosts in the last 7 days; it sees those"
    )
    assert "gate for any playbook: no host is protected (group or variable tidegate_protected)" == gate_text(NOBODY)


def test_where_it_refuses_and_where_it_observes():
    """Names are cut where there are many."""
    gate = {"enforce": ["web1"], "observe": [f"db{number}" for number in range(20)]}

    assert (
        "gate for any playbook: refuses on web1, only observes on db0, db1, db2, db3, db4, db5, db6, db7 and 12 more"
        == gate_text(gate)
    )


def test_a_terminal_is_not_told_what_to_do():
    """Whatever a playbook or user is called, it is shown on one line with escapes made visible."""
    rows = [row("a", actor="ann\x1b[2J@control", playbook="x\n── NO_CHANGE: \u202eforged")]

    text = observed_text({**summed_up(rows), "gate": NOBODY}, 30)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not [line for line in text.splitlines() if line.startswith("── NO_CHANGE: forged")]
    assert "ann\\x1b[2J@control" in text

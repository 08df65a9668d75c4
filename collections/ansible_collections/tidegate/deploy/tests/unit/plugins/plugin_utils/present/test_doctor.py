# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's lines: one per finding with all its places, the worst first, and counts."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.doctor import counts, doctor_text, grouped, said

DISK = {"check": "disk", "level": "refuse", "found": "/ is full", "hint": "make room"}
NOTE = {"check": "program", "level": "note", "found": "no program", "hint": "nothing to do"}
GONE = {"check": "connection", "level": "unknown", "found": "cannot be reached: \x1b[31mno", "hint": "is it up?"}
FOUND = [("web1", NOTE), *((f"web{number}", DISK) for number in range(1, 7)), ("web9", GONE), ("web1", DISK)]


def test_one_line_per_finding_the_worst_first():
    """The same on six hosts is one line, and nothing that a terminal would obey gets through."""
    findings = grouped(FOUND)
    text = doctor_text(findings, ["web1", "web9"], ["web9"], "/site/store.db", "ansible-core 2.19").splitlines()

    assert text[0] == "stop     web1, web2, web3, web4 and 2 more  / is full → make room"
    assert text[1].startswith("unknown  web9 ")
    assert "\x1b" not in text[1]
    assert text[2].startswith("note     web1 ")
    assert text[3].startswith("── doctor: 1 would stop a rollout, 1 unknown, 1 to know ─")
    assert "  hosts          1 of 2 could be looked at" in text
    assert "  not looked at  web9" in text
    assert "  next           mend what says stop or unknown, then run the doctor again" in text


def test_counts_are_of_findings():
    """Each finding counts once, on however many hosts."""
    assert {"stop": 1, "unknown": 1, "warn": 0, "note": 1} == counts(grouped(FOUND))
    assert "nothing found" == said(counts([]))


def test_without_hindrance_the_next_step_is_a_rollout():
    """Notes do not stop anybody."""
    text = doctor_text(grouped([("web1", NOTE)]), ["web1"], [], "/s", "x")
    assert "tidegate.deploy.rollout" in text
    assert "not looked at" not in text

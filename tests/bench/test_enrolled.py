# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of enrolled hosts without any host: its arithmetic, and the chapter that is made of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import enrolled


def document(checked_ms=90.0, enrolled_s=10.5, last_s=9.0):
    """What was measured: a busy round among three, and a first check that took longer."""
    used = {"controller_cpu_s": 5.0, "hosts_cpu_s": 10.0, "activate_s": 2.5}
    runs = [
        {"contender": name, "round": number, "wall_s": wall_s, **used, "steps_s": {"activate": [wall_s / 4, 1.0, 1.0]}}
        for name, times in (("free", (10.0, 30.0, 9.0)), ("enrolled", (enrolled_s, enrolled_s * 3, last_s)))
        for number, wall_s in enumerate(times, 1)
    ]
    check_ms = {enrolled.CHECKED: [checked_ms, 200.0, checked_ms], enrolled.ASKED: [50.0, 55.0, 60.0]}
    setting, machine = {"hosts": 20, "runs": 3}, {"commit": "abc"}
    return {"setting": setting, "machine": machine, "runs": runs, "check_ms": check_ms}


def test_goals_are_judged_by_medians():
    """A busy round decides nothing, each goal can be missed, and rounds that differ too much are said to tell nothing."""
    met, missed, blurred = (
        enrolled.goals(one)
        for one in (document(), document(checked_ms=150.5, enrolled_s=11.1, last_s=10.0), document(last_s=40.0))
    )

    assert [(90.0, "yes"), (1.05, "yes")] == [(goal.found, goal.met) for goal in met]
    assert ["**no**", "**no**"] == [goal.met for goal in missed]
    assert blurred[1].met == "yes; half of the rounds lie 1.70 × apart, too far to tell"


def test_chapter_and_terminal_show_what_was_measured():
    """Both kinds of hosts, the check with its worst time, and what was promised."""
    chapter, told = enrolled.chapter(document()), enrolled.told(document())

    assert "| free | 10.0 | 2.5 | 5.0 | 10.0 |" in chapter.splitlines()
    assert "| enrolled | 10.5 | 2.5 | 5.0 | 10.0 |" in chapter.splitlines()
    for text in (chapter, "\n".join(told)):
        assert "median of 3 and between what half of the rounds lie: 1.05 (1.02 to 1.05) times the time, 1.00 (" in text
        assert "in three of four rounds: activate 0.12 (0.06 to 0.25) s." in text
    assert "takes 90 ms, at most 200 ms among 3" in chapter
    assert "refused within 55 ms" in chapter
    assert "rollout to enrolled hosts, beside the same to others: 1.05 × of 1.1: yes" in told

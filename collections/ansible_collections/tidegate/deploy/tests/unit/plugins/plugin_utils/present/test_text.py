# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for terminals."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present import text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import end_text, refusal_text


def test_a_terminal_never_obeys_what_is_shown():
    """Escapes and line breaks in data are shown, not sent."""
    assert "a\\x1b[2Jb\\nc" == text.printable("a\x1b[2Jb\nc")


@pytest.mark.parametrize(
    ("count", "said"), [(12, "12 bytes"), (2048, "2.0 KiB"), (30 * 2**20, "30.0 MiB"), (3 * 2**30, "3.0 GiB")]
)
def test_sizes(count, said):
    """Bytes are shown in the unit that people would use."""
    assert said == text.size(count)


@pytest.mark.parametrize(("seconds", "said"), [(604800, "7 d"), (3600, "1 h"), (90, "90 s"), (120, "2 min")])
def test_durations(seconds, said):
    """Seconds are shown in the largest unit that divides them."""
    assert said == text.duration(seconds)


def test_long_lists_are_cut_and_counted():
    """A wave of hundreds fits on a line and says how many it left out."""
    assert "h0, h1 and 3 more" == text.listed([f"h{i}" for i in range(5)], most=2)


def test_the_final_block_tells_cause_places_and_next_command():
    """One block: cause, hosts by state, what was taken back, what is left, the next command."""
    hosts = [
        recap.HostEnd("web1", "old", True, True, "1.0.0-x", "probe http: found 500"),
        recap.HostEnd("web2", "unknown", True, True, "", "cannot be reached", "goes back by itself within 90 s"),
        recap.HostEnd("web3", "untouched", False, False, "1.0.0-x"),
    ]
    shown = end_text(
        recap.of_rollout("PROBE: web1: found 500", hosts), "CHG-2026-0001", "4.0.0-y", "site/store.db", ["do this"]
    )

    for line in (
        "CHG-2026-0001 failed: not every host is where it should be",
        "cause         the application's: PROBE: web1: found 500",
        "taken back    web1",
        "unknown       web2",
        "not touched   web3",
        "left to do    web2: goes back by itself within 90 s",
        "next          do this",
    ):
        assert " ".join(line.split()) in " ".join(shown.split())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("PROBE", "the application's: PROBE: x"),
        ("ANSIBLE", "Ansible's: ANSIBLE: x"),
        ("DATA", "Tidegate refused: DATA: x"),
    ],
)
def test_a_cause_says_whose_it_is(code, said):
    """People see at once whether to call the developers of the release, or to look at Ansible, or at their data."""
    assert said in refusal_text(Refusal(code, "x"))

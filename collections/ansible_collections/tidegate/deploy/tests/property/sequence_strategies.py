# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fleets and what people might ask for them."""

from __future__ import annotations

from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.waves import Member

MOST_HOSTS = 40

domains = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e"]))
floors = st.one_of(st.none(), st.integers(0, MOST_HOSTS), st.integers(0, 100).map(lambda percent: f"{percent}%"))
sizes = st.lists(
    st.one_of(st.integers(1, MOST_HOSTS), st.integers(1, 100).map(lambda percent: f"{percent}%")), max_size=6
).map(lambda entries: [*entries, "rest"])


@st.composite
def fleets(draw: st.DrawFn, least: int = 1) -> list[Member]:
    """Hosts with distinct names, in some or no failure domains."""
    labels = draw(st.lists(domains, min_size=least, max_size=MOST_HOSTS))
    return [Member(f"host{index}", label) for index, label in enumerate(labels)]


@st.composite
def partitions(draw: st.DrawFn, members: list[Member]) -> list[list[str]]:
    """Explicit waves that name each host once."""
    names = draw(st.permutations([member.name for member in members]))
    cuts = sorted(draw(st.sets(st.integers(1, len(names) - 1)))) if len(names) > 1 else []
    return [names[start:end] for start, end in zip([0, *cuts], [*cuts, len(names)], strict=True)]

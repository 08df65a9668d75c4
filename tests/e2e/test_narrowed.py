# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever somebody says on the command line: the waves of the plan, or nothing and the reason."""

from __future__ import annotations

from itertools import pairwise

import pytest
from e2e.hosts import V2, Fleetful, assert_all_on
from e2e.project import Project

WAVES = [["web3"], ["web1", "web4"], ["web2", "web5", "web6"]]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--limit", "web1"), "LIMIT"),
        (("--limit", "web*"), "LIMIT"),
        (("--start-at-task", "Freeze and show the plan"), "NO_CHANGE"),
        (("--start-at-task", "Switch the host to the new release"), "NO_CHANGE"),
        (("--start-at-task", "Make the new release permanent, and read that back"), "NO_CHANGE"),
        (("--tags", "nothing"), "NO_CHANGE"),
        (("--skip-tags", "all"), "NO_CHANGE"),
        (("--skip-tags", "untagged"), "NO_CHANGE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_narrowed_run_is_refused_with_its_cause(
    site: Project, hosts: Fleetful, args: tuple[str, ...], code: str
) -> None:
    """No host switches or restarts; the exit code is not 0; the message says what to leave out."""
    before = hosts.see()

    refused = site.play("rollout", *args, change_file=site.change(V2, waves=WAVES))

    assert refused.rc != 0, refused.text
    assert code in refused.text, refused.text
    assert "Traceback" not in refused.text
    after = hosts.see()
    assert {name: (one.current, one.started_us, one.journal) for name, one in after.items()} == {
        name: (one.current, one.started_us, one.journal) for name, one in before.items()
    }
    assert site.leases() == []


@pytest.mark.parametrize(
    ("args", "env"),
    [(("--forks", "1"), {}), ((), {"ANSIBLE_STRATEGY": "free"})],
    ids=["one-fork", "another-strategy"],
)
def test_waves_hold_however_ansible_is_set(
    site: Project, hosts: Fleetful, args: tuple[str, ...], env: dict[str, str]
) -> None:
    """With a single worker, or with a configured strategy that knows no waves: still wave by wave."""
    done = site.rollout(V2, *args, env=env, waves=WAVES)

    assert done.rc == 0, done.text
    seen = hosts.see()
    assert_all_on(seen, V2)
    starts = [sorted(seen[name].started_us for name in wave) for wave in WAVES]
    assert all(before[-1] < after[0] for before, after in pairwise(starts))

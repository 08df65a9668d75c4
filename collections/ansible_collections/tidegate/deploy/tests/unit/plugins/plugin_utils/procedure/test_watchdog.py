# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs are ended when their time is over, and until when. That they are is tried on hosts (tests/e2e/test_tasks.py)."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import opening, watchdog

from .conftest import a_plan

LIMIT_S = 3600


@pytest.fixture(autouse=True)
def timers():
    """What is waited for, and by nobody after the test."""
    yield watchdog._timers
    for timer in watchdog._timers.values():
        timer.cancel()
    watchdog._timers.clear()


def test_a_rollout_with_a_limit_is_watched_until_it_goes_back(site, timers):
    """Once, with a tenth more than its max_runtime from its beginning on."""
    run = site.frozen(a_plan(max_runtime_s=LIMIT_S))
    watchdog.watch(run, [])
    [timer] = timers.values()
    assert timer.is_alive()
    assert LIMIT_S < timer.interval <= LIMIT_S * 1.1
    watchdog.watch(run, [])
    assert list(timers.values()) == [timer]
    watchdog.leave(run)
    timer.join(60)
    assert not timer.is_alive()
    watchdog.watch(run, [])
    assert list(timers.values()) == [timer]


def test_what_has_no_limit_or_goes_back_is_not_watched(site, timers):
    """A way back is never given up half way, and a run that has ended needs nobody."""
    free = site.frozen()
    watchdog.watch(free, [])
    site.over()
    limited = site.frozen(a_plan("3.0.0", max_runtime_s=LIMIT_S))
    site.over()
    back = opening.begin_way_back(site.store, site.store.change(limited.change_id))
    for run in (back, type(limited)(site.store, limited.id, site.store.run(limited.id), limited.plan)):
        watchdog.watch(run, [])
        watchdog.leave(run)
    assert timers == {}

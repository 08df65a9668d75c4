# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs once per change is known to every later run of it, in the state in which a dead one left it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.once import ASKED, BEGUN, DONE

HOLDER = {"pid": 1}


@pytest.fixture
def change(store):
    """A change with two runs that work on it."""
    change_id, revision = store.new_change("web", "production", "a" * 64, b"{}", "/changes/web.yml")
    for run in ("first", "second"):
        store.begin_run(run, change_id, revision, "rollout", HOLDER, [["web1"]], lease=False)
    return change_id


def test_a_task_that_was_looked_at_has_not_begun(store, change):
    """The first note makes it known; what its check answers is kept with it."""
    store.move_once(change, "migrate", "first", "db1", None, True)

    row = store.once_under_way("first")
    assert (row.name, row.state, row.there, row.done) == ("migrate", ASKED, None, False)
    store.answer_once(row, False)
    assert store.once(change)["migrate"].there == 0


def test_the_next_run_sees_that_it_has_begun(store, change):
    """A run that died in the middle leaves it begun; the answer of an earlier check does not count any more."""
    store.move_once(change, "migrate", "first", "db1", BEGUN, True)
    store.answer_once(store.once_under_way("first"), True)

    store.move_once(change, "migrate", "second", "db1", None, True)

    row = store.once(change)["migrate"]
    assert (row.state, row.run_id, row.there) == (BEGUN, "second", None)
    assert store.once_under_way("first") is None


def test_done_is_done(store, change):
    """Tasks stay in the order in which they were first looked at, whatever is noted later."""
    for name in ("migrate", "index"):
        store.move_once(change, name, "first", "db1", None, True)
    store.move_once(change, "migrate", "first", "db1", DONE, False)

    assert {name: row.done for name, row in store.once(change).items()} == {"migrate": True, "index": False}
    assert list(store.once(change)) == ["migrate", "index"]


def test_another_state_is_a_bug(store, change):
    """A word that nobody knows is refused before anything is written."""
    with pytest.raises(ValueError, match="cannot be perhaps"):
        store.move_once(change, "migrate", "first", "db1", "perhaps", True)

    assert store.once(change) == {}

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was compiled before the fork is there after it."""

from __future__ import annotations

import os

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import schema, warm
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.conftest import TurnedClock


def run_in(store: Store) -> str:
    """A run with an open wave of one host."""
    change, revision = store.new_change("web", "production", "0" * 64, b"{}", "changes/web.yml")
    store.begin_run("mine", None, None, "rollout", {}, [["web1"]], lease=True)
    store.bind_run("mine", change, revision)
    store.take_lease("web", "production", "mine", {}, 60, lambda _holder: False)
    store.open_wave("mine", 0)
    return "mine"


def test_a_worker_compiles_nothing(path: str, clock: TurnedClock) -> None:
    """Another store, opened after the fork, finds everything compiled that a step asks."""
    with Store.open(path, clock) as store:
        run = run_in(store)
    schema.COMPILED.clear()
    warm.warm()
    before = len(schema.COMPILED)
    assert before > 10
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with Store.open(path, clock) as store:
                warm.exercise(store, run, "web1")
            os.write(writer, str(len(schema.COMPILED)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as told:
        assert told.read() == str(before)


def test_warming_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    """It needs no file."""
    monkeypatch.chdir(tmp_path)
    warm.warm()
    assert os.listdir(tmp_path) == []


def test_without_sqlalchemy_nothing_is_warmed(monkeypatch) -> None:
    """The store says later what is missing."""
    monkeypatch.setattr(schema, "MISSING", "No module named 'sqlalchemy'")
    schema.COMPILED.clear()
    warm.warm()
    assert schema.COMPILED == {}

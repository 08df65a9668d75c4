# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb that sees to the store."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.action import store
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import schema, steps


@pytest.fixture
def act(tmp_path, monkeypatch):
    """Run the action at a site of its own."""
    monkeypatch.delenv("TIDEGATE_STORE", raising=False)
    (tmp_path / "hosts.yml").write_text("")

    def run(check=False, **arguments):
        door = store.ActionModule.__new__(store.ActionModule)
        door._task = SimpleNamespace(check_mode=check, diff=False)
        door.task_vars = {"ansible_inventory_sources": [str(tmp_path / "hosts.yml")]}
        return door.perform({"clock_reset": False, **arguments})

    return run


def test_a_file_is_brought_up_to_date(act, tmp_path):
    """It is made where there is none, and has no roles."""
    done = act()
    newest = steps.NEWEST
    assert done.data == {"schema": newest, "granted": [], "set_back_s": 0}
    assert done.say == f"{tmp_path}/.tidegate/store.db has schema {newest}, which is the newest"


def test_check_mode_makes_nothing(act, tmp_path):
    """Neither the store nor the SQL."""
    act(check=True)
    act(check=True, sql_file=str(tmp_path / "roles.sql"))
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.yml"]


def test_the_sql_names_every_table_and_opens_nothing(act, tmp_path, monkeypatch):
    """A writer gets no right to change what is only added to; the store need not be there, nor psycopg."""
    monkeypatch.setenv("TIDEGATE_STORE", "postgresql://nowhere.invalid/site")
    done = act(sql_file=str(tmp_path / "roles.sql"))
    script = (tmp_path / "roles.sql").read_text()
    assert done.changed
    assert "CREATE SCHEMA IF NOT EXISTS tidegate AUTHORIZATION tidegate_owner;" in script
    appended = {table.name for table in schema.APPENDED}
    for table in schema.TABLES:
        may = "INSERT" if table.name in appended else "INSERT, UPDATE, DELETE"
        assert f"GRANT {may} ON tidegate.{table.name} TO tidegate_writer;" in script


def test_a_file_that_cannot_be_written(act, tmp_path):
    """The option is named."""
    with pytest.raises(Refusal, match=r"^DATA: sql_file .*/no/roles\.sql: No such file or directory"):
        act(sql_file=str(tmp_path / "no" / "roles.sql"))

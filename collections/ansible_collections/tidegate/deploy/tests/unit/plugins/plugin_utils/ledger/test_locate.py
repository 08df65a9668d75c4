# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the store lies: told, beside the inventory, or in the working folder."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import folder, locate


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.delenv("TIDEGATE_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventories/demo").mkdir(parents=True)
    (tmp_path / "inventories/demo/hosts.yml").write_text("")


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["inventories/demo"], "inventories/demo/.tidegate/store.db"),
        (["inventories/demo/"], "inventories/demo/.tidegate/store.db"),
        (["inventories/demo/hosts.yml"], "inventories/demo/.tidegate/store.db"),
        (["web1,", "inventories/demo/hosts.yml"], "inventories/demo/.tidegate/store.db"),
        (["not/there.yml"], ".tidegate/store.db"),
        (["web1,"], ".tidegate/store.db"),
        ([], ".tidegate/store.db"),
    ],
)
def test_the_store_lies_beside_the_inventory(tmp_path, sources, expected):
    """A folder and a file in it name the same store; without either it is the working folder's."""
    assert locate(sources) == str(tmp_path / expected)


@pytest.mark.parametrize(
    ("told", "expected"),
    [("/var/lib/store.db", "/var/lib/store.db"), ("sqlite:////var/lib/store.db", "sqlite:////var/lib/store.db")],
)
def test_the_variable_decides(monkeypatch, told, expected):
    """TIDEGATE_STORE is stronger than any inventory."""
    monkeypatch.setenv("TIDEGATE_STORE", told)
    assert locate(["inventories/demo"]) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("postgresql://db/site", "{here}/inventories/demo/.tidegate"),
        ("/var/lib/store.db", "/var/lib"),
        ("sqlite:////var/lib/store.db", "/var/lib"),
        ("", "{here}/inventories/demo/.tidegate"),
    ],
)
def test_what_lies_beside_the_store(monkeypatch, tmp_path, told, expected):
    """A file has its own folder; of a server each controller keeps one beside its inventory."""
    monkeypatch.setenv("TIDEGATE_STORE", told)
    assert folder(["inventories/demo"]) == expected.format(here=tmp_path)


def test_a_relative_path_is_of_the_working_folder(monkeypatch, tmp_path):
    """What is told is made absolute, so that every process means the same."""
    monkeypatch.setenv("TIDEGATE_STORE", "mine.db")
    assert locate([]) == str(tmp_path / "mine.db")

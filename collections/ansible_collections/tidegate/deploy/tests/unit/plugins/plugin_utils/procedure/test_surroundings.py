# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shapes a run and can be changed by every user of the controller is named, and nothing else."""

from __future__ import annotations

import pytest
from ansible import constants as C

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import unsafe_places

SETTINGS = (
    "DEFAULT_ACTION_PLUGIN_PATH",
    "BECOME_PLUGIN_PATH",
    "DEFAULT_MODULE_PATH",
    "DEFAULT_ROLES_PATH",
    "COLLECTIONS_PATHS",
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an ansible.cfg, in which a run begins."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(C, "CONFIG_FILE", str(tmp_path / "ansible.cfg"))
    return tmp_path


@pytest.mark.parametrize("name", ["ansible.cfg", "."])
def test_what_everybody_may_change_is_named(place, name):
    """The file, or the folder in which anybody can put another one in its place."""
    found = place / name
    assert () == unsafe_places()
    found.chmod(0o777)
    assert (str(found),) == unsafe_places()
    found.chmod(0o775)
    assert () == unsafe_places()


def test_no_ansible_cfg_is_nothing_to_change(place, monkeypatch):
    """Everybody may write to /dev/null, and nobody finds anything in it."""
    monkeypatch.setattr(C, "CONFIG_FILE", "/dev/null")
    assert () == unsafe_places()


def test_an_ansible_cfg_that_ansible_does_not_read_is_named(place, monkeypatch):
    """Ansible goes on without the settings of a folder that everybody can write."""
    monkeypatch.setattr(C, "CONFIG_FILE", None)
    place.chmod(0o777)
    assert (str(place),) == unsafe_places()


@pytest.mark.parametrize("setting", SETTINGS)
def test_folders_of_code_are_named(place, monkeypatch, setting):
    """Of plugins, modules, roles and collections; one that is not there is none, and a sticky one is safe."""
    monkeypatch.setattr(C, setting, [str(place / "gone"), str(place / "own")])
    (place / "own").chmod(0o1777)
    assert () == unsafe_places()
    (place / "own").chmod(0o777)
    assert (str(place / "own"),) == unsafe_places()

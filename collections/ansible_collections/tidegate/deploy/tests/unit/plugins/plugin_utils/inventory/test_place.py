# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first services file goes beside the inventory, over nothing, and all of it or none."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import place


@pytest.fixture
def site(tmp_path):
    (tmp_path / "inv").mkdir()
    (tmp_path / "inv/hosts.yml").write_text("all:\n")
    return tmp_path


def refused(*sources):
    with pytest.raises(Refusal) as caught:
        place.new_file([str(source) for source in sources])
    return caught.value


def test_beside_a_file_or_in_a_folder(site):
    """Where Ansible reads group_vars for that inventory; the first source that is there counts."""
    expected = site / "inv/group_vars/all/tidegate_services.yml"

    assert expected == place.new_file([str(site / "inv/hosts.yml")])
    assert expected == place.new_file([str(site / "inv")])
    assert expected == place.new_file(["web1,web2,", str(site / "inv")])


def test_no_inventory_to_write_beside(site):
    """A list of hosts on the command line has no place."""
    assert "DATA" == refused("web1,web2,").code
    assert "name one with -i" in refused().message


@pytest.mark.parametrize("name", ["tidegate_services.yml", "tidegate_services.yaml", "tidegate_services.json"])
def test_a_file_that_is_there(site, name):
    """Under any name that Ansible would read, whatever is in it, also a link that leads nowhere."""
    folder = site / "inv/group_vars/all"
    folder.mkdir(parents=True)
    (folder / name).symlink_to("nowhere")

    refusal = refused(site / "inv")

    assert "EXISTS" == refusal.code
    assert str(folder / name) in refusal.message


@pytest.mark.parametrize("name", ["all.yml", "all.yaml", "all.json", "all"])
def test_a_folder_that_would_hide_a_file(site, name):
    """Beside a folder all, Ansible does not read all.yml any more: the site would lose its variables."""
    (site / "inv/group_vars").mkdir()
    (site / "inv/group_vars" / name).write_text("x: 1\n")

    refusal = refused(site / "inv")

    assert "EXISTS" == refusal.code
    assert f"Move it to {site}/inv/group_vars/all/main.yml" in refusal.message


def test_writing(site):
    """The folders are made; a second time it is refused, and the first text stays."""
    path = site / "inv/group_vars/all/tidegate_services.yml"
    place.write_new(path, "one\n")
    with pytest.raises(Refusal) as caught:
        place.write_new(path, "two\n")

    assert ("EXISTS", "one\n") == (caught.value.code, path.read_text())


def test_writing_that_fails_leaves_nothing(site, monkeypatch):
    """A full disk: neither the file nor the folders that were made for it stay."""

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_args):
            return False

        def write(self, _text):
            raise OSError(28, "No space left on device")

    path = site / "inv/group_vars/all/tidegate_services.yml"
    opened = type(path).open

    def open_full(self, *args, **more):
        opened(self, *args, **more).close()
        return Full()

    monkeypatch.setattr(type(path), "open", open_full)
    with pytest.raises(Refusal) as caught:
        place.write_new(path, "text")

    assert "DATA" == caught.value.code
    assert "No space left on device; nothing was changed" in caught.value.message
    assert [site / "inv/hosts.yml"] == list((site / "inv").iterdir())

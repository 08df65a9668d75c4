# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a payload of tasks: what belongs to it, what its digest tells apart, and what is missing or wrong."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle, file

TEXT = "service: web\ntasks: {apply: t/apply.yml, revert: t/revert.yml, check: {role: motd, tasks_from: check}}\n"
DEBUG = "- name: Say something\n  ansible.builtin.debug: {msg: hello}\n"


@pytest.fixture
def site(tmp_path):
    for path in (
        "changes/t/apply.yml",
        "changes/t/revert.yml",
        "roles/motd/tasks/check.yml",
        "roles/motd/tasks/main.yml",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(DEBUG)
    (tmp_path / "changes/t/motd.j2").write_text("hello")
    return tmp_path


def read(site, text=TEXT):
    change = file.parse(text, str(site / "changes/web.yml"))
    roles = site / "roles"
    return bundle.read(
        change.tasks,
        change.once,
        change.place,
        lambda name: str(roles / name) if (roles / name).is_dir() else None,
    )


def test_everything_in_the_folder_belongs_to_it(site):
    """The template beside the task file is part of it, and so is the role's whole folder; what git keeps is not."""
    (site / "changes/t/.git").mkdir()
    (site / "changes/t/.git/config").write_text("")

    found = read(site)

    assert set(found.files) == {
        "0-t/apply.yml",
        "0-t/motd.j2",
        "0-t/revert.yml",
        "1-motd/tasks/check.yml",
        "1-motd/tasks/main.yml",
    }
    assert found.tasks["apply"] == {"root": "0-t", "entry": "apply.yml", "role": False}
    assert found.tasks["check"] == {"root": "1-motd", "entry": "tasks/check.yml", "role": True}


@pytest.mark.parametrize("path", ["changes/t/motd.j2", "roles/motd/tasks/main.yml", "changes/t/revert.yml"])
def test_other_content_has_another_digest(site, path):
    """A template, a role's file and the way back count like the task file itself."""
    before = read(site).digest

    (site / path).write_text(DEBUG + "# more\n")

    assert read(site).digest != before


def test_mode_and_place_on_disk(site, tmp_path_factory):
    """An executable script is another one; the same files elsewhere are the same."""
    before = read(site).digest
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for path in site.rglob("*"):
        target = elsewhere / path.relative_to(site)
        target.mkdir(parents=True) if path.is_dir() else target.write_bytes(path.read_bytes())

    assert read(elsewhere).digest == before
    (site / "changes/t/motd.j2").chmod(0o755)
    assert read(site).digest != before


def test_what_is_kept_is_what_was_read(site, tmp_path):
    """The copy has every file; one that was changed or removed there is named."""
    found = read(site)
    folder = bundle.folder_of(tmp_path / "store", found.files_doc)
    found.keep(folder)
    found.keep(folder)

    bundle.require_kept(folder, found.files_doc)
    (folder / "0-t/motd.j2").write_text("other")
    with pytest.raises(Refusal) as caught:
        bundle.require_kept(folder, found.files_doc)
    assert caught.value.code == "TASKS"
    assert "0-t/motd.j2" in caught.value.message


WRONG = {
    "missing": ("t/apply.yml", "t/aply.yml", None, "tasks.apply: found no file", "a file with a list of tasks"),
    "no-role": ("role: motd", "role: mtd", None, "tasks.check: found no role mtd", "roles beside the change file"),
    "no-file-of-role": ("from: check", "from: chk", None, "tasks/chk.yml", "a file with a list of tasks"),
    "playbook": ("", "", "- hosts: all\n  tasks: []\n", "apply.yml: a playbook", "a file with a list of tasks"),
    "mapping": ("", "", "tasks: []\n", "apply.yml: no list of tasks", "a file with a list of tasks"),
    "not-yaml": ("", "", "- name: [\n", "apply.yml: not YAML", "a file with a list of tasks"),
}


@pytest.mark.parametrize(("old", "new", "text", "found", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_missing_or_wrong_is_named(site, old, new, text, found, expected):
    """File, path, what was found and what was expected, in one line."""
    if text is not None:
        (site / "changes/t/apply.yml").write_text(text)

    with pytest.raises(Refusal) as caught:
        read(site, TEXT.replace(old, new) if old else TEXT)

    assert caught.value.code == "DATA"
    assert str(site / "changes/web.yml") in caught.value.message
    assert found in caught.value.message
    assert expected in caught.value.message


def test_links_to_folders_are_refused(site):
    """What is behind a link could change without being seen."""
    (site / "changes/t/more").symlink_to(site / "roles")

    with pytest.raises(Refusal, match="a link to a folder"):
        read(site)


def test_a_folder_that_is_too_large_is_refused(site, monkeypatch):
    """A task file that lies in a folder full of other things asks for one of its own."""
    monkeypatch.setattr(bundle, "MAX_FILES", 2)

    with pytest.raises(Refusal, match="a folder of its own"):
        read(site)

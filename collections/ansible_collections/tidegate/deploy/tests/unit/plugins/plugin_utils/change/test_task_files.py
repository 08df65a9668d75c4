# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task file tells of itself: which of its tasks check mode cannot show, and which would run for real in it."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import task_files

KEYWORDS = {"name", "when", "register", "check_mode", "block", "rescue", "always", "become"}
SUPPORT = {"copy": "full", "command": "partial", "uri": "none", "package": "N/A"}
TEXT = b"""\
- name: Shown
  copy: {src: a, dest: b}
- name: Not shown
  command: /bin/true
  when: x
- name: A block
  block:
    - {name: Deep, uri: {url: "http://a/"}}
  rescue:
    - {name: Deeper, acme.tools.thing: {}}
- {name: By the system, package: {name: a}}
- include_tasks: more.yml
- name: Old style
  action: command /bin/true
- name: For real
  copy: {src: a, dest: b}
  check_mode: false
- name: A secret
  copy: {content: !vault abc, dest: b}
"""


def test_tasks_that_cannot_be_previewed_are_listed():
    """Also those in blocks, with the module that cannot, and those of modules that nobody knows."""
    found = list(task_files.not_previewed({"t/a.yml": TEXT}, KEYWORDS, lambda name: SUPPORT.get(name, "")))

    assert found == [
        "t/a.yml: Not shown (command)",
        "t/a.yml: Deep (uri)",
        "t/a.yml: Deeper (acme.tools.thing, whose check mode nobody knows)",
        "t/a.yml: Old style (command)",
        "t/a.yml: For real (copy, with check_mode: False)",
    ]


def test_tasks_that_insist_are_found():
    """Where a block says it, its tasks insist as well."""
    block = b"- name: Outer\n  check_mode: false\n  block:\n    - {name: Inner, copy: {}}\n"

    assert task_files.runs_in_check_mode({"a": TEXT, "b": block}) == ["For real", "Inner"]


def test_vaulted_files_are_named_as_a_whole():
    """Nobody can read what is in them before they run."""
    data = b"$ANSIBLE_VAULT;1.1;AES256\n3031\n"

    assert task_files.problem(data) == ""
    assert list(task_files.not_previewed({"t/a.yml": data}, KEYWORDS, lambda _name: "full")) == [
        "t/a.yml: a vaulted file"
    ]

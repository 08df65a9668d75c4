# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change file that carries the site's own tasks: what it may say, and each way of saying it wrongly with its place."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import file

PLACE = "/site/changes/web.yml"
TASKS = "tasks: {apply: t/apply.yml, revert: t/revert.yml, check: t/check.yml}\n"
FINAL = "tasks: {apply: t/apply.yml, revert: none, check: t/check.yml}\n"
ONCE = "once:\n  - {name: migrate, on: db1, apply: t/migrate.yml}\n"
ARCHIVE = "release: 2.4.0\nartifact: {file: web.tar.gz}\n"

BAD = {
    "unknown-key": (TASKS.replace("apply:", "aply:"), "tasks.aply: found an unknown key", "did you mean apply?"),
    "no-check": ("tasks: {apply: a.yml, revert: b.yml}\n", "tasks.check: found nothing", "whether it is there"),
    "no-revert": ("tasks: {apply: a.yml, check: b.yml}\n", "tasks.revert: found nothing", "or none"),
    "not-a-file": ("tasks: {apply: [a.yml], revert: none, check: b.yml}\n", "tasks.apply: found a list", "{role: NAME"),
    "role-without-name": (TASKS.replace("t/check.yml", "{}"), "tasks.check.role: found nothing", "the name of a role"),
    "both-payloads": (TASKS + ARCHIVE, "artifact: found it beside tasks", "either of them"),
    "neither-payload": ("title: x\n", "release: found nothing", "a version such as 2.4.0"),
    "no-return-and-no-policy": (FINAL, "on_failure: found nothing", "expected pause"),
    "no-return-and-other-policy": (FINAL + "on_failure: rollback\n", "on_failure: found 'rollback'", "(tasks.revert)"),
    "once-no-return": (TASKS + ONCE, "on_failure: found nothing", "(once.0.revert)"),
    "once-without-host": (TASKS + "once: [{name: a, apply: a.yml}]\n", "once[0].on: found nothing", "name of a host"),
    "once-odd-time": (TASKS + ONCE.replace("on: db1", "on: db1, when: later"), "once[0].when: found 'later'", "before"),
    "once-twice": (
        "on_failure: pause\n" + TASKS + ONCE + "  - {name: migrate, on: db1, apply: b.yml}\n",
        "once[1].name: found 'migrate' twice",
        "a name of its own",
    ),
    "once-on-two-hosts": (
        "on_failure: pause\n" + TASKS + ONCE + "  - {name: more, on: db2, apply: b.yml}\n",
        "once[1].on: found hosts db1, db2",
        "one host for all that runs before the waves",
    ),
}


def parsed(text: str) -> file.ChangeFile:
    return file.parse(f"service: web\n{text}", PLACE)


def test_task_files_are_relative_to_the_change_file():
    """Each part is a folder and the file in it; the release has a name of its own accord."""
    change = parsed(TASKS)

    assert change.artifact is None
    assert change.release == "tasks"
    assert {name: (part.folder, part.entry) for name, part in change.tasks.parts.items()} == {
        "apply": ("/site/changes/t", "apply.yml"),
        "check": ("/site/changes/t", "check.yml"),
        "revert": ("/site/changes/t", "revert.yml"),
    }


def test_parts_may_be_roles():
    """A role is named, or its folder; `tasks_from` names a file of it."""
    text = "tasks: {apply: {role: motd}, revert: {role: ../roles/motd, tasks_from: revert}, check: t/check.yml}\n"

    tasks = parsed(text).tasks

    assert (tasks.apply.role, tasks.apply.folder, tasks.apply.entry) == (True, "motd", "main")
    assert (tasks.revert.folder, tasks.revert.entry) == ("/site/roles/motd", "revert")


def test_what_has_no_way_back_is_allowed_where_a_failure_pauses():
    """`revert: none` is nothing to take back, not a file of that name."""
    assert parsed(FINAL + "on_failure: pause\n").tasks.revert is None


def test_once_goes_with_a_release_too():
    """A migration before the waves, and what may stay when the change goes back asks for no policy."""
    migrate, clean = parsed(
        ARCHIVE + "once:\n  - {name: migrate, on: db1, apply: m.yml, check: c.yml, revert: unneeded}\n"
        "  - {name: clean, on: db2, apply: n.yml, when: after, revert: unneeded}\n"
    ).once

    assert (migrate.name, migrate.when, migrate.on, migrate.revert) == ("migrate", "before", "db1", "unneeded")
    assert migrate.check.entry == "c.yml"
    assert (clean.when, clean.check) == ("after", None)


@pytest.mark.parametrize(("text", "found", "expected"), BAD.values(), ids=BAD)
def test_bad_payloads_are_refused_with_their_place(text, found, expected):
    """Each mistake is one DATA with file, path, what was found and what was expected."""
    with pytest.raises(Refusal) as caught:
        parsed(text)

    assert caught.value.code == "DATA"
    line = next((line for line in caught.value.message.splitlines() if found in line), caught.value.message)
    assert line.startswith(PLACE), line
    assert found in line
    assert expected in line

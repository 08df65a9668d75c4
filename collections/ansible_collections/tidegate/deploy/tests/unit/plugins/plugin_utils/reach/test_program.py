# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program a host is asked by: one that travels, or, on an enrolled host, the one that it carries."""

from __future__ import annotations

import json

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Completed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import login_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import BY_SUDO, LAUNCHER, HostProgram

GOOD = Completed(0, '{"ok": true}\n', "")


class Line:
    """A channel that remembers what went over it."""

    name = "web1"

    def __init__(self, answer=GOOD):
        self.answer, self.sent = answer, []

    def run(self, command, stdin, then=None):
        self.sent.append((command, stdin))
        return self.answer


@pytest.mark.parametrize("check", [False, True])
def test_nothing_travels_to_an_enrolled_host(check):
    """It is asked through sudo, also in check mode, and is not told which version could replace its own."""
    line = Line()
    assert HostProgram(line, None, check, installs=True, enrolled=True).call("ask", {"services": []}).ok
    ((command, stdin),) = line.sent
    request = json.loads(stdin)
    assert (BY_SUDO, "ask", check) == (command, request["step"], request["check"])
    assert "version" not in request


def test_the_carried_program_is_asked_by_root_too():
    """A host that says it is enrolled gets no other program, whoever logs in."""
    line = Line()
    program = HostProgram(line, None, check=False, installs=True)
    program.call("ask", {})
    program.carried().call("trust", {})
    assert [LAUNCHER, LAUNCHER] == [command for command, _stdin in line.sent]
    assert [True, False] == ["version" in json.loads(stdin) for _command, stdin in line.sent]


def test_a_login_that_cannot_run_it_is_told():
    """With what sudo said, and what to do."""
    line = Line(Completed(1, "", "sudo: a password is required\n"))
    with pytest.raises(Refusal, match=r"web1: the inventory says tidegate_enrolled.*a password is required") as caught:
        HostProgram(line, None, check=False, installs=True, enrolled=True).call("ask", {})
    assert "NOT_ENROLLED" == caught.value.code


@pytest.mark.parametrize(
    ("variables", "login"),
    [
        ({}, ""),
        ({"tidegate_enrolled": None}, ""),
        ({"tidegate_enrolled": "false", "tidegate_login": "tide"}, ""),
        ({"tidegate_enrolled": True}, "deploy"),
        ({"tidegate_enrolled": "yes", "tidegate_login": "tide"}, "tide"),
    ],
)
def test_the_inventory_says_who_logs_in(variables, login):
    """The user is that of the trust unless another is named; nobody where the host is not enrolled."""
    assert login == login_of(variables)

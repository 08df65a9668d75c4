# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the host protocol on a real host, as a run asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from host.driver import PATIENT, V1, V2, V3, V4, Driver, Release, definition, expect_old, ready, timers

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER

OWN_FILES = "/var/lib/tidegate /usr/local/lib/tidegate /run/tidegate /etc/systemd/system/tidegate-*"


# --- the usual way


def test_check_mode_leaves_nothing_on_an_untouched_host(untouched: Driver) -> None:
    """The program travels along, answers, and is gone."""
    asked = untouched.activation("CHG-2026-0001", V1, "absent")
    answer = untouched.preview.call("activate", asked)
    assert (answer.ok, answer.changed) == (True, True), answer.message
    assert any(line.startswith("switch web from absent to 1.0.0-") for line in answer.fields["would"])
    assert not untouched.host.ssh(f"ls -d {OWN_FILES}", check=False).stdout


def test_a_first_deployment_and_back_to_nothing(untouched: Driver) -> None:
    """It enables the unit; going back stops it, disables it, and removes the link."""
    change, _release = untouched.deploy("1.0.0")
    assert untouched.answers() == "1.0.0"
    assert untouched.host.ssh("systemctl is-enabled web.service").stdout.strip() == "enabled"
    stands = untouched.back(change).or_refuse().service
    assert (stands["state"], stands["current"], untouched.current()) == ("steady", "absent", "absent")
    assert untouched.host.ssh("systemctl is-active web.service", check=False).stdout.strip() == "inactive"
    assert untouched.host.ssh("systemctl is-enabled web.service", check=False).stdout.strip() == "disabled"


def test_what_already_runs_is_not_taken_over(untouched: Driver) -> None:
    """A first deployment onto a running unit is refused before anything changes."""
    untouched.host.ssh("systemd-run --quiet --unit=worker.service sleep 600", check=False)
    untouched.host.ssh("mkdir -p /run/systemd/system/web.service.d && printf '[Service]\\nExecStart=\\nType=exec\\n"
                       "ExecStart=/bin/sleep 600\\n' > /run/systemd/system/web.service.d/x.conf && systemctl daemon-reload"
                       " && systemctl start web.service")  # fmt: skip
    try:
        untouched.stage(V1).or_refuse()
        answer = untouched.activate(untouched.new_change(), V1, "absent")
        assert (answer.code, untouched.current()) == ("RUNS_ELSEWHERE", "absent")
        assert "web.service is active (running) while there is no /opt/web/current" in answer.message
    finally:
        untouched.host.ssh("systemctl stop web.service web.socket; rm -r /run/systemd/system/web.service.d;"
                           "systemctl daemon-reload")  # fmt: skip


def test_activate_confirm_and_roll_back(driver: Driver) -> None:
    """Ready until confirmed; confirming twice is confirming once; an operator takes it back later."""
    change, _old = ready(driver)
    assert driver.answers() == V2.version
    assert driver.confirm(change, "0" * 64).code == "TOKEN"
    assert driver.confirm(change).or_refuse().changed
    assert not driver.confirm(change).or_refuse().changed
    assert driver.service()["state"] == "steady"
    answer = driver.back(change).or_refuse()
    assert (answer.changed, answer.fields["closed"]) == (True, True)
    assert expect_old(driver)["reverted"]["why"] == "asked by a test"
    assert not driver.back(change).or_refuse().changed
    assert driver.activate(change, V2, V1.id).code == "CLOSED"


@pytest.mark.parametrize(("release", "words"), [(V3, "died"), (V4, "500")], ids=["crashes", "answers wrongly"])
def test_a_bad_release_is_taken_back_at_once(driver: Driver, release: Release, words: str) -> None:
    """The answer to `activate` says why, and the host runs the old release again when it comes."""
    doc = definition(probes=PATIENT)
    driver.stage(release).or_refuse()
    answer = driver.activate(driver.new_change(), release, V1.id, definition=doc)
    assert (answer.ok, answer.code) == (False, "PROBE")
    assert words in answer.message
    assert answer.service["current"] == V1.id
    assert expect_old(driver)["reverted"]["release"] == release.id


def test_renewing_moves_the_deadline(driver: Driver) -> None:
    """A long test of the release keeps it ready with renewals."""
    others = timers(driver)
    change, _old = ready(driver, deadline_s=40)
    before_s = driver.service()["deadline_in_s"]
    answer = driver.call("renew", service="web", change=change, token=driver.token, extend_s=300).or_refuse()
    assert answer.service["deadline_in_s"] > before_s + 200
    assert len(timers(driver) - others) == 1
    driver.back(change).or_refuse()
    expect_old(driver)


# --- the program itself


def test_another_program_waits_until_nothing_is_under_way(driver: Driver) -> None:
    """While an activation is under way the host keeps the program that began it."""
    change, _old = ready(driver)
    head = {"protocol": PROTOCOL, "step": "ask", "version": list(VERSION), "check": False, "services": []}
    asked = canonical.dumps({**head, "program": "0" * 64}) + b"\n"

    def answered() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(driver.host.ssh(LAUNCHER, stdin=asked).stdout)
        return answer

    assert answered()["ok"]
    driver.back(change).or_refuse()
    assert answered()["code"] == "PROGRAM_OTHER"
    older = asked.replace(canonical.dumps(list(VERSION)), b"[0,9,0]")
    assert json.loads(driver.host.ssh(LAUNCHER, stdin=older).stdout)["ok"]


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"", "PROTOCOL"),
        (b"\xff\xfe\n", "PROTOCOL"),
        (b'{"protocol":2}\n', "PROTOCOL"),
        (b'{"protocol":1,"protocol":1}\n', "PROTOCOL"),
        (b'{"protocol":1,"step":"dance","program":"","version":[0,0,1]}\n', "PROTOCOL"),
        (b'{"protocol":1,"step":"confirm","service":"../x","program":"","version":[0,0,1]}\n', "DATA"),
    ],
)
def test_what_is_no_request_is_answered_too(driver: Driver, request_line: bytes, code: str) -> None:
    """One line of JSON, nothing on standard error, exit status 0."""
    done = driver.host.ssh(LAUNCHER, stdin=request_line)
    assert (json.loads(done.stdout)["code"], done.stderr) == (code, "")


def test_without_root_it_says_so(driver: Driver) -> None:
    """The login of the inventory has to become root."""
    driver.host.ssh("chmod 755 /usr/local/lib/tidegate", check=False)
    asked = canonical.dumps({"protocol": PROTOCOL, "step": "ask", "services": []}) + b"\n"
    done = driver.host.ssh(LAUNCHER, user="ops", stdin=asked, check=False)
    assert json.loads(done.stdout)["code"] == "NO_ROOT", done.stderr

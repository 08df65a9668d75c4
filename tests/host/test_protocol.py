# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host protocol on a real host: what a run asks for, and what the host does by itself when things go wrong."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from host.driver import Driver, Release, definition

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER

V1, V2, V3, V4 = (Release.of(f"{number}.0.0") for number in (1, 2, 3, 4))
OWN_FILES = "/var/lib/tidegate /usr/local/lib/tidegate /run/tidegate /etc/systemd/system/tidegate-*"


def began(driver: Driver, release: Release = V2, **changes: Any) -> tuple[str, str]:
    """Stage a release and begin its activation without waiting; its change, and the release that runs."""
    change, old = driver.new_change(), driver.current()
    driver.stage(release, changes.get("definition")).or_refuse()
    driver.activate(change, release, old, **{"wait_s": 0, **changes}).or_refuse()
    return change, old


def ready(driver: Driver, release: Release = V2, **changes: Any) -> tuple[str, str]:
    """The same, until it is ready."""
    change, old = began(driver, release, wait_s=60, **changes)
    assert driver.service()["state"] == "ready"
    return change, old


def expect_old(driver: Driver, release: Release = V1) -> dict[str, Any]:
    """The host is entirely on the old release: link, journal, and what the service itself says."""
    stands = driver.service()
    assert (stands["state"], stands["current"], driver.current()) == ("steady", release.id, release.id), stands
    assert driver.answers() == release.version
    assert not driver.host.ssh("ls /run/web/drain", check=False).stdout
    return stands


def timers(driver: Driver) -> set[str]:
    """The reaper's timers that are armed."""
    shown = driver.host.ssh("systemctl list-units --all --plain --no-legend 'tidegate-reap@*.timer'").stdout
    return {line.split()[0] for line in shown.splitlines()}


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
        assert "found it running" in answer.message
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
    driver.stage(release).or_refuse()
    answer = driver.activate(driver.new_change(), release, V1.id)
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


# --- nobody confirms


def test_a_host_that_is_left_alone_goes_back(driver: Driver) -> None:
    """The deadline passes with the controller gone: nobody asks the host anything."""
    ready(driver, deadline_s=25)
    driver.wait_for_state("steady", 25 + 60)
    assert driver.current() == V1.id
    assert expect_old(driver)["reverted"]["code"] == "DEADLINE"


def test_a_reboot_in_the_confirm_window(driver: Driver) -> None:
    """The old release is what starts; the new one never runs again."""
    change, _old = ready(driver, deadline_s=300)
    driver.host.reboot()
    driver.wait_for_state("steady", 60)
    assert driver.current() == V1.id
    assert driver.confirm(change).code == "STATE"
    assert expect_old(driver)["reverted"]["code"] == "REBOOTED"
    started = driver.host.ssh("journalctl -b -u web.service -o cat | grep -c '^Started'", check=False).stdout.strip()
    assert started in ("1", "2"), started


def test_a_power_cut_during_the_effects(driver: Driver) -> None:
    """The host comes up with the old release."""
    began(driver)
    driver.wait_for_state("pending", 10)
    time.sleep(2)
    driver.host.kill()
    assert driver.current() in (V1.id, V2.id)
    driver.host.start()
    driver.host.wait_ready()
    driver.wait_for_state("steady", 60)
    expect_old(driver)


def test_a_power_cut_after_the_confirm(driver: Driver) -> None:
    """What was confirmed stays."""
    change, _old = ready(driver)
    driver.confirm(change).or_refuse()
    driver.host.kill()
    driver.host.start()
    driver.host.wait_ready()
    stands = driver.service()
    assert (stands["state"], stands["current"], stands["change"]) == ("steady", V2.id, change)
    until = time.monotonic() + 20
    while driver.answers() != V2.version and time.monotonic() < until:
        time.sleep(0.5)
    assert driver.answers() == V2.version
    driver.back(change).or_refuse()


def test_a_host_frozen_beyond_its_deadline(driver: Driver) -> None:
    """It goes back as soon as it is thawed; a confirm that comes first is refused."""
    change, _old = ready(driver, deadline_s=30)
    driver.host.freeze()
    time.sleep(30)
    driver.host.thaw()
    assert driver.confirm(change).code in ("DEADLINE", "STATE")
    driver.wait_for_state("steady", 60)
    expect_old(driver)


# --- things go wrong on the host


def test_the_session_dies_during_the_activation(driver: Driver) -> None:
    """The effects go on in their own unit; asked again, the host says where it stands and begins nothing anew."""
    change = driver.new_change()
    driver.stage(V2).or_refuse()
    asked = driver.activation(change, V2, V1.id)
    package = host_program()
    head = {"protocol": PROTOCOL, "step": "activate", "program": package.digest, "version": list(VERSION)}
    session = subprocess.Popen([*driver.host.ssh_command(), LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert session.stdin is not None
    session.stdin.write(canonical.dumps({**asked, **head}) + b"\n")
    session.stdin.close()
    driver.wait_for_state("pending", 10)
    session.kill()
    session.wait()
    answer = driver.call("activate", **asked).or_refuse()
    assert (answer.changed, answer.service["state"]) == (False, "ready")
    driver.confirm(change).or_refuse()
    driver.back(change).or_refuse()


def test_a_hook_that_hangs_and_ignores_signals(driver: Driver) -> None:
    """It is killed at its limit with all that it started; the host goes back."""
    hang = "trap '' TERM HUP INT; setsid sleep 987 & sleep 986 & while :; do sleep 985; done"
    doc = definition(
        hooks={"before": None, "after": {"command": ["/bin/sh", "-c", hang], "user": None, "timeout_s": 2}}
    )
    driver.stage(V2, doc).or_refuse()
    answer = driver.activate(driver.new_change(), V2, V1.id, definition=doc)
    assert answer.code == "ACTIVATION"
    assert "no end within 2 s, killed" in answer.message
    expect_old(driver)
    assert not driver.host.ssh("pgrep -f 'sleep 98[567]'", check=False).stdout


def test_effects_that_are_killed(driver: Driver) -> None:
    """When the activation's unit is gone without a result, systemd itself has the host go back."""
    began(driver)
    driver.host.ssh("until systemctl is-active -q tidegate-activate@web; do sleep .1; done;"
                    "systemctl kill -s KILL tidegate-activate@web.service")  # fmt: skip
    driver.wait_for_state("steady", 60)
    assert "ended without a result" in expect_old(driver)["reverted"]["why"]


def test_a_release_that_fills_the_disk(driver: Driver) -> None:
    """Going back is renames only: it needs neither bytes nor inodes."""
    change, _old = ready(driver)
    driver.host.fill_disk()
    driver.host.fill_inodes()
    try:
        assert driver.back(change).or_refuse().service["current"] == V1.id
        stands = driver.service()
        assert (stands["state"], driver.current()) == ("steady", V1.id)
        assert change in stands["closed"]
    finally:
        driver.host.free_disk()
    expect_old(driver)


def test_a_full_disk_before_the_activation(driver: Driver) -> None:
    """Nothing begins, and the message says what is missing."""
    driver.stage(V2).or_refuse()
    before = timers(driver)
    driver.host.fill_disk()
    driver.host.fill_inodes()
    try:
        answer = driver.activate(driver.new_change(), V2, V1.id)
    finally:
        driver.host.free_disk()
    assert (answer.code, driver.current()) == ("NO_SPACE", V1.id)
    expect_old(driver)
    assert timers(driver) <= before


def test_an_old_release_that_does_not_start_any_more(driver: Driver) -> None:
    """Bounded attempts, then failed, until people mend it and take the change back."""
    change, _old = ready(driver)
    binary = f"/opt/web/releases/{V1.id}/bin/web"
    driver.host.ssh(f"chmod a-x {binary}")
    answer = driver.back(change, operator=False, wait_s=110)
    assert (answer.code, answer.service["state"], driver.current()) == ("REVERT_FAILED", "failed", V1.id)
    driver.host.ssh(f"chmod a+x {binary}")
    assert driver.back(change, operator=False).code == "REVERT_FAILED"
    assert driver.back(change).or_refuse().service["state"] == "steady"
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

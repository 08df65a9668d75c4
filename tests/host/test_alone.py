# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host does by itself, when nobody confirms, and when its power, its session or its disk goes away."""

from __future__ import annotations

import subprocess
import time

from host.driver import V1, V2, VERSION_PROBE, Driver, began, definition, expect_old, ready, timers

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER

# --- nobody confirms


def test_a_host_that_is_left_alone_goes_back(driver: Driver) -> None:
    """The deadline passes with the controller gone: nobody asks the host anything."""
    ready(driver, deadline_s=15)
    driver.wait_for_state("steady", 15 + 60)
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
    driver.wait_for_state("pending", 60)
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
    until = time.monotonic() + 60
    while driver.answers() != V2.version and time.monotonic() < until:
        time.sleep(0.5)
    assert driver.answers() == V2.version
    driver.back(change).or_refuse()


def test_a_host_frozen_beyond_its_deadline(driver: Driver) -> None:
    """It goes back as soon as it is thawed; a confirm that comes first is refused."""
    change, _old = ready(driver, deadline_s=15)
    left_s = driver.service()["deadline_in_s"]
    driver.host.freeze()
    time.sleep(left_s + 1)
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
    driver.wait_for_state("pending", 60)
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
    slow = definition(probes=[parse({**VERSION_PROBE, "over_s": 8}).doc])
    began(driver, definition=slow)
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

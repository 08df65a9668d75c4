# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps do to a service, on a host without systemd and without time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import activate, forward, reaper, revert
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Spot
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import TOKEN, Bench

Tree = dict[str, Any]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host on which release 1.0 runs, confirmed."""
    made = Bench(tmp_path)
    made.deploy("1.0")
    return made


def snapshot(bench: Bench) -> Tree:
    """Everything on the disk, with contents."""
    return {
        str(path.relative_to(bench.top)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in bench.top.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def refusal(act: Any, *arguments: Any, **named: Any) -> Refusal:
    """What refuses a step."""
    with pytest.raises(Refusal) as caught:
        act(*arguments, **named)
    return caught.value


def test_activate_and_confirm(bench: Bench) -> None:
    """A good release becomes current, is ready until confirmed, and then permanent."""
    change, release = bench.new_change(), bench.release("2.0")
    answer = bench.begin(change, release)
    assert (answer["changed"], answer["service"]["state"]) == (True, "pending")
    bench.run_effects()
    answer = bench.begin(change, release, previous="absent", fence=0)
    assert (answer["changed"], answer["service"]["state"], answer["service"]["deadline_in_s"]) == (False, "ready", 17)
    assert "switch_ms" in answer["timings"]
    stands = bench.confirm(change)["service"]
    assert (stands["state"], stands["current"], stands["change"]) == ("steady", release["id"], change)
    assert not bench.confirm(change)["changed"]
    assert bench.units.runs == release["id"]


def test_confirm_wants_the_token(bench: Bench) -> None:
    """Only the run that began the activation can confirm it, also a second time."""
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"))
    assert refusal(bench.confirm, change).code == "STATE"
    bench.run_effects()
    assert refusal(bench.confirm, change, "cd" * 32).code == "TOKEN"
    assert refusal(bench.confirm, "CHG-2026-9999", TOKEN).code == "TOKEN"
    bench.confirm(change)
    assert refusal(bench.confirm, change, "cd" * 32).code == "TOKEN"


def test_a_failed_start_goes_back_with_its_reason(bench: Bench) -> None:
    """The host itself goes back; asked again with the same attempt it says why, and begins nothing."""
    old, release = bench.current, bench.release("2.0")
    bench.units.bad = {release["id"]}
    change = bench.new_change()
    bench.begin(change, release)
    bench.run_effects()
    assert bench.state == "reverting"
    bench.run_revert()
    error = refusal(bench.begin, change, release, previous=old)
    assert (error.code, bench.current, bench.units.runs) == ("ACTIVATION", old, old)
    assert f"went back to {old}" in error.message
    assert bench.stands["reverted"]["why"] == "web.service: did not restart"
    assert bench.units.effects is None
    assert not bench.stands["closed"]


def test_a_new_attempt_after_the_host_went_back(bench: Bench) -> None:
    """A host that went back by itself takes the same change again, with a new token."""
    old, release, change = bench.current, bench.release("2.0"), bench.new_change()
    bench.units.bad = {release["id"]}
    bench.begin(change, release)
    bench.run_effects()
    bench.run_revert()
    bench.units.bad = set()
    assert bench.begin(change, release, previous=old, token_sha256="0" * 64)["changed"]


def test_probes_decide(bench: Bench) -> None:
    """A release that runs and answers wrongly is taken back like one that does not run."""
    old, release = bench.current, bench.release("2.0")
    bench.watch.unwell = {release["id"]}
    bench.begin(bench.new_change(), release)
    bench.run_effects()
    bench.run_revert()
    assert (bench.current, bench.stands["reverted"]["code"]) == (old, "PROBE")


def test_the_reaper_takes_back_what_nobody_confirms(bench: Bench) -> None:
    """After the deadline confirm is refused even before the reaper ran; then the host goes back."""
    old, change = bench.current, bench.new_change()
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    (deadline_ms,) = bench.units.armed
    bench.clock.ms = deadline_ms
    assert bench.stands["overdue"]
    assert refusal(bench.confirm, change).code == "DEADLINE"
    reaper.reap(bench.host, "web", deadline_ms)
    assert refusal(bench.confirm, change).code == "STATE"
    bench.run_revert()
    assert (bench.current, bench.stands["reverted"]["code"]) == (old, "DEADLINE")
    reaper.reap(bench.host, "web", deadline_ms)
    assert not bench.units.armed


def test_an_early_timer_changes_nothing(bench: Bench) -> None:
    """A timer that fires before the deadline stays armed."""
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.run_effects()
    (deadline_ms,) = bench.units.armed
    bench.clock.ms = deadline_ms - 1
    reaper.reap(bench.host, "web", deadline_ms)
    assert (bench.state, bench.units.armed) == ("ready", {deadline_ms})


def test_a_timer_that_looks_while_an_activation_begins_stays(bench: Bench) -> None:
    """It is armed before the state is pending, and must not take itself for a leftover."""
    deadline_ms = bench.clock.ms + 17_000
    bench.units.arm("web", deadline_ms, 17_000)
    reaper.reap(bench.host, "web", deadline_ms)
    assert bench.units.armed == {deadline_ms}
    bench.clock.ms = deadline_ms
    reaper.reap(bench.host, "web", deadline_ms)
    assert not bench.units.armed


def test_renew_moves_the_deadline_up_to_its_end(bench: Bench) -> None:
    """A renewal has a timer of its own, and never passes the end that was set at begin."""
    change, began_ms = bench.new_change(), bench.clock.ms
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    assert bench.renew(change, 50)["changed"]
    assert bench.units.armed == {bench.clock.ms + 50_000}
    assert not bench.renew(change, 10)["changed"]
    bench.renew(change, 5_000)
    assert bench.units.armed == {began_ms + 100_000}
    assert refusal(bench.renew, change, 5, "cd" * 32).code == "TOKEN"
    bench.confirm(change)
    assert not bench.renew(change, 5)["changed"]


def test_an_activation_that_thaws_late_does_nothing(bench: Bench) -> None:
    """The switch re-reads the state under the lock: one that was frozen beyond its time switches no more."""
    old = bench.current
    bench.begin(bench.new_change(), bench.release("2.0"))
    frozen = forward.Forward(bench.host, Spot(bench.host, "web").view)
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    bench.run_revert()
    before = snapshot(bench)
    assert refusal(frozen.run).code == "STATE"
    assert (before, old) == (snapshot(bench), bench.current)


def test_an_activation_that_thaws_into_another_one_does_nothing(bench: Bench) -> None:
    """Nor does it switch when another activation of the same service is pending meanwhile."""
    bench.begin(bench.new_change(), bench.release("2.0"))
    frozen = forward.Forward(bench.host, Spot(bench.host, "web").view)
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    bench.run_revert()
    bench.begin(bench.new_change(), bench.release("3.0"))
    before = snapshot(bench)
    assert refusal(frozen.run).code == "STATE"
    assert before == snapshot(bench)


def test_effects_that_end_without_a_result_go_back(bench: Bench) -> None:
    """Killed, or beyond its time: the unit's end says so itself."""
    bench.begin(bench.new_change(), bench.release("2.0"))
    assert bench.units.effects is not None
    forward.ended(bench.host, *bench.units.effects, result="timeout")
    bench.run_revert()
    assert "systemd: timeout" in bench.stands["reverted"]["why"]
    forward.ended(bench.host, "web", "0" * 16, result="success")
    assert bench.state == "steady"


def test_going_back_fails_three_times_and_then_waits_for_people(bench: Bench) -> None:
    """No loop: after three attempts the service is failed; only an operator's back tries again."""
    old, change = bench.current, bench.new_change()
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    bench.units.bad = {old}
    bench.back(change, operator=False)
    bench.run_revert()
    assert (bench.state, bench.current, len(bench.stands["attempts"])) == ("failed", old, 3)
    assert refusal(bench.back, change, operator=False).code == "REVERT_FAILED"
    bench.units.bad = set()
    bench.back(change)
    bench.run_revert()
    assert (bench.state, bench.units.runs) == ("steady", old)
    assert refusal(bench.begin, change, bench.release("2.0"), token_sha256="0" * 64).code == "CLOSED"


def test_out_of_failed_leads_a_new_change_too(bench: Bench) -> None:
    """A change that mends what went wrong may be activated; its own way back leads to the last steady state."""
    old, bad = bench.current, bench.new_change()
    bench.begin(bad, bench.release("2.0"))
    bench.run_effects()
    bench.units.bad = {old}
    bench.back(bad)
    bench.run_revert()
    assert bench.state == "failed"
    change = bench.deploy("3.0")
    assert (bench.state, bench.stands["change"]) == ("steady", change)
    bench.units.bad = set()
    bench.back(change)
    bench.run_revert()
    assert (bench.current, bench.units.runs) == (old, old)


def test_back_closes_the_change_everywhere(bench: Bench) -> None:
    """Also where it did nothing, so that a rollout that still runs elsewhere cannot go on."""
    change = bench.new_change()
    answer = bench.back(change)
    assert (answer["changed"], answer["closed"], answer["service"]["state"]) == (True, True, "steady")
    assert not bench.back(change)["changed"]
    assert refusal(bench.begin, change, bench.release("2.0")).code == "CLOSED"


def test_a_host_that_failed_in_a_change_that_goes_on_is_tried_again(bench: Bench) -> None:
    """It goes back without closing the change; closing it later is still the end of it there."""
    old, release, change = bench.current, bench.release("2.0"), bench.new_change()
    bench.begin(change, release)
    bench.run_effects()
    assert not bench.back(change, operator=False, closes=False)["closed"]
    bench.run_revert()
    assert (bench.current, bench.stands["closed"]) == (old, [])
    assert not bench.back(change, operator=False, closes=False)["changed"]
    assert bench.begin(change, release, previous=old, token_sha256="0" * 64)["changed"]
    bench.run_effects()
    assert bench.back(change)["closed"]
    bench.run_revert()
    assert refusal(bench.begin, change, release, previous=old, token_sha256="1" * 64).code == "CLOSED"


def test_what_would_close_is_said_only_where_it_would(bench: Bench) -> None:
    """Check mode of a host that only goes back names no closing."""
    change = bench.new_change()
    assert bench.back(change, check=True)["would"] == [f"close {change}"]
    assert bench.back(change, check=True, closes=False)["would"] == []


def test_closing_needs_no_space_where_the_change_was_active(bench: Bench) -> None:
    """Its marker was made before the first effect."""
    old, change = bench.current, bench.new_change()
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    bench.disk.full = True
    bench.back(change)
    bench.run_revert()
    assert (bench.current, bench.stands["closed"]) == (old, [change])


def test_an_operator_takes_back_a_confirmed_change(bench: Bench) -> None:
    """For days; the change before it can be taken back after that, down to nothing."""
    old, first = bench.current, bench.stands["change"]
    second = bench.deploy("2.0")
    assert refusal(bench.back, first).code == "NOT_OURS"
    bench.back(second)
    bench.run_revert()
    assert (bench.current, bench.units.runs, bench.stands["change"]) == (old, old, first)
    bench.back(first)
    bench.run_revert()
    assert (bench.current, bench.units.runs, bench.units.enabled) == ("absent", None, "disabled")
    assert bench.stands["reverted"]["change"] == first


def test_a_rollout_that_lost_its_lease_takes_nothing_back(bench: Bench) -> None:
    """What a later run has confirmed stays, and the change stays open; with the newest number, or by people, it goes back."""
    change = bench.deploy("2.0")
    fence = bench.stands["fence"]
    refused = refusal(bench.back, change, operator=False, fence=fence - 1)
    assert (refused.code, bench.state, bench.stands["closed"]) == ("FENCED", "steady", [])
    assert f"lease number {fence - 1} is older than {fence}" in refused.message
    bench.back(change, operator=False, fence=fence)
    assert bench.state == "reverting"


def test_back_ends_with_its_time(bench: Bench) -> None:
    """After back_until an earlier release is a new change."""
    change = bench.deploy("2.0")
    bench.clock.wall = "2026-12-01T00:00:01Z"
    assert refusal(bench.back, change).code == "BACK_UNTIL"


def test_back_to_a_damaged_release_is_refused(bench: Bench) -> None:
    """A confirmed change is taken back only to a release that is intact."""
    old, change = bench.current, bench.deploy("2.0")
    Path(bench.root, "releases", old, "VERSION").write_text("tampered")
    error = refusal(bench.back, change)
    assert (error.code, bench.state) == ("TREE", "steady")
    assert "VERSION" in error.message


def test_a_tampered_release_is_not_activated(bench: Bench) -> None:
    """What was changed between staging and switch is found."""
    release = bench.release("2.0")
    Path(bench.root, "releases", release["id"], "extra").write_text("x")
    error = refusal(bench.begin, bench.new_change(), release)
    assert (error.code, bench.state, bench.units.armed) == ("TREE", "steady", set())
    assert "extra" in error.message


def test_one_service_at_a_time(bench: Bench) -> None:
    """While one service switches, another waits; once it is ready, it does not."""
    other = bench.definition(service="worker", root=str(bench.top / "other"), unit="worker.service")
    os.makedirs(bench.top / "other" / "releases")
    bench.begin(bench.new_change(), bench.release("2.0"))
    release = bench.release("2.0")
    asked = {"definition": other, "previous": "absent"}
    error = refusal(bench.begin, "CHG-2026-0900", release, **asked)
    assert (error.code, error.facts["holder"]) == ("BUSY", "web")
    began_ms = bench.clock.ms
    assert refusal(bench.begin, "CHG-2026-0900", release, wait_s=5, **asked).code == "BUSY"
    assert bench.clock.ms - began_ms == 5_000
    sleep = bench.clock.sleep

    def until_ready(seconds: float) -> None:
        sleep(seconds)
        bench.run_effects()

    bench.clock.sleep = until_ready  # type: ignore[method-assign]
    assert "was never staged here" in refusal(bench.begin, "CHG-2026-0900", release, wait_s=5, **asked).message
    assert bench.clock.ms - began_ms < 6_000
    bench.run_effects()
    assert "was never staged here" in refusal(bench.begin, "CHG-2026-0900", release, **asked).message


def test_services_do_not_overlap(bench: Bench) -> None:
    """Two services share neither unit nor root."""
    other = bench.definition(service="worker")
    release = bench.release("2.0")
    Path(bench.host.paths.manifests("worker")).mkdir(parents=True)
    source = Path(bench.host.paths.manifest("web", release["id"]))
    Path(bench.host.paths.manifest("worker", release["id"])).write_bytes(source.read_bytes())
    error = refusal(bench.begin, "CHG-2026-0900", release, definition=other)
    assert (error.code, bench.units.armed) == ("DATA", set())
    assert "overlap those of service web" in error.message


def test_a_service_does_not_move(bench: Bench) -> None:
    """Another unit would leave the old one running."""
    error = refusal(
        bench.begin, bench.new_change(), bench.release("2.0"), definition=bench.definition(unit="other.service")
    )
    assert (error.code, "cannot move yet" in error.message) == ("UNSUPPORTED", True)


@pytest.mark.parametrize(
    ("runs", "enabled", "refers", "allowed"),
    [
        (None, "disabled", False, True),
        (None, "enabled", True, True),
        (None, "static", True, True),
        (None, "enabled", False, False),
        ("elsewhere", "disabled", True, False),
        ("elsewhere", "enabled", False, False),
    ],
)
def test_a_first_deployment_takes_nothing_over(
    tmp_path: Path, runs: str | None, enabled: str, refers: bool, allowed: bool
) -> None:
    """What runs already, or starts at boot from elsewhere, is refused before anything changes."""
    bench = Bench(tmp_path)
    bench.units.runs, bench.units.enabled, bench.units.refers_to_current = runs, enabled, refers
    release = bench.release("1.0")
    if allowed:
        assert bench.begin(bench.new_change(), release)["changed"]
        return
    before = snapshot(bench)
    assert refusal(bench.begin, bench.new_change(), release).code == "RUNS_ELSEWHERE"
    assert (before, bench.units.armed) == (snapshot(bench), set())


@pytest.mark.parametrize("enabled", ["enabled", "disabled", "static"])
def test_going_back_from_a_first_deployment_restores_the_enablement(tmp_path: Path, enabled: str) -> None:
    """A first deployment enables a disabled unit; going back leaves it as it was found."""
    bench = Bench(tmp_path)
    bench.units.enabled = enabled
    bench.deploy("1.0")
    assert bench.units.enabled == ("static" if enabled == "static" else "enabled")
    bench.back("CHG-2026-0001")
    bench.run_revert()
    assert (bench.units.enabled, bench.current, bench.units.runs) == (enabled, "absent", None)


def test_an_older_lease_number_is_refused_also_after_going_back(bench: Bench) -> None:
    """The highest number seen is in every state that an activation may become."""
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"), fence=50)
    bench.run_effects()
    bench.back(change)
    bench.run_revert()
    assert refusal(bench.begin, bench.new_change(), bench.release("2.0"), fence=49).code == "FENCED"


@pytest.mark.parametrize("step", ["activate", "confirm", "back"])
def test_check_mode_writes_nothing(bench: Bench, step: str) -> None:
    """It says what would happen, and the disk is byte for byte what it was."""
    change, release = bench.new_change(), bench.release("2.0")
    if step == "confirm":
        bench.begin(change, release)
        bench.run_effects()
    before = snapshot(bench)
    if step == "activate":
        answer = bench.begin(change, release, check=True)
    elif step == "back":
        answer = bench.back(bench.stands["change"], check=True)
    else:
        from ansible_collections.tidegate.deploy.plugins.module_utils.host import confirm

        asked = {"check": True, "service": "web", "change": change, "token": TOKEN}
        answer = confirm.step(bench.host, asked)
    assert (answer["changed"], bool(answer["would"])) == (True, True)
    assert before == snapshot(bench)


def test_retention_keeps_what_is_needed_and_the_newest(bench: Bench) -> None:
    """Active, previous, and whatever a way back leads to stay; with keep 1 all else goes."""
    for version in ("2.0", "3.0", "4.0"):
        bench.deploy(version)
    bench.clock.wall = "2027-01-01T00:00:00Z"  # no way back is open any more
    bench.run_prune()
    left = sorted(os.listdir(os.path.join(bench.root, "releases")))
    assert [name.partition("-")[0] for name in left] == ["3.0", "4.0"]
    assert sorted(os.listdir(bench.host.paths.manifests("web"))) == [f"{name}.json" for name in left]
    assert not [name for name in os.listdir(bench.root) if name.startswith((".back-", ".next-"))]
    assert not bench.host.journal("web").activations()


def test_retention_keeps_every_open_way_back(bench: Bench) -> None:
    """As long as a change may be taken back, and those before it after that, their releases stay."""
    changes = [bench.deploy(version) for version in ("2.0", "3.0", "4.0")]
    bench.run_prune()
    for change in reversed(changes):
        bench.back(change)
        bench.run_revert()
        bench.run_prune()
    assert bench.current.startswith("1.0-")


def test_nothing_is_pruned_while_something_is_under_way(bench: Bench) -> None:
    """Retention waits for a steady state."""
    bench.begin(bench.new_change(), bench.release("2.0"))
    assert bench.run_prune() == []


def test_a_failure_before_the_switch_does_not_restart_the_old_release(bench: Bench) -> None:
    """The old release never stopped: it is probed and undrained, not restarted."""
    hook = {"command": ["/bin/false"], "user": None, "timeout_s": 60}
    doc = bench.definition(hooks={"before": hook, "after": None})
    bench.units.calls.clear()
    bench.begin(bench.new_change(), bench.release("2.0"), definition=doc)
    bench.run_effects()
    bench.run_revert()
    assert (bench.state, bench.units.calls) == ("steady", [])
    assert "hook before: exit status 1" in bench.stands["reverted"]["why"]


def test_hooks_know_what_they_are_for(bench: Bench) -> None:
    """They run in the release's folder with a clean environment of ours."""
    out = bench.top / "out"
    script = f"{{ pwd; env | sort | grep -v -e ^_= -e ^SHLVL= -e ^PWD= -e ^OLDPWD=; }} > {out}"
    hook = {"command": ["/bin/sh", "-c", script], "user": None, "timeout_s": 60}
    old, release = bench.current, bench.release("2.0")
    doc = bench.definition(hooks={"before": hook, "after": None})
    bench.begin(bench.new_change(), release, definition=doc)
    bench.run_effects()
    folder, *environment = out.read_text().splitlines()
    assert folder == os.path.join(bench.root, "releases", release["id"])
    named = dict(line.split("=", 1) for line in environment)
    assert {
        "TIDEGATE_SERVICE": "web",
        "TIDEGATE_RELEASE": release["id"],
        "TIDEGATE_PREVIOUS": old,
    }.items() <= named.items()
    others = set(named) - {"TIDEGATE_SERVICE", "TIDEGATE_RELEASE", "TIDEGATE_PREVIOUS"}
    assert others == {"PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL"}


def test_draining_by_file_is_undone_in_every_case(bench: Bench) -> None:
    """The file is there while the new release is probed, and gone at the end, whichever way it ends."""
    file = bench.top / "drain"
    doc = bench.definition(drain={"file": str(file), "wait_s": 0, "closes": None})
    seen = []
    probe = bench.watch.probe

    def watching(*arguments: Any) -> Any:
        seen.append(file.exists())
        return probe(*arguments)

    bench.watch.probe = watching  # type: ignore[method-assign]
    change, release = bench.new_change(), bench.release("2.0")
    bench.begin(change, release, definition=doc)
    bench.run_effects()
    assert (seen, file.exists()) == ([True], False)
    bench.confirm(change)
    bench.watch.unwell = {bench.release("3.0")["id"]}
    bench.begin(bench.new_change(), bench.release("3.0"), definition=doc)
    bench.run_effects()
    assert file.exists()
    bench.run_revert()
    assert (bench.current, file.exists()) == (release["id"], False)


def test_a_runner_that_is_started_for_nothing_does_nothing(bench: Bench) -> None:
    """Triggers may come twice."""
    before = snapshot(bench)
    revert.run(bench.host, "web")
    reaper.reap_all(bench.host)
    reaper.at_boot(bench.host)
    assert before == snapshot(bench)


@pytest.mark.parametrize("content", [b"", b"{", b'{"v":2,"state":"steady"}', b'{"v":1,"state":"odd"}', b"[]"])
def test_an_unreadable_journal_is_refused_and_kept(bench: Bench, content: bytes) -> None:
    """What cannot be understood is not taken for a fresh host."""
    path = Path(bench.host.paths.journal("web"))
    path.write_bytes(content)
    error = refusal(bench.begin, bench.new_change(), bench.release("2.0"))
    assert error.code in ("HOST_ERROR", "PROTOCOL")
    assert str(path) in error.message
    assert path.read_bytes() == content


def test_one_broken_service_keeps_no_other_from_going_back_at_boot(bench: Bench, capsys: Any) -> None:
    """At boot each service is looked at for itself."""
    old = bench.current
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.run_effects()
    broken = Path(bench.host.paths.service("aaa"))
    broken.mkdir()
    (broken / "journal.json").write_text("{")
    bench.clock.boot = "other"
    reaper.at_boot(bench.host)
    assert (bench.current, bench.state) == (old, "reverting")
    reaper.after_boot(bench.host)
    assert bench.units.wants_revert
    assert "aaa" in capsys.readouterr().err


def test_a_current_that_is_no_link_of_ours_is_refused(bench: Bench) -> None:
    """It is shown as unsafe, and nothing is put over it."""
    path = Path(bench.root, "current")
    path.unlink()
    path.symlink_to("/etc")
    assert bench.stands["current"] == "unsafe"
    assert refusal(bench.begin, bench.new_change(), bench.release("2.0"), previous="absent").code == "UNSAFE_PATH"
    assert os.readlink(path) == "/etc"


def test_a_runner_whose_start_was_lost_is_started_by_the_next_step(bench: Bench) -> None:
    """Whoever turned may have died before it could."""
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.run_effects()
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    bench.units.wants_revert = False
    reaper.reap_all(bench.host)
    assert bench.units.wants_revert


def test_a_way_back_that_loses_its_runner_is_seen_by_a_timer(bench: Bench) -> None:
    """Out of steady no deadline watches, so `back` arms a timer before it moves."""
    change = bench.deploy("2.0")
    bench.units.armed.clear()
    bench.back(change)
    (deadline_ms,) = bench.units.armed
    bench.units.wants_revert = False
    bench.clock.ms = deadline_ms
    reaper.reap(bench.host, "web", deadline_ms)
    assert bench.units.wants_revert
    bench.run_revert()
    reaper.reap(bench.host, "web", deadline_ms)
    assert not bench.units.armed


def test_a_way_back_that_is_refused_leaves_no_timer(bench: Bench) -> None:
    """Nothing moved, so nothing is to be watched."""
    change = bench.deploy("2.0")
    bench.units.armed.clear()
    bench.clock.wall = "2027-01-01T00:00:00Z"
    assert refusal(bench.back, change).code == "BACK_UNTIL"
    assert not bench.units.armed


@pytest.mark.parametrize("target", ["/elsewhere/x", "releases", "../x"])
def test_a_current_that_somebody_changed_is_mended_by_going_back(bench: Bench, target: str) -> None:
    """By timer and by boot."""
    old = bench.current
    path = Path(bench.root, "current")

    def by_timer() -> None:
        bench.clock.sleep(60)
        reaper.reap_all(bench.host)
        bench.run_revert()

    for recovers in (by_timer, bench.boot):
        bench.begin(bench.new_change(), bench.release("2.0"))
        bench.run_effects()
        path.unlink()
        path.symlink_to(target)
        recovers()
        assert (bench.state, bench.current, bench.units.runs) == ("steady", old, old)


def test_an_activation_never_goes_forward_after_its_deadline(bench: Bench) -> None:
    """One that thaws after its time does not switch, even before anybody turned it."""
    old = bench.current
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.clock.sleep(60)
    bench.run_effects()
    bench.run_revert()
    assert (bench.state, bench.current, bench.stands["reverted"]["code"]) == ("steady", old, "DEADLINE")
    assert "restart web.service" not in bench.units.calls[1:]


def test_effects_that_end_after_the_deadline_do_not_make_ready(bench: Bench) -> None:
    """The last look is under the lock."""
    undrain = forward.Forward._undrain
    try:
        forward.Forward._undrain = lambda self: bench.clock.sleep(60)  # type: ignore[method-assign]
        bench.begin(bench.new_change(), bench.release("2.0"))
        bench.run_effects()
    finally:
        forward.Forward._undrain = undrain  # type: ignore[method-assign]
    assert bench.state == "reverting"
    bench.run_revert()
    assert bench.stands["reverted"]["code"] == "DEADLINE"


def test_a_change_that_was_closed_cannot_be_confirmed(bench: Bench) -> None:
    """Whoever takes it back may die between closing it and moving; confirming would make it permanent."""
    change, old = bench.new_change(), bench.current
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    journal = bench.host.journal("web")
    journal.close(change, bench.stands["aid"])
    assert refusal(bench.confirm, change).code == "CLOSED"
    assert refusal(bench.renew, change, 50).code == "CLOSED"
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    bench.run_revert()
    assert (bench.state, bench.current) == ("steady", old)


def test_a_change_that_was_closed_does_not_become_ready(bench: Bench) -> None:
    """Its effects end in going back."""
    change, old = bench.new_change(), bench.current
    bench.begin(change, bench.release("2.0"))
    bench.host.journal("web").close(change, bench.stands["aid"])
    bench.run_effects()
    bench.run_revert()
    assert (bench.state, bench.current, bench.stands["reverted"]["code"]) == ("steady", old, "CLOSED")


def test_an_error_that_nobody_thought_of_counts_as_an_attempt_to_go_back(bench: Bench, capsys: Any) -> None:
    """Three of them end in failed; no runner starts again and again for ever."""
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()

    def breaks(*_arguments: Any) -> None:
        raise TypeError("what nobody thought of")

    bench.watch.probe = breaks  # type: ignore[method-assign,assignment]
    bench.back(change)
    bench.run_revert()
    assert (bench.state, len(bench.stands["attempts"])) == ("failed", 3)
    assert "TypeError: what nobody thought of" in bench.stands["attempts"][0]
    assert "Traceback" in capsys.readouterr().err


def test_failed_canaries_do_not_pile_up(bench: Bench) -> None:
    """Retention runs after going back, too."""
    for number in range(2, 8):
        release = bench.release(f"{number}.0")
        bench.watch.unwell.add(release["id"])
        bench.begin(bench.new_change(), release)
        bench.run_effects()
        bench.units.wants_prune = False
        bench.run_revert()
        assert bench.units.wants_prune
        bench.run_prune()
    left = os.listdir(os.path.join(bench.root, "releases"))
    assert sorted(name.partition("-")[0] for name in left) == ["1.0", "7.0"]
    assert len(bench.host.journal("web").activations()) == 2


def test_retention_touches_only_what_it_has_renamed(bench: Bench, monkeypatch: Any) -> None:
    """Removing files takes long; a release that is staged meanwhile keeps its manifest."""
    for version in ("2.0", "3.0"):
        bench.deploy(version)
    bench.clock.wall = "2027-01-01T00:00:00Z"
    remove, staged = shutil.rmtree, []

    def slowly(path: str, **options: Any) -> None:
        staged.append(bench.release("4.0")["id"])
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", slowly)
    (doomed,) = bench.run_prune()
    assert os.path.exists(bench.host.paths.manifest("web", staged[0]))
    assert not os.path.exists(bench.host.paths.manifest("web", doomed))


def test_retention_removes_what_it_left_when_it_was_cut_off(bench: Bench) -> None:
    """Also when a release of that name came and went again."""
    old = bench.current
    for version in ("2.0", "3.0"):
        bench.deploy(version)
    bench.clock.wall = "2027-01-01T00:00:00Z"
    releases = Path(bench.root, "releases")
    shutil.copytree(releases / old, releases / f".gone-{old}")
    assert bench.run_prune() == [old]
    assert not [path.name for path in releases.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("content", [b"", b"{"])
def test_retention_reads_only_what_is_needed(bench: Bench, content: bytes) -> None:
    """What a power cut left of an activation that never began is removed, not read."""
    bench.deploy("2.0")
    torn = Path(bench.host.paths.activation("web", "0123456789abcdef"))
    torn.mkdir()
    (torn / "steady-old").write_bytes(content)
    bench.run_prune()
    assert not torn.exists()


def test_a_release_that_retention_removes_is_not_activated(bench: Bench, monkeypatch: Any) -> None:
    """It is looked for once more under the lock; `current` never dangles."""
    release = bench.release("1.0")
    for version in ("2.0", "3.0"):
        bench.deploy(version)
    bench.clock.wall = "2027-01-01T00:00:00Z"
    begin = activate._begin

    def after_retention(*arguments: Any) -> Any:
        assert bench.run_prune() == [release["id"]]
        return begin(*arguments)

    monkeypatch.setattr(activate, "_begin", after_retention)
    current = bench.current
    error = refusal(bench.begin, bench.new_change(), release)
    assert (error.code, bench.state, bench.current, bench.units.armed) == ("TREE", "steady", current, set())
    assert "was removed meanwhile; stage it again" in error.message


def test_a_renewal_that_comes_too_late_leaves_no_timer(bench: Bench, monkeypatch: Any) -> None:
    """Its timer is armed before the lock is taken, and taken back when the state has moved."""
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"))
    bench.run_effects()
    before = set(bench.units.armed)
    arm = bench.units.arm

    def arm_slowly(*arguments: Any) -> None:
        monkeypatch.setattr(bench.units, "arm", lambda *_: None)
        arm(*arguments)
        bench.back(change)

    monkeypatch.setattr(bench.units, "arm", arm_slowly)
    assert refusal(bench.renew, change, 50).code == "STATE"
    assert bench.units.armed == before


def test_a_way_back_that_retention_removed_is_refused(bench: Bench) -> None:
    """A wall clock that jumped ahead and came back; nothing is closed by it."""
    change = bench.deploy("2.0")
    bench.clock.wall = "2028-01-01T00:00:00Z"
    bench.run_prune()
    bench.clock.wall = "2026-11-02T00:00:00Z"
    error = refusal(bench.back, change)
    assert (error.code, bench.state, bench.stands["closed"]) == ("BACK_UNTIL", "steady", [])
    assert "was removed when its time was over" in error.message


def test_the_change_that_was_closed_last_is_remembered_longest(bench: Bench) -> None:
    """However long ago its marker was prepared."""
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"))
    marker = Path(bench.host.paths.activation("web", bench.stands["aid"]), "closed")
    os.utime(marker, (1, 1))
    journal = bench.host.journal("web")
    for number in range(1000, 1100):
        journal.close(f"CHG-2026-{number}", None)
    bench.back(change)
    assert change in bench.stands["closed"]
    assert len(bench.stands["closed"]) == 100


def test_where_a_unit_waits_for_its_first_deployment(tmp_path: Path, monkeypatch: Any) -> None:
    """An enabled unit of `<root>/current` that systemd starts in vain is not taken over: it is what is deployed."""
    bench = Bench(tmp_path)
    bench.units.enabled, shown = "enabled", bench.units.properties
    waits = {"ActiveState": "activating", "SubState": "auto-restart"}
    monkeypatch.setattr(bench.units, "properties", lambda *asked: {**shown(*asked), **waits})
    release = bench.release("1.0")
    assert bench.begin(bench.new_change(), release, check=True)["changed"]
    assert bench.begin(bench.new_change(), release)["changed"]

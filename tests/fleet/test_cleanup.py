# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet leaves the machine as it found it: after down, after a failed up, and after its builder was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fleet.conftest import CHECKOUT
from fleet.machine_state import machine_state

from lab import fleet as fleets
from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host
from lab.state import RUN

BUILDER = [sys.executable, "-m", "lab", "up", "3"]
STAGES = {
    "state written": "state.json",
    "network begun": "network/web1",
    "disks begun": "hosts/web1/disk/upper",
    "identity of the last": "hosts/web3/root/etc/machine-id",
    "booting": "hosts/web1/console.log",
    "all booting": "hosts/web3/console.log",
    "up": "up",
}


def test_down_leaves_no_trace(fleet_name: str) -> None:
    """Mounts, links, groups, files, processes and kernel settings are the same before up and after down."""
    before = machine_state(fleet_name)

    fleet = Fleet.up(2, fleet_name)
    fleet.balance("web1")
    fleet["web1"].rate("10mbit")
    fleet["web2"].freeze()
    during = machine_state(fleet_name)
    fleet.down()

    assert during.mounts > before.mounts
    assert during.links > before.links
    assert during.groups > before.groups
    assert during.processes > before.processes
    assert machine_state(fleet_name) == before


@pytest.mark.parametrize("file", STAGES.values(), ids=STAGES)
def test_killed_builder_leaves_what_down_removes(fleet_name: str, file: str) -> None:
    """SIGKILL of the builder at any stage: one down, at once, and the machine is as before."""
    before = machine_state(fleet_name)
    _kill_builder_when(RUN / fleet_name / file, fleet_name)

    fleets.down(fleet_name)

    assert machine_state(fleet_name) == before


def test_interrupted_builder_cleans_up_itself(fleet_name: str) -> None:
    """SIGTERM of the builder: it removes what it made before it ends, and says by its status that it was interrupted."""
    before = machine_state(fleet_name)
    builder = _start_builder(fleet_name)
    _wait_until((RUN / fleet_name / STAGES["booting"]).exists)
    builder.terminate()

    assert builder.wait(timeout=120) == 130
    assert machine_state(fleet_name) == before


def test_fleets_live_side_by_side(fleet_name: str) -> None:
    """Two fleets have networks of their own; one goes down and the other does not notice."""
    with Fleet.up(1, fleet_name) as one:
        with Fleet.up(1, f"{fleet_name}-b") as other:
            assert one.controller != other.controller
            assert other["web1"].ssh("hostname -I").stdout.split() == [other["web1"].address]
        assert one["web1"].ssh("true").returncode == 0


def test_up_after_a_crash_begins_anew(fleet_name: str) -> None:
    """Up removes what a killed builder of the same name left, and its hosts answer."""
    _kill_builder_when(RUN / fleet_name / STAGES["booting"], fleet_name)

    with Fleet.up(1, fleet_name) as fleet:
        assert fleet["web1"].ssh("hostname").stdout == "web1\n"


def test_failed_up_leaves_no_trace(fleet_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not come up ends the whole up, with what it said, and nothing stays."""
    before = machine_state(fleet_name)
    monkeypatch.setattr(
        Host, "wait_ready", lambda host: (_ for _ in ()).throw(LabError(f"{host.name} did not come up"))
    )

    with pytest.raises(LabError, match="did not come up"):
        Fleet.up(2, fleet_name)

    assert machine_state(fleet_name) == before


def test_down_of_nothing_does_nothing(fleet_name: str) -> None:
    """Down where no fleet is succeeds, also twice."""
    before = machine_state(fleet_name)

    fleets.down(fleet_name)
    fleets.down(fleet_name)

    assert machine_state(fleet_name) == before


def test_second_up_of_a_running_fleet_is_refused(fleet_name: str) -> None:
    """A fleet that is up is never replaced by another of its name; the message names its checkout."""
    with Fleet.up(1, fleet_name) as fleet:
        with pytest.raises(LabError, match=f"fleet {fleet_name} is up already, of {CHECKOUT}"):
            Fleet.up(1, fleet_name)

        assert fleet["web1"].ssh("true").returncode == 0


def test_killed_image_builder_leaves_neither_process_nor_mount(tmp_path: Path, fleet_name: str) -> None:
    """Building the image ends with the lab, even when that is killed; the next builder removes the half-built folder."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "TIDEGATE_LAB_CACHE": str(cache)}
    builder = _start_builder(fleet_name, environment)
    half_built = _wait_for_any(cache, "new-base-*/etc")
    builder.kill()
    builder.wait()

    _wait_until(lambda: not _processes_with(str(cache)))
    assert str(cache) not in Path("/proc/mounts").read_text()
    assert half_built.exists()


def _start_builder(name: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*BUILDER, "--name", name],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kill_builder_when(file: Path, name: str) -> None:
    builder = _start_builder(name)
    _wait_until(file.exists)
    builder.send_signal(signal.SIGKILL)
    builder.wait()


def _wait_for_any(folder: Path, pattern: str) -> Path:
    _wait_until(lambda: any(folder.glob(pattern)))
    return next(folder.glob(pattern))


def _wait_until(condition, timeout_s: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        time.sleep(0.002)


def _processes_with(word: str) -> list[str]:
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(file.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [command for command in commands if word in command]

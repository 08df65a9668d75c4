# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program is installed by digest, whole or not at all, and never under what is under way."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.module_utils.host import install
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, PowerCut

SOURCES = Path(install.__file__).resolve().parents[1]


def package(remark: str = "") -> bytes:
    """A package of the sources; a remark makes it another one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tidegate_host/__init__.py", f"# {remark}\n")
        for room in ("core", "host"):
            archive.writestr(f"tidegate_host/{room}/__init__.py", "")
            for source in sorted((SOURCES / room).glob("*.py")):
                archive.write(source, f"tidegate_host/{room}/{source.name}")
    return buffer.getvalue()


class Carried:
    """A bench and what it carries."""

    def __init__(self, top: Path) -> None:
        self.bench = Bench(top)
        self.lib = Path(self.bench.host.paths.lib)

    def install(self, data: bytes) -> tuple[bool, str]:
        """Install a package; whether it is carried now, and its digest."""
        digest = hashlib.sha256(data).hexdigest()
        descriptor = os.memfd_create("package")
        try:
            os.write(descriptor, data)
            return install.install_package(self.bench.host, descriptor, digest), digest
        finally:
            os.close(descriptor)

    @property
    def current(self) -> str:
        """The digest that callers get."""
        return os.readlink(self.lib / "current")

    def folders(self) -> set[str]:
        """What is there besides the link."""
        return {path.name for path in self.lib.iterdir()} - {"current"}


@pytest.fixture
def carried(tmp_path: Path) -> Carried:
    """A host that carries no program yet."""
    return Carried(tmp_path)


def test_a_first_installation(carried: Carried) -> None:
    """The launcher is there, runs, answers, and everything is compiled; the units name the launcher."""
    installed, digest = carried.install(package())
    assert (installed, carried.current, carried.folders()) == (True, digest, {digest})
    launcher = carried.lib / "current" / "tidegate-host"
    request = json.dumps({"protocol": PROTOCOL + 1}).encode() + b"\n"
    done = subprocess.run([launcher], input=request, capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert (answer["code"], answer["program"], answer["enforced"]) == ("PROTOCOL", digest, False)
    assert list((carried.lib / digest / "tidegate_host" / "host" / "__pycache__").glob("program.*.pyc"))
    assert launcher.read_text().startswith(f"#!{sys.executable} -IS\n")
    assert set(carried.bench.units.defined) == set(install.UNITS)
    for text in carried.bench.units.defined.values():
        assert f"ExecStart={carried.lib}/current/tidegate-host" in text


def test_the_same_again_changes_nothing(carried: Carried) -> None:
    """Installing is idempotent."""
    data = package()
    carried.install(data)
    carried.bench.disk.log.clear()
    assert carried.install(data)[0]
    assert carried.bench.disk.log == []


def test_another_one_takes_its_place_and_the_one_before_stays(carried: Carried) -> None:
    """Of older ones only the last is kept."""
    digests = [carried.install(package(remark))[1] for remark in "abc"]
    assert carried.current == digests[2]
    assert carried.folders() == set(digests[1:])


def test_a_newer_one_is_kept(carried: Carried) -> None:
    """An older controller does not take a newer program away."""
    _installed, digest = carried.install(package())
    newer = ".".join(map(str, (VERSION[0] + 1, *VERSION[1:])))
    (carried.lib / digest / "version").write_text(newer)
    assert not carried.install(package("older"))[0]
    assert carried.current == digest


@pytest.mark.parametrize("state", ["pending", "ready", "reverting"])
def test_nothing_is_replaced_under_what_is_under_way(carried: Carried, state: str) -> None:
    """What began by one program ends by it."""
    _installed, digest = carried.install(package())
    bench = carried.bench
    bench.deploy("1.0")
    change = bench.new_change()
    bench.begin(change, bench.release("2.0"))
    if state != "pending":
        bench.run_effects()
    if state == "reverting":
        bench.back(change)
    assert bench.state == state
    assert not carried.install(package("other"))[0]
    assert carried.current == digest


def test_an_installation_that_is_cut_off_is_done_again(carried: Carried) -> None:
    """Before the link moves the old program answers; nothing half is ever run."""
    _installed, first = carried.install(package())
    disk = carried.bench.disk
    disk.count = 0
    second = package("second")
    carried.install(second)
    for number in range(1, disk.count + 1):
        carried.install(package(f"before {number}"))
        before = carried.current
        disk.count, disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            carried.install(second)
        assert carried.current == before
        disk.cut_at = None
        assert carried.install(second) == (True, hashlib.sha256(second).hexdigest())
    assert first != carried.current


def test_a_full_disk_says_so(carried: Carried, monkeypatch: Any) -> None:
    """The host keeps what it carries."""
    _installed, digest = carried.install(package())

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(install, "_unpack", full)
    with pytest.raises(install.Refusal, match=r"NO_SPACE: .*cannot be installed"):
        carried.install(package("other"))
    assert carried.current == digest

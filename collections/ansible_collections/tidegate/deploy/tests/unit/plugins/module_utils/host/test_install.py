# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program is installed by digest, whole or not at all, and never under what is under way."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.module_utils.host import install, units
from ansible_collections.tidegate.deploy.plugins.module_utils.host.bounded import Ended
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Host
from ansible_collections.tidegate.deploy.plugins.module_utils.host.units import Units
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, PowerCut

SOURCES = Path(install.__file__).resolve().parents[1]


def package(remark: str = "") -> bytes:
    """A package of the sources; a remark makes it another one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # entries that a ZipInfo names have no time of their own: asked again, the bytes are the same
        archive.writestr(zipfile.ZipInfo("tidegate_host/__init__.py"), f"# {remark}\n")
        for room in ("core", "host"):
            archive.writestr(zipfile.ZipInfo(f"tidegate_host/{room}/__init__.py"), "")
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
    assert launcher.read_text().startswith(f"#!{install.interpreter(carried.bench.host)} -IS\n")
    assert set(carried.bench.units.definitions) == set(install.UNITS)
    for text in carried.bench.units.definitions.values():
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
        shutil.rmtree(carried.lib / hashlib.sha256(second).hexdigest())
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
    with pytest.raises(Refusal, match=r"NO_SPACE: .*cannot be installed"):
        carried.install(package("other"))
    assert carried.current == digest


def test_a_first_contact_that_dies_is_made_good_by_the_next(carried: Carried, monkeypatch: Any) -> None:
    """A program whose units are not known to systemd does not become current; one that is current mends its units."""
    define = carried.bench.units.define

    def refuses(_definitions: Any) -> None:
        raise Refusal("HOST_ERROR", "systemctl enable: connection timed out")

    monkeypatch.setattr(carried.bench.units, "define", refuses)
    with pytest.raises(Refusal, match="timed out"):
        carried.install(package())
    assert not (carried.lib / "current").exists()
    monkeypatch.setattr(carried.bench.units, "define", define)
    carried.install(package())
    carried.bench.units.definitions = {}  # somebody disabled them
    assert carried.install(package())[0]
    assert set(carried.bench.units.definitions) == set(install.UNITS)


def test_two_first_contacts_at_once_install_once(carried: Carried, monkeypatch: Any) -> None:
    """Whoever comes second sees, under the lock, that all is done, and touches nothing that others already run."""
    lock = carried.bench.host.install_lock
    inodes = []

    def other_comes_first() -> Any:
        monkeypatch.setattr(Host, "install_lock", lambda _host: lock())
        carried.install(package())
        inodes.append((carried.lib / "current" / "tidegate-host").stat().st_ino)
        return lock()

    monkeypatch.setattr(Host, "install_lock", lambda _host: other_comes_first())
    carried.install(package())
    assert [(carried.lib / "current" / "tidegate-host").stat().st_ino] == inodes


def test_what_begins_during_an_installation_keeps_its_program(carried: Carried, monkeypatch: Any) -> None:
    """Also when the activation begins after the first look: the link does not move."""
    _installed, digest = carried.install(package())
    bench = carried.bench
    bench.deploy("1.0")

    def begin(_definitions: Any) -> None:
        bench.begin(bench.new_change(), bench.release("2.0"))

    monkeypatch.setattr(bench.units, "define", begin)
    assert not carried.install(package("other"))[0]
    assert carried.current == digest


@pytest.mark.parametrize("other", [False, True], ids=["same program", "other program"])
@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "under way"])
def test_a_python_that_is_gone_is_replaced(carried: Carried, other: bool, busy: bool) -> None:
    """The launcher names one that is there, also while something is under way: the reaper needs it most then."""
    _installed, digest = carried.install(package())
    if busy:
        carried.bench.deploy("1.0")
        carried.bench.begin(carried.bench.new_change(), carried.bench.release("2.0"))
    launcher = carried.lib / digest / "tidegate-host"
    text = launcher.read_text()
    launcher.write_text("#!/opt/gone/python3 -IS\n" + text.partition("\n")[2])
    assert carried.install(package("other" if other else ""))[0] == (not (other and busy))
    assert (launcher.read_text(), os.access(launcher, os.X_OK)) == (text, True)


def test_a_program_that_cannot_be_started_is_said_in_an_answer(carried: Carried) -> None:
    """No traceback."""
    with pytest.raises(Refusal, match=r"NO_PYTHON: .*cannot be run"):
        install.delegate(carried.bench.host, io.BytesIO(b""))


def test_a_python_that_others_can_change_does_not_run_as_root(
    carried: Carried, monkeypatch: Any, tmp_path: Path
) -> None:
    """A venv of a user is followed to the Python of root's behind it; a copy of anybody's is not taken."""
    ours = install.interpreter(carried.bench.host)
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / "link").symlink_to(ours)
    (folder / "copy").write_bytes(b"")
    folder.chmod(0o777)
    monkeypatch.setattr(sys, "executable", str(folder / "link"))
    assert install.interpreter(carried.bench.host) == os.path.realpath(ours)
    monkeypatch.setattr(sys, "executable", str(folder / "copy"))
    monkeypatch.setattr(install, "_SYSTEM_PYTHON", "/no/such/python3")
    with pytest.raises(Refusal, match=r"NO_PYTHON: .*others than root"):
        install.interpreter(carried.bench.host)


class RecordingUnits(Units):
    """Runs nothing; remembers what it would have."""

    def __init__(self, paths: Any) -> None:
        super().__init__(paths)
        self.ran: list[str] = []

    def _run(self, command: list[str], _limit_s: int) -> Ended:  # type: ignore[override]
        self.ran.append(" ".join(command[:2]))
        if command[1] == "enable":
            wants = Path(units.FOLDER, "multi-user.target.wants")
            wants.mkdir(exist_ok=True)
            (wants / command[-1]).symlink_to("anything")
        return Ended(0, b"", b"", False, 0)


def test_units_are_whole_only_when_they_start_at_boot(carried: Carried, monkeypatch: Any, tmp_path: Path) -> None:
    """Files that are equal prove nothing: whoever wrote them may have died before they were enabled."""
    monkeypatch.setattr(units, "FOLDER", str(tmp_path))
    texts = {"a.service": "[Install]\nWantedBy=multi-user.target\n", "b@.service": "[Service]\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    systemd = RecordingUnits(carried.bench.host.paths)
    assert not systemd.defined(texts)
    systemd.define(texts)
    assert systemd.ran == ["systemctl daemon-reload", "systemctl enable"]
    assert systemd.defined(texts)
    assert not systemd.defined({**texts, "b@.service": "other"})


def test_starting_takes_no_module_that_is_slow_to_load(carried: Carried) -> None:
    """`ask` and `confirm` load neither typing nor dataclasses: starting is most of what a step costs."""
    _installed, digest = carried.install(package())
    steps = ("program", "ask", "confirm", "standing", "reaper", "units", "bounded", "turn", "revert", "prune")
    imports = "; ".join(f"import tidegate_host.host.{name}" for name in steps)
    code = f"import sys; sys.path.insert(0, {str(carried.lib / digest)!r}); {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True)
    assert not {"typing", "dataclasses", "inspect", "ssl", "tarfile"} & set(done.stdout.split())
    assert "typing" not in (carried.lib / digest / "tidegate-host").read_text()

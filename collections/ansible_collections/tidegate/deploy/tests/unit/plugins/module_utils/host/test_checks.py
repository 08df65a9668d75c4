# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-checks on a real file system with a scripted systemd: facts are read right, and nothing is changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Entry, Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.host import checks
from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths
from ansible_collections.tidegate.deploy.plugins.module_utils.host.tree import Authority

LIMITS = {"drain_s": 1, "hook_s": 1, "restart_s": 1, "probe_s": 2, "confirm_s": 1}
CONTENT = b"#!/bin/sh\n"
MANIFEST = Manifest.of(
    [
        Entry("bin", "dir", 0o755),
        Entry("bin/web", "file", 0o755, len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),
    ]
)
RELEASE = f"2.3.0-{MANIFEST.digest[:12]}"
GENEROUS = {
    "disk_free_bytes": 0,
    "inodes_free": 0,
    "memory_available_bytes": 0,
    "load_per_cpu": 10**6,
}


class Manager(checks.Manager):
    """A systemd with one unit."""

    def __init__(self) -> None:
        self.unit = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            "UnitFileState": "enabled",
            "Type": "simple",
            "NRestarts": "0",
            "MainPID": "42",
            "ExecMainStatus": "0",
            "Result": "success",
        }
        self.failed_units: list[str] = []
        self.booted = True
        self.silent = False

    def runs(self) -> bool:
        return self.booted

    def properties(self, _unit: str, names: list[str], _timeout_s: float = 5) -> dict[str, str]:
        if self.silent:
            raise OSError("no answer")
        return {name: self.unit.get(name, "") for name in names}

    def failed(self) -> list[str]:
        if self.silent:
            raise OSError("no answer")
        return self.failed_units


class Bench:
    """A host in a folder."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "web"
        self.paths = Paths(state=str(tmp_path / "state"), lib=str(tmp_path / "lib"))
        self.manager = Manager()
        self.manager.unit["ExecStart"] = f"{{ path={self.root}/current/bin/web ; argv[]={self.root}/current/bin/web }}"
        authority = Authority(uid=os.geteuid(), top=str(tmp_path), chown=False)
        self.senses = checks.Senses(manager=self.manager, authority=authority)

    def definition(self, *probes: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "service": "web",
            "root": str(self.root),
            "unit": "web.service",
            "user": None,
            "owner": "root",
            "group": "root",
            "links": {},
            "probes": list(probes),
            "limits": LIMITS,
            **more,
        }

    def deploy(self, manifest: bool = True) -> Path:
        """A release that runs, as staging and activation leave it."""
        release = self.root / "releases" / RELEASE
        (release / "bin").mkdir(parents=True)
        (release / "bin" / "web").write_bytes(CONTENT)
        (release / "bin" / "web").chmod(0o755)
        for folder in (self.root, self.root / "releases", release, release / "bin"):
            folder.chmod(0o755)
        (self.root / "current").symlink_to(f"releases/{RELEASE}")
        if manifest:
            path = Path(self.paths.manifest("web", RELEASE))
            path.parent.mkdir(parents=True)
            path.write_bytes(canonical.dumps(MANIFEST.doc))
        return release

    def check(self, definition: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
        whole = {
            "definition": definition or self.definition(),
            "release": {"id": "2.4.0-0123456789ab", "version": "2.4.0", "size_bytes": 1000, "files": 10},
            "first": False,
            "thresholds": GENEROUS,
            "controller_time": int(time.time()),
            **request,
        }
        answer = checks.precheck(whole, self.paths, self.senses)
        assert canonical.loads(canonical.dumps(answer)) == answer
        return answer

    def found(self, definition: dict[str, Any] | None = None, **request: Any) -> list[tuple[str, str, str]]:
        answer = self.check(definition, **request)
        return [(one["check"], one["level"], one["found"]) for one in answer["findings"]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host without anything."""
    tmp_path.chmod(0o755)
    return Bench(tmp_path)


@pytest.fixture
def deployed(bench: Bench) -> Bench:
    """A host on which a release runs."""
    bench.deploy()
    return bench


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """A port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _snapshot(folder: Path) -> list[tuple[str, int, int]]:
    paths = sorted(folder.rglob("*"))
    return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_mode) for path in paths]


def test_a_well_host(deployed: Bench, tmp_path: Path) -> None:
    """Nothing is found, the facts are there, and nothing was written."""
    before = _snapshot(tmp_path)
    answer = deployed.check()
    assert answer["findings"] == []
    facts = answer["facts"]
    assert facts["need"] == {"bytes": 2000, "inodes": 20}
    assert [one["holds"] for one in facts["file_systems"]] == ["releases", "state"]
    assert all(one["free_bytes"] > 0 and not one["read_only"] for one in facts["file_systems"])
    assert facts["memory_available_bytes"] > 0
    assert facts["load_centi"] >= 0
    assert facts["cpus"] > 0
    assert facts["previous"] == {"release": RELEASE, "problem": None, "proven": True}
    assert [one["ok"] for one in facts["probes"]] == [True]
    assert _snapshot(tmp_path) == before


def test_a_release_that_is_there_takes_no_more_space(deployed: Bench) -> None:
    """A resumed rollout is not refused for what it staged itself."""
    (deployed.root / "releases" / "2.4.0-0123456789ab").mkdir()
    assert deployed.check()["facts"]["need"] == {"bytes": 0, "inodes": 0}
    assert deployed.check(release=None)["facts"]["need"] == {"bytes": 0, "inodes": 0}


def test_a_disk_that_is_too_small(deployed: Bench) -> None:
    """The release twice must fit, and the message has both sizes."""
    release = {"id": "2.4.0-0123456789ab", "version": "2.4.0", "size_bytes": 2**49, "files": 2**49}
    finding, *rest = deployed.check(release=release)["findings"]
    assert (finding["check"], finding["level"]) == ("disk", "refuse")
    assert finding["expected"] == "at least 1048576.0 GiB (the release twice and what must stay free)"
    assert {one["check"] for one in rest} <= {"inodes"}


def test_a_changed_file_of_the_previous_release(deployed: Bench) -> None:
    """The way back must be intact before anyone leaves."""
    (deployed.root / "releases" / RELEASE / "bin" / "web").write_bytes(b"#!/bin/rc\n")
    ((check, level, found),) = deployed.found()
    assert (check, level) == ("previous_release", "refuse")
    assert f"{RELEASE}: not what its manifest says: bin/web: content" in found


def test_a_previous_release_without_manifest(bench: Bench) -> None:
    """Nothing proves it intact: that is said, and does not stop the change."""
    bench.deploy(manifest=False)
    ((check, level, found),) = bench.found()
    assert (check, level) == ("previous_release", "warn")
    assert found == f"no manifest of {RELEASE} is kept on the host, so nothing proves it intact"


def test_a_current_that_leads_nowhere(deployed: Bench) -> None:
    """A removed release is found before the change."""
    (deployed.root / "releases" / RELEASE).rename(deployed.root / "releases" / "gone")
    assert ("previous_release", "refuse") in [one[:2] for one in deployed.found()]


def test_the_running_release_is_judged_by_its_own_definition(deployed: Bench) -> None:
    """A new probe, user or shared link that only the new release knows does not make the old one sick."""
    release = deployed.root / "releases" / RELEASE
    (release / "config").mkdir()
    (release / "config").chmod(0o755)
    (release / "config" / "site.yml").symlink_to("/etc/web/site.yml")
    journal = {
        "v": 1,
        "service": "web",
        "state": "steady",
        "new": RELEASE,
        "new_definition": deployed.definition(links={"config/site.yml": "/etc/web/site.yml"}),
    }
    Path(deployed.paths.journal("web")).write_bytes(canonical.dumps(journal))
    with listening() as port:
        pass
    tomorrow = deployed.definition({"kind": "tcp", "port": port})
    assert deployed.found(tomorrow) == []


def test_a_sick_service_is_named_before_the_change(deployed: Bench) -> None:
    """What was broken before is not blamed on the change."""
    with listening() as port:
        pass
    deployed.manager.unit.update(ActiveState="failed", SubState="failed", Result="exit-code")
    deployed.manager.failed_units = ["web.service", "backup.service"]
    found = deployed.found(deployed.definition({"kind": "tcp", "port": port, "name": "port"}))
    assert [one[:2] for one in found] == [
        ("service_health", "refuse"),
        ("service_health", "refuse"),
        ("failed_units", "warn"),
    ]
    text = " / ".join(one[2] for one in found)
    assert "the service is already unhealthy before the change: probe 'port' found Connection refused" in text
    assert "web.service failed (failed), result exit-code" in text
    assert found[2][2] == "1 unit failed: backup.service"


def test_a_silent_systemd(deployed: Bench) -> None:
    """What cannot be asked is a finding, not a good sign."""
    deployed.manager.silent = True
    assert {one[:2] for one in deployed.found()} == {
        ("unit", "refuse"),
        ("service_health", "refuse"),
        ("failed_units", "warn"),
    }


def test_no_systemd(bench: Bench) -> None:
    """One clear finding, and nothing else is asked."""
    bench.manager.booted = False
    answer = bench.check(first=True)
    assert [one["found"] for one in answer["findings"]] == ["the host does not run systemd"]
    assert answer["facts"] == {"systemd": False, "first": True, "root": str(bench.root)}


def test_a_unit_that_is_not_there(deployed: Bench) -> None:
    """The unit must be known before a release can run in it."""
    deployed.manager.unit["LoadState"] = "not-found"
    assert ("unit", "refuse", "systemd has not loaded web.service (not-found)") in deployed.found()


def test_a_folder_that_others_can_change(deployed: Bench) -> None:
    """Whoever can rename the root can run what he likes."""
    deployed.root.chmod(0o777)
    found = [one for one in deployed.found() if one[0] == "path"]
    assert len(found) == 1
    assert f"{deployed.root}: mode 0777 found" in found[0][2]


def test_a_current_that_is_a_folder(deployed: Bench) -> None:
    """`current` must be a link of ours."""
    (deployed.root / "current").unlink()
    (deployed.root / "current").mkdir()
    assert ("path", "refuse", f"{deployed.root}/current is no link to a release of this service") in deployed.found()


def test_clocks(deployed: Bench) -> None:
    """A skew beyond the threshold is found with its direction."""
    ((check, level, found),) = deployed.found(controller_time=int(time.time()) + 3600)
    assert (check, level) == ("clock", "refuse")
    assert "behind the controller's" in found


def test_odd_proc(deployed: Bench, tmp_path: Path) -> None:
    """Memory and load that cannot be read are findings."""
    deployed.senses = checks.Senses(str(tmp_path), deployed.manager, deployed.senses.authority)
    assert {one[:2] for one in deployed.found()} == {("memory", "refuse"), ("load", "warn")}


# --- first deployment ------------------------------------------------------------------------------------------------


def _stopped(bench: Bench) -> Bench:
    bench.manager.unit.update(ActiveState="inactive", SubState="dead", UnitFileState="disabled")
    return bench


def test_a_first_deployment(bench: Bench) -> None:
    """On a host without root folder and state nothing is wrong."""
    with listening() as port:
        pass
    assert _stopped(bench).found(bench.definition({"kind": "tcp", "port": port}), first=True) == []


def test_a_port_that_another_process_holds(bench: Bench) -> None:
    """The probe would praise a stranger; each port is named once."""
    with listening() as port:
        twice = {"kind": "http", "url": f"http://127.0.0.1:{port}/"}
        definition = bench.definition({"kind": "tcp", "port": port, "name": "port"}, twice)
        found = _stopped(bench).found(definition, first=True)
    ((check, level, text),) = found
    assert (check, level) == ("ports", "refuse")
    assert text.startswith(f"port {port} is held by ")
    assert text.endswith(f"(process {os.getpid()})")


def test_a_socket_unit_may_hold_the_port(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd listens for a service that is activated by socket; for any other it is in the way."""
    from ansible_collections.tidegate.deploy.plugins.module_utils.host import ports

    monkeypatch.setattr(ports, "holder_of", lambda *_args: ports.Holder(1, "systemd"))
    probe = {"kind": "tcp", "port": 8080}
    _stopped(bench).manager.unit["TriggeredBy"] = "web.socket"
    assert bench.found(bench.definition(probe), first=True) == []
    bench.manager.unit["TriggeredBy"] = "web.timer"
    assert bench.found(bench.definition(probe), first=True) == [
        ("ports", "refuse", "port 8080 is held by systemd (process 1)")
    ]


def test_a_service_that_runs_from_elsewhere(bench: Bench) -> None:
    """It is not taken over in passing, and nothing else is in the way."""
    bench.manager.unit["ExecStart"] = "{ path=/usr/bin/web ; argv[]=/usr/bin/web }"
    ((check, level, found),) = bench.found(first=True)
    assert (check, level) == ("runs_elsewhere", "refuse")
    assert found == f"web.service is active (running) while there is no {bench.root}/current"


@pytest.mark.parametrize(
    ("exec_start", "from_root"),
    [
        ("{ path=ROOT/current/bin/web ; argv[]=ROOT/current/bin/web --x }", True),
        ("{ path=/usr/bin/java ; argv[]=/usr/bin/java -cp ROOT/current:ROOT/lib Main }", True),
        ("{ path=ROOT/current.old/bin/web ; argv[]=x }", False),
        ("{ path=ROOT/currently ; argv[]=x }", False),
        ("{ path=/usr/bin/web ; argv[]=/usr/bin/web }", False),
    ],
)
def test_whether_a_unit_names_the_root(bench: Bench, exec_start: str, from_root: bool) -> None:
    """The unit file is read as text: `<root>/current` as a whole path in it."""
    _stopped(bench).manager.unit["ExecStart"] = exec_start.replace("ROOT", str(bench.root))
    assert bench.check(first=True)["facts"]["unit"]["from_root"] is from_root


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"thresholds": {"lode": "warn"}}, "thresholds.lode: found 'lode', expected a known key; did you mean 'load'?"),
        ({"thresholds": None}, "request.thresholds: found 'None', expected a mapping"),
        ({"controller_time": "noon"}, "request.controller_time: found 'noon'"),
        ({"release": {"id": "../../x"}}, "request.id: found '../../x'"),
        ({"release": {"id": "2.4.0-0123456789ab", "files": 1}}, "request.size_bytes: found 'None'"),
    ],
)
def test_requests_that_are_wrong(deployed: Bench, request_: dict[str, Any], message: str) -> None:
    """A request is checked where it enters."""
    with pytest.raises(Refusal) as refused:
        deployed.check(**request_)
    assert refused.value.code == "DATA"
    assert message in refused.value.message

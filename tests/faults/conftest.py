# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three practice hosts per test process, with release 1.0.0 before each cell; the first cell of each row, unless FAULTS=all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from e2e.hosts import V1, Fleetful, booted  # noqa: E402
from e2e.project import Project, short_ansible_home  # noqa: E402
from faults import record  # noqa: E402
from faults.hold import Gates  # noqa: E402
from host.driver import Driver, Release  # noqa: E402

from lab import releases  # noqa: E402

HOSTS = 3
BULKY, FILES = "9.0.0", 4000


@pytest.fixture(scope="session")
def ansible_home() -> Iterator[Path]:
    """Ansible's own folder, with a short name because sockets lie in it; connections that stayed open end with it."""
    with short_ansible_home() as folder:
        yield folder


@pytest.fixture(scope="session")
def hosts() -> Iterator[Fleetful]:
    """Three booted hosts with gates; two test processes have two fleets."""
    with booted(HOSTS, "faults") as fleetful:
        for host in fleetful.fleet.hosts:
            Gates(host).install()
        yield fleetful


@pytest.fixture(scope="session")
def baseline(hosts: Fleetful) -> None:
    """Release 1.0.0 on all hosts, confirmed and kept."""
    for host in hosts.fleet.hosts:
        Driver(host).deploy(V1)
    hosts.keep_as_baseline()


@pytest.fixture(scope="session")
def bulky() -> Release:
    """A release whose unpacking takes a moment."""
    releases.build_bulky(BULKY, FILES)
    return Release.of(BULKY)


@pytest.fixture
def site(
    baseline: None, hosts: Fleetful, ansible_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project without any record, whose hosts run 1.0.0."""
    project = Project(tmp_path_factory.mktemp("site"), hosts, ansible_home)
    for host in hosts.fleet.hosts:
        Gates(host).clear()
    hosts.put_back()
    yield project
    project.stop()


# --- `make faults`: what was done with this code is not done again


KEPT = os.environ.get("FAULTS_KEPT")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cells that held."""
    if not KEPT:
        return
    held = {key for key, outcome in record.read(Path(KEPT)).items() if outcome.held}
    done = [item for item in items if _cell_of(item) in held]
    config.hook.pytest_deselected(items=done)
    items[:] = [item for item in items if item not in done]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep what became of a cell."""
    report = yield
    key = _cell_of(item)
    if KEPT and key and (report.when == "call" or (report.when == "setup" and report.failed)):
        record.add(Path(KEPT), record.Outcome(*key, report.passed, round(call.duration, 1)))
    return report


def _cell_of(item: pytest.Item) -> tuple[str, str] | None:
    parameters = getattr(item, "callspec", None)
    if parameters is None or "cell" not in parameters.params:
        return None
    return parameters.params["row"].key, parameters.params["cell"].phase

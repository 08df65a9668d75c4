# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice services behave as the releases promise, on hosts and behind HAProxy."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import releases
from lab.fleet import Fleet
from lab.host import Host
from lab.load import Load

SLOW_S = 2.0


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all practice releases."""
    place = tmp_path_factory.mktemp("releases")
    releases.build(place)
    return place


@pytest.fixture
def web(pair: Fleet, archives: Path) -> Iterator[Fleet]:
    """Both hosts run web 1.0.0; afterwards they have no release."""
    for host in pair.hosts:
        _run(host, archives, "web", "1.0.0")
    yield pair
    for host in pair.hosts:
        host.ssh("systemctl stop web worker 2>/dev/null; rm -rf /opt/web /opt/worker /run/web/drain")


def _run(host: Host, archives: Path, service: str, version: str) -> None:
    """Put a release on a host as plainly as can be, and (re)start the service."""
    archive = (archives / f"{service}-{version}.tar.gz").read_bytes()
    release = f"/opt/{service}/releases/{version}"
    host.ssh(f"mkdir -p {release} && tar -xzf - -C {release}", stdin=archive)
    host.ssh(f"ln -sfn releases/{version} /opt/{service}/current && systemctl restart {service}")


def _status(host: Host, path: str) -> int:
    return int(host.ssh(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:8080{path}").stdout)


def test_nothing_runs_before_the_first_release(pair: Fleet) -> None:
    """The units are there, neither started nor enabled; no port is open."""
    host = pair["web1"]

    for unit in ("web.service", "web.socket", "worker.service"):
        assert host.ssh(f"systemctl is-active {unit}", check=False).stdout == "inactive\n"
    assert host.ssh("systemctl is-enabled web worker", check=False).stdout == "disabled\ndisabled\n"
    assert ":8080" not in host.ssh("ss -ltn").stdout


def test_socket_comes_and_goes_with_the_service(web: Fleet) -> None:
    """The service brings its socket; stopping it closes the port again."""
    host = web["web1"]

    assert _status(host, "/health") == 200
    host.ssh("systemctl stop web")
    assert host.ssh("systemctl is-active web.socket", check=False).stdout == "inactive\n"
    assert ":8080" not in host.ssh("ss -ltn").stdout


def test_drained_host_gets_no_requests(web: Fleet) -> None:
    """While the drain file is there, health answers 404, the version is still told, and the balancer sends elsewhere."""
    url = web.balance("web1", "web2")
    host = web["web1"]
    host.ssh("touch /run/web/drain")

    assert _status(host, "/health") == 404
    assert "X-Release: 1.0.0" in host.ssh("curl -si http://127.0.0.1:8080/version").stdout
    _wait_until(lambda: {_served_by(url) for _ in range(6)} == {"web2"})
    host.ssh("rm /run/web/drain")
    _wait_until(lambda: {_served_by(url) for _ in range(6)} == {"web1", "web2"})


def _served_by(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return answer.read().decode().rpartition('"host": "')[2].partition('"')[0]


def _wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"


def test_restart_under_load_loses_no_request(web: Fleet, archives: Path) -> None:
    """Another release is started under load, without draining: each request is answered, by the old or the new one."""
    with Load(web.balance("web1", "web2"), rate=50) as load:
        for host in web.hosts:
            _run(host, archives, "web", "2.0.0")
        time.sleep(0.5)

    assert load.failed == 0, load.summary()
    assert set(load.answers) == {"1.0.0", "2.0.0"}


def test_bad_releases_of_web(web: Fleet, archives: Path) -> None:
    """3 ends by itself and is started again, 4 gives a wrong version and status, 5 answers late; all start well."""
    host = web["web1"]
    _run(host, archives, "web", "3.0.0")
    assert _status(host, "/version") == 200
    _wait_until(lambda: host.ssh("systemctl show -P NRestarts web").stdout.strip() != "0")

    _run(host, archives, "web", "4.0.0")
    assert host.ssh("curl -si http://127.0.0.1:8080/version | grep -i -e ^http -e release").stdout.split() == [
        *("HTTP/1.0", "500", "Internal", "Server", "Error"),
        *("X-Release:", "4.0.0-bad"),
    ]

    _run(host, archives, "web", "5.0.0")
    started = time.monotonic()
    assert _status(host, "/version") == 200
    assert time.monotonic() - started > SLOW_S


def test_worker_tells_its_version(web: Fleet, archives: Path) -> None:
    """The worker that runs is told by its program; 3 ends by itself, 4 tells a wrong version; a stopped one tells none."""
    host = web["web1"]
    _run(host, archives, "worker", "1.0.0")
    _wait_until(lambda: _worker(host) == "1.0.0")
    assert "worker 1.0.0 beat 1" in host.ssh("journalctl -q -u worker -o cat").stdout

    _run(host, archives, "worker", "4.0.0")
    _wait_until(lambda: _worker(host) == "4.0.0-bad")

    _run(host, archives, "worker", "3.0.0")
    _wait_until(lambda: host.ssh("systemctl show -P NRestarts worker").stdout.strip() != "0")

    host.ssh("systemctl stop worker; sleep 3.1")
    assert "is old" in host.ssh("/opt/worker/current/bin/worker --running", check=False).stderr


def _worker(host: Host) -> str:
    return host.ssh("/opt/worker/current/bin/worker --running", check=False).stdout.strip()

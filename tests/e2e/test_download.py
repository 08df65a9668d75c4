# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts that hosts download by themselves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import FEW_WAVES, Project

from lab.releases import PLACE

NAME = "web-2.0.0.tar.gz"


class Files(ThreadingHTTPServer):
    """A web server for the practice releases.

    Attributes:
        asked: who asked for what.
        to_hosts: what hosts (not the controller) get instead: a path of another place, or bytes.
    """

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Answer)
        self.asked: list[tuple[str, str]] = []
        self.to_hosts: str | bytes | None = None
        self.url = f"http://{address}:{self.server_port}"

    def who_asked(self, name: str) -> set[str]:
        """The addresses that asked for a file."""
        return {who for who, path in self.asked if path == f"/{name}"}


class _Answer(BaseHTTPRequestHandler):
    server: Files

    def do_GET(self) -> None:
        who = self.client_address[0]
        self.server.asked.append((who, self.path))
        instead = self.server.to_hosts if who != self.server.server_address[0] else None
        if self.path.startswith("/moved-to/"):
            instead = self.path.removeprefix("/moved-to/")
        if isinstance(instead, str):
            self.send_response(302)
            self.send_header("Location", instead)
            self.end_headers()
            return
        content = instead or (PLACE / self.path.rpartition("/")[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing per request."""


@pytest.fixture
def servers(hosts: Fleetful) -> Iterator[tuple[Files, Files]]:
    """Two web servers that controller and hosts reach."""
    both = Files(hosts.fleet.controller), Files(hosts.fleet.controller)
    for server in both:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    yield both
    for server in both:
        server.shutdown()
        server.server_close()


def by_url(url: str, **keys: object) -> dict[str, object]:
    """An artifact at a URL, with the right digest."""
    return {"url": url, "sha256": hashlib.sha256((PLACE / NAME).read_bytes()).hexdigest(), **keys}


def test_hosts_download_for_themselves(site: Project, hosts: Fleetful, servers: tuple[Files, Files]) -> None:
    """Each host asks the server, through a redirect to a server that the change allows; nothing is pushed."""
    one, other = servers
    moved = f"{one.url}/moved-to/{other.url}/{NAME}"

    done = site.rollout(V2, waves=FEW_WAVES, artifact=by_url(moved, allow_hosts=[other.url.removeprefix("http://")]))

    assert done.rc == 0, done.text
    assert_all_on(hosts.see(), V2)
    assert {host.address for host in hosts.fleet.hosts} <= other.who_asked(NAME)


def test_redirect_to_a_server_that_is_not_allowed(site: Project, hosts: Fleetful, servers: tuple[Files, Files]) -> None:
    """Hosts do not follow it, also where the controller got the right bytes; nothing is switched."""
    one, other = servers
    one.to_hosts = f"{other.url}/{NAME}"

    refused = site.rollout(V2, waves=FEW_WAVES, artifact=by_url(f"{one.url}/{NAME}"))

    assert refused.rc == 2, refused.text
    assert "FETCH" in refused.codes, refused.text
    assert other.url.removeprefix("http://") in refused.text
    assert other.asked == []
    assert_all_on(hosts.see(), V1)
    assert refused.of("activate") == [] or set(refused.verdicts("activate").values()) == {"skipped"}


def test_server_that_gives_hosts_other_bytes(site: Project, hosts: Fleetful, servers: tuple[Files, Files]) -> None:
    """The digest decides, on each host; nothing of it is left there."""
    one, _other = servers
    one.to_hosts = (PLACE / "web-5.0.0.tar.gz").read_bytes()
    before = hosts.see()

    refused = site.rollout(V2, waves=FEW_WAVES, artifact=by_url(f"{one.url}/{NAME}"))

    assert refused.rc == 2, refused.text
    assert "DIGEST" in refused.codes, refused.text
    after = hosts.see()
    assert {name: (seen.releases, seen.started_us) for name, seen in after.items()} == {
        name: (seen.releases, seen.started_us) for name, seen in before.items()
    }


def test_server_that_gives_the_controller_other_bytes(
    site: Project, hosts: Fleetful, servers: tuple[Files, Files]
) -> None:
    """A change whose digest is wrong ends before any host is asked."""
    one, _other = servers

    refused = site.rollout(V2, artifact={"url": f"{one.url}/{NAME}", "sha256": "0" * 64})

    assert refused.rc == 2, refused.text
    assert refused.codes == {"DIGEST"}
    assert NAME in refused.text
    assert refused.of("precheck") == []

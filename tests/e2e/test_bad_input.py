# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that people get wrong: one clear error that names the place, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from e2e.hosts import V1, V2, Fleetful
from e2e.project import Project, Result

EVERYBODY = ["web1", "web2", "web3", "web4", "web5", "web6"]
OVERLAPPING = [["web1", "web2"], ["web2", "web3"], ["web4", "web5", "web6"]]
DIGEST_OF_NOTHING = "0" * 64


def change(**keys: Any) -> dict[str, Any]:
    """Keys of a change file."""
    return keys


DATA = {
    "wrong-digest": (change(artifact={"file": "{dist}/web-2.0.0.tar.gz", "sha256": DIGEST_OF_NOTHING}), "DIGEST", ["web-2.0.0.tar.gz"]),
    "missing-artifact": (change(artifact={"file": "../dist/web.tar.gz"}), "ARTIFACT_MISSING", ["dist/web.tar.gz"]),
    "unknown-service": (change(service="wep"), "UNKNOWN_SERVICE", ["wep", "web"]),
    "overlapping-waves": (change(waves=OVERLAPPING), "WAVES", ["waves[1]", "web2"]),
    "waves-that-miss-hosts": (change(waves=[["web1"], ["web2"]]), "WAVES", ["web3"]),
    "host-not-in-inventory": (change(hosts=["web1", "web9"]), "HOSTS", ["hosts", "web9"]),
    "host-named-twice": (change(hosts=["web1", "web2", "web1"]), "HOSTS", ["hosts", "web1"]),
    "no-hosts": (change(hosts=[]), "", ["hosts"]),
    "pattern-that-matches-none": (change(hosts="db*"), "HOSTS", ["db*"]),
    "unknown-key": (change(relase="2.0.0"), "DATA", ["relase", "release"]),
    "window": (change(window="tonight"), "DATA", ["window", "not_before"]),
    "floor-of-all": (change(floor=6), "WAVES", ["floor"]),
}  # fmt: skip

TEXTS = {
    "malformed-yaml": ("service: web\nrelease: [2.0.0\n", "DATA", [":3"]),
    "doubled-key": ("service: web\nservice: web\nrelease: 2.0.0\n", "DATA", ["service", ":2"]),
    "no-mapping": ("- service: web\n", "DATA", ["mapping"]),
    "empty-file": ("", "DATA", ["web-2.0.0.yml"]),
}


@pytest.mark.parametrize(("keys", "code", "words"), DATA.values(), ids=DATA)
def test_bad_change(site: Project, hosts: Fleetful, keys: dict[str, Any], code: str, words: list[str]) -> None:
    """A change file with wrong data."""
    from lab.releases import PLACE

    file = keys.get("artifact", {}).get("file")
    if file:
        keys = {**keys, "artifact": {**keys["artifact"], "file": file.format(dist=PLACE)}}
    path = site.change(V2, **keys)
    if "relase" in keys:
        site.write(path, (site.folder / path).read_text().replace('"release": "2.0.0",', ""))
    with unchanged(site, hosts):
        refused = site.play("rollout", change_file=path)

    assert_refused(refused, code, *words)


@pytest.mark.parametrize(("text", "code", "words"), TEXTS.values(), ids=TEXTS)
def test_change_file_that_is_none(site: Project, hosts: Fleetful, text: str, code: str, words: list[str]) -> None:
    """A file that is not what a change file must be, with the line."""
    site.write("changes/web-2.0.0.yml", text)
    with unchanged(site, hosts):
        refused = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert_refused(refused, code, "changes/web-2.0.0.yml", *words)


def test_change_file_that_is_missing_or_not_named(site: Project, hosts: Fleetful) -> None:
    """A path that leads nowhere, and no path at all."""
    with unchanged(site, hosts):
        missing = site.play("rollout", change_file="changes/nothing.yml")
        unnamed = site.play("rollout")

    assert_refused(missing, "DATA", "changes/nothing.yml")
    assert_refused(unnamed, "NO_CHANGE", "tidegate_change_file")


def test_services_with_a_wrong_key(site: Project, hosts: Fleetful) -> None:
    """The variable, the path in it and the nearest known key."""
    site.services(probs=[])
    with unchanged(site, hosts):
        refused = site.rollout(V2)

    assert_refused(refused, "DATA", "group_vars/all/tidegate_services.yml", "web.probs", "probes")


@pytest.mark.parametrize("kind", ["disk", "inodes"])
def test_disk_too_small(site: Project, hosts: Fleetful, kind: str) -> None:
    """The pre-check names the host that has no room."""
    fill = {"disk": hosts["web4"].fill_disk, "inodes": hosts["web4"].fill_inodes}[kind]
    with unchanged(site, hosts):
        fill()
        try:
            refused = site.rollout(V2)
        finally:
            hosts["web4"].free_disk()

    assert_refused(refused, "PRECHECK", "web4", kind)


def test_no_ssh(site: Project, hosts: Fleetful, ansible_home: Path) -> None:
    """A host whose sshd is stopped is unknown, and named."""
    web4 = hosts["web4"]
    boot_id = web4.boot_id()
    web4.ssh("systemctl stop ssh.service")
    try:
        refused = site.rollout(V2, env={"ANSIBLE_SSH_CONTROL_PATH_DIR": str(ansible_home / "other")})
    finally:
        web4.reboot()
        web4.wait_rebooted(boot_id)

    assert_refused(refused, "PRECHECK", "web4", "cannot be reached")
    assert refused.of("stage") == []


def test_no_python(site: Project, hosts: Fleetful) -> None:
    """A host without Python is named, with what to do."""
    hosts["web4"].ssh("mv $(readlink -m /usr/bin/python3) /root/e2e-python; ! /usr/bin/python3 --version")
    try:
        with unchanged(site, hosts):
            refused = site.rollout(V2)
    finally:
        hosts["web4"].ssh("mv /root/e2e-python $(readlink -m /usr/bin/python3)")

    assert_refused(refused, "PRECHECK", "web4", "found no Python 3.9 or newer", "ansible_python_interpreter")


def test_no_systemd(site: Project, hosts: Fleetful) -> None:
    """A host that does not run systemd is named."""
    with unchanged(site, hosts):
        hosts["web4"].ssh("mv /run/systemd/system /run/systemd/system.e2e")
        try:
            refused = site.rollout(V2)
        finally:
            hosts["web4"].ssh("mv /run/systemd/system.e2e /run/systemd/system")

    assert_refused(refused, "PRECHECK", "web4", "systemd")


def test_connection_that_cannot_pipeline(site: Project, hosts: Fleetful) -> None:
    """The plugin is named, and nothing is tried with it."""
    site.inventory(web4={"ansible_connection": "e2e_copies_files"})
    with unchanged(site, hosts):
        refused = site.rollout(V2)

    assert_refused(refused, "PRECHECK", "web4: connection plugin 'e2e_copies_files'", "ssh")


def test_service_that_runs_from_elsewhere(new_site: Project, hosts: Fleetful) -> None:
    """A first deployment does not take over what somebody else started."""
    place = "/etc/systemd/system/web.service.d"
    unit = "[Service]\nType=simple\nExecStart=\nExecStart=/usr/bin/python3 -m http.server 8081\n"
    hosts["web4"].ssh(
        f"mkdir -p {place}; cat > {place}/e2e.conf; systemctl daemon-reload; systemctl start web.service",
        stdin=unit.encode(),
    )
    try:
        with unchanged(new_site, hosts):
            refused = new_site.rollout(V1)
    finally:
        hosts["web4"].ssh(f"systemctl stop web.service; rm -r {place}; systemctl daemon-reload")

    assert_refused(refused, "PRECHECK", "web4", "web.service", "/opt/web")


@contextmanager
def unchanged(site: Project, hosts: Fleetful) -> Iterator[None]:
    """No host and no record of a change differs afterwards."""
    before, record = hosts.listing(), _record(site)
    yield
    assert hosts.listing() == before
    assert _record(site) == record


def _record(site: Project) -> tuple[dict[str, str], list[str]]:
    if not (site.store_folder / "store.db").exists():
        return {}, []
    return site.changes(), site.leases()


def assert_refused(refused: Result, code: str, *words: str) -> None:
    """It failed with this code (of the one task that ends the run) and these words, and shows no insides."""
    assert refused.rc == 2, refused.text
    failing = [one for one in refused.results if one["status"] == "failed" and one["host"] == "localhost"]
    assert len(failing) == 1, refused.text
    assert not code or failing[0]["tidegate"]["code"] == code, refused.text
    assert [word for word in words if word not in failing[0]["msg"]] == [], failing[0]["msg"]
    assert "Traceback" not in refused.text

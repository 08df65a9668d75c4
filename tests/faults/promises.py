# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after any fault, looked up on hosts' disks, in what their services answer, and in the store.

1. ``current`` resolves to one complete release: its files are those of the archive that people built, byte for byte.
2. Nothing is called confirmed or completed unless the host's own journal says so.
3. The host is entirely on one release: link, journal, running process, health; nothing half-way is left behind.
5. What a change came to is recorded once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from e2e.hosts import V2, Fleetful, Seen, assert_all_on
from e2e.project import Project
from faults.hold import until

from lab.host import Host
from lab.releases import PLACE

ROOT = "opt/web"
REST_S = 60
"""How long a host may take to come to rest after a step has answered: retention, an orphaned session."""


@functools.cache
def _files_of_archive(version: str) -> dict[str, str]:
    """Every file of a practice release, by its path, as a digest; folders are empty."""
    with tarfile.open(PLACE / f"web-{version}.tar.gz") as archive:
        return {member.name: _digest_of_member(archive, member) for member in archive.getmembers()}


def _digest_of_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    return "" if file is None else hashlib.sha256(file.read()).hexdigest()


def _files_on_disk(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def assert_current_is_whole(host: Host, absent: bool = False) -> str:
    """Promise 1, at any moment, whether the host runs or not; the version that ``current`` names."""
    link = host.root / ROOT / "current"
    if absent and not link.is_symlink():
        return ""
    release = Path(str(link.readlink())).name
    version = release.rpartition("-")[0]
    found = _files_on_disk(host.root / ROOT / "releases" / release)
    assert found == _files_of_archive(version), (host, release)
    return version


def journal(host: Host) -> dict[str, Any]:
    """What the journal on a host's disk says; without one the service is steady."""
    path = host.root / "var/lib/tidegate/services/web/journal.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"state": "steady"}
    return found


def state(host: Host) -> str:
    """The state in the journal on a host's disk."""
    return str(journal(host)["state"])


def assert_on(hosts: Fleetful, version: str, *names: str, leftovers: bool = False) -> dict[str, Seen]:
    """Promises 1 and 3 for hosts that come to rest.

    Args:
        hosts: all.
        version: that they must be on.
        names: those that are meant.
        leftovers: whether a staging that broke off may have left its private folder; the next one removes it.
    """
    seen: dict[str, Seen] = {}

    def all_are() -> bool:
        seen.update(_without_leftovers(hosts.see(names)) if leftovers else hosts.see(names))
        return all(one.settled and one.serves == version and one.health == "200" for one in seen.values())

    with contextlib.suppress(AssertionError):  # the next line says more
        until(all_are, version, REST_S)
    assert_all_on(seen, version)
    for name in names:
        assert assert_current_is_whole(hosts[name]) == version
    return seen


def _without_leftovers(seen: dict[str, Seen]) -> dict[str, Seen]:
    return {
        name: replace(one, remains=" ".join(word for word in one.remains.split() if "/.new-" not in word))
        for name, one in seen.items()
    }


def assert_no_claim(site: Project, hosts: Fleetful) -> None:
    """Promise 2: what the store calls confirmed the host has on its disk, under way back since, or replaced by a later change."""
    for change, host in site.ask_store(
        "SELECT r.change_id, e.host FROM events e JOIN runs r ON r.id = e.run_id"
        " WHERE e.step = 'confirm' AND e.verdict = 'ok'"
    ):
        known = journal(hosts[host])
        reverted = (known.get("reverted") or {}).get("change")
        seen = {known.get("change"), reverted, *known.get("past", ())}
        there = known["state"] == "steady" and known["new"].startswith(f"{V2}-")
        assert change in seen or there, (change, host, known)


def assert_recorded_once(site: Project, change: str, state_of_change: str) -> None:
    """Promise 5: one change, with one end; no run is called alive any more, and none holds a lease."""
    assert site.changes()[change] == state_of_change
    assert site.leases() == []
    assert {state for _verb, state in site.runs()} <= ENDED, site.runs()
    ends = site.ask_store(
        "SELECT COUNT(*) FROM runs WHERE change_id = ? AND state = ? AND outcome IS NOT NULL", change, state_of_change
    )
    assert ends == [(1,)], (site.runs(), change)


ENDED = {
    "completed",
    "partial",
    "rolled_back",
    "failed",
    "interrupted",
    "refused",
    "not_started",
    "planned",
    "paused",
    "kept",
}


def assert_blocked(site: Project, hosts: Fleetful, version: str, *names: str) -> None:
    """No wave began after the fault: these hosts still run what they ran, and heard of no activation."""
    for name in names:
        known = journal(hosts[name])
        assert (known["state"], known.get("reverted")) == ("steady", None), (name, known)
        assert assert_current_is_whole(hosts[name]) == version, name

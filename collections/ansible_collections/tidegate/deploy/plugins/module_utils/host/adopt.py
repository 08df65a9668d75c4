# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `adopt`: a service that runs already gets a release, a manifest and a journal, and notices nothing.

What it runs from is copied to ``releases/<id>``, `current` comes to name the copy by one rename, and the journal says
steady. The folder that it was started from stays as it is, so nothing that its process holds open or finds by its
real path goes away.

Invariants:

- The unit is neither started, stopped nor reloaded.
- Before the rename of `current` everything can be done again; after it only the journal is missing, which asking again
  writes. At each moment `current` names one complete release, or nothing where nothing was.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from ..core import futures
from ..core.definition import Definition, absolute_path_problem
from ..core.errors import Refusal
from ..core.guards import where
from ..core.manifest import DIR_MODE, Manifest
from ..core.release import VERSION, ReleaseId, is_release_id
from ..core.states import ABSENT
from . import fields, tree
from .activate import refuse_overlap
from .extract import Nowhere
from .extract import Tree as Copy
from .host import Host, Spot
from .intact import owner_ids, save_manifest
from .locks import Lock
from .process import Running
from .running_tree import RunningTree
from .space import existing, writing
from .staging import PRIVATE, add_links, remove_leftovers
from .standing import standing


@dataclass(frozen=True)
class Wish:
    """What a caller asks for, proved to be well formed.

    Args:
        definition: of the service.
        version: that runs; empty: the name of its folder.
        source: the folder that it runs from, where that is not `current`; empty: `current`.
    """

    definition: Definition
    version: str
    source: str

    @classmethod
    def parse(cls, request: dict[str, Any]) -> Wish:
        """The wish that a request is.

        Raises:
            Refusal: DATA; names the field, what was found and what was expected.
        """
        definition = Definition.parse(request.get("definition"))
        runs = fields.mapping(request, "runs")
        version, source = (str(runs.get(key) or "") for key in ("version", "from"))
        if version and not VERSION.fullmatch(version):
            raise Refusal("DATA", f"tidegate_adopt_version: found {version!r}, expected {VERSION.pattern}")
        if source and absolute_path_problem(source):
            raise Refusal("DATA", f"tidegate_adopt_from: found {source!r}, expected {absolute_path_problem(source)}")
        return cls(definition, version, source)


@dataclass(frozen=True)
class Finding:
    """What a look at the running service brought.

    Args:
        source: the real folder that it runs from.
        version: that it is.
        manifest: of what is in the folder.
        elsewhere: the unit does not name ``<root>/current`` yet.
        tree: how the folder is read.
    """

    source: str
    version: str
    manifest: Manifest
    elsewhere: bool
    tree: RunningTree

    @property
    def release(self) -> str:
        """The release's id."""
        return str(ReleaseId.of(self.version, self.manifest.digest))


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Take a running service over.

    Returns:
        changed, service, release, from, files, size_bytes, would, todo.

    Raises:
        Refusal: it cannot be taken over as it is; nothing has changed.
    """
    wish = Wish.parse(request)
    definition = wish.definition
    spot = Spot(host, definition.service, definition.root)
    if _is_adopted(host, spot):
        return _told(host, definition, spot.current, _todo(definition, spot.view.get("adopted") or {}))
    found = _look(host, wish, spot)
    changed = {"from": found.source, "files": found.manifest.files, "size_bytes": found.manifest.size_bytes}
    todo = _todo(definition, {"elsewhere": found.elsewhere, "from": found.source})
    if not request["check"]:
        _take(host, definition, found, spot)
        return _told(host, definition, found.release, todo, changed=True, would=[], **changed)
    would = [
        f"copy {found.source} to {os.path.join(definition.root, 'releases', found.release)}",
        f"let {spot.switch.current_path} name it",
        f"leave {definition.unit} running as it is",
    ]
    return _told(host, definition, found.release, todo, changed=True, would=would, **changed)


def _told(host: Host, definition: Definition, release: str, todo: list[str], **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"changed": False, "from": "", "files": None, "size_bytes": None, "would": [], **fields}
    return {**told, "release": release, "todo": todo, "service": standing(host, definition.service, definition.root)}


def _todo(definition: Definition, adopted: dict[str, Any]) -> list[str]:
    """What is left for people before the first rollout."""
    if not adopted.get("elsewhere"):
        return []
    current = os.path.join(definition.root, "current")
    return [f"let {definition.unit} run {current} instead of {adopted['from']}, and systemctl daemon-reload"]


# --- looking, which changes nothing


def _is_adopted(host: Host, spot: Spot) -> bool:
    """Whether the service is Tidegate's already, and runs what Tidegate has put there.

    Raises:
        Refusal: STATE; something is under way, or going back has failed.
    """
    view = spot.view
    if view["state"] != "steady":
        raise Refusal(
            "STATE", f"{view['service']}: found {where(view)}, expected a service that is steady; let it end first"
        )
    is_known = os.path.exists(host.paths.journal(view["service"]))
    return is_known and spot.current == view["new"] != ABSENT


def _look(host: Host, wish: Wish, spot: Spot) -> Finding:
    """Everything that speaks against it, before anything is written."""
    definition = wish.definition
    running = Running.of(host.units, host.clock, definition.unit)
    source = _source(wish, spot)
    _require_from(running, definition, source, spot)
    refuse_overlap(host, definition)
    _require_trusted(host, definition.root)
    version = wish.version or _version_of(source, spot)
    complaint = host.watch.complaint(definition, version)
    if complaint:
        raise Refusal(
            "PROBE",
            f"{definition.service}: {complaint}; expected that {version} runs and is well: mend it, or name the "
            "version that runs with tidegate_adopt_version",
        )
    found = RunningTree(source, definition.doc["links"], running.started_s)
    manifest = found.read(Nowhere())
    manifest.with_links(definition.doc["links"])
    _require_space(definition.root, manifest)
    names_current = running.is_told_to_run(spot.switch.current_path)
    elsewhere = not names_current and (spot.current == ABSENT or running.is_told_to_run(source))
    return Finding(source, version, manifest, elsewhere, found)


def _source(wish: Wish, spot: Spot) -> str:
    """The folder that the service runs from.

    Raises:
        Refusal: ADOPT; there is none, or it cannot be one.
    """
    root, current = wish.definition.root, spot.switch.current_path
    if spot.current != ABSENT:
        source = os.path.join(root, "releases", spot.current)
        if wish.source and wish.source not in (source, current):
            raise Refusal("ADOPT", f"tidegate_adopt_from: found {wish.source}, but {current} leads to {source}")
        return _real_folder(source, f"{current} leads to {source}, which is")
    if not wish.source:
        raise Refusal(
            "ADOPT",
            f"{current}: missing, expected a link to releases/<name>; name the folder that the service runs from with "
            "tidegate_adopt_from",
        )
    inside = [path for path in (wish.source, root) if f"{wish.source}/".startswith(f"{path}/")]
    if root in inside or f"{root}/".startswith(f"{wish.source}/"):
        raise Refusal(
            "ADOPT", f"tidegate_adopt_from: {wish.source} overlaps root {root}; give the service another root"
        )
    return _real_folder(wish.source, f"tidegate_adopt_from: {wish.source} is")


def _real_folder(path: str, what: str) -> str:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        raise Refusal("ADOPT", f"{what} not there; expected the folder that the service runs from") from None
    if not stat.S_ISDIR(mode) or os.path.realpath(path) != path:
        raise Refusal("ADOPT", f"{what} a link, below a link or no folder; expected a real folder, {_real(path)}")
    return path


def _real(path: str) -> str:
    return f"name its real path {os.path.realpath(path)}"


def _require_from(running: Running, definition: Definition, source: str, spot: Spot) -> None:
    """See that the unit's process runs what is in the folder.

    Raises:
        Refusal: RUNS_ELSEWHERE; it does not, or not since the link was moved.
    """
    current = spot.switch.current_path
    if not running.runs_from(source) and not (spot.current != ABSENT and running.runs_from(current)):
        raise Refusal(
            "RUNS_ELSEWHERE",
            f"{definition.unit}: neither its unit file nor its process names {source}"
            + ("" if spot.current == ABSENT else f" or {current}")
            + f"; found {running.told}. Name the folder that it runs from with tidegate_adopt_from",
        )
    if spot.current != ABSENT and os.lstat(current).st_mtime > running.started_s:
        raise Refusal(
            "RUNS_ELSEWHERE",
            f"{current} was moved to {spot.current} after {definition.unit} was started, so that is not what runs; "
            "restart the service, or move the link back",
        )


def _require_trusted(host: Host, root: str) -> None:
    """See that only root can change what will run.

    Raises:
        Refusal: UNSAFE_PATH; names every folder that others can change.
    """
    authority = host.authority or tree.Authority()
    path, problems = existing(os.path.join(root, "releases")), []
    while path != "/":
        problem = tree.folder_problem(path, authority)
        problems += [problem] if problem else []
        path = os.path.dirname(path)
    if problems:
        raise Refusal("UNSAFE_PATH", "; ".join(reversed(problems)))


def _version_of(source: str, spot: Spot) -> str:
    name = os.path.basename(source)
    version = name.rpartition("-")[0] if is_release_id(name) else name
    if spot.current == ABSENT or not VERSION.fullmatch(version):
        raise Refusal(
            "ADOPT", f"{source}: its name does not say which version it is; name it with tidegate_adopt_version"
        )
    return version


def _require_space(root: str, manifest: Manifest) -> None:
    seen = os.statvfs(existing(root))
    free_bytes = seen.f_bavail * seen.f_frsize
    if free_bytes < manifest.size_bytes:
        raise Refusal("NO_SPACE", f"{root}: {free_bytes} bytes free, {manifest.size_bytes} are needed for a copy")


# --- taking over


def _take(host: Host, definition: Definition, found: Finding, spot: Spot) -> None:
    service, releases = definition.service, os.path.join(definition.root, "releases")
    with writing(host.paths.state):
        host.disk.make_folder(host.paths.service(service))
    with Lock(host.paths.staging_lock(service), host.clock):
        with writing(releases):
            releases_fd = tree.open_folder(releases, host.authority or tree.Authority(), make=True)
        work = PRIVATE + os.urandom(8).hex()
        try:
            remove_leftovers(releases_fd)
            with writing(releases):
                work_fd = tree.make_folder(releases_fd, work)
            try:
                with writing(releases):
                    _copy(host, definition, found, releases_fd, work_fd)
                _settle(host, definition, found, spot, (releases_fd, work_fd))
            finally:
                os.close(work_fd)
        finally:
            tree.remove_tree(releases_fd, work)
            os.close(releases_fd)


def _copy(host: Host, definition: Definition, found: Finding, releases_fd: int, work_fd: int) -> None:
    """The folder as a release, in `tree` of the private folder, proved to be what was looked at."""
    links = definition.doc["links"]
    owner = owner_ids(definition.doc) if (host.authority or tree.Authority()).chown else None
    tree_fd = tree.make_folder(work_fd, "tree")
    try:
        with Copy(tree_fd, owner) as sink:
            copied = found.tree.read(sink)
            add_links(copied, links, sink)
        if owner:
            os.fchown(tree_fd, *owner)
        os.fchmod(tree_fd, DIR_MODE)
        if copied.digest != found.manifest.digest:
            raise Refusal("TREE", f"{found.source}: changed while it was copied; run again when nobody writes there")
        tree.sync_file_system(releases_fd)
        differences = tree.differences(tree_fd, found.manifest, links, owner)
    finally:
        os.close(tree_fd)
    if differences:
        raise tree.tree_refusal(found.source, differences)


def _settle(host: Host, definition: Definition, found: Finding, before: Spot, folders: tuple[int, int]) -> None:
    """Under the lock: the copy into its place, `current` to the copy, and the journal."""
    releases_fd, work_fd = folders
    with host.lock(), writing(host.paths.state):
        spot = Spot(host, definition.service, definition.root)
        if (spot.current, spot.view) != (before.current, before.view):
            raise Refusal("STATE", f"{definition.service}: changed while it was looked at; run again")
        _put(host, definition, found, releases_fd, work_fd)
        if spot.current != found.release:
            spot.switch.adopt(found.release)
        spot.journal.adopt(_document(host, definition, found, spot.view))
        spot.journal.add_history(f"{host.clock.utc()} adopted {found.release} from {found.source}")


def _put(host: Host, definition: Definition, found: Finding, releases_fd: int, work_fd: int) -> None:
    """Rename the copy into its place, unless an intact one is there: of a call that died, or what runs already."""
    path = os.path.join(definition.root, "releases", found.release)
    there_fd = tree.open_entry(releases_fd, found.release)
    if there_fd is not None:
        try:
            owner = owner_ids(definition.doc) if (host.authority or tree.Authority()).chown else None
            differences = tree.differences(there_fd, found.manifest, definition.doc["links"], owner)
        finally:
            os.close(there_fd)
        if differences:
            raise tree.tree_refusal(path, differences)
    save_manifest(host, definition.service, found.release, found.manifest)
    if there_fd is None:
        os.rename("tree", found.release, src_dir_fd=work_fd, dst_dir_fd=releases_fd)
        os.fsync(releases_fd)


def _document(host: Host, definition: Definition, found: Finding, view: dict[str, Any]) -> dict[str, Any]:
    """A steady journal; what the host has seen of lease numbers and changes stays in it, their ways back do not."""
    return {
        "v": 1,
        "service": definition.service,
        "state": "steady",
        "new": found.release,
        "new_definition": definition.doc,
        "fence": view["fence"],
        "past": futures.with_past(view),
        "adopted": {"at": host.clock.utc(), "from": found.source, "elsewhere": found.elsewhere},
    }

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging: bytes become a verified release folder beside what runs, or nothing at all.

The bytes go to a private file without a name, are hashed while they are copied, and are unpacked from that descriptor
into a private folder on the file system of the releases. What was written is compared with the manifest, synced, and
renamed into its place. `current`, the journal and the service are not touched.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ..core import canonical
from ..core.errors import Refusal
from ..core.manifest import DIR, DIR_MODE, Difference, Manifest
from . import supply, tree
from .extract import Reading, Tree, read_artifact
from .host import Host
from .intact import owner_ids, save_manifest, save_seal
from .locks import Lock
from .order import Order
from .space import existing, writing
from .tree import Authority

PRIVATE = ".new-"

TICK_S = 0.02
"""The kernel dates changes by a clock that moves in ticks of at most 10 ms: what is written after so long has a later date."""


def stage(request: dict[str, Any], stream: BinaryIO, host: Host) -> dict[str, Any]:
    """The `stage` step of the host program.

    Args:
        request: definition, release, artifact, source, limits, check.
        stream: holds the artifact's bytes when the source is a push; they are always read to their end.
        host: where.

    Returns:
        The fields of the answer: changed, bytes_received, files, timings, ignored; in check mode also would.

    Raises:
        Refusal: nothing of what was sent is left on the host.
    """
    order = Order.parse(request)
    staging = _Staging(order, host)
    if order.check:
        return staging.would()
    incoming = supply.Push(stream, order.size_bytes if order.source == supply.PUSH else 0)
    try:
        with writing(host.paths.state):
            host.disk.make_folder(host.paths.service(order.definition.service))
        with Lock(host.paths.staging_lock(order.definition.service), host.clock):
            return staging.run(incoming)
    finally:
        incoming.drain()


class _Staging:
    """One release on its way into its place."""

    def __init__(self, order: Order, host: Host) -> None:
        self._order = order
        self._host = host
        self._authority = host.authority or Authority()
        self._owner = owner_ids(order.definition.doc) if self._authority.chown else None
        self._timings: dict[str, int] = {}
        self._links: dict[str, str] = order.definition.doc["links"]
        self._releases = os.path.join(order.definition.root, "releases")
        self._path = os.path.join(self._releases, order.release_id)

    def would(self) -> dict[str, Any]:
        """What `run` would do, found out without writing anything."""
        order = self._order
        self._check_parents()
        saved = self._saved_manifest()
        releases_fd = self._open_releases(make=False) if os.path.isdir(self._releases) else None
        try:
            found = None if releases_fd is None else self._differences(releases_fd, saved)
        finally:
            if releases_fd is not None:
                os.close(releases_fd)
        if found == [] and saved is not None:
            return {"changed": False, "bytes_received": 0, "files": saved.files, "would": []}
        if found:
            self._require_replaceable(found)
        come_from = f" from {order.url}" if order.url else ""
        would = [f"take {order.size_bytes} bytes{come_from}", f"unpack and verify {self._path}"]
        return {"changed": True, "bytes_received": 0, "files": None, "would": would}

    def run(self, incoming: supply.Push) -> dict[str, Any]:
        """Bring the release into its place, unless it is there intact."""
        with writing(self._releases):
            releases_fd = self._open_releases(make=True)
        try:
            remove_leftovers(releases_fd)
            supply.remove_partials(self._partial_folder, keep=self._order.sha256)
            saved = self._saved_manifest()
            found = self._differences(releases_fd, saved)
            if found == [] and saved is not None:
                self._count_as_newest()
                return {"changed": False, "bytes_received": 0, "files": saved.files}
            if self._order.source == supply.HAVE:
                raise self._need_bytes(found)
            if found:
                self._require_replaceable(found)
            return self._bring(releases_fd, incoming)
        finally:
            os.close(releases_fd)

    # --- what is there -----------------------------------------------------------------------------------------------

    def _saved_manifest(self) -> Manifest | None:
        """The manifest of this release that an earlier staging saved, or None when there is none to believe."""
        path = self._host.paths.manifest(self._order.definition.service, self._order.release_id)
        try:
            with open(path, "rb") as file:
                manifest = Manifest.parse(canonical.loads(file.read()))
        except (FileNotFoundError, ValueError, Refusal):
            return None
        return manifest if manifest.digest == self._order.manifest_digest else None

    def _count_as_newest(self) -> None:
        """Retention goes by when a release was asked for last."""
        with contextlib.suppress(FileNotFoundError):  # retention was here first; the activation will say so
            os.utime(self._host.paths.manifest(self._order.definition.service, self._order.release_id))

    def _differences(self, releases_fd: int, manifest: Manifest | None) -> list[Difference] | None:
        """How the release that is there differs; None when it is not there or nothing says how it should be."""
        release_fd = tree.open_entry(releases_fd, self._order.release_id)
        if release_fd is None or manifest is None:
            if release_fd is not None:
                os.close(release_fd)
            return None
        try:
            return tree.differences(release_fd, manifest, self._links, self._owner)
        finally:
            os.close(release_fd)

    def _require_replaceable(self, found: list[Difference]) -> None:
        """Only a release that nothing runs, and that no way back leads to, may be replaced.

        Raises:
            Refusal: TREE; it is needed as it is.
        """
        needed_by = self._needed_by()
        if needed_by:
            refusal = tree.tree_refusal(self._path, found)
            hint = "it cannot be replaced while it is needed; put another release there first, or plan a new version"
            raise Refusal("TREE", f"{refusal.message}; {needed_by} needs this release: {hint}", **refusal.facts)

    def _needed_by(self) -> str | None:
        root, release_id = self._order.definition.root, self._order.release_id
        for name in sorted(os.listdir(root)):
            path = os.path.join(root, name)
            if os.path.islink(path) and os.path.basename(os.readlink(path).rstrip("/")) == release_id:
                return path
        return supply.mention_of(release_id, self._host.paths.service(self._order.definition.service))

    def _need_bytes(self, found: list[Difference] | None) -> Refusal:
        what = (
            f"{len(found)} paths of it are not as they should be" if found else "it is not there, or was never verified"
        )
        return Refusal("NEED_BYTES", f"{self._path}: {what}; send the artifact", path=self._path)

    # --- bringing it in ----------------------------------------------------------------------------------------------

    def _bring(self, releases_fd: int, incoming: supply.Push) -> dict[str, Any]:
        work = PRIVATE + os.urandom(8).hex()
        with writing(self._releases):
            work_fd = tree.make_folder(releases_fd, work)
        try:
            reading = self._take_and_unpack(work_fd, incoming)
            with writing(self._releases):
                with self._timed("sync"):
                    tree.sync_file_system(releases_fd)
                seal = self._prove(work_fd, reading.manifest)
                found = self._differences(releases_fd, reading.manifest)
                with self._host.lock():
                    if self._put(reading.manifest, found, releases_fd, work_fd):
                        save_seal(
                            self._host, self._order.definition.service, self._order.release_id, reading.manifest, seal
                        )
        finally:
            os.close(work_fd)
            tree.remove_tree(releases_fd, work)
        return {
            "changed": True,
            "bytes_received": self._order.size_bytes,
            "files": reading.manifest.files,
            "timings": self._timings,
            "ignored": {"write_bits": reading.write_bits_dropped, "metadata": reading.metadata_ignored},
        }

    def _take_and_unpack(self, work_fd: int, incoming: supply.Push) -> Reading:
        with self._timed("receive"):
            artifact_fd = self._artifact(work_fd, incoming)
        try:
            with (
                writing(self._releases),
                self._timed("unpack"),
            ):  # asked before anything is removed, what is free is the truth
                return self._unpack(artifact_fd, work_fd)
        finally:
            os.close(artifact_fd)
            supply.remove_partials(self._partial_folder, keep=None)

    @contextlib.contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began_ms = self._host.clock.now_ms()
        yield
        self._timings[f"{part}_ms"] = self._host.clock.now_ms() - began_ms

    @property
    def _partial_folder(self) -> str:
        return self._host.paths.partial(self._order.definition.service)

    def _artifact(self, work_fd: int, incoming: supply.Push) -> int:
        """A descriptor of the artifact's bytes, verified."""
        order = self._order
        if order.source == supply.PUSH:
            return incoming.receive(work_fd, self._releases, order.sha256)
        from .fetch import Download, fetch

        with writing(self._host.paths.state):
            self._host.disk.make_folder(self._partial_folder)
        download = Download(order.url, order.allow_hosts, order.sha256, order.size_bytes, order.timeout_s)
        return fetch(download, self._partial_folder, self._host.clock)

    def _unpack(self, artifact_fd: int, work_fd: int) -> Reading:
        """Unpack into `tree` of the private folder, and add the shared links."""
        order = self._order
        tree_fd = tree.make_folder(work_fd, "tree")
        try:
            with Tree(tree_fd, self._owner) as sink:
                reading = read_artifact(artifact_fd, order.name, order.strip, order.limits, sink)
                self._require_promised(reading.manifest)
                add_links(reading.manifest, self._links, sink)
            if self._owner:
                os.fchown(tree_fd, *self._owner)
            os.fchmod(tree_fd, DIR_MODE)
        finally:
            os.close(tree_fd)
        return reading

    def _prove(self, work_fd: int, manifest: Manifest) -> str:
        """See that what was written is there as promised, and answer its seal.

        Its content was hashed on its way into the files, which nobody else can reach; it is not read back.
        """
        self._host.clock.sleep(TICK_S)
        tree_fd = os.open("tree", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=work_fd)
        try:
            seen = tree.look(tree_fd, manifest)
            found = tree.compare_seen(tree_fd, seen, manifest, self._links, self._owner)
        finally:
            os.close(tree_fd)
        if found:
            raise tree.tree_refusal(self._path, found)
        return seen.seal

    def _require_promised(self, manifest: Manifest) -> None:
        expected = self._order.manifest_digest
        if manifest.digest != expected:
            raise Refusal(
                "TREE",
                f"{self._path}: the artifact unpacks to manifest {manifest.digest}, expected {expected}; plan it again",
                found=manifest.digest,
                expected=expected,
            )

    def _put(self, manifest: Manifest, found: list[Difference] | None, releases_fd: int, work_fd: int) -> bool:
        """Rename the finished tree into its place; whatever damaged thing was there goes aside first.

        Under the lock of all transitions, so that no activation begins with what is replaced.

        Args:
            manifest: of the finished tree.
            found: how what is there differs; it took long to find out. Only retention may have removed it since.
            releases_fd: the folder of all releases.
            work_fd: the private folder with the finished tree.

        Returns:
            Whether it was put there; not where only the manifest was lost.
        """
        order = self._order
        if found and os.path.lexists(self._path):
            self._require_replaceable(found)
        save_manifest(self._host, order.definition.service, order.release_id, manifest)
        if found == [] and os.path.lexists(self._path):  # only its manifest was lost
            return False
        if os.path.lexists(self._path):
            os.rename(order.release_id, "replaced", src_dir_fd=releases_fd, dst_dir_fd=work_fd)
        os.rename("tree", order.release_id, src_dir_fd=work_fd, dst_dir_fd=releases_fd)
        os.fsync(releases_fd)
        return True

    # --- the way to its place ----------------------------------------------------------------------------------------

    def _check_parents(self) -> None:
        os.close(tree.open_folder(existing(self._releases), self._authority))

    def _open_releases(self, make: bool) -> int:
        return tree.open_folder(self._releases, self._authority, make=make)


def add_links(manifest: Manifest, links: Mapping[str, str], sink: Tree) -> None:
    """Add the shared links of a definition to an unpacked release, with the folders that only they need."""
    unpacked = {entry.path for entry in manifest.entries}
    for entry in manifest.with_links(links).entries:
        if entry.path in unpacked:
            continue
        if entry.type == DIR:
            sink.folder(entry.path)
        else:
            sink.link(entry.path, str(entry.target))


def remove_leftovers(releases_fd: int) -> None:
    """What an interrupted staging left; the lock says that none is under way."""
    for name in os.listdir(releases_fd):
        if name.startswith(PRIVATE):
            tree.remove_tree(releases_fd, name)

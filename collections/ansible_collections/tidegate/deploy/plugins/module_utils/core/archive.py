# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in an archive: decided member by member, so that nothing forbidden is ever written.

Nothing is repaired. Only two things are read otherwise than they are written, and both are ordinary naming: one leading
`./`, which `tar -C folder .` writes before each name, and the first `strip` components when a change asks for that.
Modes are normalized as manifests have them; dropped write bits and ignored metadata are counted. Backslashes are
characters like others. The same rules run on the controller, which derives the manifest, and on each host.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import Refusal
from .manifest import DIR, DIR_MODE, FILE, FILE_MODES, LINK
from .names import collision_key, link_problem, link_through, parents, path_problem, printable, size_problem

RATIO_FREE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to.

    Args:
        max_bytes: of the expanded archive, its headers included.
        max_entries: files, links and folders, those included that only names imply.
        max_ratio: expanded bytes per compressed byte, beyond the first mebibyte.
        max_path: bytes of a path or of a link's target.
    """

    max_bytes: int = 2147483648
    max_entries: int = 200000
    max_ratio: int = 200
    max_path: int = 1024

    @classmethod
    def parse(cls, doc: Any) -> Limits:
        """The limits that a document sets; what it leaves out keeps its default.

        Raises:
            Refusal: DATA; an unknown key, or a value that is not a positive integer.
        """
        known = {item.name: item.default for item in fields(cls)}
        if not isinstance(doc, dict) or not set(doc) <= set(known):
            raise Refusal("DATA", f"limits: {doc!r} found, expected an object with keys of {sorted(known)}")
        for key, value in doc.items():
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise Refusal("DATA", f"limits.{key}: {value!r} found, expected a positive integer")
        limits = cls(**doc)
        if limits.max_path > cls.max_path:
            raise Refusal("DATA", f"limits.max_path: {limits.max_path} found, expected at most {cls.max_path}")
        return limits

    @property
    def doc(self) -> dict[str, int]:
        """The limits as canonical JSON knows them."""
        return asdict(self)


@dataclass(frozen=True)
class Member:
    """What an archive says about one of its members.

    Args:
        kind: `file`, `dir` or `link`; any other text names what it is for people, and is refused.
    """

    name: bytes
    kind: str
    mode: int = 0o644
    size: int = 0
    target: bytes = b""


@dataclass(frozen=True)
class Placement:
    """A member that may be written, and the folders that must be made for it first, outermost first."""

    path: str
    kind: str
    mode: int
    size: int
    target: str
    folders: tuple[str, ...]


class Rules:
    """Decides over the members of one archive in their order, and over how much it expands to.

    After `finish` holds: no path is absolute, has `..`, or is there twice, by case or normalization; each parent is a
    folder; each link ends inside the tree and passes through no other link.

    Args:
        limits: how much it may unpack to.
        strip: how many leading components of each name are left away.
    """

    def __init__(self, limits: Limits, strip: int = 0) -> None:
        if strip < 0:
            raise ValueError(f"strip {strip} is negative")
        self.limits = limits
        self.strip = strip
        self.write_bits_dropped = 0
        self._stripped: tuple[str, ...] | None = None
        self._root_seen = False
        self._kinds: dict[str, str] = {"": DIR}
        self._implied: set[str] = set()
        self._names: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._content_bytes = 0

    def admit(self, member: Member) -> Placement | None:
        """Where a member goes, or None when nothing is written for it: the top folder, or what `strip` leaves away.

        Raises:
            Refusal: ARCHIVE or ARCHIVE_LIMIT; names the member.
        """
        name = self._name(member)
        self._check_kind(member)
        path = self._strip(name, member)
        if path is None:
            return None
        self._check_path(path, member)
        self._check_size(member)
        target = self._target(path, member) if member.kind == LINK else ""
        folders = self._imply_folders(path, member)
        self._place(path, member)
        if target:
            self._links[path] = target
        return Placement(path, member.kind, self._mode(member), member.size, target, folders)

    def expanded(self, output_bytes: int, input_bytes: int) -> None:
        """How far expanding has come; called often, so that a bomb is stopped early.

        Raises:
            Refusal: ARCHIVE_LIMIT; too many bytes, or too many per byte of the archive.
        """
        if output_bytes > self.limits.max_bytes:
            raise self._over("max_bytes", f"expands to more than {self.limits.max_bytes} bytes")
        if output_bytes > RATIO_FREE_BYTES and output_bytes > self.limits.max_ratio * input_bytes:
            found = f"expands to {output_bytes} bytes from the first {input_bytes}"
            raise self._over("max_ratio", f"{found}, at most {self.limits.max_ratio} times as many are allowed")

    def finish(self) -> None:
        """The archive has ended.

        Raises:
            Refusal: ARCHIVE; it holds nothing, or a link passes through another link.
        """
        if len(self._kinds) == 1:
            raise Refusal("ARCHIVE", "the archive holds nothing to unpack, expected files")
        through = link_through(self._links)
        if through:
            link, via = through
            raise self._refuse(link, f"link to {printable(self._links[link])} passes through the link {printable(via)}")

    def _name(self, member: Member) -> str:
        try:
            name = member.name.decode("utf-8")
        except UnicodeDecodeError:
            raise self._refuse(member.name, "name that is not UTF-8") from None
        if member.kind == DIR and name.endswith("/"):
            name = name[:-1] or name
        if name == ".":
            return ""
        shortened = name[2:] if name.startswith("./") else name
        problem = path_problem(shortened)
        if problem:
            raise self._refuse(member.name, f"{problem}, expected a path inside the release")
        return shortened

    def _check_kind(self, member: Member) -> None:
        if member.kind not in (FILE, DIR, LINK):
            raise self._refuse(member.name, f"{member.kind}, expected files, folders and symbolic links only")
        if member.kind != LINK and member.mode & 0o7000:
            found = f"set-id or sticky bit in mode {member.mode & 0o7777:04o}"
            raise self._refuse(member.name, f"{found}, expected none; pack it with plain modes")
        if member.kind != FILE and member.size:
            raise self._refuse(member.name, f"{member.kind} with {member.size} bytes of content, expected none")

    def _strip(self, name: str, member: Member) -> str | None:
        if not name:
            if member.kind != DIR or self._root_seen:
                raise self._refuse(member.name, "the top folder as something else or twice, expected once as a folder")
            self._root_seen = True
            return None
        if not self.strip:
            return name
        parts = name.split("/")
        prefix = tuple(parts[: self.strip])
        if len(parts) <= self.strip and member.kind != DIR:
            raise self._refuse(member.name, f"strip {self.strip} leaves nothing of this {member.kind}'s name")
        if self._stripped is None or self._stripped == prefix[: len(self._stripped)]:
            self._stripped = prefix
        elif prefix != self._stripped[: len(prefix)]:
            expected = printable("/".join(self._stripped))
            raise self._refuse(
                member.name, f"strip {self.strip} expects all members below one folder, first {expected}"
            )
        return "/".join(parts[self.strip :]) or None

    def _check_path(self, path: str, member: Member) -> None:
        problem = size_problem(path, self.limits.max_path)
        if problem:
            raise self._over("max_path", problem, member.name)

    def _check_size(self, member: Member) -> None:
        total_bytes = self._content_bytes + member.size
        if total_bytes > self.limits.max_bytes:
            found = f"{total_bytes} bytes up to here, more than {self.limits.max_bytes}"
            raise self._over("max_bytes", found, member.name)
        self._content_bytes = total_bytes

    def _imply_folders(self, path: str, member: Member) -> tuple[str, ...]:
        parent = path.rpartition("/")[0]
        if self._kinds.get(parent) == DIR:
            return ()
        missing = []
        for folder in parents(path):
            kind = self._kinds.get(folder)
            if kind is None:
                self._add(folder, DIR, member)
                self._implied.add(folder)
                missing.append(folder)
            elif kind == LINK:
                raise self._refuse(member.name, f"lies below the link {printable(folder)}, expected a folder there")
            elif kind == FILE:
                raise self._refuse(member.name, f"lies below the file {printable(folder)}, expected a folder there")
        return tuple(missing)

    def _place(self, path: str, member: Member) -> None:
        kind = self._kinds.get(path)
        if kind is None:
            self._add(path, member.kind, member)
        elif kind != member.kind:
            raise self._refuse(member.name, f"{member.kind} where the archive already has a {kind}")
        elif path not in self._implied:
            raise self._refuse(member.name, "name that the archive already has, expected each once")
        self._implied.discard(path)

    def _add(self, path: str, kind: str, member: Member) -> None:
        key = collision_key(path)
        other = self._names.setdefault(key, path)
        if other != path:
            found = f"name that differs from {printable(other)} only by case or Unicode normalization"
            raise self._refuse(member.name, found)
        self._kinds[path] = kind
        if len(self._kinds) - 1 > self.limits.max_entries:
            raise self._over("max_entries", f"more than {self.limits.max_entries} entries", member.name)

    def _target(self, path: str, member: Member) -> str:
        try:
            target = member.target.decode("utf-8")
        except UnicodeDecodeError:
            raise self._refuse(member.name, "link target that is not UTF-8") from None
        problem = link_problem(path, target)
        if problem:
            raise self._refuse(member.name, f"{problem}, expected a relative link inside the release")
        if len(member.target) > self.limits.max_path:
            raise self._over("max_path", f"link target longer than {self.limits.max_path} bytes", member.name)
        return target

    def _mode(self, member: Member) -> int:
        if member.kind != LINK and member.mode & 0o022:
            self.write_bits_dropped += 1
        if member.kind == DIR:
            return DIR_MODE
        plain, executable = FILE_MODES
        return executable if member.mode & 0o111 else plain

    @staticmethod
    def _refuse(name: str | bytes, found: str) -> Refusal:
        return Refusal("ARCHIVE", f"member {printable(name)}: {found}", member=printable(name))

    def _over(self, limit: str, found: str, name: bytes | None = None) -> Refusal:
        facts: dict[str, object] = {"limit": limit, "allowed": getattr(self.limits, limit)}
        if name is not None:
            facts["member"] = printable(name)
            found = f"member {printable(name)}: {found}"
        return Refusal("ARCHIVE_LIMIT", f"{found} (limit {limit})", **facts)

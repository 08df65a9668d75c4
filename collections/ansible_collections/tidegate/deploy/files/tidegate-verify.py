# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks an export of the ledger of Tidegate: Python 3.9 or newer, its standard library, and ssh-keygen; nothing else.

    python3 tidegate-verify.py EXPORT [--checkpoint OLD]... [--key PUB]
    python3 tidegate-verify.py plan STATEMENT PLAN
    python3 tidegate-verify.py record RECORD --key PUB

Written by tools/verifier from the modules that Tidegate itself uses, which follow word for word. Read it before you trust
it; take it from a release, not from whoever hands you the export.
"""

from __future__ import annotations

import sys
import types

MODULES = {}

# plugins/module_utils/core/names.py
MODULES["names"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names inside a release: which paths and links may exist, and how any name is shown to people.

Names come from archives of strangers and end up in paths of hosts and in the terminals of operators.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MAX_COMPONENT_BYTES = 255
MAX_DEPTH = 128
MAX_HOPS = 32
MAX_PATH_BYTES = 1024

_FORBIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def parents(path: str) -> list[str]:
    """The folders above a path, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def printable(name: str | bytes) -> str:
    """A name as it may be shown: what a terminal or log could misread is escaped, and what is long is cut."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    shown = "".join(_escaped(char) if _forbidden(char) else char for char in text[:200])
    return shown + "…" if len(text) > 200 else shown


def text_problem(text: str) -> str | None:
    """Why a name cannot be written and read without doubt, or None."""
    if text.isascii() and text.isprintable():
        return None
    bad = next((char for char in text if _forbidden(char)), None)
    return None if bad is None else f"control character {_escaped(bad)}"


def path_problem(path: str) -> str | None:
    """Why a text is not a path inside a release, or None; how long it may be is `size_problem`."""
    if not path:
        return "empty name"
    if path.startswith("/"):
        return "absolute path"
    problem = text_problem(path)
    if problem:
        return problem
    parts = path.split("/")
    if ".." in parts:
        return "path with a '..' component"
    if "." in parts or "" in parts:
        return "path with an empty or '.' component"
    return None


def size_problem(path: str, max_bytes: int) -> str | None:
    """Why a path is too long or too deep to be sure that every host can hold it, or None."""
    parts = path.split("/")
    if len(path.encode("utf-8")) > max_bytes:
        return f"path longer than {max_bytes} bytes"
    if len(parts) > MAX_DEPTH:
        return f"path deeper than {MAX_DEPTH} folders"
    if any(len(part.encode("utf-8")) > MAX_COMPONENT_BYTES for part in parts):
        return f"path component longer than {MAX_COMPONENT_BYTES} bytes"
    return None


def link_steps(path: str, target: str) -> list[str] | None:
    """The paths that following a link visits, its end last; `[""]` is the release itself.

    Only leading `..` are followed, because after a name `..` means the parent of whatever that name points at.

    Returns:
        None when the target is absolute, leaves the release, or has a `..` after a name.
    """
    parts = path.split("/")[:-1]
    steps = ["/".join(parts)]
    named = False
    if target.startswith("/"):
        return None
    for part in target.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if named or not parts:
                return None
            parts = parts[:-1]
        else:
            named = True
            parts = [*parts, part]
        steps.append("/".join(parts))
    return steps


def link_problem(path: str, target: str) -> str | None:
    """Why a link may not be in a release, or None; whether it passes through other links is seen elsewhere."""
    if not target:
        return "link without a target"
    problem = text_problem(target)
    if problem:
        return f"link target with a {problem}"
    if target.startswith("/"):
        return f"link to the absolute path {printable(target)}"
    if link_steps(path, target) is None:
        return f"link to {printable(target)}, which leaves the release or has a '..' after a name"
    return None


def link_through(links: Mapping[str, str]) -> tuple[str, str] | None:
    """The first link that passes through another link, or never arrives, with that other link; None when all are sound.

    A link may end at another link, as versioned libraries do: each of the two stays inside by itself.

    Args:
        links: path -> target, each without a `link_problem`.
    """
    for path, target in links.items():
        steps = link_steps(path, target) or []
        for step in steps[:-1]:
            if step in links:
                return path, step
        for _hop in range(MAX_HOPS):
            if not steps or steps[-1] not in links:
                break
            steps = link_steps(steps[-1], links[steps[-1]]) or []
        else:
            return path, steps[-1]
    return None


def collision_key(path: str) -> str:
    """Equal for paths that a file system without case or with another normalization would take for one.

    Canonical caseless matching, Unicode 3.13 D145.
    """
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _forbidden(char: str) -> bool:
    return unicodedata.category(char) in _FORBIDDEN_CATEGORIES


def _escaped(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # an undecodable byte, as surrogateescape carries it
        number -= 0xDC00
    return f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}"
'''

# plugins/module_utils/core/errors.py
MODULES["errors"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that a bad world raises, and every stable code that it may carry.

A caller's bug is a ``ValueError`` or ``RuntimeError``. Whatever the world did wrong (data, hosts, archives, states)
is a `Refusal`: it names what was found, what was expected and what to do next.
"""

from __future__ import annotations

CODES = {
    # the data that a site writes
    "DATA": "a change file, services file or argument is not what it must be",
    "UNKNOWN_SERVICE": "the change names a service that no inventory data defines",
    "HOSTS": "the hosts of a change are empty, doubled, or not in the inventory",
    "WAVES": "the waves of a change overlap, miss hosts or cannot keep the floor",
    "UNSUPPORTED": "something that this version does not do yet",
    "LIMIT": "the run was narrowed by --limit",
    "STRATEGY": "the play does not run under the linear strategy",
    "DEPENDENCY": "a Python package is missing on the controller",
    "DOCTOR": "the doctor found what would stop a rollout, or a host that it could not ask",
    "EXISTS": "services are there already, and nothing of a site is ever overwritten",
    "NOTHING_FOUND": "no host runs a service of the site's own",
    # the artifact
    "ARTIFACT_MISSING": "the artifact cannot be found or read",
    "RETAINED": "the change names no artifact, and its hosts do not all keep one intact release of that version",
    "DIGEST": "bytes are not the bytes that were promised",
    "ARCHIVE": "an archive holds something that is never unpacked",
    "ARCHIVE_LIMIT": "an archive exceeds the limits on bytes, entries, depth or ratio",
    "TREE": "a release folder is not what its manifest says",
    "FETCH": "the host could not download the artifact",
    "NEED_BYTES": "the host does not hold the release and needs its bytes",
    # the host
    "UNREACHABLE": "the host cannot be asked: what it runs is unknown",
    "NO_PIPELINING": "the connection plugin cannot carry a program on standard input",
    "NO_PYTHON": "the host has no Python 3.9 or newer",
    "NO_ROOT": "the host program does not run as root",
    "NO_SYSTEMD": "the host does not run systemd",
    "PROTOCOL": "the host and the controller do not speak the same protocol",
    "PROGRAM_NEWER": "the host carries a newer host program than this controller",
    "PROGRAM_OTHER": "the host carries another host program that may be replaced: ship this one",
    "PRECHECK": "pre-checks found what must be mended first",
    "NO_SPACE": "a file system of the host is full or has no free inode",
    "UNSAFE_PATH": "a path on the host can be changed by others, or is not what it must be",
    "RUNS_ELSEWHERE": "the service already runs from outside its root",
    "ADOPT": "what runs cannot be taken over as it is",
    "HOST_ERROR": "the host program failed in a way that it does not know",
    # the host's state table
    "STATE": "the event does not fit the state that the service is in",
    "PREVIOUS": "current is not the release that the plan expects",
    "BUSY": "another activation of this host is under way",
    "FENCED": "the lease number is older than one that the host has seen",
    "CLOSED": "the change was taken back and may not go on",
    "TOKEN": "the confirm token is not the one of this activation",
    "DEADLINE": "the deadline has passed: the host goes back",
    "REBOOTED": "the host was rebooted since the activation began",
    "BACK_UNTIL": "the time for going back has passed",
    "NOT_OURS": "current was not put there by this change",
    "ACTIVATION": "an activation failed and was taken back",
    "PROBE": "a probe failed",
    "SUITE": "a suite of the site's tests cannot be run, or holds no test",
    "TEST": "a test of the site's failed",
    "RELEASE_UNSEEN": "the service answers, but nothing proves that it is the new release",
    "REVERT_FAILED": "going back failed as often as it may be tried",
    # people, keys and approvals
    "SIG_INVALID": "a signature or public key cannot be read, or the signature is not of these bytes by this key",
    "NAMESPACE": "a signature was made for another use",
    "ALG": "a kind or size of key, or an algorithm, that never counts",
    "PRESENCE": "nobody touched the FIDO key that signed",
    "KEY": "the key that signed is nobody's, or was not this person's to sign with at that time",
    "STATEMENT": "what was signed is not a statement, or not the one of this plan",
    "SIGNING": "ssh-keygen could not sign or verify here",
    "SELF": "somebody approves what they themselves asked for, made or carry out",
    "QUORUM": "not enough distinct people of the groups that policy asks for have approved",
    "STRENGTH": "an approval is not as strong as policy asks for",
    "EXPIRED": "an approval has run out",
    "ABSENT": "an approval was given by somebody who was absent then",
    "VETO": "somebody has rejected the change",
    "WITHDRAWN": "an approval was taken back, and does not count again for the same plan",
    "APPROVAL": "policy asks for approval, and the change was not handed in for it",
    "RULES": "the rules for approval are not the ones that the change was planned under",
    "REVIEW": "the review of an emergency is overdue, and keeps the next one from beginning",
    # the run
    "NO_CHANGE": "no such change",
    "NOT_OPEN": "the change is closed",
    "PAUSED": "a paused change waits for resume, rollback or close",
    "WINDOW": "no window is open for the change, a freeze holds, or its own window is over or has not begun",
    "RUNTIME": "a rollout takes longer than its max_runtime, and opens no further wave",
    "CATCH_UP": "the time for catching up hosts that were down has passed",
    "LEASE": "another run rolls this service out now",
    "LEASE_LOST": "this run no longer holds the lease",
    "WAVE": "the batch is not the plan's next wave",
    "FLOOR": "too few hosts are up for this wave",
    "BUDGET": "more hosts failed than the failure budget allows",
    "DRIFT": "the world differs from the plan",
    "TASKS": "a change's own tasks failed, or are not the ones that were planned",
    "CHECK": "a change's check does not find what was to be there, or says nothing",
    "ONCE": "tasks that run once per change failed, or nobody knows whether they were done",
    "NO_RETURN": "the change is past a step that has no way back",
    "ANSIBLE": "a task failed that is not one of Tidegate's",
    "BROKEN": "a step broke off in a way that Tidegate does not know, or by a time limit of Ansible's",
    "INTERRUPTED": "the run was interrupted",
    "ELSEWHERE": "an approval given in another system is not there, does not count, or cannot be asked for",
    "STORE": "the store cannot be used",
    "STORE_AWAY": "the store in PostgreSQL cannot be reached, or takes nothing now",
    "STORE_SCHEMA": "the store was written by a newer Tidegate, or has to be brought up to date by its owner",
    "LEDGER": "the ledger is not what it was, or this controller may not sign it",
}


class Refusal(Exception):
    """Something in the world is not as it must be.

    Args:
        code: a key of `CODES`; stable, for programs.
        message: for people: what was found, what was expected, what to do next.
        facts: details for programs, of the kinds that canonical JSON knows.
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        if code not in CODES:
            raise ValueError(f"no such refusal code: {code}")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.facts = facts
'''

# plugins/module_utils/core/canonical.py
MODULES["canonical"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: one value, one sequence of bytes, one digest.

The subset of RFC 8785 in which it cannot be misread: objects with ASCII keys, arrays, strings without lone
surrogates, integers below 2^53, booleans and null. Floats, duplicate keys and anything after the document are refused.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64

_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any) -> bytes:
    """The canonical bytes of a value, without a trailing newline.

    Raises:
        ValueError: the value holds something that canonical JSON does not know.
    """
    if not _fits(value, 0):
        _check(value, "$", 0)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def loads(data: bytes, max_bytes: int = 64 * 1024 * 1024) -> Any:
    """The value of a JSON document, parsed strictly; it need not be in canonical form.

    Raises:
        ValueError: not UTF-8, not JSON, too large, or holds what canonical JSON does not know.
    """
    if len(data) > max_bytes:
        raise ValueError(f"document of {len(data)} bytes, at most {max_bytes} are read")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from None
    if not _fits(value, 0):
        _check(value, "$", 0)
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes of a value, in hexadecimal."""
    import hashlib  # it loads OpenSSL, which takes as long as all else that a step of the host program imports

    return hashlib.sha256(dumps(value)).hexdigest()


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _value in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} appears twice")
    return value


def _refuse_number(text: str) -> Any:
    raise ValueError(f"number {text!r} is not an integer")


def _fits(value: Any, depth: int) -> bool:
    """Whether all is plainly canonical; where not, `_check` says what is odd, or that a subclass is as good."""
    kind = type(value)
    if kind is str:
        return value.isascii() or not _SURROGATE.search(value)
    if kind is int:
        return bool(abs(value) <= MAX_INTEGER)
    if kind is dict:
        deeper = depth + 1
        return depth < MAX_DEPTH and all(
            isinstance(key, str) and key.isascii() and _fits(item, deeper) for key, item in value.items()
        )
    if kind is list:
        deeper = depth + 1
        return depth < MAX_DEPTH and all(_fits(item, deeper) for item in value)
    return value is None or kind is bool


def _check(value: Any, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"{where}: nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError(f"{where}: integer {value} is not below 2^53")
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            raise ValueError(f"{where}: string with a lone surrogate")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"{where}: key {key!r} is not an ASCII string")
            _check(item, f"{where}.{key}", depth + 1)
    else:
        raise ValueError(f"{where}: {type(value).__name__} is not canonical JSON")
'''

# plugins/module_utils/core/merkle.py
MODULES["merkle"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merkle trees as in RFC 6962, section 2.1: roots, and proofs that an outsider can check.

Hashes are 32 bytes. Leaves are given as their hashes; `leaf_hash` makes one from what the leaf says.

* A `Frontier` keeps what the next append needs, one hash per bit of the size: it grows in O(log n).
* A `Tree` keeps all complete subtrees, and makes proofs from them in O(log² n).
* The two ``verify_`` functions know only what an outsider is shown. They answer false, whatever that holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, 2.1: a byte 0 tells it from a node)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node (RFC 6962, 2.1: a byte 1 tells it from a leaf)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a tree that grows, largest first.

    Args:
        size: number of leaves.
        nodes: one hash per bit that is set in the size.

    Raises:
        ValueError: the number of hashes does not fit the size.
    """

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if size < 0 or len(self.nodes) != bin(size).count("1") or any(len(node) != HASH_BYTES for node in self.nodes):
            raise ValueError(f"a frontier of {len(self.nodes)} hashes does not fit {size} leaves")

    def append(self, leaf: bytes) -> None:
        """Add a leaf behind all others."""
        size = self.size
        while size & 1:
            leaf = node_hash(self.nodes.pop(), leaf)
            size >>= 1
        self.nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.nodes:
            return EMPTY_ROOT
        found = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            found = node_hash(node, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of a tree over leaves in their order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Tree:
    """All complete subtrees over leaves; about 130 MB for a million."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def root(self, size: int | None = None) -> bytes:
        """The root over the first leaves; over all, unless a size is given."""
        size = self.size if size is None else size
        self._require(0 <= size <= self.size, f"no tree of {size} leaves")
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The path that proves a leaf to be in the tree over the first leaves (RFC 6962, 2.1.1).

        Raises:
            ValueError: the leaf is not in it.
        """
        size = self.size if size is None else size
        self._require(0 <= index < size <= self.size, f"leaf {index} is not in a tree of {size}")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """The path that proves that a tree only grew (RFC 6962, 2.1.2). It is empty for an empty or the same tree.

        Raises:
            ValueError: the old one is larger.
        """
        size = self.size if size is None else size
        self._require(0 <= old <= size <= self.size, f"a tree of {size} did not grow from one of {old}")
        path: list[bytes] = []
        low, high, whole = 0, size, True
        while 0 < old < high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._range(low, high))
        return path[::-1]

    def _range(self, low: int, high: int) -> bytes:
        count = high - low
        if count & (count - 1) == 0:
            return self._levels[count.bit_length() - 1][low // count]
        middle = low + _split(count)
        return node_hash(self._range(low, middle), self._range(middle, high))

    @staticmethod
    def _require(right: bool, message: str) -> None:
        if not right:
            raise ValueError(message)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path proves that a leaf is at an index of the tree with this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for node in path:
        if last == 0 or len(node) != HASH_BYTES:
            return False
        if at & 1 or at == last:
            found = node_hash(node, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, node)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path proves that one tree only grew into the other (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == 0:
        return not path and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old == size:
        return not path and old_root == root
    nodes = list(path) if old & (old - 1) else [old_root, *path]
    if not nodes or any(len(node) != HASH_BYTES for node in nodes):
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, node)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _split(count: int) -> int:
    """The largest power of two below a number (RFC 6962, 2.1)."""
    return 1 << ((count - 1).bit_length() - 1)
'''

# plugins/module_utils/core/entries.py
MODULES["entries"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the ledger: canonical documents, each of which names the one before it by its hash.

Invariants:

* An `Entry` exists only when its bytes were canonical, of a known kind, and no longer than `MAX_BYTES`.
* Every text in it is normalized (NFC), so that two entries that read alike are alike.
* It holds names, numbers, times and digests. What people write freely is in it as a digest only: it may hold a secret.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any, NamedTuple, Optional

from . import canonical
from .merkle import leaf_hash

KINDS = {
    # the log itself
    "log.begun": "the log begins; its name, which every checkpoint repeats",
    "log.key": "the key that signs checkpoints from now on; a later one carries a signature by the one before",
    # changes
    "change.planned": "a plan was recorded: a new change, or a new revision of one",
    "change.moved": "a change passed from one state to another",
    # runs
    "run.begun": "a process begins to work on a change",
    "run.bound": "a run that began without a plan has made it",
    "wave.opened": "a wave may be activated",
    "wave.closed": "a wave is confirmed or taken back",
    "hosts.recorded": "what was noted about hosts since the last such entry, as a digest over those notes",
    "run.halted": "no further wave of a run opens, and why",
    "run.ended": "a run has ended, and how",
    "once.moved": "where a task that runs once per change stands",
    "lease.taken": "a run may roll a service out, under this number",
    "notes.recorded": "what a process noted while the store was away is recorded now; what no longer fitted is left out",
    # decisions
    "approval.given": "a person approved a statement",
    "approval.withdrawn": "a person took an approval back",
    "approval.vetoed": "a person vetoed a statement",
    "approval.used": "a run begins by the approvals of a statement",
    "evidence.seen": "what another system said about a change",
    "denied": "something was refused: by whom it was asked for, and why it was refused",
    "denied.more": "how often the same source was refused beyond the entries that it has",
    "gate.observed": "a run outside of Tidegate that a gate would have refused or let through",
    "gate.refused": "a run outside of Tidegate that a gate refused",
    "gate.passed": "a run outside of Tidegate that a gate let through",
    # records
    "record.batch": "results of a run outside of Tidegate, as a digest over them",
    "record.signed": "the record of a change was signed",
}
"""Every kind of entry, with what it means."""

NO_ENTRY = "0" * 64
"""What the first entry names instead of the one before it."""

MAX_BYTES = 16 * 1024
MAX_ACTOR = 200

_FIELDS = {"index", "previous", "at", "kind", "actor", "change", "body"}
_HASH = re.compile(r"[0-9a-f]{64}")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class Entry(NamedTuple):
    """One line of the ledger, as its document says it."""

    index: int  # type: ignore[assignment]  # the word of the documents; nobody looks things up in one
    previous: str
    at: str
    kind: str
    actor: str
    change: Optional[str]
    body: dict[str, Any]


def compose(
    index: int, previous: str, at: str, kind: str, actor: str, body: dict[str, Any], change: str | None = None
) -> bytes:
    """The canonical document of an entry.

    Args:
        index: its place in the log, from 0.
        previous: `leaf` of the entry before; `NO_ENTRY` for the first.
        at: when it was written, UTC, to the microsecond.
        kind: a key of `KINDS`.
        actor: the person, or ``user@host`` of the process.
        body: small facts that the caller picked from an allow-list.
        change: the id of the change that it is about.

    Raises:
        ValueError: a kind that is not in the table, a document that is too large, or what canonical JSON does not know.
    """
    entry = Entry(index, previous, at, kind, _normalized(actor[:MAX_ACTOR]), _normalized(change), _normalized(body))
    _require_fields(entry)
    document = canonical.dumps(entry._asdict())
    _require_size(document)
    return document


def parse(document: bytes) -> Entry:
    """The entry that a document says, parsed strictly.

    Raises:
        ValueError: it is not canonical, not normalized, too large, or not an entry of a known kind.
    """
    _require_size(document)
    value = canonical.loads(document)
    if canonical.dumps(value) != document:
        raise ValueError("not in canonical form")
    if not document.isascii() and not unicodedata.is_normalized("NFC", document.decode("utf-8")):
        raise ValueError("a text that is not normalized (NFC)")
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise ValueError(f"an entry has exactly the fields {', '.join(sorted(_FIELDS))}")
    entry = Entry(**value)
    _require_fields(entry)
    return entry


def digest_of(text: str | None) -> str | None:
    """What an entry holds of a text that people or programs write freely."""
    return None if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def leaf(document: bytes) -> str:
    """The hash by which the next entry names this one, and the tree holds it; in hexadecimal."""
    return leaf_hash(document).hex()


def _require_size(document: bytes) -> None:
    if len(document) > MAX_BYTES:
        raise ValueError(f"{len(document)} bytes, at most {MAX_BYTES} are an entry")


def _require_fields(entry: Entry) -> None:
    if isinstance(entry.index, bool) or not isinstance(entry.index, int) or entry.index < 0:
        raise ValueError(f"index {entry.index!r} is not a number from 0 on")
    if not (isinstance(entry.previous, str) and _HASH.fullmatch(entry.previous)):
        raise ValueError(f"previous {entry.previous!r} is not a SHA-256 in hexadecimal")
    if not (isinstance(entry.at, str) and _AT.fullmatch(entry.at)):
        raise ValueError(f"at {entry.at!r} is not a moment such as 2026-11-28T13:00:00.000000Z")
    if not isinstance(entry.kind, str) or entry.kind not in KINDS:
        raise ValueError(f"kind {entry.kind!r} is not known")
    if not isinstance(entry.actor, str):
        raise ValueError("actor is not a text")
    if entry.change is not None and not isinstance(entry.change, str):
        raise ValueError("change is neither a text nor null")
    if not isinstance(entry.body, dict):
        raise ValueError("body is not an object")


def _normalized(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {_normalized(key): _normalized(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normalized(item) for item in value]
    return value
'''

# plugins/module_utils/core/checkpoint.py
MODULES["checkpoint"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: the size and root of a log at a moment, as a signed note that anybody can keep.

In the spirit of C2SP's tlog-checkpoint: origin, size and root, one a line, and lines of our own behind them: when it
was made, and the roots of the complete subtrees. Root and subtrees say the same; with the subtrees, whoever finds
another log can say where it differs first. An empty line and an armored SSHSIG over the lines before it follow.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from .merkle import Frontier

NAMESPACE = "checkpoint@tidegate"
KEY_NAMESPACE = "log-key@tidegate"
ORIGIN = "tidegate/"
MAX_BYTES = 16 * 1024

_ORIGIN = re.compile(re.escape(ORIGIN) + r"[0-9a-f]{32}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,14}")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class Checkpoint(NamedTuple):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes
    at: str
    nodes: tuple[bytes, ...]

    def text(self) -> bytes:
        """The lines that are signed."""
        nodes = "".join(f" {_encoded(node)}" for node in self.nodes)
        lines = (self.origin, str(self.size), _encoded(self.root), f"at {self.at}", f"subtrees{nodes}")
        return "".join(f"{line}\n" for line in lines).encode("ascii")


class Note(NamedTuple):
    """A checkpoint with its signature, which nobody has verified yet."""

    checkpoint: Checkpoint
    signature: str

    def data(self) -> bytes:
        """The note as a file holds it."""
        return self.checkpoint.text() + b"\n" + self.signature.encode("ascii")


def of(origin: str, at: str, frontier: Frontier) -> Checkpoint:
    """The checkpoint of a log as it is now."""
    return Checkpoint(origin, frontier.size, frontier.root(), at, tuple(frontier.nodes))


def parse(data: bytes) -> Note:
    """The checkpoint in a note, parsed strictly.

    Raises:
        ValueError: it is not one, with what is odd.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes, at most {MAX_BYTES} are a checkpoint")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("not ASCII") from None
    head, separator, signature = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or len(lines) != 5:
        raise ValueError("not five lines, an empty one and a signature")
    checkpoint = _checkpoint(lines)
    if checkpoint.text() != head.encode("ascii") + b"\n":
        raise ValueError("not in its one form")
    return Note(checkpoint, signature)


def key_text(origin: str, key: str) -> bytes:
    """What the key of a log signs to hand over to the next one."""
    return f"{origin}\nkey {key}\n".encode()


def _checkpoint(lines: Sequence[str]) -> Checkpoint:
    origin, size, root, at, subtrees = lines
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(f"origin {origin[:80]!r} is not that of a log of Tidegate")
    if not _SIZE.fullmatch(size):
        raise ValueError(f"size {size[:20]!r} is not a number")
    if not _AT.fullmatch(at[len("at ") :]) or not subtrees.startswith("subtrees"):
        raise ValueError("no time, or no subtrees")
    nodes = tuple(_decoded(text) for text in subtrees.split(" ")[1:])
    if Frontier(int(size), nodes).root() != _decoded(root):
        raise ValueError("root and subtrees do not say the same")
    return Checkpoint(origin, int(size), _decoded(root), at[len("at ") :], nodes)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(f"{text[:60]!r} is not base64") from None
'''

# plugins/module_utils/core/audit.py
MODULES["audit"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a log is what it was: the same questions for the store's own audit and for an outsider with an export.

* `walk` reads the entries in order, and names the first that does not fit, and how.
* `Evidence` then holds what was walked against checkpoints: those of the log, and older ones that somebody kept.

Nothing here reads a file or runs a program: entries are handed in as bytes, and so is what verifies a signature.

What is found has one of the kinds of `KINDS`, the first entry that is bad, and the last that may be the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Optional

from . import checkpoint as checkpoints
from . import entries
from .checkpoint import Checkpoint, Note
from .merkle import Frontier

KINDS = {
    "edited": "an entry says something else than it did",
    "deleted": "entries are missing between others",
    "inserted": "an entry was put between others",
    "reordered": "entries are not in their order",
    "truncated": "entries at the end are missing",
    "rewritten": "entries were changed, and all behind them made to fit",
    "forked": "the key of the log has signed two histories",
    "restored": "the log was set back to an older state, and went on from there",
    "origin": "a checkpoint is of another log",
    "signature": "a checkpoint or a key is not signed by the key that it must be signed by",
    "rows": "a row of the store is not what its entry says",
}
"""Every kind of finding, with what it means."""

Verify = Callable[[str, str, bytes, str], bool]
"""Whether a signature is true: the key as a line, the namespace, the message, the armored signature."""

Row = tuple[int, bytes, Optional[str]]
"""The number that a store or file gives an entry, the entry's document, and its hash as a store keeps it beside it."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    kind: str
    message: str
    first: Optional[int] = None
    last: Optional[int] = None

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.message}"


class Key(NamedTuple):
    """A key that the log names, and where."""

    index: int  # type: ignore[assignment]  # the word of the documents; nobody looks things up in one
    line: str
    signature: Optional[str]


class Walked(NamedTuple):
    """A log that was read from its first entry to its last, or to the first that does not fit."""

    origin: str
    size: int
    frontiers: dict[int, Frontier]
    keys: list[Key]
    finding: Optional[Finding]
    late: dict[str, int]

    def frontier(self) -> Frontier:
        """That of all entries."""
        return self.frontiers[self.size]


def walk(
    rows: Iterable[Row],
    sizes: Collection[int] = (),
    moments: Collection[str] = (),
    see: Callable[[entries.Entry], None] = lambda entry: None,
) -> Walked:
    """Read a log, and see that each entry names its place and the one before it.

    Args:
        rows: in the order in which they are kept.
        sizes: of the checkpoints that it will be held against.
        moments: after which of them the first entry is looked for, for each size below which it may not lie.
        see: told of every entry that fits.
    """
    wanted, frontier, walker = set(sizes), Frontier(), _Walker(moments)
    frontiers: dict[int, Frontier] = {0: Frontier()}
    stream = iter(rows)
    for row in stream:
        finding = walker.step(row, stream)
        if finding is not None:
            frontiers[frontier.size] = frontier
            return Walked(walker.origin, frontier.size, frontiers, walker.keys, finding, walker.late)
        frontier.append(bytes.fromhex(walker.leaf))
        if frontier.size in wanted:
            frontiers[frontier.size] = Frontier(frontier.size, frontier.nodes)
        see(walker.entry)
    frontiers[frontier.size] = frontier
    return Walked(walker.origin, frontier.size, frontiers, walker.keys, None, walker.late)


class _Walker:
    """Where a walk stands."""

    def __init__(self, moments: Collection[str]) -> None:
        self.index = 0
        self.leaf = entries.NO_ENTRY
        self.entry: entries.Entry
        self.origin = ""
        self.keys: list[Key] = []
        self.late: dict[str, int] = {}
        self._moments = sorted(moments)

    def step(self, row: Row, rest: Iterator[Row]) -> Finding | None:
        """Take the next entry, or say why it does not fit."""
        at, (number, document, kept) = self.index, row
        try:
            entry = entries.parse(document)
        except ValueError as error:
            return Finding("edited", f"entry {at} is not an entry any more: {error}", at, at)
        if entry.index != at or entry.previous != self.leaf or number != at:
            return _misfit(at, self.leaf, row, entry, rest)
        leaf = entries.leaf(document)
        if kept is not None and kept != leaf:
            return Finding("edited", f"entry {at} was edited: it is not what its hash was made of", at, at)
        if at == 0 and not _begins(entry):
            return Finding("edited", "entry 0 does not name the log", 0, 0)
        self._take(entry)
        self.index, self.leaf, self.entry = at + 1, leaf, entry
        return None

    def _take(self, entry: entries.Entry) -> None:
        if entry.index == 0:
            self.origin = f"{checkpoints.ORIGIN}{entry.body['log']}"
        elif entry.kind == "log.key":
            signature = entry.body.get("signature")
            self.keys.append(
                Key(entry.index, str(entry.body.get("key")), None if signature is None else str(signature))
            )
        while self._moments and entry.at > self._moments[0]:
            self.late[self._moments.pop(0)] = entry.index


def _begins(entry: entries.Entry) -> bool:
    return entry.kind == "log.begun" and isinstance(entry.body.get("log"), str)


def _misfit(at: int, leaf: str, row: Row, entry: entries.Entry, rest: Iterator[Row]) -> Finding:
    """What was done to a log whose entry at a place does not belong there."""
    number, document, _kept = row
    if entry.previous == leaf:  # it follows the one before it, so that only what it is called can be wrong
        found = f"it says {entry.index}" if entry.index != at else f"it is kept as {number}"
        return Finding("edited", f"entry {at} was edited: {found}", at, at)
    following = next(rest, None)
    if entry.index == at:
        return _edited(at, entries.leaf(document), following)
    if entry.index < at:
        return _inserted(at, entry.index, entries.leaf(document), following)
    if any(_index(row) == at for row in _rest(following, rest)):
        return Finding("reordered", f"entry {at} comes behind entry {entry.index}", at, at)
    missing = f"entry {at} is" if entry.index == at + 1 else f"entries {at} to {entry.index - 1} are"
    return Finding("deleted", f"{missing} missing", at, at)


def _edited(at: int, leaf: str, following: Row | None) -> Finding:
    """The entry names another one before it than there is: one of the two was edited."""
    if at == 0 or (following is not None and _previous(following) != leaf):
        return Finding("edited", f"entry {at} was edited", at, at)
    if following is not None:
        return Finding("edited", f"entry {at - 1} was edited", at - 1, at - 1)
    return Finding("edited", f"entry {at - 1} was edited, or what entry {at} says about it", at - 1, at)


def _inserted(at: int, index: int, leaf: str, following: Row | None) -> Finding:
    """There are two for one place; the right one is that which the next entry names."""
    first = index if index == at - 1 and following is not None and _previous(following) == leaf else at
    return Finding("inserted", f"there is more than one entry {index}: one was inserted at place {first}", first, at)


def _rest(following: Row | None, rest: Iterator[Row]) -> Iterator[Row]:
    if following is not None:
        yield following
    yield from rest


def _index(row: Row) -> int | None:
    try:
        return entries.parse(row[1]).index
    except ValueError:
        return None


def _previous(row: Row) -> str | None:
    try:
        return entries.parse(row[1]).previous
    except ValueError:
        return None


class Evidence:
    """Holds a log against checkpoints.

    Args:
        walked: the log, of which every entry fits.
        verify: verifies signatures.
        trusted: the key that an outsider knows, as a line; None takes the first that the log names.
    """

    def __init__(self, walked: Walked, verify: Verify, trusted: str | None = None) -> None:
        self._walked = walked
        self._verify = verify
        self._trusted = trusted
        self.own = 0
        """Size of the largest checkpoint of the log itself that agrees."""
        self.kept_by_others = 0
        """Size of the largest checkpoint that agrees and was kept elsewhere."""

    def keys(self) -> Iterator[Finding]:
        """The log's keys: each after the first is signed by the one before it, and one is the key that is trusted."""
        before: Key | None = None
        for key in self._walked.keys:
            message = checkpoints.key_text(self._walked.origin, key.line)
            if before is not None and not (
                key.signature is not None
                and self._verify(before.line, checkpoints.KEY_NAMESPACE, message, key.signature)
            ):
                yield Finding(
                    "signature", f"entry {key.index}: the key before did not sign the new one", key.index, key.index
                )
            before = key
        if self._trusted is not None and self._trusted not in (key.line for key in self._walked.keys):
            yield Finding("signature", "the log does not name the key that you trust")

    def of_the_log(self, notes: Sequence[Note]) -> Iterator[Finding]:
        """The checkpoints that the log itself kept."""
        for note in sorted(notes, key=lambda note: note.checkpoint.size):
            found = self._foreign(note) or self._shorter(note.checkpoint, "the log's own") or self._unsigned(note)
            if found is None and self._differs(note.checkpoint):
                first, last = self._where(note.checkpoint, self.own)
                what = f"the log's own checkpoint of {note.checkpoint.size} entries has another root"
                found = Finding("rewritten", f"{what}: {_among(first, last)}", first, last)
            if found is not None:
                yield found
                return
            self.own = note.checkpoint.size

    def kept(self, note: Note, name: str) -> Finding | None:
        """A checkpoint that somebody else kept: an outsider, or a witness.

        Args:
            name: what it is called in the finding.
        """
        found = self._foreign(note) or self._shorter(note.checkpoint, name)
        if found is None and self._differs(note.checkpoint):
            found = self._other_history(note, name)
        if found is None:
            found = self._unsigned(note)
        if found is None:
            self.kept_by_others = max(self.kept_by_others, note.checkpoint.size)
        return found

    def _foreign(self, note: Note) -> Finding | None:
        if note.checkpoint.origin == self._walked.origin or not self._walked.size:
            return None
        return Finding("origin", f"a checkpoint is of {note.checkpoint.origin}, this log is {self._walked.origin}")

    def _unsigned(self, note: Note) -> Finding | None:
        checkpoint = note.checkpoint
        keys = [key for key in self._walked.keys if key.index < checkpoint.size]
        if keys and self._verify(keys[-1].line, checkpoints.NAMESPACE, checkpoint.text(), note.signature):
            return None
        what = f"the checkpoint of {checkpoint.size} entries is not signed by the log's key"
        return Finding("signature", what)

    def _shorter(self, checkpoint: Checkpoint, name: str) -> Finding | None:
        size = self._walked.size
        if checkpoint.size <= size:
            return None
        late = self._walked.late.get(checkpoint.at)
        if late is not None:
            return self._restored(checkpoint, late, name)
        what = f"there are {size} entries, {name} checkpoint has {checkpoint.size}"
        return Finding("truncated", f"{what}: entries {size} to {checkpoint.size - 1} are missing", size, size)

    def _restored(self, checkpoint: Checkpoint, late: int, name: str) -> Finding:
        what = f"{name} checkpoint of {checkpoint.at} had {checkpoint.size} entries"
        return Finding("restored", f"{what}, but entry {late} was written later: the log was set back", late, late)

    def _differs(self, checkpoint: Checkpoint) -> bool:
        return self._walked.frontiers[checkpoint.size].root() != checkpoint.root

    def _other_history(self, note: Note, name: str) -> Finding:
        checkpoint = note.checkpoint
        late = self._walked.late.get(checkpoint.at)
        if late is not None and late < checkpoint.size:
            return self._restored(checkpoint, late, name)
        first, last = self._where(checkpoint, self.kept_by_others)
        what = f"{name} checkpoint of {checkpoint.size} entries has another root"
        if self.own >= checkpoint.size and self._unsigned(note) is None:
            return Finding("forked", f"{what}, and the log's key signed both: {_among(first, last)}", first, last)
        return Finding("rewritten", f"{what}: {_among(first, last)}", first, last)

    def _where(self, checkpoint: Checkpoint, agreed: int) -> tuple[int, int]:
        """Between which entries the first lies that differs: in the first complete subtree that does, and not before
        what a smaller checkpoint of the same history agreed about."""
        first = 0
        for ours, theirs, count in zip(
            self._walked.frontiers[checkpoint.size].nodes, checkpoint.nodes, _subtrees(checkpoint.size)
        ):
            if ours != theirs:
                return max(first, min(agreed, first + count - 1)), first + count - 1
            first += count
        raise ValueError("the checkpoint does not differ")


def _subtrees(size: int) -> Iterator[int]:
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            yield 1 << bit


def _among(first: int, last: int) -> str:
    return f"the first bad entry is {first}" if first == last else f"the first bad entry is one of {first} to {last}"


def judge(
    walked: Walked,
    own: Sequence[Note],
    kept: Sequence[tuple[str, Note]],
    verify: Verify,
    trusted: str | None = None,
) -> list[Finding]:
    """All that is wrong with a log. One whose entries do not fit each other is not asked further.

    Args:
        own: the checkpoints of the log itself.
        kept: those that others kept, each with what it is called.
        trusted: the key that an outsider knows, as a line.
    """
    if walked.finding is not None:
        return [walked.finding]
    evidence = Evidence(walked, verify, trusted)
    found = [*evidence.keys(), *evidence.of_the_log(own)]
    for name, note in sorted(kept, key=lambda each: each[1].checkpoint.size):
        finding = evidence.kept(note, name)
        if finding is not None:
            found.append(finding)
    return found


def wanted(notes: Iterable[Note]) -> tuple[set[int], set[str]]:
    """The sizes and moments that `walk` has to look for, for these checkpoints."""
    seen = [note.checkpoint for note in notes]
    return {checkpoint.size for checkpoint in seen}, {checkpoint.at for checkpoint in seen}
'''

# plugins/module_utils/core/record.py
MODULES["record"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one change, and how an outsider checks it without the rest of the log.

It is three documents in one: ``record`` says what happened; ``signature`` is the log key's over its canonical bytes;
``proof`` is the change's entries with the paths that prove them to be in the log of a signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import canonical, entries
from . import checkpoint as checkpoints
from .merkle import Tree, verify_inclusion

NAMESPACE = "record@tidegate"

Verify = Callable[[str, str, bytes, str], bool]
"""As `audit.Verify`."""


def message(content: dict[str, Any]) -> bytes:
    """What is signed of a record."""
    return canonical.dumps(content)


def proof(note: checkpoints.Note, documents: Sequence[tuple[int, bytes]], tree: Tree) -> dict[str, Any]:
    """The proof that entries are in the log of a checkpoint.

    Args:
        documents: index and document of each; those behind the checkpoint are left out.
        tree: over all entries of the checkpoint at least.
    """
    size = note.checkpoint.size
    return {
        "checkpoint": note.data().decode("ascii"),
        "entries": [
            {"document": document.decode("utf-8"), "path": [node.hex() for node in tree.inclusion(index, size)]}
            for index, document in documents
            if index < size
        ],
    }


def problems(whole: dict[str, Any], verify: Verify, key: str) -> Iterator[str]:
    """Everything about a record that is not proved.

    Args:
        whole: the record with signature and proof.
        key: the log's public key, as a line.

    Raises:
        ValueError: it is not a record.
    """
    try:
        content, signature, shown = whole["record"], whole["signature"], whole["proof"]
        note = checkpoints.parse(shown["checkpoint"].encode("ascii"))
        listed = [
            (each["document"].encode("utf-8"), [bytes.fromhex(node) for node in each["path"]])
            for each in shown["entries"]
        ]
        change = content["change"]["id"]
    except (KeyError, TypeError, AttributeError, UnicodeError) as error:
        raise ValueError(f"not a record of a change: {error!r}") from None
    if not verify(key, checkpoints.NAMESPACE, note.checkpoint.text(), note.signature):
        yield "its checkpoint is not signed by the log's key"
    for document, path in listed:
        entry = entries.parse(document)
        leaf = bytes.fromhex(entries.leaf(document))
        if entry.change != change or not verify_inclusion(
            leaf, entry.index, note.checkpoint.size, path, note.checkpoint.root
        ):
            yield f"entry {entry.index} is not proved to be in the log, or is of another change"
    if not signature:
        yield "nobody has signed it: the change has not ended, or something happened to it since"
    elif not verify(key, NAMESPACE, message(content), str(signature)):
        yield "it is not what was signed"
'''

# plugins/module_utils/core/statement.py
MODULES["statement"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement: the exact bytes that people sign about a change.

Invariants:

* A `Statement` exists only when its bytes were the canonical form of a document with exactly these fields.
* Its id is the digest of those bytes; it is of one type, and each type is signed in a namespace of its own, so that a
  request, a veto or a withdrawal is never an approval.
* It names every host, sorted, so that a host which it does not name is not covered; fewer of its hosts always are.

``uid`` of a host is empty until the host is enrolled. ``back_for_s`` is for how long after its confirmation a host may go
back: a host makes its own moment ``back_until`` of it. ``min_trust`` is 0 where no trust bundle is asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
APPROVAL, REQUEST, VETO, WITHDRAWAL = TYPES = ("approval", "request", "veto", "withdrawal")

_HEX64 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True)
class Statement:
    """A statement that has been checked. Make one with `parse` or `of`, never directly.

    Args:
        data: its exact bytes.
        doc: what they say; treat it as frozen.
    """

    data: bytes
    doc: Mapping[str, Any]

    @classmethod
    def parse(cls, data: bytes) -> Statement:
        """The statement in its exact bytes.

        Raises:
            Refusal: STATEMENT, naming the field that is not as it must be.
        """
        try:
            doc = canonical.loads(data, MAX_BYTES)
            exact = canonical.dumps(doc) == data
        except ValueError as error:
            raise Refusal("STATEMENT", f"found {error}, expected a statement as Tidegate exports it") from None
        if not exact:
            raise Refusal("STATEMENT", "found a statement that is not in its canonical form; export it again")
        _require("the statement", doc, _FIELDS)
        _require_hosts(doc["hosts"])
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Statement:
        """The statement that a document is.

        Raises:
            Refusal: as `parse`.
        """
        try:
            data = canonical.dumps(doc)
        except ValueError as error:
            raise Refusal("STATEMENT", f"found {error}, expected a document that can be signed") from None
        return cls.parse(data)

    @property
    def id(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def type(self) -> str:
        """One of `TYPES`."""
        return str(self.doc["type"])

    @property
    def namespace(self) -> str:
        """In which it is signed."""
        return namespace_of(self.type)

    @property
    def change(self) -> str:
        """The id of the change."""
        return str(self.doc["change"])

    @property
    def plan(self) -> str:
        """The digest of the plan."""
        return str(self.doc["plan"])

    @property
    def requester(self) -> str:
        """Who wants the change; empty where nobody is known."""
        return str(self.doc["requester"])

    def as_type(self, type: str, reason: str = "") -> Statement:  # noqa: A002 - the field's name
        """The statement of another type about the same plan."""
        return Statement.of({**self.doc, "type": type, "reason": reason})


def namespace_of(type: str) -> str:  # noqa: A002 - the field's name
    """The SSHSIG namespace of a type of statements."""
    return f"{type}@tidegate"


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 1000


def _name(value: Any) -> bool:
    return _text(value) and bool(value)


def _digest(value: Any) -> bool:
    return isinstance(value, str) and bool(_HEX64.fullmatch(value))


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moment(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(_MOMENT.fullmatch(value)))


def _window(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and set(value) == {"not_before", "not_after"} and all(map(_moment, value.values()))


def _digests(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_digest, value)) and sorted(set(value)) == value


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value in TYPES, f"one of {', '.join(TYPES)}"),
    "change": (_name, "the id of a change"),
    "revision": (lambda value: _count(value) and value > 0, "a number from 1"),
    "service": (_name, "the name of a service"),
    "environment": (_name, "the name of an environment"),
    "action": (_name, "what is done"),
    "artifact": (lambda value: value is None or _digest(value), "a SHA-256 digest or null"),
    "manifest": (_digest, "a SHA-256 digest"),
    "definitions": (_digests, "sorted SHA-256 digests, each once"),
    "plan": (_digest, "a SHA-256 digest"),
    "hosts": (lambda value: isinstance(value, list) and bool(value), "a list of hosts"),
    "window": (_window, "not_before and not_after in UTC, or null"),
    "back_for_s": (_count, "seconds"),
    "max_attempts": (lambda value: _count(value) and value > 0, "a number from 1"),
    "min_trust": (_count, "a number from 0"),
    "requester": (_text, "the name of a person, or nothing"),
    "rules": (lambda value: value is None or _digest(value), "a SHA-256 digest or null"),
    "reason": (_text, "text of at most 1000 characters"),
}
"""What each field is, and how that is said."""

_HOST_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_name, "the name of a host"),
    "uid": (_text, "the uid of an enrolled host, or nothing"),
    "previous": (_name, "the release that it runs now"),
}


def _require(where: str, doc: Any, fields: Mapping[str, tuple[Callable[[Any], bool], str]]) -> None:
    if not isinstance(doc, dict) or set(doc) != set(fields):
        raise Refusal("STATEMENT", f"{where}: found other fields, expected exactly {', '.join(sorted(fields))}")
    for name, (is_right, expected) in fields.items():
        if not is_right(doc[name]):
            raise Refusal("STATEMENT", f"{where}: {name} is not as it must be, expected {expected}")


def _require_hosts(hosts: list[Any]) -> None:
    for index, host in enumerate(hosts):
        _require(f"hosts[{index}]", host, _HOST_FIELDS)
    names = [host["name"] for host in hosts]
    if sorted(set(names)) != names:
        raise Refusal("STATEMENT", "hosts: found names in another order or twice, expected them sorted, each once")
'''

# plugins/module_utils/core/review.py
MODULES["review"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a statement is the one of a plan, every digest computed anew, and the plan in words.

The same code makes the statement on the controller and checks it where somebody signs who trusts neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from . import canonical
from .errors import Refusal
from .names import printable
from .statement import Statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PLAN_BYTES = 16 * 1024 * 1024


def fields_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement says of its plan, from the plan's document alone."""
    artifact, window = plan["artifact"], plan.get("window")
    return {
        "service": plan["service"],
        "environment": plan["environment"],
        "action": plan["action"],
        "artifact": None if artifact is None else artifact["sha256"],
        "manifest": plan["release"]["manifest"],
        "definitions": sorted(canonical.digest(document) for document in plan["definitions"].values()),
        "plan": canonical.digest(plan),
        "hosts": sorted(
            ({"name": host["name"], "uid": "", "previous": host["previous"]} for host in plan["hosts"]),
            key=lambda host: host["name"],
        ),
        "window": None if window is None else dict(window),
        "back_for_s": plan["back_for_s"],
        "rules": plan.get("rules"),
    }


def reviewed(statement: Statement, data: bytes) -> dict[str, Any]:
    """The plan in some bytes, once the statement is found to be about it.

    Args:
        statement: that is to be signed.
        data: of the plan.

    Raises:
        Refusal: STATEMENT, it is no plan, or another one; with all fields that differ.
    """
    try:
        plan = canonical.loads(data, MAX_PLAN_BYTES)
        expected = fields_of(plan)
        named = [canonical.digest(document) == digest for digest, document in plan["definitions"].items()]
        used = {host["definition"] for host in plan["hosts"]}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = f"{type(error).__name__}: {printable(str(error))}"
        raise Refusal("STATEMENT", f"found no plan ({said}), expected one as Tidegate exports it") from None
    differ = [name for name, value in expected.items() if value != statement.doc[name]]
    if not all(named) or used != set(plan["definitions"]):
        differ.append("the digests by which its hosts name their definitions")
    if differ:
        raise Refusal("STATEMENT", f"the statement is not about this plan: they differ in {', '.join(differ)}")
    return dict(plan)


def lines(statement: Statement, plan: Mapping[str, Any]) -> Iterator[str]:
    """What a statement says, in words, and then the whole plan; what a terminal would obey is made visible.

    Args:
        statement: about the plan.
        plan: as `reviewed` answered it.
    """
    doc = statement.doc
    window = doc["window"] or {}
    pairs = (
        ("decision", f"{doc['type']} of {doc['change']} revision {doc['revision']}"),
        ("reason", doc["reason"]),
        ("service", f"{doc['service']} in {doc['environment']}"),
        ("artifact", doc["artifact"] or "none"),
        ("window", " until ".join(window.get(key) or "any" for key in ("not_before", "not_after"))),
        ("wanted by", doc["requester"]),
        ("way back", f"for {doc['back_for_s']} s"),
        *(("host", f"{host['name']}, now on {host['previous']}") for host in doc["hosts"]),
        ("plan", doc["plan"]),
        ("statement", statement.id),
        ("sign it", f"ssh-keygen -Y sign -n {statement.namespace} -f KEY STATEMENT"),
    )
    for name, value in pairs:
        for at in range(0, len(value), 100):  # `printable` cuts what is long: in pieces, so that nothing is left out
            yield f"{name if at == 0 else '':<10} {printable(value[at : at + 100])}"
    yield ""
    yield from json.dumps(plan, indent=2, sort_keys=True, ensure_ascii=True).splitlines()
'''

# plugins/plugin_utils/ledger/signing.py
MODULES["signing"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log's key, and signatures by ``ssh-keygen``; nothing here but the standard library, so that an outsider has it too.

The private key lies beside the store, for its user only. Who can read it can sign another history; witnesses that lie
elsewhere are what makes that evident.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

TIMEOUT_S = 30
NAME = "log_key"
VARIABLE = "TIDEGATE_LOG_KEY"


class LogKey:
    """A key pair in files.

    Args:
        path: of the private key; the public one lies beside it.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def make(self) -> None:
        """Make the key pair, for its user only, where there is none; processes that make one at once make one.

        Raises:
            OSError: it cannot be made.
        """
        if os.path.exists(self.path):
            return
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.path), prefix=f"{NAME}.new-") as folder:
            made = os.path.join(folder, NAME)
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tidegate log", "-f", made])
            try:
                os.link(made, self.path)
            except FileExistsError:
                return
            os.replace(f"{made}.pub", f"{self.path}.pub")

    @property
    def line(self) -> str:
        """The public key: kind and base64, without a comment; asked of the private one, so that both belong together."""
        return " ".join(_run(["ssh-keygen", "-y", "-f", self.path]).split(" ")[:2]).strip()

    def sign(self, namespace: str, message: bytes) -> str:
        """The armored signature over a message.

        Raises:
            OSError: it cannot be made.
        """
        return _run(["ssh-keygen", "-q", "-Y", "sign", "-f", self.path, "-n", namespace], message)


def verify(key: str, namespace: str, message: bytes, signature: str) -> bool:
    """Whether a signature over a message was made by exactly one key, for one use.

    Args:
        key: as a line, without a comment.
        signature: armored.

    Raises:
        OSError: ssh-keygen is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        allowed, made = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text(f'log namespaces="{namespace}" {key}\n', encoding="utf-8")
        made.write_text(signature, encoding="utf-8")
        command = [
            "ssh-keygen",
            "-q",
            "-Y",
            "verify",
            "-f",
            str(allowed),
            "-I",
            "log",
            "-n",
            namespace,
            "-s",
            str(made),
        ]
        done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    return done.returncode == 0


def _run(command: list[str], message: bytes = b"") -> str:
    """What a command prints.

    Raises:
        OSError: it failed, with what it said.
    """
    done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}"
        raise OSError(f"{command[0]}: {said}")
    return done.stdout.decode("utf-8", "replace")
'''

# plugins/plugin_utils/ledger/verifier.py
MODULES["verifier"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks an export of the ledger: with the standard library and ssh-keygen, without Tidegate and without Ansible.

    python3 tidegate-verify.py EXPORT [--checkpoint OLD]... [--key PUB]
    python3 tidegate-verify.py plan STATEMENT PLAN
    python3 tidegate-verify.py record RECORD --key PUB

EXPORT is a folder that `ansible-playbook tidegate.deploy.audit -e tidegate_export=DIR` wrote. OLD is a checkpoint that
you kept from an earlier export, or from a witness; without one nobody can tell a log that was rewritten as a whole. PUB is
the public key of the log, as you were given it on another way. Exit 0: all is as it was. 1: it is not. 2: cannot be read.
STATEMENT and PLAN are the files that `ansible-playbook tidegate.deploy.approve -e tidegate_export=FILE` wrote: the plan is
shown, once the statement that is to be signed is found to be about it, every digest computed anew.
RECORD is what `ansible-playbook tidegate.deploy.history -e tidegate_json=FILE` wrote of one change.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tidegate_verify import audit, canonical, record
from tidegate_verify import checkpoint as checkpoints
from tidegate_verify.audit import Finding, Row, Walked
from tidegate_verify.checkpoint import Note
from tidegate_verify.entries import Entry
from tidegate_verify.errors import Refusal
from tidegate_verify.names import printable
from tidegate_verify.review import lines, reviewed
from tidegate_verify.statement import Statement
from tidegate_verify.signing import verify

GOOD, BAD, UNREADABLE = 0, 1, 2
EVERY = 100_000


def main(arguments: Sequence[str]) -> int:
    """Check an export, say what was found, and answer the exit code."""
    if arguments[:1] == ["plan"]:
        return show_plan(arguments[1:])
    if arguments[:1] == ["record"]:
        return show_record(arguments[1:])
    parser = argparse.ArgumentParser(description="Checks an export of the ledger of Tidegate.")
    parser.add_argument("export", help="the folder of the export")
    parser.add_argument(
        "--checkpoint", action="append", default=[], help="a checkpoint that you kept; more than one may be named"
    )
    parser.add_argument("--key", help="the public key of the log as you know it: a file with one line")
    asked = parser.parse_args(arguments)
    try:
        return _verdict(*check(Path(asked.export), [Path(path) for path in asked.checkpoint], _key(asked.key)))
    except OSError as error:
        return _unreadable(str(error))
    except ValueError as error:
        return _unreadable(f"a checkpoint that you named is not one: {error}")


def show_plan(arguments: Sequence[str]) -> int:
    """Check that a statement is about a plan, show both, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="tidegate-verify.py plan", description="Shows what is to be signed.")
    parser.add_argument("statement", help="the file that is to be signed")
    parser.add_argument("plan", help="the file beside it")
    asked = parser.parse_args(arguments)
    try:
        statement = Statement.parse(Path(asked.statement).read_bytes())
        plan = reviewed(statement, Path(asked.plan).read_bytes())
        sys.stdout.writelines(f"{line}\n" for line in lines(statement, plan))
    except OSError as error:
        return _unreadable(str(error))
    except Refusal as refusal:
        sys.stdout.write(f"BAD: {printable(refusal.message)}; do not sign\n")
        return BAD
    return GOOD


def show_record(arguments: Sequence[str]) -> int:
    """Check the record of one change, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="tidegate-verify.py record", description="Checks the record of one change.")
    parser.add_argument("record", help="the file that the verb history wrote")
    parser.add_argument("--key", required=True, help="the public key of the log as you know it: a file with one line")
    asked = parser.parse_args(arguments)
    try:
        whole = canonical.loads(Path(asked.record).read_bytes())
        found = list(record.problems(whole, verify, _key(asked.key) or ""))
    except (OSError, ValueError) as error:
        return _unreadable(str(error))
    for problem in found:
        sys.stdout.write(f"BAD: {printable(problem)}\n")
    if not found:
        count = len(whole["proof"]["entries"])
        sys.stdout.write(f"GOOD: signed by the log's key, and its {count} entries are in the log\n")
    return BAD if found else GOOD


def check(folder: Path, kept: Sequence[Path], key: str | None) -> tuple[Walked, list[Finding]]:
    """All that is wrong with an export.

    Args:
        kept: files with checkpoints from elsewhere.
        key: the public key that the log must have, as a line without a comment.

    Raises:
        OSError: a file cannot be read.
        ValueError: a checkpoint from elsewhere is not one.
    """
    findings: list[Finding] = []
    old = [(f"the kept ({path})", checkpoints.parse(path.read_bytes())) for path in kept]
    own = list(_notes(folder / "checkpoints", findings))
    seen = [(f"the witness' ({name})", note) for name, note in _notes(folder / "witnesses", findings)]
    compared = _Files(folder)
    sizes, moments = audit.wanted([note for _name, note in [*old, *own, *seen]])
    walked = audit.walk(_rows(folder / "entries.jsonl"), sizes, moments, compared.see)
    findings += audit.judge(walked, [note for _name, note in own], [*old, *seen], verify, key)
    if walked.finding is None:
        findings += compared.findings
    return walked, findings


class _Files:
    """Holds the plans and notes of an export against the digests in its entries."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes: tuple[str, list[bytes]] = ("", [])
        self.findings: list[Finding] = []

    def see(self, entry: Entry) -> None:
        if entry.kind == "change.planned":
            name = f"plans/{_name(entry.change)}.r{entry.body.get('revision')}.json"
            self._compare(name, self._read(name), entry.body.get("plan"), entry.index)
        elif entry.kind == "hosts.recorded":
            first, last = entry.body.get("first"), entry.body.get("last")
            name = f"notes/{_name(entry.body.get('run'))}.jsonl"
            lines = (self._read(name) or b"").splitlines(keepends=True)
            if isinstance(first, int) and isinstance(last, int):
                self._compare(name, b"".join(lines[first - 1 : last]), entry.body.get("digest"), entry.index)

    def _compare(self, name: str, data: bytes | None, digest: object, index: int) -> None:
        if data is None:
            self.findings.append(Finding("rows", f"{name} is gone; entry {index} names it", index, index))
        elif hashlib.sha256(data).hexdigest() != digest:
            self.findings.append(Finding("rows", f"{name} is not what entry {index} says", index, index))

    def _read(self, name: str) -> bytes | None:
        if self._notes[0] != name:
            path = self._folder / name
            self._notes = (name, [path.read_bytes()] if path.is_file() else [])
        return self._notes[1][0] if self._notes[1] else None


def _name(value: object) -> str:
    """A name as a part of a path; whatever is odd in it leads nowhere."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "?" for letter in str(value))


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number and number % EVERY == 0:
                sys.stderr.write(f"{number} entries were read\n")
            yield number, line[:-1] if line.endswith(b"\n") else line, None


def _notes(folder: Path, findings: list[Finding]) -> Iterator[tuple[str, Note]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            yield path.name, checkpoints.parse(path.read_bytes())
        except ValueError as error:
            findings.append(Finding("signature", f"{folder.name}/{path.name} is not a checkpoint any more: {error}"))


def _key(path: str | None) -> str | None:
    return None if path is None else " ".join(Path(path).read_text(encoding="utf-8").split()[:2])


def _verdict(walked: Walked, findings: Sequence[Finding]) -> int:
    if not findings:
        sys.stdout.write(f"GOOD: all {walked.size} entries of {walked.origin} are as they were\n")
        return GOOD
    for finding in findings:
        first = "" if finding.first is None else f" [first bad entry: {_first(finding)}]"
        sys.stdout.write(f"BAD: {printable(str(finding))}{first}\n")
    return BAD


def _first(finding: Finding) -> str:
    return str(finding.first) if finding.first == finding.last else f"{finding.first} to {finding.last}"


def _unreadable(why: str) -> int:
    sys.stderr.write(f"cannot check: {why}\n")
    return UNREADABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''

package = types.ModuleType("tidegate_verify")
package.__path__ = []
sys.modules["tidegate_verify"] = package
for name, text in MODULES.items():
    module = types.ModuleType("tidegate_verify." + name)
    module.__package__ = "tidegate_verify"
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(text, f"tidegate-verify.py: {name}", "exec"), module.__dict__)

if __name__ == "__main__":
    sys.exit(sys.modules["tidegate_verify.verifier"].main(sys.argv[1:]))

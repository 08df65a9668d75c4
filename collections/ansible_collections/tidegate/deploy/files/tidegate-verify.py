# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks an export of the ledger of Tidegate: Python 3.9 or newer, its standard library, and ssh-keygen; nothing else.

    python3 tidegate-verify.py EXPORT [--checkpoint OLD]... [--key PUB] [--approvers FILE]
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
    "UNSAFE_PATH": "a path on a host or the controller can be changed by others, or is not what it must be",
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
    # enrolled hosts
    "NOT_ENROLLED": "the host is not enrolled: it has no trust and no challenge, and a login that was left there may only look and confirm",
    "ENROLLED": "the host is enrolled: it has to be unenrolled, or brought to newer trust, for that",
    "IDENTITY": "the machine is not the one that was enrolled: a clone, or installed anew",
    "PERMIT": "the host is enrolled, and was shown no permit, or one for another host, service or environment",
    "CHALLENGE": "the permit is not for the challenge that the host has minted last",
    "GRANT": "the store's consent to the wave is missing, over, for something else, or not in the log that the host has seen",
    "TRUST": "a trust bundle cannot be read, contradicts itself, is of a wrong number, or has run out",
    "TRUST_STALE": "the host is at an older version of trust than what was signed needs",
    "ATTEMPTS": "a statement was used on the host as often as it may be",
    "DEFINITION": "a service is not defined on the host by its trust bundle, or not as it was approved",
    "NO_SSH_KEYGEN": "the host has no ssh-keygen of OpenSSH 8.1 or newer, which verifies signatures",
    "UNDER_WAY": "something is pending or going back on the host, which has to end first",
    "FULL": "an enrolled host remembers as many statements or vetoes as it can, and may forget none",
    "REVIEW_DUE": "the host went forward by an emergency whose review it has not been shown",
    # people, keys and approvals
    "SIG_INVALID": "a signature or public key cannot be read, or the signature is not of these bytes by this key",
    "NAMESPACE": "a signature was made for another use",
    "ALG": "a kind or size of key, or an algorithm, that never counts",
    "PRESENCE": "nobody touched the FIDO key that signed",
    "KEY": "the key that signed is nobody's, or was not this person's to sign with at that time",
    "STATEMENT": "what was signed is not a statement, or not the one of this plan",
    "SIGNING": "ssh-keygen could not sign or verify here",
    "REQUEST": "whoever is named as who wants a change has not signed that, which enrolled hosts demand",
    "SELF": "somebody approves what they themselves asked for, made or carry out",
    "QUORUM": "not enough distinct people of the groups that policy asks for have approved",
    "STRENGTH": "an approval is not as strong as policy asks for",
    "EXPIRED": "an approval has run out",
    "ABSENT": "an approval was given by somebody who was absent then",
    "VETO": "somebody has rejected the change",
    "WITHDRAWN": "an approval was taken back, and does not count again for the same plan",
    "APPROVAL": "policy asks for approval, and the change was not handed in for it",
    "RULES": "the rules for approval are not the ones that the change was planned under",
    "DOWNGRADE": "the change brings hosts to an older release than they run, and policy refuses that",
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
    "STORE_BEHIND": "the store has lost entries of its ledger that a witness has seen, or has others in their place",
    "STORE_SCHEMA": "the store was written by a newer Tidegate, or has to be brought up to date by its owner",
    "CLOCK": "the clock of this controller is behind the ledger, or that of a host is off: nothing goes forward by it",
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
* A `Tail` knows the first leaves only by their frontier, and makes the proofs that need no more than that.
* The two ``verify_`` functions know only what an outsider is shown. They answer false, whatever that holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

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


def subtrees(size: int) -> Iterator[int]:
    """How many leaves each complete subtree of a tree has, largest first."""
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            yield 1 << bit


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


class Tail(Tree):
    """A tree of which only the last leaves are at hand: it proves that they are in it, and that it grew from the others.

    Args:
        before: over the leaves before them; it is not changed.
        leaves: the hashes that follow.
    """

    def __init__(self, before: Frontier, leaves: Iterable[bytes]) -> None:
        self._base = before.size
        self._last = list(leaves)
        self._known: dict[tuple[int, int], bytes] = {}
        low = 0
        for count, node in zip(subtrees(self._base), before.nodes):
            self._known[low, low + count] = node
            low += count

    @property
    def size(self) -> int:
        return self._base + len(self._last)

    def _range(self, low: int, high: int) -> bytes:
        known = self._known.get((low, high))
        if known is not None:
            return known
        self._require(high > self._base, f"the leaves before {self._base} are not at hand")
        if high - low == 1:
            return self._last[low - self._base]
        middle = low + _split(high - low)
        self._known[low, high] = found = node_hash(self._range(low, middle), self._range(middle, high))
        return found


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
    "log.key": "the key that signs checkpoints from now on; a later one carries a signature by the one before, or says that it was lost",
    "log.clock": "somebody set the time of the ledger back to a controller's clock, because one before was ahead",
    # changes
    "change.planned": "a plan was recorded: a new change, or a new revision of one",
    "change.moved": "a change passed from one state to another",
    # runs
    "run.begun": "a process begins to work on a change",
    "run.bound": "a run that began without a plan has made it",
    "wave.opened": "a wave may be activated",
    "wave.closed": "a wave is confirmed or taken back",
    "grant": "the enrolled hosts of a wave may activate a release, each by the challenge that it gave",
    "hosts.recorded": "what was noted about hosts since the last such entry, as a digest over those notes",
    "run.halted": "no further wave of a run opens, and why",
    "run.ended": "a run has ended, and how",
    "once.moved": "where a task that runs once per change stands",
    "lease.taken": "a run may roll a service out, under this number",
    "notes.recorded": "what a process noted while the store was away is recorded now; what no longer fitted is left out",
    # decisions
    "request.given": "a person signed that they want a change",
    "approval.given": "a person approved a statement",
    "approval.withdrawn": "a person took an approval back",
    "approval.vetoed": "a person vetoed a statement",
    "approval.used": "a run begins by the approvals of a statement",
    "trust.made": "a version of the trust that hosts enforce was drafted",
    "trust.signed": "a person signed a version of it",
    "host.enrolled": "a host says that it enforces the trust, under this uid",
    "host.unenrolled": "a host enforces it no longer, by what enough people signed",
    "host.said": "an enrolled host says what was done there without the store: an emergency by which it went forward, or a veto",
    "evidence.seen": "what another system said about a change",
    "drift.found": "a host runs something else than what was recorded for it last, which status has found",
    "drift.mended": "it runs again what was recorded",
    "emergency.reviewed": "what went forward without the store, by an emergency, was looked at afterwards",
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
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_AT = re.compile(_MOMENT)
_AT_IN_DOCUMENT = re.compile(rf',"at":"({_MOMENT})"')


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


def at_of(document: str) -> str:
    """When an entry was written, found in its document without reading the rest; empty where it says no time.

    Only the actor stands before it, and within a text of canonical JSON no quotation mark is without its backslash.
    """
    found = _AT_IN_DOCUMENT.search(document)
    return found.group(1) if found else ""


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
from .merkle import Frontier, subtrees

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
    "signature": "a checkpoint, a key or an approval is not signed by the key that it must be signed by",
    "rows": "a row of the store, or what a host says of its enrollment, is not what its entry says",
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
    lost: bool = False
    """Whether it took the place of one that nobody has any more, which therefore did not sign it."""


class Walked(NamedTuple):
    """A log that was read from its first entry to its last, or to the first that does not fit."""

    origin: str
    size: int
    frontiers: dict[int, Frontier]
    keys: list[Key]
    finding: Optional[Finding]
    late: dict[str, int]
    anew: list[entries.Entry]
    """Of hosts that were enrolled once more, under another uid, before anybody had signed that they may leave."""

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
            return Walked(walker.origin, frontier.size, frontiers, walker.keys, finding, walker.late, walker.anew)
        frontier.append(bytes.fromhex(walker.leaf))
        if frontier.size in wanted:
            frontiers[frontier.size] = Frontier(frontier.size, frontier.nodes)
        see(walker.entry)
    frontiers[frontier.size] = frontier
    return Walked(walker.origin, frontier.size, frontiers, walker.keys, None, walker.late, walker.anew)


class _Walker:
    """Where a walk stands."""

    def __init__(self, moments: Collection[str]) -> None:
        self.index = 0
        self.leaf = entries.NO_ENTRY
        self.entry: entries.Entry
        self.origin = ""
        self.keys: list[Key] = []
        self.late: dict[str, int] = {}
        self.anew: list[entries.Entry] = []
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
            made = None if signature is None else str(signature)
            self.keys.append(Key(entry.index, str(entry.body.get("key")), made, entry.body.get("lost") is True))
        elif entry.kind == "host.enrolled" and entry.body.get("before") not in (None, entry.body.get("uid")):
            self.anew.append(entry)
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
        """The log's keys: each after the first is signed by the one before it, and one is the key that is trusted.

        One that took the place of a lost key is signed by nobody. Who trusts it, or one after it, knows of it.
        """
        before: Key | None = None
        lines = [key.line for key in self._walked.keys]
        for at, key in enumerate(self._walked.keys):
            message = checkpoints.key_text(self._walked.origin, key.line)
            if key.lost:
                if self._trusted is None or self._trusted not in lines[at:]:
                    yield Finding(
                        "signature", f"{_replaced(key)}: ask for the new one, and name it", key.index, key.index
                    )
            elif before is not None and not (
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
            self._walked.frontiers[checkpoint.size].nodes, checkpoint.nodes, subtrees(checkpoint.size)
        ):
            if ours != theirs:
                return max(first, min(agreed, first + count - 1)), first + count - 1
            first += count
        raise ValueError("the checkpoint does not differ")


def replaced(walked: Walked) -> list[str]:
    """What was begun anew without the signatures that what was before asks for: a lost key of the log, and hosts' trust."""
    return [*(_replaced(key) for key in walked.keys if key.lost), *(_anew(entry) for entry in walked.anew)]


def _replaced(key: Key) -> str:
    return f"entry {key.index} says that the key before was lost, and nobody signed the one in its place"


def _anew(entry: entries.Entry) -> str:
    host, uid, before = (entry.body.get(key) for key in ("host", "uid", "before"))
    return f"entry {entry.index} says that {host} was enrolled anew as {uid}, and nobody signed that it may leave as {before}"


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

# plugins/module_utils/core/shape.py
MODULES["shape"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of a signed document may hold, each as a question and as it is said to people."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Optional

    Fields = Mapping[str, tuple[Callable[[Any], bool], str]]  # field -> is it right, what was expected

MAX_TEXT = 1000
_HEX64 = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")


def read(code: str, data: bytes, max_bytes: int, what: str) -> Any:
    """The document in bytes that are its canonical form.

    Raises:
        Refusal: of that code.
    """
    try:
        doc = canonical.loads(data, max_bytes)
        exact = canonical.dumps(doc) == data
    except ValueError as error:
        raise Refusal(code, f"found {error}, expected {what} as Tidegate exports it") from None
    if not exact:
        raise Refusal(code, f"found {what} that is not in its canonical form; export it again")
    return doc


def written(code: str, doc: Any) -> bytes:
    """The canonical bytes of a document.

    Raises:
        Refusal: of that code.
    """
    try:
        return canonical.dumps(doc)
    except ValueError as error:
        raise Refusal(code, f"found {error}, expected a document that can be signed") from None


def require(code: str, where: str, doc: Any, fields: Fields) -> None:
    """See that a document has exactly some fields, and each is right.

    Raises:
        Refusal: of that code, naming the field.
    """
    if not isinstance(doc, dict) or set(doc) != set(fields):
        raise Refusal(code, f"{where}: found other fields, expected exactly {', '.join(sorted(fields))}")
    for name, (is_right, expected) in fields.items():
        if not is_right(doc[name]):
            raise Refusal(code, f"{where}: {name} is not as it must be, expected {expected}")


def is_text(value: Any) -> bool:
    """Text that is not too long."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def is_name(value: Any) -> bool:
    """Such text, and some of it."""
    return is_text(value) and bool(value)


def is_digest(value: Any) -> bool:
    """A SHA-256 in lower-case hexadecimal, or as many random bytes."""
    return isinstance(value, str) and bool(_HEX64.fullmatch(value))


def is_uid(value: Any) -> bool:
    """What an enrolled host is told from all others by."""
    return isinstance(value, str) and bool(_UID.fullmatch(value))


def is_count(value: Any) -> bool:
    """A number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_moment(value: Any) -> bool:
    """A second, in UTC."""
    return isinstance(value, str) and len(value) == len("2026-11-28T13:00:00Z") and moment(value) is not None


def moment(text: str) -> Optional[datetime]:
    """The moment that a text of a signed document or entry names; None where it names none."""
    from datetime import datetime, timezone  # here, because it takes long and most steps ask for none

    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def is_list(value: Any, of: Callable[[Any], bool], fewest: int = 0) -> bool:
    """A sorted list in which nothing stands twice."""
    return isinstance(value, list) and len(value) >= fewest and all(map(of, value)) and sorted(set(value)) == value
'''

# plugins/module_utils/core/rules.py
MODULES["rules"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules for approval are meant for a change, and whom they ask: one answer for the controller and for a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

STANDARD, NORMAL, EMERGENCY = CHANGE_TYPES = ("standard", "normal", "emergency")
"""Types of changes: routine, with rules of its own; the default; one that cannot wait, and is reviewed afterwards."""

LOW, MEDIUM, HIGH = RISKS = ("low", "medium", "high")

REQUESTER, AUTHOR, OPERATOR = DUTIES = ("requester", "author", "operator")
"""Who may not approve: whoever wants the change, made what is rolled out, or rolls it out."""

STRENGTHS = ("recorded", "countersigned", "signed")
"""How sure an approval is, weakest first."""

FEWEST_IN_EMERGENCY = 2
"""How many people some rule asks for, or no emergency is let through."""


def meant_for(
    match: Mapping[str, Sequence[str]],
    service: str,
    environment: str,
    change_type: str,
    risk: Optional[str],
) -> bool:
    """Whether a rule with these matches is meant for a change; a risk that nobody has judged is any of them.

    Args:
        match: ``service``, ``environment``, ``type`` and ``risk``, each a list; what is absent is any.
        service: whom the change is for.
        environment: where.
        change_type: one of `CHANGE_TYPES`.
        risk: one of `RISKS`, or None.
    """
    named = (("service", service), ("environment", environment), ("type", change_type))
    return all(value in match.get(key, (value,)) for key, value in named) and (
        risk is None or risk in match.get("risk", (risk,))
    )


def people_asked(rule: Mapping[str, Any]) -> int:
    """How many distinct people a rule asks for."""
    return int(sum(rule.get("groups", {}).values()) + rule.get("count", 0))


def asked_of(rule: Mapping[str, Any]) -> str:
    """Whom a rule asks, in words."""
    groups = [f"{count} of {name}" for name, count in sorted(rule["groups"].items())]
    return ", ".join([*groups, *([f"{rule['count']} of {' or '.join(rule['any_of'])}"] if rule["any_of"] else [])])
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
* An emergency is signed for one use: it holds a challenge of each of its hosts, says why, and has a window of its own, of hours.

``uid`` of a host is empty until the host is enrolled. ``back_for_s`` is for how long after its confirmation a host may go
back: a host makes its own moment ``back_until`` of it. ``min_trust`` is 0 where no trust bundle is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from . import shape
from .errors import Refusal
from .rules import CHANGE_TYPES, RISKS
from .shape import is_count, is_digest, is_list, is_moment, is_name, is_text, is_uid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
APPROVAL, REQUEST, VETO, WITHDRAWAL, EMERGENCY = TYPES = ("approval", "request", "veto", "withdrawal", "emergency")
LONGEST_EMERGENCY = timedelta(hours=4)


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
        doc = shape.read("STATEMENT", data, MAX_BYTES, "a statement")
        shape.require("STATEMENT", "the statement", doc, _FIELDS)
        _require_hosts(doc["hosts"], challenged=doc["type"] == EMERGENCY)
        if doc["type"] == EMERGENCY:
            _require_emergency(doc)
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Statement:
        """The statement that a document is.

        Raises:
            Refusal: as `parse`.
        """
        return cls.parse(shape.written("STATEMENT", doc))

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

    @property
    def definitions(self) -> tuple[str, ...]:
        """The digests of the definitions of its hosts."""
        return tuple(self.doc["definitions"])

    @property
    def about(self) -> str:
        """What it is about: the id of its request, equal for an approval, its veto, and its emergency."""
        return self.as_request().id

    def host(self, name: str, uid: str) -> Mapping[str, Any] | None:
        """What it says of an enrolled host; None where it is not about that one."""
        return next((host for host in self.doc["hosts"] if (host["name"], host["uid"]) == (name, uid)), None)

    def window(self) -> tuple[datetime | None, datetime | None]:
        """From when until when it may be used; None: always, for ever."""
        found = self.doc["window"] or {}
        begins, ends = (found.get(key) for key in ("not_before", "not_after"))
        return (begins and shape.moment(begins), ends and shape.moment(ends))

    def as_type(self, type: str, reason: str = "") -> Statement:  # noqa: A002 - the field's name
        """The statement of another type about the same plan; of none that needs challenges."""
        hosts = [{**host, "challenge": ""} for host in self.doc["hosts"]]
        return Statement.of({**self.doc, "type": type, "reason": reason, "hosts": hosts})

    def as_request(self) -> Statement:
        """What its requester signs: the same of its approval, its veto and its emergency. Its window is the plan's."""
        hosts = [{**host, "challenge": ""} for host in self.doc["hosts"]]
        return Statement.of({**self.doc, "type": REQUEST, "reason": "", "hosts": hosts, "window": None})

    def as_emergency(
        self, challenges: Mapping[str, str], reason: str, window: Mapping[str, str] | None = None
    ) -> Statement:
        """The emergency about the same plan.

        Args:
            challenges: of each host, by its name.
            reason: why it cannot wait.
            window: from when until when it may be used; that of the plan where none is named.

        Raises:
            Refusal: STATEMENT, a host that is not enrolled or has no challenge, no reason, or a window that is too long.
        """
        hosts = [{**host, "challenge": challenges.get(host["name"], "")} for host in self.doc["hosts"]]
        window = self.doc["window"] if window is None else dict(window)
        return Statement.of({**self.doc, "type": EMERGENCY, "reason": reason, "hosts": hosts, "window": window})


def namespace_of(type: str) -> str:  # noqa: A002 - the field's name
    """The SSHSIG namespace of a type of statements."""
    return f"{type}@tidegate"


def _window(value: Any) -> bool:
    if value is None:
        return True
    ends = {"not_before", "not_after"}
    return (
        isinstance(value, dict) and set(value) == ends and all(one is None or is_moment(one) for one in value.values())
    )


_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value in TYPES, f"one of {', '.join(TYPES)}"),
    "change": (is_name, "the id of a change"),
    "revision": (lambda value: is_count(value) and value > 0, "a number from 1"),
    "change_type": (lambda value: value in CHANGE_TYPES, f"one of {', '.join(CHANGE_TYPES)}"),
    "risk": (lambda value: value is None or value in RISKS, f"one of {', '.join(RISKS)}, or null"),
    "service": (is_name, "the name of a service"),
    "environment": (is_name, "the name of an environment"),
    "action": (is_name, "what is done"),
    "artifact": (lambda value: value is None or is_digest(value), "a SHA-256 digest or null"),
    "manifest": (is_digest, "a SHA-256 digest"),
    "definitions": (lambda value: is_list(value, is_digest, 1), "sorted SHA-256 digests, each once"),
    "plan": (is_digest, "a SHA-256 digest"),
    "hosts": (lambda value: isinstance(value, list) and bool(value), "a list of hosts"),
    "window": (_window, "not_before and not_after in UTC, or null"),
    "back_for_s": (is_count, "seconds"),
    "max_attempts": (lambda value: is_count(value) and value > 0, "a number from 1"),
    "min_trust": (is_count, "a number from 0"),
    "requester": (is_text, "the name of a person, or nothing"),
    "rules": (lambda value: value is None or is_digest(value), "a SHA-256 digest or null"),
    "reason": (is_text, f"text of at most {shape.MAX_TEXT} characters"),
}
"""What each field is, and how that is said."""

_HOST_FIELDS: shape.Fields = {
    "name": (is_name, "the name of a host"),
    "uid": (lambda value: value == "" or is_uid(value), "the uid of an enrolled host, or nothing"),
    "previous": (is_name, "the release that it runs now"),
    "challenge": (lambda value: value == "", "nothing but in an emergency"),
}
_CHALLENGED_FIELDS: shape.Fields = {
    **_HOST_FIELDS,
    "uid": (is_uid, "the uid of an enrolled host, in an emergency"),
    "challenge": (is_digest, "the challenge of the host, in an emergency"),
}


def _require_hosts(hosts: list[Any], *, challenged: bool) -> None:
    for index, host in enumerate(hosts):
        shape.require("STATEMENT", f"hosts[{index}]", host, _CHALLENGED_FIELDS if challenged else _HOST_FIELDS)
    names = [host["name"] for host in hosts]
    if sorted(set(names)) != names:
        raise Refusal("STATEMENT", "hosts: found names in another order or twice, expected them sorted, each once")


def _require_emergency(doc: Mapping[str, Any]) -> None:
    """Protocol, section 9."""
    if not doc["reason"].strip():
        raise Refusal("STATEMENT", "reason: found nothing, expected why it cannot wait, in an emergency")
    begins, ends = (shape.moment((doc["window"] or {}).get(key) or "") for key in ("not_before", "not_after"))
    if begins is None or ends is None or not begins < ends <= begins + LONGEST_EMERGENCY:
        hours = LONGEST_EMERGENCY // timedelta(hours=1)
        raise Refusal("STATEMENT", f"window: found none, or a long one, expected at most {hours} hours in an emergency")
'''

# plugins/module_utils/core/evidence.py
MODULES["evidence"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge countersigns: that it saw, in another system, one person's approval of one statement.

The bytes are made anew from what is kept whenever they are verified, so that a countersignature is about exactly that: it
holds for no other statement, person, account, system, record or time. Which bridge signed is found from its key.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import shape
from .shape import is_digest, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
TYPE = "evidence"
NAMESPACE = f"{TYPE}@tidegate"
"""In which it is signed: a countersignature is never an approval of the bridge's own."""

KEPT: shape.Fields = {
    "system": (is_name, "the name of the other system"),
    "reference": (is_name, "what was looked at there"),
    "account": (is_name, "the account that approved"),
    "given_at": (is_name, "when it was given there"),
    "url": (is_name, "where to look again"),
}
"""What is kept of an approval given elsewhere, and how that is said."""

_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value == TYPE, TYPE),
    "statement": (is_digest, "the id of a statement"),
    "person": (is_name, "the name of a person"),
    "evidence": (lambda value: isinstance(value, dict), "what is kept of it"),
}


def message(statement: str, person: str, evidence: Mapping[str, Any]) -> bytes:
    """The exact bytes that are countersigned: canonical JSON without a newline at its end.

    Args:
        statement: the id of the statement that was approved.
        person: whose account it is.
        evidence: exactly the fields of `KEPT`.

    Raises:
        Refusal: STATEMENT, it is not as it must be.
    """
    doc = {"v": VERSION, "type": TYPE, "statement": statement, "person": person, "evidence": dict(evidence)}
    shape.require("STATEMENT", "what a bridge countersigns", doc, _FIELDS)
    shape.require("STATEMENT", "evidence", doc["evidence"], KEPT)
    return shape.written("STATEMENT", doc)
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
from .rules import NORMAL
from .statement import EMERGENCY, REQUEST, Statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PLAN_BYTES = 16 * 1024 * 1024


def fields_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement says of its plan, from the plan's document alone."""
    artifact, window = plan["artifact"], plan.get("window")
    return {
        "change_type": plan.get("type", NORMAL),
        "risk": plan.get("risk"),
        "service": plan["service"],
        "environment": plan["environment"],
        "action": plan["action"],
        "artifact": None if artifact is None else artifact["sha256"],
        "manifest": plan["release"]["manifest"],
        "definitions": sorted(canonical.digest(document) for document in plan["definitions"].values()),
        "plan": canonical.digest(plan),
        "hosts": sorted(map(_host, plan["hosts"]), key=lambda host: host["name"]),
        "window": None if window is None else dict(window),
        "back_for_s": plan["back_for_s"],
        "min_trust": plan.get("trust", 0),
        "rules": plan.get("rules"),
    }


def _host(host: Mapping[str, Any]) -> dict[str, str]:
    return {"name": host["name"], "uid": host.get("uid", ""), "previous": host["previous"], "challenge": ""}


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
    found = {**statement.doc, "hosts": [{**host, "challenge": ""} for host in statement.doc["hosts"]]}
    if statement.type == REQUEST:
        expected["window"] = None
    own = {"window"} if statement.type == EMERGENCY else set()
    differ = [name for name, value in expected.items() if value != found[name] and name not in own]
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
    pairs = (
        ("decision", f"{doc['type']} of {doc['change']} revision {doc['revision']}"),
        ("reason", doc["reason"]),
        ("kind", f"{doc['change_type']}, risk {doc['risk'] or 'not judged'}"),
        ("service", f"{doc['service']} in {doc['environment']}"),
        ("artifact", doc["artifact"] or "none"),
        ("window", "the plan's" if statement.type == REQUEST else _window_in_words(doc["window"] or {})),
        ("wanted by", doc["requester"]),
        ("way back", f"for {doc['back_for_s']} s"),
        *(("host", _host_in_words(host)) for host in doc["hosts"]),
        ("trust", f"version {doc['min_trust']} or later" if doc["min_trust"] else "none is asked for"),
        ("plan", doc["plan"]),
        ("statement", statement.id),
        ("sign it", f"ssh-keygen -Y sign -n {statement.namespace} -f KEY STATEMENT"),
    )
    for name, value in pairs:
        for at in range(0, len(value), 100):  # `printable` cuts what is long: in pieces, so that nothing is left out
            yield f"{name if at == 0 else '':<10} {printable(value[at : at + 100])}"
    yield ""
    yield from json.dumps(plan, indent=2, sort_keys=True, ensure_ascii=True).splitlines()


def _window_in_words(window: Mapping[str, Any]) -> str:
    return " until ".join(window.get(key) or "any" for key in ("not_before", "not_after"))


def _host_in_words(host: Mapping[str, str]) -> str:
    said = f"{host['name']}, now on {host['previous']}"
    return said + "".join(f", {word} {host[word]}" for word in ("uid", "challenge") if host[word])
'''

# plugins/module_utils/core/sshsig.py
MODULES["sshsig"] = r'''
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH public keys and signatures, parsed strictly: what they claim is decided here, only the mathematics is OpenSSH's.

A `PublicKey` is a plain key of a kind and size that may sign; a `Signature` is one armored SSHSIG and nothing around it.
Both are read to the last byte, and say what is wrong by the codes ALG (a kind of key or algorithm that never counts),
NAMESPACE, PRESENCE and SIG_INVALID. That a signature parses does not yet mean that it is true.

Formats: RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709; OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Refusal
from .names import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

MAX_TEXT = 16 * 1024
MIN_RSA_BITS, MAX_RSA_BITS = 3072, 16384
HASHES = ("sha256", "sha512")
PRESENT, VERIFIED = 0x01, 0x04
"""Flags of a FIDO signature: somebody touched the key; somebody was known to it, by a PIN or a finger."""

_ED25519, _SK_ED25519 = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
_RSA, _SK_ECDSA = "ssh-rsa", "sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
"""Bytes of an uncompressed point, by the name of its curve."""

_ECDSA = tuple(f"ecdsa-sha2-{curve}" for curve in _CURVES)
KINDS = (_ED25519, _SK_ED25519, *_ECDSA, _SK_ECDSA, _RSA)
"""The kinds of keys that may sign."""

_ALGORITHMS = {_RSA: ("rsa-sha2-256", "rsa-sha2-512")}
"""Of keys whose signatures are not named like themselves."""

_MAGIC, _VERSION = b"SSHSIG", 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = re.compile(r"[A-Za-z0-9+/]{1,76}={0,2}")
_NAMESPACE = re.compile(r"[!-~]{1,128}")
_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_LOW_ORDER = frozenset(
    (
        0,
        1,
        _FIELD - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    )
)
"""The heights of all points of edwards25519 whose order divides 8: as keys they accept signatures of nobody."""


@dataclass(frozen=True)
class PublicKey:
    """A public key that may sign.

    Args:
        kind: one of `KINDS`.
        blob: its bytes on the wire.
        bits: the size of an RSA key; 0 of other kinds.
    """

    kind: str
    blob: bytes
    bits: int = 0

    @classmethod
    def of_line(cls, text: str) -> PublicKey:
        """The key in a line of an ``id_….pub`` file: kind, base64, and a comment that nothing is made of.

        Raises:
            Refusal: ALG, a kind of key that may not sign; SIG_INVALID, no such line at all.
        """
        if len(text) > MAX_TEXT:
            raise _invalid(f"a public key of {len(text)} characters", f"at most {MAX_TEXT}")
        kind, _space, rest = text.strip(" ").partition(" ")
        if not text.isprintable() or not rest:
            raise _invalid(f"no public key in {printable(text[:40])!r}", "one line such as ssh-ed25519 AAAA… name")
        if kind not in KINDS:
            raise _off_policy(kind)
        key = cls.of_blob(_decoded(rest.split(" ", 1)[0], "the base64 of a public key"))
        if key.kind != kind:
            raise _invalid(f"a line that says {kind} with the bytes of {key.kind}", "the line as ssh-keygen wrote it")
        return key

    @classmethod
    def of_blob(cls, blob: bytes) -> PublicKey:
        """The key in its bytes on the wire.

        Raises:
            Refusal: ALG; SIG_INVALID.
        """
        fields = _Fields(blob, "the public key")
        kind = fields.name()
        if kind not in KINDS:
            raise _off_policy(kind)
        bits = 0
        if kind in (_ED25519, _SK_ED25519):
            _require_point(fields.string())
        elif kind == _RSA:
            bits = _require_rsa(fields.number(), fields.number())
        else:
            _require_curve(kind, fields.name(), fields.string())
        if kind in (_SK_ED25519, _SK_ECDSA) and not fields.name().startswith("ssh:"):
            raise _invalid("a FIDO key of another application", "one of ssh:")
        fields.require_end()
        return cls(kind, bytes(blob), bits)

    @property
    def fido(self) -> bool:
        """Whether a FIDO token holds the private key, and each signature tells of a touch."""
        return self.kind in (_SK_ED25519, _SK_ECDSA)

    @property
    def line(self) -> str:
        """The key as a line, without a comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-keygen -l`` shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


@dataclass(frozen=True)
class Signature:
    """One signature as it came: by which key, for what use, over which hash.

    Args:
        key: the key that is said to have made it.
        namespace: what it was made for.
        hash_algorithm: one of `HASHES`.
        algorithm: of the signature itself.
        blob: all of its bytes.
        flags: of a FIDO key: `PRESENT` and `VERIFIED`; None of other keys.
        counter: of a FIDO key, which some keep at 0.
    """

    key: PublicKey
    namespace: str
    hash_algorithm: str
    algorithm: str
    blob: bytes
    flags: Optional[int] = None
    counter: Optional[int] = None

    @classmethod
    def parse(cls, text: str) -> Signature:
        """The signature in an armored text, which holds nothing else.

        Raises:
            Refusal: SIG_INVALID; ALG; NAMESPACE, it has none.
        """
        if len(text) > MAX_TEXT:
            raise _invalid(f"a text of {len(text)} characters", f"at most {MAX_TEXT}")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
            raise _invalid("no armored signature", f"{_BEGIN}, base64, {_END} and nothing else")
        if not all(_LINE.fullmatch(line) for line in lines[1:-1]) or any("=" in line for line in lines[1:-2]):
            raise _invalid("a signature with lines that are not base64", "the file as ssh-keygen wrote it")
        return cls.of_blob(_decoded("".join(lines[1:-1]), "the base64 of a signature"))

    @classmethod
    def of_blob(cls, blob: bytes) -> Signature:
        """The signature in its bytes.

        Raises:
            Refusal: as `parse`.
        """
        fields = _Fields(blob, "the signature")
        if fields.take(len(_MAGIC)) != _MAGIC or fields.u32() != _VERSION:
            raise _invalid("bytes that are no SSHSIG of version 1", "what ssh-keygen -Y sign writes")
        key = PublicKey.of_blob(fields.string())
        namespace = _namespace(fields.string())
        if fields.string():
            raise _invalid("a signature with reserved bytes", "none")
        hash_algorithm = fields.name()
        if hash_algorithm not in HASHES:
            raise Refusal("ALG", f"found a signature over {hash_algorithm}, expected sha256 or sha512")
        made = _Fields(fields.string(), "the signature")
        fields.require_end()
        algorithm = made.name()
        if algorithm not in _ALGORITHMS.get(key.kind, (key.kind,)):
            raise Refusal("ALG", f"found a signature {algorithm} of a key {key.kind}, which does not count")
        _require_numbers(key, made.string())
        flags = made.take(1)[0] if key.fido else None
        counter = made.u32() if key.fido else None
        made.require_end()
        return cls(key, namespace, hash_algorithm, algorithm, bytes(blob), flags, counter)

    @property
    def present(self) -> bool:
        """Whether somebody touched the key for this signature; true of keys that cannot say."""
        return self.flags is None or bool(self.flags & PRESENT)

    @property
    def verified(self) -> bool:
        """Whether a FIDO key knew who touched it."""
        return self.flags is not None and bool(self.flags & VERIFIED)

    @property
    def armored(self) -> str:
        """The signature as text, the same for the same bytes."""
        text = base64.b64encode(self.blob).decode("ascii")
        return "\n".join([_BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), _END, ""])

    def require(self, namespace: str) -> None:
        """See that it was made for this use, and, where a FIDO key can tell, by somebody who was there.

        Raises:
            Refusal: NAMESPACE; PRESENCE.
        """
        if self.namespace != namespace:
            raise Refusal(
                "NAMESPACE", f"found a signature for {printable(self.namespace)!r}, expected one for {namespace!r}"
            )
        if not self.present:
            raise Refusal(
                "PRESENCE",
                "found a signature of a FIDO key that nobody touched; sign again and touch it, and if it does not ask for "
                "that, make a new key without no-touch-required",
            )

    def require_told(self, presence: bool, verification: bool) -> None:
        """See that its key tells as much of whoever signed as somebody asks; that it was touched is seen to by `require`.

        Args:
            presence: whether only keys count that can tell of a touch.
            verification: whether only those count that knew who touched them.

        Raises:
            Refusal: PRESENCE.
        """
        key = self.key.fingerprint
        if presence and not self.key.fido:
            raise Refusal("PRESENCE", f"{key} is no FIDO key, expected one: somebody has to be there and touch it")
        if verification and not self.verified:
            raise Refusal(
                "PRESENCE", f"{key} does not say who touched it, expected a FIDO key that asks for a PIN or finger"
            )

    def signed_bytes(self, message: bytes) -> bytes:
        """The bytes that the mathematics is about, for a message."""
        digest = hashlib.new(self.hash_algorithm, message).digest()
        parts = (self.namespace.encode("ascii"), b"", self.hash_algorithm.encode("ascii"), digest)
        return _MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class _Fields:
    """Reads the fields of an SSH structure, RFC 4251 section 5, and never past its end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self._at = bytes(data), what, 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise _invalid(f"{self._what} cut short", "all of its bytes")
        self._at += count
        return self._data[self._at - count : self._at]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.u32())

    def name(self) -> str:
        found = self.string()
        if not _NAMESPACE.fullmatch(found.decode("latin-1")):
            raise _invalid(f"{self._what} with the name {printable(found[:40])!r}", "printable ASCII")
        return found.decode("ascii")

    def number(self) -> int:
        found = self.string()
        if not found or found[0] & 0x80 or (found[0] == 0 and not (len(found) > 1 and found[1] & 0x80)):
            raise _invalid(f"{self._what} with a number that is not positive or not in its shortest form", "one")
        return int.from_bytes(found, "big")

    def require_end(self) -> None:
        if self._at != len(self._data):
            raise _invalid(f"{len(self._data) - self._at} bytes after {self._what}", "nothing there")


def _decoded(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _invalid(f"{what} that cannot be read", "the text as ssh-keygen wrote it") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise _invalid(f"{what} in more than one way", "its one way")
    return data


def _namespace(found: bytes) -> str:
    text = found.decode("latin-1")
    if not _NAMESPACE.fullmatch(text):
        raise Refusal("NAMESPACE", f"found a signature for {printable(text)!r}, expected the name of a use")
    return text


def _require_point(found: bytes) -> None:
    """RFC 8032 section 5.1.3: an encoding of a point has its one form; small orders are no keys."""
    height = int.from_bytes(found, "little") & (2**255 - 1)
    if len(found) != 32 or height >= _FIELD or height in _LOW_ORDER:
        raise Refusal("ALG", "found an Ed25519 key that is no proper point, expected one that ssh-keygen made")


def _require_rsa(exponent: int, modulus: int) -> int:
    bits = modulus.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise Refusal("ALG", f"found an RSA key of {bits} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}, or ed25519")
    if exponent < 65537 or exponent.bit_length() > 256 or not exponent & modulus & 1:
        raise Refusal("ALG", "found an RSA key with a weak exponent or modulus, expected one that ssh-keygen made")
    return bits


def _require_curve(kind: str, curve: str, point: bytes) -> None:
    if f"ecdsa-sha2-{curve}" not in kind or curve not in _CURVES or len(point) != _CURVES[curve] or point[0] != 4:
        raise _invalid(f"a key {kind} that holds something else", "a point of its curve, not compressed")


def _require_numbers(key: PublicKey, made: bytes) -> None:
    """That the numbers of a signature have the one form in which they are written."""
    if key.kind in (_ED25519, _SK_ED25519):
        # RFC 8032 section 5.1.7: the second half is below the order, or the same signature could be written twice
        if len(made) != 64 or int.from_bytes(made[32:], "little") >= _ORDER:
            raise _invalid("an Ed25519 signature that is none", "64 bytes in their one form")
    elif key.kind == _RSA:
        if len(made) != (key.bits + 7) // 8:
            raise _invalid(f"an RSA signature of {len(made)} bytes", f"{(key.bits + 7) // 8}")
    else:
        numbers = _Fields(made, "the ECDSA signature")
        if max(number.bit_length() for number in _pair(numbers)) > 521:
            raise _invalid("an ECDSA signature with a number too large", "two numbers below the curve's order")
        numbers.require_end()


def _pair(fields: _Fields) -> Iterator[int]:
    yield fields.number()
    yield fields.number()


def _invalid(found: str, expected: str) -> Refusal:
    return Refusal("SIG_INVALID", f"found {found}, expected {expected}")


def _off_policy(kind: str) -> Refusal:
    plain = "expected a plain key: ed25519, sk-ed25519, ecdsa, sk-ecdsa, or rsa of 3072 bits and more"
    if "-cert-" in kind or "cert-authority" in kind:
        return Refusal("ALG", f"found a certificate ({printable(kind)}), which never counts; {plain}")
    return Refusal("ALG", f"found the kind of key {printable(kind)!r}, which may not sign; {plain}")
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

    python3 tidegate-verify.py EXPORT [--checkpoint OLD]... [--key PUB] [--approvers FILE]
    python3 tidegate-verify.py plan STATEMENT PLAN
    python3 tidegate-verify.py record RECORD --key PUB

EXPORT is a folder that `ansible-playbook tidegate.deploy.audit -e tidegate_export=DIR` wrote. OLD is a checkpoint that
you kept from an earlier export, or from a witness; without one nobody can tell a log that was rewritten as a whole. PUB is
the public key of the log, as you were given it on another way. FILE names the people and their keys as you know them, as
ssh-keygen's allowed signers; without it those of the export are taken. Exit 0: all is as it was. 1: it is not. 2: cannot be read.
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

from tidegate_verify import audit, canonical, evidence, record
from tidegate_verify import checkpoint as checkpoints
from tidegate_verify.audit import Finding, Row, Walked
from tidegate_verify.checkpoint import Note
from tidegate_verify.entries import Entry
from tidegate_verify.errors import Refusal
from tidegate_verify.names import printable
from tidegate_verify.review import lines, reviewed
from tidegate_verify.sshsig import KINDS, Signature
from tidegate_verify.statement import (
    APPROVAL,
    EMERGENCY,
    REQUEST,
    VETO,
    WITHDRAWAL,
    Statement,
    namespace_of,
)
from tidegate_verify.signing import verify

GOOD, BAD, UNREADABLE = 0, 1, 2
EVERY = 100_000

DECISIONS = {
    "request.given": (REQUEST,),
    "approval.given": (APPROVAL, EMERGENCY),
    "approval.vetoed": (VETO,),
    "approval.withdrawn": (WITHDRAWAL,),
}
"""The types of statements that somebody may have signed, by the kind of the entry."""

NAMED = ("system", "reference", "account")
"""What an entry says of an approval that was given in another system."""


def main(arguments: Sequence[str]) -> int:
    """Check an export, say what was found, and answer the exit code."""
    if arguments[:1] == ["plan"]:
        return show_plan(arguments[1:])
    if arguments[:1] == ["record"]:
        return show_record(arguments[1:])
    parser = argparse.ArgumentParser(
        description="Checks an export of the ledger of Tidegate.",
        epilog="What is to be signed, and the record of one change: tidegate-verify.py plan -h, tidegate-verify.py record -h",
    )
    parser.add_argument("export", help="the folder of the export")
    parser.add_argument(
        "--checkpoint", action="append", default=[], help="a checkpoint that you kept; more than one may be named"
    )
    parser.add_argument("--key", help="the public key of the log as you know it: a file with one line")
    parser.add_argument("--approvers", help="the people's keys as you know them: a file of allowed signers")
    asked = parser.parse_args(arguments)
    kept = [Path(path) for path in asked.checkpoint]
    try:
        return _verdict(*check(Path(asked.export), kept, _key(asked.key), asked.approvers))
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


def check(
    folder: Path, kept: Sequence[Path], key: str | None, approvers: str | None = None
) -> tuple[Walked, list[Finding]]:
    """All that is wrong with an export.

    Args:
        kept: files with checkpoints from elsewhere.
        key: the public key that the log must have, as a line without a comment.
        approvers: the file with the people's keys; None for that of the export.

    Raises:
        OSError: a file cannot be read.
        ValueError: a checkpoint from elsewhere is not one.
    """
    findings: list[Finding] = []
    old = [(f"the kept ({path})", checkpoints.parse(path.read_bytes())) for path in kept]
    own = list(_notes(folder / "checkpoints", findings))
    seen = [(f"the witness' ({name})", note) for name, note in _notes(folder / "witnesses", findings)]
    compared = _Files(folder, Path(approvers) if approvers else folder / "approvers")
    sizes, moments = audit.wanted([note for _name, note in [*old, *own, *seen]])
    walked = audit.walk(_rows(folder / "entries.jsonl"), sizes, moments, compared.see)
    findings += audit.judge(walked, [note for _name, note in own], [*old, *seen], verify, key)
    if walked.finding is None:
        findings += compared.findings
    return walked, findings


class _Files:
    """Holds the plans, notes and decisions of an export against the digests in its entries.

    Args:
        approvers: the file with the people's keys.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, folder: Path, approvers: Path) -> None:
        self._folder = folder
        self._approvers = approvers
        self._keys = set(_signers(approvers.read_text(encoding="utf-8")))
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
        elif entry.kind in DECISIONS:
            self._decision(entry)

    def _decision(self, entry: Entry) -> None:
        """What somebody decided about, and who signed for it: that person, or a bridge that saw it in another system."""
        statement, signature = (
            self._document(entry, name, ending) for name, ending in (("statement", "json"), ("signature", "sig"))
        )
        if statement is None or (signature is None and entry.body.get("signature") is not None):
            return  # that is a finding already
        wrong = self._about(entry, statement)
        armored, strength = (signature or b"").decode("ascii", "replace"), entry.body.get("strength")
        if not wrong and strength == "signed":
            namespace = namespace_of(canonical.loads(statement)["type"])
            wrong = self._unsigned(entry, entry.actor, namespace, statement, armored)
        elif not wrong and strength == "countersigned":
            wrong = self._unvouched(entry, armored)
        if wrong:
            told = f"entry {entry.index}: the {entry.body.get('decision')} of {entry.actor} {wrong}"
            self.findings.append(Finding("signature", told, entry.index, entry.index))

    def _document(self, entry: Entry, name: str, ending: str) -> bytes | None:
        digest = entry.body.get(name)
        if digest is None:
            return None
        path = f"approvals/{_name(digest)}.{ending}"
        data = self._read(path)
        return data if self._compare(path, data, digest, entry.index) else None

    def _about(self, entry: Entry, statement: bytes) -> str:
        """Why a statement is not one of what its entry says; empty if it is."""
        try:
            said = canonical.loads(statement)
        except ValueError:
            return "is about something that is no statement"
        type_of = said.get("type") if isinstance(said, dict) else None
        if type_of not in DECISIONS[entry.kind] or said.get("change") != entry.change:
            return "is about another change, or another decision"
        return ""

    def _unvouched(self, entry: Entry, armored: str) -> str:
        """Why no bridge vouches for what somebody decided in another system; empty if one does."""
        data = self._read(f"approvals/{_name(entry.body.get('signature'))}.evidence") or b""
        try:
            said = canonical.loads(data)
            told = (said["statement"], said["person"], *(said["evidence"][name] for name in NAMED))
        except (ValueError, KeyError, TypeError):
            return "has no evidence that a bridge could have countersigned"
        if told != (entry.body.get("statement"), entry.actor, *(entry.body.get(name) for name in NAMED)):
            return "is countersigned as something else than the entry says"
        return self._unsigned(entry, f"bridge:{entry.body.get('system')}", evidence.NAMESPACE, data, armored)

    def _unsigned(self, entry: Entry, owner: str, namespace: str, message: bytes, armored: str) -> str:
        """Why bytes are not signed by who has to sign them; empty if they are."""
        try:
            made = Signature.parse(armored)
        except Refusal as refusal:
            return f"has no signature: {refusal.message}"
        if made.key.fingerprint != entry.body.get("key"):
            return "is signed with another key than the entry names"
        if (owner, made.key.line) not in self._keys:
            return f"is signed with a key that {self._approvers} does not know as theirs"
        if not verify(made.key.line, namespace, message, armored):
            return "is not what was signed"
        return ""

    def _compare(self, name: str, data: bytes | None, digest: object, index: int) -> bool:
        """Whether a file has its digest; a finding where not."""
        wrong = ""
        if data is None:
            wrong = f"{name} is gone; entry {index} names it"
        elif hashlib.sha256(data).hexdigest() != digest:
            wrong = f"{name} is not what entry {index} says"
        if wrong:
            self.findings.append(Finding("rows", wrong, index, index))
        return not wrong

    def _read(self, name: str) -> bytes | None:
        if self._notes[0] != name:
            path = self._folder / name
            self._notes = (name, [path.read_bytes()] if path.is_file() else [])
        return self._notes[1][0] if self._notes[1] else None


def _signers(text: str) -> Iterator[tuple[str, str]]:
    """The people of a file of allowed signers, each with a key without its comment."""
    for line in text.splitlines():
        words = line.split()
        kinds = [at for at, word in enumerate(words) if at and word in KINDS]
        if kinds and kinds[0] + 1 < len(words) and not line.startswith("#"):
            yield words[0], " ".join(words[kinds[0] : kinds[0] + 2])


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
        sys.stdout.writelines(f"NOTE: {told}\n" for told in audit.replaced(walked))
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

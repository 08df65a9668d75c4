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

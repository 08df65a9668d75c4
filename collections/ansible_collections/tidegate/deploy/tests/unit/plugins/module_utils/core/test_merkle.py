# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merkle trees: the public vectors of RFC 6962, and agreement with its definition written down as it stands there.

The vectors are those of the reference implementation of certificate transparency (github.com/google/certificate-transparency,
cpp/merkletree/merkle_tree_test.cc; today github.com/transparency-dev/merkle, testonly/constants.go).
"""

from __future__ import annotations

import hashlib
import itertools

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import merkle

LEAVES = [
    merkle.leaf_hash(bytes.fromhex(text))
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEFT_OF_8 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            LEFT_OF_8,
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[4],
        ],
    ),
    (2, 3, [ROOTS[2]]),
    (
        1,
        5,
        [
            ROOTS[1],
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            LEFT_OF_8,
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[4],
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            ROOTS[4],
        ],
    ),
]
MANY = [merkle.leaf_hash(b"%d" % number) for number in range(40)]


def mth(leaves):
    """RFC 6962, 2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size):
    """By the frontier, and by the tree."""
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size]
    assert merkle.Tree(LEAVES).root(size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_is_proved_as_by_the_reference(index, size, path):
    """The same path, and it holds."""
    assert [node.hex() for node in merkle.Tree(LEAVES).inclusion(index, size)] == path
    nodes = [bytes.fromhex(node) for node in path]
    assert merkle.verify_inclusion(LEAVES[index], index, size, nodes, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "size", "path"), CONSISTENCY)
def test_consistency_is_proved_as_by_the_reference(old, size, path):
    """The same path, and it holds."""
    assert [node.hex() for node in merkle.Tree(LEAVES).consistency(old, size)] == path
    nodes = [bytes.fromhex(node) for node in path]
    assert merkle.verify_consistency(old, bytes.fromhex(ROOTS[old]), size, bytes.fromhex(ROOTS[size]), nodes)


def test_every_small_tree_agrees_with_the_definition():
    """Roots by both ways, at every size; and a frontier that was written down goes on where it was."""
    tree, frontier = merkle.Tree(MANY), merkle.Frontier()
    for size, leaf in enumerate(MANY):
        assert frontier.root() == tree.root(size) == mth(MANY[:size])
        frontier = merkle.Frontier(frontier.size, frontier.nodes)
        frontier.append(leaf)
    assert frontier.root() == tree.root() == mth(MANY)


def test_every_proof_of_every_small_tree_holds_and_no_other():
    """A path proves its leaf and nothing else: not another leaf, size or root, and not with a hash more or less."""
    tree = merkle.Tree(MANY)
    for size in range(1, len(MANY) + 1):
        root = tree.root(size)
        for index in range(size):
            path = tree.inclusion(index, size)
            assert merkle.verify_inclusion(MANY[index], index, size, path, root)
            assert not merkle.verify_inclusion(MANY[index - 1], index, size, path, root) or size == 1
            assert not merkle.verify_inclusion(MANY[index], index, size, [*path, root], root)
            assert not path or not merkle.verify_inclusion(MANY[index], index, size, path[:-1], root)
            assert not merkle.verify_inclusion(MANY[index], size, size, path, root)


def test_growth_is_proved_and_nothing_else():
    """Of any two sizes; a tree that was rewritten in between has no such proof."""
    tree = merkle.Tree(MANY)
    other = merkle.Tree([MANY[1], *MANY[1:]])
    for old, size in itertools.combinations_with_replacement(range(len(MANY) + 1), 2):
        path = tree.consistency(old, size)
        assert merkle.verify_consistency(old, tree.root(old), size, tree.root(size), path)
        if old:
            assert not merkle.verify_consistency(old, tree.root(old), size, other.root(size), path)
            assert not merkle.verify_consistency(
                old, tree.root(old), size, other.root(size), other.consistency(old, size)
            )
            assert not merkle.verify_consistency(old, tree.root(old), size, tree.root(size), [*path, MANY[0]])


def test_the_last_leaves_are_proved_by_the_frontier_of_those_before_as_by_the_whole_tree():
    """Whoever appends keeps no tree: what is new, and that it only grew, is proved from what an append needs."""
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(20)]
    for base, size in itertools.combinations(range(len(leaves) + 1), 2):
        before, whole = merkle.Frontier(), merkle.Tree(leaves[:size])
        for leaf in leaves[:base]:
            before.append(leaf)
        tail = merkle.Tail(before, leaves[base:size])
        assert (tail.size, tail.root()) == (size, whole.root())
        for index in range(base, size):
            assert tail.inclusion(index) == whole.inclusion(index)
        for old in (base, size):
            assert tail.consistency(old) == whole.consistency(old)
    with pytest.raises(ValueError, match="not at hand"):
        tail.inclusion(0, 20)


def test_what_cannot_be_proved_is_a_bug_of_the_caller():
    """A leaf that is not there, a larger tree, a frontier that does not fit."""
    tree = merkle.Tree(LEAVES)
    with pytest.raises(ValueError, match="leaf 8 is not in a tree of 8"):
        tree.inclusion(8)
    with pytest.raises(ValueError, match="a tree of 3 did not grow from one of 4"):
        tree.consistency(4, 3)
    with pytest.raises(ValueError, match="no tree of 9 leaves"):
        tree.root(9)
    with pytest.raises(ValueError, match="a frontier of 1 hashes does not fit 3 leaves"):
        merkle.Frontier(3, [LEAVES[0]])

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log made in memory, with a key whose signatures are made of a digest instead of by ssh-keygen."""

from __future__ import annotations

import hashlib

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint, entries, merkle

LOG = "0123456789abcdef" * 2
KEY = "ssh-ed25519 AAAAkey"
OTHER_KEY = "ssh-ed25519 AAAAother"


def sign(key, namespace, message):
    """What stands for a signature."""
    return hashlib.sha256(f"{key} {namespace} ".encode() + message).hexdigest()


def verify(key, namespace, message, signature):
    """Whether it is one."""
    return sign(key, namespace, message) == signature


def at(second):
    """A moment, so many seconds after the log began."""
    return f"2026-11-28T13:{second // 60:02d}:{second % 60:02d}.000000Z"


def made(size, log=LOG, said=(), late=0):
    """The documents of a log: entry 0 names it, entry 1 its key, the others are denials.

    Args:
        said: what entries say instead of their number, by index.
        late: seconds by which all is later.
    """
    said = dict(said)
    documents, previous = [], entries.NO_ENTRY
    for index in range(size):
        kind, body = "denied", {"n": said.get(index, index)}
        if index == 0:
            kind, body = "log.begun", {"log": log}
        elif index == 1:
            kind, body = "log.key", {"key": KEY, "signature": None}
        document = entries.compose(index, previous, at(index + late), kind, "ada@ops1", body)
        documents.append(document)
        previous = entries.leaf(document)
    return documents


def grown(documents, size, said="other", late=0):
    """A log that goes on with other entries."""
    documents = list(documents)
    while len(documents) < size:
        index = len(documents)
        previous = entries.leaf(documents[-1])
        documents.append(entries.compose(index, previous, at(index + late), "denied", "eve@ops2", {"n": said}))
    return documents


def rows(documents):
    """As a file keeps them."""
    return [(number, document, None) for number, document in enumerate(documents)]


def note_of(documents, key=KEY, log=LOG, second=None):
    """The signed checkpoint of a log."""
    frontier = merkle.Frontier()
    for document in documents:
        frontier.append(merkle.leaf_hash(document))
    moment = at(len(documents) if second is None else second)
    made_of = checkpoint.of(f"tidegate/{log}", moment, frontier)
    return checkpoint.Note(made_of, sign(key, checkpoint.NAMESPACE, made_of.text()))

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

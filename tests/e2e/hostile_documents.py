# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests whose documents are nearly right: each differs from one that somebody made in a place or two.

What is signed is changed before it is signed, so that signatures do not keep the host from reading on. None could have an
effect if the host took it for good: one signature is missing, or the challenge is nobody's.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from e2e.hostile import Ground
from host.driver import V2, V3
from host.hand import base64_of, request

from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import line, sign

ODD: tuple[Any, ...] = (
    None,
    True,
    "",
    "x" * 70_000,
    "../../etc/shadow",
    "e\u0301",
    "\ud800",
    "2026-02-31T25:61:61Z",
    "0" * 64,
    -1,
    0,
    2**53,
    10**400,
    1.5,
    float("nan"),
    [],
    {},
    [[]] * 3000,
    {"": {}},
)


def _places(doc: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = doc.items() if isinstance(doc, dict) else enumerate(doc) if isinstance(doc, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _odd(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(ODD))  # the next change may be inside of it


def changed(chance: random.Random, doc: Any) -> Any:
    """A document with something odd, missing, doubled or new in one or two places."""
    doc = copy.deepcopy(doc)
    for _time in range(chance.choice((1, 1, 2))):
        *above, key = chance.choice([*_places(doc)] or [("new",)])
        inner = doc
        for step in above:
            inner = inner[step]
        do = chance.randrange(4)
        if do == 0:
            del inner[key]
        elif do == 1 and isinstance(inner, list):
            inner.append(inner[key])
        elif do == 1:
            inner["new"] = _odd(chance)
        else:
            inner[key] = _odd(chance)
    return doc


def broken(chance: random.Random, data: bytes) -> bytes:
    """Bytes with some missing, doubled or other ones."""
    at = chance.randrange(len(data))
    return chance.choice(
        (data[:at], data[:at] + data[at + 1 :], data[:at] + bytes([chance.randrange(256)]) + data[at:], data * 2, b"")
    )


class Documents:
    """Makes the requests.

    Args:
        ground: a host, of which nothing is asked.
        chance: says what is changed.
    """

    def __init__(self, ground: Ground, chance: random.Random) -> None:
        self._ground = ground
        self._chance = chance
        self._statement = ground.about(V3)
        self._permit = ground.signed(self._statement)
        nobody = {"uid": ground.uid, "challenges": {"web": "0" * 64}, "seen": {"size": 2}}
        self._grant = ground.grant(self._statement, nobody, ground.log_of(ground.log.documents))

    def make(self, count: int) -> Iterator[bytes]:
        """So many requests of each kind, and some that are no requests."""
        kinds: tuple[Callable[[], bytes], ...] = (
            self._trust,
            self._permitted,
            self._granted,
            self._staged,
            self._veto,
            self._unenroll,
            self._whole,
        )
        for kind in kinds:
            for _number in range(count):
                yield kind()
        yield b"[" * 200_000 + b"\n"
        yield b'{"protocol":1,"step":"trust","bundles":"' + b"A" * 5_000_000 + b'"}\n'
        yield b"\x00\xff\n"

    def _signed(self, doc: Any, namespace: str, who: str) -> dict[str, Any]:
        """A changed document, or its changed bytes, with the signature of one."""
        data = _bytes(changed(self._chance, doc))
        if self._chance.random() < 0.2:
            data = broken(self._chance, data)
        return {"statement": base64_of(data), "signatures": [sign(who, data, namespace)]}

    def _trust(self) -> bytes:
        made = self._signed(self._ground.trust(2), "trust@tidegate", "cy")
        return _request("trust", bundles=[{"data": made["statement"], "signatures": made["signatures"]}])

    def _veto(self) -> bytes:
        doc = {**self._statement.doc, "type": "veto", "reason": "no"}
        return _request("veto", **self._signed(doc, "veto@tidegate", "eve"))

    def _unenroll(self) -> bytes:
        return _request("unenroll", **self._signed(self._ground.leaving(), "unenroll@tidegate", "cy"))

    def _permitted(self) -> bytes:
        """A statement that was changed, as one person has signed it."""
        made = self._signed(self._statement.doc, "approval@tidegate", "ada")
        return self._forward({**self._permit, **made, "grant": self._grant})

    def _granted(self) -> bytes:
        """A true permit, whose grant was changed; its challenge never was one."""
        return self._forward({**self._permit, "grant": changed(self._chance, self._grant)})

    def _staged(self) -> bytes:
        fields = {**self._ground.staging(V3), "permit": self._permit}
        return _request("stage", check=True, **changed(self._chance, fields))  # the release is there, and it is signed

    def _whole(self) -> bytes:
        """Any step, with the fields of an activation."""
        step = self._chance.choice(("activate", "back", "enroll", "review", "challenge", "ask", "precheck", "upgrade"))
        fields = {**self._fields(), "permit": {**self._permit, "grant": self._grant}, "services": ["web"]}
        more = {"statement": "0" * 64, "bundle": "", "signatures": [], "login_keys": [line("ada")], "sha256": "0" * 64}
        fields = changed(self._chance, {**fields, **more, "why": "", "operator": True})
        return _request(step, check=step == "back", **fields)  # whoever has the login may close what people signed

    def _forward(self, permit: dict[str, Any]) -> bytes:
        return _request("activate", **self._fields(), permit=permit)

    def _fields(self) -> dict[str, Any]:
        return {**self._ground.activation(self._statement.change, V3, V2.id), "wait_s": 0}


def _bytes(doc: Any) -> bytes:
    """As JSON that nobody has checked."""
    return json.dumps(doc, sort_keys=True, separators=(",", ":")).encode()


def _request(step: str, check: bool = False, **fields: Any) -> bytes:
    head = request(step, check=check)[:-2]
    return head + b"," + _bytes(fields)[1:] + b"\n"

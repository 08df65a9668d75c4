# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage request orders, as a value that is right once it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.archive import Limits
from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.release import SHA256, ReleaseId
from .supply import HAVE, PUSH, URL

_TIMEOUT_S = 900


@dataclass(frozen=True)
class Order:
    """One release, where its bytes come from, and what they must be.

    Args:
        source: `push`, `have` or `url`.
        url: where to download from; empty unless the source is `url`.
        timeout_s: for the whole download.
    """

    definition: Definition
    release_id: str
    manifest_digest: str
    name: str
    sha256: str
    size_bytes: int
    strip: int
    source: str
    url: str
    allow_hosts: tuple[str, ...]
    timeout_s: int
    limits: Limits
    check: bool

    @classmethod
    def parse(cls, request: dict[str, Any]) -> Order:
        """The order that a request is.

        Raises:
            Refusal: DATA; names the field, what was found and what was expected.
        """
        release = _Fields(request, "release")
        artifact = _Fields(request, "artifact")
        source = _Fields(request, "source")
        release_id = release.text("id")
        expected = str(ReleaseId.of(release.text("version"), release.text("manifest")))
        if release_id != expected:
            raise Refusal("DATA", f"release.id: {release_id!r} found, expected {expected!r}")
        sha256 = artifact.text("sha256")
        if not SHA256.fullmatch(sha256):
            raise Refusal("DATA", f"artifact.sha256: {sha256!r} found, expected 64 lower-case hex digits")
        kind = source.text("kind")
        if kind not in (PUSH, HAVE, URL):
            raise Refusal("DATA", f"source.kind: {kind!r} found, expected push, have or url")
        return cls(
            definition=Definition.parse(request.get("definition")),
            release_id=release_id,
            manifest_digest=release.text("manifest"),
            name=artifact.text("name"),
            sha256=sha256,
            size_bytes=artifact.number("size_bytes", 0),
            strip=artifact.number("strip", 0, default=0),
            source=kind,
            url=source.text("url") if kind == URL else "",
            allow_hosts=source.texts("allow_hosts"),
            timeout_s=source.number("timeout_s", 1, default=_TIMEOUT_S),
            limits=Limits.parse(request.get("limits")),
            check=bool(request.get("check")),
        )


class _Fields:
    """One object of a request, read field by field with errors that name the place."""

    def __init__(self, request: dict[str, Any], name: str) -> None:
        self._name = name
        fields = request.get(name)
        if not isinstance(fields, dict):
            raise self._wrong("", fields, "an object")
        self._fields: dict[str, Any] = fields

    def text(self, key: str) -> str:
        value = self._fields.get(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(f".{key}", value, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._fields.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(f".{key}", value, "a list of texts")
        return tuple(value)

    def number(self, key: str, least: int, default: int | None = None) -> int:
        value = self._fields.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._wrong(f".{key}", value, f"an integer, at least {least}")
        return value

    def _wrong(self, key: str, found: object, expected: str) -> Refusal:
        return Refusal("DATA", f"{self._name}{key}: {found!r} found, expected {expected}", where=self._name + key)

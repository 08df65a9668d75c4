# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of releases and changes, which travel into paths and are therefore proved first."""

from __future__ import annotations

import re

from .errors import Refusal

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
CHANGE_ID = re.compile(r"CHG-[0-9]{4}-[0-9]{4,9}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ID_DIGITS = 12

RELEASE = re.compile(rf"{VERSION.pattern}-[0-9a-f]{{{ID_DIGITS}}}")


class ReleaseId:
    """`<version>-<first 12 hex digits of the manifest's digest>`: names a release by what is in it."""

    __slots__ = ("_text",)  # no dataclass: many steps load this module

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, version: str, manifest_digest: str) -> ReleaseId:
        """The id of a release.

        Raises:
            Refusal: DATA; the version or the digest is not one.
        """
        if not VERSION.fullmatch(version):
            raise Refusal("DATA", f"release version {version!r} found, expected {VERSION.pattern}")
        if not SHA256.fullmatch(manifest_digest):
            raise Refusal("DATA", f"manifest digest {manifest_digest!r} found, expected 64 lower-case hex digits")
        return cls(f"{version}-{manifest_digest[:ID_DIGITS]}")

    def __str__(self) -> str:
        return self._text


def is_release_id(text: str) -> bool:
    """Whether a text, such as the name of a folder, is a release id."""
    return RELEASE.fullmatch(text) is not None

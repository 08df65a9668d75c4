# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller of `activate` asks for, as a value that is right once it exists."""

from __future__ import annotations

from ..core.definition import Definition
from ..core.release import RELEASE, SHA256
from . import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Wish:
    """What a caller of `activate` asks for, proved to be well formed."""

    __slots__ = (
        "back_until",
        "change",
        "deadline_s",
        "definition",
        "fence",
        "manifest",
        "plan",
        "previous",
        "release",
        "renew_until_s",
        "token_sha256",
        "wait_s",
    )

    def __init__(self, request: dict[str, Any]) -> None:
        release = fields.mapping(request, "release")
        self.change = fields.text(request, "change", fields.CHANGE)
        self.plan = fields.text(request, "plan", SHA256)
        self.definition = Definition.parse(request.get("definition"))
        self.release = fields.text(release, "id", RELEASE)
        self.manifest = fields.text(release, "manifest", SHA256)
        self.previous = fields.previous(request)
        self.fence = fields.number(request, "fence", 0, 2**53 - 1)
        self.token_sha256 = fields.text(request, "token_sha256", SHA256)
        self.back_until = fields.text(request, "back_until", fields.UTC)
        self.renew_until_s = fields.number(request, "renew_until_s")
        self.deadline_s = fields.number(request, "deadline_s", 1)
        self.wait_s = fields.number(request, "wait_s")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of somebody's own playbook is called: its file and the change that was named, as text that nobody has templated.

It imports little, for callbacks that need no more than this.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHANGE_VARIABLE, CHANGE_ENVIRONMENT = "tidegate_change", "TIDEGATE_CHANGE"
MAX_NAME = 100
_OURS = os.path.join(Path(os.path.realpath(__file__)).parents[3], "playbooks") + os.sep
_AD_HOC = "__adhoc_playbook__"  # what `ansible` calls its one play


def is_ours(place: str | None) -> bool:
    """Whether a play is one of this collection's own.

    Args:
        place: file and line of the play, as Ansible tells them.
    """
    return os.path.realpath(str(place or "").rpartition(":")[0]).startswith(_OURS)


def named_change(extra: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The change that was named on the command line or in the environment, as text that nobody has templated."""
    value = extra.get(CHANGE_VARIABLE)
    if value is None:
        value = environment.get(CHANGE_ENVIRONMENT)
    return str.__str__(value) if isinstance(value, str) and value else None


def name_of(playbook: str) -> str:
    """The name of a playbook's file, as it is recorded."""
    name = "".join(char for char in os.path.basename(playbook) if char.isprintable())
    return "ad-hoc" if name in ("", _AD_HOC) else name[:MAX_NAME]


def digest_of(playbook: str) -> str | None:
    """The SHA-256 of a playbook's file; None where it cannot be read, as in an ad-hoc run."""
    try:
        return hashlib.sha256(Path(playbook).read_bytes()).hexdigest()
    except OSError:
        return None

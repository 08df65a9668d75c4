# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where values that came from Ansible become plain Python values.

Since ansible-core 2.19 strings, numbers and containers may carry tags (where they come from, whether they are trusted
templates) and containers may be lazy: ``type(value) is str`` is false and some serializers refuse them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.canonical import MAX_DEPTH
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Path, path_text

_PLAIN = (dict, list, str, int, float)
"""What carries no tag of Ansible's."""


def plain(value: Any, place: str = "value") -> Any:
    """A copy of a value made of exactly ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` and None.

    Args:
        value: a value of a variable, already templated.
        place: what it is, for the error.

    Raises:
        Refusal: DATA when it holds a vaulted value (what is recorded and sent to hosts must not be secret), a type
            that YAML data does not have, or is nested without end.
    """
    return _plain(value, place, ())


def _plain(value: Any, place: str, path: Path) -> Any:
    if len(path) > MAX_DEPTH:
        raise Refusal("DATA", f"{place}: nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return value
    if _is_vaulted(value):
        raise Refusal(
            "DATA",
            f"{place}: {path_text(path) or 'the value'}: found a vaulted value, expected one that may be recorded; "
            "let the service read its secret from a file of the host",
        )
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return _plain_container(value, place, path)


def _plain_container(value: Any, place: str, path: Path) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, place, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, place, (*path, index)) for index, item in enumerate(value)]
    kind = type(value).__name__.removeprefix("_AnsibleTagged").lower()
    raise Refusal(
        "DATA",
        f"{place}: {path_text(path) or 'the value'}: found a value of type {kind}, expected text, a number, true, false, "
        "a list or a mapping; put it in quotes if text is meant",
    )


def _key(key: Any) -> Any:
    return str.__str__(key) if isinstance(key, str) else key


def _is_vaulted(value: Any) -> bool:
    if type(value) in _PLAIN:
        return False
    # A heavy import, which a process without values of Ansible's does without.
    from ansible.parsing.vault import EncryptedString, VaultHelper

    if isinstance(value, EncryptedString):
        return True
    return isinstance(value, str) and VaultHelper.get_ciphertext(value, with_tags=False) is not None

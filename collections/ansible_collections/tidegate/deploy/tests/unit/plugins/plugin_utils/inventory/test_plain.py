# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values from Ansible become plain, and vaulted ones are refused."""

from __future__ import annotations

import datetime

import pytest
from ansible._internal._datatag._tags import VaultedValue
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import EncryptedString
from ansible.template import Templar, trust_as_template

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain

YAML = """
web:
  unit: "{{ name }}.service"
  keep: 3
  hooks: {before: null}
  probes: [{http: {url: "http://127.0.0.1:{{ port }}/", status: [200, 204]}}]
  enabled: true
"""
PLAIN = {
    "web": {
        "unit": "web.service",
        "keep": 3,
        "hooks": {"before": None},
        "probes": [{"http": {"url": "http://127.0.0.1:8080/", "status": [200, 204]}}],
        "enabled": True,
    }
}


def types(value):
    """All types in a value."""
    if isinstance(value, dict):
        return {type(value)}.union(*(types(item) for pair in value.items() for item in pair))
    if isinstance(value, list):
        return {type(value)}.union(*(types(item) for item in value))
    return {type(value)}


def test_templated_values_become_plain():
    """What Ansible loaded and templated, tagged and lazy, is made of Python's own types only."""
    loader = DataLoader()
    value = _trusted(loader.load(YAML, file_name="/site/services.yml"))
    templated = Templar(loader, variables={"name": "web", "port": 8080}).template(value)

    found = plain(templated)

    assert PLAIN == found
    assert {dict, list, str, int, bool, type(None)} == types(found)
    assert canonical.digest(PLAIN) == canonical.digest(found)


def _trusted(value):
    if isinstance(value, dict):
        return {key: _trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def test_a_plain_value_is_copied():
    """A plain value comes out equal, and does not change with what went in."""
    value = {"a": [1, "x"]}
    found = plain(value)
    value["a"].append(2)

    assert {"a": [1, "x"]} == found


BAD = {
    "vaulted": (
        {"a": [EncryptedString(ciphertext="$ANSIBLE_VAULT;1.1;AES256\n6162\n")]},
        "a[0]: found a vaulted value",
    ),
    "decrypted": (
        {"a": VaultedValue(ciphertext="$ANSIBLE_VAULT;1.1;AES256").tag("secret")},
        "a: found a vaulted value",
    ),
    "date": ({"a": datetime.date(2026, 1, 2)}, "a: found a value of type date, expected text, a number"),
    "object": ({"a": object()}, "a: found a value of type object"),
    "bytes": (b"x", "the value: found a value of type bytes"),
}


@pytest.mark.parametrize(("value", "message"), BAD.values(), ids=BAD)
def test_refusals(value, message):
    """What may not be recorded, or is no data, is refused with its path."""
    with pytest.raises(Refusal) as caught:
        plain(value, "tidegate_services of host web1")

    assert "DATA" == caught.value.code
    assert f"tidegate_services of host web1: {message}" in caught.value.message


def test_endless_values_are_refused():
    """A list that holds itself is refused, not followed."""
    endless = []
    endless.append(endless)

    with pytest.raises(Refusal, match="nested deeper than 64"):
        plain(endless)

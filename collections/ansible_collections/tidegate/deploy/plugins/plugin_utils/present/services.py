# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services file that ``init`` writes, as YAML with its guesses marked, and what it says about that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.guess import Guess, value_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, printable, table

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*")
_WORDS = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|nan|inf)")

_HEAD = """\
---
# The services of this site, as ansible-playbook tidegate.deploy.init found them on its hosts.
# Look at whatever is marked as a guess; docs/reference/services.md has every key.
# Then: ansible-playbook tidegate.deploy.doctor
"""


def services_file(guessed: Sequence[Guess], silent: Mapping[str, str]) -> str:
    """The text of the file.

    Args:
        guessed: the services.
        silent: hosts that could not be asked, and why.

    Raises:
        ValueError: the text is not what was meant; a bug.
    """
    lines = [f"# Not asked: {printable(host)}: {printable(why)}" for host, why in silent.items()]
    lines.append("tidegate_services:")
    for guess in guessed:
        lines += _service(guess)
    text = _HEAD + "\n".join(lines) + "\n"
    if yaml.safe_load(text) != {"tidegate_services": value_of(guessed)}:
        raise ValueError("the services file does not say what was found")
    return text


def _service(guess: Guess) -> list[str]:
    lines = [f"  {_scalar(guess.name)}:"]
    lines += [f"    # {printable(remark)}" for remark in guess.remarks]
    for key, value in guess.entry.items():
        mark = f"  # {printable(guess.why[key])}" if guess.why.get(key) else ""
        if key == "probes":
            lines += ["    probes:", *(f"      - {_inline(probe)}{mark}" for probe in value)]
        else:
            lines.append(f"    {key}: {_scalar(value)}{mark}")
    return lines


def _inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        [(kind, fields)] = value.items()
        return f"{kind}: {{{', '.join(f'{key}: {_in_flow(item)}' for key, item in fields.items())}}}"
    return _scalar(value)


def _in_flow(value: Any) -> str:
    return json.dumps(value)  # also YAML; quotes what a flow mapping would read otherwise


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value):
        return value
    return json.dumps(value)


def init_text(
    guessed: Sequence[Guess], silent: Mapping[str, str], without: Sequence[str], path: str, text: str | None
) -> str:
    """What ``init`` says at its end.

    Args:
        guessed: the services.
        silent: hosts that could not be asked, and why.
        without: groups on whose hosts no service was found.
        path: the file.
        text: what it would hold, where it was not written.
    """
    rows = [
        (guess.name, guess.entry["unit"], guess.entry["root"], _probe(guess), str(len(guess.hosts)))
        for guess in guessed
    ]
    lines = table(("service", "unit", "root", "probe", "hosts"), rows)
    pairs = [
        ("file", path),
        ("not asked", [f"{host}: {why}" for host, why in silent.items()][:10]),
        ("no service", list(without)[:10]),
        ("next", "look at every guess in it, then ansible-playbook tidegate.deploy.doctor"),
    ]
    shown = [text.rstrip(), ""] if text is not None else []
    title = f"init: {len(guessed)} services {'would be written' if text is not None else 'written'}"
    return "\n".join([*shown, *lines, block(title, pairs)])


def _probe(guess: Guess) -> str:
    probes = guess.entry.get("probes")
    if not probes:
        return "unit only"
    [(kind, fields)] = probes[0].items()
    return str(fields.get("url") or f"{kind} {fields['port']}")

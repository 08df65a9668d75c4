# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages about probes and pre-checks say what the code does: same defaults, valid examples, every check."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import health, vitals

PAGES = next(
    (path / "docs" / "reference" for path in Path(__file__).parents if (path / "docs/reference").is_dir()), None
)
pytestmark = pytest.mark.skipif(PAGES is None, reason="the collection is tested without the site's documentation")


def _page(name: str) -> str:
    assert PAGES is not None
    return (PAGES / name).read_text()


def _section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def _table(text: str) -> dict[str, str]:
    """Key -> default of a table whose first two columns are these."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE)
    return {key: default.strip("`") for key, default in rows}


def _examples(page: str) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="no PyYAML, which Ansible brings")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    services = yaml.safe_load(block)["tidegate_services"]
    return dict(services["web"])


def test_defaults_of_every_probe() -> None:
    """What all kinds share is as the code has it."""
    told = _table(_section(_page("probes.md"), "Keys of every kind"))
    assert told.pop("name") == "made of the question"
    assert told == {key: str(value) for key, value in health.COMMON.items()}


@pytest.mark.parametrize("kind", sorted(health.KINDS))
def test_defaults_of_each_kind(kind: str) -> None:
    """Each kind has its keys, no more, with their defaults."""
    told = _table(_section(_page("probes.md"), f"`{kind}`"))
    own = {key: default for key, default in health.defaults(kind).items() if key in health.KINDS[kind]}
    expected = {key: default if isinstance(default, str) else json.dumps(default) for key, default in own.items()}
    required = dict.fromkeys(health.required(kind), "required")
    if kind in ("unit", "log"):
        required["unit"] = "the service's own"  # filled in where services are read
    assert told == {**expected, **required}


def test_the_examples_of_probes_are_valid() -> None:
    """Every kind is shown, and what is shown is accepted."""
    service = _examples(_page("probes.md"))
    documents = []
    for entry in service["probes"]:
        ((kind, fields),) = entry.items()
        own = {"unit": service["unit"]} if kind in ("unit", "log") else {}
        documents.append({"kind": kind, **own, **fields})
    probes = health.parse_all(documents)
    assert {probe.kind for probe in probes} == set(health.KINDS)


def test_thresholds() -> None:
    """The thresholds of the page are those of the code, and its example is accepted."""
    page = _page("pre-checks.md")
    told = _table(page.split("\n## ", 1)[0])
    assert told == {key: str(value) for key, value in vitals.DEFAULTS.items()}
    assert vitals.thresholds(_examples(page)["checks"])["load"] == "refuse"


def test_every_check_is_told() -> None:
    """What a finding may be called is on the page, and whether it may be lowered."""
    section = _section(_page("pre-checks.md"), "What is looked at")
    told = {
        name: row.rsplit("|", 2)[1].strip()
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    source = Path(vitals.__file__).read_text()
    named = set(re.findall(r'_finding\(\s*"(\w+)"', source))
    assert set(told) == named
    levels = {key for key, value in vitals.DEFAULTS.items() if isinstance(value, str)}
    assert {name for name, lowered in told.items() if lowered == "yes"} == levels

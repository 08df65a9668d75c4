# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference pages and schemas say what the code reads: every example is read by it, every key and default is told."""

from __future__ import annotations

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.deploy.plugins.module_utils.core import health, vitals
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import file
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import CHANGE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services_schema import HOOK, SERVICE

ROOT = Path(__file__).parents[2]
CHANGE_PAGE = (ROOT / "docs/reference/change-file.md").read_text(encoding="utf-8")
SERVICES_PAGE = (ROOT / "docs/reference/services.md").read_text(encoding="utf-8")


def examples(page):
    """The YAML blocks of a page."""
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)


def words(page):
    """Every word of a page that is set as code, from tables and text."""
    return {word for code in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"[a-z_0-9]+", code)}


def row(page, key):
    """The cells of the table row of a key."""
    cells = next(line.split(" | ") for line in page.splitlines() if line.startswith(f"| `{key}` |"))
    return [cell.strip("| ") for cell in cells]


@pytest.mark.parametrize("text", examples(CHANGE_PAGE))
def test_examples_of_change_files(text):
    """Every example of a change file is one."""
    assert "web" == file.parse(text, "/site/changes/web.yml").service


@pytest.mark.parametrize("text", examples(SERVICES_PAGE))
def test_examples_of_services(text):
    """Every example of the variable is one."""
    assert "web" in services.Services.of(yaml.safe_load(text)["tidegate_services"]).names


def test_every_key_of_a_change_file_is_told():
    """No key of a change file is missing on its page."""
    assert {*CHANGE["properties"], *CHANGE["properties"]["artifact"]["properties"]} <= words(CHANGE_PAGE)


def test_every_key_of_a_service_is_told():
    """No key of a service, its hooks, probes, limits and thresholds is missing on its page."""
    keys = {*SERVICE["properties"], *HOOK["properties"], *services.LIMITS, *vitals.DEFAULTS, *health.COMMON, "name"}
    keys |= {*SERVICE["properties"]["drain"]["properties"]}
    keys |= {key for kind, fields in health.KINDS.items() for key in (kind, *fields)}

    assert set() == keys - words(SERVICES_PAGE)


@pytest.mark.parametrize(("key", "default"), {**services.LIMITS, **vitals.DEFAULTS, "keep": services.KEEP}.items())
def test_defaults_of_services(key, default):
    """The page tells the defaults that the code has."""
    assert f"`{default}`" == row(SERVICES_PAGE, key)[1]


@pytest.mark.parametrize(("key", "default"), [(k, v) for k, v in health.COMMON.items() if k != "over_s"])
def test_defaults_of_probes(key, default):
    """The page tells the defaults that probes have."""
    assert f"`{default}`" == row(SERVICES_PAGE, key)[1]


def test_schemas_for_editors_are_the_ones_in_use():
    """The files in docs/schemas are what `tools/schemas` writes."""
    loader = SourceFileLoader("schemas", str(ROOT / "tools/schemas"))
    generator = module_from_spec(spec_from_loader("schemas", loader))
    loader.exec_module(generator)

    assert {path: path.read_text(encoding="utf-8") for path in generator.FOLDER.iterdir()} == generator.texts()

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages for people: what is generated is current, examples are read by the code, commands and links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from ansible_collections.tidegate.deploy.plugins.module_utils.core import states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import CODES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle, file
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import (
    bridges,
    people,
    policy,
    services,
    trust,
    windows_schema,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import witnesses
from docs import readme

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "collections/ansible_collections/tidegate/deploy"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TO = sorted((ROOT / "docs/how-to").glob("*.md"))
FAULTS = {*range(1, 5), *range(6, 13), 14, 15, *range(17, 20), 21, *range(23, 29), 31, 38, *range(47, 53), 55, 57}
FAULTS |= {5, 20, 35, 42, *range(58, 71)}
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


READ = {
    "tidegate_services": lambda value: services.Services.of(value).names,
    "tidegate_policy": lambda value: policy.Policy.of(value).doc,
    "tidegate_people": lambda value: people.People.of(value).by_name,
    "tidegate_bridges": lambda value: bridges.with_bridges(people.People(), value).bridges,
    "tidegate_trust": lambda value: trust.TrustData.of(value).login_keys,
    "tidegate_enrolled": lambda value: value is True,
    "tidegate_witnesses": witnesses.places,
    "tidegate_protected": lambda value: value is True,
    "tidegate_gate": lambda value: value in windows_schema.MODES,
}
"""How the code reads each variable of a site."""


def load(tool):
    """A tool of the site as a module."""
    loader = SourceFileLoader(f"tool_{tool}", str(ROOT / "tools" / tool))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


GENERATOR = load("docs")


def yaml_blocks(paths):
    """Every YAML block of pages, with the name of its page."""
    found = [
        (page.name, text) for page in paths for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    return [pytest.param(text, id=f"{name}-{number}") for number, (name, text) in enumerate(found)]


def anchors(page):
    """The anchors of a page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- generated parts


def test_generated_parts_are_current():
    """Pages hold what `tools/docs` writes into them."""
    assert {path: path.read_text(encoding="utf-8") for path in GENERATOR.texts()} == GENERATOR.texts()


def test_the_diagram_of_the_protocol_is_the_table_of_the_code():
    """The page shows the diagram that the state table makes, whole."""
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")

    assert [states.mermaid()] == re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    assert set(states.STATES) <= set(re.findall(r"\w+", states.mermaid()))


def test_every_row_of_the_state_table_is_told():
    """The table of the page has one line per row of the code's, and names every event."""
    table = GENERATOR.state_table().splitlines()[2:]

    assert len(states.ROWS) == len(table)
    assert [] == [words for words in states.EVENTS.values() if not any(f"| {words}" in line for line in table)]


def test_every_code_is_told():
    """The page of codes has each code once."""
    page = (ROOT / "docs/reference/codes.md").read_text(encoding="utf-8")

    assert list(CODES) == re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)


def test_every_extra_variable_is_told():
    """The page of verbs has each playbook, with the variables that anybody may give it and no others."""
    page = (ROOT / "docs/reference/verbs.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    told = {verb: set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) for verb, text in sections.items()}

    assert {path.stem for path in (COLLECTION / "playbooks").glob("*.yml")} == set(told)
    assert {"tidegate_change_file", "tidegate_change", "tidegate_json"} == told["rollout"]
    for verb, names in told.items():
        read = (COLLECTION / f"playbooks/{verb}.yml").read_text(encoding="utf-8")
        assert set(re.findall(r"{{ (tidegate_\w+)", read)) - {"tidegate_verb"} <= names


def test_files_of_the_framework_page_exist():
    """Whatever docs/pcf.yml names is there, and each activity names code, tests and its own number once."""
    source = yaml.safe_load(GENERATOR.SOURCE.read_text(encoding="utf-8"))
    numbers = [activity["id"] for activity in source["activities"]]

    assert [] == [path for path in GENERATOR.paths_of(source) if not (ROOT / path).exists()]
    assert sorted(set(numbers)) == numbers
    assert all(activity["by"] and activity["tests"] for activity in source["activities"])


def test_the_runbook_has_a_row_for_every_fault():
    """Whoever looks a fault up by its number finds what was seen, what was done and what is to be done."""
    page = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)

    assert sorted(FAULTS) == sorted(int(number) for cell in first_cells for number in cell.split(","))


# --- links and names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Relative links name files and headings that exist."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)

    assert [] == broken


def test_every_decision_is_listed():
    """The list of decisions names each page of them, by its own title."""
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs/adr").glob("0*.md"))

    assert [page.name for page in pages] == re.findall(r"\((0[^)]*)\)", listed)


# --- examples


@pytest.mark.parametrize("text", yaml_blocks(HOW_TO))
def test_examples_of_the_how_tos(text, tmp_path):
    """Variables of a site and change files are read by the code; plays and tasks pass the syntax check of ansible-playbook."""
    example = yaml.safe_load(text)
    if isinstance(example, dict) and "service" in example:
        assert file.parse(text, "/site/changes/example.yml").service == example["service"]
        return
    if isinstance(example, dict):
        found = {name: bool(READ[name](value)) for name, value in example.items() if name in READ}
        assert {True} == set(found.values())
        return
    path = tmp_path / "play.yml"
    tasks = not any({"hosts", "ansible.builtin.import_playbook"} & set(item) for item in example)
    path.write_text(yaml.safe_dump([{"hosts": "all", "tasks": example}]) if tasks else text, encoding="utf-8")
    (tmp_path / "hosts.yml").write_text(readme.files()["hosts.yml"], encoding="utf-8")
    checked = subprocess.run(
        [PLAYBOOK, "--syntax-check", "-i", "hosts.yml", path],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (checked.returncode, checked.stderr)


@pytest.mark.parametrize("path", sorted((ROOT / "changes").glob("*.yml")), ids=lambda path: path.stem)
def test_changes_of_the_demonstration_are_read_by_the_code(path):
    """Each names a service, and where it carries tasks all of their files are there."""
    change = file.read(str(path))

    found = bundle.read(change.tasks, change.once, change.place, lambda _name: None)

    assert change.service in ("web", "worker")
    assert bool(found.files) == (change.tasks is not None)


def test_the_smallest_start_is_read_by_the_code():
    """Change file, services and inventory of the README are right, and belong together."""
    files = readme.files()
    change = file.parse(files["changes/web-1.0.0.yml"], "/site/changes/web-1.0.0.yml")
    defined = services.Services.of(yaml.safe_load(files["group_vars/all/tidegate_services.yml"])["tidegate_services"])
    service = defined.service(change.service)

    assert {"hosts.yml", "web.service", "group_vars/all/tidegate_services.yml", "changes/web-1.0.0.yml"} == set(files)
    assert service.definition["unit"] in files
    assert f"WorkingDirectory={service.definition['root']}/current" in files["web.service"].splitlines()
    assert yaml.safe_load(files["hosts.yml"])[change.service]["hosts"]


def test_commands_of_the_readme_name_what_exists():
    """The verbs are playbooks of the collection, the packages those that it requires."""
    commands = [shlex.split(line, comments=True) for line in readme.commands()]
    verbs = {word.rpartition(".")[2] for command in commands for word in command if word.startswith("tidegate.deploy.")}
    asked = {word for command in commands if "pip" in command for word in command[4:]}
    required = (COLLECTION / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert {"rollout", "status"} == verbs
    assert {verb for verb in verbs if (COLLECTION / f"playbooks/{verb}.yml").exists()} == verbs
    assert {line for line in required if not line.startswith("#")} == asked


def test_targets_of_the_readme_are_in_the_makefile():
    """The two commands are targets, told in the list that `make` prints."""
    targets = re.findall(r"^    make (\w+)", readme.README.read_text(encoding="utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert ["demo", "test"] == targets
    assert all(re.search(rf"^{target}:.*## ", makefile, re.MULTILINE) for target in targets)


def test_examples_of_the_collections_page_are_read_by_the_code():
    """The service and the change that the collection's own README shows are right, and belong together."""
    page = (COLLECTION / "README.md").read_text(encoding="utf-8")
    shown = {name: dedent(text) for name, text in re.findall(r"^    # (\S+\.yml)\n((?:    .*\n)+)", page, re.MULTILINE)}
    defined = services.Services.of(yaml.safe_load(shown["group_vars/all/tidegate_services.yml"])["tidegate_services"])

    assert file.parse(shown["changes/web-2.4.0.yml"], "/site/changes/web-2.4.0.yml").service in defined.names

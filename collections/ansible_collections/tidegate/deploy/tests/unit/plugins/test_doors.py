# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action has a page, and the page says what the action takes and gives; the roles hand on no more than that."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

COLLECTION = "tidegate.deploy"
ROOT = Path(__file__).parents[3]
ACTIONS = {path.stem: path for path in (ROOT / "plugins/action").glob("*.py")}
MODULES = {path.stem: path for path in (ROOT / "plugins/modules").glob("*.py")}
ROLES = sorted(path.parent.parent.name for path in (ROOT / "roles").glob("*/tasks/main.yml"))
OF_ANSIBLE = {"query", "ansible_failed_task"}
WITHOUT_ACTION = ("part",)
"""The roles that call no action: the site's own tasks run in them."""
STEPS = {"tasks": "apply"}
"""The step in the sample of an action that stands for several; of others it is the action's name."""
PART_OF_EVERY_RESULT = {"msg", "tidegate"}
ABOUT_AN_OPTION = {"type": "str", "default": None, "choices": None, "required": False, "elements": None}
"""What is compared of an option, with the values that Ansible takes where none is given."""


def page_of(name, part="DOCUMENTATION"):
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")
    return yaml.safe_load(getattr(module, part)) or {}


def fragment_of(reference):
    file, _dot, variable = reference.removeprefix(f"{COLLECTION}.").partition(".")
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.doc_fragments.{file}")
    return yaml.safe_load(getattr(module.ModuleDocFragment, (variable or "documentation").upper()))


def options_of(page):
    """The options of a page, with those of its fragments, over which its own words go."""
    shared = [fragment_of(reference)["options"] for reference in page["extends_documentation_fragment"]]
    return {name: option for options in (*shared, page.get("options", {})) for name, option in options.items()}


def arguments_of(name):
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{name}")
    return module.ActionModule.ARGUMENTS


def comparable(options):
    return {
        name: {key: option.get(key, default) for key, default in ABOUT_AN_OPTION.items()}
        for name, option in options.items()
    }


def dictionaries_in(document):
    """Every dictionary at any depth of a YAML document."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from dictionaries_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from dictionaries_in(value)


def calls_in(document):
    """Every call of an action of this collection, as its name and its arguments."""
    for task in dictionaries_in(document):
        for key, arguments in task.items():
            if isinstance(key, str) and key.startswith(f"{COLLECTION}."):
                yield key.removeprefix(f"{COLLECTION}."), arguments or {}


def keys_of_data(path):
    """The constant keys of every dictionary that an action calls ``data``, as keyword or variable."""
    keys = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = isinstance(node, ast.keyword) and node.arg == "data"
        assigned = isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["data"]
        if (named or assigned) and isinstance(node.value, ast.Dict):
            keys |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return keys


def test_every_action_has_a_page_and_every_page_an_action():
    """There is no hidden door, and no page of one that is not there."""
    assert sorted(ACTIONS) == sorted(MODULES)


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_options_are_those_of_the_action(name):
    """Names, types, defaults, choices and what is required agree, since both are written by hand."""
    page = page_of(name)
    assert name == page["module"]
    assert comparable(arguments_of(name)) == comparable(options_of(page))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_page_says_what_it_supports(name):
    """Check mode, diff mode and the rest are said of each action, from its page or a fragment."""
    page = page_of(name)
    said = dict(page.get("attributes", {}))
    for reference in page["extends_documentation_fragment"]:
        said.update(fragment_of(reference).get("attributes", {}))
    assert {"action", "async", "check_mode", "diff_mode", "platform"} == set(said)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_diff_mode_is_said_to_be_full_where_a_diff_is_given(name):
    """A page promises a diff exactly where the action makes one."""
    gives = any(
        isinstance(node, ast.keyword) and node.arg == "diff"
        for node in ast.walk(ast.parse(ACTIONS[name].read_text(encoding="utf-8")))
    )
    promised = f"{COLLECTION}.attributes.shows_release" in page_of(name)["extends_documentation_fragment"]
    assert gives == promised


@pytest.mark.parametrize("name", sorted(MODULES))
def test_return_values_are_those_of_the_action(name):
    """Every value that an action gives is documented, and nothing else is."""
    assert keys_of_data(ACTIONS[name]) | PART_OF_EVERY_RESULT == set(page_of(name, "RETURN"))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_sample_of_a_page_is_its_own(name):
    """A page that was copied from another one does not keep that one's name."""
    assert STEPS.get(name, name) == page_of(name, "RETURN")["tidegate"]["sample"]["step"]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_examples_use_documented_options_only(name):
    """An example shows its own action, with options that exist and all that are required."""
    calls = list(calls_in(page_of(name, "EXAMPLES")))
    assert name in [called for called, _arguments in calls]
    for called, arguments in calls:
        options = options_of(page_of(called))
        assert set(arguments) <= set(options), f"{called}: unknown options"
        required = {option for option, about in options.items() if about.get("required")}
        assert required <= set(arguments), f"{called}: required options are missing"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_the_variables_that_it_documents(role):
    """Beside the inventory's own tidegate_become, a role reads what its argument spec names, all of it."""
    tasks = (ROOT / "roles" / role / "tasks/main.yml").read_text(encoding="utf-8")
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    read = {name for name in re.findall(r"{{ *(\w+)", tasks) if not name.startswith("__")} - {
        "tidegate_become",
        *OF_ANSIBLE,
    }
    assert set(specs["argument_specs"]["main"]["options"]) == read


@pytest.mark.parametrize("role", ROLES)
def test_a_role_calls_actions_with_options_that_exist(role):
    """A typo in a task is found here and not by the first user."""
    calls = list(calls_in(yaml.safe_load((ROOT / "roles" / role / "tasks/main.yml").read_text(encoding="utf-8"))))
    assert bool(calls) == (role not in WITHOUT_ACTION)
    for called, arguments in calls:
        assert set(arguments) <= set(options_of(page_of(called)))


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").rglob("*.yml")), ids=lambda path: path.stem)
def test_a_verb_calls_actions_with_options_that_exist(path):
    """The playbooks hand on what the actions take."""
    for called, arguments in calls_in(yaml.safe_load(path.read_text(encoding="utf-8"))):
        assert set(arguments) <= set(options_of(page_of(called)))

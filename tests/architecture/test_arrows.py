# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection keeps its arrows, and the checker sees each way of going against one."""

from __future__ import annotations

from pathlib import Path

import pytest
from architecture.arrows import BESIDE, COLLECTION, DOORS, ROOMS, read, violations

PLUGINS = Path(__file__).parents[2] / "collections" / Path(*COLLECTION.split("."))

CORE = "module_utils/core/a.py"
HOST = "module_utils/host/a.py"
PLAN = "plugin_utils/change/plan.py"

# file, its text, the end of the one message expected
REFUSED = [
    (CORE, "import os", "core may import only what is pure, not os"),
    (CORE, "from time import monotonic", "core may import only what is pure, not time.monotonic"),
    (CORE, "import urllib.request", "core may import only what is pure, not urllib.request"),
    (CORE, "def f():\n    import socket", "core may import only what is pure, not socket"),
    (
        CORE,
        "from ansible.errors import AnsibleError",
        "core may import only what is pure, not ansible.errors.AnsibleError",
    ),
    (CORE, "text = open('x').read()", "core may not call open()"),
    (CORE, "import datetime\nt = datetime.datetime.now()", "core may not call now()"),
    (CORE, "from ..host import b", "core may not import host"),
    (CORE, f"from {COLLECTION}.module_utils.core import b", f"not as {COLLECTION}.module_utils.core.b"),
    (HOST, "import yaml", "host may import only the standard library of Python 3.9 to 3.13, not yaml"),
    (HOST, "import tomllib", "host may import only the standard library of Python 3.9 to 3.13, not tomllib"),
    (HOST, "from importlib import import_module", "host may not import dynamically"),
    (HOST, "x = __import__('os')", "host may not call __import__()"),
    (HOST, "from ansible.module_utils import basic", "the standard library of Python 3.9 to 3.13, not ansible"),
    (HOST, f"from {COLLECTION}.plugin_utils.change import plan", "host may not import change"),
    (PLAN, f"from {COLLECTION}.plugin_utils.sequence import waves", "change may not import sequence"),
    (PLAN, f"import {COLLECTION}.plugin_utils.present.console", "change may not import present"),
    (
        PLAN,
        "from ansible_collections.tidegate.other.plugins import x",
        "imports another collection: ansible_collections.tidegate.other.plugins.x",
    ),
    (PLAN, "from . import digest", "only module_utils may use relative imports"),
    (PLAN, "import time", "change may not import time: the doors hand clocks in"),
    (PLAN, "from datetime import datetime\nt = datetime.now()", "change may not call now()"),
    (PLAN, "import sqlalchemy as sa", "only ledger may import sqlalchemy"),
    (PLAN, f"from {COLLECTION}.plugin_utils.ledger.store import _rows", "change reaches into the inside of ledger"),
    (PLAN, f"from {COLLECTION}.action import plan", "change may not import action"),
    (
        "plugin_utils/ledger/store.py",
        f"from {COLLECTION}.plugin_utils.change import plan",
        "ledger may not import change",
    ),
    ("plugin_utils/ledger/store.py", f"from {COLLECTION}.plugin_utils.reach import x", "ledger may not import reach"),
    ("plugin_utils/reach/x.py", f"from {COLLECTION}.module_utils.host import program", "reach may not import host"),
    ("plugin_utils/attic/x.py", f"from {COLLECTION}.module_utils.core import errors", "attic may not import core"),
    ("modules/stage.py", f"from {COLLECTION}.plugin_utils.change import plan", "modules may not import change"),
    ("action/stage.py", f"from {COLLECTION}.action.ask import ActionModule", "a door may not import a door"),
    ("action/stage.py", f"from {COLLECTION}.filter.x import y", "action may not import filter"),
    ("action/stage.py", "from ansible_collections.community.general.plugins import x", "imports another collection"),
]

ALLOWED = [
    (CORE, "import json\nfrom collections.abc import Mapping\nfrom urllib.parse import urlsplit\nfrom .b import x"),
    (HOST, "import os, socket, subprocess\nfrom ..core import canonical\nfrom .b import x"),
    (PLAN, f"import yaml\nfrom {COLLECTION}.plugin_utils.inventory import services"),
    (PLAN, f"from {COLLECTION}.plugin_utils.ledger import store\nfrom {COLLECTION}.module_utils.core import canonical"),
    ("plugin_utils/ledger/store.py", "import sqlalchemy as sa\nimport time"),
    (
        "action/stage.py",
        f"import time\nfrom {COLLECTION}.plugin_utils.present import console\nfrom ansible.errors import AnsibleError",
    ),
    (
        "modules/stage.py",
        f"from {COLLECTION}.module_utils.core import canonical\nfrom ansible.module_utils.basic import AnsibleModule",
    ),
]


def found_in(plugins: Path, **texts: str) -> list[str]:
    """Write a small tree of plugins and check it."""
    for path, text in texts.items():
        file = plugins / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return [str(violation) for violation in violations(read(plugins))]


def test_the_collection_keeps_its_arrows():
    assert [] == [str(violation) for violation in violations(read(PLUGINS))]


def test_every_file_lies_in_a_part_that_the_design_names():
    named = {"core", "host", *ROOMS, *BESIDE, *DOORS}
    assert [] == [str(file.path) for file in read(PLUGINS) if file.part not in named]


@pytest.mark.parametrize(("path", "text", "message"), REFUSED)
def test_a_wrong_import_is_named_with_its_place(tmp_path, path, text, message):
    found = found_in(tmp_path, **{path: text})
    assert 1 == len(found), found
    assert found[0].startswith(f"{path}:{len(text.splitlines())}: ")
    assert message in found[0]


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_what_the_arrows_allow_is_left_alone(tmp_path, path, text):
    assert [] == found_in(tmp_path, **{path: text})


@pytest.mark.parametrize("upper", range(len(ROOMS) - 1))
def test_rooms_use_only_rooms_below_them(tmp_path, upper):
    above, below = ROOMS[upper : upper + 2]
    down = {f"plugin_utils/{above}/a.py": f"from {COLLECTION}.plugin_utils.{below}.b import x"}
    up = {f"plugin_utils/{below}/a.py": f"from {COLLECTION}.plugin_utils.{above}.b import x"}
    assert [] == found_in(tmp_path / "down", **down)
    assert [f"plugin_utils/{below}/a.py:1: {below} may not import {above}"] == found_in(tmp_path / "up", **up)


def test_a_circle_of_files_is_found_even_through_a_function(tmp_path):
    found = found_in(
        tmp_path,
        **{
            "module_utils/core/a.py": "from .b import x",
            "module_utils/core/b.py": "from . import c",
            "module_utils/core/c.py": "def f():\n    from .a import y",
        },
    )
    assert ["module_utils/core/a.py:1: circle: " + " → ".join(f"module_utils.core.{name}" for name in "abca")] == found

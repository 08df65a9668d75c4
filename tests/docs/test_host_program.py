# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reviewer of the host program does: the tool, its bill of materials, and the commands and names of their page."""

from __future__ import annotations

import hashlib
import io
import json
import os
import py_compile
import re
import subprocess
import zipfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from docs import readme

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "collections/ansible_collections/tidegate/deploy/plugins/module_utils"
PAGE = (ROOT / "docs/how-to/review-the-host-program.md").read_text(encoding="utf-8")
BUILD, LIST, COMPARE, COMPILED = (block.text for block in readme.blocks_in(PAGE) if block.language == "sh")
INSTALLED = "/usr/local/lib/tidegate/current/"


@pytest.fixture(scope="module")
def tool():
    """The tool as a module."""
    loader = SourceFileLoader("tool_host_program", str(ROOT / "tools/host-program"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def installed(tool, tmp_path):
    """The package as a host has it: unpacked, compiled without later checks, and the list of its modules beside it."""
    folder = tmp_path / "current"
    with zipfile.ZipFile(io.BytesIO(tool.host_program().data)) as package:
        package.extractall(folder)
    for path in folder.rglob("*.py"):
        py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (folder / "tidegate-host").write_text("#!/usr/bin/python3 -IS\n")
    listed = "".join(f"{digest}  {name}\n" for name, digest in tool.modules(tool.host_program()).items())
    (tmp_path / "modules").write_text(listed)
    return folder


def run(commands, folder, **environment):
    """Commands of the page, with folders of the test for those of a host."""
    commands = commands.replace(INSTALLED, f"{folder}/current/").replace("/tmp/modules", f"{folder}/modules")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_bill_of_materials_is_one(tool):
    """It is valid by the schema, has no moment and no chance in it, names each module by its digest and nothing of others."""
    package = tool.host_program()
    bill = tool.bill(package)
    program = bill["metadata"]["component"]
    digests = {one["name"].partition("/")[2]: one["hashes"][0]["content"] for one in program["components"]}
    files = [path for room in ("core", "host") for path in (SOURCES / room).glob("*.py")]

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill == tool.bill(package)
    assert [{"alg": "SHA-256", "content": hashlib.sha256(package.data).hexdigest()}] == program["hashes"]
    assert {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    } == digests
    assert {"python", "systemd", "openssh-client", "sudo"} == {one["name"] for one in bill["components"]}
    assert {"false"} == {item["value"] for one in bill["components"] for item in one["properties"]}


def test_two_clones_build_the_same(tmp_path):
    """The commands of the page end well, and say the digest that the package's name is."""
    done = run(BUILD, tmp_path, REPOSITORY=str(ROOT))
    listed = run(LIST.splitlines()[0], tmp_path)

    assert (0, "", 0) == (done.returncode, done.stderr, listed.returncode)
    one, two, checked = done.stdout.splitlines()
    assert one == two == next((tmp_path / "one/dist").glob("*.zip")).stem
    assert f"{one}.zip: OK" == checked
    assert re.fullmatch(r"([0-9a-f]{64}  tidegate_host/(core|host)/\w+\.py\n)+", (tmp_path / "modules").read_text())


def test_a_host_that_has_the_package_is_found_to(installed):
    """Nothing differs, and there is no module more."""
    compared, compiled = (run(commands, installed.parent) for commands in (COMPARE, COMPILED))

    assert (0, "") == (compared.returncode, compared.stderr)
    assert 1 == len(set(compared.stdout.split()))
    assert (0, "", "#!/usr/bin/python3 -IS\n") == (compiled.returncode, compiled.stderr, compiled.stdout)


def test_a_host_that_was_tampered_with_is_found_out(installed):
    """A changed source by its digest, one more by the count, and one that was changed only where it is compiled by its name."""
    demands, gate = (installed / f"tidegate_host/host/{name}.py" for name in ("demands", "gate"))
    honest = gate.read_bytes()
    gate.write_bytes(honest.replace(b"SLACK_S = 300", b"SLACK_S = 900"))
    py_compile.compile(str(gate), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    gate.write_bytes(honest)
    compiled = run(COMPILED, installed.parent)
    (installed / "tidegate_host/host/more.py").write_text("MORE = 1\n")
    counted = run(COMPARE, installed.parent)
    demands.write_bytes(demands.read_bytes() + b"# more\n")
    compared = run(COMPARE, installed.parent)

    assert "differs from its source: tidegate_host/host/gate.py\n" == compiled.stdout.partition("#!")[0]
    assert 2 == len(set(counted.stdout.split()))
    assert (1, "tidegate_host/host/demands.py: FAILED\n") == (compared.returncode, compared.stdout)


def test_modules_of_the_page_exist():
    """Each that is to be read is there, and those that decide are all of it."""
    named = set(re.findall(r"`((?:core|host)/\w+\.py)`", PAGE))

    assert set() == {name for name in named if not (SOURCES / name).exists()}
    assert len(named) > 25

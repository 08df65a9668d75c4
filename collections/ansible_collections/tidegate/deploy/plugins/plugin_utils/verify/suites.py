# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites of a site's own tests, written for pytest-testinfra, and what they came to on one host.

A suite runs in a process of its own, so that nothing of it gets into Ansible's, and reaches the host as Ansible does:
an inventory with this one host and its connection is written for it, and removed after it. A suite that could not be
collected, or that holds no test for the host, has not passed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"

COLLECT_S = 60
"""Seconds within which a suite has to be imported."""

_TEST_FAILED, _ENDED_WELL = 1, 0
_NO_TEST = 5
_MOST_SHOWN = 5


@dataclass(frozen=True)
class Suite:
    """A file or folder of tests.

    Args:
        path: relative to the folder of the inventory, as plans hold it.
        digest: of the names and bytes of all Python files in it.
    """

    path: str
    digest: str

    @property
    def doc(self) -> dict[str, str]:
        """The suite as a plan holds it."""
        return {"path": self.path, "digest": self.digest}


@dataclass(frozen=True)
class TestResult:
    """What one test came to on one host.

    Args:
        name: file, and name of the test.
        outcome: `PASSED`, `SKIPPED` or `FAILED`.
        detail: why it did not pass, in one line.
    """

    __test__ = False  # pytest collects classes by their names

    name: str
    outcome: str
    detail: str = ""


def find(paths: Sequence[str], base: str, place: str) -> tuple[Suite, ...]:
    """The suites that a service names, once each was imported and seen to hold a test.

    Args:
        paths: of files or folders; relative ones to `base`.
        base: the folder of the inventory.
        place: what names them, for errors.

    Raises:
        Refusal: SUITE, a path is not there, cannot be imported or holds no test; DEPENDENCY, pytest-testinfra is
            missing.
    """
    if paths:
        _require_testinfra()
    return tuple(_find(path, base, f"{place}.suites[{index}]") for index, path in enumerate(paths))


def _require_tests(where: Path, place: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tidegate-suite-") as folder:
        report = Path(folder, "report.xml")
        ended = _end(_pytest(report, "--collect-only", "--hosts=local://", str(where)), str(where), COLLECT_S)
        results = _results(report)
    if ended.returncode == _NO_TEST:
        raise Refusal("SUITE", f"{place}: {where}: found no test, expected at least one function named test_…")
    if ended.returncode != _ENDED_WELL:
        raise Refusal("SUITE", f"{place}: {where}: the tests cannot be collected: {_why(results, ended)}")


def _find(path: str, base: str, place: str) -> Suite:
    where = Path(os.path.normpath(Path(base, path)))
    files = {str(file.relative_to(where.parent)): file for file in _python_files(where)}
    if not files:
        found = "a folder without Python files" if where.is_dir() else "nothing"
        raise Refusal(
            "SUITE", f"{place}: {where}: found {found}, expected a file or folder of tests for pytest-testinfra"
        )
    _require_tests(where, place)
    digests = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    return Suite(os.path.relpath(where, base), canonical.digest(digests))


def _python_files(where: Path) -> Iterator[Path]:
    if where.is_file():
        yield where
    elif where.is_dir():
        yield from sorted(file for file in where.rglob("*.py") if file.is_file())


def _require_testinfra() -> None:
    if find_spec("testinfra") is None or find_spec("pytest") is None:
        raise Refusal(
            "DEPENDENCY",
            "suites need pytest-testinfra on the controller; install it for the Python that runs Ansible: "
            f"{sys.executable} -m pip install 'pytest-testinfra>=10'",
        )


def run(
    suites: Sequence[Mapping[str, str]], base: str, host: str, connection: Mapping[str, Any], timeout_s: int
) -> list[TestResult]:
    """Run suites against one host.

    Args:
        suites: as the plan holds them.
        base: the folder of the inventory.
        host: its name in the inventory.
        connection: Ansible's variables that say how it is reached.
        timeout_s: seconds after which they are ended.

    Returns:
        What each test came to, at least one.

    Raises:
        Refusal: SUITE, when there is no such result: no test, a file that cannot be imported, or the time is over.
    """
    paths = [str(Path(base, suite["path"])) for suite in suites]
    with tempfile.TemporaryDirectory(prefix="tidegate-suite-") as folder:
        inventory, report = Path(folder, "inventory.json"), Path(folder, "report.xml")
        _write_inventory(inventory, host, connection)
        at_host = [f"--hosts={_spec(host, connection)}", f"--ansible-inventory={inventory}"]
        ended = _end(_pytest(report, *at_host, *paths), paths[0], timeout_s)
        results = _results(report)
    if ended.returncode == _NO_TEST or (ended.returncode == _ENDED_WELL and not results):
        raise Refusal("SUITE", f"{', '.join(paths)}: found no test for {host}, expected at least one")
    if ended.returncode not in (_ENDED_WELL, _TEST_FAILED):
        raise Refusal("SUITE", f"{', '.join(paths)}: could not be run: {_why(results, ended)}")
    return results


def verdict(results: Sequence[TestResult], host: str) -> Refusal | None:
    """What speaks against a host after its tests: nothing, or a refusal with the code TEST.

    Tests that are all skipped are no evidence.
    """
    failed = [result for result in results if result.outcome == FAILED]
    if failed:
        named = "; ".join(f"{result.name}: {result.detail}" for result in failed[:_MOST_SHOWN])
        more = f"; and {len(failed) - _MOST_SHOWN} more" if len(failed) > _MOST_SHOWN else ""
        return Refusal("TEST", f"{len(failed)} of {len(results)} tests failed on {host}: {named}{more}")
    if not any(result.outcome == PASSED for result in results):
        return Refusal("TEST", f"all {len(results)} tests were skipped on {host}, expected at least one that passes")
    return None


def _pytest(report: Path, *arguments: str) -> list[str]:
    """The command; pytest-ansible, where it is installed, claims the same options as testinfra."""
    plugins = ["-p", "no:cacheprovider", "-p", "no:ansible"]
    return [sys.executable, "-m", "pytest", "-q", "--tb=line", *plugins, f"--junit-xml={report}", *arguments]


def _spec(host: str, connection: Mapping[str, Any]) -> str:
    # Testinfra's own way over ssh is quicker; it cannot hand a password to sudo, and Ansible can.
    by_ansible = "ansible_become_password" in connection or "ansible_become_pass" in connection
    return f"ansible://{host}?force_ansible=True" if by_ansible else f"ansible://{host}"


def _write_inventory(file: Path, host: str, connection: Mapping[str, Any]) -> None:
    document = {"all": {"hosts": {host: dict(connection)}}}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(document, opened)


def _end(command: list[str], first: str, timeout_s: int) -> subprocess.CompletedProcess[str]:
    """Run the tests; a suite that does not end is ended with all that it started."""
    ours = {"PYTHONDONTWRITEBYTECODE": "1", "PATH": _path()}
    # What pytest was told in the surroundings is about other tests.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")} | ours
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=environment, process_group=0,
    ) as child:  # fmt: skip
        try:
            output, _nothing = child.communicate(timeout=timeout_s)
        except BaseException as ended:
            os.killpg(child.pid, 9)
            if not isinstance(ended, subprocess.TimeoutExpired):
                raise
            raise Refusal(
                "SUITE",
                f"{first}: its tests did not end within {timeout_s} s, what was left of the host's deadline; make them "
                "faster, or give limits.confirm_s of the service more",
            ) from None
    return subprocess.CompletedProcess(command, child.returncode, output, "")


def _path() -> str:
    """Where testinfra finds ansible-inventory: beside this Python first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _results(report: Path) -> list[TestResult]:
    if not report.exists():
        return []
    return [_result(case) for case in ElementTree.parse(report).iter("testcase")]  # noqa: S314 -- the site's own pytest wrote it


def _result(case: ElementTree.Element) -> TestResult:
    name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
    for outcome, tags in ((FAILED, ("failure", "error")), (SKIPPED, ("skipped",))):
        for tag in tags:
            told = case.find(tag)
            if told is not None:
                return TestResult(name, outcome, _reason(told))
    return TestResult(name, PASSED)


def _why(results: Sequence[TestResult], ended: subprocess.CompletedProcess[str]) -> str:
    broken = [f"{result.name}: {result.detail}" for result in results if result.outcome == FAILED]
    return "; ".join(broken[:_MOST_SHOWN]) or _one_line(" ".join(ended.stdout.splitlines()[-3:])) or "it said nothing"


def _reason(told: ElementTree.Element) -> str:
    """The first line of what pytest says of it; of a file that could not be collected the last, which is the error."""
    message = told.get("message", "")
    lines = [line for line in (told.text or "").splitlines() if line.strip()]
    return _one_line(
        lines[-1].removeprefix("E ") if message == "collection failure" and lines else message.partition("\n")[0]
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."

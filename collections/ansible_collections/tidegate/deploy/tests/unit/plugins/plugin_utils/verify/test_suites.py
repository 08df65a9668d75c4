# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites are found, bound by their bytes, run in a process of their own, and never pass without a test that passed."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.verify import suites

pytest.importorskip("testinfra")

LOCAL = {"ansible_connection": "local"}
GOOD = "def test_one(host):\n    assert host.file('/').is_directory\n"
HELPER = "def pytest_configure(config):\n    pass\n"


@pytest.fixture
def write(tmp_path):
    def _write(text, name="tests/test_web.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return str(tmp_path)

    return _write


def run(base, path="tests", timeout_s=30):
    return suites.run([{"path": path}], base, "web1", LOCAL, timeout_s)


def refusal(call, *arguments, **keys):
    with pytest.raises(Refusal) as caught:
        call(*arguments, **keys)
    return caught.value


def test_a_suite_is_bound_by_the_bytes_of_all_its_files(write):
    """The path is relative to the inventory's folder; a changed helper changes the digest."""
    base = write(GOOD)
    write(HELPER, "tests/conftest.py")
    [before] = suites.find([f"{base}/tests"], base, "web")
    write(HELPER + "\n", "tests/conftest.py")
    [after] = suites.find(["tests"], base, "web")

    assert before.path == after.path == "tests"
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
        ("def test_one(:\n", "SyntaxError"),
        ("VALUE = 1\n", "found no test, expected at least one"),
    ],
    ids=["import", "syntax", "no test"],
)
def test_a_suite_that_cannot_be_used_is_refused_when_it_is_found(write, text, told):
    """Before anything changes, the message names the file."""
    refused = refusal(suites.find, ["tests/test_web.py"], write(text), "tidegate_services.web")

    assert refused.code == "SUITE"
    assert refused.message.startswith("tidegate_services.web.suites[0]: ")
    assert "tests/test_web.py" in refused.message
    assert told in refused.message


def test_a_suite_that_is_not_there_is_refused(write):
    """Nothing, and a folder without tests, are told apart."""
    base = write("text", "empty/README")

    assert "found nothing, expected a file or folder of tests" in refusal(suites.find, ["none"], base, "web").message
    assert "found a folder without Python files" in refusal(suites.find, ["empty"], base, "web").message


def test_each_test_has_its_result(write):
    """Passed, failed and skipped tests are told apart, with the reason in one line."""
    base = write(
        GOOD
        + "def test_two(host):\n    assert 1 == 2, 'no luck'\n"
        + "import pytest\n@pytest.mark.skip(reason='not today')\ndef test_three(host):\n    pass\n"
    )

    results = run(base)

    assert [result.outcome for result in results] == ["passed", "failed", "skipped"]
    assert "test_one" in results[0].name
    assert "no luck" in results[1].detail
    refused = suites.verdict(results, "web1")
    assert refused.code == "TEST"
    assert refused.message.startswith("1 of 3 tests failed on web1: ")
    assert "no luck" in refused.message


def test_only_skipped_tests_are_no_evidence():
    """A host on which nothing was tested has not passed."""
    skipped = [suites.TestResult("test_one", suites.SKIPPED, "not here")]

    assert suites.verdict(skipped, "web1").message == (
        "all 1 tests were skipped on web1, expected at least one that passes"
    )
    assert suites.verdict([*skipped, suites.TestResult("test_two", suites.PASSED)], "web1") is None


def test_a_suite_that_does_not_end_is_ended(write):
    """When the host's deadline comes near, the tests are killed, and did not pass."""
    refused = refusal(run, write("import time\ndef test_one(host):\n    time.sleep(600)\n"), timeout_s=3)

    assert refused.code == "SUITE"
    assert "did not end within 3 s" in refused.message


def test_a_suite_leaves_nothing_behind(write, tmp_path):
    """No cache, no bytecode: a rehearsal may run it, too."""
    base = write(GOOD)

    run(base)

    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["tests", "tests/test_web.py"]

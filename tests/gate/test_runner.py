# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gate and recorder under ansible-runner, which puts in the callback of its own that AWX reads its events from."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from gate.conftest import PLAYBOOK, RUN_S
from gate.test_recorder import counts

RUNNER = PLAYBOOK.with_name("ansible-runner")


class Job:
    """What a job of the runner left behind.

    Args:
        site: whose playbook ran.
        ident: of the job.
        rc: of the runner.
    """

    def __init__(self, site: Any, ident: str, rc: int) -> None:
        left = site.folder / "runner/artifacts" / ident
        self.rc = rc
        self.said = (left / "stdout").read_text(encoding="utf-8")
        self.status = (left / "status").read_text(encoding="ascii")
        found = [json.loads(path.read_bytes()) for path in (left / "job_events").glob("*.json")]
        self.events = sorted(found, key=lambda event: int(event["counter"]))

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, in order."""
        return [event for event in self.events if event["event"] == kind]


def launched(site: Any, ident: str, playbook: str, *args: str) -> Job:
    """Run a playbook of a site as a job."""
    (site.folder / "runner").mkdir(exist_ok=True)
    words = ["run", str(site.folder / "runner"), "--ident", ident, "--playbook", playbook]
    words += ["--project-dir", str(site.folder), "--inventory", str(site.folder / "inventory"), *args]
    environment = {
        "PATH": f"{PLAYBOOK.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(site.folder),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [str(RUNNER), *words], cwd=site.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=RUN_S, check=False,
    )  # fmt: skip
    return Job(site, ident, done.returncode)


def test_a_job_is_refused_and_let_through_as_a_run_is(site: Any) -> None:
    """Refused: exit 77, and the line of the gate in the job's output and in an event; let through: every event, every row."""
    site.protect(tidegate_gate="enforce")
    playbook = site.play(hosts="all")
    change = site.planned(playbook)

    refused = launched(site, "refused", playbook)

    assert (77, "failed", []) == (refused.rc, refused.status, site.touched), refused.said
    assert ["playbook_on_start", "playbook_on_play_start", "verbose"] == [event["event"] for event in refused.events]
    line = refused.events[-1]["stdout"]
    assert line.startswith("tidegate gate: refuses web1, web2: NO_CHANGE: no change was named; ")
    assert line in refused.said

    passed = launched(site, "passed", playbook, "--cmdline", f"-e tidegate_change={change}")

    hosts = ["db1", "db2", "web1", "web2"]
    assert (0, "successful", hosts) == (passed.rc, passed.status, site.touched), passed.said
    assert list(range(1, len(passed.events) + 1)) == [event["counter"] for event in passed.events]
    for kind in ("runner_on_start", "runner_on_ok"):
        assert hosts == sorted(event["event_data"]["host"] for event in passed.of_kind(kind))
    assert dict.fromkeys(hosts, (0, 1, 0, 0, 0)) == counts(site)
    first, second, *batches = site.kinds
    assert ("gate.refused", "gate.passed", {"record.batch"}) == (first, second, set(batches))

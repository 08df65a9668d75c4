# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import files
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Challenges, signed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

_NONE = {"size_bytes": 0, "strip": 0}
"""Of the artifact of a release that hosts keep: they never ask for it."""


class ActionModule(HostStep):
    """Put a release on a host, verified, beside what runs there; nothing is switched."""

    STEP = "stage"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        answer = self._stage(run, host)
        Challenges(run.store.folder, run.id).keep(host, answer.fields, run.store.now())
        received = int(answer.fields.get("bytes_received") or 0)
        if self.check and answer.changed:
            say = f"would stage {run.plan.release_id}"
        elif answer.changed:
            say = f"staged {run.plan.release_id}, {files(int(answer.fields.get('files') or 0))}, {received} bytes received"
        else:
            say = f"{run.plan.release_id} is there already"
        diff = {"before": "", "after": f"{run.plan.release_id}\n"} if self.wants_diff and answer.changed else None
        data = {"bytes_received": received, "timings": answer.fields.get("timings", {})}
        return self.result_of(answer, say, data=data, diff=diff)

    def _stage(self, run: Run, host: str) -> Answer:
        program, request = self.program(), self._request(run, host)
        artifact = run.plan.doc["artifact"]
        if artifact is None:
            answer = program.call("stage", {**request, "source": {"kind": "have"}})
            if answer.code == "NEED_BYTES":
                raise Refusal("RETAINED", f"{answer.message}; it was kept when this was planned, now name an artifact")
            return answer
        if artifact["kind"] == "url":
            source = {"kind": "url", "url": artifact["url"], "allow_hosts": artifact["allow_hosts"]}
            return program.call("stage", {**request, "source": source})
        if run.known_of(host).get("staged") or self.check:
            answer = program.call("stage", {**request, "source": {"kind": "have"}})
            if answer.code != "NEED_BYTES" or self.check:
                return answer
        with _opened(run.doc["artifact_path"]) as file:
            return program.call("stage", {**request, "source": {"kind": "push"}}, file)

    def _request(self, run: Run, host: str) -> dict[str, Any]:
        plan = run.plan
        artifact = plan.doc["artifact"] or {**_NONE, "name": plan.release_id, "sha256": plan.manifest_digest}
        return {
            **(self._of_enrolled(run) if plan.host(host).uid else {}),
            "definition": plan.definition_of(host),
            "release": {"id": plan.release_id, "version": plan.version, "manifest": plan.manifest_digest},
            "artifact": {key: artifact[key] for key in ("name", "sha256", "size_bytes", "strip")},
            "limits": plan.doc["limits"],
        }

    def _of_enrolled(self, run: Run) -> dict[str, Any]:
        """What an enrolled host demands, and that it is to give the challenge of its wave along."""
        return {"permit": signed(run.store, change_of(run.store, run.change_id)), "challenge": True}


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise Refusal(
            "ARTIFACT_MISSING", f"{path}: {error.strerror}; it was there when the change was planned"
        ) from None

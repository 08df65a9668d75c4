# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""A host that is not there: it answers at once as a healthy one would, so that only the controller's work is left."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_stub
short_description: Answers like a host program, in the process that asks
description:
  - Takes the request of a step from standard input and answers that all is well. Nothing is run.
  - What a host runs is a file in the folder that BENCH_STUB names, as one process cannot ask another.
author:
  - Tidegate contributors (@tidegate)
options:
  host:
    description: The host's name.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.connection import ConnectionBase

OLD = "0.9.0-" + "0" * 12


class Connection(ConnectionBase):  # type: ignore[misc]
    """Carries nothing anywhere."""

    transport = "bench_stub"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Answer a request."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        request = json.loads((in_data or b"{}").partition(b"\n")[0])
        return 0, json.dumps(self._answer(request)).encode() + b"\n", b""

    def put_file(self, in_path: str, out_path: str) -> None:
        """Refuse."""
        raise NotImplementedError

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Refuse."""
        raise NotImplementedError

    def close(self) -> None:
        """Forget."""
        self._connected = False

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        step = request["step"]
        definition = request.get("definition") or (request.get("services") or [{}])[0]
        file = Path(os.environ["BENCH_STUB"], self.get_option("host"))
        if step == "activate":
            file.write_text(json.dumps([request["change"], request["release"]["id"]]))
        change, current = json.loads(file.read_text()) if file.exists() else (None, OLD)
        stands = _stands(definition.get("service"), "ready" if step == "activate" else "steady", current, change)
        now_s = int(time.time())
        said: dict[str, dict[str, Any]] = {
            "ask": {"services": {definition.get("service"): stands}, "host": {}},
            "precheck": {"findings": [], "facts": {"time_s": now_s, "controller_time_s": now_s}, "staged": True},
            "stage": {"bytes_received": 0, "files": 0},
            "activate": {"timings": {}},
            "probe": {"results": []},
        }
        fields = {"protocol": request["protocol"], "ok": True, "enforced": False, "program": request["program"]}
        return {**fields, "changed": step in ("activate", "confirm"), "service": stands, **said.get(step, {})}


def _stands(service: Any, state: str, current: str, change: str | None) -> dict[str, Any]:
    return {
        "service": service, "state": state, "current": current, "old": OLD, "new": current, "change": change,
        "plan": None, "aid": None, "back_until": None, "began": None, "attempt": 0, "deadline_in_s": None,
        "overdue": False, "reverted": None, "reason": None, "attempts": [], "closed": [], "fence": 0, "releases": [],
        "unhealthy": "",
    }  # fmt: skip

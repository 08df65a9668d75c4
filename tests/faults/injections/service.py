# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a service: its hooks, and what else runs on the host."""

from __future__ import annotations

from faults import promises
from faults.alone import Alone
from faults.hold import FOLDER
from faults.injections.fault import Fault
from host.driver import Release
from host.driver import definition as plain_definition

HANG = "trap '' TERM INT HUP; setsid sleep 987 & while :; do sleep 985; done"


class BeforeHookDies(Fault):
    """The hook before the switch is killed."""

    def prepare(self, alone: Alone) -> None:
        alone.gates.tell("before", "kill -9 $$")


class AfterHookHangs(Fault):
    """The hook after the start does not end."""

    def prepare(self, alone: Alone) -> None:
        alone.gates.tell("after", HANG)
        alone.doc["hooks"]["after"] = {**alone.doc["hooks"]["after"], "timeout_s": 2}

    def inspect(self, alone: Alone) -> None:
        assert_no_process(alone, "sleep 98[57]")


class UndrainFailsOnce(Fault):
    """The hook that undrains fails on the way back, the first time."""

    def prepare(self, alone: Alone) -> None:
        pair = {"command": ["/usr/local/sbin/lab-gate", "undrain"], "user": "root", "timeout_s": 2}
        alone.doc["drain"] = {"drain": {**pair, "command": ["/bin/true"]}, "undrain": pair, "wait_s": 0, "closes": None}
        alone.doc["drain"].pop("file", None)

    def strike(self, alone: Alone) -> None:
        alone.gates.tell("undrain", f"rm {FOLDER}/undrain.do; exit 1")


class HookBeyondDeadline(Fault):
    """A hook hangs past the deadline and ignores every signal that can be ignored."""

    hook = "before"

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = 3
        alone.gates.tell(self.hook, HANG)

    def inspect(self, alone: Alone) -> None:
        assert_no_process(alone, "sleep 98[57]")


class AfterHookBeyondDeadline(HookBeyondDeadline):
    """The same, after the switch."""

    hook = "after"


class OtherService(Fault):
    """Another service of the same host is to change at the same time."""

    waits = True

    def strike(self, alone: Alone) -> None:
        release = Release.of("1.0.0", "worker")
        doc = plain_definition(service="worker", root="/opt/worker", unit="worker.service", drain=None, probes=[],
                               hooks={"before": None, "after": None})  # fmt: skip
        alone.driver.stage(release, doc).or_refuse()
        asked = alone.driver.activation(alone.driver.new_change(), release, "absent", definition=doc, wait_s=1)
        token = alone.driver.token
        answer = alone.driver.call("activate", **asked)
        if self.waits:
            alone.refused = answer
            assert "web" in answer.message
            return
        answer.or_refuse()
        alone.driver.call("confirm", service="worker", change=asked["change"], token=token)
        back = {"change": asked["change"], "definition": doc, "why": "asked by a test", "wait_s": 60}
        alone.driver.call("back", **back, operator=True).or_refuse()

    def inspect(self, alone: Alone) -> None:
        alone.host.ssh("systemctl disable --quiet --now worker.service; rm -rf /opt/worker", check=False)


class OtherServiceInTurn(OtherService):
    """The same, once the first is ready."""

    waits = False


class RunsElsewhere(Fault):
    """The service runs already, from outside its root."""

    def prepare(self, alone: Alone) -> None:
        alone.previous = "absent"
        alone.host.ssh(
            "mkdir -p /run/systemd/system/web.service.d && printf '[Service]\\nExecStart=\\nExecStartPre=\\nType=exec\\n"
            "ExecStart=/bin/sleep 600\\n' > /run/systemd/system/web.service.d/x.conf && systemctl daemon-reload"
            " && systemctl start web.service"
        )

    def mend(self, alone: Alone) -> None:
        assert alone.host.ssh("systemctl is-active web.service").stdout.strip() == "active"
        assert promises.assert_current_is_whole(alone.host, absent=True) == ""
        alone.host.ssh("systemctl stop web.service web.socket; rm -r /run/systemd/system/web.service.d;"
                       "systemctl daemon-reload; systemctl reset-failed")  # fmt: skip


def assert_no_process(alone: Alone, pattern: str) -> None:
    """Nothing that a hook started is left."""
    left = alone.host.ssh(f"pgrep -af '{pattern}'", check=False).stdout
    assert "sleep" not in left.replace(pattern, ""), left

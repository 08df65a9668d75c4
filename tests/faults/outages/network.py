# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes the way to a host, or what is sent on it: cables, answers, hosts that are gone, another artifact."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from e2e.project import artifact
from faults import promises
from faults.hold import until
from faults.outages.outage import Outage
from faults.rollouts import OLD_STAR_S, Rollout, own_artifact


class Cut(Outage):
    """The cable of the first host is pulled, and put back when the run is over."""

    host = "web1"

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        undo.callback(rollout.hosts[self.host].restore)
        rollout.hosts[self.host].cut()

    def mend(self, rollout: Rollout) -> None:
        rollout.hosts[self.host].restore()

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "UNREACHABLE" in rollout.result.codes, rollout.result.text


class CutBeyondDeadline(Cut):
    """The same; the cable comes back when the host has gone back by itself."""

    deadlines = "SRVKN"

    def mend(self, rollout: Rollout) -> None:
        until(lambda: promises.state(rollout.hosts[self.host]) == "steady", "the way back", OLD_STAR_S)
        super().mend(rollout)


class ReplyLost(Outage):
    """The host confirms, and its answer is lost: the controller asks again."""

    ends = (0,)
    untouched = ()

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.order = ("lose", "confirm", "web1")

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        assert rollout.run is not None
        rollout.run.wait_for(lambda: rollout.line.reached, 120)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.line.requests("confirm") == 1
        assert rollout.result is not None
        assert rollout.result.verdicts("confirm") == {"web1": "ok", "web2": "ok"}


class GoneForEver(Outage):
    """The first host loses its power for the rest of the run."""

    deadlines = "SRVKL"

    host = "web1"

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.hosts[self.host].kill()

    def mend(self, rollout: Rollout) -> None:
        rollout.hosts[self.host].start()
        rollout.hosts[self.host].wait_ready()

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        end = json.dumps(rollout.result.end)
        assert self.host in end, end
        assert "unknown" in end or "reached" in end, end


class PowerIsBack(Outage):
    """The first host loses its power, and has it again before the next request comes; what it held in its memory is gone."""

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.hosts["web1"].kill()
        rollout.hosts["web1"].start()
        rollout.hosts["web1"].wait_ready()

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert "CHALLENGE" in rollout.result.codes, rollout.result.text


class Partition(CutBeyondDeadline):
    """Of the second wave one host can be reached, the other cannot."""

    host = "web3"
    untouched = ()
    order = ("before", "probe", "web2")

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.names = ["web1", "web2", "web3"]
        rollout.waves = [["web1"], ["web2", "web3"]]
        rollout.order = self.order

    def inspect(self, rollout: Rollout) -> None:
        super().inspect(rollout)
        assert rollout.result is not None
        assert "web3" in json.dumps(rollout.result.end), rollout.result.text


class PartitionBeforeWave(Partition):
    """The same, before the second wave begins."""

    order = ("before", "ask", "web1")


class ArtifactChanges(Outage):
    """The artifact is another one when the second host gets it."""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        rollout.arguments = ["-f", "1"]
        rollout.keys["artifact"] = own_artifact(rollout.site)
        rollout.order = ("before", "stage", "web1")

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        data = bytearray(Path(artifact("2.0.0")["file"]).read_bytes())
        data[len(data) // 2] ^= 1
        Path(rollout.keys["artifact"]["file"]).write_bytes(data)

    def mend(self, rollout: Rollout) -> None:
        own_artifact(rollout.site)

    def inspect(self, rollout: Rollout) -> None:
        assert rollout.result is not None
        assert rollout.result.verdicts("stage") == {"web1": "ok", "web2": "failed"}, rollout.result.text
        assert "DIGEST" in rollout.result.codes
        assert rollout.opened() == 0

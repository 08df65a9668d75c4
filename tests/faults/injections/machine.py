# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes the machine of a host: its power, its disk, its time, the way in."""

from __future__ import annotations

import time

from faults import promises
from faults.alone import SHORT_S, V1, Alone
from faults.injections.fault import Fault, wait_out


class PowerCut(Fault):
    """The power goes, and comes back."""

    def strike(self, alone: Alone) -> None:
        alone.host.kill()
        alone.lose_session()
        promises.assert_current_is_whole(alone.host)

    def mend(self, alone: Alone) -> None:
        alone.host.start()
        alone.host.wait_ready()


class PowerIsBack(PowerCut):
    """The power goes, and is back before anybody asks for the next step."""

    def strike(self, alone: Alone) -> None:
        super().strike(alone)
        self.mend(alone)


class PowerCutBeyondDeadline(PowerCut):
    """The power stays away until the deadline has passed."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S

    def strike(self, alone: Alone) -> None:
        super().strike(alone)
        wait_out(alone)

    def inspect(self, alone: Alone) -> None:
        log = alone.host.ssh("journalctl -b -o cat -u web.service").stdout
        assert f"web {alone.release.version} serves" not in log


class NoSsh(Fault):
    """The release itself shuts sshd, as a firewall rule would; the old one has it open."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S
        alone.gates.tell(f"start-{alone.release.version}", "systemctl stop ssh.service")
        alone.gates.tell(f"start-{V1.version}", "systemctl start ssh.service")

    def strike(self, alone: Alone) -> None:
        assert alone.host.ssh("true", check=False).returncode == 255


class FullDisk(Fault):
    """No byte is left, and where asked no inode."""

    inodes = False

    def strike(self, alone: Alone) -> None:
        alone.host.fill_disk()
        if self.inodes:
            alone.host.fill_inodes()

    def mend(self, alone: Alone) -> None:
        alone.host.free_disk()


class FullDiskWhileStaging(FullDisk):
    """The pre-check would have seen it, and nothing that was sent is left."""

    def mend(self, alone: Alone) -> None:
        release = {**alone.release.doc, "size_bytes": alone.release.path.stat().st_size, "files": 2}
        asked = {"definition": alone.doc, "release": release, "thresholds": {}, "controller_time": int(time.time())}
        findings = alone.driver.call("precheck", **asked).or_refuse().fields["findings"]
        super().mend(alone)
        assert any("free" in str(one) for one in findings), findings

    def inspect(self, alone: Alone) -> None:
        assert alone.private_folders() == []


class FullDiskAndInodes(FullDisk):
    """As a release does that fills what there is."""

    inodes = True

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S + 4


class NoInodes(Fault):
    """No file can be made."""

    def strike(self, alone: Alone) -> None:
        alone.host.fill_inodes()

    def mend(self, alone: Alone) -> None:
        alone.host.free_disk()

    def inspect(self, alone: Alone) -> None:
        assert alone.private_folders() == []


class ReadOnly(Fault):
    """The host's own records are mounted read-only."""

    def strike(self, alone: Alone) -> None:
        place = "/var/lib/tidegate"
        alone.host.ssh(f"mount --bind {place} {place} && mount -o remount,bind,ro {place}")

    def mend(self, alone: Alone) -> None:
        alone.host.ssh("umount /var/lib/tidegate")


class Frozen(Fault):
    """All that runs on the host stands still beyond the deadline, and goes on."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S

    def strike(self, alone: Alone) -> None:
        alone.host.freeze()
        wait_out(alone)
        alone.host.thaw()

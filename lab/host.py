# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a fleet: booting it, asking it, and all that may happen to it."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, disk, network
from lab.command import LabError, detach, run
from lab.image import CLOCK_LIBRARY
from lab.state import FleetState, HostState

POLL_S = 0.1
BOOT_S = 120.0
STOP_S = 60.0
REBOOT_ASKED = 133
BOOTED_BY = f"""
for group in $WATCH; do echo $$ > "$group" || exit; done
while :; do
  sh -c 'for group in $BOX; do echo $$ > "$group" || exit; done; exec "$@"' boot "$@"
  [ $? = {REBOOT_ASKED} ] || break
done
nsenter --net="$NETWORK" ip link set {network.INSIDE} down
"""


class Host:
    """One host, by its place in the fleet's state; whether it runs is always asked of the machine."""

    def __init__(self, fleet: FleetState, state: HostState) -> None:
        self._fleet = fleet
        self._state = state
        self.name = state.name
        self.address = fleet.address(state)

    def __repr__(self) -> str:
        return f"<host {self.name} of fleet {self._fleet.name}>"

    @property
    def root(self) -> Path:
        """Its root folder, seen from this machine."""
        return disk.root(self._fleet, self._state)

    @property
    def console(self) -> Path:
        """The file with what it wrote to its console."""
        return self._fleet.host_folder(self._state) / "console.log"

    # being there

    def prepare(self, image: list[Path], authorized_key: str) -> str:
        """Make its disk with an identity of its own, which is there before it first boots.

        Returns:
            Its public host key.
        """
        disk.make(self._fleet, self._state, image)
        etc = self.root / "etc"
        (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
        (etc / "hostname").write_text(self.name + "\n")
        (etc / "hosts").write_text(self._hosts_file())
        (etc / "ssh/authorized_keys").write_text(authorized_key)
        key = etc / "ssh/ssh_host_ed25519_key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key)])
        return key.with_suffix(".pub").read_text()

    def _hosts_file(self) -> str:
        others = [f"{self._fleet.address(host)} {host.name}" for host in self._fleet.hosts]
        return "\n".join(["127.0.0.1 localhost", f"{self._fleet.controller} controller", *others, ""])

    def start(self) -> None:
        """Boot it from the disk that it has; does nothing while it runs."""
        if self.running:
            return
        nspawn = [
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", f"--directory={self.root}",
            f"--machine={self._fleet.machine(self._state)}", f"--hostname={self.name}",
            f"--network-namespace-path={network.namespace(self._fleet, self._state)}", "--resolv-conf=off",
            "--timezone=off", "--link-journal=no", "--console=pipe", "--kill-signal=SIGRTMIN+4",
        ]  # fmt: skip
        groups = {part: " ".join(cgroups.entries(self._fleet, self._state, part)) for part in ("watch", "box")}
        environment = {
            "SYSTEMD_NSPAWN_LOCK": "0",
            "WATCH": groups["watch"],
            "BOX": groups["box"],
            "NETWORK": str(network.namespace(self._fleet, self._state)),
        }
        network.power(self._fleet, self._state, on=True)
        detach(["sh", "-c", BOOTED_BY, "watch", *nspawn], self.console, environment)

    @property
    def running(self) -> bool:
        """Whether any process of it is there."""
        return not cgroups.empty(self._fleet, self._state)

    def wait_ready(self, timeout_s: float = BOOT_S) -> None:
        """Wait until everyone can log in: its sshd answers, and it has passed the point where it lets users in.

        Raises:
            LabError: It did not come up in time; the message ends with the last lines of its console.
        """
        until = time.monotonic() + timeout_s
        while not (self._answers() and self._lets_users_in()):
            if time.monotonic() > until:
                said = self.console.read_text(errors="replace").splitlines()[-10:]
                raise LabError(f"{self.name} did not come up in {timeout_s:g} s; its console:\n" + "\n".join(said))
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _lets_users_in(self) -> bool:
        init = self._init()
        return init is not None and not Path(f"/proc/{init}/root/run/nologin").exists()

    def _init(self) -> int | None:
        """The process id, on this machine, of its process 1."""
        for pid in cgroups.processes(self._fleet, self._state):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            inner = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
            if len(inner) == 2 and inner[1] == "1":
                return pid
        return None

    def ssh_command(self, user: str = "root") -> list[str]:
        """The ssh program with all options for this host; append a command."""
        folder = self._fleet.folder
        return [
            "ssh", "-F", "none", "-i", str(folder / "key"), "-o", f"UserKnownHostsFile={folder / 'known_hosts'}",
            "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR", f"{user}@{self.address}",
        ]  # fmt: skip

    def ssh(
        self,
        command: str,
        *,
        user: str = "root",
        check: bool = True,
        stdin: bytes = b"",
        timeout_s: float = 60,
        options: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it over SSH; `options` go to the ssh program, before the lab's own.

        Raises:
            LabError: It ended with another status than 0 (unless check is off), or not within the time.
        """
        try:
            program, *rest = self.ssh_command(user)
            done = subprocess.run(
                [program, *options, *rest, command], input=stdin, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise LabError(f"{self.name}: no end of {command!r} within {timeout_s:g} s") from late
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise LabError(f"{self.name}: {command!r} ended with {done.returncode}: {err.strip() or out.strip()}")
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def wait_rebooted(self, boot_id_before: str, timeout_s: float = BOOT_S) -> None:
        """Wait until it has booted anew, whoever asked it to, and lets people log in.

        Raises:
            LabError: It still shows the old boot id, or did not come up, in time.
        """
        until = time.monotonic() + timeout_s
        while self._boot_id_from_outside() in (None, boot_id_before):
            if time.monotonic() > until:
                raise LabError(f"{self.name} did not boot anew in {timeout_s:g} s")
            time.sleep(POLL_S)
        self.wait_ready(timeout_s)

    def _boot_id_from_outside(self) -> str | None:
        """Its boot id, or None while it has none; the file is bound over the kernel's in its own mounts."""
        init = self._init()
        try:
            return Path(f"/proc/{init}/root/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None

    def boot_id(self) -> str:
        """The id of its present boot, as its own programs read it."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def read(self, path: str) -> bytes:
        """What a file on its disk holds; needs no SSH, so it also works while it is off, cut or frozen."""
        return (self.root / path.lstrip("/")).read_bytes()

    # what may happen to it

    def cut(self) -> None:
        """Pull its network cable."""
        network.cut(self._fleet, self._state)

    def restore(self) -> None:
        """Put its cable back; take loss and rate limits away."""
        network.restore(self._fleet, self._state)

    def loss(self, percent: int) -> None:
        """Lose a share of its packets in each direction."""
        network.lose(self._fleet, self._state, percent)

    def rate(self, rate: str) -> None:
        """Limit its network to a rate such as 10mbit, in each direction."""
        network.limit(self._fleet, self._state, rate)

    def kill(self) -> None:
        """Cut its power: every process dies at once, nothing is told or stopped, and nobody answers for it."""
        network.power(self._fleet, self._state, on=False)
        cgroups.kill(self._fleet, self._state)
        cgroups.freeze(self._fleet, self._state, frozen=False)

    def poweroff(self) -> None:
        """Shut it down in order; by force when it takes too long."""
        init = self._init()
        if init is None:
            return
        run(["kill", "-s", "RTMIN+4", str(init)], check=False)
        try:
            cgroups.wait_empty(self._fleet, self._state, STOP_S)
        except LabError:
            self.kill()

    def reboot(self) -> None:
        """Boot it again in order, as its own `reboot` would; return when it has gone down, without waiting for it.

        Raises:
            LabError: It does not run, or does not go down.
        """
        init = self._init()
        if init is None:
            raise LabError(f"{self.name} does not run; start it")
        run(["kill", "-s", "RTMIN+5", str(init)])
        until = time.monotonic() + STOP_S
        while self._init() == init:
            if time.monotonic() > until:
                raise LabError(f"{self.name} did not go down within {STOP_S:g} s")
            time.sleep(POLL_S)

    def freeze(self) -> None:
        """Let all its processes stand still: TCP connects, but nobody answers."""
        cgroups.freeze(self._fleet, self._state, frozen=True)

    def thaw(self) -> None:
        """Let its processes go on."""
        cgroups.freeze(self._fleet, self._state, frozen=False)

    def fill_disk(self) -> None:
        """Leave no free byte on its disk."""
        disk.fill(self._fleet, self._state)

    def fill_inodes(self) -> None:
        """Leave no free inode on its disk."""
        disk.fill_inodes(self._fleet, self._state)

    def free_disk(self) -> None:
        """Give its disk the free bytes and inodes back."""
        disk.free(self._fleet, self._state)

    def shift_clock(self, seconds: int) -> None:
        """Move the wall clock of every program that it starts from now on; 0 ends it.

        SSH sessions see it, and what they start, and units that are started later; the journal is started again for it.
        The boot clock stays right. Programs that already run keep the clock they had.
        """
        preload = self.root / "etc/ld.so.preload"
        if seconds:
            (self.root / "etc/lab-clock").write_text(f"{seconds}\n")
            preload.write_text(CLOCK_LIBRARY + "\n")
        else:
            preload.unlink(missing_ok=True)
        self.ssh("systemctl restart systemd-journald")


def names_from(words: Sequence[str]) -> list[str]:
    """Host names from words such as 3 (web1 to web3), db1, or db[1:3]."""
    names: list[str] = []
    for word in words:
        if word.isdigit():
            names += [f"web{number}" for number in range(1, int(word) + 1)]
            continue
        stem, bracket, span = word.partition("[")
        first, colon, last = span.rstrip("]").partition(":")
        if not bracket:
            names.append(word)
        elif colon and first.isdigit() and last.isdigit():
            names += [f"{stem}{number}" for number in range(int(first), int(last) + 1)]
        else:
            raise LabError(f"{word!r} is no range of hosts; write web[1:6]")
    return names

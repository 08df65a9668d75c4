# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a host happens to it alone, is seen from outside and from within, and ends."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import cgroups
from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host

ECHO_PORT = 7777
ECHO = """
import socket, sys
packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
packets.bind(("", int(sys.argv[1])))
while True:
    packets.sendto(*packets.recvfrom(9))
"""


@pytest.fixture
def host(pair: Fleet) -> Iterator[Host]:
    """The host that suffers, and is well again after each test, also after one that failed."""
    host = pair["web1"]
    yield host
    host.thaw()
    host.restore()
    host.free_disk()
    host.start()
    host.wait_ready()


def _answers(host: Host, within_s: int = 30) -> bool:
    options = ["-o", f"ConnectTimeout={within_s}"]
    return host.ssh(f"true # {time.monotonic()}", check=False, options=options).returncode == 0


def test_cut_host_is_unreachable_until_restored(pair: Fleet, host: Host) -> None:
    """A cut host neither answers nor refuses; the other one answers."""
    host.cut()

    assert not _answers(host, within_s=2)
    assert _answers(pair["web2"])
    host.restore()
    assert _answers(host)


def test_loss_drops_about_its_share_of_packets(host: Host) -> None:
    """Of many packets to a host and back a share is lost each way; after restore none is."""
    with _echo_of(host) as echo:
        host.loss(40)
        lossy = echo(3)
        host.restore()
        whole = echo(30)

    assert 10 < lossy < 62  # 36 of 100 are expected: 0.6 there, and 0.6 of these back
    assert whole == 100


@contextlib.contextmanager
def _echo_of(host: Host) -> Iterator[Callable[[float], int]]:
    """Let a host send UDP packets back; yield what sends 100 and counts those that return until none does for a while."""
    host.ssh(f"cat > /run/echo.py; systemd-run -q --unit=echo python3 /run/echo.py {ECHO_PORT}", stdin=ECHO.encode())
    host.ssh(f"until ss -lun | grep -q :{ECHO_PORT}; do sleep 0.05; done")
    yield lambda quiet_s: _returned(host.address, quiet_s)
    host.ssh("systemctl stop echo")


def _returned(address: str, quiet_s: float) -> int:
    returned = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.settimeout(quiet_s)
        packets.connect((address, ECHO_PORT))
        for number in range(100):
            packets.send(bytes([number]))
        with contextlib.suppress(TimeoutError):
            while returned < 100:
                packets.recv(9)
                returned += 1
    return returned


def test_rate_limits_both_directions(host: Host) -> None:
    """A megabyte at 8 Mbit/s takes about a second, to the host and from it."""
    host.rate("8mbit")
    started = time.monotonic()
    host.ssh("cat > /dev/null", stdin=bytes(1_000_000))
    to_host_s = time.monotonic() - started
    host.ssh("head -c 1000000 /dev/zero")
    from_host_s = time.monotonic() - started - to_host_s
    host.restore()

    assert to_host_s > 0.8
    assert from_host_s > 0.8


def test_frozen_host_accepts_but_does_not_answer(host: Host) -> None:
    """The kernel still accepts connections of a frozen host, and no one speaks; thawed it goes on where it was."""
    boot = host.boot_id()
    host.freeze()

    failed = host.ssh("true", check=False, options=["-o", "ConnectTimeout=2"])

    assert "banner" in failed.stderr
    host.thaw()
    assert host.boot_id() == boot


def test_power_cut_keeps_the_disk_and_changes_the_boot(host: Host) -> None:
    """After a power cut nothing answers; started again it has its disk and identity, and another boot id."""
    boot, identity = host.boot_id(), host.ssh("cat /etc/machine-id").stdout
    host.ssh("echo kept > /opt/file; echo lost > /run/file")
    host.kill()

    assert not host.running
    assert "timed out" in host.ssh("true", check=False, options=["-o", "ConnectTimeout=2"]).stderr
    assert host.read("/opt/file") == b"kept\n"

    host.start()
    host.wait_ready()
    assert host.ssh("cat /opt/file /etc/machine-id; ls /run/file", check=False).stdout == f"kept\n{identity}"
    assert host.boot_id() != boot


def test_frozen_host_can_lose_its_power(host: Host) -> None:
    """A host that was frozen when its power was cut boots unfrozen."""
    host.freeze()
    host.kill()
    host.start()
    host.wait_ready()

    assert _answers(host)


@pytest.mark.parametrize("command", ["reboot", "systemctl reboot"])
def test_host_can_boot_itself_again(host: Host, command: str) -> None:
    """A reboot asked for within the host brings it back with another boot id."""
    boot = host.boot_id()
    host.ssh(command, check=False)
    host.wait_rebooted(boot)

    assert host.boot_id() != boot
    assert host.ssh("systemctl is-system-running --wait").stdout == "running\n"


def test_reboot_from_outside(host: Host) -> None:
    """The lab's own reboot brings it back with another boot id."""
    boot = host.boot_id()
    host.reboot()
    host.wait_ready()

    assert host.boot_id() != boot


def test_orderly_power_off(host: Host) -> None:
    """A host that powers itself off is off, and can be started."""
    host.poweroff()

    assert not host.running
    host.start()
    host.wait_ready()
    assert _answers(host)


def test_full_disk_refuses_bytes_and_takes_them_again(host: Host) -> None:
    """No byte can be written to a full disk, a rename still can; when freed, all is well."""
    host.ssh("echo 1 > /opt/one; echo 2 > /opt/two")
    host.fill_disk()

    full = host.ssh("echo x > /opt/three", check=False)

    assert "No space left" in full.stderr
    assert host.ssh("df --output=avail / | tail -n 1").stdout.strip() == "0"
    assert host.ssh("mv /opt/two /opt/one; cat /opt/one").stdout == "2\n"
    host.free_disk()
    host.ssh("echo x > /opt/three")


def test_no_inodes_refuses_files_and_takes_them_again(host: Host) -> None:
    """Without inodes no file can be made, a rename still can; when freed, all is well."""
    host.ssh("echo 1 > /opt/one; echo 2 > /opt/two")
    host.fill_inodes()

    assert "No space left" in host.ssh("touch /opt/four", check=False).stderr
    assert host.ssh("mv /opt/two /opt/one; cat /opt/one").stdout == "2\n"
    host.free_disk()
    host.ssh("touch /opt/four")


@pytest.mark.parametrize("seconds", [-86_400, 3_600])
def test_shifted_clock_moves_only_the_wall_clock(pair: Fleet, host: Host, seconds: int) -> None:
    """Programs of login sessions, of sudo and of new units see the shift; the boot clock and other hosts do not."""
    host.shift_clock(seconds)
    by_login = int(host.ssh("date +%s", user="ops").stdout) - time.time()
    by_sudo = float(host.ssh("sudo python3 -I -c 'import time; print(time.time())'", user="ops").stdout) - time.time()
    by_unit = int(host.ssh("systemd-run -q --pipe --wait date +%s").stdout) - time.time()
    boot_clock = host.ssh("python3 -c 'import time; print(time.clock_gettime(time.CLOCK_BOOTTIME))'").stdout
    journal = host.ssh("logger -t shifted x; journalctl --sync; journalctl -q -t shifted -n 1 -o json").stdout
    elsewhere = int(pair["web2"].ssh("date +%s").stdout) - time.time()
    host.shift_clock(0)

    journal_s = int(json.loads(journal)["__REALTIME_TIMESTAMP"]) / 1_000_000
    assert [by_login, by_sudo, by_unit, journal_s - time.time()] == pytest.approx([seconds] * 4, abs=60)
    assert float(boot_clock) == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=60)
    assert elsewhere == pytest.approx(0, abs=60)
    assert int(host.ssh("date +%s").stdout) == pytest.approx(time.time(), abs=60)


def test_each_host_has_its_own_identity(pair: Fleet) -> None:
    """Machine ids, host keys, boot ids, names and addresses differ; ops becomes root without a password."""
    asked = (
        "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /proc/sys/kernel/random/boot_id; hostname; hostname -I"
    )
    one, other = (host.ssh(asked).stdout.splitlines() for host in pair.hosts)

    assert not set(one) & set(other)
    assert pair["web1"].ssh("sudo id -u", user="ops").stdout == "0\n"


def test_unknown_host_is_named(pair: Fleet) -> None:
    """Asking for a host that is not there says which are."""
    with pytest.raises(LabError, match="has no host web9; it has web1, web2"):
        pair["web9"]


def test_hosts_do_not_weigh_as_one_process(pair: Fleet) -> None:
    """Where groups have weights, that of all fleets is at least as heavy as this one's hosts together."""
    for tree in cgroups.trees():
        for file, one in cgroups.WEIGHT_OF_ONE.items():
            top = tree / cgroups.TOP
            if (top / file).exists():
                assert int((top / pair.name / file).read_text()) == one * len(pair.hosts)
                assert int((top / file).read_text()) >= one * len(pair.hosts)


def test_processes_are_listed_while_groups_come_and_go(pair: Fleet, host: Host) -> None:
    """A host that starts and stops units all the time is looked at without an error, and always has its first process."""
    with ThreadPoolExecutor(1) as aside:
        busy = aside.submit(host.ssh, "for i in $(seq 30); do systemd-run --quiet --wait true; done")
        while not busy.done():
            assert cgroups.processes(pair.state, pair.state.hosts[0])
        busy.result()

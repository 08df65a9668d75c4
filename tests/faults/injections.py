# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a single host: made ready before the change begins, struck at its phase, mended before it is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from faults import promises
from faults.alone import SHORT_S, V1, Alone
from faults.hold import FOLDER, until
from host.driver import Release
from host.driver import definition as plain_definition

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach import program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import Package, host_program

HANG = "trap '' TERM INT HUP; setsid sleep 987 & while :; do sleep 985; done"
PYTHON = "/usr/bin/python3.11"


class Fault:
    """Nothing; faults replace what they need."""

    def prepare(self, alone: Alone) -> None:
        """Before the change begins."""

    def strike(self, alone: Alone) -> None:
        """At the phase, while it is held."""

    def mend(self, alone: Alone) -> None:
        """Once what was held has gone on, before anybody looks."""

    def inspect(self, alone: Alone) -> None:
        """What else must be so in the end."""


class PowerCut(Fault):
    """The power goes, and comes back."""

    def strike(self, alone: Alone) -> None:
        alone.host.kill()
        alone.lose_session()
        promises.assert_current_is_whole(alone.host)

    def mend(self, alone: Alone) -> None:
        alone.host.start()
        alone.host.wait_ready()


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


class BitFlip(Fault):
    """What arrives is not what was sent: one bit."""

    def strike(self, alone: Alone) -> None:
        data = bytearray(alone.release.path.read_bytes())
        data[len(data) // 2] ^= 1
        alone.refused = alone.driver.call("stage", bytes(data), **alone.driver.staging(alone.release, alone.doc))

    def inspect(self, alone: Alone) -> None:
        assert alone.private_folders() == []
        assert not (alone.host.root / "opt/web/releases" / alone.release.id).exists()


class Truncated(BitFlip):
    """Half of the bytes arrive."""

    def strike(self, alone: Alone) -> None:
        data = alone.release.path.read_bytes()
        alone.refused = alone.driver.call("stage", data[: len(data) // 2],
                                          **alone.driver.staging(alone.release, alone.doc))  # fmt: skip


class Tampered(Fault):
    """Somebody changes a file of the staged release."""

    def strike(self, alone: Alone) -> None:
        with (alone.host.root / "opt/web/releases" / alone.release.id / "bin/web").open("a") as file:
            file.write("# from somebody else\n")


class DoesNotStart(Fault):
    """The unit of the new release fails to start."""

    def prepare(self, alone: Alone) -> None:
        alone.gates.tell(f"start-{alone.release.version}", "exit 1")


class Crashes(Fault):
    """The release ends by itself 3 s after each start; its probes look for longer than that."""

    def prepare(self, alone: Alone) -> None:
        alone.release = Release.of("3.0.0")
        alone.doc["probes"][-1]["over_s"] = 4


class CrashesLater(Fault):
    """The same, with probes that have ended by then: the test of the controller finds it."""

    def prepare(self, alone: Alone) -> None:
        alone.release = Release.of("3.0.0")

    def strike(self, alone: Alone) -> None:
        until(lambda: alone.host.ssh("systemctl show -P NRestarts web.service").stdout.strip() != "0", "a crash")
        test = alone.driver.call("probe", definition=alone.doc, release=alone.release.doc)
        assert test.code == "PROBE", test.message


class OldProcess(Fault):
    """The old process goes on and answers: the unit is reloaded, and nothing reads the new release."""

    def prepare(self, alone: Alone) -> None:
        alone.doc["start"] = "reload-or-restart"


class WrongVersion(Fault):
    """The new release answers, but is not what it should be."""

    def prepare(self, alone: Alone) -> None:
        alone.release = Release.of("4.0.0")


class ProbeHangs(Fault):
    """The endpoint that is probed accepts and never answers."""

    def prepare(self, alone: Alone) -> None:
        from faults.alone import parsed

        code = "import socket,time; s=socket.create_server(('127.0.0.1',9999)); time.sleep(999)"
        alone.host.ssh(f'systemd-run --quiet --collect --unit=hang python3 -c "{code}"')
        alone.doc["probes"].append(parsed({"http": {"url": "http://127.0.0.1:9999/", "timeout_s": 1}}))
        alone.doc["limits"]["probe_s"] = 3
        self.began = time.monotonic()

    def mend(self, alone: Alone) -> None:
        assert time.monotonic() - self.began < alone.deadline_s, "the probes were not bounded"
        alone.host.ssh("systemctl stop hang.service")


class AnotherChange(Fault):
    """A second change begins while the first is not confirmed."""

    def strike(self, alone: Alone) -> None:
        asked = {**alone.asked, "change": alone.driver.new_change(), "previous": alone.release.id}
        asked["release"] = V1.doc
        alone.refused = alone.driver.call("activate", **asked)


class OldDoesNotStart(Fault):
    """The old release does not start any more, until somebody mends it."""

    def strike(self, alone: Alone) -> None:
        alone.gates.tell(f"start-{V1.version}", "exit 1")

    def mend(self, alone: Alone) -> None:
        known = promises.journal(alone.host)
        assert (known["state"], promises.assert_current_is_whole(alone.host)) == ("failed", V1.version)
        attempts = alone.driver.service()["attempts"]
        assert [words.partition(":")[0] for words in attempts] == ["attempt 1", "attempt 2", "attempt 3"]
        assert alone.back().code == "REVERT_FAILED", "it tries again without an operator"
        alone.gates.clear()
        alone.back(operator=True).or_refuse()


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


class Killed(Fault):
    """The host program is killed where it stands, as the kernel does when memory runs out."""

    def strike(self, alone: Alone) -> None:
        alone.host.ssh("pkill -KILL -f '^/usr/bin/python3.* /usr/local/lib/tidegate/current/tidegate-host$'")


class EffectsKilled(Fault):
    """The activation's unit is killed where it stands."""

    def strike(self, alone: Alone) -> None:
        alone.host.ssh("systemctl kill -s KILL tidegate-activate@web.service")


class PythonGone(Fault):
    """The Python that the host program was installed with is gone, and comes back."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S

    def strike(self, alone: Alone) -> None:
        path = alone.host.root / PYTHON.lstrip("/")
        path.rename(path.with_suffix(".gone"))
        alone.refused = alone.ask()
        assert "install python3" in alone.refused.message
        if promises.state(alone.host) != "steady":
            wait_out(alone)

    def mend(self, alone: Alone) -> None:
        path = alone.host.root / PYTHON.lstrip("/")
        path.with_suffix(".gone").rename(path)
        alone.ask().or_refuse()  # the next contact, or the timer's next look, is what goes on


class PythonElsewhere(Fault):
    """Python was upgraded: another one is there, at another path."""

    def strike(self, alone: Alone) -> None:
        old = PYTHON.rpartition("/")[2]
        alone.host.ssh(f"cp {PYTHON} /usr/local/bin/{old} && ln -s {old} /usr/local/bin/python3 && rm {PYTHON}")

    def mend(self, alone: Alone) -> None:
        alone.host.ssh(f"mv /usr/local/bin/{PYTHON.rpartition('/')[2]} {PYTHON} && rm /usr/local/bin/python3")


class NoTimer(Fault):
    """The reaper's timers are stopped; the next step is what takes back."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S

    def strike(self, alone: Alone) -> None:
        alone.host.ssh("systemctl stop 'tidegate-reap@*.timer'")
        wait_out(alone)
        assert promises.state(alone.host) == "ready", "something else took it back"


class NoTimerUntilBoot(NoTimer):
    """The same, and the next thing that happens is a boot."""

    def strike(self, alone: Alone) -> None:
        super().strike(alone)
        alone.host.kill()
        alone.host.start()
        alone.host.wait_ready()


class SessionDies(Fault):
    """The SSH session of the activation dies; asked again, the host says where it stands."""

    def strike(self, alone: Alone) -> None:
        alone.lose_session()

    def mend(self, alone: Alone) -> None:
        again = alone.driver.call("activate", **alone.asked).or_refuse()
        assert (again.changed, again.service["state"]) == (False, "ready")
        alone.confirm().or_refuse()


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


class OtherProgram(Fault):
    """A newer host program comes by while something is under way, and is not installed."""

    def strike(self, alone: Alone) -> None:
        link = alone.host.root / "usr/local/lib/tidegate/current"
        carried = link.readlink()
        with carrying(b"VERSION = (1, 0, 0)", b"VERSION = (1, 0, 1)"):
            alone.driver.service()
        assert link.readlink() == carried, "it was replaced while something was under way"


class EarlierProgram(Fault):
    """The activation was begun by the version before; this one goes on with its journal."""

    def prepare(self, alone: Alone) -> None:
        alone.host.ssh("rm -r /usr/local/lib/tidegate")
        with carrying(b"VERSION = (1, 0, 0)", b"VERSION = (0, 9, 0)"):
            alone.bring_to("V")
        alone.bring_to = lambda phase: None  # type: ignore[method-assign]


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


class Frozen(Fault):
    """All that runs on the host stands still beyond the deadline, and goes on."""

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = SHORT_S

    def strike(self, alone: Alone) -> None:
        alone.host.freeze()
        wait_out(alone)
        alone.host.thaw()


# --- what they share


def wait_out(alone: Alone) -> None:
    """Let the deadline pass, on the boot clock that this machine and its hosts share."""
    deadline_ms = int(promises.journal(alone.host)["deadline_ms"])
    until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 > deadline_ms, "the deadline", 60)


def assert_no_process(alone: Alone, pattern: str) -> None:
    """Nothing that a hook started is left."""
    left = alone.host.ssh(f"pgrep -af '{pattern}'", check=False).stdout
    assert "sleep" not in left.replace(pattern, ""), left


@contextmanager
def carrying(old: bytes, new: bytes) -> Iterator[None]:
    """This controller carries another host program than its own, made of the same sources with one line changed."""
    import hashlib
    import io
    import zipfile

    source, buffer = zipfile.ZipFile(io.BytesIO(host_program().data)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for info in source.infolist():
            package.writestr(info, source.read(info).replace(old, new))
    data = buffer.getvalue()
    assert data != host_program().data
    version = [int(number) for number in new.partition(b"(")[2].rstrip(b")").split(b",")]
    other = Package(data, hashlib.sha256(data).hexdigest())
    with mock.patch.object(program, "host_program", return_value=other), mock.patch.object(program, "VERSION", version):
        yield

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a release: its bytes on their way and on the disk, how it starts, and what it answers."""

from __future__ import annotations

import time

from faults import promises
from faults.alone import V1, Alone
from faults.hold import until
from faults.injections.fault import Fault
from host.driver import Release


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

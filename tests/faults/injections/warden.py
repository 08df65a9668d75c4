# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes an enrolled host: who it is, what it trusts and remembers, its clock, what it verifies with, its program."""

from __future__ import annotations

import functools
from pathlib import Path

from faults import promises
from faults.alone import SHORT_S, V1, WAITS, Alone
from faults.injections.fault import Fault
from faults.injections.program import altered, of_version
from host.driver import Driver
from host.hand import TRACES, Hand, moment
from host.permitted import Permitted

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import Package

STATE = "var/lib/tidegate"


@functools.cache
def waiting() -> Package:
    """The host program with four lines more, at which the change can be held."""
    checked, used, counted, written = (
        f'        __import__("os").system("/usr/local/sbin/lab-gate {name}")\n' for name in WAITS
    )
    last, write, moves = (
        '        self._challenge = minted["challenge"]\n',
        "        record.write()\n",
        "        spot.view = begin\n",
    )
    then = '        return {"statement": self._statement.id'
    return altered(
        (last, f"{last}{checked}"), (f"{write}{then}", f"{used}{write}{counted}{then}"), (moves, f"{written}{moves}")
    )


def permitted(alone: Alone) -> Permitted:
    """How an enrolled host is driven."""
    assert isinstance(alone.driver, Permitted)
    return alone.driver


class Lost(Fault):
    """A file of the host is gone, or holds something else, until somebody puts it back.

    Attributes:
        file: which one.
        left: what is there instead; None: nothing.
    """

    file = ""
    left: bytes | None = None

    def prepare(self, alone: Alone) -> None:
        alone.deadline_s = 2 * SHORT_S

    def strike(self, alone: Alone) -> None:
        path = self._path(alone)
        self.kept, self.mode = path.read_bytes(), path.stat().st_mode
        if self.left is None:
            path.unlink()
        else:
            path.write_bytes(self.left)

    def mend(self, alone: Alone) -> None:
        path = self._path(alone)
        path.write_bytes(self.kept)
        path.chmod(self.mode)

    def _path(self, alone: Alone) -> Path:
        return alone.host.root / self.file


class OtherMachine(Lost):
    """The host is a clone: its machine-id is another."""

    file, left = "etc/machine-id", b"0123456789abcdef0123456789abcdef\n"


class NoIdentity(Lost):
    """Half of what says who the host is was written."""

    file, left = f"{STATE}/identity.json", b'{"enrolled_at":"2026'


class NoTrust(Lost):
    """The trust bundle is gone."""

    file = f"{STATE}/trust/1.json"


class HalfTrust(NoTrust):
    """Half of the trust bundle is there."""

    left = b'{"countersigned_opens":fal'


class HalfRecord(Lost):
    """Half of what the host remembers of statements is there."""

    file, left = f"{STATE}/services/web/warden.json", b'{"emergency":nu'


class NoKeygen(Lost):
    """What the host verifies signatures with is gone."""

    file = "usr/bin/ssh-keygen"


class Clock(Fault):
    """The clock of the host jumps."""

    seconds = 0

    def strike(self, alone: Alone) -> None:
        alone.host.shift_clock(self.seconds)

    def mend(self, alone: Alone) -> None:
        alone.host.shift_clock(0)


class ClockBack(Clock):
    """By a quarter of an hour, back."""

    seconds = -900


class ClockForward(Clock):
    """By a quarter of an hour, forward."""

    seconds = 900


class AnotherPermit(Fault):
    """Another change, with all that it needs, comes while one is not confirmed."""

    def strike(self, alone: Alone) -> None:
        asked = alone.driver.activation(alone.driver.new_change(), V1, alone.release.id, definition=alone.doc)
        alone.refused = alone.driver.call("activate", **asked)


class OlderRun(Fault):
    """A run whose grant is older than the one that the host has used takes its change back."""

    def strike(self, alone: Alone) -> None:
        alone.refused = alone.driver.back(alone.change, operator=False, definition=alone.doc, fence=0)


# --- the program and the enrollment, while something is under way (row 67)


class EnrolledMeanwhile(Fault):
    """The host is to be enrolled while something is under way, and stays as it is."""

    def strike(self, alone: Alone) -> None:
        hand = Hand(Driver(alone.host))
        hand.definition = alone.doc
        alone.refused = alone.driver.call("enroll", **hand.enrollment(hand.bundle()))
        assert alone.host.ssh(TRACES, check=False).stdout == ""


class Upgraded(Fault):
    """A newer host program, which the trust of the host names, comes while something is under way."""

    def strike(self, alone: Alone) -> None:
        carried = (alone.host.root / "usr/local/lib/tidegate/current").readlink()
        newer = of_version(1, 0, 1)
        alone.refused = alone.driver.call("upgrade", newer.data, size_bytes=len(newer.data), sha256=newer.digest)
        assert (alone.host.root / "usr/local/lib/tidegate/current").readlink() == carried


class Unenrolled(Fault):
    """The quorum lets the host go while something is under way, and it stays."""

    def strike(self, alone: Alone) -> None:
        alone.refused = alone.driver.call("unenroll", **permitted(alone).hand.unenrollment())
        assert len(alone.host.ssh(TRACES).stdout.splitlines()) == 3


class NewTrust(Fault):
    """The next version of the trust comes while something is under way, and does not count yet."""

    def strike(self, alone: Alone) -> None:
        hand = permitted(alone).hand
        next_one = hand.signed_bundle(hand.bundle(2, made_at=moment(), programs=[waiting().digest]))
        alone.refused = alone.driver.call("trust", bundles=[next_one])
        assert not (alone.host.root / STATE / "trust/2.json").exists()


class RemovedByRoot(Fault):
    """Root has the program remove itself, or take a service over: on an enrolled host never."""

    def strike(self, alone: Alone) -> None:
        adopted = Driver(alone.host).call("adopt", definition=alone.doc)
        alone.refused = Driver(alone.host).call("remove")
        assert (adopted.code, adopted.changed) == ("ENROLLED", False), adopted


class EarlierJournal(Fault):
    """What the host remembers was written by the version before, which knew nothing of statements."""

    def prepare(self, alone: Alone) -> None:
        import json

        services = alone.host.root / STATE / "services/web"
        for path in services.rglob("*"):
            if path.is_file() and b'"aid"' in path.read_bytes():
                doc = json.loads(path.read_bytes())
                left = {key: doc[key] for key in sorted(doc) if key not in ("statement", "seq")}
                path.write_text(json.dumps(left, separators=(",", ":")))
        assert "statement" not in promises.journal(alone.host)

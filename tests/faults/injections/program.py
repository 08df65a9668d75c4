# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes the host program: its processes, timers and sessions, its Python, another program, another order."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from faults import promises
from faults.alone import SHORT_S, V1, Alone
from faults.injections.fault import Fault, wait_out

from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach import program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import Package, host_program

PYTHON = "/usr/bin/python3.11"


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
        told = alone.driver.preview.call("doctor", {"services": []}).or_refuse().fields["findings"]
        gone = f"{alone.change} waits for its confirmation, and the timer that would take it back is gone"
        assert any(gone in finding["found"] and finding["level"] == "refuse" for finding in told), told
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


class AnotherChange(Fault):
    """A second change begins while the first is not confirmed."""

    def strike(self, alone: Alone) -> None:
        asked = {**alone.asked, "change": alone.driver.new_change(), "previous": alone.release.id}
        asked["release"] = V1.doc
        alone.refused = alone.driver.call("activate", **asked)


class OtherProgram(Fault):
    """A newer host program comes by while something is under way, and is not installed."""

    def strike(self, alone: Alone) -> None:
        link = alone.host.root / "usr/local/lib/tidegate/current"
        carried = link.readlink()
        with carrying(of_version(1, 0, 1), (1, 0, 1)):
            alone.driver.service()
        assert link.readlink() == carried, "it was replaced while something was under way"


class Removed(Fault):
    """Tidegate is to leave the host while something is under way, and stays as it is."""

    def strike(self, alone: Alone) -> None:
        alone.refused = alone.driver.call("remove")
        assert alone.ask().or_refuse().fields["services"]["web"]["change"] == alone.change


class EarlierProgram(Fault):
    """The activation was begun by the version before; this one goes on with its journal."""

    def prepare(self, alone: Alone) -> None:
        alone.host.ssh("rm -r /usr/local/lib/tidegate")
        with carrying(of_version(0, 9, 0), (0, 9, 0)):
            alone.bring_to("V")
        alone.bring_to = lambda phase: None  # type: ignore[method-assign]


def altered(*lines: tuple[str, str]) -> Package:
    """The host program, made of the same sources with some lines changed."""
    source, buffer = zipfile.ZipFile(io.BytesIO(host_program().data)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for info in source.infolist():
            text = source.read(info).decode()
            for old, new in lines:
                text = text.replace(old, new)
            package.writestr(info, text)
    data = buffer.getvalue()
    for old, new in lines:
        assert (host_program().data.count(old.encode()), data.count(new.encode())) == (1, 1), old
    return Package(data, hashlib.sha256(data).hexdigest())


def of_version(*version: int) -> Package:
    """The host program as if it were of another version."""
    return altered(("VERSION = (1, 0, 0)", f"VERSION = {version}"))


@contextmanager
def carrying(package: Package, version: Sequence[int] = VERSION) -> Iterator[None]:
    """This controller carries another host program than its own."""
    with (
        mock.patch.object(program, "host_program", return_value=package),
        mock.patch.object(program, "VERSION", [*version]),
    ):
        yield

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, as far as the host program asks something of it: a service's own unit, and the units of the program itself.

``tidegate-activate@S``  transient; the effects of one activation; when it ends without a result, it says so itself
``tidegate-revert@S``    installed; the one runner of going back
``tidegate-reap@S:D``    transient timer for the deadline D; it also looks every 30 s, because what counts the seconds
                         of a timer stands still while a host is suspended
``tidegate-prune@S:D``   transient; disarms that timer and removes releases that nothing needs
"""

from __future__ import annotations

import os

from ..core.errors import Refusal
from .disk import Disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .bounded import Ended
    from .paths import Paths

FOLDER = "/etc/systemd/system"
ASK_S = 20
STOP_S = 5  # until SIGKILL, for what has to go before going back
RUNNING = ("active", "activating", "reloading", "deactivating")
_LAST_LINES = 5
# Effects that end with 0 have left a result; to start the program only to see that would cost as much as a step.
# Of a signal the status is its name. No dollar sign: systemd writes it into the unit's file as it cannot read it again.
_EXITED_WELL = "env | grep -qx EXIT_STATUS=0"
_STARTED = ("tidegate-reap@*", "tidegate-prune@*", "tidegate-activate@*", "tidegate-revert@*")


class Units:
    """Asks systemd; tests hand in another.

    Args:
        paths: of the host program, for the commands of its units.
    """

    def __init__(self, paths: Paths) -> None:
        self._launcher = os.path.join(paths.lib, "current", "tidegate-host")

    # --- the service's own unit

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """The named properties of a unit, as systemd prints them."""
        ended = self._ask(["systemctl", "show", "--property", ",".join(names), "--", unit])
        return dict(line.split("=", 1) for line in ended.out.splitlines() if "=" in line)

    def is_running(self, unit: str) -> bool:
        """Whether a unit runs, starts or stops."""
        return self.properties(unit, "ActiveState").get("ActiveState") in RUNNING

    def start(self, unit: str, how: str, limit_s: int) -> None:
        """Restart (or reload) a unit and wait until systemd calls it started.

        Args:
            unit: the service's unit.
            how: a verb of systemctl.
            limit_s: the longest wait.

        Raises:
            Refusal: ACTIVATION, it did not start, with its last words.
        """
        if self.properties(unit, "NeedDaemonReload").get("NeedDaemonReload") == "yes":
            self.reload_definitions()
        self._run(["systemctl", "reset-failed", "--", unit], ASK_S)  # a crash loop may have used up its start limit
        ended = self._run(["systemctl", how, "--", unit], limit_s)
        if ended.rc is None:
            raise Refusal("ACTIVATION", f"{unit}: did not {how} within {limit_s} s{self._last_words(unit)}")
        if ended.rc != 0:
            raise Refusal("ACTIVATION", f"{unit}: did not {how}: {_said(ended)}{self._last_words(unit)}")

    def stop(self, unit: str, limit_s: int) -> None:
        """Stop a unit, in the end with SIGKILL.

        Raises:
            Refusal: ACTIVATION, it runs still.
        """
        self._run(["systemctl", "stop", "--", unit], limit_s)
        if self.is_running(unit):
            self._run(["systemctl", "kill", "--signal=SIGKILL", "--", unit], ASK_S)
            self._run(["systemctl", "stop", "--", unit], limit_s)
        if self.is_running(unit):
            raise Refusal("ACTIVATION", f"{unit}: does not stop")
        self._run(["systemctl", "reset-failed", "--", unit], ASK_S)

    def enablement(self, unit: str) -> str:
        """``enabled``, ``disabled``, ``static`` … as systemctl says; empty for a unit that is not there."""
        return self._run(["systemctl", "is-enabled", "--", unit], ASK_S).out.strip()

    def enable(self, unit: str) -> None:
        """Let a unit start at boot."""
        self._ask(["systemctl", "enable", "--quiet", "--", unit])

    def disable(self, unit: str) -> None:
        """Let a unit not start at boot."""
        self._ask(["systemctl", "disable", "--quiet", "--", unit])

    def reload_definitions(self) -> None:
        """Read unit files again."""
        self._ask(["systemctl", "daemon-reload"], 90)

    def _last_words(self, unit: str) -> str:
        ended = self._run(
            ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={_LAST_LINES}", f"--unit={unit}"], ASK_S
        )
        lines = [line.strip() for line in ended.out.splitlines() if line.strip()]
        return f"; its last lines: {' | '.join(lines)[-600:]}" if lines else ""

    # --- the units of the program itself

    def defined(self, definitions: Mapping[str, str]) -> bool:
        """Whether unit files are there as they should be, and start at boot if they ask for it."""
        return all(
            _holds(os.path.join(FOLDER, name), text) and all(map(os.path.lexists, _wants(name, text)))
            for name, text in definitions.items()
        )

    def define(self, definitions: Mapping[str, str]) -> None:
        """Write unit files where they differ, have systemd read them, and enable those that ask for it.

        All of it each time: whoever wrote the files before may have died before the rest.

        Args:
            definitions: name of a unit -> content of its file.
        """
        disk = Disk()
        for name, text in definitions.items():
            if not _holds(os.path.join(FOLDER, name), text):
                _write(disk, os.path.join(FOLDER, name), text)
        self.reload_definitions()
        for name, text in definitions.items():
            for link in _wants(name, text):
                self.enable(name)
                disk.sync_folder(os.path.dirname(link))
        disk.sync_folder(FOLDER)

    def files(self, names: Iterable[str]) -> list[str]:
        """The unit files that are there, of these."""
        return [path for path in (os.path.join(FOLDER, name) for name in names) if os.path.lexists(path)]

    def undefine(self, names: Iterable[str]) -> None:
        """Stop whatever the program has started, and remove its unit files; they may be gone already.

        Args:
            names: of the units that `define` has written.
        """
        self._run(["systemctl", "stop", "--", *_STARTED], 4 * STOP_S)
        for path in self.files(names):
            self._run(["systemctl", "disable", "--quiet", "--", os.path.basename(path)], ASK_S)
            os.unlink(path)
        self.reload_definitions()
        self._run(["systemctl", "reset-failed", "--", *_STARTED, *names], ASK_S)
        Disk().sync_folder(FOLDER)

    def start_effects(self, service: str, aid: str, limit_s: int) -> None:
        """Begin the effects of an activation in a unit of their own.

        Args:
            service: the service.
            aid: the activation.
            limit_s: after that systemd kills them.
        """
        self.stop_effects(service)  # what an earlier one left behind may be on its way out still
        properties = (
            "Type=exec",
            "KillMode=control-group",
            f"RuntimeMaxSec={limit_s}",
            f"TimeoutStopSec={STOP_S}",
            f"ExecStopPost=/bin/sh -c '{_EXITED_WELL} || exec {self._launcher} ended {service} {aid}'",
        )
        self._transient(activate_unit(service), properties, (), ["effects", service, aid])

    def stop_effects(self, service: str) -> None:
        """Stop the unit of an activation with everything in its cgroup."""
        if self.is_running(activate_unit(service)):
            self.stop(activate_unit(service), 4 * STOP_S)

    def effects_run(self, service: str) -> bool:
        """Whether the effects of an activation still run."""
        return self.is_running(activate_unit(service))

    def start_revert(self, service: str) -> None:
        """Have the one runner go back; it is not waited for."""
        unit = f"tidegate-revert@{service}.service"
        self._run(["systemctl", "reset-failed", "--", unit], ASK_S)
        self._ask(["systemctl", "start", "--no-block", "--", unit])

    def arm(self, service: str, deadline_ms: int, in_ms: int) -> None:
        """Arm the reaper's timer.

        Args:
            service: the service.
            deadline_ms: on the boot clock; it is in the timer's name, so that a later deadline has its own.
            in_ms: how far away that is.
        """
        timer = (
            f"--on-active={max(in_ms, 0) + 50}ms",
            "--on-calendar=*:*:0/30",
            "--timer-property=AccuracySec=1s",
        )
        name = reap_name(service, deadline_ms)
        try:
            self._transient(name, ("Type=exec",), timer, ["reap", service, str(deadline_ms)])
        except Refusal:
            if not self.is_running(f"{name}.timer"):  # of an earlier call that died before it could go on
                raise

    def disarm(self, service: str, deadline_ms: int) -> None:
        """Take a timer back; what it started goes on."""
        self._run(["systemctl", "stop", "--", f"{reap_name(service, deadline_ms)}.timer"], ASK_S)

    def start_prune(self, service: str, deadline_ms: int) -> None:
        """Have a timer taken back and releases removed that nothing needs; it is not waited for.

        Args:
            service: the service.
            deadline_ms: of the timer.
        """
        name, command = f"tidegate-prune@{service}:{deadline_ms}", ["prune", service, str(deadline_ms)]
        self._transient(name, ("Nice=10",), ("--no-block",), command)

    def _transient(
        self, name: str, properties: Sequence[str], options: Sequence[str], arguments: Sequence[str]
    ) -> None:
        command = ["systemd-run", "--quiet", "--collect", f"--unit={name}", *options]
        command += [f"--property={text}" for text in properties]
        self._ask([*command, "--", self._launcher, *arguments])

    # ---

    def _ask(self, command: list[str], limit_s: int = ASK_S) -> Ended:
        ended = self._run(command, limit_s)
        if ended.rc != 0:
            raise Refusal("HOST_ERROR", f"{' '.join(command[:2])} …: {_said(ended)}")
        return ended

    @staticmethod
    def _run(command: list[str], limit_s: int) -> Ended:
        from . import bounded

        return bounded.run(command, limit_s)


def activate_unit(service: str) -> str:
    """The unit in which the effects of an activation run."""
    return f"tidegate-activate@{service}.service"


def reap_name(service: str, deadline_ms: int) -> str:
    """The timer of one deadline, without its suffix."""
    return f"tidegate-reap@{service}:{deadline_ms}"


def _holds(path: str, text: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == text.encode("ascii")
    except FileNotFoundError:
        return False


def _write(disk: Disk, path: str, text: str) -> None:
    disk.write(path + ".new", text.encode("ascii"))
    os.chmod(path + ".new", 0o644)
    disk.rename(path + ".new", path)


def _wants(name: str, text: str) -> list[str]:
    """The links by which a unit starts at boot."""
    targets = [line.partition("=")[2] for line in text.splitlines() if line.startswith("WantedBy=")]
    return [os.path.join(FOLDER, f"{target}.wants", name) for target in targets]


def _said(ended: Ended) -> str:
    if ended.rc is None:
        return "no end in time"
    return " ".join((ended.err or ended.out).split())[-500:] or f"exit status {ended.rc}"

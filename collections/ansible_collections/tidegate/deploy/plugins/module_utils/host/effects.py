# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a service around the switch, each effect bounded in time: drain, hooks, start, probes, undrain.

Nothing here decides or records a state; a failed effect is a `Refusal`, and whoever asked for it decides what follows.
"""

from __future__ import annotations

import os
import stat

from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.states import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host

_MODE_FOLDER, _MODE_FILE = 0o755, 0o644


class Effects:
    """The effects on one service, by one definition.

    Args:
        host: where.
        definition: of the release that is (to be) current.
        release: its id; ``absent`` for none.
        previous: the id of the other release, for hooks.
        other: the definition of the other release, whose drain file the process may know that runs.
    """

    def __init__(
        self, host: Host, definition: Definition, release: str, previous: str, other: Optional[Definition] = None
    ) -> None:
        self._host = host
        self._definition = definition
        self._release = release
        self._previous = previous
        self._other = other

    def drains_by_hook(self) -> bool:
        """Whether this definition's own hook drains on the way forward."""
        return "drain" in (self._definition.doc["drain"] or {}) and self._previous != ABSENT

    def is_drained(self) -> bool:
        """Whether there is nothing to drain by, or a file by which it is drained already."""
        return self._definition.doc["drain"] is None or any(map(os.path.lexists, self._drain_files()))

    def drain(self) -> None:
        """Have traffic leave: files at once, then the hook, then the wait."""
        drain = self._definition.doc["drain"]
        for path in self._drain_files():
            _make_file(path)
        if drain is None or self._previous == ABSENT:
            return
        limit_s = self._definition.limit_s("drain")
        if "drain" in drain:
            self.hook("drain", drain["drain"], limit_s)
        self._host.clock.sleep(min(drain["wait_s"], limit_s))

    def undrain(self, hook: bool = True) -> None:
        """Have traffic come back, and see that the endpoint which draining closed answers again.

        Args:
            hook: the definition's own hook takes part.
        """
        self.remove_drain_files()
        if hook:
            self.undo_hook()
        drain = self._definition.doc["drain"]
        if drain and drain["closes"]:
            self._host.watch.await_open(self._definition, drain["closes"], self._definition.limit_s("drain"))

    def undo_hook(self) -> None:
        """Undo what this definition's own hook has drained, in the release that it belongs to."""
        self.hook("undrain", self._undo(), self._definition.limit_s("drain"))

    def can_undo(self, other: Effects) -> bool:
        """Whether undraining here undoes what another definition's hook has drained: it is the same, and it is here."""
        hook = self._undo()
        return hook is not None and hook == other._undo() and self._user(hook) == other._user(hook) and self.has_undo()

    def has_undo(self) -> bool:
        """Whether there is nothing to run for undraining, or what there is lies in this release."""
        hook = self._undo()
        return hook is None or os.access(self._program(hook), os.X_OK)

    def _undo(self) -> Optional[dict[str, Any]]:
        return (self._definition.doc["drain"] or {}).get("undrain")

    def remove_drain_files(self) -> None:
        """Leave no mark of draining behind where nothing runs."""
        for path in self._drain_files():
            self._host.disk.unlink(path)

    def before(self) -> None:
        """The hook before the switch."""
        self.hook("before", self._definition.doc["hooks"]["before"], self._definition.limit_s("hook"))

    def after(self) -> None:
        """The hook after the start."""
        self.hook("after", self._definition.doc["hooks"]["after"], self._definition.limit_s("hook"))

    def start(self, how: Optional[str] = None) -> None:
        """Have the unit run what `current` names."""
        self._host.units.start(
            self._definition.unit, how or self._definition.doc["start"], self._definition.limit_s("restart")
        )

    def probe(self, since_ms: int, restarted: bool = False) -> list[dict[str, Any]]:
        """All probes of the host, until they were good for long enough.

        Args:
            since_ms: the boot clock just before the switch.
            restarted: it need not be proved that the process is a new one.

        Returns:
            One result per probe.

        Raises:
            Refusal: PROBE or RELEASE_UNSEEN.
        """
        return self._host.watch.probe(self._definition, self._release, since_ms, restarted)

    def hook(self, name: str, hook: Optional[dict[str, Any]], limit_s: int) -> None:
        """Run one hook in a session of its own as the service's user, with the release as its folder."""
        if hook is None:
            return
        from . import bounded

        folder = self._folder()
        command = [self._program(hook), *hook["command"][1:]]
        environment = {
            "TIDEGATE_SERVICE": self._definition.service,
            "TIDEGATE_RELEASE": self._release,
            "TIDEGATE_PREVIOUS": self._previous,
        }
        bound_s = min(hook["timeout_s"], limit_s)
        user = self._user(hook)
        try:
            ended = bounded.run(command, bound_s, user=user, cwd=folder, more=environment)
        except (OSError, KeyError) as error:
            raise Refusal(
                "ACTIVATION", f"hook {name}: {command[0]} cannot be run as {user or 'root'}: {error}"
            ) from None
        if ended.rc is None:
            raise Refusal("ACTIVATION", f"hook {name}: no end within {bound_s} s, killed; {_words(ended)}")
        if ended.rc != 0:
            raise Refusal("ACTIVATION", f"hook {name}: exit status {ended.rc}; {_words(ended)}")

    def _folder(self) -> str:
        folder = os.path.join(self._definition.root, "releases", self._release)
        return folder if os.path.isdir(folder) else "/"

    def _program(self, hook: dict[str, Any]) -> str:
        return os.path.join(self._folder(), str(hook["command"][0]))

    def _user(self, hook: dict[str, Any]) -> Optional[str]:
        named = hook["user"] or self._definition.doc["user"]
        if named:
            return str(named)
        return self._host.units.properties(self._definition.unit, "User").get("User") or None

    def _drain_files(self) -> list[str]:
        drains = [self._definition.doc["drain"], self._other.doc["drain"] if self._other else None]
        return sorted({drain["file"] for drain in drains if drain and "file" in drain})


def _make_folder(path: str) -> None:
    """A folder that the service's user can look into, whatever our mask is."""
    if not os.path.isdir(path):
        _make_folder(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, _MODE_FOLDER)


def _make_file(path: str) -> None:
    _make_folder(os.path.dirname(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE_FILE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refusal("UNSAFE_PATH", f"{path}: expected a file whose presence drains, found something else")
        os.fchmod(descriptor, _MODE_FILE)
    finally:
        os.close(descriptor)


def _words(ended: Any) -> str:
    text = " ".join((ended.out + " " + ended.err).split())
    return f"its last words: {text[-500:]}" if text else "it said nothing"

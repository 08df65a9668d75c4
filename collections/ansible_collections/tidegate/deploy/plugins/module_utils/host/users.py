# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's users and its sudo, as far as enrolling a host asks something of them."""

from __future__ import annotations

from ..core.errors import Refusal
from . import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

LIMIT_S = 60


class Users:
    """The host's users and its sudo; tests hand in another."""

    def home_of(self, name: str) -> Optional[str]:
        """The home of a user; None where there is no such user."""
        import pwd

        try:
            return pwd.getpwnam(name).pw_dir
        except KeyError:
            return None

    def has_password(self, name: str) -> bool:
        """Whether a password opens a user, an empty one included."""
        try:
            with open("/etc/shadow", encoding="utf-8", errors="replace") as file:
                entries = [line.split(":") for line in file]
        except FileNotFoundError:
            return False
        return any(entry[0] == name and not "".join(entry[1:2]).startswith(("*", "!")) for entry in entries)

    def add(self, name: str, home: str) -> None:
        """Make a user that no password opens; the home is not made."""
        self._run(["useradd", "--system", "--no-create-home", "--home-dir", home, "--shell", "/bin/sh", name])
        self._run(["usermod", "--password", "*", name])  # unlike !, that is no locked account to sshd

    def remove(self, name: str) -> None:
        """Remove a user, also while it is logged in: this call may have come by it."""
        self._run(["userdel", "--force", name])

    def require_sudo(self) -> None:
        """See that there is a sudo whose rules can be checked.

        Raises:
            Refusal: PRECHECK.
        """
        self._run(["visudo", "--version"])

    def sudo_problem(self, path: str) -> str:
        """What sudo has against a file of rules; empty where it has nothing."""
        try:
            ended = bounded.run(["visudo", "-c", "-f", path], LIMIT_S)
        except OSError as error:
            return f"visudo cannot be run ({error.strerror}): install sudo"
        return "" if ended.rc == 0 else " ".join((ended.err or ended.out).split()) or "visudo does not end"

    @staticmethod
    def _run(command: list[str]) -> None:
        try:
            ended = bounded.run(command, LIMIT_S)
        except OSError as error:
            raise Refusal("PRECHECK", f"{command[0]} cannot be run ({error.strerror}): install it first") from None
        if ended.rc != 0:
            raise Refusal("HOST_ERROR", f"{' '.join(command)}: {' '.join(ended.err.split()) or 'it does not end'}")

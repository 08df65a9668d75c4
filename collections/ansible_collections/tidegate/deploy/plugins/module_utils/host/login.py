# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user as whom an enrolled host is driven: no password, a home of root's, and one sudo rule.

The rule names the host program without arguments (``""``, sudoers(5)), so that the commands by which its own units call
it cannot be reached through it.
"""

from __future__ import annotations

import os
import shutil

from ..core.errors import Refusal
from .users import Users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .host import Host


class Login:
    """The login of one host.

    Args:
        host: where.
        name: of the user.
        keys: lines of the public keys that may log in.
    """

    def __init__(self, host: Host, name: str, keys: list[str]) -> None:
        self._host = host
        self._name = name
        self._users = host.users or Users()
        self._keys = "".join(f"{key}\n" for key in keys).encode("ascii")
        self._rule = f'{name} ALL=(root) NOPASSWD: {host.paths.lib}/current/tidegate-host ""\n'.encode("ascii")
        self._home = host.paths.home

    @property
    def keys_path(self) -> str:
        """The file with the keys that may log in."""
        return os.path.join(self._home, ".ssh", "authorized_keys")

    def require_possible(self) -> None:
        """See that the user can be made, or is there as it was made before.

        Raises:
            Refusal: PRECHECK; with what is in the way.
        """
        home = self._users.home_of(self._name)
        if home not in (None, self._home):
            raise Refusal(
                "PRECHECK",
                f"{self._name}: there is a user of that name with home {home}, expected none, or {self._home}; "
                "name another login in tidegate_trust",
            )
        self._users.require_sudo()

    def would(self) -> list[str]:
        """What making it would do, in words."""
        steps = [
            (f"make the user {self._name}", self._users.home_of(self._name) is not None),
            (f"write {self.keys_path}", _holds(self.keys_path, self._keys)),
            (f"write {self._host.paths.sudoers}", _holds(self._host.paths.sudoers, self._rule)),
        ]
        return [words for words, done in steps if not done]

    def has_keys(self) -> bool:
        """Whether exactly these keys may log in."""
        return _holds(self.keys_path, self._keys)

    def is_open(self) -> bool:
        """Whether the sudo rule is in its place."""
        return _holds(self._host.paths.sudoers, self._rule)

    def problems(self, keys_known: bool) -> list[str]:
        """How the user and who may log in as it differ from what an enrollment makes, in words.

        Args:
            keys_known: whether the caller knows all keys that may log in.
        """
        home = self._users.home_of(self._name)
        if home is None:
            return [f"there is no user {self._name}"]
        folders = (self._home, os.path.dirname(self.keys_path))
        found = [problem for path in (*folders, self.keys_path) for problem in _open_to_others(path)]
        if home != self._home:
            found.append(f"the user {self._name} has the home {home}, expected {self._home}")
        if self._users.has_password(self._name):
            found.append(f"the user {self._name} has a password, expected none")
        if keys_known and not self.has_keys():
            found.append(f"{self.keys_path} holds other keys than tidegate_trust.login_keys, expected exactly those")
        return found

    def make(self) -> None:
        """Make the user, and who may log in as it; it reaches nothing yet."""
        if self._users.home_of(self._name) is None:
            self._users.add(self._name, self._home)
        for folder in (self._home, os.path.dirname(self.keys_path)):
            self._host.disk.make_folder(folder)
            os.chmod(folder, 0o755)
        self._write(self.keys_path, self._keys, 0o644)
        self._host.disk.rename(f"{self.keys_path}.new", self.keys_path)

    def prepare(self) -> None:
        """Have the sudo rule lie beside its place, taken by visudo; sudo passes over names with a dot.

        Raises:
            Refusal: PRECHECK; sudo does not take it.
        """
        path = self._host.paths.sudoers
        self._write(path, self._rule, 0o440)
        problem = self._users.sudo_problem(f"{path}.new")
        if problem:
            self._host.disk.unlink(f"{path}.new")
            raise Refusal("PRECHECK", f"{path}: sudo does not take the rule ({problem}); nothing was put there")

    def open(self) -> None:
        """Put the prepared sudo rule into its place: from here on the user reaches the host program."""
        self._host.disk.rename(f"{self._host.paths.sudoers}.new", self._host.paths.sudoers)

    def _write(self, path: str, data: bytes, mode: int) -> None:
        self._host.disk.make_folder(os.path.dirname(path))
        self._host.disk.write(f"{path}.new", data)
        os.chmod(f"{path}.new", mode)

    def drop_rule(self) -> None:
        """Take the sudo rule away: from here on the user reaches nothing."""
        self._host.disk.unlink(self._host.paths.sudoers)

    def remove(self) -> list[str]:
        """Take the user and its home away; what could not go, in words."""
        shutil.rmtree(self._home, ignore_errors=True)
        try:
            if self._users.home_of(self._name) == self._home:
                self._users.remove(self._name)
        except Refusal as refusal:
            return [f"the user {self._name}, without keys: {refusal.message}"]
        return []


def _open_to_others(path: str) -> Iterator[str]:
    """That somebody but root could write what decides who logs in."""
    try:
        found = os.stat(path)
    except OSError as error:
        yield f"{path} cannot be read ({error.strerror})"
        return
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        yield f"{path} is of uid {found.st_uid} with mode {found.st_mode & 0o7777:04o}, expected one that only root writes to"


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False

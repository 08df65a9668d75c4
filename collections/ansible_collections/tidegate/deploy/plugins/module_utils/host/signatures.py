# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mathematics of signatures, by the host's ssh-keygen; whose key it is, and for what, was decided before.

It is shown one line with exactly one key and one namespace, and reads everything from memory: no file of anybody else
takes part, and none is left behind. What was found true of a staging is not computed again for its activation.
"""

from __future__ import annotations

import hashlib
import os
import subprocess

from ..core import canonical
from ..core.errors import Refusal
from .paths import SEARCH_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host import Host

MOST = 1000
"""Signatures that are remembered at a time."""

TIMEOUT_S = 10
_PROBE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEU3OSWX9liXfRYQtG6QBty+PQZ8llR/VBBkWD+eE+st"
_PROBE_NAMESPACE = "probe@tidegate"
_PROBE = """\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgRTc5JZf2WJd9FhC0bpAG3L49Bn
yWVH9UEGRYP54T6y0AAAAOcHJvYmVAdGlkZWdhdGUAAAAAAAAABnNoYTUxMgAAAFMAAAAL
c3NoLWVkMjU1MTkAAABAy2Bz1+a8YZYyUrW+/V2fxHRsEUmAgnRSe7VBUN6TN/oxGOn8nt
Xfiztn6PAc9fBaxU0zJb1yy691nzWvsFq/BQ==
-----END SSH SIGNATURE-----
"""
"""A signature over `tidegate` whose private key nobody has kept: by it a host shows that it can tell true from false."""


def verify(key: str, namespace: str, message: bytes, armored: str) -> bool:
    """Whether a signature over a message was made by exactly one key, for one use.

    Args:
        key: as a line, without a comment.
        namespace: the use.
        message: the exact bytes.
        armored: the signature.

    Raises:
        Refusal: NO_SSH_KEYGEN, it cannot be run or does not end.
    """
    allowed = f'signer namespaces="{namespace}" {key}\n'.encode("ascii")
    given = [_in_memory(data) for data in (allowed, armored.encode("ascii", "replace"), message)]
    command = ["ssh-keygen", "-q", "-Y", "verify", "-I", "signer", "-n", namespace]
    command += ["-f", f"/proc/self/fd/{given[0]}", "-s", f"/proc/self/fd/{given[1]}"]
    try:
        # pylint: disable-next=ansible-bad-function  # a host program, no module: descriptors are passed on
        done = subprocess.run(
            command,
            stdin=given[2],
            stdout=subprocess.PIPE,  # its end is waited for without the pauses in which a process without pipes is looked after
            stderr=subprocess.DEVNULL,
            pass_fds=given[:2],
            env={"PATH": SEARCH_PATH, "LANG": "C"},
            cwd="/",
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unable(f"cannot be run ({error})") from None
    finally:
        for descriptor in given:
            os.close(descriptor)
    return done.returncode == 0


class Known:
    """`verify`, but for signatures that were found true since the host booted.

    Only this is remembered: that one key made one signature over some bytes for one use, which stays true. Whose key that is,
    whether it counts now, and what the bytes say is judged each time by whoever asks. Nothing else is: what was false is
    computed again.

    Args:
        host: where.
    """

    __slots__ = ("_found", "_host")

    def __init__(self, host: Host) -> None:
        self._host = host
        self._found: list[str] = []

    def verify(self, key: str, namespace: str, message: bytes, armored: str) -> bool:
        """As the function of that name."""
        path = self._path(key, namespace, message, armored)
        if os.path.lexists(path):
            return True
        true = verify(key, namespace, message, armored)
        if true:
            self._found.append(path)
        return true

    def keep(self) -> None:
        """Remember what was found true; where there is no room for that, it is computed again."""
        folder, disk = self._host.paths.verified, self._host.disk
        try:
            disk.make_folder(folder)
            names = os.listdir(folder)
            for name in names if len(names) + len(self._found) > MOST else ():
                disk.unlink(os.path.join(folder, name))
            for path in self._found:
                disk.write(path, b"")
        except OSError:
            return

    def _path(self, key: str, namespace: str, message: bytes, armored: str) -> str:
        shown = [hashlib.sha256(data).hexdigest() for data in (message, armored.encode("ascii", "replace"))]
        said = [self._host.clock.boot_id(), key, namespace, *shown]
        return os.path.join(self._host.paths.verified, canonical.digest(said))


def require_able() -> None:
    """See that this host can tell a true signature from a false one.

    Raises:
        Refusal: NO_SSH_KEYGEN.
    """
    if not verify(_PROBE_KEY, _PROBE_NAMESPACE, b"tidegate", _PROBE):
        raise _unable("does not know a signature that is true")
    if verify(_PROBE_KEY, _PROBE_NAMESPACE, b"other", _PROBE):
        raise _unable("takes a signature for true that is not")


def _in_memory(data: bytes) -> int:
    descriptor = os.memfd_create("tidegate")
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _unable(found: str) -> Refusal:
    return Refusal(
        "NO_SSH_KEYGEN", f"ssh-keygen {found}; expected OpenSSH 8.1 or newer: install or update openssh-client"
    )

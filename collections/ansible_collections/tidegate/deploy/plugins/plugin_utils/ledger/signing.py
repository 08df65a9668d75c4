# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log's key, and signatures by ``ssh-keygen``; nothing here but the standard library, so that an outsider has it too.

The private key lies beside the store, for its user only. Who can read it can sign another history; witnesses that lie
elsewhere are what makes that evident.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

TIMEOUT_S = 30
NAME = "log_key"
VARIABLE = "TIDEGATE_LOG_KEY"


class LogKey:
    """A key pair in files.

    Args:
        path: of the private key; the public one lies beside it.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def make(self) -> None:
        """Make the key pair, for its user only, where there is none; processes that make one at once make one.

        Raises:
            OSError: it cannot be made.
        """
        if os.path.exists(self.path):
            return
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.path), prefix=f"{NAME}.new-") as folder:
            made = os.path.join(folder, NAME)
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tidegate log", "-f", made])
            try:
                os.link(made, self.path)
            except FileExistsError:
                return
            os.replace(f"{made}.pub", f"{self.path}.pub")

    @property
    def line(self) -> str:
        """The public key: kind and base64, without a comment; asked of the private one, so that both belong together."""
        return " ".join(_run(["ssh-keygen", "-y", "-f", self.path]).split(" ")[:2]).strip()

    def sign(self, namespace: str, message: bytes) -> str:
        """The armored signature over a message.

        Raises:
            OSError: it cannot be made.
        """
        return _run(["ssh-keygen", "-q", "-Y", "sign", "-f", self.path, "-n", namespace], message)


def verify(key: str, namespace: str, message: bytes, signature: str) -> bool:
    """Whether a signature over a message was made by exactly one key, for one use.

    Args:
        key: as a line, without a comment.
        signature: armored.

    Raises:
        OSError: ssh-keygen is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        allowed, made = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text(f'log namespaces="{namespace}" {key}\n', encoding="utf-8")
        made.write_text(signature, encoding="utf-8")
        command = [
            "ssh-keygen",
            "-q",
            "-Y",
            "verify",
            "-f",
            str(allowed),
            "-I",
            "log",
            "-n",
            namespace,
            "-s",
            str(made),
        ]
        done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    return done.returncode == 0


def _run(command: list[str], message: bytes = b"") -> str:
    """What a command prints.

    Raises:
        OSError: it failed, with what it said.
    """
    done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}"
        raise OSError(f"{command[0]}: {said}")
    return done.stdout.decode("utf-8", "replace")

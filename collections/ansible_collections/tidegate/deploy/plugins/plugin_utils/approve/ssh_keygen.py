# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing and verifying with ``ssh-keygen``: keys of the agent, of files and of FIDO tokens alike.

OpenSSH does the mathematics. Whose key it is, for what and when is decided from the parsed bytes.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey, Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing

TIMEOUT_S = 120
"""How long somebody may look for their token and touch it."""


@dataclass(frozen=True)
class Keys:
    """Whose keys sign, for messages that say what to do.

    Args:
        variable: that holds their public halves.
        named: how one is named.
        otherwise: what else can be done.
    """

    variable: str
    named: str
    otherwise: str = ""


OF_PEOPLE = Keys("tidegate_people", "-e tidegate_key=FILE", ", or sign elsewhere: -e tidegate_export=FILE shows how")

_HINTS = (
    ("unknown option", "it is older than OpenSSH 8.1, which signs"),
    ("passphrase", "it has a passphrase, which cannot be asked for here; ssh-add it to an agent{otherwise}"),
    ("No such file", "there is no such key; name one with {named}{otherwise}"),
    ("agent refused", "touch its token when it blinks, or unlock the agent, and run this again{otherwise}"),
    ("agent", "no agent holds it; start one and ssh-add the key{otherwise}"),
    ("device not found", "its FIDO token is not plugged in; plug it in{otherwise}"),
    ("", "mend that{otherwise}"),
)
"""What to say to words of ssh-keygen."""


def agent_keys() -> list[PublicKey]:
    """The keys of the agent that may sign, in its order; none where there is no agent."""
    try:
        done = subprocess.run(["ssh-add", "-L"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        try:
            found.append(PublicKey.of_line(line))
        except Refusal:
            continue
    return found


def sign(message: bytes, namespace: str, key: str, keys: Keys = OF_PEOPLE) -> Signature:
    """A new signature over a message.

    Args:
        message: the exact bytes.
        namespace: what it is for.
        key: the path of a private key, or of a public one whose private half an agent or token holds.
        keys: whose it is.

    Raises:
        Refusal: SIGNING, with what to do; ALG, by a key that may not sign.
    """
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key]
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise Refusal("SIGNING", "there is no ssh-keygen here; install the OpenSSH client, 8.1 or newer") from None
    except subprocess.TimeoutExpired:
        raise Refusal("SIGNING", f"ssh-keygen has not signed within {TIMEOUT_S} s; was the token touched?") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        hint = next(hint for word, hint in _HINTS if word in said).format(**asdict(keys))
        raise Refusal("SIGNING", f"ssh-keygen cannot sign with {printable(key)} ({printable(said)}): {hint}")
    return Signature.parse(done.stdout.decode("ascii", "replace"))


def sign_with_agent(message: bytes, namespace: str, wanted: Iterable[str], keys: Keys = OF_PEOPLE) -> Signature:
    """A new signature by the one key of the agent that is among those wanted.

    Args:
        message: the exact bytes.
        namespace: what it is for.
        wanted: fingerprints of keys that may be used.
        keys: whose they are.

    Raises:
        Refusal: SIGNING, none or several of them are there.
    """
    known = set(wanted)
    held = agent_keys()
    usable = [key for key in held if key.fingerprint in known]
    if len(usable) != 1:
        there = ", ".join(key.fingerprint for key in usable or held) or "none"
        raise Refusal(
            "SIGNING",
            f"found {len(usable)} keys of {keys.variable} in the agent (it holds {there}), expected one; name a key with "
            f"{keys.named}{keys.otherwise}",
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key.pub")
        path.write_text(f"{usable[0].line}\n", encoding="ascii")
        return sign(message, namespace, str(path), keys)


def verify(line: str, namespace: str, message: bytes, armored: str) -> bool:
    """Whether a signature over a message was made by exactly one key, for one use.

    Args:
        line: of the key, without a comment.
        namespace: the use.
        message: the exact bytes.
        armored: the signature.

    Raises:
        Refusal: SIGNING, it cannot be verified here.
    """
    try:
        return signing.verify(line, namespace, message, armored)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal("SIGNING", f"ssh-keygen cannot verify here ({error}); nothing counts until it can") from None


def require_valid(signature: Signature, namespace: str, message: bytes, what: str = "the statement") -> None:
    """See that a signature is for this use and truly of these bytes by the key that it names.

    Args:
        signature: as it came.
        namespace: of the use.
        message: the exact bytes.
        what: they are, for people.

    Raises:
        Refusal: NAMESPACE; PRESENCE; SIG_INVALID; SIGNING, it cannot be verified here.
    """
    signature.require(namespace)
    if not verify(signature.key.line, namespace, message, signature.armored):
        raise Refusal(
            "SIG_INVALID",
            f"the signature by {signature.key.fingerprint} is not of these bytes: {what} or the signature was changed",
        )

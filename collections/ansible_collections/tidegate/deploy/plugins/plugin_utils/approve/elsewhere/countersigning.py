# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge: the process that has read an approval in another system vouches for it, if it has the key of a bridge.

The key is this process's, not the inventory's: the file that TIDEGATE_BRIDGE_KEY names, or one that its agent holds. A
process without one takes in the same evidence as recorded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.evidence import NAMESPACE
from ansible_collections.tidegate.deploy.plugins.module_utils.core.evidence import message as signed_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.ssh_keygen import Keys
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People

VARIABLE = "TIDEGATE_BRIDGE_KEY"
KEYS = Keys(bridges.VARIABLE, f"{VARIABLE}=FILE in the environment")


def countersign(
    statement: str, person: str, evidence: Mapping[str, Any], people: People, now: datetime
) -> Signature | None:
    """The signature of a bridge; None where none vouches for the system, or this process has no key of one.

    Args:
        statement: the id of what was approved.
        person: who approved it.
        evidence: as it is kept; see `core.evidence`.
        people: of the site, with its bridges.
        now: the moment; keys have dates.

    Raises:
        Refusal: SIGNING, the key cannot be used, or the agent holds several; KEY, it is another one; STATEMENT, this
            evidence cannot be signed.
    """
    system = evidence["system"]
    vouching = [bridge for bridge in people.bridges if system in bridge.systems]
    wanted = {key for bridge in vouching for key, span in bridge.keys.items() if span.holds(now)}
    named = os.environ.get(VARIABLE)
    if not vouching:
        return None
    message = signed_of(statement, person, evidence)
    if not named:
        held = [key for key in ssh_keygen.agent_keys() if key.fingerprint in wanted]
        return ssh_keygen.sign_with_agent(message, NAMESPACE, wanted, KEYS) if held else None
    path = os.path.expanduser(named)
    _require_private(path)
    signature = ssh_keygen.sign(message, NAMESPACE, path, KEYS)
    if signature.key.fingerprint not in wanted:
        raise Refusal(
            "KEY",
            f"{VARIABLE}: found the key {signature.key.fingerprint}, expected one of a bridge that {bridges.VARIABLE} lets "
            f"vouch for {system} now",
            key=signature.key.fingerprint,
        )
    return signature


def _require_private(path: str) -> None:
    """See that a private key is this user's alone; of a public one, whose private half an agent holds, anybody may know.

    Raises:
        Refusal: SIGNING.
    """
    if path.endswith(".pub"):
        return
    try:
        found = os.stat(path)
    except OSError as error:
        raise Refusal("SIGNING", f"{VARIABLE}: {printable(path)}: {error.strerror}; name the bridge's key") from None
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid() or mode & 0o077:
        raise Refusal(
            "SIGNING",
            f"{VARIABLE}: found {printable(path)} of uid {found.st_uid} with mode {mode:04o}, expected a file of uid "
            f"{os.geteuid()} that nobody else can read: chmod 0600, or make the bridge a new key if others have read it",
        )

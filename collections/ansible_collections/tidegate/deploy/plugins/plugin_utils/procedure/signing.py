# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of whoever runs a verb: by a key in a file, by one of the agent, or made on another machine.

One way for everything that people sign, so that they learn it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange, ssh_keygen

ARGUMENTS: Mapping[str, Any] = {
    "key": {"type": "path"},
    "sign": {"type": "bool", "default": False},
    "export": {"type": "path"},
    "signature": {"type": "path"},
}
"""What every action takes that has something signed."""


def signature_of(
    arguments: Mapping[str, Any], data: bytes, namespace: str, keys: Iterable[str], verb: str, subject: str
) -> Signature:
    """A signature of somebody who saw what they sign.

    Args:
        arguments: `ARGUMENTS`.
        data: the exact bytes.
        namespace: what they are signed for.
        keys: fingerprints of keys of the agent that may sign.
        verb: what is decided, for people.
        subject: about what.

    Raises:
        Refusal: SIGNING, they did not say yes, nobody sits there, or ssh-keygen cannot; DATA, two ways to sign are named; as
            `exchange.handed_in`.
    """
    if arguments.get("signature"):
        if arguments.get("key"):
            raise Refusal("DATA", "found both tidegate_key and tidegate_signature; name one of them")
        return exchange.handed_in(arguments["signature"])
    if not arguments["sign"]:
        _require_yes(verb, subject)
    if arguments.get("key"):
        return ssh_keygen.sign(data, namespace, arguments["key"])
    return ssh_keygen.sign_with_agent(data, namespace, keys)


def _require_yes(verb: str, subject: str) -> None:
    """Ask whoever sits at the terminal."""
    try:
        said = Display().prompt_until(f"{verb} {subject}, and sign that with your key? Type yes:")
    except AnsibleError:
        raise Refusal(
            "SIGNING",
            f"{subject}: there is no terminal to ask at; say -e tidegate_sign=true to sign what is shown",
        ) from None
    if bytes(said).strip() != b"yes":
        raise Refusal("SIGNING", f"{subject}: nobody said yes; nothing was signed")

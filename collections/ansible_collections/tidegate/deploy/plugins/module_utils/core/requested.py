# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether whoever a statement names as its requester wants the change: by their own signature, whoever brings it.

Nobody approves their own change; so nobody else may say who wants it. One answer for the controller and for a host.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import Refusal
from .signed import require_true
from .sshsig import Signature
from .statement import REQUEST, Statement, namespace_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from .quorum import Member
    from .signed import Verify


def require_request(
    statement: Statement, armored: str, members: Mapping[str, Member], now: datetime, verify: Verify
) -> Signature:
    """See that the requester of a statement signed its request.

    Args:
        statement: of any type; all about one plan have one request.
        armored: the signature; empty where there is none.
        members: the people that there are, by name.
        now: when it is judged; a signature does not say when it was made.
        verify: does the mathematics.

    Returns:
        The signature.

    Raises:
        Refusal: REQUEST, there is none, or it is somebody else's; KEY, it is by a key that does not hold now; SIG_INVALID, ALG,
            NAMESPACE or PRESENCE, it does not count.
    """
    wanted_by = statement.requester or "nobody"
    if not armored:
        raise Refusal("REQUEST", f"{statement.change} is wanted by {wanted_by}, found no signature that says so")
    signature = Signature.parse(armored)
    key = signature.key.fingerprint
    member = members.get(statement.requester)
    span = None if member is None else member.keys.get(key)
    if span is None:
        raise Refusal(
            "REQUEST",
            f"{statement.change} is wanted by {wanted_by}, and the request is signed by {key}, which is no key of theirs",
            key=key,
        )
    if not span.holds(now):
        raise Refusal("KEY", f"{key} of {wanted_by}, which signed the request, is not valid now", key=key)
    require_true(signature, namespace_of(REQUEST), statement.as_request().data, verify)
    return signature

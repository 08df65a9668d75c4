# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `unenroll`: the host stops refusing, because the quorum that rules its trust signed that.

Invariants:

- The sudo rule goes first and the identity last: at no moment does the login reach a host that refuses nothing. What a
  death in between leaves, asking again as root takes away.
- Services, journals and the trust versions that counted stay.
"""

from __future__ import annotations

from ..core.signed import Signed
from ..core.succession import require_unenroll
from . import signatures, trust
from .login import Login
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Let this host be as one that was never enrolled.

    Returns:
        changed, removed and left: what went, and what could not; would in check mode.

    Raises:
        Refusal: the statement does not allow it; UNDER_WAY.
    """
    warden = Warden.of(host)
    require_unenroll(Signed.parse(request, "request"), warden.bundle, warden.identity, warden.now, signatures.verify)
    trust.require_nothing_under_way(host)
    login = Login(host, warden.identity.login, [])
    goes = [host.paths.sudoers, host.paths.identity, host.paths.home, f"the user {warden.identity.login}"]
    if request["check"]:
        return {"changed": True, "would": [f"remove {one}" for one in goes], "removed": [], "left": []}
    with host.install_lock():
        with host.lock():
            trust.require_nothing_under_way(host)
            login.drop_rule()
        left = login.remove()
        with host.lock():
            trust.require_nothing_under_way(host)
            host.disk.unlink(host.paths.identity)
    return {"changed": True, "removed": goes[:3] if left else goes, "left": left}

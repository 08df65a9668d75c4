# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust bundles of a host: every version that it has had, of which the highest counts.

A version counts from the rename of its own file on; its signatures lie beside it before that.
"""

from __future__ import annotations

import os

from ..core import canonical
from ..core.errors import Refusal
from ..core.trust import Bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Optional

    from .host import Host


def newest(host: Host) -> Optional[int]:
    """The number of the version that counts; None where there is none."""
    try:
        names = os.listdir(host.paths.trust)
    except FileNotFoundError:
        return None
    return max((int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal()), default=None)


def current(host: Host) -> Bundle:
    """The version that counts.

    Raises:
        Refusal: TRUST; there is none, or it cannot be read.
    """
    number = newest(host)
    if number is None:
        raise Refusal(
            "TRUST", f"{host.paths.trust}: found no trust bundle, expected one: enroll this host again, as root"
        )
    path = host.paths.bundle(number)
    with open(path, "rb") as file:
        data = file.read()
    try:
        doc = canonical.loads(data)
    except ValueError as error:
        raise Refusal(
            "TRUST",
            f"{path}: found no trust bundle ({error}): remove {host.paths.identity} and enroll this host again, as root",
        ) from None
    return Bundle(data, doc)  # it was checked before it was kept


def keep(host: Host, bundle: Bundle, signatures: Sequence[str]) -> None:
    """Let a version count from now on, durably."""
    number, disk = bundle.number, host.disk
    disk.make_folder(host.paths.trust)
    beside = canonical.dumps({"signatures": list(signatures)})
    for path, data in ((host.paths.bundle_signatures(number), beside), (host.paths.bundle(number), bundle.data)):
        disk.write(path + ".new", data)
        disk.rename(path + ".new", path)


def forget_others(host: Host, number: int) -> None:
    """Before an enrollment: what an earlier one has left, or one that was cut off."""
    kept = {os.path.basename(path) for path in (host.paths.bundle(number), host.paths.bundle_signatures(number))}
    for name in os.listdir(host.paths.trust) if os.path.isdir(host.paths.trust) else ():
        if name not in kept:
            host.disk.unlink(os.path.join(host.paths.trust, name))

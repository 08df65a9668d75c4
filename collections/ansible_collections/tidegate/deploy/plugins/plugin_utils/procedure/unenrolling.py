# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement by which hosts are let go: made once, kept in a file, signed by one person after the other beside it.

It is no record of the store's: hosts decide by what was signed, and people may sign it where there is no store.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Standing
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import (
    UNENROLL,
    UNENROLL_NAMESPACE,
    Unenroll,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import utc_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import signing, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory

LASTS = timedelta(days=7)
"""For how long it may be used: as long as an approval, unless a rule says otherwise."""

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Paper:
    """A statement with the signatures that lie beside it.

    Args:
        file: where it lies.
        data: its exact bytes.
        doc: what they say.
        armored: the signatures, by the name of whose file each is in.
        hosts: that it names and that are enrolled still.
        standing: by the rule of the trust.
    """

    file: str
    data: bytes
    doc: Mapping[str, Any]
    armored: Mapping[str, str]
    hosts: tuple[str, ...]
    standing: Standing

    @property
    def digest(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def request(self) -> dict[str, Any]:
        """What a host is asked for."""
        return Signed(self.data, tuple(self.armored.values())).doc()


def paper(
    store: Store,
    inventory: Inventory,
    bundle: Bundle,
    arguments: Mapping[str, Any],
    now: datetime,
    check: bool,
) -> Paper:
    """The statement in the file that is named; made there where nothing is.

    Raises:
        Refusal: DATA, no reason, or no file; HOSTS, none is enrolled; STATEMENT, the file holds something else.
    """
    file = str(arguments["statement"])
    data = _read(file)
    if data is None:
        data = _made(store, inventory, bundle, arguments, now)
        if not check:
            exchange.write(data, file)
    known = store.all_enrolled()
    doc = Unenroll.parse(data).doc
    hosts = tuple(host["name"] for host in doc["hosts"] if host["name"] in known)
    if not hosts:
        raise Refusal("HOSTS", f"{file}: no host that it names is enrolled any more; there is nothing to do")
    return _standing(Paper(file, data, doc, _beside(file), hosts, Standing(False, "", (), {}, ())), bundle, now)


def signed(one: Paper, bundle: Bundle, arguments: Mapping[str, Any], now: datetime) -> Paper:
    """The statement with one signature more, which is put beside it.

    Raises:
        Refusal: as `signing.signature_of` and `trusting.require_counts`.
    """
    keys = trusting.fingerprints(bundle)
    made = signing.signature_of(arguments, one.data, UNENROLL_NAMESPACE, keys, "unenroll", ", ".join(one.hosts))
    person = trusting.require_counts(made, UNENROLL_NAMESPACE, one.data, [bundle], now)
    exchange.write(made.armored.encode("ascii"), f"{one.file}.{person}.sig")
    return _standing(replace(one, armored={**one.armored, person: made.armored}), bundle, now)


def _standing(one: Paper, bundle: Bundle, now: datetime) -> Paper:
    armored = list(one.armored.values())
    found = trusting.standing(one.data, UNENROLL_NAMESPACE, armored, bundle, now)
    return replace(one, standing=found)


def _made(store: Store, inventory: Inventory, bundle: Bundle, arguments: Mapping[str, Any], now: datetime) -> bytes:
    reason = " ".join(str(arguments["reason"]).split())
    if not reason:
        raise Refusal("DATA", "tidegate_reason: found nothing, expected why these hosts are to stop refusing")
    if not arguments.get("hosts"):
        raise Refusal("DATA", "tidegate_hosts: found nothing, expected the hosts that are to stop refusing")
    known = store.all_enrolled()
    names = trusting.chosen(inventory, str(bundle.doc["environment"]), arguments["hosts"])
    others = [name for name in names if name not in known]
    if others:
        raise Refusal(
            "NOT_ENROLLED", f"{', '.join(others)}: found no enrollment in the store; name enrolled hosts only"
        )
    return Unenroll.of(
        {
            "v": 1,
            "type": UNENROLL,
            "hosts": [{"name": name, "uid": known[name].uid} for name in sorted(names)],
            "trust": bundle.number,
            "not_after": utc_text(now + LASTS),
            "reason": reason,
        }
    ).data


def _read(file: str) -> bytes | None:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refusal("DATA", f"tidegate_statement: {file}: {error.strerror}; name a file") from None


def _beside(file: str) -> dict[str, str]:
    """The signatures beside a statement; whose they are is found by their keys, their names only tell files apart."""
    found = {}
    for path in sorted(glob.glob(f"{glob.escape(file)}.*.sig")):
        name = path[len(file) + 1 : -len(".sig")]
        found[name] = exchange.handed_in(path).armored
    return found

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host enforces by itself and against whom, as it says so, beside what the store and the inventory know of it.

What was done there without the store, an emergency that people signed or a veto, it journalled; that has an entry here, once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import emergency_ids
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import vetoing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program

ALL, NOBODY = "everybody but root there", "nobody: root and whoever can log in"
BRIDGED = "; what bridges countersign counts"
SAID = "host.said"
DUE = ("service", "statement", "change", "at")
"""What is told of an emergency that waits for its review; what people wrote freely is not."""


class Known(NamedTuple):
    """What is known of a host before it is asked.

    Attributes:
        by: who says that it is enrolled, such as "the inventory"; empty where nobody does.
        newest: the number of the newest trust of its environment that holds; 0: there is none.
        uid: by which the store knows it; empty where it does not.
        before: the uid that it had until it was enrolled anew without having been let go; empty where it was not.
    """

    by: str
    newest: int
    uid: str = ""
    before: str = ""


def known(store: Store | None, login: str, host: str, newest: int) -> Known:
    """What the store and the inventory say of a host.

    Args:
        store: knows the hosts that were enrolled; None: it cannot be asked.
        login: as whom the inventory reaches it because it is enrolled; empty where it is not.
        host: its name.
        newest: the number of the newest trust of its environment that holds.
    """
    row = store.enrolled(host) if store is not None else None
    by = " and ".join(word for word, says in (("the inventory", login), ("the store", row)) if says)
    return Known(by, newest, *((row.uid, row.before or "") if row is not None else ()))


def enforcement(store: Store, stand: Stand, what: Known) -> dict[str, Any]:
    """What a host enforces, for programs and people.

    Args:
        store: knows some of the emergencies that wait for their review.
        stand: what it says.
        what: is known of it.
    """
    about = stand.enrolled or {}
    return {
        "against": against(stand),
        "lost": lost(stand, what),
        "uid": about.get("uid", ""),
        "trust": about.get("trust", 0),
        "program": about.get("program", ""),
        "seen": (about.get("checkpoint") or {}).get("size", 0),
        "reviews_due": [
            {**{key: due[key] for key in DUE}, "next": review_command(store, due)}
            for due in about.get("reviews_due") or ()
        ],
        "vetoes": vetoing.unknown(store, about),
        "problems": list(_problems(store, stand, what)) if stand.enforced else [],
    }


def against(stand: Stand) -> str:
    """Against whom a host enforces what it does; empty where it could not be asked."""
    if stand.why_unknown or not stand.enforced:
        return "" if stand.why_unknown else NOBODY
    return f"{ALL}{BRIDGED}" if (stand.enrolled or {}).get("countersigned_opens") else ALL


def lost(stand: Stand, what: Known) -> str:
    """That a host says no longer that it is enrolled, though others say so; empty where that is not so."""
    if stand.why_unknown or stand.enforced or not what.by:
        return ""
    return ": ".join(gone(what.by))


def gone(by: str) -> tuple[str, str]:
    """What is said of a host that says no longer that it is enrolled, and what to do.

    Args:
        by: who says that it is, as in `Known`.
    """
    say = "say" if " and " in by else "says"
    told = f"NOT ENFORCED: {by} {say} that it is enrolled, and the host itself does not"
    return told, "find out who took it out, and when"


def unreviewed(store: Store, due: Mapping[str, Any]) -> ChangeRow | None:
    """The change of this store whose emergency waits for its review; None where it is another store's, or that was recorded."""
    change = store.change(str(due["change"]))
    ours = change is not None and due["statement"] in emergency_ids(store, change.id)
    return change if ours and change is not None and not change.reviewed_at else None


def review_command(store: Store, due: Mapping[str, Any]) -> str:
    """What to type so that a host lets the next emergency through."""
    change = unreviewed(store, due)
    if change is not None:
        return states.review_command(change.id)
    verb = f"ansible-playbook tidegate.deploy.review -e tidegate_statement={due['statement']}"
    return f"{verb} -e \"tidegate_reason='WHAT WAS FOUND'\""


def _problems(store: Store, stand: Stand, what: Known) -> Iterator[str]:
    about = stand.enrolled or {}
    if about.get("problem"):
        yield f"refuses everything: {about['problem']}"
    yield from (": ".join(found) for found in unlike(store, about, what))
    if what.before and about.get("uid") == what.uid:
        yield f"enrolled anew by root there: nobody signed that it may leave as {what.before}"
    late = behind(about, what)
    if late:
        yield ": ".join(late)
    ours = host_program().digest
    if about.get("program", ours) != ours:
        yield f"host program {about['program'][:12]}, and this collection has {ours[:12]}"


def unlike(store: Store | None, about: Mapping[str, Any], what: Known) -> Iterator[tuple[str, str]]:
    """What of an enrollment is not as a store that has it knows it, which is root's work on the host; and what to do.

    Args:
        store: knows the versions of the trust that were made; None: it cannot be asked.
        about: what the host says of its enrollment.
        what: is known of it.
    """
    if store is None or not what.uid:
        return
    uid, bundle = about.get("uid"), about.get("bundle")
    if uid and uid != what.uid:
        yield f"enrolled as {uid}, and the store knows it as {what.uid}", "find out who enrolled it anew, and when"
    if bundle and not store.knows_trust(str(bundle)):
        yield f"trust version {about['trust']} is none that this store has made", "find out who made it"


def behind(about: Mapping[str, Any], what: Known) -> tuple[str, str] | None:
    """That a host has an older trust than the newest that is signed, and what to do; None where it has not.

    Args:
        about: what it says of its enrollment.
        what: is known of it.
    """
    if about.get("trust", what.newest) >= what.newest:
        return None
    return f"trust version {about['trust']}, and {what.newest} is signed", "tidegate.deploy.enroll brings it there"


def ingest(store: Store, host: str, about: Mapping[str, Any]) -> str:
    """Enter the emergencies and vetoes that a host tells of and of which there is no entry yet. Answers why one was not entered.

    Args:
        store: the ledger.
        host: its name.
        about: what it says of its enrollment; empty where it says nothing.
    """
    uid = about.get("uid")
    try:
        for due in about.get("reviews_due") or ():
            body = {"host": host, "uid": uid, **{key: due[key] for key in DUE}}
            store.append_once(SAID, actor(), body, f"{uid} {due['statement']}")
        for veto in vetoing.undecided(store, about):
            body = {"host": host, "uid": uid, **{key: veto[key] for key in vetoing.TOLD}}
            store.append_once(SAID, actor(), body, f"{uid} {veto['statement']}")
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.message}"
    return ""

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is where, as the hosts said it just now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.observed import DAYS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.observed import gate_text, observed_lines
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import duration, printable, table

_CHANGES = ("change", "service", "environment", "state", "on failure", "since", "to note")


def status_text(document: Mapping[str, Any]) -> str:
    """The status of all services and changes, as people read it.

    Args:
        document: of the action ``status``, as its JSON has it.
    """
    lines = []
    for service, hosts in document["services"].items():
        rows = [_row(host, stand) for host, stand in hosts.items()]
        shown = (
            table(("host", "release", "state", "change", "to note"), rows) if rows else ["no hosts in this inventory"]
        )
        lines += [f"service {service}", *_indented(shown), ""]
    if document["changes"]:
        lines += ["changes", *_indented(table(_CHANGES, [_change(change) for change in document["changes"]])), ""]
    for change in document["changes"]:
        if change["next"]:
            lines += [
                f"{change['id']} is {change['state']}: {printable(_why(change))}",
                *_indented(_when(change)),
                *_indented(change["next"]),
                "",
            ]
    lines += _enforcement(document["services"])
    enforced = [host for hosts in document["services"].values() for host, stand in hosts.items() if stand["enforced"]]
    lines += [gate_text(document["gate"]), *_indented(observed_lines(document["gate"]["said"], DAYS))]
    lines += _ledger(document["ledger"])
    lines.append(f"enforced by the hosts themselves: {len(enforced)} hosts; store {document['store']}")
    return "\n".join(lines)


def _ledger(ledger: Mapping[str, Any]) -> list[str]:
    unsigned = printable(ledger["problem"]) or "not signed yet"
    signed = unsigned if ledger["signed"] is None else f"the first {ledger['signed']} are signed"
    seen = [f"witness {printable(one['path'])}: {printable(one['says'])}" for one in ledger["witnesses"]]
    return [f"ledger: {ledger['size']} entries, {signed}", *_indented(seen)]


def _enforcement(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Per service and host what is enforced against whom; one line where none enforces anything, and none should."""
    stands = [(name, host, stand["enforcement"]) for name, hosts in services.items() for host, stand in hosts.items()]
    if not any(one["uid"] or one["lost"] or one["problems"] for _name, _host, one in stands):
        return []
    rows = [(name, host, one["against"] or "unknown", _by(one), _flaws(one)) for name, host, one in stands]
    due = {review["statement"]: review for _name, _host, one in stands for review in one["reviews_due"]}
    vetoes = {veto["statement"]: veto for _name, _host, one in stands for veto in one["vetoes"]}
    return [
        "enforced by the hosts themselves",
        *_indented(table(("service", "host", "against", "by", "to note"), rows)),
        "  beyond every host: root on it, and the tasks of a change that carries tasks, which run past its program",
        *(f"  {host}: {one['lost']}" for _name, host, one in stands if one["lost"]),
        *_indented([f"{review['service']}: review it: {review['next']}" for review in due.values()]),
        *_indented([_vetoed(veto) for veto in vetoes.values()]),
        "",
    ]


def _vetoed(veto: Mapping[str, Any]) -> str:
    said = f"{veto['service']}: {veto['by']} vetoed {veto['change']} at {veto['at']} on hosts, without this store"
    hint = f"reject it here, too: {veto['next']}" if veto["next"] else "it is no open change here"
    return f"{printable(said)}: {hint}"


def _by(one: Mapping[str, Any]) -> str:
    if not one["uid"]:
        return ""
    seen = f"has seen {one['seen']} entries" if one["seen"] else "has seen no ledger yet"
    return f"uid {one['uid']}, trust version {one['trust']}, {seen}"


def _flaws(one: Mapping[str, Any]) -> str:
    due = [f"the emergency of {review['at']} waits for its review" for review in one["reviews_due"]]
    return "; ".join([*(["NOT ENFORCED"] if one["lost"] else []), *one["problems"], *due])


def _change(change: Mapping[str, Any]) -> tuple[str, str, str, str, str, str, str]:
    noted = change["reason"] or change["downgrade"]
    until = f"catch up until {change['catch_up_until']}" if change["catch_up_until"] else noted
    named = (change["id"], change["service"], change["environment"], change["state"])
    return (*named, change["on_failure"], change["created_at"], until)


def _when(change: Mapping[str, Any]) -> list[str]:
    """Whether a change may run now, or when, and its windows."""
    return [f"window: {printable('; '.join(change['window']))}"] if change["window"] else []


def _why(change: Mapping[str, Any]) -> str:
    """What a change that waits for somebody waits for."""
    told = [change["cause"]] if change["cause"] else []
    if change["wanted_by"]:
        told.append(f"wanted by {change['wanted_by']}")
    if change["approved_by"]:
        told.append(f"approved by {', '.join(change['approved_by'])}")
    if change["review_due_at"]:
        told.append(f"its review is due at {change['review_due_at']}")
    return "; ".join([*told, *change["missing"]]) or "nothing is missing"


def _row(host: str, stand: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    if stand["unknown"]:
        return (host, "unknown", "unknown", "", stand["unknown"])
    return (host, stand["current"], stand["state"], stand["change"] or "", _note(stand))


def _note(stand: Mapping[str, Any]) -> str:
    if stand["state"] in ("pending", "ready"):
        return f"goes back by itself in {duration(stand['deadline_in_s'] or 0)} unless confirmed"
    if stand["drift"]:
        return f"drift: {stand['drift']}"
    if stand["unhealthy"]:
        return str(stand["unhealthy"])
    if stand["reverted"]:
        return f"came back from {stand['reverted']['release']}: {stand['reverted']['why']}"
    return str(stand["reason"] or "")


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a statement is the one of a plan, every digest computed anew, and the plan in words.

The same code makes the statement on the controller and checks it where somebody signs who trusts neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from . import canonical
from .errors import Refusal
from .names import printable
from .rules import NORMAL
from .statement import EMERGENCY, REQUEST, Statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PLAN_BYTES = 16 * 1024 * 1024


def fields_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement says of its plan, from the plan's document alone."""
    artifact, window = plan["artifact"], plan.get("window")
    return {
        "change_type": plan.get("type", NORMAL),
        "risk": plan.get("risk"),
        "service": plan["service"],
        "environment": plan["environment"],
        "action": plan["action"],
        "artifact": None if artifact is None else artifact["sha256"],
        "manifest": plan["release"]["manifest"],
        "definitions": sorted(canonical.digest(document) for document in plan["definitions"].values()),
        "plan": canonical.digest(plan),
        "hosts": sorted(map(_host, plan["hosts"]), key=lambda host: host["name"]),
        "window": None if window is None else dict(window),
        "back_for_s": plan["back_for_s"],
        "min_trust": plan.get("trust", 0),
        "rules": plan.get("rules"),
    }


def _host(host: Mapping[str, Any]) -> dict[str, str]:
    return {"name": host["name"], "uid": host.get("uid", ""), "previous": host["previous"], "challenge": ""}


def reviewed(statement: Statement, data: bytes) -> dict[str, Any]:
    """The plan in some bytes, once the statement is found to be about it.

    Args:
        statement: that is to be signed.
        data: of the plan.

    Raises:
        Refusal: STATEMENT, it is no plan, or another one; with all fields that differ.
    """
    try:
        plan = canonical.loads(data, MAX_PLAN_BYTES)
        expected = fields_of(plan)
        named = [canonical.digest(document) == digest for digest, document in plan["definitions"].items()]
        used = {host["definition"] for host in plan["hosts"]}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = f"{type(error).__name__}: {printable(str(error))}"
        raise Refusal("STATEMENT", f"found no plan ({said}), expected one as Tidegate exports it") from None
    found = {**statement.doc, "hosts": [{**host, "challenge": ""} for host in statement.doc["hosts"]]}
    if statement.type == REQUEST:
        expected["window"] = None
    own = {"window"} if statement.type == EMERGENCY else set()
    differ = [name for name, value in expected.items() if value != found[name] and name not in own]
    if not all(named) or used != set(plan["definitions"]):
        differ.append("the digests by which its hosts name their definitions")
    if differ:
        raise Refusal("STATEMENT", f"the statement is not about this plan: they differ in {', '.join(differ)}")
    return dict(plan)


def lines(statement: Statement, plan: Mapping[str, Any]) -> Iterator[str]:
    """What a statement says, in words, and then the whole plan; what a terminal would obey is made visible.

    Args:
        statement: about the plan.
        plan: as `reviewed` answered it.
    """
    doc = statement.doc
    pairs = (
        ("decision", f"{doc['type']} of {doc['change']} revision {doc['revision']}"),
        ("reason", doc["reason"]),
        ("kind", f"{doc['change_type']}, risk {doc['risk'] or 'not judged'}"),
        ("service", f"{doc['service']} in {doc['environment']}"),
        ("artifact", doc["artifact"] or "none"),
        ("window", "the plan's" if statement.type == REQUEST else _window_in_words(doc["window"] or {})),
        ("wanted by", doc["requester"]),
        ("way back", f"for {doc['back_for_s']} s"),
        *(("host", _host_in_words(host)) for host in doc["hosts"]),
        ("trust", f"version {doc['min_trust']} or later" if doc["min_trust"] else "none is asked for"),
        ("plan", doc["plan"]),
        ("statement", statement.id),
        ("sign it", f"ssh-keygen -Y sign -n {statement.namespace} -f KEY STATEMENT"),
    )
    for name, value in pairs:
        for at in range(0, len(value), 100):  # `printable` cuts what is long: in pieces, so that nothing is left out
            yield f"{name if at == 0 else '':<10} {printable(value[at : at + 100])}"
    yield ""
    yield from json.dumps(plan, indent=2, sort_keys=True, ensure_ascii=True).splitlines()


def _window_in_words(window: Mapping[str, Any]) -> str:
    return " until ".join(window.get(key) or "any" for key in ("not_before", "not_after"))


def _host_in_words(host: Mapping[str, str]) -> str:
    said = f"{host['name']}, now on {host['previous']}"
    return said + "".join(f", {word} {host[word]}" for word in ("uid", "challenge") if host[word])

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a site writes to the one document that its hosts enforce: people, rules, services and who may change that.

Only what hosts ask about is in it. Absences and names of people are the controller's own, and so are rules that are meant for
other environments; bridges and accounts are, unless what is countersigned opens hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Span
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import duration_s
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import utc_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Path, path_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import filled

_OF_ONE_VERSION = ("number", "made_at", "expires_at")
"""What differs between two versions that say the same."""

Definitions = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Name of a service -> its hosts, with the definition of each."""


@dataclass(frozen=True)
class Material:
    """All that a version is made of, but for its number and times.

    Args:
        data: what the site says of trust.
        people: of the site.
        policy: of the site.
        environment: whose hosts are meant.
        definitions: the services there.
        origin: the name of the ledger.
        log_keys: the keys that sign its checkpoints, as lines.
        program: the digest of this collection's host program.
    """

    data: TrustData
    people: People
    policy: Policy
    environment: str
    definitions: Definitions
    origin: str
    log_keys: Sequence[str]
    program: str


def compiled(material: Material, number: int, now: datetime) -> Bundle:
    """A version of the trust.

    Args:
        material: what it is made of.
        number: of the version.
        now: when it is made.

    Raises:
        Refusal: TRUST, what the site writes does not make a sound one.
    """
    data = material.data
    ends = now + timedelta(seconds=duration_s(data.expires_after))
    evidence = {"evidence": _evidence(material.people)} if data.countersigned_opens else {}
    doc = {
        "v": 1,
        "type": "trust",
        "number": number,
        "site": data.site,
        "environment": material.environment,
        "made_at": utc_text(now),
        "expires_at": utc_text(ends),
        "log": {"origin": material.origin, "keys": sorted(material.log_keys)},
        "people": dict(_people(material.people, evidence)),
        "rules": list(_rules(material.policy, material.environment)),
        "trust_rule": filled(data.rule),
        "login": data.login,
        "services": {name: _variants(of_host) for name, of_host in sorted(material.definitions.items())},
        "programs": sorted({material.program, *data.doc.get("programs", ())}),
        "sources": sorted(data.doc.get("sources", ())),
        "require_presence": data.doc.get("require_presence", False),
        "require_verification": data.doc.get("require_verification", False),
        "countersigned_opens": data.countersigned_opens,
        **evidence,
    }
    return Bundle.of(doc)


def says_the_same(one: Bundle, other: Bundle) -> bool:
    """Whether two versions differ in nothing but number and times."""
    return _content(one) == _content(other)


def difference(old: Bundle, new: Bundle) -> list[str]:
    """What is different in another version, a readable line each; of its number and times nothing."""
    return list(_differs((), _content(old), _content(new)))


def _content(bundle: Bundle) -> dict[str, Any]:
    return {key: value for key, value in bundle.doc.items() if key not in _OF_ONE_VERSION}


def _differs(path: Path, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            if name not in after:
                yield f"{path_text((*path, name))} goes"
            elif name not in before:
                yield f"{path_text((*path, name))} is new: {_short(after[name])}"
            else:
                yield from _differs((*path, name), before[name], after[name])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _differs((*path, index), *pair)
    else:
        yield f"{path_text(path)}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = canonical.dumps(value).decode("utf-8") if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 160 else f"{text[:120]}… (sha256 {canonical.digest(value)[:12]})"


def _people(people: People, evidence: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whoever can sign something, or be vouched for."""
    vouched = evidence.get("evidence", {}).get("accounts", {})
    for name, member in sorted(people.by_name.items()):
        if member.keys or name in vouched:
            yield name, {"groups": sorted(member.groups), "keys": _keys(people.keys, member.keys)}


def _evidence(people: People) -> dict[str, Any]:
    """Bridges, and the accounts in the systems that they may vouch for."""
    systems = {system for bridge in people.bridges for system in bridge.systems}
    accounts: dict[str, dict[str, str]] = {}
    for (system, account), name in people.accounts.items():
        if system in systems:
            accounts.setdefault(name, {})[system] = account
    bridges = {
        bridge.name: {"systems": sorted(bridge.systems), "keys": _keys(people.bridge_keys, bridge.keys)}
        for bridge in people.bridges
    }
    return {"bridges": bridges, "accounts": accounts}


def _keys(known: Mapping[str, PublicKey], spans: Mapping[str, Span]) -> list[dict[str, Any]]:
    """In the order of their lines, so that the same keys give the same bytes."""
    keys = [{"line": known[fingerprint].line, **_times(span)} for fingerprint, span in spans.items()]
    return sorted(keys, key=lambda key: str(key["line"]))


def _times(span: Span) -> dict[str, str | None]:
    return {
        "from": None if span.since is None else utc_text(span.since),
        "until": None if span.until is None else utc_text(span.until),
    }


def _rules(policy: Policy, environment: str) -> Iterator[dict[str, Any]]:
    for rule in policy.approvals:
        match = rule.get("match", {})
        if environment in match.get("environment", (environment,)):
            yield {**filled(rule), "match": {key: sorted(values) for key, values in match.items()}}


def _variants(of_host: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The definitions of a service: the one of most hosts is also that of hosts to come, the others name theirs."""
    groups: dict[str, list[str]] = {}
    for host, definition in of_host.items():
        groups.setdefault(canonical.digest(definition), []).append(host)
    first, *others = sorted(groups.values(), key=lambda hosts: (-len(hosts), canonical.digest(of_host[hosts[0]])))
    return [{"definition": of_host[first[0]], "hosts": []}] + [
        {"definition": of_host[hosts[0]], "hosts": sorted(hosts)} for hosts in others
    ]

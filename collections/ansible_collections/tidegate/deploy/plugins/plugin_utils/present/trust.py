# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts trust, for people: a version before it is signed, what hosts enforce, and what came of enrolling them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import asked_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE, Bundle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import weakened
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import difference
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import (
    block,
    listed,
    printable,
    sign_command,
    table,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import Went
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.stragglers import Stuck
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.trusting import Version
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.unenrolling import Paper
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import LOGIN

SIGN = "ansible-playbook tidegate.deploy.trust -e tidegate_sign=true"
ENROLL = "ansible-playbook tidegate.deploy.enroll"


def trust_text(version: Version, store: str) -> str:
    """A version as whoever signs it has to see it: all that it says, what is different and weaker, and who is asked.

    Args:
        version: of the trust.
        store: where it is recorded.
    """
    bundle, before = version.bundle, version.before
    doc = bundle.doc
    head = [
        ("for", f"{doc['environment']} of {doc['site']}"),
        ("holds", f"from {doc['made_at']} until {doc['expires_at']}"),
        ("may change it", asked_of(bundle.trust_rule)),
        ("people", list(_people(doc["people"]))),
        ("approvals", [_rule(rule) for rule in doc["rules"]] or ["no rule: no change can be approved for these hosts"]),
        ("services", list(_services(doc["services"]))),
        ("programs", doc["programs"]),
        ("downloads", doc["sources"] or "from nowhere"),
        ("keys", _demands(doc)),
        ("elsewhere", list(_elsewhere(bundle)) or "nothing that was approved in other systems counts"),
        ("login", doc["login"]),
        ("ledger", [doc["log"]["origin"], *doc["log"]["keys"]]),
    ]
    beside = [] if before is None else [("differs", difference(before, bundle) or ["only in its times"])]
    weaker = [] if before is None else [("weaker", weakened(before, bundle) or ["nothing"])]
    stands = [
        ("signed by", [f"{one.person} ({one.key})" for one in version.row.signatures]),
        ("missing", list(version.missing)),
        ("not counted", list(_flaws(version))),
        ("digest", bundle.digest),
        ("store", store),
        ("next", ENROLL if version.holds else _again(version, SIGN)),
    ]
    return block(f"trust version {bundle.number}", [*head, *beside, *weaker, *stands])


def export_text(file: str, version: Version) -> str:
    """How an exported version is signed on another machine, and handed in."""
    quoted = shlex.quote(file)
    hand_in = f"ansible-playbook tidegate.deploy.trust -e tidegate_signature={quoted}.sig"
    return block(
        f"sign trust version {version.bundle.number} elsewhere",
        [
            ("look at it", f"python3 -m json.tool {quoted}; sha256sum {quoted} (expected {version.bundle.digest})"),
            ("sign it", sign_command(NAMESPACE, file)),
            ("hand it in", _again(version, hand_in)),
        ],
    )


def hosts_text(said: Mapping[str, Said], differs: Mapping[str, Sequence[str]]) -> str:
    """What hosts enforce, and how that differs from the inventory."""
    lines = table(("host", "enforces", "program", "uid"), [_enforced(host, one) for host, one in said.items()])
    lines += [f"{host}: {printable(one.message)}" for host, one in said.items() if one.verdict != OK]
    for host, words in differs.items():
        lines += [f"{host}: differs from the inventory in {printable(line)}" for line in words]
    return "\n".join(["what hosts enforce", *(f"  {line}" for line in lines)])


def stuck_lines(stuck: Mapping[str, Stuck]) -> Iterator[str]:
    """What keeps hosts from the newest version, a line for each version that they cannot pass."""
    for number, one in {one.number: one for one in stuck.values()}.items():
        hosts = [host for host, where in stuck.items() if where.number == number]
        yield f"{listed(hosts)}: {one.told}"


def enrolled_text(went: Mapping[str, Went], newest: Version, last: Version, unnamed: Sequence[str], check: bool) -> str:
    """What came of enrolling hosts, what is to be written into the inventory, and whether a later version waits for signatures."""
    word = "would do" if check else "done"
    rows = [(host, one.said.verdict, "; ".join(one.did) or _why(one.said)) for host, one in went.items()]
    lines = [f"trust version {newest.bundle.number} ({newest.bundle.digest[:12]})"]
    lines += [f"  {line}" for line in table(("host", "", word), rows)]
    if last.bundle.number > newest.bundle.number:
        lines.append(_waiting(last))
    if unnamed:
        lines.append(f"write into the inventory, for {listed(unnamed)}:")
        login = newest.bundle.login
        lines += ["  tidegate_enrolled: true", *([f"  tidegate_login: {login}"] if login != LOGIN else [])]
    return "\n".join(lines)


def _waiting(last: Version) -> str:
    """That the last version does not hold; one that hosts may have is not signed any more, but followed."""
    missing = "; ".join(last.missing)
    if last.settled:
        return (
            f"trust version {last.bundle.number} may be on hosts and misses {missing}: have the next one signed: {SIGN}"
        )
    return f"trust version {last.bundle.number} is not signed yet: missing {missing}; sign it: {SIGN}"


def unenroll_text(paper: Paper) -> str:
    """The statement by which hosts are let go, and who has to sign it."""
    doc, quoted = paper.doc, shlex.quote(paper.file)
    sign = f"ansible-playbook tidegate.deploy.unenroll -e tidegate_statement={quoted} -e tidegate_sign=true"
    return block(
        "unenroll",
        [
            ("hosts", [f"{host['name']} ({host['uid']})" for host in doc["hosts"]]),
            ("reason", doc["reason"]),
            ("until", doc["not_after"]),
            ("signed by", list(paper.standing.approved_by)),
            ("missing", paper.standing.missing),
            ("not counted", [str(found) for found in paper.standing.why if found.code != "QUORUM"]),
            ("statement", f"{paper.digest} in {paper.file}"),
            ("next", "" if paper.standing.granted else sign),
        ],
    )


def unenrolled_text(done: Mapping[str, Said], check: bool) -> str:
    """What came of unenrolling hosts."""
    word = "would be removed" if check else "removed"
    rows = [
        (host, one.verdict, "; ".join(one["would"] or one["removed"] or ()) or _why(one)) for host, one in done.items()
    ]
    left = [f"{host}: left {printable(line)}" for host, one in done.items() for line in one["left"] or ()]
    return "\n".join([*table(("host", "", word), rows), *left])


def _again(version: Version, command: str) -> str:
    """A command about a version, by its number where it is not the last one."""
    return f"{command} -e tidegate_trust_version={version.bundle.number}" if version.followed else command


def _people(people: Mapping[str, Any]) -> Iterator[str]:
    for name, person in people.items():
        keys = "; ".join(_key(key) for key in person["keys"])
        yield f"{name} ({', '.join(person['groups']) or 'no group'}): {keys}"


def _key(key: Mapping[str, Any]) -> str:
    times = "".join(f" {word} {key[end]}" for word, end in (("from", "from"), ("until", "until")) if key[end])
    return f"{key['line']}{times}"


def _rule(rule: Mapping[str, Any]) -> str:
    match = ", ".join(f"{key} {' or '.join(values)}" for key, values in sorted(rule["match"].items()))
    barred = f"; not the {' or '.join(rule['separation'])}"
    return f"{rule['name']}: {asked_of(rule)} ({rule['strength']}), for {match or 'every change'}{barred}"


def _elsewhere(bundle: Bundle) -> Iterator[str]:
    """What vouches for approvals given in other systems, and whose they are there."""
    for name, bridge in bundle.evidence["bridges"].items():
        yield f"{name} countersigns what {', '.join(bridge['systems'])} says: {'; '.join(map(_key, bridge['keys']))}"
    for name, accounts in bundle.evidence["accounts"].items():
        yield f"{name} is {', '.join(f'{account} of {system}' for system, account in sorted(accounts.items()))}"


def _services(services: Mapping[str, Any]) -> Iterator[str]:
    for name, variants in services.items():
        for variant in variants:
            definition = variant["definition"]
            others = "on all other hosts" if len(variants) > 1 else "on all hosts"
            where = f"on {', '.join(variant['hosts'])}" if variant["hosts"] else others
            digest = canonical.digest(definition)[:12]
            yield f"{name}: {definition['unit']} from {definition['root']}, definition {digest}, {where}"


def _demands(doc: Mapping[str, Any]) -> str:
    if doc["require_verification"]:
        return "FIDO keys that ask for a PIN or finger"
    return "FIDO keys that were touched" if doc["require_presence"] else "any that may sign"


def _flaws(version: Version) -> Iterator[str]:
    for whose, standing in version.standings.items():
        yield from (f"{found}, {whose}" for found in standing.why if found.code != "QUORUM")


def _enforced(host: str, said: Said) -> tuple[str, ...]:
    about = said["enrolled"] or {}
    if said.verdict != OK:
        return (host, "unknown", "", "")
    if not said["enforced"]:
        return (host, "nothing", "", "")
    return (host, f"trust version {about.get('trust')}", str(about.get("program"))[:12], str(about.get("uid")))


def _why(said: Said) -> str:
    return "nothing" if said.verdict == OK else f"{said.code}: {said.message}"

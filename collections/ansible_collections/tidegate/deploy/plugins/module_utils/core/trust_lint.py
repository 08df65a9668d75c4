# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people should hear of a trust bundle before they sign it: what is wrong with it, and what it lets through that the
one before did not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from . import shape
from .errors import Refusal
from .quorum import COUNTERSIGNED, SIGNED, Span, unfilled
from .rules import CHANGE_TYPES, RISKS, STRENGTHS, asked_of
from .succession import overlaps
from .trust import Bundle, key_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Optional

    Rule = Mapping[str, Any]


def findings(bundle: Bundle) -> list[str]:
    """What is wrong with a bundle: what hosts refuse, what nobody could ever satisfy, and what means nothing; a line each."""
    return [
        *_of_time(bundle),
        *_of_keys(bundle),
        *overlaps(bundle),
        *_of_rules(bundle),
        *_of_evidence(bundle),
        *_of_services(bundle),
    ]


def weakened(old: Bundle, new: Bundle) -> list[str]:
    """What a bundle lets through that the one before it did not; a line each.

    Whatever signatures a host with the new one accepts for a service that the old one knew, the old one accepted, or a line
    here says why it does now.

    Raises:
        Refusal: ALG or SIG_INVALID, a key cannot be read (`findings` says which).
    """
    return [
        *_weaker_rules(old, new),
        *_weaker_people(old, new),
        *_weaker_evidence(old, new),
        *(
            f"{field} is no longer asked for"
            for field in ("require_presence", "require_verification")
            if old.doc[field] and not new.doc[field]
        ),
        *_weaker_log(old, new),
        *(f"{source} may be asked for artifacts" for source in new.doc["sources"] if source not in old.doc["sources"]),
        *(
            f"host program {one[:12]} may run there, and decide"
            for one in new.doc["programs"]
            if one not in old.doc["programs"]
        ),
    ]


def lapses(bundle: Bundle, now: datetime, within: timedelta) -> list[str]:
    """The rules that nobody can satisfy once keys have run out, with the moment from which on that is so; a line each.

    Args:
        bundle: that a host enforces.
        now: the moment.
        within: for how long to look ahead.

    Raises:
        Refusal: as `Bundle.members`.
    """
    spans = [span for member in bundle.members().values() for span in member.keys.values()]
    ends = sorted({span.until for span in spans if span.until is not None and now <= span.until <= now + within})
    found = []
    for rule in (bundle.trust_rule, *bundle.doc["rules"]):
        for moment in (now, *(end + timedelta(seconds=1) for end in ends)):
            missing = len(unfilled(rule, _signers(bundle, rule, moment)))
            if missing:
                found.append(
                    f"the rule {rule['name']!r} asks {asked_of(rule)}, and from {moment:%FT%TZ} on {missing} more people whose keys "
                    "are valid are needed"
                )
                break
    return found


# --- what is wrong ----------------------------------------------------------------------------------------------------


def _of_time(bundle: Bundle) -> Iterator[str]:
    made, ends = bundle.doc["made_at"], bundle.doc["expires_at"]
    if ends <= made:
        yield f"it runs out at {ends}, and was made at {made}"
    for name, person in bundle.doc["people"].items():
        for index, key in enumerate(person["keys"]):
            if key["from"] and key["until"] and key["until"] <= key["from"]:
                yield f"people.{name}.keys[{index}]: it ends at {key['until']}, before it begins at {key['from']}"


def _of_keys(bundle: Bundle) -> Iterator[str]:
    holders = (("people", bundle.doc["people"]), ("evidence.bridges", bundle.evidence["bridges"]))
    lines = [
        *(
            (f"{where}.{name}.keys[{index}]", name, key["line"])
            for where, named in holders
            for name, holder in named.items()
            for index, key in enumerate(holder["keys"])
        ),
        *((f"log.keys[{index}]", "the log", line) for index, line in enumerate(bundle.doc["log"]["keys"])),
    ]
    owners: dict[str, str] = {}
    for where, owner, line in lines:
        try:
            key = key_in(line, where)
        except Refusal as refusal:
            yield refusal.message
            continue
        if key.fingerprint in owners:
            yield f"{where}: {key.fingerprint} is a key of {owners[key.fingerprint]} already"
        owners.setdefault(key.fingerprint, owner)


def _of_rules(bundle: Bundle) -> Iterator[str]:
    open_it = {SIGNED, COUNTERSIGNED} if bundle.countersigned_opens else {SIGNED}
    for rule in (*bundle.doc["rules"], bundle.trust_rule):
        missing = len(unfilled(rule, _signers(bundle, rule)))
        if missing:
            yield f"the rule {rule['name']!r} asks {asked_of(rule)}, and {missing} more people with keys are needed"
        if rule["strength"] not in open_it:
            found = (
                f"the rule {rule['name']!r} is content with {rule['strength']} approvals, which open no enrolled host"
            )
            yield found + (" unless countersigned_opens is true" if rule["strength"] == COUNTERSIGNED else "")


def _of_evidence(bundle: Bundle) -> Iterator[str]:
    """What lets nothing through, though it is meant to."""
    if bundle.countersigned_opens and not bundle.evidence["bridges"]:
        yield "countersigned_opens: there is no bridge that could countersign anything"
    for flag in ("require_presence", "require_verification"):
        if bundle.countersigned_opens and bundle.doc[flag]:
            yield f"countersigned_opens: a bridge has nobody who touches its key, and {flag} is asked for"


def _of_services(bundle: Bundle) -> Iterator[str]:
    for service in sorted(bundle.doc["services"]):
        try:
            bundle.rules_for(service)
        except Refusal as refusal:
            yield refusal.message


def _signers(bundle: Bundle, rule: Rule, moment: Optional[datetime] = None) -> dict[str, list[str]]:
    """Groups, and the people in them who could approve by a rule.

    Args:
        bundle: whose people they are.
        rule: that says how strong an approval has to be.
        moment: at which a key of theirs has to be valid; None: whenever that is.
    """
    vouched = {system for bridge in bundle.evidence["bridges"].values() for system in bridge["systems"]}
    found: dict[str, list[str]] = {}
    for name, person in bundle.doc["people"].items():
        signs = any(moment is None or _span(key).holds(moment) for key in person["keys"])
        elsewhere = rule["strength"] != SIGNED and not vouched.isdisjoint(bundle.evidence["accounts"].get(name, ()))
        for group in person["groups"] if signs or elsewhere else ():
            found.setdefault(group, []).append(name)
    return found


# --- what is weaker ---------------------------------------------------------------------------------------------------


def _weaker_rules(old: Bundle, new: Bundle) -> Iterator[str]:
    for rule in old.doc["rules"]:
        if not any(_covers(other, rule) and _matches_all(other["match"], rule["match"]) for other in new.doc["rules"]):
            yield f"no rule asks any more what {rule['name']!r} asked: {asked_of(rule)}{_for(rule['match'])}"
    if not _covers(new.trust_rule, old.trust_rule):
        yield f"trust itself can be changed by less: {asked_of(new.trust_rule)}, before it was {asked_of(old.trust_rule)}"
    for service in sorted(old.doc["services"]):
        for change_type in CHANGE_TYPES:
            kinds = [(service, change_type, risk) for risk in (None, *RISKS)]
            if any(_approvable(new, *kind) and not _approvable(old, *kind) for kind in kinds):
                yield f"{change_type} changes of {service} can be approved now, which could not before"


def _covers(new: Rule, old: Rule) -> bool:
    """Whether whoever satisfies one rule satisfies the other."""
    return (
        all(new["groups"].get(group, 0) >= count for group, count in old["groups"].items())
        and (not old["count"] or (new["count"] >= old["count"] and set(new["any_of"]) <= set(old["any_of"])))
        and STRENGTHS.index(new["strength"]) >= STRENGTHS.index(old["strength"])
        and set(new["separation"]) >= set(old["separation"])
    )


def _matches_all(new: Mapping[str, Sequence[str]], old: Mapping[str, Sequence[str]]) -> bool:
    """Whether what is meant for some changes is meant for all that another was meant for."""
    return all(key in old and set(old[key]) <= set(values) for key, values in new.items())


def _approvable(bundle: Bundle, service: str, change_type: str, risk: Optional[str]) -> bool:
    try:
        return bool(bundle.rules_for(service, change_type, risk))
    except Refusal:
        return False


def _for(match: Mapping[str, Sequence[str]]) -> str:
    said = "; ".join(f"{key} {', '.join(values)}" for key, values in sorted(match.items()))
    return f" ({said})" if said else ""


def _weaker_people(old: Bundle, new: Bundle) -> Iterator[str]:
    for name, person in sorted(new.doc["people"].items()):
        before = old.doc["people"].get(name, {"groups": [], "keys": []})
        gained = sorted(set(person["groups"]) - set(before["groups"]))
        if gained and (person["keys"] or name in new.evidence["accounts"]):
            yield f"{name} counts for {', '.join(gained)}"
        for key in person["keys"]:
            if not any(_holds_all(other, key) for other in before["keys"]):
                yield f"{name} may sign with {key_in(key['line'], name).fingerprint}{_when(key)}"


def _weaker_evidence(old: Bundle, new: Bundle) -> Iterator[str]:
    if new.countersigned_opens and not old.countersigned_opens:
        yield "approvals given in other systems open hosts, once a bridge has countersigned them: no key of a person signs those"
    before, after = old.evidence, new.evidence
    for name, bridge in sorted(after["bridges"].items()):
        known = before["bridges"].get(name, {"systems": [], "keys": []})
        gained = sorted(set(bridge["systems"]) - set(known["systems"]))
        if gained:
            yield f"the bridge {name} may vouch for {', '.join(gained)}"
        for key in bridge["keys"]:
            if not any(_holds_all(other, key) for other in known["keys"]):
                yield f"the bridge {name} may countersign with {key_in(key['line'], name).fingerprint}{_when(key)}"
    for name, accounts in sorted(after["accounts"].items()):
        for system, account in sorted(accounts.items()):
            if before["accounts"].get(name, {}).get(system) != account:
                yield f"what {account} approves in {system} counts as approved by {name}"


def _holds_all(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a key was there before, for all of the time that it is now."""
    same = key_in(old["line"], "").blob == key_in(new["line"], "").blob
    before, after = _span(old), _span(new)
    begins = before.since is None or (after.since is not None and before.since <= after.since)
    ends = before.until is None or (after.until is not None and after.until <= before.until)
    return same and begins and ends


def _span(key: Mapping[str, Any]) -> Span:
    return Span(*(key[end] and shape.moment(key[end]) for end in ("from", "until")))


def _when(key: Mapping[str, Any]) -> str:
    return "".join(f" {end} {key[end]}" for end in ("from", "until") if key[end])


def _weaker_log(old: Bundle, new: Bundle) -> Iterator[str]:
    before, after = old.doc["log"], new.doc["log"]
    if before["origin"] != after["origin"]:
        yield f"another log is believed: {after['origin']}, before it was {before['origin']}"
    yield from (
        f"the log may sign with {key_in(line, '').fingerprint}" for line in after["keys"] if line not in before["keys"]
    )

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether enough people have approved: who counts, for which rule, and why others do not.

Invariants:

* People are counted, never keys or signatures: a person fills one place of a rule, however often they approved.
* A veto outranks every approval, and does not run out; only who gave it can take it back.
* What a person withdrew does not count again, whatever else they hand in for the same statement.
* More approvals never make a change less approved.
* A bridge is nobody: it vouches for what a person decided in another system, and never decides anything itself. Where
  none vouches any more, what the person decided there counts as what it still is, recorded.

Everything is judged at one moment that is handed in: a key that is out of date now counts no more, whenever it signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from . import rules as _rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

RECORDED, COUNTERSIGNED, SIGNED = STRENGTHS = _rules.STRENGTHS
"""How sure an approval is, weakest first."""

APPROVE, VETO, WITHDRAW = DECISIONS = ("approve", "veto", "withdraw")


@dataclass(frozen=True)
class Span:
    """A time with a beginning and an end, each of which may be open.

    Args:
        since: its first moment; None: always.
        until: its last moment; None: for ever.
    """

    since: Optional[datetime] = None
    until: Optional[datetime] = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment <= self.until)

    def meets(self, other: Span) -> bool:
        """Whether some moment is in both."""
        begins = max((one for one in (self.since, other.since) if one is not None), default=None)
        ends = min((one for one in (self.until, other.until) if one is not None), default=None)
        return begins is None or ends is None or begins <= ends


@dataclass(frozen=True)
class Absence:
    """A time in which somebody is away, and who stands in for them.

    Args:
        span: when.
        deputy: who has the absent person's groups meanwhile; empty: nobody.
    """

    span: Span
    deputy: str = ""


@dataclass(frozen=True)
class Member:
    """A person, as counting knows one.

    Args:
        name: by which the person is counted.
        groups: that the person is in.
        keys: fingerprint -> when the person may sign with it.
        absences: when the person is away.
    """

    name: str
    groups: frozenset[str] = frozenset()
    keys: Mapping[str, Span] = field(default_factory=dict)
    absences: tuple[Absence, ...] = ()

    def away(self, moment: datetime) -> bool:
        """Whether the person is absent at a moment."""
        return any(absence.span.holds(moment) for absence in self.absences)


@dataclass(frozen=True)
class Bridge:
    """A process that reads approvals in other systems and vouches for them with a key of its own; nobody who is counted.

    Args:
        name: of its own.
        systems: those that it may vouch for.
        keys: fingerprint -> when it may countersign with it; none is a person's.
    """

    name: str
    systems: frozenset[str]
    keys: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True)
class Voice:
    """What somebody decided about one statement, after the signature, if it has one, was found to be true.

    Args:
        person: who.
        decision: one of `DECISIONS`.
        at: when it was recorded.
        strength: one of `STRENGTHS`.
        key: the fingerprint of the person's key that signed; empty where none did.
        until: when it ends by itself; None where only rules say so.
        system: in which it was decided; empty where the person signed it here.
        bridge_key: the fingerprint of the key that countersigned it; empty where none did.
    """

    person: str
    decision: str
    at: datetime
    strength: str = SIGNED
    key: str = ""
    until: Optional[datetime] = None
    system: str = ""
    bridge_key: str = ""


@dataclass(frozen=True)
class Finding:
    """Why somebody's approval does not count, or what is missing.

    Args:
        code: a key of `errors.CODES`.
        message: for people.
        person: whose approval it is about; empty where it is about nobody's.
    """

    code: str
    message: str
    person: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class Standing:
    """How a statement stands.

    Attributes:
        granted: whether every rule is satisfied and nobody has vetoed.
        missing: who is still asked, in words; empty when nobody is.
        vetoed_by: who has vetoed.
        counted: the people who count, with the strength of their approvals.
        why: what does not count and why, the most telling first.
    """

    granted: bool
    missing: str
    vetoed_by: tuple[str, ...]
    counted: Mapping[str, str]
    why: tuple[Finding, ...]

    @property
    def approved_by(self) -> tuple[str, ...]:
        """The people who count, each with how strong that is, for people to read."""
        return tuple(f"{name} ({strength})" for name, strength in sorted(self.counted.items()))


def standing(
    rules: Sequence[Mapping[str, Any]],
    voices: Iterable[Voice],
    members: Mapping[str, Member],
    duties: Mapping[str, str],
    now: datetime,
    bridges: Sequence[Bridge] = (),
) -> Standing:
    """Count.

    Args:
        rules: all of which have to be satisfied: ``name``, ``groups``, ``any_of``, ``count``, ``strength``, ``separation`` and
            ``expires_after_s`` of each.
        voices: about one statement, in any order.
        members: everybody, by name.
        duties: who is what in this change: requester, author, operator; without those that nobody is.
        now: the moment at which it is judged.
        bridges: that may vouch for what was decided in other systems.
    """
    heard = list(voices)
    withdrawn = {voice.person for voice in heard if voice.decision == WITHDRAW}
    vetoed_by = tuple(sorted({v.person for v in heard if v.decision == VETO} - withdrawn))
    given = [voice for voice in heard if voice.decision == APPROVE and voice.person not in withdrawn]
    why = [Finding("VETO", f"{person} has rejected it", person) for person in vetoed_by]
    why += [Finding("WITHDRAWN", f"{person} has taken the approval back", person) for person in sorted(withdrawn)]
    sound, flaws = _sound(given, members, now, bridges)
    counted: dict[str, str] = {}
    missing = []
    for rule in rules:
        able, more = _able(rule, sound, members, duties, now)
        flaws += more
        empty = unfilled(rule, {group: [name for name in able if group in able[name][0]] for group in _groups(rule)})
        if empty:
            missing.append(f"{_words(empty)} ({rule['name']})")
        for name, (groups, strength) in able.items():
            if groups & set(_groups(rule)):
                counted[name] = max(strength, counted.get(name, strength), key=STRENGTHS.index)
    why += [flaw for flaw in dict.fromkeys(flaws) if flaw.person not in counted or flaw.code == "SELF"]
    why += [Finding("QUORUM", f"missing {text}") for text in missing]
    return Standing(not missing and not vetoed_by, "; ".join(missing), vetoed_by, counted, tuple(why))


def flaw_of(
    voice: Voice, members: Mapping[str, Member], now: datetime, bridges: Sequence[Bridge] = ()
) -> Optional[Finding]:
    """Why an approval counts for no rule at all, or None."""
    member, name = members.get(voice.person), voice.person
    if member is None:
        return Finding("KEY", f"{name} is not among the people any more", name)
    if member.away(voice.at):
        return Finding("ABSENT", f"{name} was absent when the approval was given", name)
    if voice.until is not None and now > voice.until:
        return Finding("EXPIRED", f"the approval of {name} ran out", name)
    if not voice.key:
        return Finding("KEY", f"no key signed the approval of {name}", name) if voice.strength == SIGNED else None
    span = member.keys.get(voice.key)
    if span is None:
        return Finding("KEY", f"{voice.key} is no key of {name} now", name)
    if not (span.holds(voice.at) and span.holds(now)):
        return Finding("KEY", f"{voice.key} of {name} is not valid now, or was not when it signed", name)
    if any(voice.key in other.keys for other in members.values() if other.name != name):
        return Finding("KEY", f"{voice.key} is a key of somebody else, too", name)
    if any(voice.key in bridge.keys for bridge in bridges):
        return Finding("KEY", f"{voice.key} is a key of a bridge, too", name)
    return None


def why_unvouched(voice: Voice, members: Mapping[str, Member], now: datetime, bridges: Sequence[Bridge]) -> str:
    """Why no bridge vouches for what somebody decided in another system; empty where exactly one does."""
    key = voice.bridge_key
    owners = [bridge for bridge in bridges if key in bridge.keys]
    if not owners:
        return f"{key or 'no key'} is no key of a bridge now"
    bridge, span = owners[0], owners[0].keys[key]
    if len(owners) > 1 or any(key in member.keys for member in members.values()):
        return f"{key} of the bridge {bridge.name} is a key of somebody else, too"
    if voice.system not in bridge.systems:
        return f"the bridge {bridge.name} may not vouch for {voice.system or 'this'} now"
    if not (span.holds(voice.at) and span.holds(now)):
        return f"{key} of the bridge {bridge.name} is not valid now, or was not when it countersigned"
    return ""


def groups_at(name: str, members: Mapping[str, Member], moment: datetime) -> frozenset[str]:
    """The groups that a person speaks for at a moment: their own, and those of people whom they stand in for."""
    own = members[name].groups if name in members else frozenset()
    lent = (
        member.groups
        for member in members.values()
        for absence in member.absences
        if absence.deputy == name and absence.span.holds(moment)
    )
    return own.union(*lent)


def barred_by(rule: Mapping[str, Any], name: str, duties: Mapping[str, str]) -> str:
    """The duty for which a rule does not let a person approve; empty where there is none."""
    return next((duty for duty in rule["separation"] if duties.get(duty) == name), "")


def unfilled(
    rule: Mapping[str, Any], members: Mapping[str, Iterable[str]], without: Iterable[str] = ()
) -> list[tuple[str, ...]]:
    """The places of a rule that nobody is left for, each as the groups that it is open to.

    Each person fills one place. That as many as possible are filled is a matching of people and places, found by augmenting
    paths (Kuhn, 1955).

    Args:
        rule: with ``groups``, ``any_of`` and ``count``.
        members: who is in which group.
        without: people who may not.
    """
    barred = set(without)
    places = list(_places(rule))
    able = [{name for group in groups for name in members.get(group, ()) if name not in barred} for groups in places]
    holder: dict[str, int] = {}

    def seat(place: int, seen: set[str]) -> bool:
        for name in sorted(able[place] - seen):
            seen.add(name)
            if name not in holder or seat(holder[name], seen):
                holder[name] = place
                return True
        return False

    return [groups for place, groups in enumerate(places) if not seat(place, set())]


def _sound(
    given: list[Voice], members: Mapping[str, Member], now: datetime, bridges: Sequence[Bridge]
) -> tuple[dict[str, list[Voice]], list[Finding]]:
    """The approvals that count for some rule, by person and as strong as they are now, and what is wrong with them."""
    sound: dict[str, list[Voice]] = {}
    flaws = []
    for voice in sorted(given, key=lambda one: (one.person, one.at, one.key, one.bridge_key)):
        flaw = flaw_of(voice, members, now, bridges)
        if flaw is not None:
            flaws.append(flaw)
            continue
        unvouched = why_unvouched(voice, members, now, bridges) if voice.strength == COUNTERSIGNED else ""
        if unvouched:
            told = f"the approval of {voice.person} counts as {RECORDED} only: {unvouched}"
            flaws.append(Finding("KEY", told, voice.person))
        sound.setdefault(voice.person, []).append(replace(voice, strength=RECORDED) if unvouched else voice)
    return sound, flaws


def _able(
    rule: Mapping[str, Any],
    sound: Mapping[str, list[Voice]],
    members: Mapping[str, Member],
    duties: Mapping[str, str],
    now: datetime,
) -> tuple[dict[str, tuple[frozenset[str], str]], list[Finding]]:
    """Who counts for a rule, with the groups they speak for and how strong that is; and why the others do not."""
    able: dict[str, tuple[frozenset[str], str]] = {}
    flaws = []
    least, lasts = STRENGTHS.index(rule["strength"]), timedelta(seconds=rule["expires_after_s"])
    for name, voices in sound.items():
        duty = barred_by(rule, name, duties)
        strong = [voice for voice in voices if STRENGTHS.index(voice.strength) >= least]
        fresh = [voice for voice in strong if now <= voice.at + lasts]
        if duty:
            flaws.append(Finding("SELF", f"{name} is the {duty} of this change and cannot approve it", name))
        elif not strong:
            found = voices[-1].strength
            flaws.append(Finding("STRENGTH", f"the approval of {name} is {found}, expected {rule['strength']}", name))
        elif not fresh:
            flaws.append(Finding("EXPIRED", f"the approval of {name} ran out after {rule['expires_after_s']} s", name))
        else:
            groups = frozenset().union(*(groups_at(name, members, voice.at) for voice in fresh))
            best = max((voice.strength for voice in fresh), key=STRENGTHS.index)
            able[name] = (groups, best)
            if not groups & set(_groups(rule)):
                asked = ", ".join(_groups(rule))
                flaws.append(Finding("QUORUM", f"{name} is in none of the groups {asked} ({rule['name']})", name))
    return able, flaws


def _groups(rule: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*rule["groups"], *rule["any_of"]]))


def _places(rule: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for group, count in sorted(rule["groups"].items()):
        yield from [(group,)] * count
    yield from [tuple(rule["any_of"])] * rule["count"]


def _words(empty: list[tuple[str, ...]]) -> str:
    return ", ".join(f"{empty.count(groups)} of {' or '.join(groups)}" for groups in dict.fromkeys(empty))

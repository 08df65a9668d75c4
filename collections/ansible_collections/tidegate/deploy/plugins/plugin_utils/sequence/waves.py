# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts change together, and in which order (PCF 8.6.2.2).

What holds for every sequence that leaves this file, whether it was computed or written by hand:

1. Each host of the change is in exactly one wave, and no wave is empty.
2. While a wave is down, at least ``floor`` hosts of the change are up.
3. Where the hosts lie in two or more failure domains, each wave leaves at least one of them untouched.

Whatever cannot hold all three is a `Refusal` that names the wave and the hosts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

DEFAULT_SIZES: tuple[int | str, ...] = (1, "25%", "rest")
"""A canary of one host, a quarter of all hosts, everybody else."""


@dataclass(frozen=True)
class Member:
    """A host of the change.

    Args:
        name: the host's name in the inventory.
        domain: its label of hosts that fail together; hosts without one are one domain.
    """

    name: str
    domain: str | None = None


@dataclass(frozen=True)
class Waves:
    """A sequence that keeps the three promises of this file.

    Args:
        waves: names of hosts, wave by wave; the first wave is the canary.
        floor: how many hosts of the change stay up while a wave is down.
    """

    waves: tuple[tuple[str, ...], ...]
    floor: int

    @property
    def order(self) -> tuple[str, ...]:
        """All hosts, in the order in which they change."""
        return tuple(name for wave in self.waves for name in wave)

    @property
    def canary(self) -> tuple[str, ...]:
        """The hosts that change first."""
        return self.waves[0]


def plan_waves(
    members: Sequence[Member],
    spec: Sequence[int | str | Sequence[str]] | None = None,
    floor: int | str | None = None,
    place: str = "",
) -> Waves:
    """Put the hosts of a change into waves.

    Sizes are filled domain by domain, in the order in which ``members`` first shows each domain, and inside a
    domain in the order of ``members``. A number is exactly that many hosts (fewer only when no more are left);
    a percentage is of all hosts, rounded up; ``rest`` is everybody not taken yet. Percentages and ``rest`` are
    split into several waves where floor or domains do not let them go at once.

    Args:
        members: the hosts of the change, in the order of the inventory.
        spec: sizes such as ``[1, "25%", "rest"]``, or lists of names; None means `DEFAULT_SIZES`.
        floor: hosts that must stay up, as a number or a percentage of all (rounded up); None means half, rounded down.
        place: the file that asks for it, for errors.

    Raises:
        Refusal: HOSTS when ``members`` is empty or names a host twice; WAVES when the waves cannot be as asked.
    """
    try:
        return _waves(members, DEFAULT_SIZES if spec is None else spec, floor)
    except Refusal as error:
        told = f"{place}: {error.message}" if place else error.message
        raise Refusal(error.code, told, **error.facts) from None


def _waves(members: Sequence[Member], spec: Sequence[int | str | Sequence[str]], floor: int | str | None) -> Waves:
    _check_members(members)
    fleet = _Fleet(tuple(members), floor_of(len(members), floor))
    if not spec:
        raise Refusal("WAVES", 'waves: found an empty list, expected sizes such as [1, "25%", rest] or lists of hosts')
    if _are_lists(spec):
        return _explicit(fleet, [tuple(wave) for wave in spec])  # type: ignore[arg-type]
    return _sized(fleet, list(spec))  # type: ignore[arg-type]


def floor_of(total: int, floor: int | str | None = None) -> int:
    """The number of hosts that must stay up, of ``total``; half of them, rounded down, when nothing else is asked.

    Raises:
        Refusal: WAVES when not even one host could go down.
    """
    if floor is None:
        return total // 2
    count = _percent_of(total, floor, "floor", low=0) if isinstance(floor, str) else floor
    if not 0 <= count < total:
        raise Refusal(
            "WAVES",
            f"floor: {floor} of {total} host(s) must stay up, so no host may go down; "
            f"expected a floor from 0 to {total - 1}",
            floor=count,
            hosts=total,
        )
    return count


class _Fleet:
    """The hosts of a change, grouped by domain, and what one wave of them may be."""

    def __init__(self, members: tuple[Member, ...], floor: int) -> None:
        self.floor = floor
        self.total = len(members)
        self.most = self.total - floor
        self.domain_of = {member.name: member.domain or "" for member in members}
        self.domains = tuple(dict.fromkeys(self.domain_of.values()))
        self.left = {domain: [m.name for m in members if (m.domain or "") == domain] for domain in self.domains}

    @property
    def remaining(self) -> int:
        return sum(len(names) for names in self.left.values())

    def takes_every_domain(self, names: Iterable[str]) -> bool:
        return len(self.domains) > 1 and {self.domain_of[name] for name in names} == set(self.domains)

    def largest_wave(self) -> int:
        """How many of the hosts left may change at once: by floor, and by leaving out the emptiest domain."""
        if len(self.domains) == 1:
            return min(self.most, self.remaining)
        return min(self.most, self.remaining - min(len(names) for names in self.left.values()))

    def take(self, size: int) -> tuple[str, ...]:
        """Remove and return the next ``size`` hosts, which must not be more than `largest_wave`.

        Of the domains whose hosts can be spared the last is left out, so that the sequence goes domain by domain.
        """
        open_domains = self.domains if len(self.domains) == 1 else self._without_one(size)
        names = [name for domain in open_domains for name in self.left[domain]][:size]
        for name in names:
            self.left[self.domain_of[name]].remove(name)
        return tuple(names)

    def _without_one(self, size: int) -> tuple[str, ...]:
        spared = next(d for d in reversed(self.domains) if self.remaining - len(self.left[d]) >= size)
        return tuple(domain for domain in self.domains if domain != spared)


def _sized(fleet: _Fleet, sizes: list[int | str]) -> Waves:
    waves: list[tuple[str, ...]] = []
    for index, size in enumerate(sizes):
        asked = _count(fleet, size, index, len(sizes))
        if isinstance(size, int):
            _refuse_if_too_large(fleet, asked, index)
        while asked:
            wave = fleet.take(min(asked, fleet.largest_wave()))
            waves.append(wave)
            asked -= len(wave)
    if fleet.remaining:
        raise Refusal(
            "WAVES",
            f'waves: the sizes take {fleet.total - fleet.remaining} of {fleet.total} hosts; end the list with "rest"',
            left=[name for names in fleet.left.values() for name in names],
        )
    return Waves(tuple(waves), fleet.floor)


def _count(fleet: _Fleet, size: int | str, index: int, entries: int) -> int:
    where = f"waves[{index}]"
    if size == "rest":
        if index != entries - 1:
            raise Refusal("WAVES", f'{where}: "rest" leaves nothing for the entries after it; expected it to be last')
        return fleet.remaining
    if isinstance(size, str):
        return min(_percent_of(fleet.total, size, where, low=1), fleet.remaining)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise Refusal(
            "WAVES", f'{where}: found {size!r}, expected at least 1 host, a percentage such as "25%", or rest'
        )
    return min(size, fleet.remaining)


def _refuse_if_too_large(fleet: _Fleet, asked: int, index: int) -> None:
    if asked <= fleet.largest_wave():
        return
    if asked > fleet.most:
        why = f"the floor keeps {fleet.floor} of {fleet.total} hosts up"
    else:
        why = f"one of the failure domains {_names(fleet.domains)} must stay untouched"
    raise Refusal(
        "WAVES",
        f"waves[{index}]: found {asked} hosts at once, expected at most {fleet.largest_wave()}, because {why}",
        floor=fleet.floor,
    )


def _percent_of(total: int, text: str, where: str, low: int) -> int:
    digits = text[:-1]
    if not (text.endswith("%") and digits.isascii() and digits.isdigit() and low <= int(digits[:4]) <= 100):
        raise Refusal("WAVES", f"{where}: found {text!r}, expected a whole percentage from {low}% to 100%")
    return -(-total * int(digits) // 100)


def _explicit(fleet: _Fleet, waves: list[tuple[str, ...]]) -> Waves:
    _check_membership(fleet, waves)
    for index, wave in enumerate(waves):
        if len(wave) > fleet.most:
            raise Refusal(
                "WAVES",
                f"waves[{index}]: {len(wave)} hosts at once ({_names(wave)}) leave {fleet.total - len(wave)} up; "
                f"the floor is {fleet.floor} of {fleet.total}, so at most {fleet.most} may go at once",
                floor=fleet.floor,
            )
        if fleet.takes_every_domain(wave):
            raise Refusal(
                "WAVES",
                f"waves[{index}]: {_names(wave)} lie in all failure domains ({_names(fleet.domains)}); "
                "expected at least one domain that the wave leaves untouched",
            )
    return Waves(tuple(waves), fleet.floor)


def _check_membership(fleet: _Fleet, waves: list[tuple[str, ...]]) -> None:
    for index, wave in enumerate(waves):
        if not wave:
            raise Refusal("WAVES", f"waves[{index}]: found an empty wave, expected at least one host")
        strangers = [name for name in wave if name not in fleet.domain_of]
        if strangers:
            raise Refusal(
                "WAVES", f"waves[{index}]: {_names(strangers)} not among the hosts of the change", hosts=strangers
            )
    counts = Counter(name for wave in waves for name in wave)
    doubled = [name for name, count in counts.items() if count > 1]
    if doubled:
        places = {name: [f"waves[{i}]" for i, wave in enumerate(waves) if name in wave] for name in doubled}
        text = "; ".join(f"{name} is in {' and '.join(places[name])}" for name in doubled)
        raise Refusal("WAVES", f"waves overlap: {text}; expected each host once", hosts=doubled)
    missing = [name for name in fleet.domain_of if name not in counts]
    if missing:
        raise Refusal(
            "WAVES", f"waves: {_names(missing)} in no wave; expected each host of the change once", hosts=missing
        )


def _check_members(members: Sequence[Member]) -> None:
    if not members:
        raise Refusal("HOSTS", "the change has no hosts; expected at least one")
    doubled = [name for name, count in Counter(member.name for member in members).items() if count > 1]
    if doubled:
        raise Refusal("HOSTS", f"hosts named twice: {_names(doubled)}; expected each host once", hosts=doubled)


def _are_lists(spec: Sequence[object]) -> bool:
    lists = [isinstance(entry, (list, tuple)) for entry in spec]
    if any(lists) and not all(lists):
        raise Refusal("WAVES", "waves: found sizes and lists of hosts side by side, expected the one or the other")
    return all(lists)


def _names(names: Iterable[str]) -> str:
    return ", ".join(name or "(no label)" for name in names)

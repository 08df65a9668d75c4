# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One kill: a verb begins, something dies in the middle of it, the hosts come to rest, the verb is run again."""

from __future__ import annotations

import random
import time

from e2e.hosts import V1, V2, Fleetful, Seen
from e2e.project import UNIT_PROBE, VERSION_PROBE, Project, Result, Run
from kills import promises, victims
from kills.promises import Violation

LIMITS = {"drain_s": 1, "hook_s": 1, "restart_s": 5, "probe_s": 5, "confirm_s": 4}
TYPICAL_S = {"rollout": 14.0, "rollback": 6.0}
"""How long a verb takes before one has been seen."""

RERUNS = 3
"""A command that finds a way back unfinished finishes it and says so; asked once more, it rolls out."""


class Kill:
    """What is drawn from a seed and a number: which verb, what dies, and when.

    Args:
        seed: of the run.
        number: of the kill in it.
    """

    def __init__(self, seed: int, number: int) -> None:
        self.seed, self.number = seed, number
        self.rng = random.Random(f"{seed}-{number}")
        self.verb = self.rng.choices(["rollout", "rollback"], [3, 1])[0]
        self.kind = self.rng.choice(list(victims.KINDS))
        self.moment = round(self.rng.random(), 3)  # of the time that the verb takes

    def __str__(self) -> str:
        return f"{self.kind} at {self.moment:.0%} of a {self.verb}"


class Fleetwise:
    """One fleet and its project, from kill to kill.

    Args:
        site: the project.
        hosts: of the fleet.
        slow: what the limits are multiplied by, for a machine that has much else to do.
    """

    def __init__(self, site: Project, hosts: Fleetful, slow: int = 1) -> None:
        self.site = site
        self._limits = {name: limit * slow for name, limit in LIMITS.items()}
        self.hosts = hosts
        self.struck = ""
        self.reruns = 0
        self._typical = dict(TYPICAL_S)

    def begin(self) -> None:
        """Release 1.0.0 everywhere, then 2.0.0, so that there is something to take back; nothing is killed yet."""
        probe = {"http": {**VERSION_PROBE["http"], "over_s": 0}}
        self.site.services(limits=self._limits, probes=[probe, {"unit": {**UNIT_PROBE["unit"], "over_s": 0}}])
        for version in (V1, V2):
            began = time.monotonic()
            done = self._end(self._rollout(version))
            self._typical["rollout"] = time.monotonic() - began
            if done.rc != 0:
                raise Violation(f"nothing was killed, and the rollout of {version} ended with {done.rc}: {done.text}")

    def play(self, kill: Kill) -> str:
        """One kill, and all that follows; what was struck, or nothing if the verb ended before.

        Raises:
            Violation: a promise does not hold.
        """
        self.struck, self.reruns = "", 0
        seen = self.hosts.see()
        change = self._open_change(seen)
        if kill.verb == "rollback" and change is None:
            self._again("rollout", self._other(seen), "")
            seen = self.hosts.see()
            change = self._open_change(seen)
        old, target = self._version(seen), self._other(seen)
        run = self._rollback(str(change)) if kill.verb == "rollback" else self._rollout(target)
        self._strike(kill, run)
        rested = self._rest(run)
        if not {one.version for one in rested.values()} <= {old, target}:
            raise Violation(f"some host is neither on {old} nor on {target}: {rested}")
        self._again(kill.verb, target, str(change), ended_well=self._end(run).rc == 0)
        return self.struck

    def _strike(self, kill: Kill, run: Run) -> None:
        began = time.monotonic()
        blow = victims.Blow(run, self.hosts, kill.rng)
        blow.wait(kill.moment * self._typical[kill.verb])
        told = victims.strike(kill.kind, blow)
        self.struck = f"{told}, {time.monotonic() - began:.1f} s after its begin" if told else ""
        result = self._end(run)
        if not self.struck and result.rc == 0:
            self._typical[kill.verb] = 0.8 * self._typical[kill.verb] + 0.2 * (time.monotonic() - began)
        victims.mend(self.hosts)

    def _rest(self, run: Run) -> dict[str, Seen]:
        seen = promises.at_rest(self.hosts)
        promises.check_host_histories(self.hosts)
        promises.check_claims(self.site, seen)
        result = self._end(run)
        if result.rc == 0 and len({one.version for one in seen.values()}) != 1:
            raise Violation(f"it ended with 0, and not all hosts are on one release: {seen}")
        return seen

    def _again(self, verb: str, target: str, change: str, ended_well: bool = False) -> None:
        """The same command until it ends well; then all is as it was asked for."""
        for self.reruns in range(1, RERUNS + 1):
            done = self._end(self._rollback(change) if verb == "rollback" else self._rollout(target))
            if done.rc == 0:
                break
            promises.at_rest(self.hosts)
        else:
            raise Violation(f"{verb} was run again {RERUNS} times and ends with {done.rc}: {done.text[-6000:]}")
        seen = promises.at_rest(self.hosts)
        counts = change if verb == "rollback" else max(self.site.changes())
        promises.check_done(self.site, seen, counts, target, back=verb == "rollback", ended_well=1 + ended_well)
        promises.check_host_histories(self.hosts)
        promises.check_claims(self.site, seen)
        promises.check_left(self.hosts)

    # ---

    def _rollout(self, version: str) -> Run:
        return self.site.begin("rollout", change_file=self.site.change(version))

    def _rollback(self, change: str) -> Run:
        return self.site.begin("rollback", change=change)

    @staticmethod
    def _end(run: Run) -> Result:
        return run.end(timeout_s=300)

    @staticmethod
    def _version(seen: dict[str, Seen]) -> str:
        (version,) = {one.version for one in seen.values()}
        return version

    def _other(self, seen: dict[str, Seen]) -> str:
        return V2 if self._version(seen) == V1 else V1

    def _open_change(self, seen: dict[str, Seen]) -> str | None:
        """The change that put all hosts where they are, if taking it back leads to the other release."""
        found = {one.journal.get("change") for one in seen.values()}
        (change,) = found if len(found) == 1 else (None,)
        leads = {str(one.journal.get("old")).rpartition("-")[0] for one in seen.values()}
        return change if change and leads == {self._other(seen)} else None

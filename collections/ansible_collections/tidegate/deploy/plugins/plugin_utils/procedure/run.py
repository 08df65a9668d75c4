# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run of one ansible-playbook process: which change it works on, how far it is, and whether it may go on.

Workers are forked per task and share nothing but the store; each finds the run by the identity of the process that
forked it, never by a variable that somebody could set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import KEEP, PAUSE, TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import TASKS, Plan, recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import PARTIAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder, run_id
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, HostRow, RunRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import SKIPPED, StepResult

ROLLOUT, RESUME, ROLLBACK, CLOSE, PLAN = "rollout", "resume", "rollback", "close", "plan"
FORWARD = (ROLLOUT, RESUME)
"""The verbs that bring hosts to the release, wave by wave."""

FROM_CHECK = "needed"
"""The mark of a note about a host that speaks of the site's own tasks, not of the service's release."""

HOLDS = (
    "PAUSED",
    "RULES",
    "DOWNGRADE",
    "WINDOW",
    "CLOCK",
    "VETO",
    "REQUEST",
    "SELF",
    "QUORUM",
    "STRENGTH",
    "EXPIRED",
    "KEY",
    "WITHDRAWN",
    "ABSENT",
    "ELSEWHERE",
)
"""The codes of a change that nobody lets go on: its hosts stay as they are, and it waits for somebody."""

_BEFORE_ACTIVATION = (None, "ask", "precheck", "stage", "begin")

TOOK, TIMINGS = "took_ms", "timings"
"""In a note: how long the step took, and what the host measured of it."""


@dataclass(frozen=True)
class Run:
    """A run and the plan that it follows.

    Args:
        store: where it is recorded.
        id: by which workers find it.
        row: the store's row of it.
        plan: what it follows; before the plan is frozen its hosts' previous releases mean nothing.
    """

    store: Store
    id: str
    row: RunRow
    plan: Plan

    @classmethod
    def current(cls, store: Store) -> Run:
        """The run that this process, or the process that forked it, has begun.

        Raises:
            Refusal: NO_CHANGE when it has begun none: a play was entered in the middle.
        """
        last = last_of_process(store)
        if last is None:
            raise Refusal(
                "NO_CHANGE",
                "no change is open in this run; start at the beginning of the playbook, without --start-at-task and tags",
            )
        return cls(store, last.id, last, _plan_of(store, last))

    @property
    def change_id(self) -> str:
        """The change's id; empty before the plan is frozen."""
        return self.row.change_id or ""

    @property
    def verb(self) -> str:
        """What the run was started for."""
        return str(self.row.verb)

    @property
    def doc(self) -> Mapping[str, Any]:
        """What the opening door left for the others."""
        found: Mapping[str, Any] = self.row.doc
        return found

    @property
    def halted(self) -> str:
        """Why nothing more is begun; empty while all goes well."""
        if self.row.state in ("running", "completed"):
            return ""
        return f"{self.row.code}: {self.row.message}" if self.row.code else f"INTERRUPTED: the run is {self.row.state}"

    @property
    def forward(self) -> bool:
        """Whether the run brings hosts to the release."""
        return self.verb in FORWARD

    @cached_property
    def policy(self) -> str:
        """What becomes of the hosts when this rollout stops: one of `file_schema.POLICIES`.

        A change that ended but for a few hosts is caught up: that takes nobody else back. One that nobody lets go on has
        not failed: it waits.
        """
        change = self.store.change(self.change_id) if self.change_id else None
        if change is not None and change.state == PARTIAL:
            return KEEP
        return PAUSE if self.row.code in HOLDS else self.plan.on_failure

    @property
    def fence(self) -> int:
        """The number of the lease that this run holds.

        Raises:
            Refusal: LEASE_LOST when it holds none.
        """
        lease = self.store.lease(self.plan.service, self.plan.environment)
        if lease is None or lease.run_id != self.id:
            raise Refusal("LEASE_LOST", f"this run does not hold the lease of {self.plan.service}; run the verb again")
        return int(lease.number)

    @cached_property
    def rows(self) -> dict[str, HostRow]:
        """What is known of each host, by name, in the order of the plan."""
        return {row.host: row for row in self.store.host_rows(self.id)}

    def known_of(self, host: str) -> Mapping[str, Any]:
        """What a host said last of itself."""
        row = self.store.host_row(self.id, host)
        return (row.doc if row is not None else None) or {}

    @property
    def open_wave(self) -> int | None:
        """The index of the wave that is under way, if one is."""
        opened, closed = self.store.wave_state(self.id)
        return opened - 1 if opened > closed else None

    def reason_to_skip(self, host: str) -> str:
        """Why a step is not begun on a host; empty if it may be.

        A rollout that stopped takes every host back, unless its policy is another one: then those that run the release
        and pass their tests are confirmed, too.
        """
        row = self.store.host_row(self.id, host)
        if self.halted and not self._ends_well(row):
            return f"not started, the rollout stopped with {self.halted.partition(':')[0]}"
        if row is not None and row.verdict in ("failed", "unknown"):
            return f"not started, {row.step} came to {row.verdict}: {row.message}"
        return ""

    def _ends_well(self, row: HostRow | None) -> bool:
        """Whether a host of a rollout that stopped is still tested and confirmed."""
        begun = row is not None and row.step not in _BEFORE_ACTIVATION
        return begun and self.row.live and self.policy != TAKE_BACK

    def is_there(self, host: str) -> bool:
        """Whether a host ran the release before this change: nothing is activated there, and nothing taken back."""
        return self.plan.host(host).previous == self.plan.release_id

    def require_open_wave(self, host: str) -> None:
        """See that a host belongs to the wave that is under way.

        Raises:
            Refusal: WAVE when it does not, or no wave was opened by the availability check.
        """
        index, own = self.open_wave, self.plan.wave_of(host)
        if index is None:
            raise Refusal("WAVE", f"no wave is open: the availability check of wave {own + 1} has not let it through")
        if index != own:
            raise Refusal("WAVE", f"wave {index + 1} of the plan is under way, and {host} belongs to wave {own + 1}")

    def mark_touched(self, host: str, begins_for_s: int | None = None) -> None:
        """Write down that the change may have an effect on a host, before it has.

        Args:
            host: its name.
            begins_for_s: in how many seconds the host goes back by itself, if it begins now and nobody confirms.
        """
        where = _timeless(self.known_of(host)) | ({"begins_for_s": begins_for_s} if begins_for_s else {})
        self.store.note(self.id, host, "begin", "ok", None, "the change is there, or begins", where, True)

    def record(
        self, host: str, result: StepResult, touched: bool | None = None, took_ms: int | None = None
    ) -> StepResult:
        """Write down what a step came to, and stop the rollout when that exceeds the failure budget.

        Args:
            host: on which.
            result: what it came to.
            touched: whether the change may have had an effect there; None leaves what is known.
            took_ms: how long the step took.
        """
        if result.verdict == SKIPPED:
            return result
        where = _timeless(result.where or self.known_of(host)) | _times(result, took_ms)
        if self.plan.payload == TASKS and FROM_CHECK not in where:
            where = _beside_tasks(self.known_of(host), where)
        self.store.note(
            self.id, host, result.step, result.verdict, result.code or None, result.say, where, touched=touched
        )
        if result.bad and self.forward and self.open_wave is not None:
            self._halt_over_budget(host, result)
        return result

    def _halt_over_budget(self, host: str, result: StepResult) -> None:
        if len(self.store.bad_hosts(self.id)) > self.plan.budget:
            self.store.halt(self.id, result.code or "BUDGET", f"{host}: {result.say}")


def _times(result: StepResult, took_ms: int | None) -> dict[str, Any]:
    """How long a step took, and how long parts of it took on the host."""
    of_host = result.data.get(TIMINGS)
    return {**({} if took_ms is None else {TOOK: took_ms}), **({TIMINGS: dict(of_host)} if of_host else {})}


def _timeless(where: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a host, without how long the step before took."""
    return {key: value for key, value in where.items() if key not in (TOOK, TIMINGS)}


def _beside_tasks(known: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a host's account of its service: whether the tasks are there only their check can say."""
    of_tasks = {key: known.get(key) for key in ("state", "current", "change", "reverted_change", FROM_CHECK)}
    return {**said, **of_tasks, "serving": said.get("current")}


def last_of_process(store: Store) -> RunRow | None:
    """The last run that this process, or the process that forked it, has begun; one playbook may roll out several."""
    found = None
    for identity in _identities():
        row = store.run(identity)
        if row is None:
            break
        found = row
    return found


def next_identity(store: Store) -> str:
    """The id of the next run of this process.

    Raises:
        Refusal: LEASE when its last one has not ended.
    """
    last = last_of_process(store)
    if last is not None and last.live:
        raise Refusal("LEASE", f"this playbook works on {last.change_id or 'a change'} already; close it first")
    return next(identity for identity in _identities() if store.run(identity) is None)


def _identities() -> Iterator[str]:
    holder = current_run_holder()
    yield run_id(holder)
    for number in count(2):
        yield run_id(holder, str(number))


def change_of(store: Store, identity: str | None) -> ChangeRow:
    """The store's row of a change that somebody named.

    Raises:
        Refusal: NO_CHANGE when there is none, or none was named.
    """
    if not identity:
        raise Refusal("NO_CHANGE", "tidegate_change was not given; name a change with -e tidegate_change=CHG-…")
    change = store.change(identity)
    if change is None:
        raise Refusal(
            "NO_CHANGE", f"{identity}: the store {store.name} knows no such change; tidegate.deploy.status lists them"
        )
    return change


def _plan_of(store: Store, row: RunRow) -> Plan:
    if row.change_id and row.revision:
        planned = store.plan_bytes(row.change_id, row.revision)
        if planned is None:
            raise Refusal("NO_CHANGE", f"the store has no revision {row.revision} of {row.change_id}")
        return recorded(planned)
    return Plan(row.doc["plan"])

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run begins, how its plan is frozen, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import in_force
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.difference import difference
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import UNKNOWN, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import COMPLETED, PARTIAL, PAUSED, TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder, is_dead
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, onward, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Draft
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import (
    CLOSE,
    FORWARD,
    PLAN,
    RESUME,
    ROLLBACK,
    ROLLOUT,
    Run,
    change_of,
    next_identity,
)

LEASE_TTL_S = 900
"""Seconds without any note after which a lease may be taken over, at least; each step on a host renews it."""


TASKS_TTL_S = 4 * 3600
"""The same where the site's own tasks run: nobody knows how long one of them takes, and none renews it."""


@dataclass(frozen=True)
class Frozen:
    """What freezing a plan came to.

    Attributes:
        run: the run, now bound to a change.
        notes: what is to be said about it.
        done: every host runs the release already; there is nothing to roll out.
    """

    run: Run
    notes: list[str]
    done: bool


def begin(store: Store, verb: str, drafted: Draft, source: str, expected: str | None) -> None:
    """Begin the run of this process with a draft.

    Args:
        store: where it is recorded.
        verb: what it is for.
        drafted: from the change file.
        source: the change file's path.
        expected: the id of the change that the draft must be, when it was named.

    Raises:
        Refusal: NOT_OPEN; DRIFT when the draft is not what was planned; PAUSED when a change of the service waits for a
            decision; LEASE when the service is being rolled out.
    """
    if expected:
        _require_as_planned(change_of(store, expected), drafted.plan)
    if verb == ROLLOUT:
        for change in store.open_changes(drafted.plan.service, drafted.plan.environment):
            onward.require_not_paused(change)
    _begin(store, verb, drafted, source, expected or drafted.pinned)


def begin_again(store: Store, change: ChangeRow) -> Run:
    """Begin to go on with a change that is paused, or that left hosts behind: by the plan that was frozen, unread.

    Args:
        store: where it is recorded.
        change: the store's row of it.

    Raises:
        Refusal: NOT_OPEN when it is neither; CATCH_UP; LEASE when the service is being rolled out.
    """
    if states.resting(change) not in (PAUSED, PARTIAL):
        raise Refusal(
            "NOT_OPEN",
            f"{change.id} is {change.state}, expected paused or partial; what is planned or was interrupted goes on "
            "with rollout, what has ended stays as it is",
        )
    plan = plans.recorded(change.plan_bytes)
    if change.state == PARTIAL:
        onward.require_in_time(store, change, plan.catch_up_for_s)
    paths = [run.doc["artifact_path"] for run in store.runs(change.id) if (run.doc or {}).get("artifact_path")]
    _begin(store, RESUME, Draft(plan, paths[-1] if paths else "", None), change.source, change.id)
    return Run.current(store)


def begin_closing(store: Store, change: ChangeRow, reason: str) -> Run:
    """Begin to end a change as it stands, and take the lease, so that nobody works on it meanwhile.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        reason: why, in the words of whoever ends it.

    Raises:
        Refusal: NOT_OPEN when it has ended; LEASE when the service is being rolled out.
    """
    if change.state in states.TERMINAL:
        raise Refusal("NOT_OPEN", f"{change.id} is {change.state}: it has ended already, there is nothing to close")
    store.bury(is_dead)
    holder = current_run_holder()
    waves = plans.recorded(change.plan_bytes).waves
    store.require_free(change.service, change.environment, is_dead)
    identity = next_identity(store)
    store.begin_run(identity, change.id, change.revision, CLOSE, holder, waves, lease=True, doc={"reason": reason})
    return leased(Run.current(store))


def _begin(store: Store, verb: str, drafted: Draft, source: str, expected: str | None) -> None:
    store.bury(is_dead)
    identity = next_identity(store)
    store.require_free(drafted.plan.service, drafted.plan.environment, is_dead)
    holder = current_run_holder()
    doc = {
        "plan": drafted.plan.doc,
        "artifact_path": drafted.artifact_path,
        "source": source,
        "expected": expected,
    }
    store.begin_run(identity, None, None, verb, holder, drafted.plan.waves, lease=verb in FORWARD, doc=doc)


def begin_way_back(store: Store, change: ChangeRow) -> Run:
    """Begin a rollback by the run of this process, and take the lease, whoever holds it.

    Going back waits for nobody: a rollout that is under way elsewhere is stopped, and hosts refuse its older number.

    Args:
        store: where it is recorded.
        change: the store's row of the change.
    """
    store.bury(is_dead)
    holder = current_run_holder()
    waves = plans.recorded(change.plan_bytes).waves
    store.begin_run(next_identity(store), change.id, change.revision, ROLLBACK, holder, waves, lease=True)
    return leased(Run.current(store), is_gone=lambda _holder: True)


def leased(run: Run, is_gone: Callable[[dict[str, Any]], bool] = is_dead) -> Run:
    """The run, once it holds the lease of its service.

    Args:
        run: that begins.
        is_gone: whether the lease may be taken from a holder.

    Raises:
        Refusal: LEASE when another run holds it.
    """
    plan = run.plan
    longest_s = max(Definition.parse(definition).deadline_s() for definition in plan.doc["definitions"].values())
    ttl_s = max(LEASE_TTL_S, 3 * longest_s, TASKS_TTL_S if plan.files else 0)
    run.store.take_lease(plan.service, plan.environment, run.id, current_run_holder(), ttl_s, is_gone)
    return Run.current(run.store)


def lets_out(run: Run) -> Run:
    """The run, once it holds the lease and its change is being implemented.

    Raises:
        Refusal: LEASE when another run holds it; CLOSED when its approvals are used up; whatever keeps the change from beginning.
    """
    held = leased(run)
    if run.plan.rules is not None:
        statement = in_force(run.store, change_of(run.store, run.change_id), run.store.latest())
        run.store.use_approvals(statement.id, run.change_id, run.id, statement.doc["max_attempts"], TERMINAL)
    moving.move(run.store, run.change_id, "begin")
    return held


def _require_as_planned(change: ChangeRow, drafted: Plan) -> None:
    if change.closed_at is not None and change.state != PARTIAL:
        raise Refusal(
            "NOT_OPEN",
            f"{change.id} is {change.state}; roll its file out again with -e tidegate_change_file={change.source}, which "
            "opens a new change",
        )
    planned = plans.recorded(change.plan_bytes)
    if planned.content_digest != drafted.content_digest:
        differs = "; ".join(difference(planned, drafted))
        raise Refusal(
            "DRIFT",
            f"{change.id} was planned otherwise than its files say now: {differs}; plan it again with "
            f"-e tidegate_change_file={change.source}",
        )


def freeze(run: Run, year: int) -> Frozen:
    """Freeze the plan of a run with what its hosts run now: the open change of the same content, or a new one.

    Args:
        run: begun with a draft, its hosts looked at.
        year: of a new change's id.
    """
    now_on = {name: (row.doc or {}) for name, row in run.rows.items()}
    release = run.plan.release_id
    change = _same_open_change(run) or _left_behind(run, now_on)
    if change is not None and run.verb == PLAN:
        onward.require_not_paused(change)
    if change is None and all(where.get("current") == release for where in now_on.values()):
        return _bind_to_done(run, year)
    if change is None:
        plan = _as_found(run, {name: where.get("current") for name, where in now_on.items()})
        return Frozen(_with_new_change(run, plan, year), [], False)
    return _resumed(run, change, now_on)


def _same_open_change(run: Run) -> ChangeRow | None:
    if run.doc["expected"]:
        change = run.store.change(run.doc["expected"])
        return change if change is not None and (change.closed_at is None or change.state == PARTIAL) else None
    opened = run.store.open_changes(run.plan.service, run.plan.environment)
    same = [row for row in opened if row.content_digest == run.plan.content_digest]
    if same:
        return same[-1]
    # Changed content of the same change file is a new revision of the change that it opened.
    return next((row for row in reversed(opened) if row.source == run.doc["source"]), None)


def _left_behind(run: Run, now_on: Mapping[str, Mapping[str, Any]]) -> ChangeRow | None:
    """The partial change of the same content, unless what its hosts run shows that something has followed it."""
    partial = run.store.latest_change(run.plan.service, run.plan.environment, PARTIAL)
    if partial is None or partial.content_digest != run.plan.content_digest:
        return None
    return None if _moved(plans.recorded(partial.plan_bytes), partial, now_on) else partial


def _moved(planned: Plan, change: ChangeRow, now_on: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts that run neither what the change put there nor what they were planned to run before, in words."""
    lines = []
    for host in planned.hosts:
        where = now_on.get(host.name, {})
        current = where.get("current")
        expected = current in (None, host.previous) or host.previous == UNKNOWN or _is_ours(where, change, planned)
        if not expected:
            lines.append(f"{host.name} runs {current}, planned was {host.previous}")
    return lines


def _answered(planned: Plan, now_on: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts that were silent when the plan was made and now say what they run, in words."""
    found = {host.name: now_on.get(host.name, {}).get("current") for host in planned.hosts if host.previous == UNKNOWN}
    return [
        f"{name} runs {current}, and was silent when this was planned" for name, current in found.items() if current
    ]


def _enrolled_since(planned: Plan, uids: Mapping[str, str]) -> list[str]:
    """The hosts that were enrolled, anew or no longer, since the plan was made, in words: each demands a permit of its own."""
    return [
        f"{host.name} is enrolled {f'as {uids[host.name][:8]}' if host.name in uids else 'no longer'}, and was "
        f"{f'as {host.uid[:8]}' if host.uid else 'not'} when this was planned"
        for host in planned.hosts
        if host.uid != uids.get(host.name, "")
    ]


def _is_ours(where: Mapping[str, Any], change: ChangeRow, plan: Plan) -> bool:
    """Whether a host runs the release because the change has put it there."""
    return where.get("change") == change.id and where.get("current") == plan.release_id


def _resumed(run: Run, change: ChangeRow, now_on: Mapping[str, Mapping[str, Any]]) -> Frozen:
    planned = plans.recorded(change.plan_bytes)
    ours = {name for name in run.plan.host_names if _is_ours(now_on[name], change, run.plan)}
    moved = [f"changed: {line}" for line in difference(planned, run.plan)] + _moved(planned, change, now_on)
    _require_unmoved(run.store, change, planned, moved)
    notes = moved + _answered(planned, now_on) + _enrolled_since(planned, _uids(run))
    for name in ours:
        run.mark_touched(name)
    if not notes:
        return Frozen(_bound(run, change.id, change.revision), _progress_notes(run, now_on), False)
    before = {name: planned.host(name).previous for name in run.plan.host_names if name in planned.host_names}
    plan = _as_found(
        run,
        {
            name: before.get(name) if name in ours else now_on[name].get("current") or before.get(name)
            for name in run.plan.host_names
        },
    )
    revised = moving.decider(run.store, change, "edit")
    revision = run.store.add_revision(change.id, plan.content_digest, canonical.dumps(plan.doc), revised)
    return Frozen(_bound(run, change.id, revision), [f"revision {revision}", *notes], False)


def _require_unmoved(store: Store, change: ChangeRow, planned: Plan, notes: list[str]) -> None:
    """See that a change that has begun goes on as it was planned, and in time.

    Raises:
        Refusal: DRIFT; CATCH_UP.
    """
    if states.resting(change) in states.WAITING:
        return
    if notes:
        raise Refusal(
            "DRIFT",
            f"{change.id} is {change.state}, and the world differs from its plan: {'; '.join(notes)}; mend that, or take the "
            "change back with rollback, or end it with close",
        )
    if change.state == PARTIAL:
        onward.require_in_time(store, change, planned.catch_up_for_s)


def _progress_notes(run: Run, now_on: Mapping[str, Mapping[str, Any]]) -> list[str]:
    there = [name for name, where in now_on.items() if where.get("current") == run.plan.release_id]
    return [f"resumed: {len(there)} of {len(now_on)} hosts are on the release already"] if there else []


def _bind_to_done(run: Run, year: int) -> Frozen:
    release = run.plan.release_id
    done = run.store.latest_change(run.plan.service, run.plan.environment, COMPLETED)
    if done is not None and done.content_digest == run.plan.content_digest:
        return Frozen(_bound(run, done.id, done.revision), [f"every host runs {release} already: nothing to do"], True)
    plan = _as_found(run, dict.fromkeys(run.plan.host_names, release))
    return Frozen(_with_new_change(run, plan, year), [f"every host runs {release} already"], False)


def _with_new_change(run: Run, plan: Plan, year: int) -> Run:
    """The run, bound to a new change; ids that hosts remember of a store that was lost are not given again."""
    remembered = [seen for row in run.rows.values() for seen in (row.doc or {}).get("remembers", ())]
    change_id, revision = run.store.new_change(
        plan.service,
        plan.environment,
        plan.content_digest,
        canonical.dumps(plan.doc),
        run.doc["source"],
        run.doc["expected"],
        year,
        remembered,
    )
    return _bound(run, change_id, revision)


def _as_found(run: Run, previous: Mapping[str, str | None]) -> Plan:
    """The plan of a run, with what its hosts run and under which uid they are enrolled."""
    uids = _uids(run)
    return run.plan.as_found(
        previous, uids, trusting.newest(run.store, run.plan.environment, run.store.latest()) if uids else 0
    )


def _uids(run: Run) -> dict[str, str]:
    """The uids of the enrolled hosts of a run: what each said, or of one that was silent what the store knows."""
    found = {}
    for name, row in run.rows.items():
        said = (row.doc or {}).get("uid")
        known = run.store.enrolled(name) if said is None else None
        found[name] = (known.uid if known else "") if said is None else str(said)
    return {name: uid for name, uid in found.items() if uid}


def _bound(run: Run, change_id: str, revision: int) -> Run:
    run.store.bind_run(run.id, change_id, revision)
    return Run.current(run.store)

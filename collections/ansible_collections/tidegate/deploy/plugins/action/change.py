# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import emergency_ids
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import file as change_file
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ABSENT, PLAYBOOK, Plan, recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.retained import Holding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.approval import export_text, request_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.outlook import outlook_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    deciding,
    keeping,
    opening,
    own_tasks,
    requesting,
    reviewing,
    signing,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand, ask_all
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.deciding import DECISIONS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Draft, draft
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.host_witnesses import enrolled_names
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import run_command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import (
    FAILED,
    UNKNOWN,
    StepResult,
    where_it_stands,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import (
    CLOSE,
    PLAN,
    RESUME,
    ROLLBACK,
    ROLLOUT,
    Run,
    change_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import drop_scratch, now


class ActionModule(RecordDoor):
    """Open a change for this run: read its file and the inventory, or take up one that was planned."""

    STEP = "change"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "verb": {"type": "str", "choices": [PLAN, ROLLOUT, RESUME, ROLLBACK, CLOSE, *DECISIONS], "required": True},
        "file": {"type": "str"},
        "id": {"type": "str"},
        "reason": {"type": "str"},
        "statement": {"type": "str"},
        **signing.ARGUMENTS,
    }

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return super().perform(arguments)
        except Refusal as refusal:
            Display().display(refusal_text(refusal))
            if self.check:
                drop_scratch()
            raise

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return self._done(store, arguments)
        except Refusal as refusal:
            self.deny(store, refusal, arguments.get("id"))
            raise

    def _done(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        verb, file, identity = arguments["verb"], arguments.get("file"), arguments.get("id")
        if file and identity:
            raise Refusal("DATA", f"found both a change file, {file}, and a change, {identity}; name one of them")
        if verb not in (PLAN, ROLLOUT) and file:
            raise Refusal("DATA", f"found a change file, {file}; {verb} works on a change: -e tidegate_change=CHG-…")
        if verb != ROLLBACK:
            self.require_kept(store)
        if verb in (RESUME, ROLLBACK):
            change = change_of(store, identity)
            _require_ours(recorded(change.plan_bytes), change.id)
            if verb == RESUME:
                return self._opened(opening.begin_again(store, change), "goes on")
            own_tasks.require_way_back(store, change, store.latest())
            return self._opened(self._asked_all(opening.begin_way_back(store, change)), "goes back")
        if verb == CLOSE:
            run = opening.begin_closing(store, change_of(store, identity), _reason(arguments.get("reason")))
            return self._opened(self._asked_all(run), "ends as it stands")
        if verb == deciding.REVIEW and arguments.get("statement"):
            return self._reviewed_elsewhere(store, str(arguments["statement"]), arguments.get("reason"))
        if verb in DECISIONS:
            return self._decided(store, change_of(store, identity), arguments)
        source = _source(store, file, identity)
        drafted = self._draft(store, source)
        if verb != PLAN:
            _require_ours(drafted.plan, identity or "CHG-…")
        opening.begin(store, verb, drafted, source, identity)
        plan = drafted.plan
        return StepResult(
            self.STEP,
            "ok",
            f"{plan.service} {plan.release_id} for {len(plan.hosts)} hosts in {plan.environment}",
            data={"service": plan.service, "release": plan.release_id, "hosts": list(plan.host_names)},
        )

    def _decided(self, store: Store, change: ChangeRow, arguments: Mapping[str, Any]) -> StepResult:
        """A decision about a change, which needs no run and no host."""
        verb, reason = arguments["verb"], arguments.get("reason")
        plan = recorded(change.plan_bytes)
        government = Government(self, host_of(self, plan))
        by, moment = government.governed, store.latest()
        exported = self._requested(store, change, arguments, government) if verb == deciding.SUBMIT else ""
        say = exported or deciding.decide(store, change, verb, reason, by, moment)
        emergencies = emergency_ids(store, change.id) if verb == deciding.REVIEW and not self.check else set()
        if emergencies:
            waiting, silent = reviewing.waiting(self, store, plan.enrolled, emergencies)
            say += self._shown(store, waiting, silent, str(reason))
        found = outlook_of(store, change_of(store, change.id), by, moment)
        Display().display(outlook_text(found, say))
        if found.state in TERMINAL:
            self.sign_off(store, change.id)
        if self.check:
            drop_scratch()
        data = {"service": plan.service, "release": plan.release_id, "hosts": list(plan.host_names)}
        return StepResult(self.STEP, "ok", say, changed=not exported, data={**data, "outlook": found.doc()})

    def _requested(self, store: Store, change: ChangeRow, arguments: Mapping[str, Any], government: Government) -> str:
        """Record the signature of whoever wants a change, where hosts demand it or a key is named; or say where it was exported."""
        enrolled = recorded(change.plan_bytes).enrolled
        if not enrolled and not any(arguments.get(name) for name in signing.ARGUMENTS):
            return ""
        by = government.governed
        request = requesting.ask(store, change, by, store.latest())
        Display().display(request_text(request, change, self.store_path))
        if self.check:
            return ""
        if arguments.get("export"):
            plan_file = exchange.export(request, change.plan_bytes, arguments["export"])
            told = (arguments["export"], plan_file, request.namespace, deciding.SUBMIT, change.id)
            Display().display(export_text(*told))
            return f"{change.id} is in {arguments['export']}; nothing was decided"
        keys = by.people.by_name[request.requester].keys
        signature = signing.signature_of(arguments, request.data, request.namespace, keys, deciding.SUBMIT, change.id)
        trust = government.trust if enrolled and government.has_trust else None
        requesting.record(store, change, request, signature, by, store.latest(), trust)
        return ""

    def _reviewed_elsewhere(self, store: Store, statement: str, reason: str | None) -> StepResult:
        """The review of an emergency whose change is another store's, or that some hosts were not shown yet."""
        words = deciding.reason_of(deciding.REVIEW, reason)
        names = enrolled_names(store, self.task_vars["hostvars"])
        found, silent = reviewing.waiting(self, store, names, [statement])
        reviewing.require_due(store, found, silent, statement)
        if self.check:
            drop_scratch()
            return StepResult(self.STEP, "ok", f"{', '.join(found)} would be shown the review")
        shown = self._shown(store, found, silent, words)
        return StepResult(self.STEP, "ok", f"the review of {statement} is recorded{shown}", changed=True)

    def _shown(self, store: Store, found: Mapping[str, Any], silent: Mapping[str, Said], reason: str) -> str:
        """Show a review to the hosts that wait for it; one that was not shown it refuses the next emergency."""
        bad = dict(silent)
        if found:
            done = reviewing.show(self, store, found, reason)
            self.sign_off(store)
            bad |= done.bad
        for host, said in bad.items():
            Display().warning(
                f"{host} was not shown the review, and lets no other emergency through until it is: {said.code}: {said.message}; "
                "tidegate.deploy.status tells what to type then"
            )
        good = [host for host in found if host not in bad]
        return f"; shown to {', '.join(good)}" if good else ""

    def _asked_all(self, run: Run) -> Run:
        """The run, with what each of its hosts says right now; nobody asks those of a playbook of the site's own."""
        if run.plan.payload == PLAYBOOK:
            return run
        definitions = {host.name: host.definition for host in run.plan.hosts}
        for host, stand in ask_all(self, definitions, also_undeployed=own_tasks.carried(run)).items():
            run.record(host, _asked(stand))
        return run

    def _opened(self, run: Run, what: str) -> StepResult:
        return StepResult(
            self.STEP,
            "ok",
            f"{run.change_id or run.doc['expected']} {what} on {len(run.plan.hosts)} hosts",
            data={"service": run.plan.service, "release": run.plan.release_id, "hosts": list(run.plan.host_names)},
        )

    def _draft(self, store: Store, source: str) -> Draft:
        cache = None if self.check else Path(store.folder) / "cache"
        change = change_file.read(source)

        def held(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, Holding]:
            stands = ask_all(self, definitions, retained=change.release)
            return {name: Holding(one.service.get("retained", ()), one.why_unknown) for name, one in stands.items()}

        drafted = draft(change, inventory_of(self), cache, held)
        keeping.keep(store, drafted, now())
        return drafted


def _require_ours(plan: Plan, change_id: str) -> None:
    """See that a change is one that Tidegate rolls out and takes back.

    Raises:
        Refusal: UNSUPPORTED, it is a playbook of the site's own; with what to do instead.
    """
    if plan.payload == PLAYBOOK:
        raise Refusal(
            "UNSUPPORTED",
            "this change is a playbook of yours, which Tidegate neither rolls out nor takes back: plan it, run it with "
            f"{run_command(plan, change_id)}, and end it with close",
        )


def _asked(stand: Stand) -> StepResult:
    """What a host said before its way back: those that do not serve go first."""
    where = where_it_stands(stand.service)
    if stand.why_unknown:
        return StepResult("ask", UNKNOWN, stand.why_unknown, code="UNREACHABLE", where=where)
    if stand.why_down and stand.service["current"] != ABSENT:
        return StepResult("ask", FAILED, stand.why_down, code="PRECHECK", where=where)
    return StepResult("ask", "ok", f"on {stand.service['current']}", where=where)


def _reason(text: str | None) -> str:
    """Why somebody ends a change as it stands, on one line.

    Raises:
        Refusal: DATA when nobody says why.
    """
    words = " ".join((text or "").split())
    if not words:
        raise Refusal(
            "DATA",
            "tidegate_reason: found nothing, expected why the change ends as it stands, for example "
            "-e \"tidegate_reason='the next release mends it'\"",
        )
    return words


def _source(store: Store, file: str | None, identity: str | None) -> str:
    if file:
        return str(Path(file).resolve())
    if not identity:
        raise Refusal(
            "NO_CHANGE",
            "neither tidegate_change_file nor tidegate_change was given; name a change file with "
            "-e tidegate_change_file=changes/….yml or a planned change with -e tidegate_change=CHG-…",
        )
    return str(change_of(store, identity).source)

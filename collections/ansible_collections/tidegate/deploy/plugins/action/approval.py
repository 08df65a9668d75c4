# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange, ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.approval import (
    asked_text,
    export_text,
    export_veto_text,
    veto_text,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.outlook import outlook_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    approving,
    given_elsewhere,
    signing,
    vetoing,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import APPROVE, REJECT, VERBS, Asked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import refuse_limit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of


class ActionModule(WholeVerb):
    """Show what is to be decided about a change, and record the decision of whoever signs it."""

    STEP = "approval"
    REFUSAL_TEXT = staticmethod(refusal_text)
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "verb": {"type": "str", "choices": list(VERBS), "default": APPROVE},
        "id": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        **signing.ARGUMENTS,
        "evidence": {"type": "str"},
        "statement": {"type": "path"},
    }

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        return self._without_store(arguments) if arguments.get("statement") else super().perform(arguments)

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        change, now = change_of(store, arguments.get("id")), store.latest()
        self.require_kept(store)
        government = Government(self, host_of(self, recorded(change.plan_bytes)))
        by = government.governed
        asked = approving.ask(store, change, arguments["verb"], arguments["reason"], by, now)
        Display().display(asked_text(asked, self.store_path))
        if self.check:
            return self._said(
                asked, f"this is what {asked.verb} would sign; nothing was written", asked.change.state, ""
            )
        if arguments.get("export"):
            return self._exported(asked, arguments["export"])
        if arguments.get("evidence"):
            decided = given_elsewhere.take(store, asked, arguments["evidence"], by, store.latest())
        else:
            statement = asked.statement
            signature = signing.signature_of(
                arguments, statement.data, statement.namespace, by.people.keys, asked.verb, change.id
            )
            trust = government.trust if government.has_trust else None
            decided = approving.decide(store, asked, signature, by, store.latest(), trust)
            if asked.verb == REJECT:
                self._push(asked, signature)
        again = "" if decided.new else " (as before)"
        what = f"{change.id}: {asked.verb} by {by.people.called(decided.person)}{again}"
        Display().display(outlook_text(outlook_of(store, change_of(store, change.id), by, store.latest()), what))
        if decided.state in TERMINAL:
            self.sign_off(store, change.id)
        missing = f", missing {decided.standing.missing}" if decided.standing.missing else ""
        say = f"{what}; it is {decided.state}{missing}"
        return self._said(asked, say, decided.state, decided.person, changed=decided.new)

    def _push(self, asked: Asked, signature: Signature) -> None:
        """Tell enrolled hosts of a veto; one that cannot be told is granted nothing by the store, either."""
        told = vetoing.push(self, recorded(asked.change.plan_bytes).enrolled, asked.statement, signature)
        if told.good:
            Display().display(
                f"tidegate: told {', '.join(told.good)}, which refuse {asked.change.id} by themselves now"
            )
        for host, said in told.bad.items():
            Display().warning(
                f"{host} was not told of the veto: {said.code}: {said.message}; the store grants nothing for it"
            )

    def _without_store(self, arguments: Mapping[str, Any]) -> StepResult:
        """Have the hosts of an exported statement refuse what it is about; no store is asked, and none is told."""
        refuse_limit()
        statement = vetoing.of_arguments(arguments)
        hosts = vetoing.enrolled_in(statement)
        Display().display(veto_text(statement, hosts))
        data = {"change": statement.change, "state": "", "person": "", "hosts": {}}
        data |= {"statement": statement.id, "plan_digest": statement.plan}
        if self.check or not hosts:
            say = "nothing was written" if hosts else "no host that it names was enrolled, so none refuses by itself"
            return StepResult(self.STEP, OK, f"{statement.change}: {say}", data=data)
        if arguments.get("export"):
            exchange.write(statement.data, arguments["export"])
            Display().display(export_veto_text(arguments["export"], statement))
            return StepResult(self.STEP, OK, f"{statement.change}: nothing was decided", data=data)
        people = Government(self).people
        signature = signing.signature_of(
            arguments, statement.data, statement.namespace, people.keys, REJECT, statement.change
        )
        person = approving.person_of(signature, statement, people)
        ssh_keygen.require_valid(signature, statement.namespace, statement.data)
        done = vetoing.push(self, hosts, statement, signature)
        data |= {"person": person, "hosts": {host: one.verdict for host, one in done.said.items()}}
        refuse = f"refuse {statement.change} by themselves now"
        short = done.fell_short(self.STEP, f"{refuse}, the others let it through to whoever shows them a permit", data)
        if short is not None:
            return short
        say = f"{', '.join(hosts)} {refuse}, by the word of {people.called(person)}; no store was told"
        return StepResult(self.STEP, OK, say, changed=bool(done.changed), data=data)

    def _exported(self, asked: Asked, file: str) -> StepResult:
        plan_file = exchange.export(asked.statement, asked.change.plan_bytes, file)
        statement = asked.statement
        told = (file, plan_file, statement.namespace, asked.verb, asked.change.id, str(statement.doc["reason"]))
        Display().display(export_text(*told))
        return self._said(asked, f"{asked.change.id} is in {file}; nothing was decided", asked.change.state, "")

    def _said(self, asked: Asked, say: str, state: str, person: str, changed: bool = False) -> StepResult:
        return StepResult(
            self.STEP,
            "ok",
            say,
            changed=changed,
            data={
                "change": asked.change.id,
                "state": state,
                "person": person,
                "statement": asked.statement.id,
                "plan_digest": asked.statement.plan,
            },
        )

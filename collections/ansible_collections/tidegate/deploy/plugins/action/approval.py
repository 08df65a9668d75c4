# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange, ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.approval import asked_text, export_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import approving, given_elsewhere
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import APPROVE, VERBS, Asked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of


class ActionModule(WholeVerb):
    """Show what is to be decided about a change, and record the decision of whoever signs it."""

    STEP = "approval"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "verb": {"type": "str", "choices": list(VERBS), "default": APPROVE},
        "id": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "key": {"type": "path"},
        "sign": {"type": "bool", "default": False},
        "export": {"type": "path"},
        "signature": {"type": "path"},
        "evidence": {"type": "str"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return self._decided(store, arguments)
        except Refusal as refusal:
            self.deny(store, refusal, arguments.get("id"))
            Display().display(refusal_text(refusal))
            raise

    def _decided(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        change, now = change_of(store, _named(arguments.get("id"))), store.latest()
        by = Government(self, recorded(change.plan_bytes).host_names[0]).governed
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
            signature = self._signature(asked, arguments, by.people.keys)
            decided = approving.decide(store, asked, signature, by, store.now())
        again = "" if decided.new else " (as before)"
        missing = f", missing {decided.standing.missing}" if decided.standing.missing else ""
        say = f"{change.id}: {asked.verb} by {by.people.called(decided.person)}{again}; it is {decided.state}{missing}"
        return self._said(asked, say, decided.state, decided.person, changed=decided.new)

    def _exported(self, asked: Asked, file: str) -> StepResult:
        plan_file = exchange.export(asked.statement, asked.change.plan_bytes, file)
        told = export_text(file, plan_file, asked.statement.namespace, asked.verb, asked.change.id)
        Display().display(told)
        return self._said(asked, f"{asked.change.id} is in {file}; nothing was decided", asked.change.state, "")

    def _signature(self, asked: Asked, arguments: Mapping[str, Any], keys: Mapping[str, Any]) -> Signature:
        if arguments.get("signature"):
            return exchange.handed_in(arguments["signature"])
        if not arguments["sign"]:
            self._require_yes(asked)
        statement = asked.statement
        if arguments.get("key"):
            return ssh_keygen.sign(statement.data, statement.namespace, arguments["key"])
        return ssh_keygen.sign_with_agent(statement.data, statement.namespace, keys)

    def _require_yes(self, asked: Asked) -> None:
        """Ask whoever sits at the terminal.

        Raises:
            Refusal: SIGNING, they did not say yes, or nobody sits there.
        """
        try:
            said = Display().prompt_until(f"{asked.verb} {asked.change.id}, and sign that with your key? Type yes:")
        except AnsibleError:
            raise Refusal(
                "SIGNING",
                f"{asked.change.id}: there is no terminal to ask at; say -e tidegate_sign=true to sign what is shown",
            ) from None
        if bytes(said).strip() != b"yes":
            raise Refusal("SIGNING", f"{asked.change.id}: nobody said yes; nothing was signed")

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


def _named(identity: str | None) -> str:
    if not identity:
        raise Refusal("NO_CHANGE", "tidegate_change was not given; name a change with -e tidegate_change=CHG-…")
    return identity

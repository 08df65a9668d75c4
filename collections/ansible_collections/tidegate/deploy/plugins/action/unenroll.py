# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.unenroll."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.trust import unenroll_text, unenrolled_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import signing, trusting, unenrolling
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, Said, everywhere
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.unenrolling import Paper


class ActionModule(WholeVerb):
    """Let hosts stop refusing, because enough people have signed that; services run on."""

    STEP = "unenroll"
    REFUSAL_TEXT = staticmethod(refusal_text)
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "environment": {"type": "str"},
        "hosts": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "statement": {"type": "path"},
        **{name: signing.ARGUMENTS[name] for name in ("key", "sign", "signature")},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        if not arguments.get("statement"):
            raise Refusal(
                "DATA",
                "found no file for what is signed, expected -e tidegate_statement=FILE; it is made where it is not",
            )
        self.require_kept(store)
        inventory, now = inventory_of(self), store.latest()
        environment = trusting.environment_of(inventory, arguments.get("environment"))
        bundle = trusting.require_in_force(store, environment, now)[-1].bundle
        paper = unenrolling.paper(store, inventory, bundle, arguments, now, self.check)
        if not self.check and any(arguments[one] for one in ("key", "sign", "signature")):
            paper = unenrolling.signed(paper, bundle, arguments, now)
        Display().display(unenroll_text(paper))
        if not paper.standing.granted:
            say = f"nothing was changed: missing {paper.standing.missing}"
            return StepResult(self.STEP, OK, say, data={"hosts": {}, "missing": paper.standing.missing})
        return self._result(self._asked(store, paper))

    def _asked(self, store: Store, paper: Paper) -> dict[str, Said]:
        requests = dict.fromkeys(paper.hosts, paper.request)
        done = everywhere(self, self.STEP, requests, installs=False, store=store)
        if not self.check:
            for host in Done(done).good:
                store.unenroll_host(host, paper.digest)
        self.sign_off(store)
        Display().display(unenrolled_text(done, self.check))
        return done

    def _result(self, said: Mapping[str, Said]) -> StepResult:
        done = Done(said)
        data = {"hosts": done.of_each("removed", "left"), "missing": ""}
        short = done.fell_short(self.STEP, "are no longer enrolled", data)
        if short is not None:
            return short
        word = "would be" if self.check else "are"
        say = f"{len(done.good)} hosts {word} no longer enrolled; take tidegate_enrolled out of the inventory for them"
        return StepResult(self.STEP, OK, say, changed=bool(done.changed), data=data)

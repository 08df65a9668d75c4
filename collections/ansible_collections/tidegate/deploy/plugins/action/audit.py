# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import exports, signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import Audited, audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.audit import audit_text, first_bad, verdict_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import host_witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.signing_off import (
    WITNESSES,
    known_key,
    replace_lost,
    rotate,
    sign_off,
)


class ActionModule(WholeVerb):
    """Prove the ledger from its first entry on, and write an export for an outsider. Fails unless all is as it was."""

    STEP = "audit"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "export": {"type": "path"},
        "rotate_key": {"type": "bool", "default": False},
        "key_lost": {"type": "bool", "default": False},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        setting = plain(self.templated(WITNESSES))
        replaces = _replaces(arguments)
        seen = host_witnesses.ask(self, store, self.task_vars["hostvars"])
        found = audit_store(store, witnesses.places(setting), signing.verify, _tell, known_key(store), seen.notes)
        found.findings.extend(seen.findings)
        warnings = list(seen.silent)
        if not self.check and not found.findings and found.walked.size:
            if replaces is not None:
                replaces(store)
            warnings += sign_off(store, setting)
        written = bool(arguments.get("export")) and not self.check
        if written:
            exports.write(store, arguments["export"], witnesses.places(setting))
        Display().display(audit_text(found, self.store_path, warnings))
        return _result(self.STEP, found, warnings, changed=written or (replaces is not None and not self.check))


def _replaces(arguments: Mapping[str, Any]) -> Callable[[Store], None] | None:
    """What lets another key sign, if that is asked for.

    Raises:
        Refusal: DATA, both ways are.
    """
    if arguments["rotate_key"] and arguments["key_lost"]:
        raise Refusal(
            "DATA", "found rotate_key and key_lost; a key that is lost signs no other one: name key_lost alone"
        )
    if arguments["key_lost"]:
        return replace_lost
    return rotate if arguments["rotate_key"] else None


def _tell(count: int) -> None:
    Display().display(f"{count} entries were read")


def _result(step: str, found: Audited, warnings: list[str], changed: bool) -> StepResult:
    bad = bool(found.findings)
    return StepResult(
        step,
        FAILED if bad else "ok",
        verdict_of(found),
        code="LEDGER" if bad else "",
        changed=changed,
        data={
            "size": found.walked.size,
            "origin": found.walked.origin,
            "first_bad": first_bad(found.findings),
            "findings": [finding._asdict() for finding in found.findings],
            "not_signed": warnings,
        },
    )

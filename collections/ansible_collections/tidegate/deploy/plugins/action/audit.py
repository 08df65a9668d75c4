# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import exports, signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import Audited, audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.audit import audit_text, first_bad, verdict_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.signing_off import WITNESSES, rotate, sign_off


class ActionModule(WholeVerb):
    """Prove the ledger from its first entry on, and write an export for an outsider. Fails unless all is as it was."""

    STEP = "audit"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "export": {"type": "path"},
        "rotate_key": {"type": "bool", "default": False},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        setting = plain(self.templated(WITNESSES))
        found = audit_store(store, witnesses.places(setting), signing.verify, _tell)
        warnings: list[str] = []
        if not self.check and not found.findings and found.walked.size:
            if arguments["rotate_key"]:
                rotate(store)
            warnings = sign_off(store, setting)
        written = bool(arguments.get("export")) and not self.check
        if written:
            exports.write(store, arguments["export"], witnesses.places(setting))
        Display().display(audit_text(found, self.store_path, warnings))
        return _result(self.STEP, found, warnings, changed=written or (arguments["rotate_key"] and not self.check))


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

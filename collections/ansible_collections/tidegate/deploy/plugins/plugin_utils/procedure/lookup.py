# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lookups of this collection share: terms in, items out, and a refusal with its code as Ansible's error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.supported import require_core


class RecordLookup(LookupBase):  # type: ignore[misc]
    """Reads the run's plan from the store."""

    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            require_core()
            return [item for term in terms for item in self.asked(str(term), variables or {})]
        except Refusal as refusal:
            raise AnsibleLookupError(f"{refusal.code}: {refusal.message}") from refusal

    def asked(self, term: str, variables: Mapping[str, Any]) -> Sequence[Any]:
        """The items of one term.

        Raises:
            Refusal: what the world did not allow.
        """
        raise NotImplementedError

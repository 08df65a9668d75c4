# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody typed, as text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: typed
short_description: The text of a variable, which is not run as a template where somebody typed it
version_added: 1.0.0
description:
  - Gives the value of a variable. Ansible runs extra variables as templates; free text of people, such as a reason, is not
    to be run, so that of an extra variable comes as it was typed.
  - The value of a variable of a play is what Ansible makes of it.
  - Nothing where there is no such variable.
author:
  - Tidegate contributors (@tidegate)
options:
  _terms:
    description: Names of variables.
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Record that a change is given up
  tidegate.deploy.change:
    verb: cancel
    id: "{{ tidegate_change }}"
    reason: "{{ query('tidegate.deploy.typed', 'tidegate_reason') | first | default(omit) }}"
"""

RETURN = r"""
_raw:
  description: The values, in the order of the names.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.utils.vars import load_extra_vars

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.lookup import RecordLookup


class LookupModule(RecordLookup):
    """Reads what was typed, past Ansible's templating."""

    def asked(self, term: str, variables: Mapping[str, Any]) -> list[str]:
        said = load_extra_vars(self._loader)
        if term in said:
            return [str(plain(said[term], term))]
        return [str(self._templar.template(variables[term]))] if term in variables else []

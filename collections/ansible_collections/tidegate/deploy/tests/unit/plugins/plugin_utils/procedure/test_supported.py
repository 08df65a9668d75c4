# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ansible-core that would run texts as templates is refused; on those that are supported, no text of ours is one."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import lookup, supported
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.lookup import RecordLookup
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult

COLLECTION = Path(supported.__file__).parents[3]
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch PWNED') }}"


class Echo(RecordLookup):
    """Answers what it is asked."""

    def asked(self, term, variables):
        return [term]


@pytest.mark.parametrize("version", ["2.18.12", "2.18.0rc1", "2.9.27", "1.9"])
def test_an_older_core_is_refused_with_one_message(version):
    """What was found, what is expected, and how to get there."""
    with pytest.raises(Refusal, match=f"found ansible-core {version}, expected 2.19.0 or newer") as caught:
        supported.require_core(version)
    assert (caught.value.code, "pip install" in caught.value.message) == ("DEPENDENCY", True)


@pytest.mark.parametrize("version", ["2.19.0", "2.19.0rc1", "2.19.14", "2.21.3", "3.0.0"])
def test_a_supported_core_is_taken(version):
    """From the oldest on that the collection says it needs."""
    supported.require_core(version)
    runtime = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={supported.OLDEST}"


def test_every_door_and_lookup_asks(monkeypatch):
    """Before it looks at anything else: also the first play of each verb takes its hosts from a lookup."""

    def too_old():
        supported.require_core("2.18.1")

    monkeypatch.setattr(lookup, "require_core", too_old)
    with pytest.raises(AnsibleLookupError, match=r"DEPENDENCY: found ansible-core 2\.18\.1"):
        Echo().run(["site"])
    assert "            require_core()\n            result = self.perform(" in inspect.getsource(Door.run)
    for path in sorted((COLLECTION / "plugins/action").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert re.search(
            r"^class ActionModule\((Door|RecordDoor|Question|WholeVerb|HostStep)\):", text, re.MULTILINE
        ), path
        assert "def run(" not in text, path


def test_no_text_of_ours_is_a_template(tmp_path, monkeypatch):
    """What a lookup answers and what an action returns stays as it is, whoever wrote it; only a playbook's own text is run."""
    monkeypatch.chdir(tmp_path)
    templar = Templar(DataLoader())
    [item] = Echo().run([HOSTILE])
    returned = StepResult("step", "ok", HOSTILE, data={"hosts": [HOSTILE]}).as_task_result()
    for text in (item, returned["msg"], returned["tidegate"]["say"], returned["hosts"][0]):
        assert templar.template(text) == text == HOSTILE
    assert list(tmp_path.iterdir()) == []
    assert templar.template(trust_as_template("{{ 1 + 1 }}")) == 2

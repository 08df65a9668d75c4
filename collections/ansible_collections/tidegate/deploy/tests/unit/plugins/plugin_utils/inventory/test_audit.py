# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything wrong with the services of a host comes at once, and what is right is used none the less."""

from __future__ import annotations

from ansible.parsing.dataloader import DataLoader

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.audit import audit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.origin import origin

SOUND = {"unit": "web.service"}


def test_all_problems_of_all_services_and_the_sound_ones():
    """One broken service hides neither the other's problems nor a third that is right."""
    found = audit({"web": SOUND, "api": {"unit": "api", "prob": 1}, "low": {"unit": "low.service", "drain": {}}})

    assert ["web"] == list(found.services)
    assert len(found.problems) == 3
    assert "tidegate_services: api.prob: found an unknown key" in found.problems[0] + found.problems[1]
    assert "did you mean probes?" in found.problems[0] + found.problems[1]
    assert found.problems[2].startswith("tidegate_services: low.drain: found an empty mapping")


def test_services_that_overlap_are_told_when_each_is_right():
    """Two services with one unit are each right, and together they are not."""
    found = audit({"web": SOUND, "web2": SOUND})

    assert ["web", "web2"] == list(found.services)
    assert ["tidegate_services: web.unit: found web.service, expected another unit than web2 has"] == list(
        found.problems
    )


def test_values_that_are_no_services():
    """No variable is no problem; text is one."""
    assert ((), {}) == (audit(None).problems, audit(None).services)
    assert 1 == len(audit("web").problems)


def test_the_place_is_the_file_and_line_that_ansible_read(tmp_path, monkeypatch):
    """What Ansible remembers of a value is in the message, relative to the working folder."""
    (tmp_path / "group_vars").mkdir()
    path = tmp_path / "group_vars/all.yml"
    path.write_text("---\ntidegate_services:\n  web:\n    unit: web\n")
    monkeypatch.chdir(tmp_path)
    value = DataLoader().load_from_file(str(path))["tidegate_services"]

    assert audit(value).problems[0].startswith("group_vars/all.yml:4: web.unit: found 'web'")
    assert ("group_vars/all.yml:3", "") == (origin(value), origin({}))

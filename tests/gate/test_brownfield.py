# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about playbooks of one's own, as it stands: its files are written and its commands run, in their order."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from docs.readme import blocks_in

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/brownfield.md"
REFUSED = "# exit code 77"


def test_the_page_does_what_it_says(site: Any) -> None:
    """Observed, then let through with a change, then refused without: each command ends as the page says."""
    said = []
    site.play(hosts="all")
    (site.folder / "inventory/group_vars/all/tidegate_services.yml").unlink()
    (site.folder / "collections").symlink_to(Path(__file__).resolve().parents[2] / "collections")
    for block in blocks_in(PAGE.read_text(encoding="utf-8")):
        if block.path:
            site.write(block.path, block.text)
        for command in block.commands:
            words = shlex.split(command, comments=True)
            assert "ansible-playbook" == words[0]
            done = site.run(*[word.replace("CHG-2026-0001", last_change(site)) for word in words[1:]])
            assert (77 if REFUSED in command else 0) == done.rc, f"{command}\n{done.text}"
            said.append(done.text)

    assert "only observes; it would refuse web1, web2: NO_CHANGE" in said[0]
    assert "the gate would have refused 1 of 1 run in the last 30 days" in said[1]
    assert [
        ("observe", 0, "NO_CHANGE"),
        ("observe", 1, ""),
        ("enforce", 0, "NO_CHANGE"),
        ("enforce", 1, ""),
    ] == site.ask("SELECT mode, allowed, code FROM gated ORDER BY at LIMIT 4")
    assert (site.folder / "observed.json").exists()
    runs = json.loads((site.folder / "runs.json").read_text())["playbooks"]
    assert [("site.yml", last_change(site))] == [(run["playbook"], run["change_id"]) for run in runs][:1]
    assert "## Playbook: ` site.yml `" in (site.folder / "runs.md").read_text()


def last_change(site: Any) -> str:
    """The id of the change that was planned last."""
    found = site.ask("SELECT max(id) FROM changes")
    return str(found[0][0]) if found and found[0][0] else "none"

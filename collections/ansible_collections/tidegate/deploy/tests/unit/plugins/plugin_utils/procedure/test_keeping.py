# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept files of own tasks stay for as long as a change may need them, and not for ever."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.build import build
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import keeping, opening
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Draft
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

from .conftest import DEFINITION

PART = {"root": "0-t", "entry": "apply.yml", "role": False}
BACK_FOR_S = 7 * 86400
TWO_DAYS = timedelta(days=2)


def a_draft(text):
    files = {"0-t/apply.yml": bundle.File(text.encode(), executable=False)}
    carried = bundle.Bundle({"apply": PART, "check": PART, "revert": PART}, (), files)
    plan = build(
        service="web",
        environment="production",
        title=None,
        version="tasks",
        manifest=None,
        artifact=None,
        bundle=carried,
        hosts=[plans.Host("web1", DEFINITION)],
        waves=[["web1"]],
        floor=0,
        budget=0,
        back_for_s=BACK_FOR_S,
        checks={},
        limits={},
    )
    return Draft(plan, "", None, carried)


@pytest.fixture
def folder(site):
    """Where files are kept."""
    return Path(site.store.folder) / "tasks"


@pytest.fixture
def kept(site, folder):
    """Keeps files after some time in which nobody kept any, and answers the names of what is there then."""

    def keep(text, after=timedelta()):
        site.later = after
        for one in folder.glob("*"):
            os.utime(one, times=((now() + after - TWO_DAYS).timestamp(),) * 2)
        keeping.keep(site.store, a_draft(text), now() + after)
        return {one.name for one in folder.iterdir()}

    return keep


def name_of(text):
    drafted = a_draft(text)
    return bundle.folder_of(Path(), drafted.plan.files).name


def planned(site, text):
    """A change that carries tasks, as a plan leaves it."""
    run = site.looked(site.begin(a_draft(text).plan))
    return opening.freeze(run, 2026).run.change_id


def test_files_of_an_open_change_stay(site, kept):
    """A planned change may be rolled out whenever somebody wants to."""
    kept("- a:\n")
    planned(site, "- a:\n")
    site.forget()

    assert {name_of("- a:\n"), name_of("- b:\n")} == kept("- b:\n", timedelta(days=400))


@pytest.mark.parametrize(
    ("state", "days", "stay"), [("completed", 6, True), ("completed", 8, False), ("partial", 400, True)]
)
def test_files_of_a_change_that_ended(site, kept, state, days, stay):
    """They stay for as long as the way back is open, and as hosts are behind; then they go with the next that are kept."""
    kept("- a:\n")
    planned(site, "- a:\n")
    site.over(state)

    found = kept("- b:\n", timedelta(days=days))

    assert stay == (name_of("- a:\n") in found)
    assert name_of("- b:\n") in found


def test_files_that_were_kept_just_now_stay(site, kept, folder):
    """Somebody else may be planning with them, and has not recorded that yet; keeping them again counts, too."""
    kept("- a:\n")
    kept("- a:\n")

    keeping.keep(site.store, a_draft("- b:\n"), now())

    assert {name_of("- a:\n"), name_of("- b:\n")} == {one.name for one in folder.iterdir()}

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of this very process in a store of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Entry, Manifest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.build import build
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, opening
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Draft
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLOUT, Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_keys import a_key

OLD = "1.0.0-aaaaaaaaaaaa"
DEFINITION = Services.of({"web": {"unit": "web.service"}}).service("web").definition
WAVES = (("web1",), ("web2", "web3"))


def a_plan(version="2.0.0", floor=1, budget=0, waves=WAVES, **more):
    names = [name for wave in waves for name in wave]
    return build(
        service="web",
        environment="production",
        title=None,
        version=version,
        manifest=Manifest.of([Entry("bin", "file", 0o755, 3, "0" * 64)]),
        artifact={
            "kind": "file",
            "name": "web.tar.gz",
            "sha256": "1" * 64,
            "size_bytes": 9,
            "strip": 0,
            "url": None,
            "allow_hosts": [],
        },
        hosts=[plans.Host(name, DEFINITION) for name in names],
        waves=waves,
        floor=floor,
        budget=budget,
        back_for_s=3600,
        checks={},
        limits={},
        **more,
    )


class Site:
    """A store, and what a playbook would do with it, without any host."""

    def __init__(self, path):
        self.later = timedelta()
        self.store = Store.open(str(path / "store.db"), lambda: now() + self.later)

    def begin(self, plan=None, verb=ROLLOUT, expected=None, pinned=None):
        opening.begin(self.store, verb, Draft(plan or a_plan(), "/artifact", pinned), "/changes/web.yml", expected)
        return Run.current(self.store)

    def looked(self, run, currents=None, **where):
        for name in run.plan.host_names:
            current = (currents or {}).get(name, OLD)
            self.say(name, "precheck", where={"state": "steady", "current": current, "change": None, **where})
        return Run.current(self.store)

    def frozen(self, plan=None, **how):
        """A run that may open its first wave."""
        run = self.looked(self.begin(plan, **how))
        return opening.lets_out(opening.freeze(run, 2026).run)

    def say(self, host, step, verdict="ok", code="", touched=None, **more):
        run = Run.current(self.store)
        run.record(host, StepResult(step, verdict, f"{step} {verdict}", code=code, **more), touched=touched)

    def over(self, state="completed"):
        """End the run, and let the next one be another process."""
        run = Run.current(self.store)
        if run.change_id:
            moving.move(self.store, run.change_id, "begin")
            moving.move(self.store, run.change_id, state, outcome={"verdict": state})
        self.forget()

    def forget(self):
        """End the run as an interruption would; the next one begins anew."""
        self.store.end_run(Run.current(self.store).id, "interrupted")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The private keys of five people, by name."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: a_key(folder, name=name) for name in ("ada", "bob", "cyd", "dan", "eve")}


@pytest.fixture(scope="session")
def office_keys(tmp_path_factory):
    """The private keys of the people of an office, two of ada's, and some that are nobody's or too weak."""
    folder = tmp_path_factory.mktemp("office")
    found = {name: a_key(folder, name=name) for name in ("ada", "ada2", "bob", "cyd", "dan", "eve", "late", "gone")}
    return {**found, "rsa": a_key(folder, "rsa", 2048)}


@pytest.fixture
def site(tmp_path):
    built = Site(tmp_path)
    yield built
    built.store.close()


@pytest.fixture
def office(site, office_keys):
    """A change that cyd wants, and those who decide about it."""
    from .signers import Office  # which plans with what is here

    return Office(site, office_keys)

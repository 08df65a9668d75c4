# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release is meant by a version, where no artifact says it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.retained import Holding, Retained, choose

A, B = "a" * 64, "b" * 64


def a_release(digest=A, damage="", version="2.3.0"):
    intact = {} if damage else {"manifest": digest, "files": 7, "size_bytes": 70}
    return {"id": f"{version}-{digest[:12]}", "damage": damage, **intact}


HAS, HAS_B = Holding([a_release()]), Holding([a_release(B)])
NONE, SILENT = Holding(), Holding((), "cannot be reached: no route")


def refusal_of(wanted="2.3.0", budget=0, **holdings):
    with pytest.raises(Refusal) as caught:
        choose(wanted, holdings, budget, "changes/web.yml")
    assert caught.value.code == "RETAINED"
    return caught.value.message


@pytest.mark.parametrize("wanted", ["2.3.0", "2.3.0-aaaaaaaaaaaa"])
def test_what_every_host_keeps_is_bound_by_its_manifest(wanted):
    """By version or by id; the version of the plan is the release's own, which probes match."""
    assert choose(wanted, {"web1": HAS, "web2": HAS}, 0, "x") == Retained("2.3.0", A, 7, 70)


def test_each_set_of_hosts_is_named_once():
    """Who has which release, who lacks it, who has it damaged and who is silent, in one refusal."""
    message = refusal_of(
        web1=HAS, web2=HAS, web3=NONE, web4=Holding([a_release(damage="bin: content differs")]), web5=SILENT
    )

    assert message.startswith("changes/web.yml: release 2.3.0 without an artifact")
    assert "2.3.0-aaaaaaaaaaaa found on web1, web2" in message
    assert "not there on web3" in message
    assert "damaged (bin: content differs) on web4" in message
    assert "unknown (cannot be reached: no route) on web5" in message


def test_two_releases_of_a_version_are_not_guessed_between():
    """The ids are offered, also where every host keeps both."""
    both = Holding([a_release(), a_release(B)])

    assert "name one of them as the release: 2.3.0-aaaaaaaaaaaa or 2.3.0-bbbbbbbbbbbb" in refusal_of(
        web1=both, web2=both
    )
    assert "2.3.0-bbbbbbbbbbbb found on web2" in refusal_of(web1=HAS, web2=HAS_B)


def test_silent_hosts_count_against_the_budget():
    """What the budget allows is asked again before anything is switched there; a host that lacks the release is no failure."""
    assert choose("2.3.0", {"web1": HAS, "web2": SILENT}, 1, "x").digest == A
    assert "unknown" in refusal_of(budget=1, web1=HAS, web2=SILENT, web3=SILENT)
    assert "not there on web2" in refusal_of(budget=1, web1=HAS, web2=NONE)
    assert "unknown" in refusal_of(budget=1, web1=SILENT)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an activation may become is complete before its first effect, and retention keeps all that leads back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, futures, retention, states

DEFINITION = {"root": "/opt/web"}
UTC, LATER = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


def begun(number: int, old: str, new: str, back_until: str = LATER) -> dict[str, Any]:
    """What begins activation `number`."""
    return {
        "change": f"CHG-2026-000{number}",
        "plan": "p",
        "aid": f"aid{number}",
        "old": old,
        "new": new,
        "old_definition": DEFINITION,
        "new_definition": DEFINITION,
        "back_until": back_until,
        "token_sha256": "f",
        "enablement": "",
        "began": UTC,
        "began_ms": 1,
        "deadline_ms": 5,
        "renew_until_ms": 9,
        "boot_id": "b",
        "fence": 7,
        "statement": "",
        "seq": 0,
    }


def test_every_future_is_a_whole_journal() -> None:
    """Each has the state in its name, the fence, and canonical bytes."""
    documents = futures.all_of(states.steady_without_journal("web", "r1"), begun(1, "r1", "r2"))
    expected = {
        "pending": "pending",
        "ready": "ready",
        "steady-new": "steady",
        "steady-old": "steady",
        "reverting-1": "reverting",
        "reverting-2": "reverting",
        "reverting-3": "reverting",
        "failed": "failed",
    }
    assert expected == {name: document["state"] for name, document in documents.items()}
    assert {7} == {document["fence"] for document in documents.values()}
    for name, document in documents.items():
        assert document == canonical.loads(canonical.dumps(document)), name
    assert "deadline_ms" not in documents["reverting-1"]


def test_an_older_way_back_survives_in_steady_old() -> None:
    """Going back leads to the steady document from before, and not merely to its release."""
    first = futures.all_of(states.steady_without_journal("web", "r1"), begun(1, "r1", "r2"))["steady-new"]
    second = futures.all_of(first, begun(2, "r2", "r3"))
    old = second["steady-old"]
    assert {key: old[key] for key in ("change", "aid", "new", "back_until")} == {
        key: first[key] for key in ("change", "aid", "new", "back_until")
    }
    assert old["reverted"]["change"] == "CHG-2026-0002"
    assert second["steady-new"]["past"] == ["CHG-2026-0001"]
    assert old["past"] == []


def test_past_changes_are_bounded() -> None:
    """A journal does not grow with the years."""
    base = {**states.steady_without_journal("web", "r1"), "past": [f"c{n}" for n in range(200)], "change": "last"}
    past = futures.all_of(base, begun(1, "r1", "r2"))["steady-new"]["past"]
    assert (len(past), past[-1]) == (futures.MAX_PAST, "last")


def chain(*back_untils: str) -> tuple[dict[str, Any], Callable[[str], dict[str, Any] | None]]:
    """A service after one confirmed change per date, and the steady-old of each."""
    view: dict[str, Any] = states.steady_without_journal("web", "r0")
    olds = {}
    for number, back_until in enumerate(back_untils, 1):
        documents = futures.all_of(view, begun(number, f"r{number - 1}", f"r{number}", back_until))
        view = documents["steady-new"]
        olds[f"aid{number}"] = documents["steady-old"]
    return view, olds.get


def test_retention_follows_every_open_way_back() -> None:
    """Each change that may be taken back leads to one that perhaps may be taken back, too."""
    needed = retention.needed(*chain(LATER, LATER, LATER), UTC)
    assert (needed.aids, needed.releases) == ({"aid1", "aid2", "aid3"}, {"r0", "r1", "r2", "r3"})


def test_retention_stops_at_a_closed_way_back() -> None:
    """Behind a change that cannot be taken back any more only the previous release stays."""
    needed = retention.needed(*chain(LATER, "2025-01-01T00:00:00Z", LATER), UTC)
    assert (needed.aids, needed.releases) == ({"aid3"}, {"r1", "r2", "r3"})
    needed = retention.needed(*chain(LATER, LATER, "2025-01-01T00:00:00Z"), UTC)
    assert (needed.aids, needed.releases) == (set(), {"r2", "r3"})


def test_retention_keeps_what_is_under_way_and_why_it_went_back() -> None:
    """An activation that is not over needs its folder whatever the date; one that went back has its reason there."""
    documents = futures.all_of(states.steady_without_journal("web", "r0"), begun(1, "r0", "r1", "2025-01-01T00:00:00Z"))
    for name in ("pending", "ready", "reverting-1", "failed"):
        needed = retention.needed(documents[name], {"aid1": documents["steady-old"]}.get, UTC)
        assert (needed.aids, needed.releases) == ({"aid1"}, {"r0", "r1"}), name
    needed = retention.needed(documents["steady-old"], {}.get, UTC)
    assert (needed.aids, needed.releases) == ({"aid1"}, {"r0"})


def test_what_goes_is_neither_needed_nor_new() -> None:
    """The newest stay in any case; 'absent' is no release."""
    kept = retention.needed(states.steady_without_journal("web", states.ABSENT), {}.get, UTC)
    assert kept.releases == set()
    kept = retention.Needed(set(), {"r1"})
    assert retention.doomed(["r5", "r4", "r3", "r2", "r1"], kept, 2) == ["r3", "r2"]
    assert retention.doomed(["r5", "r4", "r3", "r2", "r1"], kept, 0) == ["r5", "r4", "r3", "r2"]

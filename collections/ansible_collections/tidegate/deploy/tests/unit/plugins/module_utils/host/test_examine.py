# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The post-install test goes by what the journal knows; a note makes it more exact and decides nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import examine, probes
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench


class Seen:
    """What the probes were asked; the unit's process was started at one moment."""

    def __init__(self, bench: Bench, monkeypatch: Any) -> None:
        self._bench = bench
        self.since_ms: int | None = None
        self.lives: Any = None
        self.started_ms = 0
        monkeypatch.setattr(probes, "run", self._run)
        monkeypatch.setattr(probes, "unit_started_after", lambda _unit, since_ms: self.started_ms > since_ms)

    def _run(
        self, _doc: Any, _release: Any, since_ms: int | None, _limit_s: int, lives: Any = None
    ) -> list[dict[str, Any]]:
        self.since_ms = since_ms
        self.lives = lives
        return [{"name": "port", "ok": True, "detail": "", "state": "good", "saw_release": False}]

    def probe(self) -> dict[str, Any]:
        """The step, for the release that runs."""
        name = self._bench.current
        release = {"id": name, "version": name.partition("-")[0]}
        return examine.probe(self._bench.host, {"definition": self._bench.definition(), "release": release})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host on which release 1.0 runs, for some time already."""
    made = Bench(tmp_path)
    made.deploy("1.0")
    made.clock.ms += 1000
    return made


@pytest.fixture
def seen(bench: Bench, monkeypatch: Any) -> Seen:
    """What its probes see."""
    return Seen(bench, monkeypatch)


def test_a_process_from_before_the_switch_is_not_the_release(bench: Bench, seen: Seen) -> None:
    """Since no probe names the release."""
    switched_ms = bench.clock.ms - 1000
    seen.started_ms = switched_ms + 1
    assert seen.probe()["results"][0]["ok"]
    seen.started_ms = switched_ms
    with pytest.raises(Refusal, match="RELEASE_UNSEEN"):
        seen.probe()


@pytest.mark.parametrize("note", [b"", b"{", b'{"switched":{"ms":5}}', b'{"switched":{"ms":99999999}}'])
def test_without_its_note_the_begin_counts(bench: Bench, seen: Seen, note: bytes) -> None:
    """A note that was lost, or says what cannot be, changes nothing."""
    began_ms = bench.clock.ms - 1000
    Path(bench.host.paths.activation("web", bench.stands["aid"]), "note").write_bytes(note)
    seen.started_ms = began_ms + 1
    assert seen.probe()["results"][0]["ok"]
    assert seen.since_ms == began_ms


def test_after_a_reboot_every_process_is_a_new_one(bench: Bench, seen: Seen) -> None:
    """The boot clock began anew."""
    bench.boot()
    assert seen.probe()["results"][0]["ok"]
    assert seen.since_ms is None


def test_a_release_that_nobody_knows_about_is_unseen(bench: Bench, seen: Seen) -> None:
    """Without a journal nothing says when it was switched to."""
    os.unlink(bench.host.paths.journal("web"))
    with pytest.raises(Refusal, match="RELEASE_UNSEEN"):
        seen.probe()


LIVES = {"web.service": ["0", "42", "1000"]}


def begun(bench: Bench) -> None:
    """An activation that awaits its confirmation, whose probes saw one life of the unit."""
    bench.watch.sees = [{"name": "unit web.service (always)", "ok": True, "detail": "", "life": LIVES["web.service"]}]
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.run_effects()


def test_the_test_knows_what_the_activation_saw(bench: Bench, seen: Seen) -> None:
    """The units of the activation that awaits its confirmation; the answer does not show them."""
    begun(bench)
    seen.started_ms = bench.clock.ms + 1
    assert all("life" not in result for result in seen.probe()["results"])
    assert seen.lives == LIVES


@pytest.mark.parametrize(
    "note", [b"", b'{"lives":[]}', b'{"lives":{"web.service":[]}}', b'{"lives":{"web.service":["x"]}}']
)
def test_a_note_that_was_lost_vouches_for_nothing(bench: Bench, seen: Seen, note: bytes) -> None:
    """Then the probes take their time once more."""
    begun(bench)
    Path(bench.host.paths.activation("web", bench.stands["aid"]), "note").write_bytes(note)
    seen.started_ms = bench.clock.ms + 1
    seen.probe()
    assert seen.lives is None


def test_what_was_confirmed_is_tested_anew(bench: Bench, seen: Seen) -> None:
    """Only between activation and confirmation the time counts once; also not for other probes, or after a reboot."""
    begun(bench)
    bench.confirm("CHG-2026-0002")
    seen.started_ms = bench.clock.ms + 1
    seen.probe()
    assert seen.lives is None


def test_other_probes_than_the_activation_had_take_their_time(bench: Bench, seen: Seen) -> None:
    """Nobody has looked that way."""
    begun(bench)
    seen.started_ms = bench.clock.ms + 1
    name = bench.current
    other = bench.definition(limits={**bench.definition()["limits"], "probe_s": 2})
    examine.probe(bench.host, {"definition": other, "release": {"id": name, "version": "2.0"}})
    assert seen.lives is None

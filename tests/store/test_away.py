# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store goes away: nothing new starts, what runs is finished, and what that came to is recorded later, once, in order."""

from __future__ import annotations

import json
import os
import signal
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest
from store.server import Server, database_of

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import away
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.spool import Spool, spools
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.conftest import TurnedClock
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.processes import at_once, in_one

HOLDER = {"user": "ann", "host": "one", "pid": 7}
HOSTS = ["web1", "web2"]
PROCESS = "the-process"
"""Of a process and of its first run."""
COMPLETED = Move("done", "completed", ended=True)


class Controller:
    """A controller with its own folder beside its inventory, at a server that may be stopped."""

    def __init__(self, server: Server, folder: Path, clock: TurnedClock, address: str | None = None) -> None:
        self.server = server
        self.folder = str(folder)
        self.clock = clock
        self.address = address or server.database()

    def open(self, process=PROCESS):
        return away.open_store(self.address, self.clock, self.folder, process)

    def to_end(self, process=PROCESS):
        return away.open_to_end(self.address, self.clock, self.folder, process)

    def spooled(self):
        return [json.loads(line) for spool in spools(self.folder) for line in Path(spool.path).read_text().splitlines()]

    def begin(self):
        """A run with an open wave."""
        with self.open() as store:
            change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
            store.begin_run(PROCESS, None, None, "rollout", HOLDER, [HOSTS, ["web3"]], lease=True)
            store.bind_run(PROCESS, change, revision)
            store.take_lease("web", "production", PROCESS, HOLDER, 600, lambda _holder: False)
            store.open_wave(PROCESS, 0)
            store.note(PROCESS, "web1", "activate", "ok", touched=True)
            return change

    def events(self):
        with self.open() as store:
            return [(event.host, event.step, event.at) for event in store.events(PROCESS)]


@pytest.fixture
def site(stoppable, tmp_path, clock):
    return Controller(stoppable, tmp_path / ".tidegate", clock)


def finish(store, change, clock):
    """What the steps that were under way come to."""
    for host in HOSTS:
        clock.turn(1)
        store.note(PROCESS, host, "confirm", "ok", None, "confirmed", {"state": "steady"}, touched=True)
    assert store.halt(PROCESS, "STORE_AWAY", "the store is away") is True
    assert store.halt(PROCESS, "OTHER", "a second cause") is False
    store.close_wave(PROCESS, 0)
    store.move_change(change, lambda _row: COMPLETED, {"verdict": "kept"})
    assert store.end_run(PROCESS, "kept", {"verdict": "kept"}) is True


def test_results_that_could_not_be_written_are_recorded_later_once(site, clock):
    """A playbook of the site's own ended while the server was away: the next run records it, in order, as of when it was."""
    noted = [
        ("begin_record", [PROCESS, None, "ann@one", "site.yml", "2026-11-24T12:00:00.000000Z"]),
        ("add_batch", [PROCESS, [{"host": "web1", "status": "ok"}], 0, False]),
        ("add_batch", [PROCESS, [{"host": "web1", "status": "failed"}], 2, True, "2026-11-24T12:00:09.000000Z"]),
    ]
    site.server.stop()
    assert away.leave(site.address, site.folder, PROCESS, noted)
    assert not away.leave("/srv/store.db", site.folder, PROCESS, noted)
    site.server.start()
    clock.turn(3600)
    for _again in range(2):
        with site.open("another") as store:
            [run] = store.recorded_runs()
            assert ("ann@one", "site.yml", 2) == (run.actor, run.playbook, run.lost)
            assert ["12:00:00", "12:00:09"] == [at[11:19] for at in (run.started_at, run.ended_at)]
            assert ["ok", "failed"] == [result["status"] for result in store.recorded_results(PROCESS)]
            kinds = [entry.kind for entry in store.entries()]
            assert 2 == kinds.count("record.batch")
    assert [] == site.spooled()


def test_nothing_starts_without_the_store(site):
    """Neither a run nor a look: the refusal says what to do, and nothing is left on the controller."""
    site.server.stop()
    for way in (site.open, site.to_end):
        with pytest.raises(Refusal, match="Nothing new starts without it") as caught:
            way()
        assert caught.value.code == "STORE_AWAY"
    assert not Path(site.folder).exists()


def test_what_runs_is_finished_and_no_wave_opens(site, clock):
    """The steps see the run as it stood, and what they note; anything that begins something is refused."""
    change = site.begin()
    site.server.stop()
    with site.to_end() as store:
        assert store.kept_in
        assert store.run(PROCESS).state == "running"
        assert store.lease("web", "production").run_id == PROCESS
        assert store.wave_state(PROCESS) == (1, 0)
        assert store.host_row(PROCESS, "web1").step == "activate"
        for begins in (
            lambda: store.open_wave(PROCESS, 1),
            lambda: store.begin_run("other", change, 1, "rollout", HOLDER, [], lease=False),
            lambda: store.new_change("web", "production", "c" * 64, b"{}", "x"),
            lambda: store.take_lease("api", "production", PROCESS, HOLDER, 60, bool),
            lambda: store.move_once(change, "migrate", PROCESS, "web1", "begun", True),
            lambda: store.append("denied", "ada", {}),
        ):
            with pytest.raises(Refusal) as caught:
                begins()
            assert caught.value.code == "STORE_AWAY"
        finish(store, change, clock)
        assert store.run(PROCESS).code == "STORE_AWAY"
        assert store.wave_state(PROCESS) == (1, 1)
        assert store.bad_hosts(PROCESS) == set()
        assert store.change(change).state == "completed"
    kinds = [event["kind"] for event in site.spooled()]
    assert kinds == ["note", "note", "halt", "halt", "close_wave", "move_change", "end_run"]


def test_what_was_noted_is_recorded_once_and_in_order(site, clock):
    """By the next verb, with the times of then; the lease is given back, the ledger tells of it, the files are gone."""
    change = site.begin()
    begun_at = clock.moment
    site.server.stop()
    with site.to_end() as store:
        finish(store, change, clock)
    clock.turn(3600)
    site.server.start()

    with site.open("another") as store:
        assert [(event.host, event.step) for event in store.events(PROCESS)] == [
            ("web1", "activate"),
            ("web1", "confirm"),
            ("web2", "confirm"),
        ]
        assert store.events(PROCESS)[2].at < f"{begun_at:%Y-%m-%dT%H}:01"
        run = store.run(PROCESS)
        assert (run.state, run.code, run.closed, run.outcome) == ("kept", "STORE_AWAY", 1, {"verdict": "kept"})
        assert store.change(change).state == "completed"
        assert store.lease("web", "production") is None
        (told,) = [entry.body for entry in store.entries() if entry.kind == "notes.recorded"]
        assert told == {"process": PROCESS, "notes": 7, "left_out": []}
        size = store.log_size()
    with site.open("another") as store:
        assert store.log_size() == size
    assert os.listdir(Path(site.folder, "spool")) == [".gitignore"]


def test_a_store_that_goes_away_during_a_step(site, clock):
    """Opened, and gone when the step notes what it came to: kept; back again while the run goes on: recorded by itself."""
    site.begin()
    with site.open() as store:
        site.server.stop()
        store.note(PROCESS, "web1", "confirm", "ok")
        assert [event["said"][1:3] for event in site.spooled()] == [["web1", "confirm"]]
        site.server.start()
        store.note(PROCESS, "web2", "confirm", "ok")
    assert sorted(event[:2] for event in site.events()) == [
        ("web1", "activate"),
        ("web1", "confirm"),
        ("web2", "confirm"),
    ]
    with site.open() as store:
        store.close_wave(PROCESS, 0)
        assert store.open_wave(PROCESS, 1) is True


def test_a_note_that_was_committed_before_the_connection_broke_is_not_recorded_again(site, monkeypatch):
    """Only the answer was lost: the id of the note is in the store, and the spool's line is passed over."""
    site.begin()
    with site.open() as store:
        commit = type(store).writing

        def commits_and_breaks(self):
            with commit(self) as connection:
                yield connection
            raise away.Away("the connection broke")

        monkeypatch.setattr(away.Remote, "writing", contextmanager(commits_and_breaks))
        store.note(PROCESS, "web1", "confirm", "ok")
        monkeypatch.undo()
    assert len(site.spooled()) == 1
    assert [event[:2] for event in site.events()] == [("web1", "activate"), ("web1", "confirm")]
    assert site.spooled() == []


@pytest.mark.parametrize("after", range(1, 8))
def test_killed_while_it_records(site, clock, after, monkeypatch):
    """SIGKILL after each event, and before the file is removed: the next one goes on behind it."""
    change = site.begin()
    site.server.stop()
    with site.to_end() as store:
        finish(store, change, clock)
    site.server.start()
    recorded, count = away._recorded, iter(range(1, 100))

    def records_and_dies(*args):
        answer = recorded(*args)
        if next(count) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    monkeypatch.setattr(away, "_recorded", records_and_dies)
    assert in_one(lambda: site.open("another")) == -signal.SIGKILL
    monkeypatch.undo()

    assert [event[:2] for event in site.events()] == [("web1", "activate"), ("web1", "confirm"), ("web2", "confirm")]
    with site.open() as store:
        assert store.run(PROCESS).state == "kept"
        assert [entry.kind for entry in store.entries()].count("run.ended") == 1
        assert [entry.kind for entry in store.entries()].count("run.halted") == 1


def test_workers_that_note_at_once_and_those_that_record_at_once(site):
    """Each line is whole and there once; of processes that find the spool together, one records it."""
    site.begin()
    site.server.stop()

    def notes(number):
        with site.to_end() as store:
            store.note(PROCESS, HOSTS[number % 2], f"step{number}", "ok")

    assert at_once(notes, 8) == [None] * 8
    assert len(site.spooled()) == 8
    site.server.start()

    def records(_number):
        site.open("another").close()

    assert at_once(records, 6) == [None] * 6
    assert sorted(event[1] for event in site.events()) == sorted(
        ["activate", *(f"step{number}" for number in range(8))]
    )


def test_a_run_that_was_overtaken_meanwhile(site, clock, tmp_path):
    """Its lease ran out and another controller went on: what happened is recorded, what it decided is not."""
    change = site.begin()
    site.server.stop()
    with site.to_end() as store:
        finish(store, change, clock)
    clock.turn(1000)
    site.server.start()
    other = Controller(site.server, tmp_path / "other", clock, site.address)
    with other.open("other") as store:
        store.begin_run("theirs", change, 1, "rollback", {**HOLDER, "host": "two"}, [HOSTS], lease=True)
        store.take_lease("web", "production", "theirs", {**HOLDER, "host": "two"}, 600, lambda _holder: False)
        store.move_change(change, lambda _row: Move("back", "rolled_back", ended=True), {})

    with site.open("another") as store:
        assert [event.step for event in store.events(PROCESS)] == ["activate", "confirm", "confirm"]
        assert store.change(change).state == "rolled_back"
        assert store.run(PROCESS).state == "interrupted"
        assert store.lease("web", "production").run_id == "theirs"
        (told,) = [entry.body for entry in store.entries() if entry.kind == "notes.recorded"]
        assert "NOT_OPEN" in told["left_out"]


def test_the_spool_is_for_its_user_only(site):
    """Folder 0700, files 0600; a line torn by a crash is not read, and the next one begins anew."""
    site.begin()
    site.server.stop()
    with site.to_end() as store:
        store.note(PROCESS, "web1", "confirm", "ok")
        spool = Path(store.kept_in)
        with spool.open("ab") as file:
            file.write(b'{"id":"torn')
        store.note(PROCESS, "web2", "confirm", "ok")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (spool.parent.parent, spool.parent, spool)}
        kept = stat.S_IMODE(spool.with_suffix(".db").stat().st_mode)
    assert modes == {".tidegate": 0o700, "spool": 0o700, spool.name: 0o600}
    assert kept == 0o600
    assert [event["said"][1] for event in site.spooled()] == HOSTS


@pytest.mark.parametrize(
    "line",
    ['{"id":"1","kind":"take_lease","said":[],"more":{}}', '{"id":"1"}', "nonsense", '{"a":1,"a":2}', "[]"],
)
def test_a_spool_that_somebody_wrote(site, line):
    """Names file and line, records nothing of it, and stays; moved away, the store opens again."""
    site.begin()
    spool = Spool(site.folder, "theirs")
    Path(spool.path).write_text(line + "\n")
    with pytest.raises(Refusal, match=r"theirs\.jsonl, line 1 is not what a run has noted") as caught:
        site.open()
    assert caught.value.code == "STORE"
    os.unlink(spool.path)
    site.open().close()


def test_a_full_disk_of_the_server_is_a_store_that_is_away(site, monkeypatch):
    """What a server says when it takes nothing now: the step's note is kept, as if it could not be reached."""
    site.begin()
    with site.open() as store:
        with store.writing() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
            )
            connection.exec_driver_sql("CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()")
        store.note(PROCESS, "web1", "confirm", "ok")
        assert len(site.spooled()) == 1
        with pytest.raises(Refusal, match="no space left"):
            site.open("another")
        site.server.execute(database_of(site.address), "DROP FUNCTION tidegate.full_disk CASCADE")
    assert [event[:2] for event in site.events()] == [("web1", "activate"), ("web1", "confirm")]


def test_two_outages_in_one_wave(site):
    """What was noted in the first is recorded by the run itself, which goes on to keep what the second needs."""
    site.begin()
    for host in HOSTS:
        site.server.stop()
        with site.to_end() as store:
            store.note(PROCESS, host, "confirm", "ok")
        site.server.start()
        site.open().close()
        assert site.spooled() == []
    assert [event[:2] for event in site.events()] == [("web1", "activate"), ("web1", "confirm"), ("web2", "confirm")]


def test_what_is_kept_goes_when_its_process_has_ended(site):
    """Another run of this controller lets go of it, in the folder and in the store; of one that works it does not."""
    change = site.begin()
    folder = Path(site.folder, "spool")
    for ended in (False, True):
        with site.open() as store:
            store.end_run(PROCESS, "kept") if ended else store.note(PROCESS, "web2", "activate", "ok")
        with site.open(f"next-{ended}") as store:
            store.begin_run(f"next-{ended}", change, 1, "rollback", {"pid": ended}, [HOSTS], lease=True)
        assert (folder / f"{PROCESS}.db").exists() is not ended
    noted = site.server.execute(database_of(site.address), "SELECT process FROM tidegate.noted")
    assert (PROCESS,) not in noted

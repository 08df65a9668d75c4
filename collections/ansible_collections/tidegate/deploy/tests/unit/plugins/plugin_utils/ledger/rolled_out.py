# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in which one change was rolled out to two hosts, with a free text in every place that takes one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

SECRET = "hunter2-in-a-message"
HOLDER = {"user": "ada", "host": "ops1"}
KINDS = (
    "log.begun change.planned run.begun lease.taken wave.opened hosts.recorded wave.closed "
    "wave.opened run.halted hosts.recorded run.ended"
).split()
"""The kinds of the entries that `roll_out` makes in a new store."""


def roll_out(store, run="run"):
    """Plan a change and roll it out: the first wave goes well, the second fails. Answers the change's id."""
    change, revision = store.new_change("web", "production", "c" * 64, b'{"plan":1}', SECRET)
    store.begin_run(run, change, revision, "rollout", HOLDER, [["web1"], ["web2"]], lease=True)
    store.take_lease("web", "production", run, HOLDER, 60, bool)
    store.open_wave(run, 0, {"secret": SECRET})
    store.note(run, "web1", "activate", "ok", message=SECRET, doc={"secret": SECRET})
    store.note(run, "web1", "confirm", "ok")
    store.close_wave(run, 0)
    store.open_wave(run, 1)
    store.note(run, "web2", "activate", "failed", "PROBE", SECRET)
    store.halt(run, "PROBE", SECRET)
    store.end_run(run, "failed", {"verdict": "failed", "secret": SECRET})
    return change


def doctor(store, *statements):
    """What somebody does who can write the file, with a tool of their own: the triggers go first."""
    with closing(sqlite3.connect(store.name, isolation_level=None)) as other:
        for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            other.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            other.execute(statement)

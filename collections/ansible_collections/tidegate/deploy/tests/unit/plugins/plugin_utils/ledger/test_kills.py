# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL in the middle of appending: what was answered is there, nothing is there in part, and the log goes on as one row.

A few kills in every run of the tests; as many as TIDEGATE_KILLS says where somebody asks for more (`make ledger-kills`).
"""

from __future__ import annotations

import os
import random
import signal

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import FORK
from .rolled_out import HOLDER

KILLS = int(os.environ.get("TIDEGATE_KILLS", "12"))
LONGEST_S = 0.03


def append_until_killed(path, clock, pipe, name):
    """Append, with an effect and without, and tell each index once it is answered."""
    store = Store.open(path, clock)
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
    number = 0
    while True:
        store.begin_run(f"{name}-{number}", change, revision, "rollout", HOLDER, [["web1"]], lease=False)
        os.write(pipe, f"{store.append('denied', name, {'n': number})}\n".encode())
        number += 1


def killed(path, clock, name, after_s):
    """The indices that a process was answered before it was killed."""
    reader, writer = os.pipe()
    worker = FORK.Process(target=append_until_killed, args=(path, clock, writer, name))
    worker.start()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        first = pipe.readline()
        worker.join(after_s)
        os.kill(worker.pid, signal.SIGKILL)
        told = first + pipe.read()
    worker.join()
    return [int(line) for line in told.split(b"\n")[:-1]]


def test_no_kill_loses_or_forks_an_entry(path, clock):
    """Every effect has its entry and every entry its effect, whenever the process died."""
    dice = random.Random(KILLS)
    Store.open(path, clock).close()
    answered = {}
    for round_ in range(KILLS):
        name = f"process-{round_}"
        answered.update(dict.fromkeys(killed(path, clock, name, dice.uniform(0, LONGEST_S)), name))
    with Store.open(path, clock) as store:
        audited = audit_store(store, [], signing.verify)
        assert audited.findings == []
        found = {entry.index: entry for entry in store.entries()}
    assert len(answered) >= KILLS
    assert {index: found[index].actor for index in answered} == answered

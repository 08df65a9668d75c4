# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in several forked processes at once, as Ansible's workers do it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

DEADLINE_S = 60
FORK = multiprocessing.get_context("fork")


def at_once(work: Callable[[int], Any], count: int) -> list[Any]:
    """What `work(0)` … `work(count - 1)` answer when all begin together, each in a process of its own."""
    barrier = FORK.Barrier(count)
    answers: Any = FORK.Queue()

    def one(number: int) -> None:
        barrier.wait(DEADLINE_S)
        try:
            answers.put((number, work(number)))
        except Exception as error:
            answers.put((number, repr(error)))

    workers = [FORK.Process(target=one, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    found = dict(answers.get(timeout=DEADLINE_S) for _worker in workers)
    for worker in workers:
        worker.join(DEADLINE_S)
    return [found[number] for number in range(count)]


def in_one(work: Callable[[], None]) -> int | None:
    """Run `work` in a process of its own and answer its exit code; a signal is negative."""
    worker = FORK.Process(target=work)
    worker.start()
    worker.join(DEADLINE_S)
    return worker.exitcode

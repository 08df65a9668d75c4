# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many entries the ledger takes, each durable before it is answered, and how long it takes to prove a million.

python -m bench.ledger          measure, and show
python -m bench.ledger --keep   and keep it for docs/benchmarks.md (`python -m bench.report` writes the page)
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import report

sys.path[:0] = [str(report.ROOT / "collections"), str(report.ROOT / "tests")]

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint, entries, merkle  # noqa: E402
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.exports import VERIFIER  # noqa: E402
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey  # noqa: E402
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store  # noqa: E402

FORK = multiprocessing.get_context("fork")
PROCESSES = 8
RUNS = 3
BODY = {"run": "f" * 32, "wave": 3, "hosts": 12, "digest": "a" * 64}

_WATCHED = """
import re, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(re.search(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read()).group(1))
"""
"""Runs a program, and says last how many KiB of memory it had at most."""


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def appends_per_s(address: str, each: int) -> float:
    """Entries per second of processes that append at once; each answer is a commit that survives a power cut."""
    Store.open(address, now).close()
    barrier = FORK.Barrier(PROCESSES + 1)

    def work(number: int) -> None:
        with Store.open(address, now) as store:
            store.append("denied", f"process {number}", BODY)
            barrier.wait()
            for _entry in range(each):
                store.append("denied", f"process {number}", BODY)

    workers = [FORK.Process(target=work, args=(number,)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.monotonic()
    for worker in workers:
        worker.join()
    took_s = time.monotonic() - began
    with Store.open(address, now) as store:
        if store.log_size() != 1 + PROCESSES * (each + 1):
            raise SystemExit(f"{store.log_size()} entries, expected {1 + PROCESSES * (each + 1)}")
    return PROCESSES * each / took_s


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of our own that syncs what it commits, and the URL of a store in it."""
    from store.server import Server  # type: ignore[import-not-found]  # of the tests

    server = Server(durable=True)
    try:
        yield server.database()
    finally:
        server.end()


def export_of(folder: Path, size: int) -> None:
    """An export with so many entries and one signed checkpoint of all of them."""
    key = LogKey(str(folder / "key"))
    key.make()
    previous, frontier = entries.NO_ENTRY, merkle.Frontier()
    with (folder / "entries.jsonl").open("wb") as file:
        for index in range(size):
            kind, body = "wave.closed", BODY
            if index == 0:
                kind, body = "log.begun", {"log": "0" * 32}
            elif index == 1:
                kind, body = "log.key", {"key": key.line, "signature": None}
            at = f"2026-11-28T13:00:00.{index % 1_000_000:06d}Z"
            document = entries.compose(index, previous, at, kind, "ada@ops1", body, "CHG-2026-0001")
            previous = entries.leaf(document)
            frontier.append(bytes.fromhex(previous))
            file.write(document + b"\n")
    made = checkpoint.of(f"{checkpoint.ORIGIN}{'0' * 32}", "2026-11-28T14:00:00.000000Z", frontier)
    (folder / "checkpoint").write_bytes(checkpoint.Note(made, key.sign(checkpoint.NAMESPACE, made.text())).data())


def verified(size: int) -> tuple[float, int]:
    """Seconds and peak bytes of memory of an outsider who checks an export against a checkpoint."""
    program = report.ROOT / "collections/ansible_collections/tidegate/deploy/files" / VERIFIER
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as place:
        folder = Path(place)
        export_of(folder, size)
        began = time.monotonic()
        command = [
            sys.executable,
            "-c",
            _WATCHED,
            str(program),
            str(folder),
            "--checkpoint",
            str(folder / "checkpoint"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the verifier said {done.stdout}{done.stderr}")
    return took_s, int(done.stdout.splitlines()[-1]) * 1024


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All of it, in turn; medians of the rates."""
    size, each = given.entries, given.each
    took_s, peak = verified(size)
    _say(f"{size:,} entries were verified in {took_s:.1f} s with {peak / 2**20:.0f} MiB")
    sqlite, server = [], []
    for _run in range(given.runs):
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
            sqlite.append(appends_per_s(f"{folder}/store/store.db", each))
        with postgresql() as url:
            server.append(appends_per_s(url, each))
        _say(f"appends/s: SQLite {sqlite[-1]:.0f}, PostgreSQL {server[-1]:.0f}")
    return {
        "processes": PROCESSES,
        "each": each,
        "sqlite_per_s": sorted(sqlite)[len(sqlite) // 2],
        "postgresql_per_s": sorted(server)[len(server) // 2],
        "runs": given.runs,
        "entries": size,
        "verified_s": took_s,
        "verified_peak_bytes": peak,
    }


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Measure; keep if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep what was measured for the page")
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many are verified (1,000,000)")
    parser.add_argument("--each", type=int, default=500, help="how many each process appends (500)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how often appends are measured ({RUNS})")
    given = parser.parse_args()
    document = measure(given)
    if given.keep:
        report.LEDGER.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

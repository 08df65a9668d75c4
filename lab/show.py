# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a demonstration is made of: words, runs of Ansible as people type them, and proofs on the hosts."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from lab.fleet import Fleet

CHECKOUT = Path(__file__).resolve().parent.parent
PLAYBOOK = "ansible-playbook"
POLL_S = 0.2

RUNNING = {
    "web": "curl -s -o /dev/null -D - http://127.0.0.1:8080/version | sed -n 's/^X-Release: *//Ip'",
    "worker": "/opt/worker/current/bin/worker --running",
}

T = TypeVar("T")

_began = time.monotonic()
_of_thread = threading.local()


class Unproven(Exception):
    """A step of the demonstration did not leave the world as it should have."""


def say(text: str) -> None:
    """Begin a step, with the time that has passed since the demonstration began."""
    line = f"{text}  ({passed_s():.0f} s)"
    tell(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}")


def passed_s() -> float:
    """Since the demonstration began."""
    return time.monotonic() - _began


def tell(line: str) -> None:
    """A line for whoever watches; what runs beside something else keeps it until its turn comes."""
    kept: list[str] | None = getattr(_of_thread, "kept", None)
    if kept is None:
        print(line, flush=True)
    else:
        kept.append(line)


class Part(Generic[T]):
    """A part of the demonstration that runs beside others."""

    def __init__(self, ended: Future[T], kept: list[str]) -> None:
        self._ended = ended
        self._kept = kept

    def wait(self) -> T:
        """Wait for its end, and return or raise what it did."""
        return self._ended.result()

    def show(self) -> T:
        """As `wait`, and show all that it said, because its turn has come."""
        try:
            return self.wait()
        finally:
            print(*self._kept, sep="\n", flush=True)


@contextmanager
def beside(part: Callable[[], T]) -> Iterator[Part[T]]:
    """Let a part of the demonstration run beside what is in the block."""
    kept: list[str] = []

    def run() -> T:
        _of_thread.kept = kept
        return part()

    with ThreadPoolExecutor(1) as thread:
        yield Part(thread.submit(run), kept)


def require(true: bool, what: str) -> None:
    """Go on only if something is as it should be.

    Raises:
        Unproven: it is not.
    """
    if not true:
        raise Unproven(what)


def wait_for(what: str, true: Callable[[], bool], timeout_s: float) -> None:
    """Go on as soon as a condition is true.

    Raises:
        Unproven: it did not become true in time.
    """
    until = time.monotonic() + timeout_s
    while not true():
        require(time.monotonic() < until, f"waited {timeout_s:g} s for {what}")
        time.sleep(POLL_S)


class Site:
    """A project that somebody works in.

    Args:
        folder: of its `ansible.cfg`.
        store: where its record is.
    """

    def __init__(self, folder: Path, store: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TIDEGATE_STORE": str(store),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Begin a command in a session of its own."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start_verb(self, verb: str, *arguments: str) -> subprocess.Popen[str]:
        """Begin one of Tidegate's verbs."""
        return self.start(PLAYBOOK, f"tidegate.deploy.{verb}", *arguments)

    def verb(self, verb: str, *arguments: str, expected: int = 0) -> str:
        """Run one of Tidegate's verbs, and show what it says."""
        return self.run(PLAYBOOK, f"tidegate.deploy.{verb}", *arguments, expected=expected)

    def run(self, *command: str, expected: int = 0, everything: bool = False) -> str:
        """Run a command as it would be typed, and show what Tidegate says in it, or everything.

        Returns:
            All that it printed.
        """
        tell(f"$ {' '.join(map(_typed, command))}")
        return end(self.start(*command), expected, _as_it_is if everything else _told)


def _typed(word: str) -> str:
    """A word as somebody would type it, relative to the checkout where it lies there."""
    return shlex.quote(word.replace(f"{CHECKOUT}/", ""))


def end(
    run: subprocess.Popen[str],
    expected: int = 0,
    told: Callable[[Iterator[str] | Sequence[str], list[str]], Iterator[str]] | None = None,
) -> str:
    """Wait for a command, and show those of its lines that are told.

    Raises:
        Unproven: it ended with another status than expected.
    """
    everything: list[str] = []
    try:
        assert run.stdout is not None
        for line in (told or _told)(run.stdout, everything):
            if told:
                tell(f"   {line}")
        status = run.wait()
    except BaseException:
        os.killpg(run.pid, signal.SIGTERM)
        run.wait()
        raise
    require(status == expected, f"ended with {status}, expected {expected}:\n{''.join(everything[-60:])}")
    return "".join(everything)


def _as_it_is(lines: Iterator[str] | Sequence[str], everything: list[str]) -> Iterator[str]:
    for line in lines:
        everything.append(line)
        yield line.rstrip("\n")


def _told(lines: Iterator[str] | Sequence[str], everything: list[str]) -> Iterator[str]:
    """Tidegate's own lines and blocks among those of Ansible."""
    in_block = False
    for line in lines:
        everything.append(line)
        text = line.rstrip("\n")
        begins = text.startswith(("── ", "service "))
        ends = text.startswith("enforced ") or (text != "" and not text.strip("─"))
        if begins or in_block or ends or text.startswith("tidegate"):
            yield text
        in_block = (in_block or begins) and not ends


def write(path: Path, value: Any) -> None:
    """Write a file of a site."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")  # JSON is YAML


# --- proof -----------------------------------------------------------------------------------------------------------


def prove(fleet: Fleet, expected: dict[str, str]) -> None:
    """See on each host which release `current` leads to and which one runs.

    Raises:
        Unproven: another one than expected, somewhere.
    """
    with ThreadPoolExecutor(len(expected)) as pool:
        seen = pool.map(lambda host: _both(fleet, host), expected)
        for (host, version), (found, runs) in zip(expected.items(), seen, strict=True):
            require((found, runs) == (version, version), f"{host}: current {found}, running {runs}, not {version}")
    versions = ", ".join(sorted(set(expected.values())))
    tell(f"   verified on {len(expected)} hosts: current and the running process are {versions}")


def release(fleet: Fleet, host: str) -> str:
    """The version that `current` leads to on a host; none before the first."""
    return _both(fleet, host)[0]


def _both(fleet: Fleet, host: str) -> tuple[str, str]:
    """The version that `current` leads to on a host, and the one that its service says it is."""
    service = host.rstrip("0123456789")
    said = fleet[host].ssh(f"readlink /opt/{service}/current; echo --; {RUNNING[service]}", check=False).stdout
    link, _, running = said.partition("--\n")
    return link.strip().rpartition("/")[2].rpartition("-")[0] or "none", running.strip() or "none"

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program's run, bounded in time and output, from which nothing is left.

The program gets an environment of ours, no input, and a session of its own. At its end, and at the latest when its
time is over, its whole process group is killed with SIGKILL, which nobody can ignore. A descendant that left the group
and still holds the output is not waited for.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time

from .paths import SEARCH_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOOK_EVERY_S = 0.05


class Ended:
    """How a run ended.

    Args:
        rc: exit status, or minus the signal's number; null: it did not end in time and was killed.
        stdout: what it wrote, as far as it was kept.
        stderr: likewise.
        cut: it wrote more to stdout than was kept.
        took_ms: from its start to its end.
    """

    __slots__ = ("cut", "rc", "stderr", "stdout", "took_ms")  # no dataclass: loading that takes longer than a step

    def __init__(self, rc: int | None, stdout: bytes, stderr: bytes, cut: bool, took_ms: int) -> None:
        self.rc = rc
        self.stdout = stdout
        self.stderr = stderr
        self.cut = cut
        self.took_ms = took_ms

    @property
    def out(self) -> str:
        """What it wrote to stdout, as text."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """What it wrote to stderr, as text."""
        return self.stderr.decode("utf-8", "replace")


def run(
    command: list[str],
    timeout_s: float,
    user: str | None = None,
    cwd: str = "/",
    keep_bytes: int = 64 * 1024,
    more: dict[str, str] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run a program to its end or to the end of its time.

    Args:
        command: program and arguments; no shell sees them.
        timeout_s: after that it is killed.
        user: whose rights it has; null: ours.
        cwd: its folder.
        keep_bytes: how much of each output is kept; the rest is read and dropped.
        more: variables that its environment has besides ours.
        stop: asked all the while; once it says so, the time is over.

    Raises:
        OSError: it could not be started.
        KeyError: there is no such user.
    """
    began = time.monotonic()
    identity, environment = _as_user(user)
    # pylint: disable-next=ansible-bad-function  # a host program, no module: run_command knows no bounds
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**environment, **(more or {})},
        start_new_session=True,
        umask=0o022,  # ours is for our own files
        bufsize=0,
        **identity,
    )
    kept = {"stdout": bytearray(), "stderr": bytearray()}
    try:
        ended, cut = _collect(process, kept, began + timeout_s, keep_bytes, stop)
    finally:
        _sweep(process)
    took_ms = round((time.monotonic() - began) * 1000)
    rc = process.returncode if ended else None
    return Ended(rc, bytes(kept["stdout"]), bytes(kept["stderr"]), cut, took_ms)


def _as_user(user: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    import pwd

    if user is None or user.isdecimal():
        entry = pwd.getpwuid(os.geteuid() if user is None else int(user))
    else:
        entry = pwd.getpwnam(user)
    environment = {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": "/bin/sh",
    }
    if entry.pw_uid == os.geteuid():
        return {}, environment
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}, environment


def _collect(
    process: subprocess.Popen[bytes],
    kept: dict[str, bytearray],
    deadline: float,
    keep_bytes: int,
    stop: Callable[[], bool],
) -> tuple[bool, bool]:
    """Read both outputs until the program ends; whether it did in time, and whether stdout was cut."""
    cut = False
    with selectors.DefaultSelector() as selector:
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, name)
        while True:
            ended = _has_ended(process)
            left_s = 0.0 if stop() else deadline - time.monotonic()
            wait_s = 0.0 if ended or left_s <= 0 else min(_LOOK_EVERY_S, left_s)
            came, lost = _read_ready(selector, kept, keep_bytes, wait_s)
            cut |= lost
            if left_s <= 0 or (ended and not came):
                return ended, cut


def _read_ready(
    selector: selectors.BaseSelector, kept: dict[str, bytearray], keep_bytes: int, wait_s: float
) -> tuple[bool, bool]:
    """Read what is there now or within the wait; whether something came, and whether some of stdout was dropped."""
    came = cut = False
    if not selector.get_map():
        time.sleep(wait_s / 5)  # both outputs are closed; only the end is awaited
        return came, cut
    for key, _events in selector.select(wait_s):
        data = os.read(key.fd, 65536)
        if not data:
            selector.unregister(key.fileobj)
            continue
        came = True
        room = keep_bytes - len(kept[key.data])
        kept[key.data] += data[:room]
        cut |= key.data == "stdout" and len(data) > room
    return came, cut


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended, without reaping it: its process group's number stays its own until the sweep."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _sweep(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)  # a process that hangs in the kernel outlives even SIGKILL
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()

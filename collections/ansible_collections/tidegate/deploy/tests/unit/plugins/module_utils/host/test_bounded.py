# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs end in time, whatever they do, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import bounded

AT_ONCE_S = 30
"""Far less than what is not waited for takes, and enough for a machine that is busy."""
DEAF = "trap '' TERM HUP INT; "
LIMITS_S = (1, 4, 16)
"""For what comes to its limit: a longer one where the machine stood still until the end of the one before."""


def _sh(script: str, timeout_s: float = 50, **more: object) -> bounded.Ended:
    return bounded.run(["/bin/sh", "-c", script], timeout_s, **more)  # type: ignore[arg-type]


def _is_gone(pid: int) -> bool:
    for _look in range(1500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_what_a_program_says_and_how_it_ends() -> None:
    """Output and exit status come back."""
    ended = _sh("echo out; echo err >&2; exit 3")
    assert (ended.rc, ended.out, ended.err, ended.cut) == (3, "out\n", "err\n", False)


def test_death_by_signal() -> None:
    """A signal is a negative status."""
    assert _sh("kill -SEGV $$").rc == -11


def test_no_input() -> None:
    """A program that reads gets the end at once."""
    assert _sh("cat; echo end").out == "end\n"


def test_the_environment_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's environment reaches the program."""
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "/nowhere")
    names = {line.partition("=")[0] for line in bounded.run(["env"], 50).out.splitlines()}
    assert names == {"PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL"}


def test_no_shell_sees_arguments() -> None:
    """Arguments arrive as they are."""
    assert bounded.run(["printf", "%s", "$HOME; `id`"], 50).out == "$HOME; `id`"


def test_a_deaf_program_is_killed_in_time(tmp_path: Path) -> None:
    """Ignoring SIGTERM helps neither the program nor its children."""
    script = f"{DEAF} sleep 600 & echo $! > {tmp_path}/child; echo started; sleep 600"
    began = time.monotonic()
    ended = next((ended for ended in (_sh(script, limit_s) for limit_s in LIMITS_S) if ended.out), None)
    assert time.monotonic() - began < AT_ONCE_S + sum(LIMITS_S)
    assert ended is not None
    assert (ended.rc, ended.out) == (None, "started\n")
    assert _is_gone(int((tmp_path / "child").read_text()))


def test_children_of_a_program_that_ended_are_gone(tmp_path: Path) -> None:
    """A background child neither delays the end nor outlives it."""
    began = time.monotonic()
    ended = _sh(f"sleep 60 & echo $! > {tmp_path}/child; echo done")
    assert time.monotonic() - began < AT_ONCE_S
    assert (ended.rc, ended.out) == (0, "done\n")
    assert _is_gone(int((tmp_path / "child").read_text()))


def test_a_daemon_that_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    """A descendant in a session of its own keeps the pipe open, and nobody minds."""
    began = time.monotonic()
    ended = _sh(f"setsid sleep 60 & echo $! > {tmp_path}/child; sleep 0.2; echo done", 50)
    took_s = time.monotonic() - began
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert took_s < AT_ONCE_S
    assert (ended.rc, ended.out) == (0, "done\n")


def test_a_daemon_that_writes_for_ever_is_bounded(tmp_path: Path) -> None:
    """Not even one that fills the pipe all the time."""
    script = f"setsid timeout 600 yes & echo $! >> {tmp_path}/children; sleep 0.2; exit 4"
    began = time.monotonic()
    ends = (_sh(script, limit_s, keep_bytes=100).rc for limit_s in LIMITS_S)
    found = next((rc for rc in ends if rc is not None), None)
    took_s = time.monotonic() - began
    for child in (tmp_path / "children").read_text().split():
        with contextlib.suppress(ProcessLookupError):  # one that was killed before it had a session of its own
            os.kill(int(child), signal.SIGTERM)
    assert took_s < AT_ONCE_S + sum(LIMITS_S)
    assert found == 4


def test_output_is_kept_up_to_a_bound() -> None:
    """The rest is read and dropped, so that the program can go on."""
    ended = _sh("head -c 1000000 /dev/zero | tr '\\0' x; echo end >&2", keep_bytes=1000)
    assert (ended.rc, ended.stdout, ended.cut, ended.err) == (0, b"x" * 1000, True, "end\n")
    assert not _sh("printf 1234", keep_bytes=4).cut


def test_closed_outputs_are_no_end() -> None:
    """A program that closes its outputs is waited for still."""
    began = time.monotonic()
    assert _sh("exec >&- 2>&-; sleep 0.3; exit 7").rc == 7
    assert time.monotonic() - began >= 0.3


def test_what_cannot_be_run() -> None:
    """No program and no user are told apart."""
    with pytest.raises(FileNotFoundError):
        bounded.run(["/nowhere/program"], 5)
    with pytest.raises(KeyError):
        bounded.run(["true"], 50, user="no-such-user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user() -> None:
    """Rights, groups and home are the user's, not root's."""
    ended = bounded.run(["sh", "-c", "id -u; id -G; echo $HOME $USER"], 50, user="nobody")
    uid, groups, home = ended.out.splitlines()
    assert uid == "65534"
    assert "0" not in groups.split()
    assert home.endswith(" nobody")


def test_the_own_user_needs_no_root() -> None:
    """Naming the user that runs us changes nothing."""
    assert bounded.run(["id", "-u"], 50, user=str(os.geteuid())).out == f"{os.geteuid()}\n"

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command reads: some bytes, then a file that never is in memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tracemalloc

import pytest
from ansible.plugins.connection.ssh import Connection

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach import sending
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.sending import followed_by

SIZE_BYTES = 32 * 1024 * 1024


class Ssh:
    """The part of the connection plugin that writes; it runs a command here."""

    transport = "ssh"
    host = "web1"
    _send_initial_data = Connection._send_initial_data

    def exec_command(self, data: bytes, command: str = "sha256sum") -> str:
        """What a command that reads all of it says."""
        with subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            self._send_initial_data(process.stdin, data, process)
            return process.stdout.read().decode().split(" ")[0].strip()


class Copying(Ssh):
    """A plugin of somebody else."""

    transport = "community.general.other"


@pytest.fixture
def file(tmp_path):
    """A file of 32 MiB, read to some place."""
    path = tmp_path / "artifact"
    with path.open("wb") as made:
        made.write(b"x" * 1000)
        made.truncate(SIZE_BYTES)
    with path.open("rb") as opened:
        opened.seek(10)
        yield opened


def digest_of(head):
    """The digest of what is to arrive."""
    return hashlib.sha256(head + (b"x" * 1000).ljust(SIZE_BYTES, b"\0")).hexdigest()


@pytest.mark.parametrize("sends", [True, False], ids=["sendfile", "where the system cannot send to a pipe"])
def test_a_file_follows_and_is_not_in_memory(file, sends, monkeypatch):
    """Each command reads all of it, and none that comes later."""

    def cannot(*_arguments):
        raise OSError(22, "Invalid argument")

    if not sends:
        monkeypatch.setattr(sending.os, "sendfile", cannot)
    ssh, expected = Ssh(), digest_of(b"{}\n")
    tracemalloc.start()
    try:
        with followed_by(ssh, file) as streamed:
            assert streamed
            assert ssh.exec_command(b"{}\n") == expected
            assert ssh.exec_command(b"{}\n") == expected, "a second try reads it from its beginning"
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert ssh.exec_command(b"{}\n") == hashlib.sha256(b"{}\n").hexdigest()


def test_a_command_that_ends_early_is_no_error_of_the_sender(file):
    """Its own words say more, also if it takes a while to end."""
    ssh = Ssh()
    with followed_by(ssh, file):
        assert ssh.exec_command(b"{}\n", "head -c 2; exec <&-; sleep 0.2; exit 3") == "{}"


def test_other_plugins_are_left_alone(file):
    """They get the bytes in one piece."""
    other = Copying()
    with followed_by(other, file) as streamed:
        assert not streamed
        assert other.exec_command(b"{}\n") == hashlib.sha256(b"{}\n").hexdigest()
    with followed_by(Ssh(), None) as streamed:
        assert not streamed
    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 10

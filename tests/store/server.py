# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of the tests' own, in a temporary folder, with a database per test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

ADMIN = "tidegate_tests"
PASSWORD = "p@ss/w:ord?"
PASSWORD_IN_URL = "p%40ss%2Fw%3Aord%3F"
READY_S = 60


def programs() -> Path:
    """The folder of the newest server programs here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    beside = shutil.which("postgres")
    if not found and not beside:
        raise FileNotFoundError("no PostgreSQL server here: apt-get install postgresql")
    return found[-1].parent if found else Path(beside).resolve().parent


class Server:
    """A server that listens on a socket and on a port of this machine; it trusts whoever comes by the socket.

    Args:
        durable: whether it waits for the disk; tests need not.
    """

    def __init__(self, durable: bool = False) -> None:
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="tidegate-pg-", dir="/tmp"))
        self.port = _free_port()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._as = _unprivileged()
        if self._as:
            shutil.chown(self.folder, *self._as)
        try:
            self._run(
                "initdb", "-D", self.data, "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"
            )
            (self.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
            self.start()
        except BaseException:
            self.end()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        options = [
            "-k",
            self.folder,
            "-p",
            self.port,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"fsync={'on' if self._durable else 'off'}",
        ]
        command = [programs() / "postgres", "-D", self.data, *options, "-c", "max_connections=60"]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [str(word) for word in command], stdout=log, stderr=log, cwd="/", **self._user()
        )
        log.close()
        until = time.monotonic() + READY_S
        while not self._answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once: connections break, what was committed stays."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(READY_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end(self) -> None:
        """Stop it and remove what it has written."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """Make a database, and answer the URL of a store in it for the administrator."""
        name = f"site{next(self._numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return self.url(name)

    def url(self, database: str, user: str = ADMIN) -> str:
        """The URL of a database, by the socket, for which nobody is asked for a password."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def url_with_password(self, database: str, user: str, password: str = PASSWORD_IN_URL) -> str:
        """The URL of a database, by the port, with a password in it."""
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, database: str, statement: str, user: str = ADMIN) -> list[tuple[object, ...]]:
        """Run a statement, and answer its rows."""
        with psycopg.connect(self.url(database, user), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def client(self, program: str, *words: object, text: str | None = None) -> str:
        """What a client program of PostgreSQL's prints."""
        done = subprocess.run(
            [str(word) for word in (programs() / program, *words)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: object) -> None:
        command = [str(word) for word in (programs() / program, *words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._user())
        assert done.returncode == 0, done.stdout + done.stderr

    def _user(self) -> dict[str, object]:
        return {"user": self._as[0], "group": self._as[1], "extra_groups": []} if self._as else {}


def database_of(url: str) -> str:
    """The name of the database in a URL of ours."""
    return url.partition("?")[0].rpartition("/")[2]


def _unprivileged() -> tuple[int, int] | None:
    """As whom the server runs, which refuses to run as root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise LookupError("neither postgres nor nobody is a user here")


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port

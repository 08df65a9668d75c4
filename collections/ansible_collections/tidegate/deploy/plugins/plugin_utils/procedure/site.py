# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run keeps what it must remember: the store, and a private folder for what no record may hold."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import away
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import shown
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder, run_id
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import folder, locate
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


def now() -> datetime:
    """The wall clock; the one place where it enters."""
    return datetime.now(UTC)


def ms_since(then: datetime) -> int:
    """How long ago a moment was, in milliseconds; 0 when the clock was set back meanwhile."""
    return max(0, (now() - then) // timedelta(milliseconds=1))


class Stopwatch:
    """How long something takes, from its making on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def ms(self) -> int:
        """So far, in milliseconds."""
        return round((time.monotonic() - self._began) * 1000)


class Patience:
    """How long something is tried again.

    Args:
        within_s: seconds from now.
    """

    PAUSE_S = 2

    def __init__(self, within_s: int) -> None:
        self._until = time.monotonic() + within_s

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._until

    def pause(self) -> None:
        """Wait before the next try."""
        time.sleep(self.PAUSE_S)


def store_path(inventory_sources: Sequence[str]) -> str:
    """Where the store of this site is, for people: beside the first inventory source, unless TIDEGATE_STORE says otherwise."""
    return shown(locate(inventory_sources))


def store_folder(inventory_sources: Sequence[str]) -> str:
    """What lies beside the store on this controller."""
    return folder(inventory_sources)


def open_store(inventory_sources: Sequence[str], check: bool) -> Store:
    """The store of this site; in check mode a scratch copy of it, so that nothing is written where it stays.

    Args:
        inventory_sources: as Ansible names them; the store lies beside the first unless TIDEGATE_STORE says otherwise.
        check: whether this is check mode.
    """
    address = locate(inventory_sources)
    if check:
        return Store.scratch(address, str(scratch_folder()), now)
    return away.open_store(address, now, store_folder(inventory_sources), _process())


def store_to_finish(inventory_sources: Sequence[str], check: bool) -> Store:
    """The store of this site; while it is away, what this run keeps beside it, in which nothing can begin.

    Raises:
        Refusal: as `open_store`; `Away`, this run has begun nothing.
    """
    if check:
        return open_store(inventory_sources, check)
    return away.open_to_end(locate(inventory_sources), now, store_folder(inventory_sources), _process())


def _process() -> str:
    """The ansible-playbook process, as what it keeps beside the store is named."""
    return run_id(current_run_holder())


def scratch_folder() -> Path:
    """The folder of a check-mode run; `drop_scratch` removes it."""
    return Path(tempfile.gettempdir()) / f"tidegate-check-{os.getuid()}-{run_id(current_run_holder())[:16]}"


def drop_scratch() -> None:
    """Remove what a check-mode run kept."""
    shutil.rmtree(scratch_folder(), ignore_errors=True)


def write_json(path: str, document: Mapping[str, Any]) -> None:
    """Write a document for programs to a file that the user named.

    Raises:
        Refusal: DATA, it cannot be written.
    """
    write_text(path, json.dumps(document, indent=2, sort_keys=True) + "\n", "json_file")


def write_text(path: str, text: str, option: str) -> None:
    """Write text to a file that the user named with an option.

    Raises:
        Refusal: DATA, it cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal("DATA", f"{option} {path}: {error.strerror}; name a file in a folder that is there") from None


class Private:
    """What one run keeps for each host, in 0600 files of a folder of the controller: never in a task's result.

    Args:
        folder: what lies beside the store.
        run: the run's id.
    """

    KIND: ClassVar[str]

    def __init__(self, folder: str | Path, run: str) -> None:
        self._folder = Path(folder, self.KIND, run)

    def _keep(self, host: str, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._file(host), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)

    def _kept(self, host: str) -> str | None:
        try:
            return self._file(host).read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Remove all of the run."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, host: str) -> Path:
        return self._folder / hashlib.sha256(host.encode("utf-8")).hexdigest()


class Tokens(Private):
    """The confirm tokens of a run."""

    KIND = "tokens"

    def new(self, host: str) -> str:
        """Make and keep the token of a host's activation; 32 random bytes in hexadecimal."""
        token = secrets.token_hex(32)
        self._keep(host, token)
        return token

    def of(self, host: str) -> str:
        """The token that was kept for a host.

        Raises:
            Refusal: TOKEN when there is none: the activation was begun by another run.
        """
        token = self._kept(host)
        if token is None:
            raise Refusal(
                "TOKEN",
                f"this run did not activate {host} and holds no token for it; the host goes back by itself at its "
                "deadline, run the rollout again then",
            )
        return token

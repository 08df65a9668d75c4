# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a payload of tasks, read once: their digests go into the plan, their bytes are kept beside the store.

What runs is the kept copy. So it is what was planned, also when the site's files are edited in the middle of a rollout,
and a way back that is taken days later is the one that belongs to the change.

Of a task file everything in its folder and below belongs to the payload, of a role everything in the role's folder. What
lies elsewhere (modules, other roles, variables of the inventory) is not part of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import task_files
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.payload import Once, Part, Tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Problem, refuse

MAX_FILES = 2000
MAX_BYTES = 8 * 1024 * 1024
NOT_READ = (".git", "__pycache__")
IDLE_FOR_S = 86400
"""How long a kept folder that no change names is left alone: somebody may be planning with it."""

FindRole = Callable[[str], str | None]
"""The folder of a role that is known by its name only; None where there is none."""


@dataclass(frozen=True)
class File:
    """A file of a bundle."""

    data: bytes
    executable: bool

    @property
    def doc(self) -> dict[str, Any]:
        """Its digest for the plan."""
        return {"sha256": hashlib.sha256(self.data).hexdigest(), "executable": self.executable}


@dataclass(frozen=True)
class Bundle:
    """What a change carries in tasks.

    Attributes:
        tasks: where apply, revert and check are in it; None where it carries a release.
        once: the same of its once-per-change tasks.
        files: all files, by their path in the bundle.
    """

    tasks: Mapping[str, Any] | None
    once: Sequence[Mapping[str, Any]]
    files: Mapping[str, File]

    @property
    def files_doc(self) -> dict[str, Any]:
        """The digest of each file, for the plan."""
        return {path: file.doc for path, file in sorted(self.files.items())}

    @property
    def digest(self) -> str:
        """What hosts are told apart by: the per-host tasks with their files."""
        if self.tasks is None and not self.once:
            return canonical.digest(self.files_doc)
        roots = {part["root"] for part in (self.tasks or {}).values() if part}
        files = {path: doc for path, doc in self.files_doc.items() if path.partition("/")[0] in roots}
        return canonical.digest({"tasks": self.tasks, "files": files})

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(len(file.data) for file in self.files.values())

    def keep(self, folder: Path) -> None:
        """Write all files below a folder; what is there already is left alone, and is young again."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(folder)
        for path, file in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not target.exists():
                part = target.with_name(f".{target.name}.{os.getpid()}")
                part.write_bytes(file.data)
                part.chmod(0o700 if file.executable else 0o600)
                part.rename(target)


EMPTY = Bundle(None, (), {})
"""Of a change that carries no tasks."""


def folder_of(store_folder: Path, files: Mapping[str, Any]) -> Path:
    """Where the files of a plan are kept."""
    return store_folder / "tasks" / canonical.digest(files)[:32]


def prune(kept: Path, needed: Callable[[], Collection[Path]], now_s: float) -> None:
    """Remove the folders of plans that nothing needs any more.

    Args:
        kept: the folder with all of them.
        needed: answers those that something needs; asked only where there is one that has not been kept anew for a day.
        now_s: the time, in seconds since 1970.
    """
    idle = [folder for folder in kept.iterdir() if folder.stat().st_mtime < now_s - IDLE_FOR_S]
    for folder in set(idle) - set(needed() if idle else ()):
        shutil.rmtree(folder, ignore_errors=True)


def changed_files(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Which files of a plan are not there as they were kept."""
    return [path for path, doc in files.items() if _doc_of(folder / path) != doc]


def of_playbook(path: str, place: str) -> Bundle:
    """The bundle of a playbook that somebody runs under the gate: that file alone.

    Args:
        path: of the playbook.
        place: the change file, for the error.

    Raises:
        Refusal: DATA, it cannot be read.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Refusal("DATA", f"{place}: playbook: {path}: {error.strerror}; expected a playbook") from None
    return Bundle(None, (), {f"0-playbook/{os.path.basename(path)}": File(data, False)})


def read(tasks: Tasks | None, once: Sequence[Once], place: str, find_role: FindRole) -> Bundle:
    """Read everything that a change carries in tasks.

    Args:
        tasks: its per-host tasks.
        once: its once-per-change tasks.
        place: the change file, for errors.
        find_role: where roles are.

    Raises:
        Refusal: DATA, with everything that is missing or not as it must be.
    """
    roots: dict[str, str] = {}
    problems: list[Problem] = []
    files: dict[str, File] = {}

    def where(part: Part | None) -> dict[str, Any] | None:
        if part is None:
            return None
        try:
            return _located(part, roots, files, find_role)
        except _Wrong as wrong:
            problems.append(Problem(part.at, wrong.found, wrong.expected))
            return None

    per_host = None
    if tasks is not None:
        per_host = {name: where(part) for name, part in (("apply", tasks.apply), ("check", tasks.check))}
        per_host["revert"] = where(tasks.revert)
    per_change = [
        {
            "name": one.name,
            "when": one.when,
            "on": one.on,
            "apply": where(one.apply),
            "check": where(one.check),
            "revert": one.revert,
        }
        for one in once
    ]
    refuse(place, problems)
    return Bundle(per_host, per_change, files)


class _Wrong(Exception):
    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected


def _located(part: Part, roots: dict[str, str], files: dict[str, File], find_role: FindRole) -> dict[str, Any]:
    """Where a part is in the bundle, after its folder was read."""
    folder = part.folder
    if part.role:
        folder = part.folder if os.path.isabs(part.folder) else find_role(part.folder) or ""
        if not os.path.isdir(folder):
            raise _Wrong(f"no role {part.folder}", "a role in a folder roles beside the change file or in roles_path")
    entry = _entry(folder, part)
    if folder not in roots:
        root = f"{len(roots)}-{os.path.basename(folder)}"
        for path, file in _read_folder(folder):
            files[f"{root}/{path}"] = file
        if len(files) > MAX_FILES or sum(len(file.data) for file in files.values()) > MAX_BYTES:
            raise _Wrong(
                f"a folder with more than {MAX_FILES} files or {MAX_BYTES // 2**20} MiB ({folder})",
                "a folder of its own for the task files, with what they use",
            )
        roots[folder] = root
    wrong = task_files.problem(files[f"{roots[folder]}/{entry}"].data)
    if wrong:
        raise _Wrong(f"{os.path.join(folder, entry)}: {wrong}", "a file with a list of tasks")
    return {"root": roots[folder], "entry": entry, "role": part.role}


def _entry(folder: str, part: Part) -> str:
    """The file with which a part begins, relative to its folder."""
    names = [part.entry]
    if part.role:
        names = [f"tasks/{part.entry}{suffix}" for suffix in ("", ".yml", ".yaml")]
    for name in names:
        if os.path.isfile(os.path.join(folder, name)):
            return name
    raise _Wrong(f"no file {os.path.join(folder, names[-2] if part.role else names[0])}", "a file with a list of tasks")


def _read_folder(folder: str) -> Iterator[tuple[str, File]]:
    total = 0
    for top, names, leaves in os.walk(folder):
        names[:] = sorted(name for name in names if name not in NOT_READ)
        for name in names:
            if os.path.islink(os.path.join(top, name)):
                raise _Wrong(f"{os.path.join(top, name)}, a link to a folder", "folders and files only")
        for name in sorted(leaves):
            path = os.path.join(top, name)
            file = _read_file(path)
            total += len(file.data)
            if total > MAX_BYTES:
                raise _Wrong(f"a folder with more than {MAX_BYTES // 2**20} MiB ({folder})", "a folder of its own")
            yield os.path.relpath(path, folder), file


def _read_file(path: str) -> File:
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise _Wrong(f"{path}, which is no regular file", "folders and files only")
        if found.st_size > MAX_BYTES:
            raise _Wrong(f"{path} with {found.st_size} bytes", f"at most {MAX_BYTES} bytes")
        return File(Path(path).read_bytes(), bool(found.st_mode & stat.S_IXUSR))
    except OSError as error:
        raise _Wrong(f"{path}: {error.strerror}", "a file that can be read") from None


def _doc_of(path: Path) -> dict[str, Any] | None:
    try:
        return _read_file(str(path)).doc
    except _Wrong:
        return None


def require_kept(folder: Path, files: Mapping[str, Any]) -> None:
    """See that the files of a plan are kept as they were read.

    Raises:
        Refusal: TASKS, naming those that are not.
    """
    wrong = changed_files(folder, files)
    if wrong:
        raise Refusal(
            "TASKS",
            f"{folder}: found {', '.join(wrong[:5])} missing or changed, expected the task files as they were planned; "
            "restore the folder, or plan the change again",
        )

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing the host program: by digest, beside what is there, with one link that all callers follow.

Invariants:

- An older program never replaces a newer one, and none is replaced while an activation or a way back is under way.
- `current` is replaced by one rename; before that, everything that it leads to is complete on disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import cast

from ..core import states
from ..core.errors import Refusal
from ..core.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .host import Host

_CURRENT = "current"

_LAUNCHER = """\
#!{python} -IS
import sys
from typing import cast
sys.path.insert(0, {folder!r})
from tidegate_host.host.program import main
main({digest!r})
"""

UNITS = {
    "tidegate-boot.service": """\
[Unit]
Description=Take back what another boot left unconfirmed, before services start
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target shutdown.target
Conflicts=shutdown.target
RequiresMountsFor={state} {lib}
ConditionPathExists={lib}/current/tidegate-host

[Service]
Type=oneshot
ExecStart={lib}/current/tidegate-host boot
TimeoutStartSec=60

[Install]
WantedBy=sysinit.target
""",
    "tidegate-resume.service": """\
[Unit]
Description=Finish what the boot unit of Tidegate has moved
After=network.target
ConditionPathExists={lib}/current/tidegate-host

[Service]
Type=oneshot
ExecStart={lib}/current/tidegate-host resume
TimeoutStartSec=60

[Install]
WantedBy=multi-user.target
""",
    "tidegate-revert@.service": """\
[Unit]
Description=Go back to the previous release of %i
StartLimitIntervalSec=10min
StartLimitBurst=20

[Service]
Type=exec
ExecStart={lib}/current/tidegate-host revert %i
KillMode=control-group
Restart=on-failure
RestartSec=5
""",
}


def install_package(host: Host, package_fd: int, digest: str) -> bool:
    """Let the host carry a program from now on.

    Args:
        host: where.
        package_fd: the package.
        digest: its digest.

    Returns:
        False: the host keeps the one that it carries, because that is newer or something is under way.
    """
    lib = host.paths.lib
    carried = _carried(lib)
    if carried == digest:
        return True
    with host.lock():
        if carried is not None and (_version_of(lib, carried) > VERSION or under_way(host)):
            return False
        try:
            _unpack(host, package_fd, digest)
            host.units.define({name: _filled(host, text) for name, text in UNITS.items()})
            _point_to(host, digest)
        except OSError as error:
            raise Refusal("NO_SPACE", f"{lib}: the host program cannot be installed ({error.strerror})") from None
    _remove_others(lib, {digest, carried})
    return True


def under_way(host: Host) -> bool:
    """Whether any service is being activated or goes back."""
    return any(
        host.journal(name).read(states.ABSENT)["state"] in ("pending", "ready", "reverting") for name in host.services()
    )


def delegate(host: Host, stream: BinaryIO) -> int:
    """Have the program that the host carries do what was asked of this one."""
    launcher = os.path.join(host.paths.lib, _CURRENT, "tidegate-host")
    with subprocess.Popen([launcher], stdin=subprocess.PIPE) as process, contextlib.suppress(BrokenPipeError):
        shutil.copyfileobj(stream, cast("BinaryIO", process.stdin))  # a broken pipe: it has answered already
    return process.returncode


def _carried(lib: str) -> str | None:
    try:
        digest = os.path.basename(os.readlink(os.path.join(lib, _CURRENT)))
    except OSError:
        return None
    return digest if os.access(os.path.join(lib, digest, "tidegate-host"), os.X_OK) else None


def _version_of(lib: str, digest: str) -> tuple[int, ...]:
    try:
        with open(os.path.join(lib, digest, "version"), encoding="ascii") as file:
            return tuple(int(part) for part in file.read().split("."))
    except (OSError, ValueError):
        return ()


def _unpack(host: Host, package_fd: int, digest: str) -> None:
    """Write the package to a folder of its own, compiled for the Python that runs now, and rename it into place."""
    import zipfile

    lib = host.paths.lib
    os.makedirs(lib, mode=0o755, exist_ok=True)
    os.chmod(lib, 0o755)
    folder, work = os.path.join(lib, digest), os.path.join(lib, f".new-{digest}")
    shutil.rmtree(work, ignore_errors=True)
    os.umask(0o022)  # it is no secret, and whoever may not use it shall be told so by it
    with zipfile.ZipFile(f"/proc/self/fd/{package_fd}") as package:
        package.extractall(work)
    _compile(work, folder)
    with open(os.path.join(work, "version"), "w", encoding="ascii") as file:
        file.write(".".join(map(str, VERSION)))
    launcher = os.path.join(work, "tidegate-host")
    with open(launcher, "w", encoding="utf-8") as file:
        file.write(_LAUNCHER.format(python=sys.executable, folder=folder, digest=digest))
    os.chmod(launcher, 0o755)
    _sync(work)
    shutil.rmtree(folder, ignore_errors=True)
    os.umask(0o077)
    host.disk.rename(work, folder)


def _compile(work: str, folder: str) -> None:
    """Byte-compile without later checks of the source: nobody edits it, and starting counts."""
    import py_compile

    for parent, _folders, names in os.walk(work):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                shown = os.path.join(folder, os.path.relpath(path, work))
                py_compile.compile(
                    path, dfile=shown, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
                )


def _sync(folder: str) -> None:
    from .tree import sync_file_system

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_file_system(descriptor)
    finally:
        os.close(descriptor)


def _filled(host: Host, text: str) -> str:
    return text.format(lib=host.paths.lib, state=host.paths.state)


def _point_to(host: Host, digest: str) -> None:
    link = os.path.join(host.paths.lib, ".next")
    host.disk.symlink(digest, link)
    host.disk.rename(link, os.path.join(host.paths.lib, _CURRENT))


def _remove_others(lib: str, kept: set[str | None]) -> None:
    for name in os.listdir(lib):
        if name not in kept and name != _CURRENT:
            shutil.rmtree(os.path.join(lib, name), ignore_errors=True)

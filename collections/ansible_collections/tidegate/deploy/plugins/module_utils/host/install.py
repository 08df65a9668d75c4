# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing the host program: by digest, beside what is there, with one link that all callers follow.

Invariants:

- An older program never replaces a newer one, and none is replaced while an activation or a way back is under way.
- `current` is replaced by one rename; before that, everything that it leads to is complete on disk, and the units
  that call it are known to systemd and start at boot.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from typing import cast

from ..core import states
from ..core.errors import Refusal
from ..core.version import VERSION
from . import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .host import Host

_CURRENT = "current"
_SYSTEM_PYTHON = "/usr/bin/python3"
_CHECK_S = 20

_LAUNCHER = """\
#!{python} -IS
import sys
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

    Installations wait for each other; the lock of all transitions is held only while the link moves.

    Args:
        host: where.
        package_fd: the package.
        digest: its digest.

    Returns:
        False: the host keeps the one that it carries, because that is newer or something is under way.
    """
    if _is_whole(host, digest):
        return True
    lib = host.paths.lib
    with host.install_lock():
        carried = _carried(lib)
        if _is_barred(host, carried, digest):
            return False
        try:
            if carried is not None:
                _mend_launcher(host, carried)
            if _keeps(host, carried, digest):
                return False
            if not _is_there(lib, digest):
                _unpack(host, package_fd, digest)
            _mend_launcher(host, digest)
            host.units.define(definitions(host))
            return _take_its_place(host, carried, digest)
        except OSError as error:
            raise Refusal("NO_SPACE", f"{lib}: the host program cannot be installed ({error.strerror})") from None


def _is_whole(host: Host, digest: str) -> bool:
    """Whether nothing is left to do: carried, able to run, and its units are there and start at boot."""
    lib = host.paths.lib
    return _carried(lib) == digest and _runs(_launcher(lib, digest)) and host.units.defined(definitions(host))


def _is_barred(host: Host, carried: str | None, digest: str) -> bool:
    """Whether an enrolled host answers by the program that it carries, because its trust does not name this one.

    Raises:
        Refusal: ENROLLED; it carries none.
    """
    if not host.is_enrolled or carried == digest:
        return False
    from .trusted import current

    if digest in current(host).doc["programs"]:
        return False
    if carried is None:
        raise Refusal(
            "ENROLLED", f"{host.paths.lib}: this host is enrolled, and program {digest[:12]} is none that may run here"
        )
    return True


def carried(host: Host) -> str | None:
    """The digest of the program that the host carries."""
    return _carried(host.paths.lib)


def exposed(host: Host) -> str:
    """What leads to the carried program and can be changed by others than root; empty where nothing is."""
    owners = {0} | ({host.authority.uid} if host.authority else set())
    top = host.authority.top if host.authority else "/"
    launcher = os.path.join(host.paths.lib, _CURRENT, "tidegate-host")
    paths = [path for end in (launcher, os.path.realpath(launcher)) for path in _upwards(end)]
    return next((path for path in paths if f"{path}/".startswith(top) and not _is_theirs(path, owners)), "")


def _keeps(host: Host, carried: str | None, digest: str) -> bool:
    if carried is None or carried == digest:
        return False
    return _version_of(host.paths.lib, carried) > VERSION or under_way(host)


def _take_its_place(host: Host, carried: str | None, digest: str) -> bool:
    """Move the link, unless something began meanwhile."""
    with host.lock():
        if _keeps(host, carried, digest):
            return False
        if carried != digest:
            _point_to(host, digest)
        _remove_others(host.paths.lib, {digest, carried})
    return True


def under_way(host: Host) -> bool:
    """Whether any service is being activated or goes back."""
    return any(
        host.journal(name).read(states.ABSENT)["state"] in ("pending", "ready", "reverting") for name in host.services()
    )


def delegate(host: Host, stream: BinaryIO) -> int:
    """Have the program that the host carries do what was asked of this one.

    Raises:
        Refusal: NO_PYTHON; it cannot be started.
    """
    launcher = os.path.join(host.paths.lib, _CURRENT, "tidegate-host")
    try:
        # pylint: disable-next=ansible-bad-function  # a host program, no module: nothing else passes a stream on
        process = subprocess.Popen([launcher], stdin=subprocess.PIPE)
    except OSError as error:
        raise Refusal("NO_PYTHON", f"{launcher}: the program of this host cannot be run ({error.strerror})") from None
    with process, contextlib.suppress(BrokenPipeError):  # a broken pipe: it has answered already
        shutil.copyfileobj(stream, cast("BinaryIO", process.stdin))
    return process.returncode


def _carried(lib: str) -> str | None:
    try:
        digest = os.path.basename(os.readlink(os.path.join(lib, _CURRENT)))
    except OSError:
        return None
    return digest if _is_there(lib, digest) else None


def _is_there(lib: str, digest: str) -> bool:
    """Whether a program lies in its folder; such a folder is whole, for it came by a rename."""
    return os.access(_launcher(lib, digest), os.X_OK)


def _launcher(lib: str, digest: str) -> str:
    return os.path.join(lib, digest, "tidegate-host")


def _version_of(lib: str, digest: str) -> tuple[int, ...]:
    try:
        with open(os.path.join(lib, digest, "version"), encoding="ascii") as file:
            return tuple(int(part) for part in file.read().split("."))
    except (OSError, ValueError):
        return ()


def _unpack(host: Host, package_fd: int, digest: str) -> None:
    """Write the package to a folder of its own, and rename it into place."""
    lib = host.paths.lib
    folder, work = os.path.join(lib, digest), os.path.join(lib, f".new-{digest}")
    mask = os.umask(0o022)  # it is no secret, and whoever may not use it shall be told so by it
    try:
        os.makedirs(lib, mode=0o755, exist_ok=True)
        os.chmod(lib, 0o755)
        shutil.rmtree(work, ignore_errors=True)
        _fill(work, package_fd, digest, _LAUNCHER.format(python=interpreter(host), folder=folder, digest=digest))
    finally:
        os.umask(mask)
    if os.path.lexists(folder):  # without a launcher, so nobody runs it
        os.rename(folder, os.path.join(lib, f".old-{digest}"))
    host.disk.rename(work, folder)


def _fill(work: str, package_fd: int, digest: str, launcher: str) -> None:
    """Unpack, compiled for the Python that runs now; all of it durable."""
    import zipfile

    with zipfile.ZipFile(f"/proc/self/fd/{package_fd}") as package:
        package.extractall(work)
    _compile(work, os.path.join(os.path.dirname(work), digest))
    for name, text in (("version", ".".join(map(str, VERSION))), ("tidegate-host", launcher)):
        with open(os.path.join(work, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(os.path.join(work, "tidegate-host"), 0o755)
    _sync(work)


def _mend_launcher(host: Host, digest: str) -> None:
    """Name another Python where the one that was found at the installation is gone."""
    launcher = _launcher(host.paths.lib, digest)
    if _runs(launcher):
        return
    with open(launcher, encoding="utf-8") as file:
        _shebang, _newline, rest = file.read().partition("\n")
    host.disk.write(launcher + ".new", f"#!{interpreter(host)} -IS\n{rest}".encode())
    os.chmod(launcher + ".new", 0o755)
    host.disk.rename(launcher + ".new", launcher)


def _runs(launcher: str) -> bool:
    """Whether the Python that a launcher names can be executed."""
    with open(launcher, encoding="utf-8") as file:
        shebang = file.readline()
    return os.access(shebang[2:].split()[0], os.X_OK) if shebang.startswith("#!") else False


def interpreter(host: Host) -> str:
    """The Python that the launcher names: this one, if only root can change it.

    Raises:
        Refusal: NO_PYTHON; neither this one nor the system's will do.
    """
    owners = {0} | ({host.authority.uid} if host.authority else set())
    for python in (sys.executable, os.path.realpath(sys.executable)):
        if _only_theirs(python, owners):
            return python
    check = [_SYSTEM_PYTHON, "-I", "-c", "import sys; sys.exit(sys.version_info < (3, 9))"]
    if os.access(_SYSTEM_PYTHON, os.X_OK) and bounded.run(check, _CHECK_S).rc == 0:
        return _SYSTEM_PYTHON
    raise Refusal(
        "NO_PYTHON",
        f"{sys.executable}: others than root can change this Python, and {_SYSTEM_PYTHON} is not 3.9 or newer; "
        "name one of root's with ansible_python_interpreter",
    )


def _only_theirs(path: str, owners: set[int]) -> bool:
    """Whether a file, what it leads to, and every folder above both belong to these owners alone."""
    return all(_is_theirs(above, owners) for end in (path, os.path.realpath(path)) for above in _upwards(end))


def _upwards(path: str) -> Iterator[str]:
    while True:
        yield path
        parent = os.path.dirname(path)
        if parent == path:
            return
        path = parent


def _is_theirs(path: str, owners: set[int]) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode)
    return status.st_uid in owners and not others_write


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


def definitions(host: Host) -> dict[str, str]:
    """The units of the program, as their files must be: name -> content."""
    return {name: text.format(lib=host.paths.lib, state=host.paths.state) for name, text in UNITS.items()}


def _point_to(host: Host, digest: str) -> None:
    link = os.path.join(host.paths.lib, ".next")
    host.disk.symlink(digest, link)
    host.disk.rename(link, os.path.join(host.paths.lib, _CURRENT))


def _remove_others(lib: str, kept: set[str | None]) -> None:
    for name in os.listdir(lib):
        if name not in kept and name != _CURRENT:
            shutil.rmtree(os.path.join(lib, name), ignore_errors=True)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one image that all hosts share, read-only: a small Debian, and on it a layer with the lab's own files.

Each of the two is a folder named by the digest of its recipe, built beside its place and renamed into it, so a folder
that is there is whole; a changed recipe has another name. Two builders wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.command import LabError
from lab.sources import codename, own_sources

LAB = Path(__file__).resolve().parent
ROOTFS = LAB / "rootfs"
CLOCK_SOURCE = LAB / "clock.c"
CLOCK_LIBRARY = "/usr/local/lib/lab-clock.so"
PACKAGES = "ca-certificates,curl,dbus,haproxy,iproute2,openssh-server,procps,python3,sudo,systemd,systemd-sysv,tcc"
BUILT_AT = "1577836800"  # 2020-01-01: no password of a host whose clock is set back was changed in the future
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
HOOKS = (
    'chroot "$1" useradd --create-home --shell /bin/bash ops',
    'chroot "$1" useradd --system --shell /usr/sbin/nologin web',
    'chroot "$1" useradd --system --shell /usr/sbin/nologin worker',
    f"copy-in {CLOCK_SOURCE} /usr/local/src",
    f'chroot "$1" tcc -shared -nostdlib -o {CLOCK_LIBRARY} /usr/local/src/{CLOCK_SOURCE.name}',
    'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/resolv.conf',
)
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
    "e2scrub_reap.service", "systemd-pstore.service", "systemd-networkd.service", "systemd-timesyncd.service",
    "systemd-resolved.service", "systemd-journal-flush.service", "systemd-random-seed.service",
    "systemd-update-utmp.service", "systemd-binfmt.service", "systemd-firstboot.service", "getty.target",
    "console-getty.service", "haproxy.service", "dev-hugepages.mount", "sys-fs-fuse-connections.mount",
    "systemd-update-utmp-runlevel.service",
)  # fmt: skip


def layers() -> list[Path]:
    """The image's folders, the upper first; built now where they are missing.

    Raises:
        LabError: The image cannot be built.
    """
    base, site = cache() / f"base-{_base_digest()}", cache() / f"site-{_site_digest()}"
    if not (base.exists() and site.exists()):
        with _only_builder():
            _build(base, _make_base)
            _build(site, _make_site)
    return [site, base]


def cache() -> Path:
    """The folder for built images: TIDEGATE_LAB_CACHE, or one of the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TIDEGATE_LAB_CACHE") or user / "tidegate-lab").absolute()


def _base_digest() -> str:
    digest = hashlib.sha256(CLOCK_SOURCE.read_bytes())
    digest.update(
        repr((codename(), PACKAGES, BUILT_AT, LEFT_OUT, [hook.replace(str(LAB), "") for hook in HOOKS])).encode()
    )
    return digest.hexdigest()[:16]


def _site_digest() -> str:
    digest = hashlib.sha256(repr(MASKED).encode())
    for file in sorted(ROOTFS.rglob("*")):
        content = file.read_bytes() if file.is_file() else b""
        digest.update(repr((str(file.relative_to(ROOTFS)), file.stat().st_mode & 0o100, content)).encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _only_builder() -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    descriptor = os.open(cache(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another lab builds its image in the same cache; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        for remains in cache().glob("new-*"):
            shutil.rmtree(remains)
        yield
    finally:
        os.close(descriptor)


def _build(place: Path, make: Callable[[Path], None]) -> None:
    if place.exists():
        return
    new = place.with_name(f"new-{place.name}")
    try:
        make(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    new.rename(place)


def _make_base(folder: Path) -> None:
    """Build the Debian; in namespaces of its own, so that it and its mounts end with us even if we are killed."""
    release, started = codename(), time.monotonic()
    _say(f"building the image of all hosts from {release} packages in {cache()} (once, about a minute)")
    contained = f"env SOURCE_DATE_EPOCH={BUILT_AT} setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc".split()
    options = ["--variant=minbase", f"--include={PACKAGES}", "--mode=root"]
    options += [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    options += [f"--customize-hook={hook}" for hook in HOOKS]
    _watch_mmdebstrap([*contained, "mmdebstrap", *options, release, str(folder), *own_sources(release)])
    (folder / "etc/machine-id").write_text("")
    _say(f"image built in {time.monotonic() - started:.0f} s")


def _watch_mmdebstrap(argv: list[str]) -> None:
    """Run it, saying each of its stages, and all that it said when it fails."""
    said = []
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as builder:
        for line in builder.stdout or ():
            said.append(line)
            if line.startswith("I: ") and line.rstrip().endswith("..."):
                _say(f"  {line[3:].rstrip()}")
    if builder.returncode != 0:
        raise LabError(f"mmdebstrap ended with {builder.returncode}; its last lines:\n{''.join(said[-15:])}")


def _make_site(folder: Path) -> None:
    """Lay out the lab's own files, and mask what a practice host has no use for."""
    for file in sorted(ROOTFS.rglob("*")):
        place = folder / file.relative_to(ROOTFS)
        if file.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
            place.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    units = folder / "etc/systemd/system"
    units.mkdir(parents=True, exist_ok=True)
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")
    for directory in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        directory.chmod(0o755)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on a unified cgroup hierarchy, shown to a hybrid machine's lab by mounts of its own.

Its controllers stay with version 1 there, so their hand-down is not tested by this; all else is.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from fleet.conftest import CHECKOUT

from lab import cgroups

AS_UNIFIED = """
set -e
mount --make-rprivate /
mkdir "$1/v2"
mount --bind /sys/fs/cgroup/unified "$1/v2"
umount --recursive /sys/fs/cgroup
mount --move "$1/v2" /sys/fs/cgroup
shift
exec "$@"
"""
USE_A_FLEET = r"""
import sys
from lab import cgroups
from lab.fleet import Fleet

with Fleet.up(2, sys.argv[1]) as fleet:
    host = fleet["web1"]
    assert host.ssh("stat -f -c %T /sys/fs/cgroup").stdout == "cgroup2fs\n"
    assert host.ssh("systemctl is-system-running --wait").stdout == "running\n"
    boot = host.boot_id()
    host.ssh("reboot", check=False)
    host.wait_rebooted(boot)
    host.freeze()
    host.kill()
    host.start()
    host.wait_ready()
    print(cgroups.mode(), fleet["web2"].ssh("hostname").stdout, end="")
"""


@pytest.mark.skipif(cgroups.mode() != "hybrid", reason="all tests run on a unified hierarchy here")
def test_fleet_on_a_unified_hierarchy(fleet_name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hosts boot, boot again, freeze, lose power and go, all in the one tree."""
    folder = tmp_path_factory.mktemp("cgroup")
    in_own_mounts = ["unshare", "--mount", "sh", "-c", AS_UNIFIED, "as-unified", str(folder)]
    done = subprocess.run(
        [*in_own_mounts, sys.executable, "-c", USE_A_FLEET, fleet_name],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == "unified web2\n", done.stderr
    assert not (cgroups.v2_tree() / cgroups.TOP / fleet_name).exists()

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mount a folder lies on, and which of them a store may use."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import refuse_network

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/me/local rw - xfs /dev/vdb rw
32 22 0:42 / /mnt/with\040space rw - cifs //server/share rw
33 22 0:43 / /srv rw - nfs server:/srv rw
34 22 0:44 / /srv rw - ext4 /dev/vdc rw
35 22 0:45 / /remote rw shared:3 master:1 - fuse.sshfs me@host:/ rw
36 22 0:46 / /container rw - fuse.fuse-overlayfs overlay rw
37 22 0:47 / /windows rw - 9p drvfs rw
a line that nobody understands
"""


@pytest.mark.parametrize(
    ("folder", "mount", "kind"),
    [
        ("/home/you", "/home", "nfs4"),
        ("/home", "/home", "nfs4"),
        ("/mnt/with space/site", "/mnt/with space", "cifs"),
        ("/remote/site", "/remote", "fuse.sshfs"),
        ("/windows", "/windows", "9p"),
    ],
)
def test_a_file_system_of_several_machines_is_refused(folder, mount, kind):
    """The refusal names folder, mount and kind, and what to do."""
    with pytest.raises(Refusal, match="Name a path on a local disk in TIDEGATE_STORE") as caught:
        refuse_network(folder, lambda: MOUNTS)
    assert caught.value.code == "STORE"
    assert caught.value.facts == {"mount": mount, "kind": kind}
    assert caught.value.message.startswith(f"{folder} lies on {mount}, a {kind} file system")


@pytest.mark.parametrize("folder", ["/", "/var/lib", "/home/me/local/site", "/homes", "/srv/site", "/container/a"])
def test_a_local_file_system_is_taken(folder):
    """The longest mount point decides, of equal ones the last, and names that only begin alike do not count."""
    refuse_network(folder, lambda: MOUNTS)


def test_without_the_kernel_s_list_a_folder_is_trusted():
    """Systems without /proc are not refused."""
    refuse_network("/home/you", lambda: "")


def test_the_real_list_is_understood(tmp_path):
    """The temporary folder of this machine is found on some mount."""
    refuse_network(str(tmp_path))

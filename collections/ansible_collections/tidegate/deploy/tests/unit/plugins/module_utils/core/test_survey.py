# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units are a site's own."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import survey

RUNNING = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Transient": "no", "Type": "simple"}


def started(path: str, arguments: str = "") -> str:
    """ExecStart as systemd shows it."""
    return f"{{ path={path} ; argv[]={path} {arguments} ; ignore_errors=no ; start_time=[n/a] ; pid=0 }}"


def unit(name: str = "web.service", file: str = "/etc/systemd/system/web.service", **more: str) -> dict[str, str]:
    """What systemd shows of a unit."""
    return {**RUNNING, "Id": name, "FragmentPath": file, "ExecStart": started("/usr/bin/web"), **more}


OWN = [
    unit(),
    unit(SubState="auto-restart", ActiveState="activating"),
    unit(file="/usr/local/lib/systemd/system/web.service"),
    unit(file="/lib/systemd/system/web.service", ExecStart=started("/opt/web/bin/web")),
    unit(file="/lib/systemd/system/web.service", WorkingDirectory="!/srv/web"),
    unit(ActiveState="inactive", SubState="dead", ExecStart=started("/opt/web/current/bin/web")),
    unit("web@1.service", "/etc/systemd/system/web@.service"),
]
NOT_OWN = [
    unit("ssh.service", "/lib/systemd/system/ssh.service"),
    unit(ActiveState="inactive", SubState="dead"),
    unit(Type="oneshot", SubState="exited"),
    unit(Transient="yes", file="/run/systemd/transient/web.service"),
    unit(LoadState="masked"),
    unit(file=""),
    unit("tidegate-revert@web.service"),
    unit("snap.lxd.daemon.service", "/etc/systemd/system/snap.lxd.daemon.service"),
    unit("getty@tty1.service", "/etc/systemd/system/getty@tty1.service"),
    unit("web@.service"),
]


@pytest.mark.parametrize("shown", OWN)
def test_own_units(shown: dict[str, str]) -> None:
    """A unit file of the site's or a program in its folders; running, or waiting for a first release."""
    assert survey.is_own(shown)


@pytest.mark.parametrize("shown", NOT_OWN)
def test_other_units(shown: dict[str, str]) -> None:
    """What a distribution brings, what does not run, what runs once, and Tidegate's own."""
    assert not survey.is_own(shown)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (unit(ExecStart=started("/opt/web/current/bin/web")), "/opt/web"),
        (unit(WorkingDirectory="/srv/shop/current"), "/srv/shop"),
        (unit(ExecStart=started("/usr/bin/java", "-jar /opt/a-b/current/app.jar --x=1")), "/opt/a-b"),
        (unit(ExecStart=started("/usr/bin/web", "--root=/opt/web/current")), "/opt/web"),
        (unit(RootDirectory="/srv/jail/current"), "/srv/jail"),
        (unit(ExecStart=started("/opt/web/currently/web")), None),
        (unit(ExecStart=started("/opt/web/current.old/web")), None),
        (unit(ExecStart=started("/usr/bin/web", "--electric-current")), None),
        (unit(), None),
    ],
)
def test_the_root_whose_current_a_unit_runs_from(shown: dict[str, str], expected: str | None) -> None:
    """Found in program, arguments and folders; look-alikes are not taken."""
    assert expected == survey.current_root(shown)

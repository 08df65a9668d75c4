# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an experienced user writes with pyinfra: the same things in the same order as `plain.yml`.

Data: service, port, version, unpack; url and sha256, or archive on the controller.
"""

from pyinfra import host
from pyinfra.operations import files, server, systemd

service, port, version = host.data.service, host.data.port, host.data.version
unpack, pushed = host.data.unpack == "yes", host.data.get("archive")
root = f"/opt/{service}"
release = f"{root}/releases/{version}"
answer = f"http://127.0.0.1:{port}/version"
download = f"/var/tmp/{service}.tar.gz" if unpack else f"{release}/app"

files.directory(name="Make the folder of the release", path=release, mode="755", _sudo=True)
if pushed:
    files.put(name="Push the artifact", src=pushed, dest=download, mode="755", _sudo=True)
else:
    files.download(
        name="Download the artifact",
        src=host.data.url,
        dest=download,
        sha256sum=host.data.sha256,
        mode="755",
        _sudo=True,
    )
if unpack:
    server.shell(name="Unpack it", commands=[f"tar -xzf {download} -C {release}"], _sudo=True)
files.link(name="Point the link at the release", path=f"{root}/current", target=f"releases/{version}", _sudo=True)
systemd.service(name="Restart the service", service=f"{service}.service", restarted=True, enabled=True, _sudo=True)
server.shell(
    name="Wait until it answers with its version",
    commands=[f"for i in $(seq 600); do [ \"$(curl -fs {answer})\" = '{version}' ] && exit; sleep 0.1; done; exit 1"],
    _sudo=True,
)
server.shell(
    name="Keep one old release and no download",
    commands=[f"rm -f /var/tmp/{service}.tar.gz; cd {root} && ls -1dt releases/* | tail -n +3 | xargs -r rm -rf"],
    _sudo=True,
)

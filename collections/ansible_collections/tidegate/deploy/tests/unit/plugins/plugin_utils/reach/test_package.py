# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program as a package."""

from __future__ import annotations

import io
import zipfile

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program


def test_the_same_sources_give_the_same_bytes(tmp_path):
    """Order and dates of the files on disk do not matter, so neither does who built it."""
    digests = []
    for turn, names in enumerate((("a.py", "b.py"), ("b.py", "a.py"))):
        sources = tmp_path / str(turn)
        for room in ("core", "host"):
            (sources / room).mkdir(parents=True)
            for name in names:
                (sources / room / name).write_text(f"# {room} {name}\n")
        digests.append(host_program(sources).digest)

    assert digests[0] == digests[1]


def test_no_library_of_the_builder_shapes_it():
    """Every file is there as it is on disk: nothing is compressed, which another zlib does otherwise."""
    package = host_program()
    entries = zipfile.ZipFile(io.BytesIO(package.data)).infolist()

    assert {zipfile.ZIP_STORED} == {entry.compress_type for entry in entries}
    assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in entries}


def test_it_holds_the_rooms_and_nothing_else():
    """Only core and host travel, each folder with an entry of its own."""
    names = zipfile.ZipFile(io.BytesIO(host_program().data)).namelist()

    assert {"tidegate_host/", "tidegate_host/core/", "tidegate_host/host/"} <= set(names)
    assert all(name.startswith("tidegate_host/") and name.endswith(("/", ".py")) for name in names)
    assert "tidegate_host/core/states.py" in names

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image comes from the distribution's own packages, wherever this machine gets them, and from nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import sources
from lab.command import LabError

STANZAS = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example
Suites: stable
Components: main
"""
LINES = """\
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main # own
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm contrib
deb http://cloud.example/apt cloud-bookworm main
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty apt configuration."""
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(sources, "APT", tmp_path)
    return tmp_path


def test_stanzas(apt: Path) -> None:
    """Of deb822 stanzas the enabled ones of the release, its updates and security count."""
    (apt / "sources.list.d/debian.sources").write_text(STANZAS)

    assert sources.own_sources("bookworm") == [
        "deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm main",
        "deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/security bookworm-security main",
    ]


def test_lines(apt: Path) -> None:
    """Of one-line sources the binary ones of the release with main count, options included."""
    (apt / "sources.list").write_text(LINES)

    assert sources.own_sources("bookworm") == [
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main"
    ]


def test_no_source(apt: Path) -> None:
    """Without a source of the own release the message says where it looked."""
    (apt / "sources.list.d/other.list").write_text(LINES)

    with pytest.raises(LabError, match=f"{apt}/sources.list and .* name no package source for trixie main"):
        sources.own_sources("trixie")

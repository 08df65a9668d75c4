# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this machine gets its own distribution's packages; the image comes from there too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.command import LabError

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")


def codename() -> str:
    """The name of the release of the distribution that this machine runs, such as bookworm.

    Raises:
        LabError: It says none, so it is no Debian or a relative.
    """
    for line in OS_RELEASE.read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise LabError(f"{OS_RELEASE} names no VERSION_CODENAME; the lab builds its image from the packages of a Debian")


def own_sources(release: str) -> list[str]:
    """One-line apt sources of the distribution itself: its release, updates and security; no third party's.

    Raises:
        LabError: There is none.
    """
    suites = {release, f"{release}-updates", f"{release}-security", f"{release}/updates"}
    found = [
        f"deb {options} {uri} {suite} main".replace("  ", " ")
        for options, uri, suite, components in _entries()
        if suite in suites and "main" in components
    ]
    if not any(f" {release} " in line for line in found):
        raise LabError(f"{APT}/sources.list and {APT}/sources.list.d name no package source for {release} main")
    return sorted(set(found))


def _entries() -> Iterator[tuple[str, str, str, list[str]]]:
    """Every binary source: its options, address, suite and components."""
    for file in sorted(APT.glob("sources.list.d/*.sources")):
        for stanza in file.read_text().split("\n\n"):
            yield from _of_stanza(stanza)
    for file in [APT / "sources.list", *sorted(APT.glob("sources.list.d/*.list"))]:
        if file.exists():
            for line in file.read_text().splitlines():
                yield from _of_line(line)


def _of_stanza(stanza: str) -> Iterator[tuple[str, str, str, list[str]]]:
    lines = [line for line in stanza.splitlines() if line and not line.startswith("#")]
    fields = {key.strip().lower(): value.split() for key, _, value in (line.partition(":") for line in lines)}
    if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
        return
    key = fields.get("signed-by", [])
    options = f"[signed-by={key[0]}]" if len(key) == 1 and key[0].startswith("/") else ""
    for uri in fields.get("uris", []):
        for suite in fields.get("suites", []):
            yield options, uri, suite, fields.get("components", [])


def _of_line(line: str) -> Iterator[tuple[str, str, str, list[str]]]:
    if not line.startswith("deb "):
        return
    rest = line.removeprefix("deb").strip()
    options = ""
    if rest.startswith("["):
        options, _, rest = rest.partition("]")
        options += "]"
    words = rest.split("#")[0].split()
    if len(words) > 2:
        yield options, words[0], words[1], words[2:]

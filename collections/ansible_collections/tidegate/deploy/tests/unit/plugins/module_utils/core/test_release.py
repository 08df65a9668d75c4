# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of releases and changes are proved before they reach a path."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import (
    CHANGE_ID,
    VERSION,
    ReleaseId,
    is_release_id,
)

DIGEST = "0123456789ab" + "c" * 52


@pytest.mark.parametrize("version", ["1", "2.4.0", "2.4.0-rc.1", "1.0+build_7", "v" * 128])
def test_an_id_names_version_and_content(version: str) -> None:
    """Also a version with hyphens."""
    release_id = ReleaseId.of(version, DIGEST)
    assert str(release_id) == f"{version}-0123456789ab"
    assert is_release_id(str(release_id))


@pytest.mark.parametrize(
    "version",
    ["", ".", "..", "-1", "_x", "a/b", "../a", "a b", "a\n", "a\0", "é", "v" * 129, "+1", "a\\b", "a;b", "$(x)"],
)
def test_what_could_leave_a_path_is_no_version(version: str) -> None:
    """Slashes, control characters, leading dots and anything that a shell reads."""
    assert VERSION.fullmatch(version) is None
    with pytest.raises(Refusal, match="DATA: release version"):
        ReleaseId.of(version, DIGEST)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 63 + "\n"])
def test_what_is_no_digest_makes_no_id(digest: str) -> None:
    """Sixty-four lower-case hexadecimal digits, nothing else."""
    with pytest.raises(Refusal, match="DATA: manifest digest"):
        ReleaseId.of("1", digest)


@pytest.mark.parametrize(
    "text", ["", "1.0", "1.0-0123456789a", "1.0-0123456789AB", "-0123456789ab", "../1-0123456789ab"]
)
def test_what_is_no_id(text: str) -> None:
    """Such as the name of a folder that somebody else made."""
    assert not is_release_id(text)


@pytest.mark.parametrize(("text", "right"), [("CHG-2026-0007", True), ("CHG-2026-12345", True), ("CHG-26-0007", False)])
def test_change_ids_have_a_year_and_at_least_four_digits(text: str, right: bool) -> None:
    """`CHG-YYYY-NNNN`."""
    assert bool(CHANGE_ID.fullmatch(text)) is right

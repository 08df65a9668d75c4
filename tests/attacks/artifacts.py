# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by artifacts, and by the names and files that come with them."""

from __future__ import annotations

from attacks.row import UNIT, Row

CORPUS = (
    f"{UNIT}/module_utils/host/test_corpus.py::test_a_hostile_archive_is_refused_alike_everywhere_and_leaves_nothing"
)
TAKEN = f"{UNIT}/module_utils/host/test_corpus.py::test_an_ordinary_archive_is_taken_as_it_is"
STAGING = f"{UNIT}/module_utils/host/test_staging.py"
FETCH = f"{UNIT}/module_utils/host/test_fetch.py"
URLS = f"{UNIT}/module_utils/core/test_urls.py"
ARTIFACT = f"{UNIT}/plugin_utils/change/test_artifact.py"
FILE = f"{UNIT}/plugin_utils/change/test_file.py"
PROPERTY = "collection:tests/property/test_archives.py"
INSIDE = (
    f"{PROPERTY}::test_no_member_is_written_outside",
    f"{PROPERTY}::test_no_link_of_a_taken_archive_leads_outside",
)
DECIDING = f"{UNIT}/plugin_utils/procedure/test_deciding.py"
DOWNLOAD = "tests/e2e/test_download.py"

ARTIFACTS = (
    Row(
        "D01",
        "other bytes behind the same address or path",
        "DIGEST",
        (
            f"{ARTIFACT}::test_the_promised_digest",
            f"{DOWNLOAD}::test_server_that_gives_hosts_other_bytes",
            f"{DOWNLOAD}::test_server_that_gives_the_controller_other_bytes",
        ),
    ),
    Row(
        "D02",
        "bytes that are swapped between check and use",
        "they are hashed while they are copied, and unpacked from the copy",
        (f"{ARTIFACT}::test_a_file_that_changes_while_it_is_read", f"{STAGING}::test_a_refused_staging_leaves_nothing"),
    ),
    Row("D03", "another hash than SHA-256, or none", "DATA", (f"{FILE}::test_bad_files",)),
    Row(
        "D04",
        "endless, slow or wrongly sized answers",
        "FETCH, at the limit or the deadline",
        (
            f"{FETCH}::test_a_slow_server_is_left_at_the_deadline",
            f"{FETCH}::test_a_bad_answer_is_refused_and_leaves_nothing",
            f"{ARTIFACT}::test_too_large_for_the_limits",
        ),
    ),
    Row(
        "D06",
        "addresses of the link and of loopback, other schemes, redirects elsewhere, credentials in a URL",
        "FETCH or DATA",
        (
            f"{URLS}::test_a_doubtful_url_is_refused",
            f"{URLS}::test_a_redirect_elsewhere_is_refused",
            f"{URLS}::test_no_address_of_the_link_is_asked",
            f"{URLS}::test_loopback_is_asked_only_when_the_url_says_so",
            f"{DOWNLOAD}::test_redirect_to_a_server_that_is_not_allowed",
        ),
    ),
    Row("D07", "a member ../evil", "ARCHIVE, before anything is written", (CORPUS, *INSIDE)),
    Row("D09", "a link out, then a file through it", "ARCHIVE", (CORPUS, *INSIDE)),
    Row("D10", "a relative link out", "ARCHIVE", (CORPUS, *INSIDE)),
    Row("D11", "hard links", "ARCHIVE", (CORPUS,)),
    Row("D12", "paths so deep that resolving them goes wrong", "ARCHIVE", (CORPUS, *INSIDE)),
    Row("D13", "devices, fifos, sockets", "ARCHIVE", (CORPUS,)),
    Row("D14", "setuid, setgid, sticky, writable by all", "ARCHIVE, or the plain mode", (CORPUS, TAKEN)),
    Row(
        "D15",
        "owners in the archive",
        "the owner of the definition",
        (f"{STAGING}::test_everything_gets_the_owner_of_the_definition",),
    ),
    Row("D18", "bombs: bytes, entries, ratio", "ARCHIVE_LIMIT, and nothing is left", (CORPUS,)),
    Row("D19", "extended attributes and capabilities", "not taken", (TAKEN,)),
    Row(
        "D21",
        "a file more or less than the manifest has",
        "TREE",
        (
            f"{STAGING}::test_a_damaged_release_is_replaced",
            f"{UNIT}/module_utils/core/test_manifest.py::test_each_difference_is_named",
        ),
    ),
    Row(
        "D23",
        "an older plan or artifact, soundly approved at its time, again after a newer one is confirmed",
        "another plan, which nobody has approved (APPROVAL, DRIFT once it has begun, NOT_OPEN once it has ended); an older "
        "version is named, and with downgrade: refuse it is DOWNGRADE; approvals run out (EXPIRED). Artifacts have no "
        "signatures of their own: the digest in the plan names the one",
        (
            f"{DECIDING}::test_an_older_plan_is_no_plan_any_more",
            f"{DECIDING}::test_an_older_release_than_hosts_run_is_named_and_can_be_refused",
            f"{UNIT}/plugin_utils/change/test_downgrade.py::test_versions_of_numbers_have_an_order",
            f"{UNIT}/module_utils/core/test_quorum.py::test_what_does_not_count",
        ),
    ),
    Row(
        "D24",
        "another version by the name of this one",
        "the id of a release names its content",
        (f"{UNIT}/module_utils/core/test_release.py::test_an_id_names_version_and_content",),
    ),
    Row(
        "E10",
        "the writer of PostgreSQL edits, deletes, truncates",
        "the database refuses it; so it does by accident to the owner",
        (
            "tests/store/test_roles.py::test_a_writer_can_only_add_to_the_ledger",
            "tests/store/test_roles.py::test_not_even_the_owner_changes_the_ledger_by_accident",
        ),
    ),
    Row(
        "F03",
        "YAML that makes objects, or grows without end",
        "DATA",
        (f"{FILE}::test_bad_files", f"{FILE}::test_aliases_cannot_grow_without_end"),
    ),
    Row(
        "F06",
        "a release or version that leaves its path",
        "DATA",
        (
            f"{UNIT}/module_utils/core/test_release.py::test_what_could_leave_a_path_is_no_version",
            f"{UNIT}/module_utils/core/test_release.py::test_what_is_no_id",
        ),
    ),
    Row(
        "F15",
        "a secret among arguments of programs",
        "the password of the database comes from where libpq takes it; secrets of other systems from files and variables",
        (
            "tests/store/test_server.py::test_a_password_comes_from_where_libpq_takes_it",
            f"{UNIT}/plugin_utils/approve/elsewhere/test_client.py::test_settings_do_not_hold_the_secret",
        ),
    ),
    Row(
        "F09",
        "Markdown and mentions in free text",
        "shown as the text that it is",
        (
            f"{UNIT}/plugin_utils/outcome/test_history.py::test_texts_of_people_mean_nothing_in_markdown",
            "tests/attacks/test_ledger.py::test_a_history_is_written_for_programs_and_people",
        ),
    ),
)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by somebody who is a user of the host already, or has a release of their own on it."""

from __future__ import annotations

from attacks.row import UNIT, Row

HOST = f"{UNIT}/module_utils/host"
LOGIN = "tests/e2e/test_hostile.py::test_a_staged_tree_is_the_program_s"

LOCAL = (
    Row(
        "G01",
        "a link or file that is planted where the host program is going to write",
        "what it writes is new and private: never through what is there",
        (
            f"{HOST}/test_tree.py::test_nothing_that_is_there_is_written_to",
            f"{HOST}/test_fetch.py::test_a_planted_link_is_not_written_through",
            f"{HOST}/test_staging.py::test_the_state_of_the_host_program_is_private",
        ),
    ),
    Row(
        "G02",
        "a folder or link above a release that is turned between check and switch",
        "UNSAFE_PATH where others could; TREE where it was",
        (
            f"{HOST}/test_staging.py::test_a_folder_that_others_can_write_to_is_refused",
            f"{HOST}/test_staging.py::test_a_linked_root_is_refused",
            f"{HOST}/test_tree.py::test_all_of_the_path_is_looked_at",
            f"{HOST}/test_tree.py::test_nothing_is_written_through_a_planted_folder",
            LOGIN,
        ),
    ),
    Row(
        "G05",
        "a hook that was put into a release after it was verified",
        "TREE, before anything of it runs",
        (
            f"{HOST}/test_activation.py::test_a_tampered_release_is_not_activated",
            f"{HOST}/test_intact.py::test_a_file_that_was_written_to_is_found",
            "tests/e2e/test_hostile.py::test_what_was_written_into_a_release_is_not_activated",
        ),
    ),
    Row(
        "G06",
        "a lock that a dead process has left, or that was removed while somebody waits for it",
        "locks are the kernel's and end with their process; whoever waited takes the new one",
        (
            f"{HOST}/test_remove.py::test_whoever_waited_for_a_lock_that_was_removed_takes_the_new_one",
            f"{HOST}/test_staging.py::test_a_silent_sender_does_not_hold_the_lock",
        ),
    ),
    Row(
        "G07",
        "somebody on the host confirms, so that it does not go back",
        "TOKEN: only its hash is on the host",
        (
            f"{HOST}/test_activation.py::test_confirm_wants_the_token",
            "tests/e2e/test_hostile.py::test_what_was_confirmed_is_not_confirmed_or_begun_again",
        ),
    ),
    Row(
        "G08",
        "somebody on the host deletes or writes the journal",
        "it is root's alone",
        (f"{HOST}/test_staging.py::test_the_state_of_the_host_program_is_private", LOGIN),
    ),
    Row(
        "G09",
        "variables of the environment that change what a probe, hook or download does",
        "the environment is the program's own",
        (
            f"{HOST}/test_bounded.py::test_the_environment_is_ours",
            f"{HOST}/test_probes.py::test_no_proxy_is_asked",
            f"{HOST}/test_fetch.py::test_proxies_of_the_environment_are_not_used",
        ),
    ),
    Row(
        "G10",
        "a probe that is led to another host, or to an answer of another release",
        "no redirect is followed; RELEASE_UNSEEN or PROBE",
        (
            f"{HOST}/test_probes.py::test_a_redirect_is_not_followed",
            f"{HOST}/test_probes.py::test_the_wrong_version",
            f"{HOST}/test_probes.py::test_verdicts",
        ),
    ),
)

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on hosts that refuse by themselves, by whoever has their login, root's keys, or a controller of their own."""

from __future__ import annotations

from attacks.local import LOCAL
from attacks.row import UNIT, Row

WARDEN = f"{UNIT}/module_utils/host/test_warden.py"
MARKS = f"{UNIT}/module_utils/host/test_marks.py"
REQUESTING = f"{UNIT}/plugin_utils/procedure/test_requesting.py"
ENROLLMENT = f"{UNIT}/module_utils/host/test_enrollment.py"
MODEL = "collection:tests/property/test_warden.py::test_a_host_lets_forward_what_the_model_lets_forward"
REAL = "tests/host/test_enrolled.py::test_an_enrolled_host_refuses_by_itself"
PERMITS = f"{WARDEN}::test_without_the_right_permit_nothing_begins"
STATEMENTS = f"{WARDEN}::test_a_statement_holds_for_what_it_says"

HOSTILE = "tests/e2e/test_hostile.py"
BY_HAND = f"{HOSTILE}::test_nothing_goes_forward_without_a_whole_permit"
OF_TRUST = f"{HOSTILE}::test_trust_does_not_become_another_one"
SECOND = f"{HOSTILE}::test_a_second_controller_is_refused"
OF_ROOT = f"{HOSTILE}::test_root_is_asked_the_same"
TREE = f"{HOSTILE}::test_a_staged_tree_is_the_program_s"
WAY_BACK = f"{HOSTILE}::test_a_way_back_is_no_deployment"
WRONG_CLOCK = f"{HOSTILE}::test_a_clock_that_is_wrong_lets_nothing_forward"

WARDENS = (
    Row(
        "A15",
        "a weak key, of no proper point, in a trust bundle",
        "ALG",
        (f"{ENROLLMENT}::test_what_does_not_fit_is_not_enrolled", OF_TRUST),
    ),
    Row(
        "B01a",
        "a controller names somebody else as who wants a change, so that its own approval counts on enrolled hosts",
        "REQUEST, by the host, and before a rollout begins",
        (
            PERMITS,
            BY_HAND,
            f"{REQUESTING}::test_who_wants_it_is_whose_key_it_is",
            f"{REQUESTING}::test_without_it_nothing_goes_forward",
            "tests/attacks/test_approve.py::test_whoever_wants_it_signs_elsewhere",
        ),
    ),
    Row(
        "B18",
        "a host is told that a change is a standard one, to buy a smaller quorum",
        "type and risk only add rules to those of a normal change",
        (STATEMENTS, BY_HAND),
    ),
    Row(
        "B22",
        "a trust bundle with a huge number, to block all later ones",
        "TRUST: each follows the one before; a host that began with one is enrolled anew, under another uid",
        (
            f"{ENROLLMENT}::test_trust_that_does_not_follow_is_refused",
            OF_TRUST,
            f"{HOSTILE}::test_a_host_that_took_a_huge_number_is_enrolled_anew",
        ),
    ),
    Row(
        "C08",
        "a second controller without the store, or with one of its own",
        "GRANT, or what else is missing",
        (PERMITS, MODEL, BY_HAND, SECOND),
    ),
    Row(
        "H01",
        "a permit that is used again: after a way back, a reboot, ten minutes, or over another challenge",
        "CHALLENGE, or CLOSED where the change was taken back",
        (f"{WARDEN}::test_a_permit_is_good_once", MODEL, REAL, BY_HAND),
    ),
    Row("H02", "approvals and the login, but no grant of the store", "GRANT", (PERMITS, MODEL, BY_HAND)),
    Row(
        "H03",
        "a grant of a log that was forked or cut, that another key signs, or that is in none",
        "GRANT",
        (PERMITS, BY_HAND),
    ),
    Row(
        "H04",
        "a unit, root, hook or probe of one's own beside an approved artifact",
        "DEFINITION, before it is read",
        (
            f"{WARDEN}::test_the_way_in_for_no_other_definition",
            f"{WARDEN}::test_a_caller_asks_for_what_was_signed",
            STATEMENTS,
            BY_HAND,
        ),
    ),
    Row(
        "H05",
        "another artifact is staged than the one that was signed, as a service of the login's, or the login writes to what "
        "it has staged, also through a descriptor opened before",
        "PERMIT; TRUST; the tree is root's, and unpacked from the program's own copy",
        (
            f"{WARDEN}::test_only_what_was_signed_is_staged",
            f"{ENROLLMENT}::test_what_does_not_fit_is_not_enrolled",
            f"{HOSTILE}::test_only_what_was_signed_is_staged",
            TREE,
        ),
    ),
    Row(
        "H06",
        "an enrolled host is driven as root, by the way that ships a program, by `adopt` or `remove`",
        "PERMIT, or ENROLLED; the program that is there answers",
        (
            REAL,
            PERMITS,
            f"{WARDEN}::test_every_step_of_the_program_is_demanded_something",
            f"{WARDEN}::test_a_program_that_trust_does_not_name_is_not_installed",
            f"{WARDEN}::test_steps_that_would_go_round_it",
            OF_ROOT,
            SECOND,
            f"{HOSTILE}::test_a_host_stays_enrolled",
            f"{HOSTILE}::test_nothing_of_trust_changes_while_something_is_under_way",
        ),
    ),
    Row(
        "H07",
        "a statement that is used up, was closed by a way back, or was followed by another; also where a host has forgotten that, "
        "or somebody has it remember very much",
        "ATTEMPTS; CLOSED; FENCED; VETO; FULL",
        (
            f"{MARKS}::test_changes_that_nobody_signed_leave_no_mark",
            f"{MARKS}::test_a_statement_more_than_are_remembered_is_refused",
            f"{MARKS}::test_what_ended_is_forgotten_and_opens_nothing",
            f"{MARKS}::test_the_next_version_of_trust_makes_room",
            f"{MARKS}::test_nobody_pushes_out_what_somebody_else_vetoed",
            f"{WARDEN}::test_attempts_are_counted",
            f"{WARDEN}::test_a_back_closes_the_statement",
            f"{WARDEN}::test_a_later_statement_closes_the_one_before",
            f"{WARDEN}::test_an_older_grant_is_fenced_off",
            f"{WARDEN}::test_an_entitled_person_vetoes_on_the_host",
            MODEL,
            BY_HAND,
        ),
    ),
    Row(
        "H08",
        "a way back by a statement that did not put there what runs, or after its time",
        "PERMIT; BACK_UNTIL; where it leads is the journal's",
        (f"{WARDEN}::test_a_back_closes_the_statement", MODEL, REAL, WAY_BACK, WRONG_CLOCK),
    ),
    Row(
        "H09",
        "a trust version that skips one, has run out, or is signed by one quorum of two",
        "TRUST; QUORUM",
        (
            f"{ENROLLMENT}::test_trust_that_does_not_follow_is_refused",
            f"{ENROLLMENT}::test_both_quorums_sign_a_change_of_the_quorum",
            MODEL,
            OF_TRUST,
            f"{HOSTILE}::test_a_lower_version_does_not_come_back",
        ),
    ),
    Row(
        "H10",
        "a clone, an image, a host with another machine-id or host key",
        "IDENTITY; it still goes back",
        (
            f"{ENROLLMENT}::test_a_clone_counts_as_not_enrolled",
            f"{WARDEN}::test_going_back_needs_neither_trust_nor_record_nor_space",
            f"{HOSTILE}::test_a_clone_counts_as_not_enrolled",
        ),
    ),
    Row(
        "H11",
        "a host's clock that was set back into a window; one that is ten minutes off",
        "CLOCK",
        (f"{WARDEN}::test_a_clock_that_was_set_back_lets_nothing_forward", PERMITS, BY_HAND, WRONG_CLOCK),
    ),
    Row(
        "H12",
        "two services with overlapping root or unit",
        "TRUST",
        (f"{ENROLLMENT}::test_what_does_not_fit_is_not_enrolled", OF_TRUST),
    ),
    Row(
        "H15",
        "bundles, permits, statements, grants, vetoes and requests that are nearly right, huge, nested or no JSON",
        "a code each, within bounds of time and memory; nothing is begun",
        (f"{HOSTILE}::test_no_document_breaks_the_program",),
    ),
    Row(
        "H16",
        "root takes a host out and enrolls it past the store, or anew: with another uid, or trust of its own",
        "status and doctor name it, and audit fails with it; what went by the verb is told as long as nobody lets the host go",
        (
            f"{UNIT}/plugin_utils/procedure/test_enforcing.py::test_an_enrollment_that_the_store_does_not_know_is_named",
            f"{UNIT}/module_utils/core/test_audit.py::test_a_host_that_was_enrolled_anew_is_told",
            "tests/e2e/test_enrollment.py::test_hosts_follow_their_trust_until_they_are_let_go",
            "tests/e2e/test_enrolled.py::test_release_reaches_enrolled_hosts_with_what_was_signed_and_granted",
        ),
    ),
    Row(
        "H17",
        "the login, on a host from which root removed the identity and not the sudo rule: nothing demands anything there",
        "NOT_ENROLLED: it may only look and confirm, until root enrolls the host again",
        (
            f"{ENROLLMENT}::test_the_login_of_a_host_that_root_took_out_may_only_look_and_confirm",
            "tests/e2e/test_enrollment.py::test_hosts_follow_their_trust_until_they_are_let_go",
        ),
    ),
    *LOCAL,
)

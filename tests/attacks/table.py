# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks that have to fail, and the tests that try them; docs/security-tests.md is made from it.

Each test is named by its file and function, and there is a test that they exist. "Refused" means everywhere: an error with
a stable code, nothing changed, and an entry in the ledger that it was refused.
"""

from __future__ import annotations

from attacks.artifacts import ARTIFACTS
from attacks.row import UNIT, Row
from attacks.wardens import BY_HAND, HOSTILE, OF_TRUST, REAL, WARDENS

SSHSIG = f"{UNIT}/module_utils/core/test_sshsig.py"
QUORUM = f"{UNIT}/module_utils/core/test_quorum.py"
PEOPLE = f"{UNIT}/plugin_utils/inventory/test_people.py"
APPROVING = f"{UNIT}/plugin_utils/procedure/test_approving.py"
FIDO = f"{UNIT}/plugin_utils/procedure/test_fido.py"
ELSEWHERE = f"{UNIT}/plugin_utils/procedure/test_given_elsewhere.py"
COUNTERSIGNED = f"{UNIT}/plugin_utils/procedure/test_countersigned.py"
HOSTS_HEAR = f"{UNIT}/module_utils/core/test_countersigned.py"
OPENED = f"{UNIT}/module_utils/host/test_countersigned.py"
BRIDGES = f"{UNIT}/plugin_utils/inventory/test_bridges.py"
PLAYED = "tests/attacks/test_elsewhere.py"
NODES = f"{UNIT}/plugin_utils/approve/elsewhere/test_awx.py"
FORGES = f"{UNIT}/plugin_utils/approve/elsewhere/test_forges.py"
SERVICENOW = f"{UNIT}/plugin_utils/approve/elsewhere/test_servicenow.py"
CLIENT = f"{UNIT}/plugin_utils/approve/elsewhere/test_client.py"
AUDITING = f"{UNIT}/plugin_utils/ledger/test_auditing.py"
CHECKPOINTS = f"{UNIT}/plugin_utils/ledger/test_checkpoints.py"
EFFECTS = f"{UNIT}/plugin_utils/ledger/test_effects.py"
LOG = f"{UNIT}/plugin_utils/ledger/test_log.py"
VERIFIER = f"{UNIT}/plugin_utils/ledger/test_verifier.py"
HISTORY = f"{UNIT}/plugin_utils/outcome/test_history.py"
CONSUMING = f"{UNIT}/plugin_utils/ledger/test_approvals.py"


RULES = f"{UNIT}/plugin_utils/policy/test_approvals.py"
DECIDING = f"{UNIT}/plugin_utils/procedure/test_deciding.py"
ACTIVATION = f"{UNIT}/module_utils/host/test_activation.py"
CONTROL = "tests/attacks/test_change_control.py"
GATE = "tests/gate/test_gate.py"
RECORDER = "tests/gate/test_recorder.py"
OBSERVED = f"{UNIT}/plugin_utils/outcome/test_observed.py"
OBSERVATIONS = f"{UNIT}/plugin_utils/ledger/test_observations.py"
SUPPORTED = f"{UNIT}/plugin_utils/procedure/test_supported.py"
NARROWED = "tests/e2e/test_narrowed.py"
CHECK = "tests/e2e/test_check.py"
VETOED = "tests/e2e/test_change_control.py"

CLASSES = {
    "A": "Signatures and identity",
    "B": "Logic of approvals",
    "C": "Around the gate",
    "D": "Artifacts",
    "E": "The ledger",
    "F": "Injection and disclosure",
    "G": "On the host",
    "H": "Enrolled hosts, and evidence of other systems",
}

NOTHING_OF_IT = {
    "F08": "there are no reports in HTML; a test fails as soon as something writes it, and names this row",
    "F17": "there are no metrics; a test fails as soon as something writes them, and names this row",
    "F18": "nothing listens; a test fails as soon as something does, and names this row",
}
"""What has nothing here that could be attacked (`test_surfaces` sees to that)."""

ROWS = (
    Row("A01", "a signature with flipped bytes", "SIG_INVALID", (f"{APPROVING}::test_refused_decisions", BY_HAND)),
    Row(
        "A02", "a true signature of another statement", "SIG_INVALID", (f"{APPROVING}::test_refused_decisions", BY_HAND)
    ),
    Row(
        "A03",
        "a signature for another use (file, git, …)",
        "NAMESPACE",
        (f"{APPROVING}::test_refused_decisions", f"{SSHSIG}::test_another_use_is_refused", BY_HAND),
    ),
    Row("A04", "a signature for no use at all", "NAMESPACE", (f"{SSHSIG}::test_texts_that_are_no_one_signature",)),
    Row("A05", "a key that is nobody's", "KEY", (f"{APPROVING}::test_refused_decisions", BY_HAND)),
    Row(
        "A06",
        "another person's name with one's own key",
        "the person is who the key belongs to; no name can be given",
        (f"{APPROVING}::test_the_person_is_found_from_the_key",),
    ),
    Row(
        "A07",
        "people named by a pattern, a list or a negation",
        "DATA, naming the place",
        (f"{PEOPLE}::test_mistakes_are_named_with_their_place",),
    ),
    Row(
        "A08",
        "certificates and cert-authority lines as keys",
        "DATA where they are written, ALG where they sign",
        (
            f"{PEOPLE}::test_mistakes_are_named_with_their_place",
            f"{SSHSIG}::test_lines_that_are_no_plain_keys",
            BY_HAND,
        ),
    ),
    Row(
        "A09",
        "a key that is valid only later, or was earlier",
        "KEY, at the time of whoever verifies",
        (f"{APPROVING}::test_refused_decisions", f"{APPROVING}::test_an_approval_stops_counting", BY_HAND),
    ),
    Row("A11", "a key that was removed signs", "KEY", (f"{APPROVING}::test_an_approval_stops_counting",)),
    Row(
        "A12",
        "an approver is removed before the run",
        "KEY; everything is verified again before each wave",
        (f"{APPROVING}::test_an_approval_stops_counting",),
    ),
    Row(
        "A13",
        "an approver leaves the group before the run",
        "QUORUM",
        (f"{APPROVING}::test_an_approval_stops_counting",),
    ),
    Row(
        "A14",
        "DSA, small RSA, SHA-1, curves that are not allowed",
        "ALG",
        (
            f"{SSHSIG}::test_blobs_that_are_no_sound_keys",
            f"{SSHSIG}::test_texts_that_are_no_one_signature",
            f"{APPROVING}::test_refused_decisions",
        ),
    ),
    Row(
        "A17",
        "a hint that points to another key",
        "there is none that is read: comments and names of files mean nothing",
        (f"{APPROVING}::test_the_person_is_found_from_the_key",),
    ),
    Row(
        "A18",
        "a request, veto or withdrawal handed in as an approval",
        "NAMESPACE",
        (f"{APPROVING}::test_refused_decisions", BY_HAND),
    ),
    Row(
        "A20",
        "a signature that somebody gave a git commit or a login",
        "NAMESPACE, and no bytes but a statement's",
        (f"{APPROVING}::test_refused_decisions", f"{SSHSIG}::test_another_use_is_refused"),
    ),
    Row("B01", "whoever wants a change approves it", "SELF", (f"{APPROVING}::test_refused_decisions", BY_HAND)),
    Row(
        "B02",
        "whoever made the artifact approves it",
        "SELF, where policy asks",
        (f"{QUORUM}::test_what_does_not_count",),
    ),
    Row(
        "B03",
        "whoever rolls out has approved it",
        "SELF, where policy asks",
        (f"{QUORUM}::test_what_does_not_count", f"{APPROVING}::test_an_approval_stops_counting"),
    ),
    Row(
        "B04",
        "one person with two keys where two are asked",
        "counted once: QUORUM",
        (f"{QUORUM}::test_what_does_not_count", f"{APPROVING}::test_two_keys_are_one_person", BY_HAND),
    ),
    Row(
        "B05",
        "one key under two people",
        "DATA, naming both",
        (f"{PEOPLE}::test_a_key_under_two_people_is_refused", OF_TRUST),
    ),
    Row(
        "B06",
        "the same signature, nine times",
        "counted once: QUORUM",
        (f"{QUORUM}::test_what_does_not_count", f"{APPROVING}::test_the_same_again_changes_nothing", BY_HAND),
    ),
    Row(
        "B08",
        "an approval for another artifact",
        "SIG_INVALID where it is handed in, STATEMENT where it lies in the store",
        (f"{APPROVING}::test_approvals_of_something_else", BY_HAND, f"{HOSTILE}::test_only_what_was_signed_is_staged"),
    ),
    Row("B09", "… for other hosts", "as B08", (f"{APPROVING}::test_approvals_of_something_else", BY_HAND)),
    Row(
        "B10",
        "… for another environment or service",
        "as B08",
        (f"{APPROVING}::test_approvals_of_something_else", BY_HAND),
    ),
    Row(
        "B11",
        "… for another window, or outside of it",
        "as B08; WINDOW",
        (
            f"{APPROVING}::test_approvals_of_something_else",
            f"{CONTROL}::test_nothing_begins_outside_of_its_window",
            f"{DECIDING}::test_a_freeze_in_mid_rollout_opens_no_new_wave",
            BY_HAND,
        ),
    ),
    Row(
        "B12",
        "an approval that was used up",
        "CLOSED; attempts are counted in one transaction",
        (
            f"{CONSUMING}::test_a_change_that_ended_is_not_begun_again",
            f"{CONSUMING}::test_no_more_runs_than_allowed",
            f"{HOSTILE}::test_what_was_confirmed_is_not_confirmed_or_begun_again",
        ),
    ),
    Row(
        "B13",
        "two controllers use one approval at once",
        "exactly one goes on",
        (f"{CONSUMING}::test_of_processes_at_once_one_wins",),
    ),
    Row(
        "B14",
        "a change that is edited after it was approved",
        "a new revision, which nobody has approved",
        (
            f"{APPROVING}::test_a_new_revision_asks_again",
            f"{DECIDING}::test_other_content_voids_what_was_handed_in",
        ),
    ),
    Row(
        "B15",
        "an approval that was withdrawn, or a veto that came later",
        "WITHDRAWN, VETO",
        (
            f"{APPROVING}::test_a_veto_stops_what_was_approved",
            f"{APPROVING}::test_what_was_withdrawn_stays_so",
            f"{CONTROL}::test_a_veto_outranks_the_approvals_before_it",
            f"{DECIDING}::test_a_veto_or_a_withdrawal_holds_a_rollout",
            f"{VETOED}::test_approved_change_is_held_by_a_veto_in_mid_rollout",
            BY_HAND,
        ),
    ),
    Row(
        "B16",
        "rules that were weakened after the approval",
        "RULES",
        (
            f"{APPROVING}::test_weaker_rules_void_the_approval",
            f"{RULES}::test_rules_that_are_weakened_have_another_digest",
            f"{CONTROL}::test_a_policy_that_is_weakened_approves_nothing",
        ),
    ),
    Row(
        "B17",
        "an emergency without a reason, without a rule of two people, or while a review is overdue",
        "DATA, DATA, REVIEW; otherwise allowed, recorded, and marked for review",
        (
            f"{CONTROL}::test_an_emergency_without_a_reason_is_no_change_file",
            f"{RULES}::test_an_emergency_needs_two_people_of_its_own",
            f"{DECIDING}::test_an_emergency_is_reviewed_and_blocks_the_next_one_until_it_is",
        ),
    ),
    Row(
        "B19",
        "a rollback as a deployment: of another change, after its time, to a release that is damaged or gone",
        "refused by the host; rollback names no release, only a change that put current there",
        (
            f"{ACTIVATION}::test_back_ends_with_its_time",
            f"{ACTIVATION}::test_back_to_a_damaged_release_is_refused",
            f"{ACTIVATION}::test_a_way_back_that_retention_removed_is_refused",
        ),
    ),
    Row(
        "B21",
        "an old approval, an old policy or an old log is shown",
        "EXPIRED, RULES, TRUNCATED or RESTORED",
        (
            f"{QUORUM}::test_what_does_not_count",
            f"{CONTROL}::test_a_policy_that_is_weakened_approves_nothing",
            f"{VERIFIER}::test_a_restored_backup_is_named",
        ),
    ),
    Row(
        "C01",
        "another ansible.cfg, without the callbacks",
        "verbs and waves ask the store all the same",
        (f"{CONTROL}::test_without_callbacks_the_same_is_refused",),
    ),
    Row(
        "C02",
        "a gate that is broken, missing or replaced",
        "exit 78 where it is there; verbs and waves ask the store all the same",
        (
            f"{GATE}::test_an_error_inside_the_gate_stops_the_run",
            f"{CONTROL}::test_without_callbacks_the_same_is_refused",
        ),
    ),
    Row("C03", "an exception inside the gate", "exit 78", (f"{GATE}::test_an_error_inside_the_gate_stops_the_run",)),
    Row(
        "C04",
        "--skip-tags, --tags, --start-at-task, --step, --limit, another strategy",
        "refused with the cause; waves hold",
        (
            f"{NARROWED}::test_narrowed_run_is_refused_with_its_cause",
            f"{NARROWED}::test_waves_hold_however_ansible_is_set",
            f"{CONTROL}::test_a_narrowed_run_is_entered",
            f"{GATE}::test_no_way_into_the_middle_of_a_play_steps_around_it",
        ),
    ),
    Row(
        "C05",
        "extra variables, variables of plays and facts that say that nobody has to approve",
        "policy and people are the inventory's alone",
        (
            f"{CONTROL}::test_no_variable_disables_approval",
            f"{VETOED}::test_approved_change_is_held_by_a_veto_in_mid_rollout",
            f"{GATE}::test_no_extra_variable_opens_the_gate",
        ),
    ),
    Row(
        "C07",
        "a step that is called by itself, also ad hoc",
        "NO_CHANGE",
        (
            f"{CONTROL}::test_a_step_that_is_called_by_itself_has_no_run",
            f"{HOSTILE}::test_a_step_that_is_called_by_itself_has_no_run",
        ),
    ),
    Row(
        "C09",
        "somebody writes into a release, or moves current, past Tidegate",
        "status tells it, and enters it in the ledger, once for as long as it stays the same; root on the host can hide it",
        (
            "tests/e2e/test_status.py::test_status_tells_what_hosts_run_before_and_after",
            f"{UNIT}/plugin_utils/procedure/test_drifting.py::test_drift_has_one_entry_until_it_changes_or_is_mended",
            f"{UNIT}/plugin_utils/procedure/test_drifting.py::test_another_release_and_other_files_are_drift",
            f"{UNIT}/module_utils/host/test_retained.py::test_what_a_service_rests_on_is_looked_at",
        ),
    ),
    Row(
        "C10",
        "check mode that writes",
        "nothing is written on hosts, in the store or beside it",
        (
            f"{CONTROL}::test_check_mode_decides_nothing",
            f"{CHECK}::test_check_writes_nothing_on_hosts_that_never_saw_tidegate",
            f"{CHECK}::test_check_of_an_update_writes_nothing",
        ),
    ),
    Row(
        "C11",
        "plan, approval or playbook edited between approval and a later wave",
        "STATEMENT, SIG_INVALID or DRIFT; everything is computed again before each wave",
        (
            f"{APPROVING}::test_a_plan_that_was_edited_in_the_store_is_not_signed",
            f"{APPROVING}::test_a_signature_that_was_edited_in_the_store_does_not_count",
            f"{GATE}::test_another_playbook_than_the_planned_one_is_refused",
        ),
    ),
    Row(
        "C13",
        "an ansible.cfg, or a folder of plugins or collections, that everybody may write",
        "UNSAFE_PATH: no verb begins, and the gate refuses",
        (
            f"{CONTROL}::test_no_verb_begins_where_everybody_may_change_what_shapes_it",
            f"{GATE}::test_a_writable_ansible_cfg_is_refused",
            f"{UNIT}/plugin_utils/procedure/test_surroundings.py::test_what_everybody_may_change_is_named",
        ),
    ),
    Row(
        "H13",
        "a click in AWX, ServiceNow or elsewhere, or a bridge's countersignature, where policy asks for a signature or the like",
        "STRENGTH; the ledger keeps that it was seen",
        (
            f"{ELSEWHERE}::test_where_policy_asks_for_signatures_a_click_is_not_enough",
            f"{PLAYED}::test_a_bridge_countersigns",
            f"{COUNTERSIGNED}::test_without_a_key_of_a_bridge_it_is_recorded",
            f"{QUORUM}::test_a_countersigned_approval_counts_where_that_is_asked",
            BY_HAND,
        ),
    ),
    Row(
        "H13a",
        "whoever asked for it approves it in the other system, which allows that; also under another spelling",
        "SELF",
        (
            f"{PLAYED}::test_self_approval_is_refused",
            f"{NODES}::test_who_launched_may_not_approve",
            f"{NODES}::test_the_launcher_of_a_workflow_around_it_is_seen",
            f"{FORGES}::test_who_started_it_may_not_approve_it",
            f"{FORGES}::test_who_started_it_again_may_not_approve_it",
            f"{SERVICENOW}::test_who_asked_for_it_may_not_approve_it",
            f"{ELSEWHERE}::test_the_requester_does_not_count",
        ),
    ),
    Row(
        "H13b",
        "an approval of another change, plan, environment or project, or from before the plan",
        "ELSEWHERE, with what it is about",
        (
            f"{NODES}::test_a_workflow_of_another_change_does_not_count",
            f"{NODES}::test_an_approval_from_before_the_plan_does_not_count",
            f"{FORGES}::test_another_environment_does_not_count",
            f"{FORGES}::test_a_record_that_names_nothing_counts_for_listed_projects_only",
            f"{SERVICENOW}::test_a_request_that_names_another_plan_does_not_count",
        ),
    ),
    Row(
        "H13c",
        "an administrator sets somebody else's row in ServiceNow to approved",
        "counts for nobody",
        (f"{SERVICENOW}::test_a_row_that_somebody_else_touched_counts_for_nobody",),
    ),
    Row(
        "H13d",
        "what was approved elsewhere is rejected, taken back or over by the time of the gate",
        "ELSEWHERE or WINDOW before the next wave",
        (
            f"{ELSEWHERE}::test_what_was_taken_back_there_holds",
            f"{ELSEWHERE}::test_one_person_who_took_it_back_there_holds",
            f"{ELSEWHERE}::test_the_planned_end_holds",
        ),
    ),
    Row(
        "H13e",
        "the other side is away, slow, redirects, or answers garbage, half, or something unknown",
        "ELSEWHERE: it holds",
        (
            f"{PLAYED}::test_an_outage_holds",
            f"{ELSEWHERE}::test_an_outage_at_the_gate_holds",
            f"{NODES}::test_half_an_answer_holds",
            f"{FORGES}::test_half_an_answer_of_gitlab_holds",
            f"{FORGES}::test_half_an_answer_of_github_holds",
            f"{SERVICENOW}::test_approvers_that_the_account_may_not_see_hold",
            f"{SERVICENOW}::test_a_query_that_the_instance_ignores_holds",
            f"{CLIENT}::test_a_slow_answer_ends",
        ),
    ),
    Row(
        "H13f",
        "the other side has the credential sent elsewhere, or repeats it in an error",
        "no redirect is followed, no certificate of strangers trusted, and nothing shown",
        (
            f"{CLIENT}::test_a_redirect_is_not_followed",
            f"{CLIENT}::test_a_certificate_that_nobody_trusts_holds",
            f"{CLIENT}::test_what_the_other_side_says_is_told_without_the_secret",
            f"{ELSEWHERE}::test_the_secret_is_in_no_record",
        ),
    ),
    Row(
        "H13g",
        "a countersignature of another statement, person, account, system or time, copied, cut off, or made for another use",
        "SIG_INVALID, NAMESPACE or STATEMENT; counts as nothing",
        (
            f"{COUNTERSIGNED}::test_a_countersignature_of_something_else_does_not_count",
            f"{COUNTERSIGNED}::test_a_row_that_somebody_made_up_does_not_count",
        ),
    ),
    Row(
        "H13h",
        "a countersignature by a bridge that was removed, is out of date or may not vouch for that system, or by a key that is no bridge's",
        "KEY; counts as recorded only",
        (
            f"{COUNTERSIGNED}::test_what_no_bridge_vouches_for_any_more_counts_as_recorded",
            f"{COUNTERSIGNED}::test_a_countersignature_by_no_bridge_counts_as_recorded",
            f"{QUORUM}::test_what_no_bridge_vouches_for_counts_as_recorded",
        ),
    ),
    Row(
        "H13i",
        "a bridge approves: its key signs a statement, it is called like a person, or has a person's key",
        "KEY or DATA; it is nobody",
        (
            f"{COUNTERSIGNED}::test_a_bridge_approves_nothing",
            f"{QUORUM}::test_a_bridge_is_nobody",
            f"{BRIDGES}::test_mistakes_are_named_with_their_place",
        ),
    ),
    Row(
        "H13j",
        "the key of a bridge that others can read, or a key that is no bridge's",
        "SIGNING or KEY; nothing is recorded",
        (f"{COUNTERSIGNED}::test_a_key_that_cannot_be_used_is_said",),
    ),
    Row(
        "H13k",
        "an enrolled host is shown what a bridge countersigned, where its trust does not say that this opens it, or says so no longer",
        "QUORUM: countersigned evidence does not open this host",
        (f"{HOSTS_HEAR}::test_what_opens_nothing", f"{OPENED}::test_it_closes_with_the_trust", BY_HAND, REAL),
    ),
    Row(
        "H13l",
        "where that opens a host: evidence for another plan, host, person, account or system, by a key that is no bridge's or ran out, for whoever "
        "wants the change, of one person twice, after a veto, in an emergency",
        "SIG_INVALID, QUORUM, SELF, VETO; not even a recorded approval",
        (
            f"{HOSTS_HEAR}::test_what_opens_nothing",
            f"{HOSTS_HEAR}::test_nobody_counts_twice",
            f"{OPENED}::test_what_opens_nothing",
            f"{OPENED}::test_a_veto_outranks_it",
            f"{OPENED}::test_an_emergency_is_signed_by_people",
        ),
    ),
    Row(
        "H13m",
        "a trust bundle with a bridge, account or key more, or one that begins to let them open hosts, is signed unnoticed",
        "each is told to whoever signs it; a key that is a person's, too, is refused",
        (
            f"{UNIT}/module_utils/core/test_trust_lint.py::test_whom_bridges_let_through",
            f"{OPENED}::test_a_bridge_with_somebodys_key_is_not_taken_in",
        ),
    ),
    Row(
        "H14",
        "a signature of a FIDO key that nobody touched, or without the PIN that hosts demand; with the flag turned on afterwards",
        "PRESENCE; SIG_INVALID",
        (
            "tests/attacks/test_approve.py::test_a_fido_key",
            f"{FIDO}::test_a_fido_key_that_nobody_touched_does_not_count",
            f"{FIDO}::test_a_touch_is_not_taken_from_another_signature",
            f"{FIDO}::test_what_enrolled_hosts_demand_of_keys_is_demanded_of_approvers",
            f"{UNIT}/module_utils/core/test_signed.py::test_what_a_bundle_asks_of_keys",
            BY_HAND,
        ),
    ),
    Row(
        "E01",
        "an entry is edited",
        "EDITED, with the entry, by audit and by the outsider's verifier",
        (
            f"{AUDITING}::test_what_was_done_to_the_file_is_found",
            f"{VERIFIER}::test_what_was_done_to_the_entries_is_named",
        ),
    ),
    Row(
        "E02",
        "an entry is deleted, reordered or inserted",
        "DELETED, REORDERED or INSERTED, with the entry",
        (
            f"{AUDITING}::test_what_was_done_to_the_file_is_found",
            f"{VERIFIER}::test_what_was_done_to_the_entries_is_named",
        ),
    ),
    Row(
        "E03",
        "the end is cut off, or a backup is restored",
        "TRUNCATED or RESTORED, with the first entry, against a signed checkpoint",
        (
            f"{VERIFIER}::test_what_was_done_to_the_entries_is_named",
            f"{VERIFIER}::test_a_restored_backup_is_named",
            f"{AUDITING}::test_a_store_that_was_restored_from_a_backup_is_found_by_its_witness",
        ),
    ),
    Row(
        "E04",
        "all of it is rewritten with hashes that fit, without and with the log's key",
        "REWRITTEN or FORKED, with the entries among which the first is",
        (f"{VERIFIER}::test_what_was_done_to_the_entries_is_named", f"{VERIFIER}::test_a_fork_is_named"),
    ),
    Row(
        "E06",
        "a checkpoint that is larger than the log, smaller than seen, of another log or root, or not signed by its key",
        "refused with these reasons",
        (
            f"{VERIFIER}::test_a_checkpoint_that_is_not_of_this_log_is_named",
            f"{CHECKPOINTS}::test_a_witness_refuses_what_did_not_grow",
            f"{CHECKPOINTS}::test_another_key_signs_only_after_a_hand_over",
        ),
    ),
    Row(
        "E08",
        "INSERT OR REPLACE, UPDATE, DELETE or an upsert in the store's own connection",
        "refused by triggers, and found by audit where another tool did it",
        (f"{LOG}::test_entries_stay_as_they_are", f"{AUDITING}::test_what_was_done_to_the_file_is_found"),
    ),
    Row(
        "E09",
        "DROP TRIGGER and writable_schema by another tool",
        "found by audit, with the entry",
        (f"{AUDITING}::test_what_was_done_to_the_file_is_found", f"{AUDITING}::test_writable_schema_is_no_way_around"),
    ),
    Row(
        "E12",
        "two keys of one name, NaN, huge numbers, floats, lone surrogates, texts that are not normalized",
        "not an entry",
        (
            f"{UNIT}/module_utils/core/test_entries.py::test_what_is_not_exactly_an_entry_is_refused",
            f"{VERIFIER}::test_what_was_done_to_the_entries_is_named",
        ),
    ),
    Row(
        "E15",
        "a secret in a message, document or reason",
        "only digests of free text are in the ledger",
        (f"{EFFECTS}::test_free_text_is_nowhere_in_the_log",),
    ),
    Row(
        "E16",
        "a refusal that leaves no trace",
        "its entry is written before the answer; where it cannot be, the answer is a refusal, too",
        (
            f"{EFFECTS}::test_a_refusal_is_recorded_before_it_is_answered",
            f"{EFFECTS}::test_what_cannot_be_recorded_is_refused_all_the_same",
        ),
    ),
    Row(
        "E17",
        "a flood of refused attempts, under one name or many",
        "one entry per minute and source, a count of the others",
        (
            f"{EFFECTS}::test_a_flood_of_refusals_does_not_fill_the_disk",
            f"{EFFECTS}::test_a_flood_from_many_sources_is_counted_as_one",
        ),
    ),
    Row(
        "F01",
        "a template in a change file, in a reason by extra variable, in the name of a change for the gate, or told by a host",
        "it is never run: it is read as text, and shown as that",
        (
            f"{CONTROL}::test_free_text_is_only_text",
            f"{GATE}::test_a_template_as_the_name_of_a_change_is_never_run",
            "tests/attacks/test_approve.py::test_two_people_approve",
            f"{SUPPORTED}::test_no_text_of_ours_is_a_template",
        ),
    ),
    Row(
        "F02",
        "a template in a text of ours, on an ansible-core that would run it",
        "DEPENDENCY on one before 2.19; on the others such texts are no templates",
        (
            f"{SUPPORTED}::test_an_older_core_is_refused_with_one_message",
            f"{SUPPORTED}::test_every_door_and_lookup_asks",
            f"{SUPPORTED}::test_no_text_of_ours_is_a_template",
        ),
    ),
    Row(
        "F04",
        "SQL in names of changes, runs, hosts and people, and in free text",
        "compared as it is, in both databases",
        (
            f"{CONTROL}::test_free_text_is_only_text",
            f"{OBSERVATIONS}::test_no_text_becomes_sql",
            f"{GATE}::test_a_change_that_there_is_not_is_refused",
        ),
    ),
    Row(
        "F12",
        "newlines and terminal escapes in names of playbooks and people",
        "one line each, made visible; entries are one line of JSON",
        (
            f"{RECORDER}::test_newlines_and_escapes_make_no_lines_of_their_own",
            f"{OBSERVED}::test_a_terminal_is_not_told_what_to_do",
        ),
    ),
    Row(
        "F13",
        "a secret in arguments, results, differences, items, names of tasks, errors, the environment, with -vvv and ANSIBLE_DEBUG",
        "found in no file of the store, no report, no line of ours",
        (f"{RECORDER}::test_a_secret_is_found_nowhere",),
    ),
    Row(
        "F14",
        "the same, encoded or split",
        "an allow-list of fields, no masking",
        (
            f"{RECORDER}::test_a_secret_is_found_nowhere",
            f"{UNIT}/plugin_utils/procedure/test_recording.py::test_only_names_are_kept",
        ),
    ),
    Row(
        "F16",
        "the password of a store's address in an error",
        "the address is shown without it",
        (f"{RECORDER}::test_the_address_of_a_store_keeps_its_password",),
    ),
    *ARTIFACTS,
    *WARDENS,
)

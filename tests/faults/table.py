# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault that must be survived, and every phase of a change at which it is made to happen.

A phase: **G** gate and lease, **C** pre-check, **D** distribute, **U** unpack, **S** switch, **R** restart and local probe,
**V** verification, **K** confirm, **L** record, **N** next wave, **B** way back, **X** clean-up.

What is expected:

- OLD, NEW: every host is entirely on the old, the new release; OLD*: it got there by itself, within its deadline and a
  minute, while nobody asked it anything.
- BLOCK: no further wave began.
- REC: after recovery the change is recorded, once. Every cell with a controller checks it.
- FAILED: the host says so after bounded attempts, and stays on the old release.
- EITHER: one of the two, by who was first.
- ELSEWHERE: what ran before runs on, and nothing else is there.

Rows have the numbers by which the fault is known in this project; the first cell of each row runs in every test run, and of
some rows about enrolled hosts.
"""

from __future__ import annotations

from faults.kinds import ALONE, PYTHON, Cell, Row, controller, host

GONE = "the host went back"
DECISIONS = "tests/unit/plugins/plugin_utils/procedure/test_deciding.py"

HOST_ROWS = (
    host(
        11, "power cut or kernel panic, nothing synced",
        Cell("U", "PowerCut", "OLD"),
    ),
    host(
        12, "power cut",
        Cell("R", "PowerCut", "OLD"),
        Cell("S", "PowerCut", "OLD"),
        Cell("V", "PowerCut", "OLD"),
        Cell("V confirmed", "PowerCut", "NEW", at="confirmed"),
        Cell("B", "PowerCut", "OLD"),
    ),
    host(
        17, "sshd broken by the release itself",
        Cell("V", "NoSsh", "OLD*"),
        Cell("R", "NoSsh", "OLD*"),
    ),
    host(
        18, "disk full",
        Cell("D", "FullDiskWhileStaging", "OLD", code="NO_SPACE", says="free"),
        Cell("U", "FullDiskWhileStaging", "OLD", code="NO_SPACE", says="free"),
    ),
    host(
        19, "disk full when the journal is to be written",
        Cell("S", "FullDiskAndInodes", "OLD", at="staged", then="activate", code="NO_SPACE"),
    ),
    host(
        21, "no inode left, or read-only",
        Cell("S read-only", "ReadOnly", "OLD", at="staged", then="activate", code="UNSAFE_PATH", says="read-only"),
        Cell("S", "NoInodes", "OLD", at="staged", then="activate", code="NO_SPACE"),
        Cell("U", "NoInodes", "OLD", at="G", then="stage", code="NO_SPACE", says="inode"),
        Cell("X", "NoInodes", "OLD", at="V", then="back"),
    ),
    host(
        23, "artifact truncated or altered on its way",
        Cell("D altered", "BitFlip", "OLD", at="G", code="DIGEST", says="expected"),
        Cell("D truncated", "Truncated", "OLD", at="G", code="DIGEST", says="received"),
    ),
    host(
        25, "staged tree altered before the switch",
        Cell("S", "Tampered", "OLD", at="staged", then="activate", code="TREE", says="bin/web"),
    ),
    host(
        26, "service does not start",
        Cell("R", "DoesNotStart", "OLD", at="staged", then="activate", code="ACTIVATION", says=GONE),
    ),
    host(
        27, "crash loop",
        Cell("R", "Crashes", "OLD", at="staged", then="activate", code="PROBE", says=GONE),
        Cell("V", "CrashesLater", "OLD", then="back"),
    ),
    host(
        28, "starts and answers, with the wrong version or the old process",
        Cell("R old process", "OldProcess", "OLD", at="staged", then="activate", code="PROBE", says="1.0.0"),
        Cell("V wrong version", "WrongVersion", "OLD", at="staged", then="activate", code="PROBE", says="500"),
    ),
    host(
        31, "probe hangs",
        Cell("V", "ProbeHangs", "OLD", at="staged", then="activate", code="PROBE", says="9999"),
    ),
    host(
        35, "the controller's clock is set back",
        Cell("N", DECISIONS, "BLOCK", at=PYTHON),
        Cell("G", "tests/unit/plugins/plugin_utils/ledger/test_log.py", "BLOCK", at=PYTHON),
    ),
    host(
        38, "another change while one is not confirmed",
        Cell("S", "AnotherChange", "OLD", at="V", then="back", code="STATE"),
        Cell("S pending", "AnotherChange", "NEW", at="S", code="STATE"),
    ),
    host(
        42, "a failover of the database that lost the last commits",
        Cell("L", "tests/store/test_behind.py", "BLOCK", at=PYTHON),
    ),
    host(
        47, "way back fails: the old release does not start",
        Cell("B", "OldDoesNotStart", "OLD", at="V", then="back", code="REVERT_FAILED"),
    ),
    host(
        49, "hook fails, hangs, is killed",
        Cell("U killed", "BeforeHookDies", "OLD", at="staged", then="activate", code="ACTIVATION", says="hook before"),
        Cell("R hangs", "AfterHookHangs", "OLD", at="staged", then="activate", code="ACTIVATION", says="no end within 2 s"),
        Cell("B fails", "UndrainFailsOnce", "OLD", at="V", then="back"),
    ),
    host(
        50, "host program killed, as for want of memory",
        Cell("R", "EffectsKilled", "OLD", code="ACTIVATION", says="without a result"),
        Cell("S", "EffectsKilled", "OLD", code="ACTIVATION", says="without a result"),
        Cell("D", "Killed", "OLD"),
        Cell("U", "Killed", "OLD"),
    ),
    host(
        51, "Python missing or replaced on the host",
        Cell("G", "PythonGone", "OLD", code="NO_PYTHON"),
        Cell("D", "PythonGone", "OLD", at="staged", code="NO_PYTHON"),
        Cell("S", "PythonGone", "OLD", code="NO_PYTHON"),
        Cell("V", "PythonGone", "OLD", code="NO_PYTHON"),
        Cell("K replaced", "PythonElsewhere", "NEW", at="V", then="confirm"),
        Cell("B replaced", "PythonElsewhere", "OLD", at="V", then="back"),
    ),
    host(
        52, "the reaper's timer is stopped",
        Cell("V", "NoTimer", "OLD", then="ask"),
        Cell("V boot", "NoTimerUntilBoot", "OLD"),
    ),
    host(
        58, "an approval is vetoed or withdrawn in mid-rollout",
        Cell("N", DECISIONS, "BLOCK", at=PYTHON),
    ),
    host(
        59, "the window ends in mid-rollout",
        Cell("N", DECISIONS, "BLOCK", at=PYTHON),
    ),
    host(
        60, "a rollout takes longer than its max_runtime",
        Cell("N", DECISIONS, "BLOCK", at=PYTHON),
    ),
    host(
        61, "the new release fills disk and inodes",
        Cell("V", "FullDiskAndInodes", "OLD*"),
        Cell("R", "FullDiskAndInodes", "OLD*"),
        Cell("B", "FullDiskAndInodes", "OLD"),
    ),
    Row(
        62, "confirm or renewal arrives while the reaper moves", ALONE,
        (
            Cell("K", "NoTimer", "OLD", at="V", then="confirm", code="DEADLINE or STATE"),
            Cell("V", "NoTimer", "OLD", at="V", then="renew", code="DEADLINE or STATE"),
            Cell("K interleaved", "tests/unit/plugins/module_utils/host/test_races.py", "EITHER", at=PYTHON),
        ),
    ),
    host(
        63, "SSH session dies during the activation",
        Cell("R", "SessionDies", "NEW"),
        Cell("S", "SessionDies", "NEW"),
    ),
    host(
        64, "hook hangs past the deadline and ignores signals",
        Cell("S", "HookBeyondDeadline", "OLD", at="staged", then="activate", code="DEADLINE or ACTIVATION"),
        Cell("R", "AfterHookBeyondDeadline", "OLD", at="staged", then="activate", code="DEADLINE or ACTIVATION"),
    ),
    host(
        65, "reboot in the confirm window that takes longer than the deadline",
        Cell("V", "PowerCutBeyondDeadline", "OLD"),
    ),
    host(
        67, "another host program, or none any more, or an enrollment, while something is under way",
        Cell("V", "OtherProgram", "NEW", then="confirm"),
        Cell("V removed", "Removed", "NEW", then="confirm", code="STATE", says="under way"),
        Cell("R removed", "Removed", "NEW", code="STATE", says="under way"),
        Cell("R", "OtherProgram", "NEW"),
        Cell("K", "EarlierProgram", "NEW", at="V", then="confirm"),
        Cell("V enrolled", "EnrolledMeanwhile", "NEW", then="confirm", code="UNDER_WAY", says="let the rollout end"),
        Cell("R enrolled", "EnrolledMeanwhile", "NEW", code="UNDER_WAY", says="let the rollout end"),
    ),
    host(
        68, "two services of one host change at once",
        Cell("R", "OtherService", "NEW", code="BUSY", says="web"),
        Cell("S", "OtherService", "NEW", code="BUSY", says="web"),
        Cell("V", "OtherServiceInTurn", "NEW", then="confirm"),
    ),
    host(
        69, "first deployment onto a service that runs from elsewhere",
        Cell("G", "RunsElsewhere", "ELSEWHERE", at="staged", then="activate", code="RUNS_ELSEWHERE"),
    ),
    host(
        70, "host suspended beyond the deadline",
        Cell("V", "Frozen", "OLD*"),
        Cell("K", "Frozen", "OLD", at="V", then="confirm", code="DEADLINE or STATE"),
    ),
)  # fmt: skip

CONTROLLER_ROWS = (
    controller(
        1, "controller killed before anything is switched",
        Cell("D", "Killed", "OLD BLOCK REC"),
        Cell("G", "Killed", "OLD BLOCK REC"),
        Cell("C", "Killed", "OLD BLOCK REC"),
        Cell("U", "Killed", "OLD BLOCK REC"),
    ),
    controller(
        2, "controller killed once something is switched",
        Cell("V", "Killed", "OLD* BLOCK REC"),
        Cell("S", "Killed", "OLD* BLOCK REC"),
        Cell("R", "Killed", "OLD* BLOCK REC"),
    ),
    controller(
        3, "controller killed after a confirm, before its record",
        Cell("L", "Killed", "NEW BLOCK REC"),
    ),
    controller(
        4, "controller killed on the way back",
        Cell("B", "KilledOnTheWayBack", "OLD REC"),
    ),
    controller(
        5, "controller stopped for longer than its lease, then continued",
        Cell("B fenced", "StoppedBeforeItsRequest", "NEW REC", at="back"),
        *(Cell(phase, "Stopped", "NEW REC") for phase in "G C U S R V K L N X".split()),
        Cell("D", "StoppedWhileSending", "OLD REC"),
        Cell("B", "StoppedOnTheWayBack", "OLD REC"),
    ),
    controller(
        6, "Ctrl-C, SIGTERM, terminal lost",
        Cell("N", "Signalled", "NEW BLOCK REC"),
        Cell("G", "CtrlC", "OLD BLOCK REC"),
        Cell("C", "TerminalLost", "OLD BLOCK REC"),
        Cell("D", "Signalled", "OLD BLOCK REC"),
        Cell("U", "CtrlC", "OLD BLOCK REC"),
        Cell("S", "TerminalLost", "OLD* BLOCK REC"),
        Cell("R", "Signalled", "OLD* BLOCK REC"),
        Cell("V", "CtrlC", "OLD* BLOCK REC"),
        Cell("K", "TerminalLost", "EITHER BLOCK REC"),
        Cell("L", "Signalled", "NEW BLOCK REC"),
        Cell("B", "CtrlCOnTheWayBack", "OLD REC"),
        Cell("X", "SignalledInTheEnd", "NEW REC"),
    ),
    controller(
        7, "controller rebooted, and the same command again",
        Cell("U", "Rebooted", "OLD BLOCK REC"),
        *(Cell(phase, "Rebooted", "OLD BLOCK REC") for phase in "G C D".split()),
        *(Cell(phase, "Rebooted", "OLD* BLOCK REC") for phase in "S R V K".split()),
        *(Cell(phase, "Rebooted", "NEW BLOCK REC") for phase in "L N".split()),
        Cell("B", "RebootedOnTheWayBack", "OLD REC"),
        Cell("X", "RebootedInTheEnd", "NEW REC"),
    ),
    controller(
        8, "SSH to a host lost before its switch",
        Cell("D", "Cut", "OLD BLOCK REC"),
        Cell("U", "Cut", "OLD BLOCK REC"),
    ),
    controller(
        9, "SSH to a host lost at its switch or later, back after the deadline",
        Cell("K", "CutBeyondDeadline", "OLD BLOCK REC"),
        Cell("S", "CutBeyondDeadline", "OLD BLOCK REC"),
        Cell("R", "CutBeyondDeadline", "OLD BLOCK REC"),
        Cell("V", "CutBeyondDeadline", "OLD BLOCK REC"),
    ),
    controller(
        10, "the answer to a confirm is lost",
        Cell("K", "ReplyLost", "NEW REC", at="free"),
    ),
    controller(
        14, "host gone for ever",
        Cell("D", "GoneForEver", "OLD BLOCK REC"),
        *(Cell(phase, "GoneForEver", "OLD BLOCK REC") for phase in "S R V K".split()),
        Cell("L", "GoneForEver", "NEW BLOCK REC"),
    ),
    controller(
        15, "half of the hosts cannot be reached",
        Cell("V", "Partition", "OLD REC"),
        Cell("N", "PartitionBeforeWave", "OLD REC"),
    ),
    controller(
        20, "disk of the store full",
        Cell("L", "StoreFull", "OLD BLOCK REC"),
    ),
    controller(
        24, "artifact changes between two hosts",
        Cell("D", "ArtifactChanges", "OLD BLOCK REC"),
    ),
    controller(
        48, "a step without a way back is done, then something fails",
        Cell("B", "PointOfNoReturn", "OLD BLOCK REC", at="free"),
    ),
    controller(
        55, "callback plugin breaks, or is not loaded",
        Cell("L", "BrokenCallback", "NEW REC", at="free"),
    ),
    controller(
        57, "one host fails in the last wave",
        Cell("N", "LastFails", "OLD REC", at="free"),
        Cell("N within the budget", "LastFailsWithinBudget", "NEW REC", at="free"),
        Cell("N keep", "LastFailsAndOthersAreKept", "NEW REC", at="free"),
        Cell("N pause", "LastFailsAndPauses", "NEW REC", at="free"),
    ),
    controller(
        66, "controller killed during an operator's rollback",
        Cell("B", "RollbackKilled", "OLD REC", at="free"),
    ),
)  # fmt: skip

ROWS = tuple(sorted((*HOST_ROWS, *CONTROLLER_ROWS), key=lambda row: row.number))

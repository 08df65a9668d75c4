# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that strike enrolled hosts, where they have more states than others have; see `table`."""

from __future__ import annotations

from faults.kinds import Cell, enrolled, governed

ENROLLED_ROWS = (
    governed(
        2, "controller killed once something is switched",
        Cell("V", "Killed", "OLD* BLOCK REC"),
    ),
    enrolled(
        5, "a run that was stopped takes back what a later one has granted",
        Cell("V", "OlderRun", "NEW", then="confirm", code="FENCED", says="another run has taken over"),
    ),
    governed(
        9, "SSH to a host lost at its switch or later, back after the deadline",
        Cell("K", "CutBeyondDeadline", "OLD BLOCK REC"),
    ),
    governed(
        11, "power cut between the challenge of a host and its activation",
        Cell("S", "PowerIsBack", "OLD BLOCK REC", at="P"),
    ),
    enrolled(
        12, "power cut",
        Cell("S counted", "PowerCut", "OLD", at="counted"),
        Cell("S minted", "PowerIsBack", "OLD", at="minted", then="activate", code="CHALLENGE", attempts=0),
        Cell("S checked", "PowerCut", "OLD", at="checked", attempts=0),
        Cell("S used", "PowerCut", "OLD", at="used", attempts=0),
        Cell("S written", "PowerCut", "OLD", at="written"),
        Cell("R", "PowerCut", "OLD"),
        Cell("V", "PowerCut", "OLD"),
        Cell("V confirmed", "PowerCut", "NEW", at="confirmed"),
        Cell("B", "PowerCut", "OLD"),
    ),
    enrolled(
        17, "sshd broken by the release itself",
        Cell("V", "NoSsh", "OLD*"),
    ),
    enrolled(
        19, "disk full when the record or the journal is to be written",
        Cell("S used", "FullDiskAndInodes", "OLD", at="used", code="NO_SPACE", says="what was tried cannot be written", attempts=0),
        Cell("S counted", "FullDiskAndInodes", "OLD", at="counted", code="NO_SPACE", says="the activation cannot be written"),
        Cell("S minted", "FullDiskAndInodes", "OLD", at="minted", then="activate", code="NO_SPACE", attempts=0),
    ),
    governed(
        20, "disk of the store full",
        Cell("L", "StoreFull", "OLD BLOCK REC"),
    ),
    enrolled(
        21, "no inode left, or read-only",
        Cell("S read-only", "ReadOnly", "OLD", at="minted", then="activate", code="UNSAFE_PATH", says="read-only", attempts=0),
        Cell("S counted", "NoInodes", "OLD", at="counted", code="NO_SPACE", says="the activation cannot be written"),
        Cell("X", "NoInodes", "OLD", at="V", then="back"),
    ),
    enrolled(
        35, "the host's clock is set back or forward",
        Cell("S back", "ClockBack", "OLD", at="minted", then="activate", code="CLOCK", says="set it right", attempts=0),
        Cell("S forward", "ClockForward", "OLD", at="minted", then="activate", code="CLOCK", says="s apart", attempts=0),
        Cell("K forward", "ClockForward", "NEW", at="V", then="confirm"),
        Cell("B back", "ClockBack", "OLD", at="V", then="back"),
    ),
    enrolled(
        38, "another change with all that it needs while one is not confirmed",
        Cell("V", "AnotherPermit", "OLD", then="back", code="STATE"),
    ),
    enrolled(
        50, "host program killed, as for want of memory",
        Cell("S counted", "Killed", "OLD", at="counted", then="activate", code="CHALLENGE"),
        Cell("S checked", "Killed", "NEW", at="checked", then="activate"),
        Cell("S used", "Killed", "OLD", at="used", then="activate", code="CHALLENGE", attempts=0),
        Cell("S written", "Killed", "OLD", at="written", then="activate", code="CHALLENGE"),
    ),
    enrolled(
        61, "the new release fills disk and inodes",
        Cell("V", "FullDiskAndInodes", "OLD*"),
    ),
    enrolled(
        63, "SSH session dies during the activation",
        Cell("S counted", "SessionDies", "NEW", at="counted"),
        Cell("S checked", "SessionDies", "NEW", at="checked"),
    ),
    enrolled(
        65, "reboot in the confirm window that takes longer than the deadline",
        Cell("V", "PowerCutBeyondDeadline", "OLD"),
    ),
    enrolled(
        67, "another host program, another trust, or no enrollment any more, while something is under way",
        Cell("V upgrade", "Upgraded", "NEW", then="confirm", code="UNDER_WAY", says="let the rollout end"),
        Cell("V unenrolled", "Unenrolled", "NEW", then="confirm", code="UNDER_WAY", says="let the rollout end"),
        Cell("R unenrolled", "Unenrolled", "NEW", code="UNDER_WAY", says="let the rollout end"),
        Cell("V trust", "NewTrust", "NEW", then="confirm", code="UNDER_WAY", says="let the rollout end"),
        Cell("V removed", "RemovedByRoot", "NEW", then="confirm", code="ENROLLED", says="unenroll it first"),
        Cell("K earlier journal", "EarlierJournal", "NEW", at="V", then="confirm"),
    ),
    enrolled(
        71, "the host is a clone, or what says who it is was damaged",
        Cell("S", "OtherMachine", "OLD", at="minted", then="activate", code="IDENTITY", says="counts as not enrolled", attempts=0),
        Cell("S damaged", "NoIdentity", "OLD", at="minted", then="activate", code="IDENTITY", attempts=0),
        Cell("K", "OtherMachine", "NEW", at="V", then="confirm"),
        Cell("B damaged", "NoIdentity", "OLD", at="V", then="back"),
        Cell("V", "OtherMachine", "OLD*"),
    ),
    enrolled(
        72, "trust or record damaged or lost",
        Cell("V record", "HalfRecord", "OLD", then="back"),
        Cell("S lost", "NoTrust", "OLD", at="minted", then="activate", code="TRUST", says="enroll this host again", attempts=0),
        Cell("S damaged", "HalfTrust", "OLD", at="minted", then="activate", code="TRUST", says="enroll this host again", attempts=0),
        Cell("B damaged", "HalfTrust", "OLD", at="V", then="back"),
        Cell("V lost", "NoTrust", "OLD*"),
        Cell("K record", "HalfRecord", "NEW", at="V", then="confirm"),
    ),
    enrolled(
        73, "no ssh-keygen to verify with",
        Cell("S", "NoKeygen", "OLD", at="minted", then="activate", code="NO_SSH_KEYGEN", attempts=0),
        Cell("K", "NoKeygen", "NEW", at="V", then="confirm"),
        Cell("V", "NoKeygen", "OLD*"),
    ),
)  # fmt: skip

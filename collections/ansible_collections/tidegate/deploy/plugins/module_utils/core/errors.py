# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that a bad world raises, and every stable code that it may carry.

A caller's bug is a ``ValueError`` or ``RuntimeError``. Whatever the world did wrong (data, hosts, archives, states)
is a `Refusal`: it names what was found, what was expected and what to do next.
"""

from __future__ import annotations

CODES = {
    # the data that a site writes
    "DATA": "a change file, services file or argument is not what it must be",
    "UNKNOWN_SERVICE": "the change names a service that no inventory data defines",
    "HOSTS": "the hosts of a change are empty, doubled, or not in the inventory",
    "WAVES": "the waves of a change overlap, miss hosts or cannot keep the floor",
    "UNSUPPORTED": "something that this version does not do yet",
    "LIMIT": "the run was narrowed by --limit",
    "STRATEGY": "the play does not run under the linear strategy",
    "DEPENDENCY": "a Python package is missing on the controller",
    "DOCTOR": "the doctor found what would stop a rollout, or a host that it could not ask",
    "EXISTS": "services are there already, and nothing of a site is ever overwritten",
    "NOTHING_FOUND": "no host runs a service of the site's own",
    # the artifact
    "ARTIFACT_MISSING": "the artifact cannot be found or read",
    "RETAINED": "the change names no artifact, and its hosts do not all keep one intact release of that version",
    "DIGEST": "bytes are not the bytes that were promised",
    "ARCHIVE": "an archive holds something that is never unpacked",
    "ARCHIVE_LIMIT": "an archive exceeds the limits on bytes, entries, depth or ratio",
    "TREE": "a release folder is not what its manifest says",
    "FETCH": "the host could not download the artifact",
    "NEED_BYTES": "the host does not hold the release and needs its bytes",
    # the host
    "UNREACHABLE": "the host cannot be asked: what it runs is unknown",
    "NO_PIPELINING": "the connection plugin cannot carry a program on standard input",
    "NO_PYTHON": "the host has no Python 3.9 or newer",
    "NO_ROOT": "the host program does not run as root",
    "NO_SYSTEMD": "the host does not run systemd",
    "PROTOCOL": "the host and the controller do not speak the same protocol",
    "PROGRAM_NEWER": "the host carries a newer host program than this controller",
    "PROGRAM_OTHER": "the host carries another host program that may be replaced: ship this one",
    "PRECHECK": "pre-checks found what must be mended first",
    "NO_SPACE": "a file system of the host is full or has no free inode",
    "UNSAFE_PATH": "a path on a host or the controller can be changed by others, or is not what it must be",
    "RUNS_ELSEWHERE": "the service already runs from outside its root",
    "ADOPT": "what runs cannot be taken over as it is",
    "HOST_ERROR": "the host program failed in a way that it does not know",
    # the host's state table
    "STATE": "the event does not fit the state that the service is in",
    "PREVIOUS": "current is not the release that the plan expects",
    "BUSY": "another activation of this host is under way",
    "FENCED": "the lease number is older than one that the host has seen",
    "CLOSED": "the change was taken back and may not go on",
    "TOKEN": "the confirm token is not the one of this activation",
    "DEADLINE": "the deadline has passed: the host goes back",
    "REBOOTED": "the host was rebooted since the activation began",
    "BACK_UNTIL": "the time for going back has passed",
    "NOT_OURS": "current was not put there by this change",
    "ACTIVATION": "an activation failed and was taken back",
    "PROBE": "a probe failed",
    "SUITE": "a suite of the site's tests cannot be run, or holds no test",
    "TEST": "a test of the site's failed",
    "RELEASE_UNSEEN": "the service answers, but nothing proves that it is the new release",
    "REVERT_FAILED": "going back failed as often as it may be tried",
    # enrolled hosts
    "NOT_ENROLLED": "the host is not enrolled: it has no trust and no challenge, and a login that was left there may only look and confirm",
    "ENROLLED": "the host is enrolled: it has to be unenrolled, or brought to newer trust, for that",
    "IDENTITY": "the machine is not the one that was enrolled: a clone, or installed anew",
    "PERMIT": "the host is enrolled, and was shown no permit, or one for another host, service or environment",
    "CHALLENGE": "the permit is not for the challenge that the host has minted last",
    "GRANT": "the store's consent to the wave is missing, over, for something else, or not in the log that the host has seen",
    "TRUST": "a trust bundle cannot be read, contradicts itself, is of a wrong number, or has run out",
    "TRUST_STALE": "the host is at an older version of trust than what was signed needs",
    "ATTEMPTS": "a statement was used on the host as often as it may be",
    "DEFINITION": "a service is not defined on the host by its trust bundle, or not as it was approved",
    "NO_SSH_KEYGEN": "the host has no ssh-keygen of OpenSSH 8.1 or newer, which verifies signatures",
    "UNDER_WAY": "something is pending or going back on the host, which has to end first",
    "FULL": "an enrolled host remembers as many statements or vetoes as it can, and may forget none",
    "REVIEW_DUE": "the host went forward by an emergency whose review it has not been shown",
    # people, keys and approvals
    "SIG_INVALID": "a signature or public key cannot be read, or the signature is not of these bytes by this key",
    "NAMESPACE": "a signature was made for another use",
    "ALG": "a kind or size of key, or an algorithm, that never counts",
    "PRESENCE": "nobody touched the FIDO key that signed",
    "KEY": "the key that signed is nobody's, or was not this person's to sign with at that time",
    "STATEMENT": "what was signed is not a statement, or not the one of this plan",
    "SIGNING": "ssh-keygen could not sign or verify here",
    "REQUEST": "whoever is named as who wants a change has not signed that, which enrolled hosts demand",
    "SELF": "somebody approves what they themselves asked for, made or carry out",
    "QUORUM": "not enough distinct people of the groups that policy asks for have approved",
    "STRENGTH": "an approval is not as strong as policy asks for",
    "EXPIRED": "an approval has run out",
    "ABSENT": "an approval was given by somebody who was absent then",
    "VETO": "somebody has rejected the change",
    "WITHDRAWN": "an approval was taken back, and does not count again for the same plan",
    "APPROVAL": "policy asks for approval, and the change was not handed in for it",
    "RULES": "the rules for approval are not the ones that the change was planned under",
    "DOWNGRADE": "the change brings hosts to an older release than they run, and policy refuses that",
    "REVIEW": "the review of an emergency is overdue, and keeps the next one from beginning",
    # the run
    "NO_CHANGE": "no such change",
    "NOT_OPEN": "the change is closed",
    "PAUSED": "a paused change waits for resume, rollback or close",
    "WINDOW": "no window is open for the change, a freeze holds, or its own window is over or has not begun",
    "RUNTIME": "a rollout takes longer than its max_runtime, and opens no further wave",
    "CATCH_UP": "the time for catching up hosts that were down has passed",
    "LEASE": "another run rolls this service out now",
    "LEASE_LOST": "this run no longer holds the lease",
    "WAVE": "the batch is not the plan's next wave",
    "FLOOR": "too few hosts are up for this wave",
    "BUDGET": "more hosts failed than the failure budget allows",
    "DRIFT": "the world differs from the plan",
    "TASKS": "a change's own tasks failed, or are not the ones that were planned",
    "CHECK": "a change's check does not find what was to be there, or says nothing",
    "ONCE": "tasks that run once per change failed, or nobody knows whether they were done",
    "NO_RETURN": "the change is past a step that has no way back",
    "ANSIBLE": "a task failed that is not one of Tidegate's",
    "BROKEN": "a step broke off in a way that Tidegate does not know, or by a time limit of Ansible's",
    "INTERRUPTED": "the run was interrupted",
    "ELSEWHERE": "an approval given in another system is not there, does not count, or cannot be asked for",
    "STORE": "the store cannot be used",
    "STORE_AWAY": "the store in PostgreSQL cannot be reached, or takes nothing now",
    "STORE_BEHIND": "the store has lost entries of its ledger that a witness has seen, or has others in their place",
    "STORE_SCHEMA": "the store was written by a newer Tidegate, or has to be brought up to date by its owner",
    "CLOCK": "the clock of this controller is behind the ledger, or that of a host is off: nothing goes forward by it",
    "LEDGER": "the ledger is not what it was, or this controller may not sign it",
}


class Refusal(Exception):
    """Something in the world is not as it must be.

    Args:
        code: a key of `CODES`; stable, for programs.
        message: for people: what was found, what was expected, what to do next.
        facts: details for programs, of the kinds that canonical JSON knows.
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        if code not in CODES:
            raise ValueError(f"no such refusal code: {code}")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.facts = facts

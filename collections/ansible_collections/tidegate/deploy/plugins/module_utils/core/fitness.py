# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's own program and states are worth: whether it could take a release back when nobody is there.

Facts go in, all findings come out, as in `core.vitals`, which judges host and service. A finding also says what mends it.

The facts, as `host.doctor` gathers them:

=============== ===================================================================================================
``enrolled``    null where the host is not enrolled; else ``{"problem"}``: what keeps it from letting anything through, and
                where nothing does ``{"trust", "login", "rule", "rule_path", "login_problems", "days_left", "ends",
                "lapses", "programs"}``; ``rule``: sudo lets the login reach the host program; ``days_left``: of the trust,
                below 0 once it has run out; ``lapses``: its rules that keys leave unmet; ``programs``: those that may run
``program``     null where the host carries none, else ``{"digest", "version", "python", "python_problem"}``; the problem
                is null where that Python runs
``units``       ``[{"name", "problem", "mend"}]`` of the program's own units that are not as they must be
``services``    ``[{"service", "state", "current", "change", "overdue", "reason", "deadline_in_s", "watched", "runner",
                "known"}]``; ``watched``: a timer waits for the deadline; ``runner``: what works on it now runs;
                ``known``: the inventory defines it for this host
``broken``      ``[{"service", "problem"}]``, whose state cannot be read
``leftovers``   paths that an interrupted step left
=============== ===================================================================================================
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Facts = dict[str, Any]
    Finding = dict[str, str]

REFUSE, WARN, NOTE = "refuse", "warn", "note"
"""Levels: mend it before a rollout; mend it soon; good to know."""

SOON_D = 30
"""In how many days something ends that is to be mended in time."""

_STATUS = "ansible-playbook tidegate.deploy.status"
_ENROLL = "ansible-playbook tidegate.deploy.enroll"


def finding(check: str, level: str, found: str, hint: str) -> Finding:
    """One thing to say.

    Args:
        check: what was looked at.
        level: `REFUSE`, `WARN` or `NOTE`.
        found: what is there, as a sentence.
        hint: what mends it.
    """
    return {"check": check, "level": level, "found": found, "hint": hint}


def findings(facts: Facts, digest: str, version: Sequence[int]) -> list[Finding]:
    """All that is to say about a host's program and states.

    Args:
        facts: see above.
        digest: of the controller's host program.
        version: of the controller's host program.
    """
    found = [*_program(facts, digest, list(version)), *_units(facts), *_enrolled(facts)]
    for service in facts["services"]:
        found += _state(service)
    for broken in facts["broken"]:
        hint = "look at its journal below /var/lib/tidegate/services; nothing is activated before it can be read"
        found.append(finding("state", REFUSE, f"{broken['service']}: {broken['problem']}", hint))
    if facts["leftovers"]:
        shown = ", ".join(facts["leftovers"][:3]) + (" …" if len(facts["leftovers"]) > 3 else "")
        hint = "the next rollout of the service removes it; by hand only while none is under way"
        found.append(finding("leftovers", NOTE, f"an interrupted step left {shown}", hint))
    return found


def _program(facts: Facts, digest: str, version: list[int]) -> Iterator[Finding]:
    program = facts["program"]
    if program is None:
        if facts["services"]:
            found = "the host program is gone, while services have states: nothing would go back by itself"
            yield finding("program", REFUSE, found, "plan or roll out any change of this host: that installs it")
        else:
            yield finding("program", NOTE, "no host program yet", "the first plan or rollout installs it")
        return
    if program["python_problem"]:
        found = f"the Python that the host program keeps, {program['python']}, {program['python_problem']}: "
        found += "nothing would go back by itself, not even at boot"
        hint = "install it again, or plan any change of this host: that names another Python, if there is one"
        yield finding("python", REFUSE, found, hint)
    if program["digest"] == digest:
        return
    carried = [int(part) for part in program["version"].split(".") if part.isdigit()]
    if carried > version:
        found = f"carries host program {program['version']}, newer than this controller's {'.'.join(map(str, version))}"
        yield finding("program", WARN, found, "use the Tidegate that installed it, or a newer one")
    else:
        found = f"carries another host program ({program['version'] or 'no version'}, {program['digest'][:12]})"
        hint = (
            f"{_ENROLL} brings this one, once its trust names it"
            if facts["enrolled"]
            else "the next plan or rollout replaces it"
        )
        yield finding("program", NOTE, found, hint)


def _enrolled(facts: Facts) -> Iterator[Finding]:
    enrolled = facts["enrolled"]
    if enrolled is None:
        return
    if enrolled["problem"]:
        yield finding(
            "enrolled", REFUSE, enrolled["problem"], "until then this host lets nothing forward; it still goes back"
        )
        return
    if not enrolled["rule"]:
        found = f"{enrolled['rule_path']} is not as it was made: {enrolled['login']} does not reach the host program"
        yield finding("enrolled", REFUSE, found, f"as root: {_ENROLL}, which puts it back")
    for problem in enrolled["login_problems"]:
        found = f"the login of this host is not as the enrollment made it: {problem}"
        yield finding("enrolled", WARN, found, "find out who changed it, and as root put it back")
    yield from _trust(enrolled)
    program = facts["program"]
    if program is not None and program["digest"] not in enrolled["programs"]:
        found = f"runs host program {program['digest'][:12]}, which trust version {enrolled['trust']} does not name: root has put it there"
        yield finding("enrolled", REFUSE, found, "find out who; then let the host be made anew, and enroll it again")


def _trust(enrolled: Facts) -> Iterator[Finding]:
    number, days = enrolled["trust"], enrolled["days_left"]
    hint = f"make and sign the next one with tidegate.deploy.trust, then {_ENROLL}"
    if days < 0:
        yield finding("enrolled", WARN, f"trust version {number} has run out", hint)
    elif days < SOON_D:
        found = f"trust version {number} runs out at {enrolled['ends']}, expected {SOON_D} days or more"
        yield finding("enrolled", WARN, found, hint)
    for line in enrolled["lapses"]:
        mend = f"while it can be met: give them other keys or ask others; {hint}"
        yield finding("enrolled", WARN, f"trust version {number}: {line}", mend)


def _units(facts: Facts) -> Iterator[Finding]:
    for unit in facts["units"]:
        yield finding("reaper", REFUSE, f"{unit['name']} {unit['problem']}", unit["mend"])


def _state(service: Facts) -> Iterator[Finding]:
    name, state, change = service["service"], service["state"], service["change"]
    if state in ("pending", "ready"):
        yield from _open(service)
    elif state == "reverting":
        if service["runner"]:
            found = f"{name}: goes back to {service['current']} now"
            yield finding("state", WARN, found, f"wait for it; {_STATUS} shows how far it is")
        else:
            found = f"{name}: is going back, and nothing works on it: tidegate-revert@{name}.service does not run"
            yield finding("reaper", REFUSE, found, f"{_STATUS} starts it again")
    elif state == "failed":
        found = f"{name}: could not go back ({service['reason'] or 'no reason is kept'})"
        hint = f"mend the cause on the host, then ansible-playbook tidegate.deploy.rollback -e tidegate_change={change}"
        yield finding("state", REFUSE, found, hint)
    if not service["known"]:
        found = f"{name}: has a state here, and the inventory does not define it for this host"
        yield finding("state", NOTE, found, "define it again, or take it off the host")


def _open(service: Facts) -> Iterator[Finding]:
    name, change = service["service"], service["change"]
    if service["overdue"]:
        found = f"{name}: {change} was never confirmed, its deadline is over, and nothing took it back"
        yield finding("reaper", REFUSE, found, f"{_STATUS} takes it back at once")
        return
    if not service["watched"]:
        found = f"{name}: {change} waits for its confirmation, and the timer that would take it back is gone"
        hint = f"once its deadline is over ({service['deadline_in_s']} s), {_STATUS} takes it back; so does a reboot"
        yield finding("reaper", REFUSE, found, hint)
    if service["state"] == "pending" and not service["runner"]:
        found = f"{name}: {change} is being activated, and nothing works on it any more"
        yield finding("reaper", REFUSE, found, "it goes back at its deadline; then roll out again")
    found = (
        f"{name}: {change} is {service['state']}, and goes back in {service['deadline_in_s']} s unless it is confirmed"
    )
    yield finding("state", WARN, found, "let the rollout that began it go on, or wait")

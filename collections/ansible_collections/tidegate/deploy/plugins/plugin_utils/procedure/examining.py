# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every host would say against a rollout, asked of all at once, with what mends it; and what the inventory says wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import vitals
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.hosts import resolve_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.audit import Audit, audit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import VARIABLE, Service
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import nearest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer, HostProgram

Finding = dict[str, str]

UNREACHED = "unknown"
"""The level of a host that could not be asked: whether it would hinder is not known."""

INVENTORY = "inventory"
_K = "run with -K (--ask-become-pass), or let it become root without: NOPASSWD in sudoers"
_MENDS = (
    (
        "host key verification failed",
        "add its key to known_hosts once somebody has compared it (ssh-keyscan, ssh-keygen -lf)",
    ),
    ("remote host identification has changed", "find out why its key changed; then ssh-keygen -R and add the new one"),
    ("could not resolve hostname", "name its address with ansible_host, or mend DNS"),
    (
        "permission denied",
        "check ansible_user and its key (ansible_ssh_private_key_file, ssh-agent); -k asks for a password",
    ),
    ("sshpass", "install sshpass on the controller, or log in with a key"),
    ("password is required", _K),
    ("sudo password", _K),
    ("incorrect", f"that password is wrong: {_K}"),
    ("must have a tty", "on the host: take requiretty out of sudoers for this user"),
    ("sudoers", "on the host: allow this user to become root in sudoers, or name another ansible_user"),
    ("not allowed", "on the host: allow this user to become root in sudoers, or name another ansible_user"),
    ("not found", "name another ansible_become_method, or install what is missing on the host"),
    ("timeout", "is it up, and are ansible_host, ansible_port and firewalls right?"),
    ("timed out", "is it up, and are ansible_host, ansible_port and firewalls right?"),
    ("refused", "is sshd up, and are ansible_host and ansible_port right?"),
    ("no route", "is it up, and are its network and ansible_host right?"),
)
_BY_CODE = {
    "NO_ROOT": "set tidegate_become: true (the default), or log in as root",
    "NO_PYTHON": "install python3 3.9 or newer, or name one with ansible_python_interpreter",
    "NO_SYSTEMD": "take it out of the service's hosts: Tidegate activates releases through systemd",
    "NO_PIPELINING": "use a connection that can pipeline, such as ssh",
    "DATA": "mend its variables in the inventory",
    "DEFINITION": "ansible-playbook tidegate.deploy.trust drafts the inventory as it is now; tidegate.deploy.enroll brings it there",
    "IDENTITY": "find out who changed it, and when; docs/how-to/enrollment.md says how a host is enrolled anew",
    "TRUST": "find out who changed it, and when; docs/how-to/enrollment.md says how a host is enrolled anew",
}


@dataclass
class Site:
    """What the inventory defines.

    Attributes:
        services: of each host, the services that it has, by name.
        hosts: of each service, its hosts.
        findings: what is wrong, with the place: a host, or `INVENTORY`.
    """

    services: dict[str, dict[str, Service]] = field(default_factory=dict)
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    findings: list[tuple[str, Finding]] = field(default_factory=list)

    @property
    def longest_s(self) -> int:
        """The longest that one task may take: an activation with all its limits, in seconds."""
        limits = [service.definition["limits"] for of_host in self.services.values() for service in of_host.values()]
        return max(
            (2 * one["drain_s"] + 2 * one["hook_s"] + one["restart_s"] + one["probe_s"] for one in limits), default=0
        )

    def say(self, where: str, level: str, found: str, hint: str) -> None:
        """Add a finding about the services' data."""
        self.findings.append((where, finding("services", level, found, hint)))


# --- the inventory ---------------------------------------------------------------------------------------------------


def read(inventory: Inventory, wanted: str | None) -> Site:
    """Every service of the inventory, and all that is wrong with their data.

    Args:
        inventory: what Ansible knows.
        wanted: the only service to look at; None means all.

    Raises:
        Refusal: UNKNOWN_SERVICE; the inventory defines no such service.
    """
    site = Site()
    every = [str(name) for name in inventory.groups.get("all", ())]
    audits = {name: _audit(site, name, inventory) for name in every}
    names = dict.fromkeys(name for one in audits.values() for name in one.services)
    if wanted is not None and wanted not in names:
        near = nearest(wanted, names)
        hint = f"did you mean {near}?" if near else f"sound are {', '.join(names) or 'none'}"
        raise Refusal("UNKNOWN_SERVICE", f"{VARIABLE}: found no service {wanted!r}; {hint}", service=wanted)
    for name in [wanted] if wanted else names:
        site.hosts[name] = _hosts(site, name, audits, inventory)
        for host in site.hosts[name]:
            if name in audits[host].services:
                site.services.setdefault(host, {})[name] = audits[host].services[name]
            elif not audits[host].problems:
                said = f"is a host of service {name}, and its {VARIABLE} do not define it"
                site.say(host, REFUSE, said, "define it in group_vars/all, or narrow the service with hosts:")
    if not every:
        site.say(INVENTORY, REFUSE, "the inventory has no host", "name an inventory with -i, or in ansible.cfg")
    elif not names and not any(one.problems for one in audits.values()):
        site.say(
            INVENTORY,
            WARN,
            f"{VARIABLE} is not defined: there is no service yet",
            "ansible-playbook tidegate.deploy.init",
        )
        site.services = {name: {} for name in every}
    elif not site.services:
        site.services = {name: {} for name in every}
    return site


def _audit(site: Site, host: str, inventory: Inventory) -> Audit:
    try:
        found = audit(inventory.hostvars[host].get(VARIABLE))
    except Refusal as refusal:
        if refusal.code != "DEPENDENCY":  # that one is told of the controller
            site.say(host, REFUSE, refusal.message, _BY_CODE["DATA"])
        return Audit({}, (refusal.message,))
    except Exception as error:  # whatever a template of the site's raises
        site.say(host, REFUSE, f"{VARIABLE}: {' '.join(str(error).split())}", _BY_CODE["DATA"])
        return Audit({}, (str(error),))
    for problem in found.problems:
        site.say(
            host, REFUSE, problem, f"mend it where {VARIABLE} is defined; docs/reference/services.md has every key"
        )
    return found


def _hosts(site: Site, name: str, audits: Mapping[str, Audit], inventory: Inventory) -> tuple[str, ...]:
    """The hosts of a service, told by the first host that defines it: only there are its templates resolved."""
    members = [str(host) for host in inventory.groups.get(name, ())]
    definers = [host for host in (*members, *audits) if name in audits[host].services]
    pattern = audits[definers[0]].services[name].hosts
    place = f"group {name!r}" if pattern is None else f"{VARIABLE}.{name}.hosts: pattern {pattern!r}"
    listed = members if pattern is None else inventory.expand(pattern)
    for word in _unknown_names(pattern, inventory):
        said = f"service {name}: its hosts name {word}, which the inventory does not have"
        site.say(INVENTORY, WARN, said, "add it to the inventory, or take it out of hosts:")
    try:
        return resolve_hosts(listed, inventory.groups.get("all", ()), place)
    except Refusal as refusal:
        hint = f"put hosts into a group {name}, or name them with hosts: in the service"
        site.say(INVENTORY, WARN, f"service {name}: {refusal.message}", hint)
        return ()


def _unknown_names(pattern: str | None, inventory: Inventory) -> list[str]:
    """Plain names in a pattern that are no host and no group: Ansible only warns of them, and goes on with the others."""
    known = {*inventory.groups, *inventory.groups.get("all", ())}
    words = [word.strip().lstrip("!&") for word in re.split(r"[,:]", pattern or "")]
    return [word for word in words if re.fullmatch(r"[A-Za-z0-9_.-]+", word) and word not in known]


# --- hosts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What one host said.

    Attributes:
        findings: about it.
        asked: it could be asked.
        enforced: it refuses by itself what was not approved.
        enrolled: what it says of that, where it does.
        stands: what it says of each service, by name.
    """

    findings: Sequence[Finding]
    asked: bool = True
    enforced: bool = False
    enrolled: Mapping[str, Any] | None = None
    stands: Mapping[str, Stand] = field(default_factory=dict)


def examine(
    name: str,
    program: HostProgram | Refusal,
    services: Mapping[str, Service],
    clock: Callable[[], float],
    login_keys: Sequence[str] = (),
) -> Seen:
    """Ask one host for everything, in one exec.

    Args:
        name: the host.
        program: the way to it, or why there is none.
        services: those that it has.
        clock: the controller's, in seconds.
        login_keys: those that are to log in where it is enrolled; none: nobody says.
    """
    if isinstance(program, Refusal):
        return Seen([_of_refusal(name, program)], asked=False)
    asked = [{"definition": one.definition, "thresholds": one.checks} for one in services.values()]
    began_s = clock()
    try:
        request = {"services": asked, **({"login_keys": list(login_keys)} if login_keys else {})}
        answer = program.call("doctor", request).or_refuse()
    except Unreachable as lost:
        said = f"cannot be reached: {lost}"
        return Seen([finding("connection", UNREACHED, said, mend(said))], asked=False)
    except Refusal as refusal:
        return Seen([_of_refusal(name, refusal)], asked=False)
    except Exception as error:  # a connection plugin of somebody else's
        return Seen(
            [finding("connection", UNREACHED, f"{type(error).__name__}: {error}", mend(str(error)))], asked=False
        )
    found = [*answer.fields["findings"], *_clock(answer, began_s, clock(), services)]
    enforced, enrolled = bool(answer.fields.get("enforced")), answer.fields.get("enrolled")
    stands = {
        service: Stand(stands, enforced=enforced, enrolled=enrolled)
        for service, stands in (answer.fields.get("services") or {}).items()
        if stands
    }
    return Seen(found, enforced=enforced, enrolled=enrolled, stands=stands)


def _of_refusal(name: str, refusal: Refusal) -> Finding:
    """A host that answered, but cannot be worked on."""
    said, known = refusal.message.removeprefix(f"{name}: "), _BY_CODE.get(refusal.code)
    return finding(refusal.code.lower(), REFUSE, said, mend(said, known))


def mend(said: str, otherwise: str | None = None) -> str:
    """What helps against words of ssh, sudo or Ansible.

    Args:
        said: the words.
        otherwise: what helps where they are not known.
    """
    words = said.lower()
    known = next((hint for text, hint in _MENDS if text in words), None)
    return known or otherwise or "try it by hand: ansible HOST --become -m ansible.builtin.ping -vvv"


def _clock(answer: Answer, began_s: float, ended_s: float, services: Mapping[str, Service]) -> list[Finding]:
    """The host's clock was read between two moments of the controller's: only what lies outside is a difference."""
    checks = [service.checks for service in services.values()] or [vitals.DEFAULTS]
    most_s, level = min(int(one["clock_skew_s"]) for one in checks), min(str(one["clock"]) for one in checks)
    host_s = int(answer.fields["host"]["time_s"])
    ahead_s = max(host_s - ended_s, 0) - max(began_s - host_s - 1, 0)
    if abs(ahead_s) <= most_s or level == "ignore":
        return []
    said = f"its clock is about {round(abs(ahead_s))} s {'ahead of' if ahead_s > 0 else 'behind'} the controller's, expected at most {most_s} s"
    return [finding("clock", REFUSE if level == "refuse" else WARN, said, "let NTP set both clocks")]

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What inventory and hosts say against a rollout, with what mends it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import examining
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

WEB = {"unit": "web.service"}
SERVICES = Services.of({"web": WEB}).by_name


def an_inventory(services, groups=None, hosts=("web1", "web2")):
    """Hosts that all have these services."""
    named = {"all": list(hosts), "web": list(hosts), **(groups or {})}

    def expand(pattern):
        words = pattern.split(",")
        return [host for host in hosts if host in words or any(host in named.get(word, ()) for word in words)]

    hostvars = {host: {"tidegate_services": services} if services is not None else {} for host in hosts}
    return Inventory(hostvars, named, expand, {}, ".")


def told(site):
    return sorted({f"{where} {one['level']}: {one['found']}" for where, one in site.findings})


# --- the inventory


def test_services_with_their_hosts():
    """By the group of the same name, or by a pattern; the longest step is that of the service that takes longest."""
    site = examining.read(an_inventory({"web": WEB, "api": {"unit": "api.service", "hosts": "web2"}}), None)

    assert ({"web": ("web1", "web2"), "api": ("web2",)}, []) == (site.hosts, site.findings)
    assert [["web"], ["web", "api"]] == [list(of_host) for of_host in site.services.values()]
    assert 2 * 30 + 2 * 60 + 60 + 60 == site.longest_s


def test_one_service_only():
    """The others are not looked at; one that nobody defines is refused with the nearest."""
    inventory = an_inventory({"web": WEB, "api": {"unit": "api.service", "hosts": "web2"}})

    assert {"api": ("web2",)} == examining.read(inventory, "api").hosts
    with pytest.raises(Refusal) as refused:
        examining.read(inventory, "wbe")
    assert ("UNKNOWN_SERVICE", True) == (refused.value.code, "did you mean web?" in refused.value.message)


def test_broken_data_is_told_per_host_and_the_rest_is_used():
    """Each problem once per host; a sound service is still looked at."""
    site = examining.read(an_inventory({"web": WEB, "api": {"unit": "api"}}), None)

    assert [f"web{n} refuse: tidegate_services: api.unit: found 'api', expected the systemd unit" for n in (1, 2)] == [
        line.partition(" of the service")[0] for line in told(site)
    ]
    assert {"web": ("web1", "web2")} == site.hosts


def test_nothing_is_defined_yet():
    """On the first day all hosts of the inventory are looked at."""
    site = examining.read(an_inventory(None), None)

    assert ["inventory warn: tidegate_services is not defined: there is no service yet"] == told(site)
    assert {"web1": {}, "web2": {}} == site.services


def test_an_inventory_without_hosts():
    """That is said, and not that services are missing."""
    assert ["inventory refuse: the inventory has no host"] == told(examining.read(an_inventory(None, hosts=()), None))


def test_hosts_that_do_not_fit():
    """A service without hosts, and a name in a pattern that the inventory does not have."""
    site = examining.read(
        an_inventory({"db": {"unit": "db.service"}, "api": {"unit": "api.service", "hosts": "web1,web9"}}), None
    )

    assert told(site)[0] == "inventory warn: service api: its hosts name web9, which the inventory does not have"
    assert told(site)[1].startswith("inventory warn: service db: ")
    assert {"db": (), "api": ("web1",)} == site.hosts


def test_variables_that_do_not_resolve():
    """Whatever a template raises is a finding about that host."""

    class Broken(dict):
        def get(self, key, default=None):
            raise ValueError("'rack' is undefined")

    inventory = an_inventory({"web": WEB})
    broken = Inventory({**inventory.hostvars, "web2": Broken()}, inventory.groups, inventory.expand, {}, ".")
    site = examining.read(broken, None)

    assert ["web2 refuse: tidegate_services: 'rack' is undefined"] == told(site)
    assert ["web1"] == list(site.services)


# --- hosts


class Program:
    """A host that answers, or does not."""

    def __init__(self, said=None, **fields):
        self.said, self.fields = said, {"findings": [], "host": {"time_s": 1000}, "enforced": False, **fields}

    def call(self, step, request):
        assert "doctor" == step
        if isinstance(self.said, Exception):
            raise self.said
        return Answer(True, False, "", "", {}, {**self.fields, "asked": request})


def seen(program, clock=lambda: 1000.0):
    return examining.examine("web1", program, SERVICES, clock)


def test_what_a_host_found_is_handed_on():
    """Its findings, whether it enforces, and that it could be asked."""
    one = {"check": "disk", "level": "refuse", "found": "/ is full", "hint": "make room"}
    found = seen(Program(findings=[one], enforced=True))
    assert ([one], True, True) == (list(found.findings), found.asked, found.enforced)


def test_what_a_host_says_of_itself_is_kept():
    """Of its services as `status` reads it, without those whose state it could not read; its login keys are asked for where there are some."""
    about = {"uid": "1" * 32}
    program = Program(enforced=True, enrolled=about, services={"web": {"state": "steady"}, "api": None})
    found = seen(program)
    assert (about, ["web"]) == (found.enrolled, list(found.stands))
    assert (True, about, "steady") == (
        found.stands["web"].enforced,
        found.stands["web"].enrolled,
        found.stands["web"].service["state"],
    )
    asked = []
    program.call = lambda _step, request: asked.append(request) or Answer(True, False, "", "", {}, program.fields)
    examining.examine("web1", program, SERVICES, lambda: 1000.0, ["ssh-ed25519 AAAA"])
    examining.examine("web1", program, SERVICES, lambda: 1000.0)
    assert [["ssh-ed25519 AAAA"], None] == [request.get("login_keys") for request in asked]


@pytest.mark.parametrize(
    ("lost", "hint"),
    [
        ("ops@10.0.0.1: Permission denied (publickey).", "check ansible_user and its key"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection refused", "is sshd up"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", "is it up"),
        ("Timeout (12s) waiting for privilege escalation prompt:", "is it up"),
        ("ssh: Could not resolve hostname web1: Name or service not known", "name its address with ansible_host"),
        ("Host key verification failed.", "add its key to known_hosts"),
        ("something new", "try it by hand"),
    ],
)
def test_a_host_that_cannot_be_reached_is_unknown(lost, hint):
    """With ssh's own reason, and what helps against that."""
    found = seen(Program(Unreachable(lost)))
    assert not found.asked
    assert [("unknown", f"cannot be reached: {lost}")] == [(one["level"], one["found"]) for one in found.findings]
    assert found.findings[0]["hint"].startswith(hint)


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("NO_ROOT", "web1: cannot become root: Missing sudo password", "run with -K (--ask-become-pass)"),
        ("NO_ROOT", "web1: cannot become root: Incorrect sudo password", "run with -K (--ask-become-pass)"),
        ("NO_ROOT", "the host program runs as uid 1000, expected root", "set tidegate_become: true"),
        (
            "HOST_ERROR",
            "found exit status 1 and 'ops is not in the sudoers file.'",
            "on the host: allow this user to become",
        ),
        ("HOST_ERROR", "sudo: sorry, you must have a tty to run sudo", "on the host: take requiretty out of sudoers"),
        ("NO_PYTHON", "found no Python 3.9 or newer among /usr/bin/python3", "install python3 3.9 or newer"),
        ("NO_SYSTEMD", "found no /run/systemd/system", "take it out of the service's hosts"),
        ("NO_PIPELINING", "web1: connection plugin 'winrm' cannot carry", "use a connection that can pipeline"),
        ("DATA", "web1: its variables do not resolve: x", "mend its variables in the inventory"),
        (
            "DEFINITION",
            "web: found a definition other than that of trust version 1",
            "ansible-playbook tidegate.deploy.trust",
        ),
        ("IDENTITY", "/var/lib/tidegate/identity.json: found no identity (Expecting value)", "find out who changed it"),
        ("TRUST", "/var/lib/tidegate/trust: found no trust bundle, expected one", "find out who changed it"),
    ],
)
def test_a_host_that_cannot_be_worked_on(code, message, hint):
    """It would stop a rollout; become, Python, systemd and connection each have their remedy."""
    for program in (Program(Refusal(code, message)), Refusal(code, message)):
        found = seen(program)
        assert not found.asked
        assert [("refuse", message.removeprefix("web1: "))] == [(one["level"], one["found"]) for one in found.findings]
        assert found.findings[0]["hint"].startswith(hint)


def test_a_plugin_that_breaks_is_unknown_too():
    """Others go on, whatever a connection plugin of the site's raises."""
    found = seen(Program(ZeroDivisionError("x")))
    assert ("unknown", "ZeroDivisionError: x") == (found.findings[0]["level"], found.findings[0]["found"])


@pytest.mark.parametrize(
    ("host_s", "began_s", "ended_s", "told"),
    [
        (1000, 990, 1010, []),
        (1000, 1000, 1500, []),
        (1031, 900, 1000, ["its clock is about 31 s ahead of the controller's, expected at most 30 s"]),
        (900, 1000, 1400, ["its clock is about 99 s behind the controller's, expected at most 30 s"]),
        (1030, 900, 1000, []),
    ],
)
def test_the_clock_is_judged_between_two_moments(host_s, began_s, ended_s, told):
    """A slow connection is no difference of clocks."""
    times = iter([began_s, ended_s])
    found = seen(Program(host={"time_s": host_s}), lambda: float(next(times)))
    assert told == [one["found"] for one in found.findings]
    assert all("refuse" == one["level"] for one in found.findings)

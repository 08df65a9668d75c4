# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts say to services that are valid, with every guess marked, and nothing of it a template."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.guess import Unit, guesses, value_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services

HEALTH = {"port": 8080, "host": "127.0.0.1", "path": "/health", "status": 200}
GROUPS = {"all": ["web1", "web2", "db1"], "ungrouped": [], "web": ["web1", "web2"], "db": ["db1"]}


def unit(name="web.service", **more):
    """A unit as a host tells of it."""
    told = {"unit": name, "runs": True, "file": f"/etc/systemd/system/{name}", "own_file": True}
    return {**told, "program": "/opt/web/current/bin/web", "root": "/opt/web", "ports": [HEALTH], **more}


def guessed(found, groups=None, silent=()):
    """The guesses, by name; whatever they are, they are valid."""
    parsed = {host: [one for one in map(Unit.of, units) if one] for host, units in found.items()}
    made = guesses(parsed, groups or GROUPS, list(silent))
    assert sorted(value_of(made)) == sorted(Services.of(value_of(made)).names)
    return {guess.name: guess for guess in made}


def test_a_service_like_its_group():
    """The group that is named like the service needs no key; each guess says why."""
    web = guessed({"web1": [unit()], "web2": [unit()], "db1": []})["web"]

    assert web.entry == {
        "unit": "web.service",
        "root": "/opt/web",
        "probes": [{"http": {"url": "http://127.0.0.1:8080/health"}}],
    }
    assert web.why == {
        "unit": "runs on web1, web2",
        "root": "guess: the unit runs from /opt/web/current",
        "probes": "guess: /health answered 200 on 2 of 2 hosts",
    }
    assert web.remarks == []


@pytest.mark.parametrize(
    ("on", "groups", "silent", "hosts"),
    [
        (["web1", "web2"], {"front": ["web2", "web1"], "all": ["web1", "web2"]}, [], "front"),
        (["web1"], GROUPS, ["web2"], None),
        (["web1"], GROUPS, [], "web1"),
        (["web1", "db1"], GROUPS, [], "web1,db1"),
        (["web1", "web2", "db1"], GROUPS, [], "all"),
        (["web1", "web2"], {"all": ["web1", "web2", "web3"], "front": ["web1", "web2", "web3"]}, ["web3"], "front"),
    ],
)
def test_whose_hosts_they_are(on, groups, silent, hosts):
    """A group with just these hosts, silent ones not counted; else the hosts by name, and never more than were seen."""
    web = guessed({host: [unit()] for host in on}, groups, silent)["web"]
    assert hosts == web.entry.get("hosts")
    assert bool(silent) == ("could not be asked" in web.why.get("hosts", "") + "".join(web.remarks))


@pytest.mark.parametrize(
    ("ports", "probes", "said"),
    [
        ([], None, "it listens nowhere"),
        ([{"port": 5432, "host": "127.0.0.1"}], [{"tcp": {"port": 5432}}], "without HTTP"),
        ([{"port": 5432, "host": "[::1]"}], [{"tcp": {"port": 5432, "host": "::1"}}], "without HTTP"),
        ([{"port": 5432, "host": None, "address": "10.0.0.1"}], None, "on no address of the host itself"),
        (
            [{"port": 22, "host": "127.0.0.1"}, {**HEALTH, "path": "/", "status": 302}],
            [{"http": {"url": "http://127.0.0.1:8080/", "status": [302]}}],
            "name a page that says whether it is well",
        ),
        (
            [{**HEALTH, "host": "[::1]"}, {"port": 9000, "host": "127.0.0.1"}],
            [{"http": {"url": "http://[::1]:8080/health"}}],
            "it also listens on 9000",
        ),
    ],
)
def test_the_probe(ports, probes, said):
    """HTTP before TCP; what is not sure is said."""
    web = guessed({"web1": [unit(ports=ports)], "web2": [unit(ports=ports)]})["web"]
    assert probes == web.entry.get("probes")
    assert said in " ".join([*web.remarks, web.why.get("probes", "")])


def test_hosts_that_differ():
    """What most hosts say is taken, and the difference is told."""
    other = unit(root="/srv/web", ports=[{**HEALTH, "port": 9090}])
    web = guessed({"web1": [unit()], "web2": [unit()], "web3": [other]}, {"all": ["web1", "web2", "web3"]})["web"]

    assert ("/opt/web", "http://127.0.0.1:8080/health") == (web.entry["root"], web.entry["probes"][0]["http"]["url"])
    assert "on some hosts it is /srv/web" in web.why["root"]
    assert "on 2 of 3 hosts" in web.why["probes"]
    assert "it also listens on 9090" in web.remarks


def test_a_service_that_runs_from_elsewhere_or_not_yet():
    """The default root, with what has to be done first; a unit that waits says so."""
    found = {
        "web1": [
            unit("api.service", root=None, program="/usr/bin/python3", directory="/srv/api"),
            unit("new.service", runs=False, root="/opt/new", ports=[]),
            unit("pkg.service", own_file=False, root=None, file="/lib/systemd/system/pkg.service"),
        ]
    }
    made = guessed(found)

    assert "/opt/api" == made["api"].entry["root"]
    assert "now it runs /usr/bin/python3 in /srv/api, so take it over with adopt first" in made["api"].why["root"]
    assert "waits for its first release on web1" == made["new"].why["unit"]
    assert "delete this if a package brought it" in " ".join(made["pkg"].remarks)


def test_names_and_roots_that_collide():
    """Instances of a template and units in one tree become services that do not overlap."""
    found = {"web1": [unit(name) for name in ("web@1.service", "web@2.service", "Web_1.service", "9.service")]}
    made = guessed(found)

    assert {"web-1", "web-1-2", "web-2", "service-9"} == set(made)
    assert 4 == len({guess.entry["root"] for guess in made.values()})
    assert any("another's already" in guess.why["root"] for guess in made.values())


HOSTILE = [
    unit("{{ lookup('pipe', 'id') }}.service"),
    unit("web.service\n- name: x"),
    unit(root="/opt/{{ lookup('pipe', 'id') }}"),
    unit(root="/opt/web\n  evil: true"),
    unit(root="/etc"),
    unit(program="x\n  evil: true", directory="{{ 1 }}", file="\n", own_file=False),
    unit(ports=[{"port": "{{ 1 }}", "host": "127.0.0.1"}, {"port": True}, {"port": 0}, "x", None]),
    unit(ports=[{**HEALTH, "host": "evil.example", "path": "/{{ 1 }}"}]),
    unit(ports=[{**HEALTH, "status": "200 }}"}]),
    {"unit": None},
    "x",
]


@pytest.mark.parametrize("told", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_host_says_becomes_a_template(told):
    """What ends in the file is read as templates on the controller: only harmless shapes become values."""
    made = guessed({"web1": [told]})
    assert "{" not in repr(value_of(made.values())).replace("{'", "").replace("{}", "")
    assert all(guess.entry["root"] in ("/opt/web", f"/opt/{name}") for name, guess in made.items())

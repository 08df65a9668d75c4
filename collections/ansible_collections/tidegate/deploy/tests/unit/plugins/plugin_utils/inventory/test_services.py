# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few lines about a service become a complete definition, and each mistake in them is named with its path."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.tidegate.deploy.plugins.module_utils.core import definition, health, vitals
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import services, services_schema
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import problems

PLACE = "tidegate_services of host web1"
SMALLEST = {"unit": "web.service", "probes": [{"http": {"url": "http://127.0.0.1:8080/health"}}]}
HOOK = {"command": ["bin/migrate"]}


def web(**changes):
    """The service web, with some keys."""
    return Services.of({"web": {**SMALLEST, **changes}}, PLACE).service("web")


def refused(variable):
    """The refusal of a value of the variable."""
    with pytest.raises(Refusal) as caught:
        Services.of(variable, PLACE)
    return caught.value


def test_the_smallest_service():
    """A unit and a probe are enough: every other field of the definition has its default."""
    service = web()

    assert {
        "v": 1,
        "service": "web",
        "root": "/opt/web",
        "unit": "web.service",
        "owner": "root",
        "group": "root",
        "user": None,
        "start": "restart",
        "links": {},
        "drain": None,
        "hooks": {"before": None, "after": None},
        "probes": [
            {
                "kind": "http",
                "name": "http http://127.0.0.1:8080/health",
                "url": "http://127.0.0.1:8080/health",
                "method": "GET",
                "status": [200],
                "headers": {},
                "body": None,
                "json": {},
                "latency_ms": None,
                "release": None,
                "from": "host",
                "timeout_s": 5,
                "in_a_row": 3,
                "over_s": 2,
                "every_ms": 500,
            }
        ],
        "limits": {"drain_s": 30, "hook_s": 60, "restart_s": 60, "probe_s": 60, "confirm_s": 120},
        "keep": 3,
    } == service.definition
    assert (None, None, vitals.DEFAULTS) == (service.hosts, service.floor, service.checks)


def test_every_key():
    """What a site says is what the definition says."""
    service = web(
        root="/srv/web",
        hosts="web:&production",
        owner="deploy",
        group="deploy",
        user="web",
        start="reload-or-restart",
        links={"config/site.yml": "/etc/web/site.yml"},
        drain={"file": "/run/web/drain", "wait_s": 3, "closes": "http://127.0.0.1:8080/ready"},
        hooks={"before": HOOK, "after": {"command": ["/bin/true"], "user": "root", "timeout_s": 5}},
        limits={"drain_s": 10},
        keep=5,
        floor="50%",
        checks={"load": "ignore"},
    )

    assert ("web:&production", "50%") == (service.hosts, service.floor)
    assert {**vitals.DEFAULTS, "load": "ignore"} == service.checks
    found = service.definition
    assert ("/srv/web", "deploy", "deploy", "web") == tuple(found[key] for key in ("root", "owner", "group", "user"))
    assert {"file": "/run/web/drain", "wait_s": 3, "closes": "http://127.0.0.1:8080/ready"} == found["drain"]
    assert {"command": ["bin/migrate"], "user": None, "timeout_s": 60} == found["hooks"]["before"]
    assert {"command": ["/bin/true"], "user": "root", "timeout_s": 5} == found["hooks"]["after"]
    assert (10, 60) == (found["limits"]["drain_s"], found["limits"]["hook_s"])
    assert found == definition.Definition.parse(found).doc


def test_drain_by_hooks_fits_into_its_limit():
    """Drain hooks end in time for the deadline: they get what the limit leaves after waiting."""
    drain = web(drain={"drain": HOOK, "undrain": HOOK}, limits={"drain_s": 20}).definition["drain"]

    assert (15, 20) == (drain["drain"]["timeout_s"], drain["undrain"]["timeout_s"])
    assert (5, None) == (drain["wait_s"], drain["closes"])


def test_unit_and_log_probes_ask_the_own_unit():
    """A probe of a unit or its log means the service's own unless it says otherwise."""
    probes = web(probes=[{"unit": {}}, {"log": {"pattern": "ready"}}, {"unit": {"unit": "db.service"}}])

    assert ["web.service", "web.service", "db.service"] == [probe["unit"] for probe in probes.definition["probes"]]


def test_equal_variables_give_equal_definitions():
    """Hosts with equal variables have one definition, however the keys are ordered."""
    one = Services.of({"web": {"unit": "web.service", "keep": 4}}, "a").service("web")
    other = Services.of({"web": {"keep": 4, "unit": "web.service"}}, "b").service("web")

    assert one.definition is other.definition


BAD = {
    "a list": ([], "the document: found an empty list, expected a mapping of services"),
    "no mapping": ({"web": None}, "web: found nothing, expected a mapping that says at least the unit"),
    "bad name": ({"Web": {"unit": "web.service"}}, "Web: found the name 'Web', expected a name of lower-case letters"),
    "no unit": ({"web": {}}, "web.unit: found nothing, expected the systemd unit of the service, such as web.service"),
    "unit without type": ({"web": {"unit": "web"}}, "web.unit: found 'web', expected the systemd unit"),
    "unit of another type": ({"web": {"unit": "web.timer"}}, "web.unit: found 'web.timer', expected the systemd unit"),
}
BAD_WEB = {
    "unknown key": ({"prob": []}, "web.prob: found an unknown key, expected one of unit, root, "),
    "nearest key": ({"prob": []}, "; did you mean probes?"),
    "nearest key of a probe": (
        {"probes": [{"http": {"urll": "x"}}]},
        "web.probes[0].http.urll: found an unknown key, expected one of url, method",
    ),
    "http without url": ({"probes": [{"http": {}}]}, "web.probes[0].http.url: found nothing, expected a URL such as"),
    "unknown kind": ({"probes": [{"htp": {}}]}, "web.probes[0].htp: found an unknown key, expected one of http, tcp"),
    "two kinds": (
        {"probes": [{"unit": {}, "log": {"pattern": "x"}}]},
        "web.probes[0]: found a mapping with log, unit, expected a probe: one of http, tcp, command, unit, log",
    ),
    "no kind": ({"probes": [{}]}, "web.probes[0]: found an empty mapping, expected a probe: one of"),
    "probe as a word": ({"probes": ["http"]}, "web.probes[0]: found 'http', expected a probe: one of"),
    "probes as a mapping": (
        {"probes": {"http": {}}},
        "web.probes: found a mapping with http, expected a list of at most",
    ),
    "bad url": ({"probes": [{"http": {"url": "ftp://x"}}]}, "web.probes[0].http.url: found 'ftp://x', expected a URL"),
    "bad regex": (
        {"probes": [{"log": {"pattern": "("}}]},
        "web.probes[0].log.pattern: found '(', expected a regular expression (missing )",
    ),
    "command from the controller": (
        {"probes": [{"command": {"command": ["x"], "from": "controller"}}]},
        "web.probes[0].command.from: found 'controller', expected host",
    ),
    "same probe twice": (
        {"probes": [{"unit": {}}, {"unit": {}}]},
        "web.probes[1].name: found 'unit web.service', expected a name that no other probe",
    ),
    "probe of what draining closes": (
        {"drain": {"file": "/run/web/drain", "closes": "http://127.0.0.1:8080/health"}},
        "web.probes[0].url: found 'http://127.0.0.1:8080/health', which draining closes",
    ),
    "probe longer than its limit": (
        {"probes": [{"unit": {"over_s": 90}}]},
        "web.limits.probe_s: found 60, expected more than 90 s, which the probe 'unit web.service' takes at least",
    ),
    "relative root": (
        {"root": "opt/web"},
        "web.root: found 'opt/web', expected an absolute path to a folder of its own",
    ),
    "root with ..": ({"root": "/opt/../web"}, "web.root: found '/opt/../web', expected an absolute path without"),
    "root with a slash at its end": ({"root": "/opt/web/"}, "web.root: found '/opt/web/', expected an absolute path"),
    "link to a relative path": ({"links": {"a": "b"}}, "web.links.a: found 'b', expected an absolute path"),
    "link out of the release": ({"links": {"../a": "/b"}}, "web.links.../a: found '../a', expected a path inside"),
    "unknown start": ({"start": "reload"}, "web.start: found 'reload', expected restart or reload-or-restart"),
    "hook as text": ({"hooks": {"before": "x"}}, "web.hooks.before: found 'x', expected {command: [PROGRAM"),
    "command as text": (
        {"hooks": {"before": {"command": "bin/x -y"}}},
        "web.hooks.before.command: found 'bin/x -y', expected a list: a program",
    ),
    "empty command": ({"hooks": {"before": {"command": []}}}, "web.hooks.before.command: found an empty list"),
    "number in a command": (
        {"hooks": {"before": {"command": ["x", 1]}}},
        "web.hooks.before.command[1]: found 1, expected text; put it in quotes",
    ),
    "unknown hook": (
        {"hooks": {"befor": HOOK}},
        "web.hooks.befor: found an unknown key, expected one of before, after",
    ),
    "hook longer than its limit": (
        {"hooks": {"after": {**HOOK, "timeout_s": 61}}},
        "web.hooks.after.timeout_s: found 61, expected at most 60, which limits.hook_s allows",
    ),
    "empty drain": (
        {"drain": {}},
        "web.drain: found an empty mapping, expected either file, or both drain and undrain",
    ),
    "half a drain": (
        {"drain": {"drain": HOOK}},
        "web.drain: found a mapping with drain, expected either file, or both",
    ),
    "both drains": (
        {"drain": {"file": "/x", "drain": HOOK, "undrain": HOOK}},
        "web.drain: found a mapping with drain, file, undrain, expected either file, or both",
    ),
    "drain and file": ({"drain": {"file": "/x", "drain": HOOK}}, "expected either file, or both"),
    "drain longer than its limit": (
        {"drain": {"file": "/x", "wait_s": 30}},
        "web.drain.wait_s: found 30, expected less than limits.drain_s, which is 30",
    ),
    "drain hook longer than its limit": (
        {"drain": {"drain": {**HOOK, "timeout_s": 26}, "undrain": HOOK}},
        "web.drain.drain.timeout_s: found 26, expected at most 25",
    ),
    "limit of 0": ({"limits": {"hook_s": 0}}, "web.limits.hook_s: found 0, expected seconds, from 1 to 86400"),
    "limit as a boolean": ({"limits": {"hook_s": True}}, "web.limits.hook_s: found true, expected seconds"),
    "limit as text": ({"limits": {"hook_s": "60"}}, "web.limits.hook_s: found '60', expected seconds"),
    "fraction": ({"keep": 1.5}, "web.keep: found 1.5, expected how many old releases stay"),
    "whole fraction": ({"keep": 2.0}, "web.keep: found 2.0, expected how many old releases stay"),
    "fraction in a probe": (
        {"probes": [{"http": {"url": "http://a/", "json": {"load": 0.5}}}]},
        "web.probes[0].http.json.load: float is not canonical JSON",
    ),
    "floor": ({"floor": "half"}, "web.floor: found 'half', expected how many hosts stay up"),
    "unknown threshold": ({"checks": {"lod": 1}}, "web.checks.lod: found an unknown key, expected one of"),
    "threshold": ({"checks": {"load": "no"}}, "web.checks.load: found 'no', expected one of refuse, warn, ignore"),
}


@pytest.mark.parametrize(("variable", "message"), BAD.values(), ids=BAD)
def test_bad_variables(variable, message):
    """Each mistake is refused with the variable, its host, the path, what was found and what was expected."""
    refusal = refused(variable)

    assert "DATA" == refusal.code
    assert f"{PLACE}: {message}" in refusal.message


@pytest.mark.parametrize(("changes", "message"), BAD_WEB.values(), ids=BAD_WEB)
def test_bad_services(changes, message):
    """Each mistake in a service is refused with its path."""
    refusal = refused({"web": {**SMALLEST, **changes}})

    assert "DATA" == refusal.code
    assert all(line.startswith(f"{PLACE}: ") for line in refusal.message.splitlines())
    assert message in refusal.message


SYSTEM_ROOTS = [
    "/", "/opt", "/srv", "/home", "/var", "/var/lib", "/usr", "/usr/local", "/etc", "/etc/web", "/usr/lib/web", "/run/web",
    "/tmp/web", "/var/tmp/web", "/dev/shm", "/proc/1", "/root/web", "/boot/web", "/var/lib/tidegate", "/var/lib/tidegate/x",
]  # fmt: skip


@pytest.mark.parametrize("root", SYSTEM_ROOTS)
def test_the_system_is_no_root(root):
    """Folders that belong to the system, or vanish with a reboot, hold no releases."""
    message = refused({"web": {**SMALLEST, "root": root}}).message

    assert f"{PLACE}: web.root: found " in message


@pytest.mark.parametrize(
    "root", ["/opt/web", "/srv/web", "/var/lib/web", "/usr/local/web", "/home/web/app", "/web", "/data/x"]
)
def test_roots(root):
    """A folder of the service's own is a root, wherever it lies."""
    assert root == web(root=root).definition["root"]


OVERLAPS = {
    "same root": (
        {"root": "/opt/web"},
        "api.root: found /opt/web, expected a root that does not overlap /opt/web of web",
    ),
    "root inside": ({"root": "/opt/web/api"}, "api.root: found /opt/web/api, expected a root that does not overlap"),
    "root around": ({"root": "/opt/w"}, None),
    "same unit": ({"unit": "web.service"}, "api.unit: found web.service, expected another unit than web has"),
}


@pytest.mark.parametrize(("changes", "message"), OVERLAPS.values(), ids=OVERLAPS)
def test_two_services_never_overlap(changes, message):
    """Roots and units belong to one service; a common beginning of two names is no overlap."""
    variable = {"web": SMALLEST, "api": {"unit": "api.service", **changes}}
    if message is None:
        assert ("api", "web") == Services.of(variable, PLACE).names
    else:
        assert f"{PLACE}: {message}" in refused(variable).message


def test_the_file_of_the_variable_is_named_where_ansible_remembers_it(tmp_path, monkeypatch):
    """Relative to the working folder, with the line that its value begins in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.yml").write_text("tidegate_services:\n  web: {unit: web.service, probs: []}\n")
    variable = DataLoader().load_from_file(str(tmp_path / "all.yml"))["tidegate_services"]

    assert refused(variable).message.startswith(f"{PLACE} (all.yml:2): web.probs: found an unknown key")


UNKNOWN = {
    "near": ({"web": SMALLEST}, "wep", "found no service 'wep'; did you mean web?"),
    "far": ({"web": SMALLEST}, "mail", "found no service 'mail'; it defines web"),
    "none": ({}, "web", "found no service 'web'; it defines no service"),
    "no variable": (None, "web", "found no service 'web'; it defines no service"),
}


@pytest.mark.parametrize(("variable", "name", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_service(variable, name, message):
    """A service that is not defined is refused with the nearest one that is."""
    with pytest.raises(Refusal) as caught:
        Services.of(variable, PLACE).service(name)

    assert ("UNKNOWN_SERVICE", f"{PLACE}: {message}") == (caught.value.code, caught.value.message)


def test_schema_and_definition_have_the_same_fields():
    """Whatever a definition has can be written, and whatever can be written is in the definition or known beside it."""
    written = set(services_schema.SERVICE["properties"])
    document = web().definition

    assert set(document) - {"v", "service"} == written - {"hosts", "floor", "checks", "suites"}
    assert set(document["limits"]) == set(services_schema.SERVICE["properties"]["limits"]["properties"])
    assert set(definition.LIMITS) == set(services.LIMITS)


@pytest.mark.parametrize("kind", health.KINDS)
def test_schema_and_probes_have_the_same_fields(kind):
    """Every field of every kind of probe can be written."""
    written = services_schema.PROBE["properties"][kind]

    assert {*health.required(kind), *health.defaults(kind), "name"} == set(written["properties"])


def test_defaults_written_out_are_allowed():
    """Writing every default of a definition and of a probe changes nothing."""
    full = {key: value for key, value in web().definition.items() if key not in ("v", "service")}
    full["probes"] = [{"http": {k: v for k, v in full["probes"][0].items() if k != "kind"}}]

    assert [] == problems({"web": full}, services_schema.SERVICES)
    assert web().definition == Services.of({"web": full}, PLACE).service("web").definition

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service definition is complete and right, or is refused with the place of what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse

HOOK = {"command": ["bin/migrate", "--up"], "user": "web", "timeout_s": 60}
CLOSES = "http://127.0.0.1:8080/health"
GOOD: dict[str, Any] = {
    "v": 1,
    "service": "web",
    "root": "/opt/web",
    "unit": "web.service",
    "owner": "root",
    "group": "root",
    "user": None,
    "start": "restart",
    "links": {"config/site.yml": "/etc/web/site.yml"},
    "drain": {"file": "/run/web/drain", "wait_s": 5, "closes": CLOSES},
    "hooks": {"before": HOOK, "after": None},
    "probes": [parse({"kind": "http", "url": "http://127.0.0.1:8080/version"}).doc],
    "limits": {"drain_s": 30, "hook_s": 60, "restart_s": 60, "probe_s": 60, "confirm_s": 120},
    "keep": 3,
}
HOOK_PAIR = {"drain": HOOK, "undrain": HOOK, "wait_s": 5, "closes": None}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good document with one value replaced; `...` removes the key."""
    doc = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place: Any = doc
    for name in parents:
        place = place[int(name) if isinstance(place, list) else name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return doc


def test_a_good_definition() -> None:
    """Its document is kept as it came, and has a digest."""
    parsed = Definition.parse(copy.deepcopy(GOOD))
    assert parsed.doc == GOOD
    assert (parsed.service, parsed.root, parsed.unit) == ("web", "/opt/web", "web.service")
    assert parsed.digest == canonical.digest(GOOD)


def test_the_deadline_is_the_sum_of_all_limits() -> None:
    """Twice drain, twice hooks, restart, probe, and the time to confirm."""
    parsed = Definition.parse(GOOD)
    assert (parsed.effects_s(), parsed.deadline_s()) == (2 * 30 + 2 * 60 + 60 + 60, 300 + 120)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("drain", None),
        ("drain", HOOK_PAIR),
        ("drain.closes", None),
        ("user", "deploy"),
        ("start", "reload-or-restart"),
        ("links", {}),
        ("probes", []),
        ("hooks.before", None),
        ("keep", 0),
        ("unit", "web@blue.service"),
        ("root", "/srv/my-app_2.0/web"),
    ],
)
def test_what_may_also_be(path: str, value: Any) -> None:
    """The choices that a definition has."""
    Definition.parse(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("v", 2, "definition.v: found '2', expected one of 1"),
        ("v", True, "definition.v"),
        ("service", "Web", "definition.service: found 'Web', expected a name of lower-case letters"),
        ("service", "../x", "definition.service"),
        ("root", "opt/web", "definition.root: found 'opt/web', expected an absolute path"),
        ("root", "/opt/../etc", "definition.root"),
        ("root", "/opt/web/", "definition.root"),
        ("root", "/etc", "a folder of its own"),
        ("root", "/home", "a folder of its own"),
        ("root", "/var", "a folder of its own"),
        ("root", "/var/lib/tidegate", "a folder of its own"),
        ("root", "/var/lib/tidegate/services/web", "a folder of its own"),
        ("root", "/usr/local/lib/tidegate", "a folder of its own"),
        ("root", "/opt/we b", "a folder of its own"),
        ("unit", "web", "definition.unit: found 'web', expected the name of a systemd unit"),
        ("unit", "--root=/x.service\n", "definition.unit"),
        ("owner", "", "definition.owner"),
        ("user", "a b", "definition.user: found 'a b', expected the name of a user, or null"),
        ("start", "reload", "one of restart, reload-or-restart"),
        ("keep", -1, "an integer from 0 to 1000"),
        ("keep", True, "an integer from 0 to 1000"),
        ("extra", 1, "definition: unknown key 'extra'"),
        ("hook", {}, "did you mean 'hooks'?"),
        ("keep", ..., "definition: key 'keep' is missing"),
        ("limits.probe_s", ..., "definition.limits: key 'probe_s' is missing"),
        ("limits.probe_s", 0, "definition.limits.probe_s: found '0', expected an integer from 1"),
        ("limits.prob_s", 1, "did you mean 'probe_s'?"),
        ("links", {"../x": "/etc/x"}, "definition.links.../x: found '../x', expected a path inside the release"),
        ("links", {"/x": "/etc/x"}, "expected a path inside the release"),
        ("links", {"x": "etc"}, "definition.links.x: found 'etc', expected an absolute path"),
        ("links", [], "definition.links: found '[]', expected a mapping"),
        ("drain", {}, "definition.drain: key 'drain' is missing"),
        ("drain", {**HOOK_PAIR, "undrain": None}, "definition.drain.undrain: found 'None', expected a mapping"),
        ("drain.file", "drain", "definition.drain.file"),
        ("drain.wait_s", -1, "definition.drain.wait_s"),
        ("drain.closes", "http://user@host/", "definition.drain.closes"),
        ("drain.drain", HOOK, "unknown key 'drain'"),
        ("hooks.before.command", [], "definition.hooks.before.command: found '[]', expected a list"),
        ("hooks.before.command", ["../x"], "definition.hooks.before.command"),
        ("hooks.before.command", "bin/x", "definition.hooks.before.command"),
        ("hooks.before.timeout_s", ..., "definition.hooks.before: key 'timeout_s' is missing"),
        ("hooks.during", None, "unknown key 'during'"),
        ("probes", {}, "definition.probes"),
        ("probes.0.kind", "smtp", "definition.probes[0].kind: found 'smtp'"),
        ("probes.0.in_a_row", ..., "definition.probes[0]: keys in_a_row are missing"),
        (
            "probes.0.url",
            CLOSES,
            "definition.probes[0].url: found 'http://127.0.0.1:8080/health', which draining closes",
        ),
    ],
)
def test_what_is_refused(path: str, value: Any, words: str) -> None:
    """The message names the place, what was found and what was expected."""
    with pytest.raises(Refusal) as caught:
        Definition.parse(changed(path, value))
    assert caught.value.code == "DATA"
    assert words in caught.value.message


def test_a_probe_of_the_controller_may_ask_what_draining_closes() -> None:
    """It is asked after undraining."""
    probe = parse({"kind": "http", "url": CLOSES, "from": "controller"}).doc
    Definition.parse(changed("probes", [probe]))


@pytest.mark.parametrize("doc", [None, [], "web", 1])
def test_what_is_no_mapping(doc: Any) -> None:
    """Anything may come over the wire."""
    with pytest.raises(Refusal, match=r"definition: found .* expected a mapping"):
        Definition.parse(doc)

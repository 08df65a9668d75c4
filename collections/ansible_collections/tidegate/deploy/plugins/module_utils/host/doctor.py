# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `doctor`: all that would hinder a rollout on this host, read in one go; nothing is changed, nothing is reaped."""

from __future__ import annotations

import os
import sys

from ..core import fitness
from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.states import ABSENT
from ..core.version import VERSION
from . import bounded, fields, install
from .standing import standing
from .units import FOLDER, activate_unit, reap_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from .host import Host

ADOPT = "take it over without a restart: ansible-playbook tidegate.deploy.adopt -e tidegate_service={}"
_OF_HOST = ("disk", "inodes", "file_system", "memory", "load", "clock", "failed_units", "systemd")
_PYTHON_S = 20
_NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 9))"


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Findings about services, host program and host.

    Args:
        host: where.
        request: ``program`` of the controller; ``services``: list of ``{definition, thresholds}``; ``login_keys``: lines of
            those that are to log in to this host, where it is enrolled and the caller knows them.
    """
    asked = request.get("services")
    if not isinstance(asked, list):
        raise Refusal("DATA", "request.services: found no list of services", path="services")
    known = {}
    found: list[dict[str, str]] = []
    for item in asked:
        definition = Definition.parse(fields.mapping(item, "definition"))
        known[definition.service] = definition.root
        found += _of_service(host, definition, item.get("thresholds") or {})
    facts = gather(host, known, request.get("login_keys"))
    found += fitness.findings(facts, str(request.get("program")), VERSION)
    return {
        "changed": False,
        "findings": _once(found),
        "services": {name: _stands(host, name, asked) for name in known},
        **_of_itself(host, facts),
        "host": {
            "time_s": int(host.clock.now_s()),
            "hostname": os.uname().nodename,
            "python": ".".join(map(str, sys.version_info[:3])),
        },
    }


def _stands(host: Host, name: str, asked: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
    """Where a service stands, and how what it rests on differs from what was staged; null where that cannot be read."""
    from .intact import damage_of_current

    doc = next(item["definition"] for item in asked if item["definition"]["service"] == name)
    try:
        return {**standing(host, name, doc["root"]), "damage": damage_of_current(host, doc)}
    except (Refusal, OSError, KeyError):
        return None


def _of_itself(host: Host, facts: dict[str, Any]) -> dict[str, Any]:
    """What an enrolled host says of itself."""
    from .warden import told

    program = facts["program"] or {"digest": ""}
    return {"enrolled": told(host, program["digest"])} if host.is_enrolled else {}


def _once(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Two services of a host share its disk and memory; what is wrong with those is said once."""
    return list({(one["level"], one["found"]): one for one in found}.values())


def _of_service(host: Host, definition: Definition, thresholds: dict[str, Any]) -> list[dict[str, str]]:
    """What the pre-check of a rollout would say now, but for the clock, which the caller knows better."""
    from . import checks

    try:
        first = standing(host, definition.service, definition.root)["current"] == ABSENT
        request = {
            "definition": definition.doc,
            "release": None,
            "first": first,
            "thresholds": thresholds,
            "controller_time": int(host.clock.now_s()),
        }
        found = checks.precheck(request, host.paths)["findings"]
    except Refusal as refusal:
        hint = "mend it first: a pre-check would not come further"
        return [fitness.finding("state", fitness.REFUSE, f"{definition.service}: {refusal.message}", hint)]
    elsewhere = any(one["check"] == "runs_elsewhere" for one in found)
    # what holds its ports is the service itself then
    kept = [one for one in found if not (elsewhere and one["check"] == "ports")]
    return [_told(one, definition, one["check"] == "runs_elsewhere") for one in kept]


def _told(finding: dict[str, str], definition: Definition, elsewhere: bool) -> dict[str, str]:
    """A finding with the service's name in it, and with `adopt` where that is what helps."""
    found, hint = finding["found"], finding["hint"]
    if finding["check"] == "path" and "no link to a release" in found:
        hint = f"move it away; or, if it is another tool's tree of releases, {ADOPT.format(definition.service)}"
    elif elsewhere:
        hint = ADOPT.format(definition.service)
    if finding["check"] not in _OF_HOST and not found.startswith(definition.service):
        found = f"{definition.service}: {found}"
    return {**finding, "found": found, "hint": hint}


# --- the host program ------------------------------------------------------------------------------------------------


def gather(host: Host, known: dict[str, str], login_keys: Optional[list[str]] = None) -> dict[str, Any]:
    """The facts of `core.fitness`.

    Args:
        host: where.
        known: the root of each service that the inventory defines here.
        login_keys: lines of those that are to log in; None: nobody says.
    """
    program = _program(host)
    services, broken = [], []
    for name in host.services():
        try:
            services.append(_service(host, name, known))
        except (Refusal, OSError, KeyError) as error:
            broken.append({"service": name, "problem": str(error)})
    expected = program is not None or services
    return {
        "enrolled": _enrolled(host, login_keys) if host.is_enrolled else None,
        "program": program,
        "units": list(_unit_problems(host)) if expected else [],
        "services": services,
        "broken": broken,
        "leftovers": _leftovers(host, known),
    }


def _program(host: Host) -> Optional[dict[str, Any]]:
    current = os.path.join(host.paths.lib, "current")
    try:
        with open(os.path.join(current, "tidegate-host"), encoding="utf-8") as file:
            shebang = file.readline()
    except OSError:
        return None
    python = shebang[2:].split()[0] if shebang.startswith("#!") and shebang[2:].split() else ""
    return {
        "digest": os.path.basename(os.readlink(current)),
        "version": _text(os.path.join(current, "version")),
        "python": python or "(none)",
        "python_problem": _python_problem(python),
    }


def _enrolled(host: Host, login_keys: Optional[list[str]]) -> dict[str, Any]:
    from datetime import timedelta

    from ..core.trust_lint import lapses
    from .login import Login
    from .warden import Warden

    try:
        warden = Warden.of(host)
        bundle, now = warden.bundle, warden.now
        login = Login(host, warden.identity.login, login_keys or [])
        return {
            "problem": "",
            "trust": bundle.number,
            "login": warden.identity.login,
            "rule": login.is_open(),
            "rule_path": host.paths.sudoers,
            "login_problems": login.problems(login_keys is not None),
            "days_left": (bundle.expires_at - now).days,
            "ends": bundle.doc["expires_at"],
            "lapses": lapses(bundle, now, timedelta(days=fitness.SOON_D)),
            "programs": bundle.doc["programs"],
        }
    except Refusal as refusal:
        return {"problem": refusal.message}


def _python_problem(python: str) -> Optional[str]:
    if not python or not os.access(python, os.X_OK):
        return "is not there any more"
    ended = bounded.run([python, "-I", "-S", "-c", _NEW_ENOUGH], _PYTHON_S)
    return None if ended.rc == 0 else "does not run, or is older than 3.9"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _unit_problems(host: Host) -> Iterator[dict[str, str]]:
    """Units of the program that are masked, changed, missing, or would not start at boot."""
    for name, text in install.definitions(host).items():
        path = os.path.join(FOLDER, name)
        loaded = host.units.properties(name.replace("@.", "@doctor."), "LoadState").get("LoadState", "")
        if loaded == "masked" or os.path.realpath(path) == os.devnull:
            yield _unit(name, "is masked", f"on the host: systemctl unmask {name}; then plan any change of it again")
        elif not os.path.lexists(path):
            yield _unit(name, "is not there", _REINSTALL)
        elif _text(path) != text.strip():
            yield _unit(name, "is not as it was installed", _REINSTALL)
        elif os.path.isdir(path + ".d"):
            yield _unit(
                name, f"is changed by files in {path}.d", f"on the host: rm -r {path}.d; systemctl daemon-reload"
            )
        elif "[Install]" in text and not host.units.enablement(name).startswith("enabled"):
            yield _unit(
                name, "is disabled: after a crash it would not run at boot", f"on the host: systemctl enable {name}"
            )


_REINSTALL = "on the host: rm /usr/local/lib/tidegate/current; then plan any change of it, which installs all again"


def _unit(name: str, problem: str, mend: str) -> dict[str, str]:
    return {"name": name, "problem": problem, "mend": mend}


def _service(host: Host, name: str, known: dict[str, str]) -> dict[str, Any]:
    stands = standing(host, name, known.get(name))
    view = host.journal(name).read(ABSENT)
    state = view["state"]
    runner = f"tidegate-revert@{name}.service" if state == "reverting" else activate_unit(name)
    timed = state in ("pending", "ready")
    timer = f"{reap_name(name, view['deadline_ms'])}.timer" if timed else ""
    return {
        **{key: stands[key] for key in ("service", "state", "current", "change", "overdue", "reason", "deadline_in_s")},
        "watched": not timed or host.units.is_running(timer),
        "runner": state not in ("pending", "reverting") or host.units.is_running(runner),
        "known": name in known,
    }


def _leftovers(host: Host, known: dict[str, str]) -> list[str]:
    """What only an interrupted step leaves; a step that is under way has such things, too."""
    folders = [os.path.join(root, "releases") for root in known.values()]
    return [
        os.path.join(folder, name)
        for folder in (*folders, host.paths.lib)
        if os.path.isdir(folder)
        for name in sorted(os.listdir(folder))
        if name.startswith((".new-", ".gone-", ".old-"))
    ]

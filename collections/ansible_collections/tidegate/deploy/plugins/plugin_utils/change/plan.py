# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the frozen answer to what, where, when, how and back-out of a change.

A `Plan` is a value over one canonical document (`build` makes it); whoever holds one knows that

1. the waves name exactly the plan's hosts, each once, and the hosts stand in the order of the waves;
2. each host's definition is in the document, under its digest, and every definition there belongs to a host;
3. the release id is the one of this version with this manifest, so the id names the content.

``digest`` is of the whole document and is what gets recorded (and, with approvals, signed). ``content_digest``
leaves out what hosts said when it was made, of what they run and enforce: two plans with the same content are one change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import ReleaseId
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import CATCH_UP_FOR_S
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import NONE, TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan_schema import PLAN
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import NORMAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import problems, refuse

ABSENT = "absent"
"""The previous release of a host on which the service was never deployed."""

UNKNOWN = "unknown"
"""The previous release of a host that was silent when the plan was made."""

WITHOUT = "without"
"""What a host is on, as its previous release, that does not have what the tasks of a change make."""

ARCHIVE, TASKS, PLAYBOOK = "archive", "tasks", "playbook"
"""What a change carries; a playbook of the site's own is not rolled out, it is run under the gate."""

DEPLOY, RUN = "deploy", "run"
"""What is done with it: Tidegate rolls it out, or somebody runs it."""

REVIEW_WITHIN_S = 3 * 86400
"""How soon an emergency is reviewed, unless a policy says otherwise."""


@dataclass(frozen=True)
class Host:
    """A host of a plan.

    Args:
        name: its name in the inventory.
        definition: the service definition there, as a document.
        previous: the release id that it is expected to run now, `ABSENT` or `UNKNOWN`.
        domain: its failure domain; empty when it has no label.
        uid: under which it is enrolled; empty when it is not.
    """

    name: str
    definition: Mapping[str, Any]
    previous: str = ABSENT
    domain: str = ""
    uid: str = ""


@dataclass(frozen=True)
class Plan:
    """A plan that has been checked. Make one with `build` or `parse`, never directly.

    Args:
        doc: the canonical document; treat it as frozen.
    """

    doc: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """The digest of the whole plan."""
        return canonical.digest(self.doc)

    @cached_property
    def content_digest(self) -> str:
        """The digest of the plan without what hosts said when it was made."""
        said = ("previous", "uid")
        hosts = [
            {**{key: host[key] for key in host if key not in said}, "previous": None} for host in self.doc["hosts"]
        ]
        return canonical.digest({**{key: self.doc[key] for key in self.doc if key != "trust"}, "hosts": hosts})

    @property
    def service(self) -> str:
        """The service that changes."""
        return str(self.doc["service"])

    @property
    def environment(self) -> str:
        """The environment that it changes in."""
        return str(self.doc["environment"])

    @property
    def type(self) -> str:
        """One of `policy_schema.TYPES`."""
        return str(self.doc.get("type", NORMAL))

    @property
    def risk(self) -> str | None:
        """One of `policy_schema.RISKS`; None where nobody has judged it."""
        found: str | None = self.doc.get("risk")
        return found

    @property
    def reason(self) -> str:
        """Why the change is made; empty where nobody said."""
        return str(self.doc.get("reason") or "")

    @property
    def author(self) -> str | None:
        """Who made what is rolled out; None where nobody said."""
        found: str | None = self.doc.get("author")
        return found

    @property
    def requester(self) -> str | None:
        """Who wants the change; None: whoever hands it in."""
        found: str | None = self.doc.get("requester")
        return found

    @property
    def rules(self) -> str | None:
        """The digest of the rules by which the change is approved; None where they ask nobody."""
        found: str | None = self.doc.get("rules")
        return found

    @property
    def review_within_s(self) -> int:
        """Within how many seconds of its beginning an emergency is reviewed."""
        return int(self.doc.get("review_within_s", REVIEW_WITHIN_S))

    @property
    def max_runtime_s(self) -> int | None:
        """For how many seconds a rollout begins new waves; None for as long as it takes."""
        found: int | None = self.doc.get("max_runtime_s")
        return found

    @property
    def version(self) -> str:
        """The version of the release, as probes see it."""
        return str(self.doc["release"]["version"])

    @property
    def release_id(self) -> str:
        """The id of the release, as it is named on hosts."""
        return str(self.doc["release"]["id"])

    @property
    def manifest_digest(self) -> str:
        """The digest of the release's manifest, which each host derives again from the bytes that it gets."""
        return str(self.doc["release"]["manifest"])

    @property
    def payload(self) -> str:
        """What the change carries: `ARCHIVE`, `TASKS` or `PLAYBOOK`."""
        if self.doc.get("action") == RUN:  # plans that were recorded before actions had names deploy
            return PLAYBOOK
        return TASKS if self.doc.get("tasks") else ARCHIVE

    @property
    def once(self) -> tuple[Mapping[str, Any], ...]:
        """What runs once per change: name, when, on, apply, check and revert of each."""
        return tuple(self.doc.get("once", ()))

    @property
    def files(self) -> Mapping[str, Any]:
        """Digests of the files of its tasks, by their paths in the bundle."""
        found: Mapping[str, Any] = self.doc.get("files", {})
        return found

    @property
    def no_return(self) -> tuple[str, ...]:
        """Steps past which the change cannot go back, as people call them."""
        hosts = ("apply, on each host",) if self.payload == TASKS and self.doc["tasks"]["revert"] is None else ()
        once = (f"{one['name']}, once {one['when']} the waves" for one in self.once if one["revert"] == NONE)
        return (*hosts, *once)

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Names of hosts, wave by wave."""
        return tuple(tuple(wave) for wave in self.doc["waves"])

    @property
    def floor(self) -> int:
        """How many hosts must stay up."""
        return int(self.doc["floor"])

    @property
    def budget(self) -> int:
        """How many hosts may fail before everything goes back."""
        return int(self.doc["budget"])

    @property
    def back_for_s(self) -> int:
        """For how many seconds after confirmation the way back stays open."""
        return int(self.doc["back_for_s"])

    @property
    def on_failure(self) -> str:
        """What a rollout that fails does: one of `file_schema.POLICIES`."""
        return str(self.doc.get("on_failure", TAKE_BACK))

    @property
    def catch_up_for_s(self) -> int:
        """For how many seconds after its end hosts that were down can be caught up."""
        return int(self.doc.get("catch_up_for_s", CATCH_UP_FOR_S))

    @property
    def suites(self) -> tuple[Mapping[str, str], ...]:
        """The site's tests that each host has to pass: path from the inventory's folder, and digest."""
        return tuple(self.doc["suites"])

    @property
    def window(self) -> Mapping[str, str | None] | None:
        """When it may run, as ``not_before`` and ``not_after`` in UTC; None for any time."""
        found: Mapping[str, str | None] | None = self.doc.get("window")
        return found

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts, in the order in which they change."""
        definitions = self.doc["definitions"]
        return tuple(
            Host(host["name"], definitions[host["definition"]], host["previous"], host["domain"], host.get("uid", ""))
            for host in self.doc["hosts"]
        )

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of all hosts, in the order in which they change."""
        return tuple(host.name for host in self.hosts)

    def host(self, name: str) -> Host:
        """The host of that name.

        Raises:
            Refusal: HOSTS when the plan does not have it.
        """
        if name not in self._by_name:
            raise Refusal("HOSTS", f"{name} is not a host of this plan; it has {', '.join(self.host_names)}", host=name)
        return self._by_name[name]

    def definition_of(self, name: str) -> Mapping[str, Any]:
        """The service definition of a host."""
        return self.host(name).definition

    def wave_of(self, name: str) -> int:
        """The index of the wave that a host is in; the canary is 0."""
        self.host(name)
        return next(index for index, wave in enumerate(self.waves) if name in wave)

    @property
    def enrolled(self) -> dict[str, str]:
        """The uids of its enrolled hosts, by name: each demands a permit."""
        return {host.name: host.uid for host in self.hosts if host.uid}

    def as_found(self, previous: Mapping[str, str | None], uids: Mapping[str, str], trust: int) -> Plan:
        """The plan for its hosts as they were found.

        Args:
            previous: what each runs; None or nothing where it was silent.
            uids: under which hosts are enrolled; nothing of those that are not.
            trust: the number of the version of trust that enrolled hosts must have; 0: any.
        """
        doc = {key: self.doc[key] for key in self.doc if key != "trust"} | ({"trust": trust} if trust else {})
        hosts = [
            {**{key: host[key] for key in host if key != "uid"}, "previous": previous.get(host["name"]) or UNKNOWN}
            | ({"uid": uids[host["name"]]} if uids.get(host["name"]) else {})
            for host in self.doc["hosts"]
        ]
        return parse({**doc, "hosts": hosts})

    @cached_property
    def _by_name(self) -> dict[str, Host]:
        return {host.name: host for host in self.hosts}


def parse(doc: Mapping[str, Any], place: str = "plan") -> Plan:
    """The plan in a document, for example one that the store kept.

    Raises:
        Refusal: DATA when the document is not a plan, WAVES when its waves are not its hosts.
    """
    refuse(place, problems(doc, PLAN))
    try:
        frozen = canonical.loads(canonical.dumps(doc))
    except ValueError as error:
        raise Refusal("DATA", f"{place}: {error}") from None
    _check_waves(frozen, place)
    _check_definitions(frozen, place)
    _check_release(frozen, place)
    return Plan(frozen)


@lru_cache(maxsize=2)
def recorded(planned: bytes) -> Plan:
    """The plan of the bytes that the store keeps, which were one when they were frozen.

    What Ansible's main process has read is there in the workers that it forks.
    """
    return Plan(canonical.loads(planned))


def _check_waves(doc: dict[str, Any], place: str) -> None:
    names = [host["name"] for host in doc["hosts"]]
    in_waves = [name for wave in doc["waves"] for name in wave]
    if names != in_waves or len(set(names)) != len(names):
        raise Refusal(
            "WAVES",
            f"{place}: the waves name {', '.join(in_waves)}, expected each host once and in order: {', '.join(names)}",
        )
    most = max(len(wave) for wave in doc["waves"])
    if most > len(names) - doc["floor"]:
        raise Refusal(
            "WAVES",
            f"{place}: a wave of {most} of {len(names)} hosts does not leave {doc['floor']} up, as the floor asks",
        )


def _check_definitions(doc: dict[str, Any], place: str) -> None:
    for digest, definition in doc["definitions"].items():
        if canonical.digest(definition) != digest:
            raise Refusal("DATA", f"{place}: definitions.{digest}: the definition has another digest")
        if definition.get("service") != doc["service"]:
            raise Refusal("DATA", f"{place}: definitions.{digest}: found one of service {definition.get('service')!r}")
    used = {host["definition"] for host in doc["hosts"]}
    if used != set(doc["definitions"]):
        odd = ", ".join(sorted(used ^ set(doc["definitions"])))
        raise Refusal("DATA", f"{place}: definitions without a host, or missing ones: {odd}")


def _check_release(doc: dict[str, Any], place: str) -> None:
    release = doc["release"]
    expected = str(ReleaseId.of(release["version"], release["manifest"]))
    if release["id"] != expected:
        raise Refusal("DATA", f"{place}: release.id: found {release['id']}, expected {expected}, as the manifest says")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust bundle: whom an enrolled host believes, what it demands, and how its services are run.

Invariants:

* `Bundle.parse` answers only for the canonical bytes of a document with exactly these fields, whose rules each ask
  somebody, whose definitions each are whole, and in which no host has two variants of a service.
* It is all that a host enforces: what a statement says of its type and risk adds rules, and takes none away.

Protocol, section 6. A host asks its bundle in most steps: what only some of them need is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import shape, trust_fields
from .definition import Definition
from .errors import Refusal
from .rules import EMERGENCY, FEWEST_IN_EMERGENCY, LOW, NORMAL, meant_for, people_asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Optional

    from .quorum import Bridge, Member, Span
    from .sshsig import PublicKey

MAX_BYTES = 4 * 1024 * 1024
NAMESPACE = "trust@tidegate"


class Bundle:
    """A trust bundle.

    Args:
        data: its exact bytes.
        doc: what they say, as `parse` accepted it, such as from the host's own folder; treat it as frozen.
    """

    __slots__ = ("_members", "data", "doc")

    def __init__(self, data: bytes, doc: Mapping[str, Any]) -> None:
        self.data = data
        self.doc = doc
        self._members: Optional[dict[str, Member]] = None

    @classmethod
    def parse(cls, data: bytes) -> Bundle:
        """The bundle in its exact bytes.

        Raises:
            Refusal: TRUST, naming the field that is not as it must be.
        """
        doc = shape.read("TRUST", data, MAX_BYTES, "a trust bundle")
        trust_fields.require(doc)
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Bundle:
        """The bundle that a document is.

        Raises:
            Refusal: as `parse`.
        """
        return cls.parse(shape.written("TRUST", doc))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bundle) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        import hashlib  # it loads OpenSSL, which takes as long as all else that a step of the host program imports

        return hashlib.sha256(self.data).hexdigest()

    @property
    def number(self) -> int:
        """Which version it is, from 1."""
        return int(self.doc["number"])

    @property
    def site(self) -> str:
        """Whose it is."""
        return str(self.doc["site"])

    @property
    def environment(self) -> str:
        """What its hosts are in."""
        return str(self.doc["environment"])

    @property
    def login(self) -> str:
        """As whom Ansible logs in on its hosts."""
        return str(self.doc["login"])

    @property
    def trust_rule(self) -> Mapping[str, Any]:
        """Who may change trust."""
        rule: Mapping[str, Any] = self.doc["trust_rule"]
        return rule

    @property
    def expires_at(self) -> datetime:
        """Until when it can be brought to a host."""
        found = shape.moment(self.doc["expires_at"])
        if found is None:
            raise AssertionError("`parse` has seen that it is a moment")
        return found

    def definition_for(self, service: str, host_name: str) -> Definition:
        """How a service is run on a host.

        Raises:
            Refusal: DEFINITION, it is not among those of the bundle, or not on this host.
        """
        variants = self.doc["services"].get(service, ())
        for variant in variants:
            if host_name in variant["hosts"]:
                return Definition(variant["definition"])
        for variant in variants:
            if not variant["hosts"]:
                return Definition(variant["definition"])
        raise Refusal(
            "DEFINITION",
            f"the trust bundle {self.number} has no definition of {service} for {host_name}; it runs there once a newer "
            "version has one",
        )

    def rules_for(self, service: str, change_type: str = NORMAL, risk: Optional[str] = None) -> list[dict[str, Any]]:
        """The rules by which a statement about a service is approved here.

        What is said of a change only adds rules to those of a normal change of low risk. For emergencies, the rules that
        are meant for them hold, and one has to ask two people.

        Args:
            service: of the statement.
            change_type: as the statement says it.
            risk: as the statement says it.

        Raises:
            Refusal: QUORUM, nobody could approve it here.
        """
        types = (EMERGENCY,) if change_type == EMERGENCY else (change_type, NORMAL)
        risks = dict.fromkeys((risk, LOW))
        found = [
            rule
            for rule in self.doc["rules"]
            if any(meant_for(rule["match"], service, self.environment, type_, one) for type_ in types for one in risks)
        ]
        fewest = FEWEST_IN_EMERGENCY if change_type == EMERGENCY else 1
        if max(map(people_asked, found), default=0) < fewest:
            raise Refusal(
                "QUORUM",
                f"the trust bundle {self.number} has no rule that asks {fewest} {'people' if fewest > 1 else 'person'} for "
                f"{change_type} changes of {service}: nobody can approve them for this host",
            )
        return found

    def entitled(self, service: str) -> frozenset[str]:
        """The groups that some rule for a service names: whoever is in one may veto."""
        rules = (
            rule
            for rule in self.doc["rules"]
            if service in rule["match"].get("service", (service,))
            and self.environment in rule["match"].get("environment", (self.environment,))
        )
        return frozenset(group for rule in rules for group in (*rule["groups"], *rule["any_of"]))

    def members(self) -> dict[str, Member]:
        """Its people, as counting knows them.

        Raises:
            Refusal: ALG or SIG_INVALID, naming the person whose key may not sign; KEY, one is there twice.
        """
        if self._members is None:
            self._members = _members(self.doc["people"])
        return self._members

    @property
    def countersigned_opens(self) -> bool:
        """Whether approvals that were given in other systems count here, once a bridge has countersigned them."""
        return self.doc["countersigned_opens"] is True

    @property
    def evidence(self) -> Mapping[str, Any]:
        """Its ``bridges``, and the ``accounts`` of its people; none where nothing that is countersigned opens a host."""
        found: Mapping[str, Any] = self.doc["evidence"] if self.countersigned_opens else {"bridges": {}, "accounts": {}}
        return found

    def bridges(self) -> tuple[Bridge, ...]:
        """Its bridges, as counting knows them.

        Raises:
            Refusal: ALG or SIG_INVALID, naming the bridge whose key may not sign; KEY, one is somebody's, too.
        """
        from .quorum import Bridge  # here, as in `digest`

        owners = {key: name for name, member in self.members().items() for key in member.keys}
        return tuple(
            Bridge(name, frozenset(bridge["systems"]), _spans(bridge["keys"], "evidence.bridges", name, owners))
            for name, bridge in self.evidence["bridges"].items()
        )

    def log_keys(self) -> tuple[PublicKey, ...]:
        """The keys whose checkpoints count.

        Raises:
            Refusal: ALG or SIG_INVALID.
        """
        lines = self.doc["log"]["keys"]
        return tuple(key_in(line, f"log.keys[{index}]") for index, line in enumerate(lines))


def key_in(line: str, where: str) -> PublicKey:
    """The key in a line of a bundle.

    Raises:
        Refusal: ALG or SIG_INVALID, with the place.
    """
    from .sshsig import PublicKey  # here, as in `Bundle.digest`

    try:
        return PublicKey.of_line(line)
    except Refusal as refusal:
        raise Refusal(refusal.code, f"{where}: {refusal.message}") from None


def _members(people: Mapping[str, Any]) -> dict[str, Member]:
    from .quorum import Member  # here, as in `Bundle.digest`

    owners: dict[str, str] = {}
    return {
        name: Member(name, frozenset(person["groups"]), _spans(person["keys"], "people", name, owners))
        for name, person in people.items()
    }


def _spans(keys: Sequence[Mapping[str, Any]], where: str, name: str, owners: dict[str, str]) -> dict[str, Span]:
    """When each key of somebody holds, by fingerprint; whose keys there are is added to `owners`."""
    from .quorum import Span  # here, as in `Bundle.digest`

    spans = {}
    for index, key in enumerate(keys):
        place = f"{where}.{name}.keys[{index}]"
        fingerprint = key_in(key["line"], place).fingerprint
        if fingerprint in owners:
            raise Refusal("KEY", f"{place}: {fingerprint} is a key of {owners[fingerprint]} already")
        owners[fingerprint] = name
        spans[fingerprint] = Span(*(key[end] and shape.moment(key[end]) for end in ("from", "until")))
    return spans

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring hosts to the newest trust: enroll those that are not, apply in order what others missed, then the host program.

All hosts are looked at first, and nothing is changed on any if one refuses. What a host is asked for next follows from
what it says of itself, so that this can be run again after any interruption.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import utc_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import difference
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said, call, refuse_if_any
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import next_identity
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.stragglers import Stuck, in_the_way
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.trusting import Version
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram

ENROLL = "enroll"
OTHERS = "; to go on with others meanwhile, name those: -e tidegate_hosts=PATTERN"


@dataclass(frozen=True)
class Errand:
    """What hosts of one environment are to enforce.

    Args:
        versions: of their trust, all of them signed, the first one first.
        data: what the site says of trust.
        now: by the clock of this controller, which that of a host is held against.
        stuck: versions that no host passes any more.
        known: the uids of the hosts that the store has as enrolled, by name.
    """

    versions: Sequence[Version]
    data: TrustData
    now: datetime
    stuck: Sequence[Stuck] = ()
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def newest(self) -> Version:
        """The version that counts."""
        return self.versions[-1]

    def request(self, host: str, uid: str) -> dict[str, Any]:
        """What a host is asked for that is not enrolled; the uid of one whose enrollment was cut off is empty."""
        return {
            "name": host,
            "uid": uid,
            "bundle": _base64(self.newest.row.document),
            "signatures": self.newest.armored,
            "login": self.data.login,
            "login_keys": list(self.data.login_keys),
            "utc": utc_text(self.now),
        }

    def bundles_from(self, number: int) -> list[dict[str, Any]]:
        """The versions from one on, as a host takes them; the one that it has shows that both mean the same."""
        return [
            {"data": _base64(one.row.document), "signatures": one.armored}
            for one in self.versions
            if one.row.number >= number
        ]


@dataclass(frozen=True)
class Went:
    """What came of one host.

    Attributes:
        said: the host's last word.
        did: what was done there, or would be, in words.
        uid: of the host; empty where it has none yet.
        trust: the number that it enforces.
        program: the digest of its program.
    """

    said: Said
    did: tuple[str, ...] = ()
    uid: str = ""
    trust: int = 0
    program: str = ""


def look(door: Door, hosts: Sequence[str]) -> dict[str, Said]:
    """What hosts say of themselves; nothing is written."""
    return each(door, hosts, True, lambda _name, program: ask(program))


def ask(program: HostProgram | Refusal) -> Said:
    """What one host says of itself, an enrolled one by the program that it carries."""
    said = call(program, "ask", {"services": []})
    if said["enforced"] and isinstance(program, HostProgram):
        return call(program.carried(), "ask", {"services": []})
    return said


def enroll(door: Door, store: Store, errands: Mapping[str, Errand]) -> dict[str, Went]:
    """Bring hosts to what they are to enforce, unless any refuses when it is looked at.

    Args:
        door: the action that asks.
        store: is told of it.
        errands: by name of host.

    Raises:
        Refusal: a host refuses; names each that does. Nothing has changed on any.
    """
    seen = each(door, errands, True, lambda name, program: _bring(program, name, errands[name], check=True))
    refuse_if_any({name: went.said for name, went in seen.items()}, OTHERS if len(seen) > 1 else "")
    if door.check:
        return seen
    wanted = [name for name, went in seen.items() if went.said.verdict == OK and went.did]
    run = next_identity(store)
    store.begin_run(run, None, None, ENROLL, current_run_holder(), [list(errands)], lease=False)
    done = each(
        door, wanted, False, lambda name, program: _bring(program, name, errands[name], check=False), installs=True
    )
    all_done = {**seen, **done}
    for name, went in all_done.items():
        _record(store, run, name, errands[name], went)
    good = all(went.said.verdict == OK for went in all_done.values())
    store.end_run(run, "completed" if good else "failed")
    return all_done


def _record(store: Store, run: str, name: str, errand: Errand, went: Went) -> None:
    said = went.said
    store.note(run, name, ENROLL, said.verdict, said.code or None, said.message or "; ".join(went.did) or "unchanged")
    if went.uid:
        environment = errand.newest.row.environment
        store.enroll_host(name, went.uid, environment, went.trust, went.program)


def _bring(program: HostProgram | Refusal, name: str, errand: Errand, check: bool) -> Went:
    """One host, step by step; the first that it refuses ends it."""
    said = ask(program)
    if said.verdict != OK or isinstance(program, Refusal):
        return Went(said)
    if not said["enforced"]:
        return _enrolled_anew(program, name, errand)
    went = _known(said, name)
    stuck = in_the_way(errand.stuck, went.trust) if went.said.verdict == OK else None
    if stuck is not None:
        return replace(went, said=Said("failed", "QUORUM", f"it is at trust version {went.trust}: {stuck.told}"))
    for step, request, payload in _steps(errand, went, check):
        if went.said.verdict == OK:
            went = _after(went, step, call(program.carried(), step, request, payload), check)
    return went


def _known(said: Said, name: str) -> Went:
    """A host that is enrolled, as it says of itself."""
    about = said["enrolled"]
    problem = about.get("problem")
    if problem:
        return Went(Said("failed", "IDENTITY", f"it says that it is not the host that was enrolled: {problem}"))
    if about["name"] != name:
        told = f"it is enrolled as {about['name']}, expected {name}; unenroll it, or name it so in the inventory"
        return Went(Said("failed", "IDENTITY", told))
    return Went(said, (), about["uid"], about["trust"], about["program"])


def _enrolled_anew(program: HostProgram, name: str, errand: Errand) -> Went:
    said = call(program, ENROLL, errand.request(name, ""))
    number = errand.newest.row.number
    if said.verdict != OK:
        return Went(said)
    did = list(said["would"] or [f"enrolled, trust version {number}"])
    if name in errand.known:
        did.append(f"it was taken out as {errand.known[name]}, and nobody signed that: find out who did")
    return Went(said, tuple(did), str(said["uid"] or ""), number, host_program().digest)


def _steps(errand: Errand, went: Went, check: bool) -> Iterator[tuple[str, Mapping[str, Any], BinaryIO | None]]:
    """What an enrolled host is asked for. An upgrade is looked at only once the version that names its program is there."""
    package = host_program()
    newest = errand.newest.row.number
    yield "trust", {"bundles": errand.bundles_from(went.trust)}, None
    if went.program != package.digest and not (check and went.trust < newest):
        fields = {"size_bytes": len(package.data), "sha256": package.digest}
        with tempfile.TemporaryFile() as file:
            file.write(package.data)
            file.seek(0)
            yield "upgrade", fields, file


def _after(went: Went, step: str, said: Said, check: bool) -> Went:
    if said.code == "PROGRAM_NEWER":  # of another controller of the site; ours is let run beside it
        return went
    if said.verdict != OK:
        return Went(said, went.did, went.uid, went.trust, went.program)
    trust = said["trust"] if step == "trust" and not check else went.trust
    program = said["carried"] if step == "upgrade" and not check else went.program
    did = (*went.did, *_words(step, said, went)) if said["changed"] else went.did
    return Went(said, did, went.uid, trust, program)


def _words(step: str, said: Said, went: Went) -> Sequence[str]:
    if said["would"]:
        return tuple(said["would"])
    if step == "trust":
        return (f"trust version {went.trust} → {said['trust']}",)
    return (f"host program {went.program[:12]} → {said['carried'][:12]}",)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def differences(store: Store, said: Mapping[str, Said], newest: Version) -> dict[str, tuple[str, ...]]:
    """How what each host enforces differs from what the inventory says now, in words.

    Args:
        store: keeps the versions.
        said: what each host said of itself.
        newest: the version that says what the inventory says.
    """
    known = {row.digest: Bundle.parse(row.document) for row in store.trust(newest.row.environment)}
    return {host: tuple(_difference(one, known, newest)) for host, one in said.items()}


def _difference(said: Said, known: Mapping[str, Bundle], newest: Version) -> Iterator[str]:
    about = said["enrolled"] or {}
    if said.verdict != OK or not said["enforced"]:
        return
    if about.get("problem"):
        yield str(about["problem"])
    mine = known.get(str(about.get("bundle")))
    if mine is None:
        yield f"trust version {about.get('trust')} is one that this store does not know: find out who made it"
    else:
        yield from difference(mine, newest.bundle)
    if about.get("program") != host_program().digest:
        yield f"host program {str(about.get('program'))[:12]} → {host_program().digest[:12]}"

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on a real enrolled host by whoever has its login, root's keys, or a controller of their own.

No callback, gate or action of ours takes part unless a test says so. Every attack is refused with its code and says why, and
leaves files, journal and process of the host exactly as they were.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from e2e.hostile import Ground
from e2e.hostile_documents import Documents
from e2e.hostile_rows import PERMITS, TRUST
from e2e.hosts import BASELINE, Fleetful
from e2e.project import RUN_S, Project
from e2e.test_change_control import denied
from host.driver import V1, V2, V3
from host.hand import FORGET, LOGIN, base64_of, moment

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import CODES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach import program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import line

NAME = "web1"
FORGOTTEN = f"{FORGET}; rm -f /var/cache/e2e/*.seen"


@pytest.fixture(scope="module")
def ground(all_hosts: Fleetful, baseline: Path) -> Iterator[Ground]:
    """An enrolled host that was deployed to; nothing of it stays."""
    assert baseline
    all_hosts.put_back(BASELINE, [NAME])
    ground = Ground(all_hosts, NAME)
    try:
        ground.begin()
        yield ground
    finally:
        ground.host.ssh(FORGOTTEN, check=False)


@pytest.fixture(scope="module")
def settled(ground: Ground) -> str:
    """How the host looks once it has its past."""
    return ground.looks()


@pytest.fixture(autouse=True)
def unchanged(ground: Ground, settled: str) -> Iterator[None]:
    """No attack changes anything."""
    yield
    assert ground.looks() == settled


def assert_refused(told: dict[str, Any], code: str, words: str) -> None:
    """By the host itself, which says that it enforces, who it is, and why."""
    assert (told["ok"], told["code"], told["changed"], told["enforced"]) == (False, code, False, True), told
    assert words in told["message"], told["message"]
    assert told["enrolled"]["name"] == NAME


# --- permits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", PERMITS)
def test_nothing_goes_forward_without_a_whole_permit(ground: Ground, row: str) -> None:
    """However much of it is there."""
    attack, code, words = PERMITS[row]
    assert_refused(attack(ground), code, words)


def test_what_was_confirmed_is_not_confirmed_or_begun_again(ground: Ground) -> None:
    """B12, G07: the permit of what runs is used up, and a confirm needs the token that only its controller had."""
    used = ground.confirmed
    again = ground.forward(used.statement, used.permit, used.release)
    assert not again["changed"], again
    told = ground.call("confirm", service="web", change=used.statement.change, token="0" * 64)
    assert_refused(told, "TOKEN", "token")


# --- staging and the tree ---------------------------------------------------------------------------------------------


def test_only_what_was_signed_is_staged(ground: Ground) -> None:
    """B08, H04: neither other bytes under a signed name, nor another artifact, nor by a definition of one's own."""
    statement = ground.about(V1, artifact=ground.about(V3).doc["artifact"])
    permit, data, asked = ground.signed(statement), V1.path.read_bytes(), ground.staging(V1)
    assert_refused(ground.call("stage", data, permit=permit, **asked), "PERMIT", "artifact")
    assert_refused(ground.call("stage", data, **asked), "PERMIT", "no permit")
    signed = ground.signed(ground.about(V1))
    evil = {**asked, "definition": {**ground.definition, "unit": "evil.service"}}
    assert_refused(ground.call("stage", data, permit=signed, **evil), "DEFINITION", "differ in unit")


def test_a_staged_tree_is_the_program_s(ground: Ground) -> None:
    """H05: the login cannot write to it, and nothing of what it wrote to its own file after that was staged is in it."""
    tree = f"/opt/web/releases/{V3.id}"
    for command in (
        f"echo x >> {tree}/VERSION",
        f"rm {tree}/VERSION",
        f"ln -sf /tmp {tree}/x",
        f"chmod -R u+w {tree}",
        f"mv {tree} /opt/web/releases/x",
        f"ln -sfn releases/{V1.id} /opt/web/current",
        "echo > /var/lib/tidegate/services/web/journal.json",
        "rm -rf /var/lib/tidegate/services/web /run/tidegate",
    ):
        assert ground.host.ssh(command, user="deploy", check=False).returncode != 0, command
    told = ground.call("ask", services=[ground.definition], retained=V3.version)
    assert [one["damage"] for one in told["services"]["web"]["retained"]] == [""], told


def test_what_was_written_into_a_release_is_not_activated(ground: Ground) -> None:
    """G05: not even by root, with all that was signed and granted for the release as it was."""
    statement, file = ground.about(), f"/opt/web/releases/{V3.id}/VERSION"
    permit = ground.permit(statement)
    ground.host.ssh(f"cp -p {file} /tmp/hostile-kept && echo x >> {file}")
    try:
        told = ground.forward(statement, permit)
    finally:
        ground.host.ssh(f"cat /tmp/hostile-kept > {file}; touch -r /tmp/hostile-kept {file}; rm /tmp/hostile-kept")
    assert_refused(told, "TREE", "VERSION")


# --- the way back -----------------------------------------------------------------------------------------------------


def test_a_way_back_is_no_deployment(ground: Ground) -> None:
    """H08: it needs the statement that put there what runs, and where it leads is the journal's to say."""
    used = ground.confirmed.statement
    for statement in ("", "0" * 64, ground.closed.statement.id, ground.spent.statement.id):
        assert_refused(ground.back(used.change, statement), "PERMIT", "was put there by statement")
    evil = {**ground.definition, "root": "/opt/evil"}
    assert_refused(ground.back(used.change, "0" * 64, definition=evil), "PERMIT", "was put there by statement")
    assert_refused(ground.back(used.change, used.id, fence=0), "FENCED", "older")


# --- root -------------------------------------------------------------------------------------------------------------


def test_root_is_asked_the_same(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """H06: by the program that is installed, by the one that travels once, and by one that would be installed."""
    driver, change = ground.driver, ground.driver.new_change()
    for door in (driver.program, driver.preview):
        staged = door.call("stage", ground.staging(V3), io.BytesIO(V3.path.read_bytes()))
        assert (staged.code, staged.fields["enforced"]) == ("PERMIT", True)
        assert door.call("activate", ground.activation(change, V3, V2.id)).code == "PERMIT"
        assert (
            door.call("adopt", {"definition": ground.definition, "runs": {"version": "9", "from": "/tmp"}}).code
            == "ENROLLED"
        )
        assert door.call("remove", {}).code == "ENROLLED"
        other = ground.enrollment(ground.trust(sources=["evil.example"]))
        assert door.call("enroll", other).code == "ENROLLED"
    package = host_program()
    monkeypatch.setattr(program, "host_program", lambda: replace(package, digest="2" * 64))
    assert driver.call("activate", **ground.activation(change, V3, V2.id)).code == "PERMIT"
    carried = ground.call("ask", services=[])
    assert carried["enrolled"]["program"] == package.digest
    upgrade = ground.call("upgrade", b"x", size_bytes=1, sha256="2" * 64)
    assert_refused(upgrade, "TRUST", "is none of those")


def test_nothing_of_trust_changes_while_something_is_under_way(ground: Ground) -> None:
    """Signed by everybody who has to: neither its version, nor its program, nor whether it is enrolled."""
    assert ground.under_way == dict.fromkeys(ground.of_trust(), "UNDER_WAY")


# --- trust ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", TRUST)
def test_trust_does_not_become_another_one(ground: Ground, row: str) -> None:
    """Unless it follows on what is there, and makes sense."""
    make, signers, code, words = TRUST[row]
    told = ground.call("trust", bundles=[ground.signed_bundle(make(ground), signers)])
    assert_refused(told, code, words)
    assert told["enrolled"]["trust"] == 1


def test_a_lower_version_does_not_come_back(ground: Ground) -> None:
    """H09: what was applied before is no news, and changes nothing."""
    told = ground.call("trust", bundles=[])
    assert (told["ok"], told["changed"], told["trust"]) == (True, False, 1)


UNENROLLED: dict[str, tuple[dict[str, Any], str, str]] = {
    "by one": ({"signers": ("cy",)}, "QUORUM", "missing 1 of trust"),
    "by those who approve releases": ({"signers": ("ada", "bob")}, "QUORUM", "missing 2 of trust"),
    "another host": ({"hosts": [{"name": NAME, "uid": "f" * 32}]}, "PERMIT", "does not name web1"),
    "too late": ({"not_after": "2026-01-01T00:00:00Z"}, "WINDOW", "until 2026-01-01"),
}


@pytest.mark.parametrize("row", UNENROLLED)
def test_a_host_stays_enrolled(ground: Ground, row: str) -> None:
    """H06: whatever is shown to it but what its people signed."""
    changes, code, words = UNENROLLED[row]
    assert_refused(ground.call("unenroll", **ground.unenrollment(**changes)), code, words)


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "words"), [("/etc/machine-id", "machine-id"), ("/etc/ssh/ssh_host_ed25519_key.pub", "SSH host key")]
)
def test_a_clone_counts_as_not_enrolled(ground: Ground, path: str, words: str) -> None:
    """H10: with all that was signed and granted for the host that it was made of."""
    statement = ground.about()
    permit = ground.permit(statement)
    other = "0123456789abcdef0123456789abcdef" if "machine" in path else line("login")
    ground.host.ssh(f"cp -p {path} /tmp/hostile-kept && echo '{other}' > {path}")
    try:
        told = ground.forward(statement, permit)
        minted = ground.mint()
    finally:
        ground.host.ssh(f"cat /tmp/hostile-kept > {path}; rm /tmp/hostile-kept")
    assert (told["code"], told["enforced"], minted["code"]) == ("IDENTITY", True, "IDENTITY")
    assert words in told["message"], told["message"]
    assert told["enrolled"]["problem"]


def test_a_clock_that_is_wrong_lets_nothing_forward(ground: Ground) -> None:
    """H11: ahead of the store's, or set back into a window that was open; and H08: a way back ends by the time that was signed."""
    statement, used = ground.about(), ground.confirmed.statement
    permit = ground.permit(statement)
    try:
        ground.host.shift_clock(7200)
        ahead = ground.forward(statement, permit, back_until=moment(hours=2))
        late = ground.back(used.change, used.id)
        ground.host.shift_clock(-7200)
        behind = ground.forward(statement, permit)
    finally:
        ground.host.shift_clock(0)
    assert_refused(ahead, "CLOCK", "apart")
    assert_refused(late, "BACK_UNTIL", "until")
    assert_refused(behind, "CLOCK", "has said")


def test_a_host_that_took_a_huge_number_is_enrolled_anew(ground: Ground) -> None:
    """B22: no version follows, so root lets go of it; it comes back as another host, for which nothing of before was signed."""
    name = "web2"
    ground.hosts.put_back(BASELINE, [name])
    lost = Ground(ground.hosts, name)
    try:
        lost.enroll(lost.trust(2**53 - 1))
        for number in (1, 2):
            told = lost.call("trust", bundles=[lost.signed_bundle(lost.trust(number))])
            assert (told["changed"], told["trust"]) == (False, 2**53 - 1), told
        following = canonical.dumps(lost.trust()).replace(b'"number":1,', b'"number":9007199254740992,')
        told = lost.call("trust", bundles=[{"data": base64_of(following), "signatures": []}])
        assert told["code"] == "TRUST", told
        assert lost.driver.call("enroll", **lost.enrollment(lost.trust())).code == "ENROLLED"
        statement, before = lost.about(V2), lost.uid
        lost.host.ssh("rm /var/lib/tidegate/identity.json")
        lost.enroll(lost.trust())
        assert lost.uid != before
        told = lost.forward(statement, lost.permit(statement), V2)
        assert (told["code"], told["enrolled"]["trust"], told["enrolled"]["uid"]) == ("PERMIT", 1, lost.uid)
    finally:
        lost.host.ssh(FORGOTTEN, check=False)


# --- verbs of ours, and controllers of somebody else --------------------------------------------------------------------


@pytest.mark.parametrize("login", [{"tidegate_enrolled": True}, {}], ids=["C08 as the login", "H06 as root"])
def test_a_second_controller_is_refused(ground: Ground, blank_site: Project, login: dict[str, bool]) -> None:
    """A collection like ours with an inventory that asks nobody, and a store of its own, in which the refusal is."""
    blank_site.inventory([NAME], **{NAME: login})
    done = blank_site.rollout(V3.version, hosts=[NAME], requester="eve")
    assert (done.rc, done.codes, denied(blank_site)) == (2, {"QUORUM", "BUDGET"}, {"BUDGET"}), done.text
    assert "missing 2 of ops" in done.text
    assert "Traceback" not in done.text


def test_a_step_that_is_called_by_itself_has_no_run(ground: Ground, blank_site: Project) -> None:
    """C07: `ansible -m`, as root on the host."""
    blank_site.inventory([NAME])
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("ansible")), NAME, "-i", "inventory", "-m", "tidegate.deploy.activate"],
        cwd=blank_site.folder, capture_output=True, text=True, timeout=RUN_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "NO_CHANGE: no change is open in this run" in ran.stdout


# --- documents that are nearly right ------------------------------------------------------------------------------------

LOOP = f"""
ulimit -v 2000000
while IFS= read -r line; do
  printf '%s\\n' "$line" | timeout 60 {LOGIN} 2>> /tmp/hostile-errors
  echo "rc=$?"
done
cat /tmp/hostile-errors; rm /tmp/hostile-errors
"""


def test_no_document_breaks_the_program(ground: Ground) -> None:
    """Each has one answer with a code of ours; nothing is printed beside it, no memory is filled, and nothing is begun."""
    ground.mint()
    requests = [*Documents(ground, random.Random(12)).make(45)]
    done = ground.host.ssh(LOOP, user="deploy", stdin=b"".join(requests), timeout_s=RUN_S)
    lines = done.stdout.splitlines()
    answers, ends = lines[0 : 2 * len(requests) : 2], lines[1 : 2 * len(requests) : 2]
    assert lines[2 * len(requests) :] == []
    assert ends == ["rc=0"] * len(requests)
    for asked, text in zip(requests, answers, strict=True):
        told = canonical.loads(text.encode())
        if told["ok"]:
            assert told["changed"] <= (b'"check":true' in asked or b'"step":"challenge"' in asked), (asked[:2000], told)
        else:
            assert told["code"] in {*CODES} - {"HOST_ERROR"}, (asked[:2000], told)
            assert not told["changed"], (asked[:2000], told)

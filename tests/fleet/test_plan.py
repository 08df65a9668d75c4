# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided before a fleet is made: names, networks, what is missing; and what is written for Ansible."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from fleet.conftest import CHECKOUT

from lab import inventory, machine, state
from lab.cli import DEMO_HOSTS, main
from lab.command import LabError
from lab.host import names_from
from lab.state import FleetState, HostState, check_names, plan_fleet

HOST_NAMES = [
    (["3"], ["web1", "web2", "web3"]),
    (["db[2:3]", "web1"], ["db2", "db3", "web1"]),
    (["lone"], ["lone"]),
]
NO_NAMES = [
    ("demo", ["Web"], "'Web' is no name for a fleet or host"),
    ("../demo", ["web1"], "'../demo' is no name for a fleet or host"),
    ("demo", ["web1", "web1"], "two hosts of a fleet have the same name"),
    ("demo", [], "a fleet has 1 to 200 hosts, not 0"),
    ("demo", [f"web{number}" for number in range(201)], "a fleet has 1 to 200 hosts, not 201"),
    ("a" * 31, ["b" * 31], "too long together"),
]


@pytest.mark.parametrize(("words", "names"), HOST_NAMES)
def test_host_names(words: list[str], names: list[str]) -> None:
    """Numbers, names and ranges become host names in order."""
    assert names_from(words) == names


def test_no_range() -> None:
    """A range without numbers is refused with an example."""
    with pytest.raises(LabError, match=r"'web\[a:b\]' is no range of hosts; write web\[1:6\]"):
        names_from(["web[a:b]"])


@pytest.mark.parametrize(("fleet", "hosts", "message"), NO_NAMES)
def test_bad_names_are_refused(fleet: str, hosts: list[str], message: str) -> None:
    """What cannot be a name, or is too much, is refused before anything is made."""
    with pytest.raises(LabError, match=message):
        check_names(fleet, hosts)


def _state(name: str, slot: int) -> FleetState:
    return FleetState(name, slot, "/checkout", (HostState("web1", 0),))


def test_default_fleet_has_the_addresses_of_its_inventory() -> None:
    """The default fleet always gets slot 0; all others the lowest that is free, and never that one."""
    assert plan_fleet("demo", ["web1"], [_state("one", 1)], []).slot == 0
    assert plan_fleet("two", ["web1"], [_state("one", 1)], []).slot == 2
    assert plan_fleet("one", ["web1"], [], ["10.213.1."]).slot == 2


def test_network_in_use_is_left_alone() -> None:
    """A network that the machine has already is not taken for the default fleet, whose addresses cannot move."""
    with pytest.raises(LabError, match=r"10\.213\.0\.0/24"):
        plan_fleet("demo", ["web1"], [], ["10.213.0."])


def test_names_of_links_fit() -> None:
    """Linux allows 15 characters for a link; the longest names have them."""
    last = _state("x", 254)

    assert len(last.bridge) <= 15
    assert len(last.link(HostState("web200", 199))) <= 15


def test_demo_inventory_describes_what_up_boots() -> None:
    """The static inventory and the generated one agree on hosts, addresses, racks and groups."""
    names = names_from(DEMO_HOSTS)
    generated = yaml.safe_load(inventory.ansible(plan_fleet("demo", names, [], [])))["all"]
    static = yaml.safe_load((CHECKOUT / "inventories/demo/hosts.yml").read_text())["all"]["children"]

    assert {group: list(entry["hosts"]) for group, entry in static.items()} == {
        group: list(entry["hosts"]) for group, entry in generated["children"].items()
    }
    assert {name: facts for entry in static.values() for name, facts in entry["hosts"].items()} == generated["hosts"]


def test_without_root_one_message_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without root nothing is tried; the message says what root is needed for."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    for command in (["up", "1", "--name", "nobodys"], ["check"]):
        assert main(command) == 1
        assert capsys.readouterr().err == (
            "lab: this machine cannot hold a practice fleet:\n"
            "  - root is needed, to mount disks, make network namespaces and boot hosts; run it with sudo\n"
        )


def test_all_missing_programs_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program that is missing is named, with the package that has it."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        shutil, "which", lambda program, path: None if program in ("nft", "systemd-nspawn") else program
    )

    with pytest.raises(LabError) as refused:
        machine.demand()

    assert "systemd-nspawn is needed; install the package systemd-container" in str(refused.value)
    assert "nft is needed; install the package nftables" in str(refused.value)


def test_missing_kernel_features_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel refuses is said with what it is for and how it refused."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program, path: program)
    monkeypatch.setattr(machine, "run", _refuse_bridges)

    with pytest.raises(LabError, match=r"does not allow bridges, which connect hosts \(Operation not supported\)"):
        machine.demand()


def _refuse_bridges(argv: list[str], **_: object) -> str:
    if "bridge" in argv:
        raise LabError("Operation not supported")
    return ""


def test_unknown_fleet_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A verb on a fleet that is not there says so; nothing else happens."""
    assert main(["cut", "web1", "--name", "no-such-fleet"]) == 1
    assert "no fleet no-such-fleet is up" in capsys.readouterr().err


def test_state_is_read_back_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written down before a fleet is made says all that may have to be removed."""
    monkeypatch.setattr(state, "RUN", tmp_path)
    written = _state("one", 3)
    written.save()

    assert FleetState.load("one") == written
    assert FleetState.load("other") is None

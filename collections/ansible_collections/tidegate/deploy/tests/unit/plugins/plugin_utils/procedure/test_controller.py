# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on a controller would hinder or slow a rollout, told from what was read there."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import controller
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.controller import Controller, findings

HERE = "/site/collections/ansible_collections/tidegate/deploy"
ELSEWHERE = "/usr/share/ansible/collections/ansible_collections/tidegate/deploy"
SETTINGS = {
    "forks": 25,
    "task_timeout": 0,
    "tags": [],
    "ssh_args": "-o ControlMaster=auto -o ControlPersist=60s",
    "pipelining": True,
    "callbacks": ["tidegate.deploy.progress"],
    "host_key_checking": True,
}
SOUND = Controller(
    core="2.19.4",
    python=(3, 11),
    executable="/venv/bin/python3",
    packages={"SQLAlchemy>=2.0": "2.0.43", "jsonschema>=4.18": "4.25.1"},
    config_file="/site/ansible.cfg",
    looked_in=("/site/collections",),
    copies=(HERE,),
    running=HERE,
    settings=SETTINGS,
)


def told(hosts=3, longest_s=300, settings=None, **more):
    """Level, check, text and remedy of every finding about a controller that differs from a sound one."""
    changed = replace(SOUND, settings={**SETTINGS, **(settings or {})}, **more)
    return [
        f"{one['level']} {one['check']}: {one['found']} → {one['hint']}" for one in findings(changed, hosts, longest_s)
    ]


def test_a_sound_controller_is_not_worth_a_word():
    """Versions, packages, path and configuration that are right."""
    assert [] == told()


@pytest.mark.parametrize(
    ("core", "python", "expected"),
    [
        ("2.21.5", (3, 12), None),
        ("2.20.0", (3, 13), None),
        (
            "2.18.9",
            (3, 12),
            "refuse ansible: ansible-core 2.18.9 is too old, expected 2.19 or newer → install ansible-core",
        ),
        ("2.22.0b1", (3, 13), "warn ansible: ansible-core 2.22.0b1 is newer than what this Tidegate was tested with"),
        (
            "2.19.0",
            (3, 10),
            "refuse python: Python 3.10 (/venv/bin/python3) is older than 3.11 → run ansible-core 2.19.0",
        ),
        (
            "2.21.0",
            (3, 11),
            "refuse python: Python 3.11 (/venv/bin/python3) is older than 3.12 → run ansible-core 2.21.0",
        ),
    ],
)
def test_versions(core, python, expected):
    """The supported ones are no finding."""
    found = told(core=core, python=python)
    assert (expected is None) == (found == [])
    assert expected is None or found[0].startswith(expected)


def test_packages_with_their_pip_line_for_the_python_that_runs_ansible():
    """One that is missing, one that is too old, one that cannot be imported."""
    pip = "/venv/bin/python3 -m pip install"
    missing = told(
        packages={"SQLAlchemy>=2.0": None, "jsonschema>=4.18": "4.17.3"}, broken="no module; . Install it for"
    )

    assert missing == [
        f"refuse packages: found no SQLAlchemy, expected SQLAlchemy>=2.0 → {pip} 'SQLAlchemy>=2.0'",
        f"refuse packages: found jsonschema 4.17.3, expected jsonschema>=4.18 → {pip} 'jsonschema>=4.18'",
    ]
    assert told(broken="the store needs SQLAlchemy 2, found: bad. Install it for this: pip install x") == [
        "refuse packages: the store needs SQLAlchemy 2, found: bad → install it for this: pip install x"
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"copies": ()},
            "refuse collections: tidegate.deploy runs from /site/collections/ansible_collections/tidegate/deploy, ",
        ),
        (
            {"beside": HERE, "copies": (ELSEWHERE,), "running": ELSEWHERE},
            "warn collections: /site/collections/ansible_collec",
        ),
        ({"copies": (HERE, ELSEWHERE)}, "warn collections: there are 2 copies of tidegate.deploy: /site/collections/"),
        (
            {"ignored_config": "/site/ansible.cfg"},
            "refuse ansible.cfg: /site/ansible.cfg is not read, since everybody can",
        ),
        ({"ssh": False}, "refuse ssh: there is no ssh program here → install the OpenSSH client"),
    ],
    ids=["not in the path", "-p collections", "two copies", "world-writable", "no ssh"],
)
def test_where_ansible_looks(facts, expected):
    """A collection beside a playbook only, one that is never looked at, two of them, an ansible.cfg that is not read."""
    found = told(**facts)
    assert 1 == len(found)
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"tags": ["x"]},
            "refuse ansible.cfg: ansible.cfg runs or skips tags (x): steps of a rollout would be left out",
        ),
        ({"task_timeout": 299}, "refuse ansible.cfg: task_timeout is 299 s, and an activation may take 300 s"),
        ({"task_timeout": 300}, None),
        ({"host_key_checking": False}, "warn ansible.cfg: host keys are not checked"),
        (
            {"forks": 2},
            "warn ansible.cfg: forks is 2 and a service has 3 hosts: what goes to all of them takes 2 rounds",
        ),
        ({"ssh_args": ""}, "warn ansible.cfg: connections are not kept (ssh_args: empty): each step pays for a login"),
        ({"pipelining": False}, "note ansible.cfg: pipelining is off"),
        ({"callbacks": []}, "note ansible.cfg: the callback progress is off"),
    ],
)
def test_settings_that_cost_or_break(settings, expected):
    """What would stop a rollout hinders, what slows it warns, what is of use is noted."""
    found = told(settings=settings)
    assert (expected is None) == (found == [])
    assert expected is None or found[0].startswith(expected)


@pytest.mark.parametrize(
    ("args", "keeps"),
    [
        ("-C -o ControlMaster=auto -o ControlPersist=60s", True),
        ("-oControlMaster=auto -oControlPersist=yes", True),
        ("-o 'ControlMaster auto' -o 'ControlPersist 10m'", True),
        ("-o ControlMaster=no -o ControlPersist=60s", False),
        ("-o ControlMaster=auto -o ControlPersist=no", False),
        ("-o ControlMaster=auto", False),
        ("-o ServerAliveInterval=5", False),
    ],
)
def test_connections_that_are_kept(args, keeps):
    """Both options are needed, in any spelling that ssh takes."""
    assert keeps == controller.keeps_connections(args)


def test_this_very_controller_can_be_read(monkeypatch, tmp_path):
    """Everything is read from the process that runs, and a working folder that everybody can write is seen."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    tmp_path.chmod(0o777)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)

    found = controller.look()

    assert (found.executable, found.python) == (sys.executable, sys.version_info[:2])
    assert all(found.packages.values())
    assert found.broken == ""
    assert found.ignored_config == str(tmp_path / "ansible.cfg")
    assert found.unsafe == (str(tmp_path),)
    assert "ControlPersist" in found.settings["ssh_args"]


def test_a_collection_beside_that_is_not_looked_at(monkeypatch, tmp_path):
    """The folder that `install -p collections` makes, without an ansible.cfg that names it."""
    place = tmp_path / "collections/ansible_collections/tidegate/deploy"
    (place / "plugins").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert controller.look().beside == str(place)


def test_what_everybody_may_change_hinders():
    """Verbs refuse to begin with it, and say the same."""
    expected = [
        "refuse controller: /site/ansible.cfg can be changed by every user of this machine → chmod o-w /site/ansible.cfg"
    ]
    assert expected == told(unsafe=("/site/ansible.cfg",))


def test_protected_hosts_that_nobody_asks_about_are_told():
    """The gate is a callback, and Ansible says nothing about one that is off."""
    watched = replace(SOUND, settings={**SETTINGS, "callbacks": ["tidegate.deploy.gate"]})

    assert [] == controller.gate_findings(SOUND, 0) == controller.gate_findings(watched, 2)
    [one] = controller.gate_findings(SOUND, 2)
    assert ("warn", "2 hosts are protected (tidegate_protected), and the callback that asks about them is off") == (
        one["level"],
        one["found"],
    )

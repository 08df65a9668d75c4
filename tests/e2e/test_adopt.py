# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running service is taken over: its process notices nothing, and from then on it has a release to go back to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.hosts import V1, V2, Fleetful, Seen, assert_all_on
from e2e.project import Project, artifact

OLD = "20260101120000"
NAMES = ("web1", "web2")

BEGIN = """
systemctl stop 'tidegate-*' web.service web.socket 2>/dev/null
rm -rf /opt/web /srv/app /var/lib/tidegate /run/web/drain /var/cache/e2e/*.seen /tmp/watch
"""
CAPISTRANO = f"""{BEGIN}
mkdir -p /opt/web/releases/{OLD} /opt/web/shared && tar -C /opt/web/releases/{OLD} -xzf - || exit 1
chown -R ops:ops /opt/web/releases/{OLD} && chmod -R g+w /opt/web/releases/{OLD}
echo "motd: hello" > /opt/web/shared/site.yml
mkdir /opt/web/releases/{OLD}/config && ln -s /opt/web/shared/site.yml /opt/web/releases/{OLD}/config/site.yml
ln -s /opt/web/releases/{OLD} /opt/web/current
systemctl enable --quiet web.service && systemctl start web.service
"""
"""As deployment tools before Tidegate leave it: a folder per deployment, and files that belong to whoever deployed."""

ELSEWHERE = f"""{BEGIN}
mkdir -p /srv/app && tar -C /srv/app -xzf - || exit 1
mkdir -p /etc/systemd/system/web.service.d
printf '[Service]\\nExecStart=\\nExecStart=/srv/app/bin/web\\n' > /etc/systemd/system/web.service.d/from.conf
systemctl daemon-reload && systemctl enable --quiet web.service && systemctl start web.service
"""
FROM_CURRENT = "rm -rf /etc/systemd/system/web.service.d && systemctl daemon-reload"
CLEAN = f"{BEGIN}\nsystemctl disable --quiet web.service; {FROM_CURRENT}"

WATCH = """
systemd-run --quiet --collect --unit=watch sh -c \
  'while [ ! -e /tmp/enough ]; do cat /opt/web/current/VERSION || echo GAP; done 2>&1 | uniq -c > /tmp/watch'
"""
WATCHED = "touch /tmp/enough; while systemctl -q is-active watch; do :; done; cat /tmp/watch; rm /tmp/watch /tmp/enough"
"""What the release behind `current` says, asked all the time."""

SPOILED = {
    "web1": ("rm /opt/web/current && mkdir /opt/web/current", ["/opt/web/current", "found no link"]),
    "web2": (f"mv /opt/web/releases/{OLD} /opt/web/releases/away", ["/opt/web/current leads to", "not there"]),
    "web3": ("true", ["PROBE", f"found release '{V1}' in header:X-Release, expected 9.9", "tidegate_adopt_version"]),
    "web4": (f"mkfifo /opt/web/releases/{OLD}/pipe", ["TREE", "pipe: a device, socket or pipe"]),
    "web5": (
        f"ln -s /etc/hosts /opt/web/releases/{OLD}/hosts",
        ["TREE", "hosts: link to the absolute path /etc/hosts"],
    ),
    "web6": (
        f"cp -a /opt/web/releases/{OLD} /opt/web/releases/next; sleep 1.1; ln -sfn releases/next /opt/web/current",
        ["RUNS_ELSEWHERE", "moved to next after web.service was started"],
    ),
}
"""What is wrong with each host, and what the one error says of it."""


@pytest.fixture
def site(blank_site: Project, hosts: Fleetful) -> Iterator[Project]:
    """A project over hosts on which something else has deployed release 1.0.0; nothing of it stays."""
    blank_site.services(links={"config/site.yml": "/opt/web/shared/site.yml"})
    yield blank_site
    hosts.ssh(CLEAN)


def deploy_by_hand(hosts: Fleetful, script: str, names: tuple[str, ...] | None = None) -> None:
    """Put release 1.0.0 on hosts without Tidegate."""
    from pathlib import Path

    data = Path(artifact(V1)["file"]).read_bytes()
    for name in names or hosts.names:
        hosts[name].ssh(script, stdin=data)


def processes(seen: dict[str, Seen]) -> dict[str, tuple[int, str]]:
    """Since when each host's service runs, and what it says that it is."""
    return {name: (one.started_us, one.serves) for name, one in seen.items()}


def test_folders_of_another_tool_are_taken_over(site: Project, hosts: Fleetful) -> None:
    """Check mode writes nothing; the process stays; `current` always named 1.0.0; a rollout and a way back follow."""
    site.inventory(NAMES)
    deploy_by_hand(hosts, CAPISTRANO, NAMES)
    before, files = processes(hosts.see(NAMES)), {**hosts.listing(NAMES), **hosts.everything(NAMES)}

    previewed = site.play("adopt", "--check", "--diff", service="web", adopt_version=V1)
    assert previewed.rc == 0, previewed.text
    assert {**hosts.listing(NAMES), **hosts.everything(NAMES)} == files
    assert f"+web1: current -> releases/{V1}-" in previewed.stdout

    hosts.ssh(WATCH, NAMES)
    adopted = site.play("adopt", service="web", adopt_version=V1)
    watched = hosts.ssh(WATCHED, NAMES)

    assert adopted.rc == 0, adopted.text
    seen = hosts.see(NAMES)
    assert_all_on(seen, V1)
    assert processes(seen) == before
    assert {name: text.split()[1:] for name, text in watched.items()} == {name: [V1] for name in NAMES}
    assert {one.releases for one in seen.values()} == {(seen["web1"].current, OLD)}
    assert site.runs() == [("adopt", "completed")]

    again = site.play("adopt", service="web", adopt_version=V1)
    assert (again.rc, again.of("adopt")[0]["changed"]) == (0, False), again.text

    done = site.rollout(V2)
    assert done.rc == 0, done.text
    assert_all_on(hosts.see(NAMES), V2)
    back = site.play("rollback", change=done.change)
    assert back.rc == 0, back.text
    assert_all_on(hosts.see(NAMES), V1)
    assert all(OLD in one.releases for one in hosts.see(NAMES).values())


def test_a_service_without_releases_is_taken_over(site: Project, hosts: Fleetful) -> None:
    """It is named by variables; what people have to change is said, and a rollout waits for it."""
    site.inventory(("web1",))
    deploy_by_hand(hosts, ELSEWHERE, ("web1",))
    before = processes(hosts.see(("web1",)))
    unnamed = site.play("adopt", service="web")
    assert unnamed.rc != 0
    assert "/opt/web/current: missing" in unnamed.text
    assert "tidegate_adopt_from" in unnamed.text

    adopted = site.play("adopt", service="web", adopt_from="/srv/app", adopt_version=V1)

    assert adopted.rc == 0, adopted.text
    assert "let web.service run /opt/web/current instead of /srv/app" in adopted.stdout
    assert processes(hosts.see(("web1",))) == before
    early = site.rollout(V2)
    assert early.rc != 0
    assert "web.service was adopted from /srv/app and its unit file does not name /opt/web/current" in early.text
    assert processes(hosts.see(("web1",))) == before

    hosts.ssh(FROM_CURRENT, ("web1",))
    done = site.rollout(V2)
    assert done.rc == 0, done.text
    assert_all_on(hosts.see(("web1",)), V2)


def test_what_cannot_be_taken_over_is_named_and_left(site: Project, hosts: Fleetful) -> None:
    """One error tells it of every host; nothing is changed on any."""
    site.inventory(**{name: {"tidegate_adopt_version": "9.9" if name == "web3" else V1} for name in hosts.names})
    deploy_by_hand(hosts, CAPISTRANO)
    for name, (spoil, _words) in SPOILED.items():
        hosts[name].ssh(spoil)
    files = hosts.listing()

    refused = site.play("adopt", service="web")

    assert refused.rc != 0
    assert hosts.listing() == files
    told = refused.of("adopt")[0]["msg"]
    assert "6 hosts refused, and nothing was changed on any" in told
    for name, (_spoil, words) in SPOILED.items():
        part = told.partition(f"{name}: ")[2].partition("; web")[0]
        assert all(word in part for word in words), (name, part)
    assert "Traceback" not in refused.text

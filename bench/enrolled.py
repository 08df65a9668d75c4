# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs that hosts decide by themselves: the check of a permit on one of them, and a rollout to many.

python -m bench.enrolled            20 enrolled hosts, and 20 others, in turn, six times (root)
python -m bench.enrolled --keep     and keep it for docs/benchmarks.md (`python -m bench.report` writes the page)
python -m bench.enrolled --tiny     to try the bench itself

Both halves of the fleet get the same releases from one site with one policy, which asks for two people: that the controller checks
approvals is in both numbers, that hosts do is in one. Two runs after one another differ as much as the two kinds do: each run is
compared with the one beside it, and which kind is first changes from pair to pair. The check is timed on a host, around the real program: an activation that is
refused for the last thing that is looked at, the end of the lease, when all signatures and proofs have been found good.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench import machine, releases, runs
from bench.contenders import Site, describe_services, inventory_of, last_change, write_change
from bench.goal import Goal
from bench.hosts import Hosts, Service
from bench.meter import Meter
from bench.paired import Runs, goal, more, times
from bench.server import Files
from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build/bench"
LAST = PLACE / "enrolled.json"
KEPT = ROOT / "bench/results/enrolled.json"
FREE, ENROLLED = "free", "enrolled"
SERVICES = {name: Service(name, port, "bin/web") for name, port in ((FREE, 8101), (ENROLLED, 8102))}
SIGNERS = ("ada", "bob")
REQUESTER = "cyd"
MEASURES = ("wall_s", "activate_s", "controller_cpu_s", "hosts_cpu_s")
CHECKED, ASKED = "checked", "refused at once"

_TIMED = """
import json, shutil, subprocess, sys, time
given = json.load(sys.stdin)
found = {name: [] for name in given["requests"]}
for _ in range(given["times"]):
    for name, request in given["requests"].items():
        shutil.rmtree(given["forgotten"], ignore_errors=True)
        began = time.perf_counter()
        done = subprocess.run([given["program"]], input=request.encode(), stdout=subprocess.PIPE, check=True)
        found[name].append([(time.perf_counter() - began) * 1000, json.loads(done.stdout)["message"]])
print(json.dumps(found))
"""
"""Runs on the host: requests in turn, each with the milliseconds that it took and what the program said; what the staging has
found true is forgotten before each."""


def main() -> int:
    """Boot a fleet, measure, keep and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.enrolled", description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=20, help="how many hosts of either kind (20)")
    parser.add_argument("--runs", type=int, default=6, help="how often each kind gets a release (6)")
    parser.add_argument("--checks", type=int, default=50, help="how often the check of a permit is timed (50)")
    parser.add_argument("--keep", action="store_true", help="keep what was measured for the page")
    parser.add_argument("--tiny", action="store_true", help="2 hosts of either kind, 1 run, 5 checks, small releases")
    given = parser.parse_args()
    if given.tiny:
        given.hosts, given.runs, given.checks = 2, 1, 5
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that hosts and groups are taken down then, too
    try:
        document = measure(given)
    except (LabError, KeyboardInterrupt) as why:
        print(f"bench: {str(why) or 'interrupted'}", file=sys.stderr)
        return 1
    for path in (LAST, KEPT) if given.keep else (LAST,):
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("\n".join(told(document)))
    return 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All of it, on hosts that share this machine.

    Raises:
        LabError: a tool failed, or the hosts do not run what it said that it had deployed.
    """
    sizes = runs.Sizes(30, 200_000, 1_000_000) if given.tiny else runs.Sizes()
    (PLACE / "log").mkdir(parents=True, exist_ok=True)
    document = machine.described(sizes, given.hosts, given.runs, PLACE)
    with Fleet.up(2 * given.hosts + 1, name="bench-enrolled", disk_size="3g") as fleet:
        document["check_ms"] = check_ms(fleet.hosts[-1], given.checks)
        _say(f"a permit was checked in {statistics.median(document['check_ms'][CHECKED]):.0f} ms")
        rest = iter(fleet.hosts)
        halves = {name: Hosts(fleet, list(islice(rest, given.hosts))) for name in SERVICES}
        with (
            tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder,
            Files(fleet.controller, PLACE) as files,
            Meter(fleet.state) as meter,
        ):
            rollouts = Rollouts(Path(folder), halves, sizes, files, meter)
            document["runs"] = list(rollouts.play(given.runs))
    return document


class Rollouts:
    """Releases to both halves of a fleet, from one site.

    Args:
        folder: for the site.
        halves: hosts by the service that they run.
        sizes: of the releases.
        files: where hosts get them.
        meter: that measures.
    """

    def __init__(
        self, folder: Path, halves: Mapping[str, Hosts], sizes: runs.Sizes, files: Files, meter: Meter
    ) -> None:
        self._halves, self._sizes, self._files, self._meter = halves, sizes, files, meter
        self._people = folder
        self._keys = {name: _key(folder / name) for name in (*SIGNERS, REQUESTER)}
        self._site = Site(folder / "site", inventory_of(halves), len(halves[FREE]), ("tidegate.deploy.progress",))

    def play(self, rounds: int) -> Iterator[dict[str, Any]]:
        """Every run that counts, as soon as it has ended; which half is first changes from round to round."""
        describe_services(self._site, *SERVICES.values())
        for hosts in self._halves.values():
            hosts.prepare(SERVICES)
        for name in SERVICES:
            self._rollout(name, 0, lambda _change_file: None)
        self._enroll()
        for number in range(1, rounds + 1):
            for name in (FREE, ENROLLED) if number % 2 else (ENROLLED, FREE):
                run = self._rollout(name, number, self._approve)
                _say(runs.line_of(run, len(self._halves[name])))
                yield run

    def _rollout(self, name: str, number: int, before: Callable[[str], None]) -> dict[str, Any]:
        """A new release to one half; only the rollout itself is measured."""
        version = f"1.0.{number}"
        release = releases.archive(PLACE / "releases", version, self._sizes.files, self._sizes.archive_bytes)
        url = self._files.url(release.path)
        change_file = write_change(self._site, SERVICES[name], release, url, requester=REQUESTER)
        before(change_file)
        run = self._verb("rollout", "change_file", change_file)
        self._halves[name].require(SERVICES[name], version)
        return {"contender": name, "round": number, "activate_s": run["steps_s"]["activate"][0], **run}

    def _verb(self, verb: str, *options: str) -> dict[str, Any]:
        words = [
            word
            for key, value in zip(options[::2], options[1::2], strict=True)
            for word in ("-e", f"tidegate_{key}={value}")
        ]
        command = self._site.playbook(f"tidegate.deploy.{verb}", *words)
        return runs.measured(command, self._meter, PLACE / f"log/enrolled-{verb}.log", len(self._halves[FREE]))

    def _approve(self, change_file: str) -> None:
        """Plan a change, hand it in, and let two people sign it."""
        self._verb("plan", "change_file", change_file)
        change = last_change(self._site)
        self._verb("submit", "change", change, "key", str(self._people / REQUESTER), "sign", "true")
        for name in SIGNERS:
            self._verb("approve", "change", change, "key", str(self._people / name), "sign", "true")

    def _enroll(self) -> None:
        """Write people, policy and trust, and enroll one half."""
        people = {name: {"groups": ["ops"], "keys": [{"key": key}]} for name, key in self._keys.items()}
        fleet = self._halves[ENROLLED].fleet
        login = fleet.key.with_suffix(".pub").read_text().strip()
        trust = {"site": "bench", "rule": {"groups": {"ops": 2}}, "login_keys": [login], "sources": [fleet.controller]}
        self._vary("all/tidegate_people", tidegate_people=people)
        self._vary("all/tidegate_policy", tidegate_policy={"approvals": [{"name": "two", "groups": {"ops": 2}}]})
        self._vary("all/tidegate_trust", tidegate_trust=trust)
        for name in SIGNERS:
            self._verb("trust", "key", str(self._people / name), "sign", "true")
        self._verb("enroll", "hosts", ENROLLED)
        self._vary(ENROLLED, tidegate_enrolled=True)

    def _vary(self, name: str, **variables: object) -> None:
        (self._site.folder / f"inventory/group_vars/{name}.yml").write_text(json.dumps(variables, indent=1))


def _key(path: Path) -> str:
    """Make a key, and answer its public line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


# --- one host


def check_ms(host: Host, times: int) -> dict[str, list[float]]:
    """Milliseconds of an activation that is refused at the very end of all checks, and of one that has no permit.

    Args:
        host: on which nothing was ever deployed.
        times: how often each is asked.

    Raises:
        LabError: the host said something else.
    """
    sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests")]
    from host import hand as by  # type: ignore[import-not-found]  # of the tests
    from host.driver import V1, V2, Driver  # type: ignore[import-not-found]

    from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths

    driver = Driver(host)
    driver.deploy(V1.version)
    hand = by.Hand(driver)
    hand.enroll()
    change = driver.new_change()
    statement = hand.statement(change, V2)
    signed = hand.signed(statement)
    hand.call("stage", V2.path.read_bytes(), permit=signed, **driver.staging(V2))
    over = {**signed, "grant": hand.grant(statement, hand.mint(), lease_until=by.moment(seconds=-1))}
    activation = hand.activation(change, V2, V1.id)
    asked = {CHECKED: {**activation, "permit": over}, ASKED: activation}
    requests = {name: by.request("activate", **fields).decode("ascii") for name, fields in asked.items()}
    forgotten = Paths().verified
    given = json.dumps({"program": by.LAUNCHER, "requests": requests, "times": times + 1, "forgotten": forgotten})
    said = json.loads(host.ssh(f"python3 -c '{_TIMED}'", stdin=given.encode("ascii")).stdout)
    for name, expected in ((CHECKED, "the lease of the grant ended at"), (ASKED, "permit")):
        other = {message for _took, message in said[name] if expected not in message}
        if other:
            raise LabError(f"{host.name}: expected {expected!r}, found {other}")
    return {name: [took for took, _message in found[1:]] for name, found in said.items()}  # the first one warms up


# --- what came of it


def medians(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each kind of hosts the median of each measure."""
    return {
        name: {key: statistics.median(run[key] for run in found if run["contender"] == name) for key in MEASURES}
        for name in SERVICES
    }


def by_round(found: Sequence[Mapping[str, Any]]) -> Runs:
    """Of either kind of hosts its runs in the order of the rounds: time, processor time of all, and the time of each step."""
    return {
        name: [
            {"wall_s": run["wall_s"], "cpu_s": run["controller_cpu_s"] + run["hosts_cpu_s"], **_steps(run)}
            for run in found
            if run["contender"] == name
        ]
        for name in SERVICES
    }


def _steps(run: Mapping[str, Any]) -> dict[str, float]:
    return {step: took[0] for step, took in run["steps_s"].items()}


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """The goals, with what was found."""
    checked, runs = document["check_ms"][CHECKED], by_round(document["runs"])
    says = "rollout to enrolled hosts, beside the same to others"
    return [
        Goal("check of a permit of two people, with the start of the program", 150, statistics.median(checked), "ms"),
        goal(says, 1.1, times(runs, ENROLLED, FREE, "wall_s"), room=0.1),
    ]


def told(document: Mapping[str, Any]) -> list[str]:
    """What was measured, for a terminal."""
    lines = [f"{'medians':<12}{'wall s':>10}{'activate':>10}{'ctrl s':>10}{'hosts s':>10}"]
    for name, values in medians(document["runs"]).items():
        lines.append(f"{name:<12}" + "".join(f"{value:>10.2f}" for value in values.values()))
    lines.append(_compared(document["runs"]))
    for name, took in document["check_ms"].items():
        lines.append(f"{name}: {statistics.median(took):.0f} ms, at most {max(took):.0f} ms")
    return lines + [f"{one.says}: {one.shown(one.found)} of {one.limit:g}: {one.met}" for one in goals(document)]


def chapter(document: Mapping[str, Any]) -> str:
    """What was kept, as a chapter of the page."""
    rows = [
        f"| {name} | " + " | ".join(f"{values[key]:.1f}" for key in MEASURES) + " |"
        for name, values in medians(document["runs"]).items()
    ]
    checked, asked = (statistics.median(document["check_ms"][name]) for name in (CHECKED, ASKED))
    most = max(document["check_ms"][CHECKED])
    asked_for = [
        f"| {one.says} | ≤ {one.shown(one.limit)} | {one.shown(one.found)} | {one.met} |" for one in goals(document)
    ]
    text = _CHAPTER.format(**document["setting"], commit=document["machine"]["commit"])
    said = _CHECK.format(checked=checked, most=most, asked=asked, times=len(document["check_ms"][CHECKED]))
    return "\n".join([text, *rows, "", _compared(document["runs"]), "", said, _GOALS, *asked_for, ""])


def _compared(found: Sequence[Mapping[str, Any]]) -> str:
    """How the runs of a round differ, in numbers and words; steps only if they took longer in most of the rounds."""
    runs = by_round(found)
    steps = {step: more(runs, ENROLLED, FREE, step) for step in _steps(found[0])}
    longer = {step: took for step, took in steps.items() if took and took.low > 0}
    return _COMPARED.format(
        rounds=len(runs[FREE]),
        wall=times(runs, ENROLLED, FREE, "wall_s"),
        cpu=times(runs, ENROLLED, FREE, "cpu_s"),
        longer=", ".join(f"{step} {took} s" for step, took in longer.items()) or "none",
    )


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


_CHAPTER = """\
## Enrolled hosts

The release of many files, pulled by {hosts} enrolled hosts and by {hosts} others of one fleet, in turn and in changing order, from one site whose policy asks for two people.
Approvals are given before; the rollout is measured. Medians of {runs}, at commit {commit}. `python -m bench.enrolled` measures it again.

| hosts | wall s | of it, activation s | controller CPU s | hosts' CPU s |
|---|---|---|---|---|"""
_COMPARED = """\
Beside the run of the same round, in the median of {rounds} and between what half of the rounds lie: {wall} times the time, {cpu} times the processor time of controller and
hosts together. Steps that took longer in three of four rounds: {longer}."""
_CHECK = """\
The check of a permit is timed on a host, around the real program: an activation that is refused because its lease is over, which is looked at last, after the signatures
of two people, of the requester and of the log, and the proofs that the grant is in it, none of them remembered from the staging. It takes {checked:.0f} ms, at most {most:.0f} ms among {times}; the same without a permit is refused within {asked:.0f} ms,
most of which is the start of Python.
"""
_GOALS = """\
| goal | limit | measured | met |
|---|---|---|---|"""


if __name__ == "__main__":
    raise SystemExit(main())

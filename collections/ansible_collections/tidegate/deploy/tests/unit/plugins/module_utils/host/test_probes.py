# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes against real servers and programs that hang, trickle, redirect, lie and crash."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse
from ansible_collections.tidegate.deploy.plugins.module_utils.core.judgment import Sight, judge
from ansible_collections.tidegate.deploy.plugins.module_utils.host import look, probes
from ansible_collections.tidegate.deploy.plugins.module_utils.host.look import boottime_ms, unit_started_after

RELEASE = {"id": "2.4.0-0123456789ab", "version": "2.4.0"}
RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Type": "simple",
    "Result": "success",
    "NRestarts": "0",
    "MainPID": "42",
    "ExecMainStatus": "0",
}
HURRY = {"in_a_row": 2, "over_s": 0, "every_ms": 50}
AT_ONCE_S = 30
"""Far less than what is tested to take no time would take, and enough for a machine that is busy."""
PATIENT_S = 2 * AT_ONCE_S
"""For what ends before it: a machine that stands still meanwhile takes nothing away."""


class Systemd:
    """Answers from a script: the last answer holds for ever."""

    def __init__(self, *answers: dict[str, str], log: tuple[str, bool] = ("Started\n", False), user: str = "") -> None:
        self.answers = [{**RUNNING, **answer} for answer in answers or ({},)]
        self.log_answer = log
        self.user = user
        self.since: list[float | None] = []
        self.asked = 0

    def properties(self, _unit: str, names: list[str], _timeout_s: float = 5) -> dict[str, str]:
        """The next answer."""
        if names == ["User"]:
            return {"User": self.user}
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def log(self, _unit: str, since_epoch_s: float | None, _timeout_s: float = 5) -> tuple[str, bool]:
        """The log."""
        self.since.append(since_epoch_s)
        return self.log_answer


END = {"kind": "unit", "name": "end", "unit": "end.service", **HURRY, "over_s": PATIENT_S}


class Ending(Systemd):
    """Answers of `END`, too, which fails once something holds: that ends a round, and not its budget."""

    def __init__(self, over: Callable[[Ending], bool], *answers: dict[str, str]) -> None:
        super().__init__(*answers)
        self._over = over

    def properties(self, unit: str, names: list[str], timeout_s: float = 5) -> dict[str, str]:
        """The next answer, or whether it is over."""
        if unit == END["unit"]:
            return {**RUNNING, "ActiveState": "failed" if self._over(self) else "active"}
        return super().properties(unit, names, timeout_s)


@contextlib.contextmanager
def serving(handle: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server on a free port that lets a function do what it likes with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            count = 0
            while not over.is_set():
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                count += 1
                threading.Thread(target=answer, args=(connection, count), daemon=True).start()

        def answer(connection: socket.socket, count: int) -> None:
            with connection, contextlib.suppress(OSError):
                handle(connection, count)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)  # closing alone leaves the accept of the thread open


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    return data


def says(text: bytes, status: str = "200 OK", headers: str = "") -> Callable[[socket.socket, int], None]:
    """A server that always gives one answer."""

    def handle(connection: socket.socket, _count: int) -> None:
        _request(connection)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n{headers}\r\n".encode() + text)

    return handle


def _http(port: int, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "http",
        "name": "page",
        "url": f"http://127.0.0.1:{port}/",
        "timeout_s": PATIENT_S,
        **HURRY,
        **fields,
    }


def _run(
    *docs: dict[str, Any],
    budget_s: float = PATIENT_S,
    systemd: Any = None,
    release: Mapping[str, str] | None = MappingProxyType(RELEASE),
    root: str = "/nowhere",
    since: int | None = None,
    place: str = "host",
) -> dict[str, dict[str, Any]]:
    """Results by name; the unit is watched in a hurry."""
    unit = {"kind": "unit", "name": "unit", "unit": "web.service", **HURRY}
    definition = {"root": root, "unit": "web.service", "user": None, "probes": [*docs, unit]}
    began = time.monotonic()
    results = probes.run(definition, dict(release) if release else None, since, budget_s, place, systemd or Systemd())
    assert time.monotonic() - began < budget_s + AT_ONCE_S, "the budget does not hold"
    return {result["name"]: result for result in results}


def _sight(doc: dict[str, Any], systemd: Any = None, within_s: float = PATIENT_S) -> Sight:
    """What one look finds."""
    probe = parse(doc)
    place = look.Place("/nowhere", "web.service", None, None, systemd or Systemd())
    began = time.monotonic()
    raw = look.look(probe, place, within_s)
    assert time.monotonic() - began < AT_ONCE_S
    return judge(probe, raw, RELEASE)


# --- http ------------------------------------------------------------------------------------------------------------


def test_a_good_page() -> None:
    """A page that says the version is good and proves the release."""
    with serving(says(b'{"version": "2.4.0"}')) as port:
        result = _run(_http(port, release="json:version"))["page"]
    assert result["ok"]
    assert result["saw_release"]
    assert isinstance(result["latency_ms"], int)
    assert result["detail"].startswith("found status 200 after ")


def test_the_wrong_version() -> None:
    """An old process that still answers is found."""
    with serving(says(b'{"version": "2.3.0"}')) as port:
        found = _sight(_http(port, release="json:version"))
    assert not found.ok
    assert not found.saw_release
    assert "found release '2.3.0' in json:version, expected 2.4.0" in found.detail


def test_a_redirect_is_not_followed() -> None:
    """A page elsewhere that is well says nothing about this one."""
    redirect = says(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n")
    with serving(redirect) as port:
        found = _sight(_http(port, release="body"))
    assert not found.ok
    assert "found status 302 to 'http://127.0.0.1:1/' (redirects are not followed)" in found.detail


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment change nothing."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with serving(says(b"")) as port:
        assert _run(_http(port))["page"]["ok"]


def _hang(connection: socket.socket, _count: int) -> None:
    _request(connection)
    connection.recv(1)


def _trickle_head(connection: socket.socket, _count: int) -> None:
    _request(connection)
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def _trickle_body(connection: socket.socket, _count: int) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _byte in range(1000):
        connection.sendall(b"x")
        time.sleep(0.05)


def _early_end(connection: socket.socket, _count: int) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")


def _early_end_of_chunks(connection: socket.socket, _count: int) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n")


def _no_answer(connection: socket.socket, _count: int) -> None:
    _request(connection)


def _no_http(connection: socket.socket, _count: int) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
    _request(connection)


def _many_headers(connection: socket.socket, _count: int) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n")


BROKEN = [
    (_hang, 0.3, "found no complete answer within 0.3 s, expected status 200"),
    (_trickle_head, 0.3, "found no complete answer within 0.3 s"),
    (_trickle_body, 0.3, "found no complete answer within 0.3 s"),
    (_early_end, PATIENT_S, "found a body that ended before its announced length"),
    (_early_end_of_chunks, PATIENT_S, "found a body that ended before its announced length"),
    (_no_answer, PATIENT_S, "found a connection that was closed without an answer"),
    (_no_http, PATIENT_S, "found an answer that is not HTTP (no status line)"),
    (_many_headers, PATIENT_S, "found an answer that is not HTTP (more than 100 headers)"),
]


@pytest.mark.parametrize(("handle", "within_s", "message"), BROKEN, ids=[case[0].__name__ for case in BROKEN])
def test_broken_servers(handle: Callable[[socket.socket, int], None], within_s: float, message: str) -> None:
    """Hanging, trickling or talking nonsense takes no more than its time and is bad."""
    with serving(handle) as port:
        assert message in _sight(_http(port), within_s=within_s).detail


def test_nobody_listens() -> None:
    """A closed port is a bad answer with its reason."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "found Connection refused, expected status 200" in _sight(_http(port)).detail


def test_a_long_page_is_read_up_to_a_bound() -> None:
    """A page without end cannot fill memory; its status still counts, its content does not."""
    size = look.MAX_BODY_BYTES + 100
    with serving(says(b"x" * size)) as port:
        assert _sight(_http(port)).ok
        content = _sight(_http(port, body="x"))
    assert "found a body that is cut off or longer than what is read" in content.detail


def test_a_flaky_page_passes_once_it_is_good_for_long_enough() -> None:
    """One bad answer costs time and not the release."""

    def handle(connection: socket.socket, count: int) -> None:
        says(b"", "500 Oops" if count in (1, 2, 4) else "200 OK")(connection, count)

    with serving(handle) as port:
        result = _run(_http(port, in_a_row=3))["page"]
    assert result["ok"]


def test_a_page_that_comes_up_late() -> None:
    """A service may take its time to start."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    late = threading.Event()

    def serve() -> None:
        late.wait(0.4)
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(PATIENT_S)
            with contextlib.suppress(OSError):
                while not late.is_set():
                    connection, _address = server.accept()
                    with connection, contextlib.suppress(OSError):
                        says(b"")(connection, 1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    result = _run(_http(port))["page"]
    late.set()
    assert result["ok"]


def test_good_only_for_a_moment() -> None:
    """What was well but not for long enough has not passed, and says so."""
    requests: list[int] = []

    def handle(connection: socket.socket, count: int) -> None:
        requests.append(count)
        says(b"")(connection, count)

    with serving(handle) as port:
        result = _run(_http(port, over_s=PATIENT_S), END, systemd=Ending(lambda _own: len(requests) > 2))["page"]
    assert not result["ok"]
    assert result["state"] == "short"
    assert "expected 2 over 60 s" in result["detail"]


def test_a_page_that_turns_bad_while_others_are_not_done() -> None:
    """Passing early is no reason to look away."""
    requests: list[int] = []

    def handle(connection: socket.socket, count: int) -> None:
        requests.append(count)
        says(b"", "200 OK" if count <= 3 else "500 Oops")(connection, count)

    with serving(handle) as port:
        result = _run(_http(port), END, systemd=Ending(lambda _own: len(requests) > 4))["page"]
    assert not result["ok"]
    assert "found status 500" in result["detail"]


def test_slow_is_bad_when_a_limit_says_so() -> None:
    """A release that answers too slowly is found."""

    def handle(connection: socket.socket, count: int) -> None:
        time.sleep(0.2)
        says(b"")(connection, count)

    with serving(handle) as port:
        found = _sight(_http(port, latency_ms=100))
    assert not found.ok
    assert "expected one within 100 ms" in found.detail


def test_head_and_request() -> None:
    """The request names its host, and a HEAD has no body."""
    seen: list[bytes] = []

    def handle(connection: socket.socket, _count: int) -> None:
        seen.append(_request(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    with serving(handle) as port:
        assert _run(_http(port, method="HEAD"))["page"]["ok"]
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "HEAD / HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization"))]


# --- tcp, command, log -----------------------------------------------------------------------------------------------


def test_tcp() -> None:
    """A connection is enough; none is named."""
    tcp = {"kind": "tcp", "name": "port", **HURRY}
    with serving(_hang) as port:
        assert _run({**tcp, "port": port})["port"]["ok"]
    assert f"expected a connection to 127.0.0.1:{port}" in _sight({**tcp, "port": port}).detail


def _command(*words: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "command", "name": "command", "command": list(words), **HURRY, **fields}


def test_a_command_of_the_release(tmp_path: Path) -> None:
    """A relative program is one of the release that `current` names, and its folder is the command's."""
    release = tmp_path / "releases" / RELEASE["id"]
    (release / "bin").mkdir(parents=True)
    (tmp_path / "current").symlink_to(f"releases/{RELEASE['id']}")
    program = release / "bin" / "version"
    program.write_text('#!/bin/sh\ncat VERSION; test "$1" = --short\n')
    program.chmod(0o755)
    (release / "VERSION").write_text("2.4.0\n")
    result = _run(_command("bin/version", "--short", release="stdout"), root=str(tmp_path))["command"]
    assert result["ok"], result
    assert result["saw_release"]


def test_a_command_that_never_ends() -> None:
    """Ignoring SIGTERM does not help it."""
    script = "trap '' TERM; while :; do sleep 1; done"
    found = _sight(_command("/bin/sh", "-c", script), within_s=0.5)
    assert not found.ok
    assert "found no end within 0.5 s (it was killed), expected exit status 0" in found.detail


def test_no_command_outlives_its_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a crash ends the round early, a command that still runs is killed."""
    monkeypatch.setattr(probes, "GRACE_S", AT_ONCE_S)
    pid = tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {pid}; sleep {3 * PATIENT_S}; true"
    systemd = Ending(lambda _own: pid.exists() and pid.read_text().endswith("\n"))
    command = _command("/bin/sh", "-c", script, timeout_s=2 * PATIENT_S)
    assert _run(command, END, systemd=systemd)["end"]["state"] == "crashed"
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_commands_that_cannot_run() -> None:
    """No program, no rights, no user: each is named."""
    missing = _sight(_command("/nowhere/check")).detail
    assert "found that /nowhere/check cannot be run (No such file or directory)" in missing
    stranger = _sight(_command("/bin/true", user="no-such-user")).detail
    assert "found no user no-such-user on this host" in stranger


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_commands_run_as_the_units_user() -> None:
    """Without a user of its own a probe has the rights of the service, not of root."""
    probe = _command("/usr/bin/id", "-un", stdout="^nobody$")
    assert _sight(probe, Systemd(user="nobody")).ok
    assert "found output 'root', expected a match of" in _sight(probe, Systemd(user="")).detail


def test_log_since_the_switch() -> None:
    """The moment on the boot clock becomes one on the wall clock."""
    systemd = Systemd(log=("Started\nready\n", False))
    log = {"kind": "log", "name": "log", "unit": "web.service", "pattern": "^ready$", **HURRY}
    earliest_s, since_ms, latest_s = time.time() - 10, boottime_ms() - 10_000, time.time() - 10
    assert _run(log, systemd=systemd, since=since_ms)["log"]["ok"]
    assert systemd.since[0] is not None
    assert earliest_s - 5 < systemd.since[0] < latest_s + 5
    assert "expected" in _sight({**log, "pattern": "never"}, systemd).detail


def test_a_host_that_stands_still_between_two_clocks_does_not_read_the_log_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The host was booted at 0 and switched at 100; it is 110, and ten seconds pass whenever a clock is read."""
    reads = iter((110, 120))
    clocks = {"time": lambda: next(reads), "clock_gettime_ns": lambda _which: next(reads) * 10**9}
    monkeypatch.setattr(look, "time", SimpleNamespace(**clocks, CLOCK_BOOTTIME=time.CLOCK_BOOTTIME))
    systemd = Systemd()
    probe = parse({"kind": "log", "unit": "web.service", "pattern": "ready"})
    look.look(probe, look.Place("/opt/web", "web.service", None, 100_000, systemd), 1)  # type: ignore[arg-type]
    assert systemd.since == [110]


def test_a_silent_systemd_is_bad() -> None:
    """No data never counts as healthy."""

    class Silent(Systemd):
        def properties(self, _unit: str, names: list[str], _timeout_s: float = 5) -> dict[str, str]:
            raise OSError("systemctl show web.service: no end within 5 s")

    found = _sight({"kind": "unit", "unit": "web.service"}, Silent())
    assert not found.ok
    assert "found systemctl show web.service: no end within 5 s, expected web.service active" in found.detail


def test_an_answer_nobody_thought_of_is_bad() -> None:
    """A broken probe is a failed one, not a crash of the program."""
    over = Ending(lambda own: own.asked > 1, {"NRestarts": "many"})
    result = _run(END, systemd=over)["unit"]
    assert "found that the probe broke (ValueError" in result["detail"]


# --- unit ------------------------------------------------------------------------------------------------------------


def test_a_crash_ends_the_round_at_once() -> None:
    """A unit that died is not waited for, and is what the refusal names."""
    systemd = Systemd({}, {}, {"NRestarts": "1", "ExecMainStatus": "3"})
    with serving(says(b"")) as port:
        began = time.monotonic()
        results = _run(_http(port, over_s=PATIENT_S), systemd=systemd)
    assert time.monotonic() - began < AT_ONCE_S
    assert results["unit"]["state"] == "crashed"
    refusal = probes.verdict(list(results.values()), started_after=True)
    assert refusal is not None
    assert refusal.code == "PROBE"
    assert refusal.message.startswith("probe 'unit': found that web.service died and was started again")
    assert refusal.facts["probes"] == ["unit", "page"]


def test_a_unit_that_takes_its_time() -> None:
    """Activating is bad, and then it is good."""
    starting = {"ActiveState": "activating", "SubState": "start-pre", "MainPID": "0"}
    assert _run(systemd=Systemd(starting, starting, {}, {}, {}))["unit"]["ok"]


def test_a_main_process_that_changes_begins_again() -> None:
    """A process that is replaced once is watched anew; one that keeps changing never passes."""
    assert _run(systemd=Systemd({}, {"MainPID": "43"}))["unit"]["ok"]
    changing = Ending(lambda own: own.asked > 5, *({"MainPID": str(pid)} for pid in range(100)))
    result = _run(END, systemd=changing)["unit"]
    assert "main process of web.service changed" in result["detail"]


def test_a_unit_that_is_not_there() -> None:
    """An unknown unit is named as such."""
    found = _sight({"kind": "unit", "unit": "web.service"}, Systemd({"LoadState": "not-found"}))
    assert not found.ok
    assert "found a unit that systemd has not loaded (LoadState=not-found)" in found.detail


# --- the round -------------------------------------------------------------------------------------------------------


def test_without_probes_the_unit_is_watched() -> None:
    """A definition without any probe still finds a crash, even seconds after the start."""
    definition = {"root": "/nowhere", "unit": "web.service", "user": None, "probes": []}
    (probe,) = probes.probes_of(definition, "host")
    assert (probe.kind, probe.fields["unit"], probe.over_s, probe.in_a_row) == ("unit", "web.service", 5, 3)
    assert probes.probes_of(definition, "controller") == []
    systemd = Systemd({}, {"NRestarts": "1"})
    (result,) = probes.run(definition, RELEASE, None, PATIENT_S, "host", systemd)
    assert result["state"] == "crashed"


def test_each_place_runs_its_own() -> None:
    """The controller asks what is to be asked from there, and nothing else."""
    with serving(says(b"")) as port:
        outside = {**_http(port), "name": "outside", "from": "controller"}
        assert set(_run(_http(port), outside, place="controller")) == {"outside"}
        assert set(_run(_http(port), outside)) == {"page", "unit"}


def test_no_probes_no_time() -> None:
    """Nothing to ask is over at once."""
    began = time.monotonic()
    assert probes.run({"root": "/", "unit": "web.service", "probes": []}, None, None, PATIENT_S, "controller") == []
    assert time.monotonic() - began < AT_ONCE_S


def test_one_that_hangs_takes_no_time_from_others() -> None:
    """All are asked at the same time."""
    requests: list[int] = []

    def handle(connection: socket.socket, count: int) -> None:
        requests.append(count)
        says(b"")(connection, count)

    with serving(_hang) as stuck, serving(handle) as port:
        systemd = Ending(lambda _own: len(requests) > 2)
        results = _run(_http(stuck), {**_http(port), "name": "other"}, END, systemd=systemd)
    assert not results["page"]["ok"]
    assert results["other"]["ok"]


def test_results_are_plain() -> None:
    """Results travel as canonical JSON."""
    from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical

    with serving(says(b"\xff\x00\x1b[2J")) as port:
        results = list(_run(_http(port, body="y"), END, systemd=Ending(lambda own: own.asked > 2)).values())
    assert canonical.loads(canonical.dumps(results)) == results
    assert all(set(one) - {"life"} == {"name", "ok", "detail", "latency_ms", "saw_release", "state"} for one in results)


# --- before a change -------------------------------------------------------------------------------------------------


def _definition(*docs: dict[str, Any]) -> dict[str, Any]:
    return {"root": "/nowhere", "unit": "web.service", "user": None, "probes": list(docs)}


def test_quick_needs_one_good_answer() -> None:
    """A service that is well says so at once, whatever its probes ask for after a switch."""
    with serving(says(b"2.3.0")) as port:
        began = time.monotonic()
        definition = _definition(_http(port, over_s=PATIENT_S, in_a_row=50, release="body"))
        results = probes.quick(definition, None, PATIENT_S, Systemd())  # type: ignore[arg-type]
    assert time.monotonic() - began < AT_ONCE_S
    assert [one["ok"] for one in results] == [True, True]


def test_quick_gives_up_after_some_tries() -> None:
    """A sick service is named without waiting for the budget; one flake is no sickness."""

    def handle(connection: socket.socket, count: int) -> None:
        says(b"", "500 Oops" if count == 1 else "200 OK")(connection, count)

    with serving(handle) as flaky, serving(says(b"", "500 Oops")) as sick:
        began = time.monotonic()
        definition = _definition(_http(flaky), {**_http(sick), "name": "sick"})
        results = probes.quick(definition, None, PATIENT_S, Systemd())  # type: ignore[arg-type]
    assert time.monotonic() - began < AT_ONCE_S
    assert [one["ok"] for one in results] == [True, False, True]
    assert f"(try {probes.QUICK_TRIES}, in " in results[1]["detail"]


def test_quick_leaves_logs_out() -> None:
    """What a log said at the switch may be long gone."""
    log = {"kind": "log", "unit": "web.service", "pattern": "never"}
    results = probes.quick(_definition(log), None, 5, Systemd())  # type: ignore[arg-type]
    assert [one["name"] for one in results] == ["unit web.service (always)"]


# --- verdict ---------------------------------------------------------------------------------------------------------

GOOD = {"name": "a", "ok": True, "detail": "found x", "latency_ms": 1, "saw_release": False, "state": "good"}
SEEN = {**GOOD, "name": "b", "saw_release": True}
BAD = {**GOOD, "name": "c", "ok": False, "detail": "found x, expected y", "state": "bad"}

VERDICTS = [
    ("seen by a probe", [GOOD, SEEN], False, None),
    ("started after", [GOOD], True, None),
    ("not seen", [GOOD], False, "RELEASE_UNSEEN"),
    ("nobody knows", [GOOD], None, "RELEASE_UNSEEN"),
    ("no probe, no start", [], None, "RELEASE_UNSEEN"),
    ("bad beats seen", [SEEN, BAD], True, "PROBE"),
]


@pytest.mark.parametrize(
    ("results", "started_after", "code"), [case[1:] for case in VERDICTS], ids=[case[0] for case in VERDICTS]
)
def test_verdicts(results: list[dict[str, Any]], started_after: bool | None, code: str | None) -> None:
    """Good, seen or started: else a refusal with its code."""
    refusal = probes.verdict(results, started_after)
    assert (None if refusal is None else refusal.code) == code


def test_a_verdict_names_what_failed() -> None:
    """The message has the probe, what was found and expected, and how many more."""
    refusal = probes.verdict([SEEN, BAD, {**BAD, "name": "d"}], True)
    assert refusal is not None
    assert refusal.message == "probe 'c': found x, expected y; 1 more did not pass"


# --- the start of a unit's process -----------------------------------------------------------------------------------


def _started(us: str) -> Any:
    return Systemd({"ExecMainStartTimestampMonotonic": us})


def test_when_a_process_was_started() -> None:
    """The moment that systemd tells is moved to the boot clock before it is compared."""
    now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert unit_started_after("web.service", boottime_ms() - 60_000, _started(str(now_us))) is True
    assert unit_started_after("web.service", boottime_ms() + 60_000, _started(str(now_us))) is False


@pytest.mark.parametrize("us", ["0", "", "never"])
def test_when_nobody_knows_the_start(us: str) -> None:
    """No start time is neither yes nor no."""
    assert unit_started_after("web.service", 0, _started(us)) is None


# --- the time of an earlier run

LIFE = {**RUNNING, "ActiveEnterTimestampMonotonic": "1000"}
LONG = {"kind": "unit", "unit": "web.service", "name": "unit", "in_a_row": 2, "over_s": PATIENT_S, "every_ms": 50}
WATCHED = {"web.service": ["0", "42", "1000"]}


def _again(lives: Any, *answers: dict[str, str], looks: int = 5) -> dict[str, Any]:
    """The unit's result of a run after one that saw these lives: at once, or after some looks."""
    doc = {"root": "/opt/web", "unit": "web.service", "probes": [LONG, END]}
    systemd = Ending(lambda own: own.asked > looks, *answers or (LIFE,))
    return probes.run(doc, None, None, PATIENT_S, systemd=systemd, lives=lives)[0]


def test_time_that_an_earlier_run_has_waited_counts_once() -> None:
    """While the same process runs: only the answers in a row are asked for. What a run saw is for the next."""
    result = _again(WATCHED)
    assert (result["ok"], result["life"]) == (True, WATCHED["web.service"])
    doc = {"root": "/opt/web", "unit": "web.service", "probes": [LONG]}
    assert probes.lives_of(doc, [result]) == WATCHED


@pytest.mark.parametrize(
    "now",
    [{"MainPID": "43"}, {"ActiveEnterTimestampMonotonic": "2000"}],
    ids=["another main process", "another start"],
)
def test_another_life_takes_its_time(now: dict[str, str]) -> None:
    """What runs now was not watched before."""
    result = _again(WATCHED, {**LIFE, **now})
    assert (result["ok"], result["state"]) == (False, "short")


def test_a_restart_since_the_earlier_run_is_a_crash() -> None:
    """It is found at the first look, although the process that runs now has not crashed."""
    result = _again(WATCHED, {**LIFE, "NRestarts": "1", "MainPID": "43"})
    assert (result["ok"], result["state"]) == (False, "crashed")
    assert "restarts grew from 0 to 1" in result["detail"]


def test_a_bad_answer_takes_the_earlier_time_back() -> None:
    """After it the whole time is waited for."""
    bad = {**LIFE, "ActiveState": "reloading"}
    result = _again(WATCHED, LIFE, bad, LIFE)
    assert (result["ok"], result["state"]) == (False, "short")


def test_without_an_earlier_run_nothing_is_vouched_for() -> None:
    """No lives: the whole time."""
    assert _again(None)["state"] == "short"
    assert _again({})["state"] == "short"

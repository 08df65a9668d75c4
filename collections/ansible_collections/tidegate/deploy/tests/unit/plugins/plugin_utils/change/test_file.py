# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change file means what it looks like, and each mistake in it is named with its line."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import file

PLACE = "/site/changes/web.yml"
SHA256 = "a" * 64
SMALLEST = "service: web\nrelease: 2.4.0\nartifact: {file: ../dist/web-2.4.0.tar.gz}\n"
FULL = f"""
service: web
release: 2.4.0
artifact:
  url: https://files.example.com/web-2.4.0.tar.gz?x=1
  sha256: {SHA256}
  size: 1234
  allow_hosts: [cdn.example.com, files.example.com]
  strip: 1
id: CHG-2026-0007
title: "Größer als 100 %: {{{{ nothing }}}}"
hosts: [web2, web1]
waves: [[web2], [web1]]
floor: 50%
budget: 1
back_for: 12h
on_failure: pause
catch_up_for: 3d
type: emergency
risk: high
reason: it burns
author: ada
requester: bob+ci@example.com
max_runtime: 2h
"""


def refused(text):
    """The refusal of a text."""
    with pytest.raises(Refusal) as caught:
        file.parse(text, PLACE)
    return caught.value


def test_the_smallest_change():
    """Three lines are enough; everything else has its default."""
    assert file.ChangeFile(
        place=PLACE,
        service="web",
        release="2.4.0",
        artifact=file.ArtifactSource(kind="file", path="/site/dist/web-2.4.0.tar.gz"),
        budget=0,
        back_for_s=604800,
    ) == file.parse(SMALLEST, PLACE)


def test_a_release_that_hosts_keep_needs_no_artifact():
    """Two lines are enough to go to it; what a failure does is said in every plan."""
    change = file.parse("service: web\nrelease: 2.3.0\n", PLACE)

    assert (change.artifact, change.on_failure, change.catch_up_for_s) == (None, "rollback", 604800)


def test_every_key():
    """Each key of a change file is read."""
    change = file.parse(FULL, PLACE)

    assert "CHG-2026-0007" == change.id
    assert "Größer als 100 %: {{ nothing }}" == change.title
    assert ("web2", "web1") == change.hosts
    assert (("web2",), ("web1",)) == change.waves
    assert ("50%", 1, 43200) == (change.floor, change.budget, change.back_for_s)
    assert ("pause", 3 * 86400) == (change.on_failure, change.catch_up_for_s)
    assert ("emergency", "high", "it burns") == (change.type, change.risk, change.reason)
    assert ("ada", "bob+ci@example.com", 7200) == (change.author, change.requester, change.max_runtime_s)
    assert (
        file.ArtifactSource(
            kind="url",
            url="https://files.example.com/web-2.4.0.tar.gz?x=1",
            sha256=SHA256,
            size_bytes=1234,
            allow_hosts=("files.example.com:443", "cdn.example.com", "files.example.com"),
            strip=1,
        )
        == change.artifact
    )
    assert "web-2.4.0.tar.gz" == change.artifact.name
    assert "https://files.example.com/web-2.4.0.tar.gz?…" == change.artifact.shown


@pytest.mark.parametrize(
    ("text", "release"),
    [("2.40", "2.40"), ("1.10", "1.10"), ("7", "7"), ("2024-01-02", "2024-01-02"), ("1e3", "1e3"), ("010", "010"),
     ("1_000", "1_000"), ("0x10", "0x10"), ("no", "no"), ("'2.4'", "2.4"), ("12345678901234567890", "12345678901234567890")],
)  # fmt: skip
def test_a_version_is_the_text_that_it_looks_like(text, release):
    """No version turns into a fraction, a date, an octal number or a boolean."""
    assert release == file.parse(SMALLEST.replace("2.4.0\n", f"{text}\n"), PLACE).release


@pytest.mark.parametrize(
    ("path", "resolved"),
    [("web.tgz", "/site/changes/web.tgz"), ("/srv/web.tgz", "/srv/web.tgz"), ("./../a/b", "/site/a/b")],
)
def test_relative_paths_start_at_the_change_file(path, resolved):
    """A path in a change file does not depend on where the command is run."""
    text = SMALLEST.replace("../dist/web-2.4.0.tar.gz", path)

    assert resolved == file.parse(text, PLACE).artifact.path


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("90m", 5400), ("12h", 43200), ("7d", 604800)])
def test_durations(text, seconds):
    """A duration is a number and one of s, m, h and d."""
    assert seconds == file.parse(f"{SMALLEST}back_for: {text}\n", PLACE).back_for_s


def test_sizes_and_patterns():
    """Waves may be sizes, and hosts a pattern."""
    change = file.parse(SMALLEST + 'hosts: "web:!old"\nwaves: [1, "25%", 50%, rest]\nfloor: 3\n', PLACE)

    assert ("web:!old", (1, "25%", "50%", "rest"), 3) == (change.hosts, change.waves, change.floor)


URL = "service: web\nrelease: 1\nartifact:\n  url: {url}\n  sha256: " + SHA256 + "\n"
BAD = {
    "empty": ("", ": the document: found nothing, expected a mapping with service, and release and artifact, or tasks"),
    "only a comment": ("# nothing\n", ": the document: found nothing"),
    "a list": ("- a\n", ":1: the document: found a list of 1, expected a mapping"),
    "not YAML": ("service: [\n", ":2: not YAML: while parsing a flow"),
    "two documents": (f"{SMALLEST}---\na: b\n", ":4: not YAML: expected a single document"),
    "a tab": ("service: web\n\tx: y\n", ":2: not YAML"),
    "a control character": ("a: \x01", ": not YAML: unacceptable character #x0001"),
    "nested without end": ("[" * 5000, ": nested too deeply"),
    "unknown key": (f"{SMALLEST}wave: [1]\n", ":4: wave: found an unknown key, expected one of service, "),
    "nearest key": (f"{SMALLEST}wave: [1]\n", "; did you mean waves?"),
    "unknown key in artifact": (SMALLEST.replace("{file", "{sha: x, file"), ":3: artifact.sha: found an unknown key"),
    "a key twice": (
        f"{SMALLEST}service: api\n",
        ":4: service: found the key a second time, expected it once; see line 1",
    ),
    "a key that is no text": ("1: a\n", ":1: the document: found a key that is not text"),
    "no service": ("release: 1\nartifact: {file: a}\n", ": service: found nothing, expected a service that"),
    "null service": (SMALLEST.replace("web\n", "\n", 1), ":1: service: found nothing, expected a service that"),
    "no release": ("service: web\nartifact: {file: a}\n", ": release: found nothing, expected a version such as 2.4.0"),
    "slash in release": (SMALLEST.replace("2.4.0\n", "2/4\n"), ":2: release: found '2/4', expected a version"),
    "release too long": (SMALLEST.replace("2.4.0\n", "9" * 129 + "\n"), ":2: release: found '999"),
    "boolean release": (SMALLEST.replace("2.4.0\n", "true\n"), ":2: release: found true, expected a version"),
    "negative release": (SMALLEST.replace("2.4.0\n", "-1\n"), ":2: release: found -1, expected a version"),
    "newline in release": (
        SMALLEST.replace("2.4.0\n", '"2.4\\n"\n'),
        ":2: release: found '2.4\\n', expected a version",
    ),
    "only a service": ("service: web\n", ": release: found nothing, expected a version such as 2.4.0"),
    "unknown policy": (f"{SMALLEST}on_failure: stop\n", ": on_failure: found 'stop', expected rollback, pause or keep"),
    "no time to catch up": (f"{SMALLEST}catch_up_for: 0d\n", ": catch_up_for: found '0d', expected how long"),
    "a century to catch up": (
        f"{SMALLEST}catch_up_for: 36500d\n",
        "catch_up_for: found '36500d', expected at most 3650d",
    ),
    "empty artifact": (
        "service: web\nrelease: 1\nartifact: {}\n",
        ":3: artifact: found an empty mapping, expected either",
    ),
    "file and url": (
        SMALLEST.replace("{", "{url: 'http://a/b', "),
        ":3: artifact: found both file and url, expected either",
    ),
    "size of a file": (SMALLEST.replace("{", "{size: 1, "), ":3: artifact.size: found it beside file"),
    "short digest": (SMALLEST.replace("{", "{sha256: abc, "), ":3: artifact.sha256: found 'abc', expected a SHA-256"),
    "upper-case digest": (SMALLEST.replace("{", "{sha256: %s, " % ("A" * 64)), ":3: artifact.sha256: found 'AAA"),
    "url without digest": (
        "service: web\nrelease: 1\nartifact: {url: http://a/b}\n",
        ":3: artifact.sha256: found nothing",
    ),
    "ftp": (URL.format(url="ftp://a/b"), ":4: artifact.url: found 'ftp://a/b', expected an http or https URL"),
    "password": (
        URL.format(url="http://u:p@a/b"),
        ":4: artifact.url: found 'http://…@a/b', expected an http or https",
    ),
    "no path": (
        URL.format(url="http://a"),
        ":4: artifact.url: found 'http://a', expected an http or https URL of a file",
    ),
    "folder": (URL.format(url="http://a/b/"), ":4: artifact.url: found 'http://a/b/', expected the URL of a file"),
    "bad port": (
        URL.format(url="http://a:99999/b"),
        ":4: artifact.url: found 'http://a:99999/b', expected a plain http",
    ),
    "odd character": (
        URL.format(url="http://a/ä"),
        ":4: artifact.url: found 'http://a/ä', expected a plain http or https",
    ),
    "strip": (SMALLEST.replace("{", "{strip: 99, "), ":3: artifact.strip: found 99, expected how many leading folders"),
    "id": (f"{SMALLEST}id: web-1\n", ":4: id: found 'web-1', expected the id of a change, such as CHG-2026-0007"),
    "title of two lines": (f'{SMALLEST}title: "a\\nb"\n', ":4: title: found 'a\\nb', expected one line"),
    "host that is no text": (f"{SMALLEST}hosts: [a, 1]\n", ":4: hosts[1]: found 1, expected the name of a host"),
    "waves that are no list": (f"{SMALLEST}waves: 1\n", ":4: waves: found 1, expected sizes such as"),
    "wave of a word": (
        f"{SMALLEST}waves:\n  - 1\n  - some\n",
        ":6: waves[1]: found 'some', expected a number of hosts",
    ),
    "wave of a number in a list": (
        f"{SMALLEST}waves: [[1]]\n",
        ":4: waves[0][0]: found 1, expected the name of a host",
    ),
    "floor": (f"{SMALLEST}floor: half\n", ":4: floor: found 'half', expected how many hosts stay up"),
    "budget": (f"{SMALLEST}budget: -1\n", ":4: budget: found -1, expected how many hosts may fail"),
    "duration without unit": (f"{SMALLEST}back_for: 7\n", ":4: back_for: found 7, expected how long the way back"),
    "duration of 0": (f"{SMALLEST}back_for: 0d\n", ":4: back_for: found '0d'"),
    "duration of centuries": (f"{SMALLEST}back_for: 99999d\n", ":4: back_for: found '99999d', expected at most 3650d"),
    "vault": (
        SMALLEST.replace("2.4.0\n", "!vault |\n  abc\n"),
        ":2: release: found the tag !vault, expected plain YAML",
    ),
    "python": (SMALLEST.replace("2.4.0\n", "!!python/name:os.system\n"), ":2: release: found the tag !!python/name:os"),
    "binary": (SMALLEST.replace("2.4.0\n", "!!binary YQ==\n"), ":2: release: found the tag !!binary"),
    "merge key": (f"x: &x {{a: b}}\n{SMALLEST}<<: *x\n", ':5: ["<<"]: found an unknown key'),
    "alias of itself": ("service: &a [*a]\n", "found more than 10000 values or 64 levels"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_files(text, message):
    """Each mistake is refused with file, line, path, what was found and what was expected."""
    refusal = refused(text)

    assert "DATA" == refusal.code
    assert f"{PLACE}" in refusal.message
    assert message in refusal.message


WANTED_WRONGLY = {
    "no such type": ("type: urgent", "type: found 'urgent', expected standard, normal or emergency"),
    "no such risk": ("risk: none", "risk: found 'none', expected low, medium or high"),
    "an emergency without a reason": (
        "type: emergency",
        "reason: found nothing, expected why this emergency cannot wait",
    ),
    "a reason that says nothing": (
        "type: emergency\nreason: ' '",
        "reason: found nothing, expected why this emergency",
    ),
    "a reason of two lines": ('reason: "a\\nb"', "reason: found 'a\\nb', expected why the change is made: one line"),
    "nobody": ("author: '*'", "author: found '*', expected who made what is rolled out: the name of a person"),
    "for ever": ("max_runtime: 99999d", "max_runtime: found '99999d', expected at most 3650d"),
}


@pytest.mark.parametrize(("more", "told"), WANTED_WRONGLY.values(), ids=WANTED_WRONGLY)
def test_who_wants_a_change_and_why_is_said_exactly(more, told):
    """Types and risks are words of a list, reasons one line, people names; an emergency explains itself."""
    assert told in refused(f"{SMALLEST}{more}\n").message


def test_aliases_cannot_grow_without_end():
    """A few lines of aliases of aliases are refused before they fill the memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert "aliases counted in" in refused("\n".join(lines)).message


def test_all_mistakes_are_told_at_once():
    """One refusal names all mistakes, a line each, in the order of the file."""
    keys = ("file", "url", "sha256", "size", "allow_hosts", "strip")
    refusal = refused("service: web\nrelease: a/b\nartifact: {fil: x}\nbudget: x\n")

    assert [
        f"{PLACE}:2: release: found 'a/b', expected a version such as 2.4.0: letters, digits and . _ + -, at most 128",
        f"{PLACE}:3: artifact.fil: found an unknown key, expected one of {', '.join(keys)}; did you mean file?",
        f"{PLACE}:4: budget: found 'x', expected how many hosts may fail: a number, 0 or more",
    ] == refusal.message.splitlines()
    assert ["release", "artifact.fil", "budget"] == [problem["path"] for problem in refusal.facts["problems"]]


def test_very_many_mistakes_are_cut():
    """The tenth mistake is the last that is told in full."""
    refusal = refused(SMALLEST + "".join(f"x{number}: 1\n" for number in range(15)))

    assert 11 == len(refusal.message.splitlines())
    assert refusal.message.endswith("and 5 more")


def test_a_window_is_read_as_moments():
    """Times are those of clocks in its zone; a date as an end reaches to the end of that day."""
    text = f"{SMALLEST}window: {{not_before: 2026-11-28T22:00, not_after: 2026-11-29, zone: Europe/Berlin}}\n"

    assert {"not_before": "2026-11-28T21:00:00Z", "not_after": "2026-11-29T23:00:00Z"} == file.parse(text, PLACE).window
    assert file.parse(SMALLEST, PLACE).window is None


WINDOWS = {
    "{}": "window: found an empty mapping, expected {not_before: MOMENT",
    "tonight": "window: found 'tonight', expected {not_before: MOMENT",
    "{not_before: 22:00}": "window.not_before: found '22:00', expected the first moment: a date or a moment",
    "{not_after: 2027-02-29}": "window.not_after: found '2027-02-29', expected a day and time that there is",
    "{not_after: 2026-01-01, zone: Mars/Base}": "window.zone: found 'Mars/Base', expected a time zone",
    "{not_before: 2026-01-02, not_after: 2026-01-01}": "window.not_after: found '2026-01-01', expected a time after",
    "{form: 2026-01-01}": "window.form: found an unknown key",
}


@pytest.mark.parametrize(("window", "message"), WINDOWS.items())
def test_a_wrong_window_is_named(window, message):
    """A window that is not understood is refused by name, because leaving it out silently would run at any time."""
    refusal = refused(f"{SMALLEST}window: {window}\n")

    assert "DATA" == refusal.code
    assert message in refusal.message


def test_read_a_file(tmp_path, monkeypatch):
    """A file is read from the working directory, and named by its absolute path; a byte order mark is no harm."""
    (tmp_path / "web.yml").write_text(SMALLEST, encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)

    change = file.read("web.yml")

    assert str(tmp_path / "web.yml") == change.place
    assert str(tmp_path.parent / "dist/web-2.4.0.tar.gz") == change.artifact.path


UNREADABLE = {
    "missing": (lambda path: None, "No such file or directory"),
    "folder": (lambda path: path.mkdir(), "found no regular file"),
    "too large": (lambda path: path.write_bytes(b"#" * (file.MAX_BYTES + 1)), "found more than 262144 bytes"),
    "not UTF-8": (lambda path: path.write_bytes(b"a: b\nc: \xff\n"), ":2: found bytes that are not UTF-8"),
}


@pytest.mark.parametrize(("make", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_files(tmp_path, make, message):
    """What cannot be read as a change file is refused with its resolved path."""
    make(tmp_path / "web.yml")

    with pytest.raises(Refusal) as caught:
        file.read(str(tmp_path / "web.yml"))

    assert "DATA" == caught.value.code
    assert str(tmp_path / "web.yml") in caught.value.message
    assert message in caught.value.message

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change file: what somebody wants to become of a service, in a few lines of YAML.

The file is read once, and all that is wrong with it is told in one refusal, each problem with its line.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.urls import Url
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import payload, strict_yaml
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import CHANGE, TAKE_BACK, WINDOW
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY, NORMAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import moment_of, utc_text, zone_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import (
    Problem,
    problems,
    refuse,
    shown,
)

MAX_BYTES = 256 * 1024
TASKS_RELEASE, PLAYBOOK_RELEASE = "tasks", "playbook"
"""What a change that carries tasks is called on hosts, unless its file gives a release; and one that carries a playbook."""

BACK_FOR_S = 7 * 86400
CATCH_UP_FOR_S = 7 * 86400
MOST_BACK_FOR_S = 3650 * 86400

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_URL_ONLY = ("size", "allow_hosts")


@dataclass(frozen=True)
class ArtifactSource:
    """Where the bytes of a release come from.

    Args:
        kind: ``file`` or ``url``.
        path: of the file, absolute; empty for a URL.
        url: of the artifact; empty for a file.
        sha256: the digest that the bytes must have; always there for a URL.
        size_bytes: the size that they must have, where the change file says it.
        allow_hosts: web servers that may be asked, as ``host`` or ``host:port``; for a URL at least its own.
        strip: leading folders of the archive to leave out.
    """

    kind: str
    path: str = ""
    url: str = ""
    sha256: str | None = None
    size_bytes: int | None = None
    allow_hosts: tuple[str, ...] = ()
    strip: int = 0

    @property
    def name(self) -> str:
        """The name of the artifact's file."""
        return os.path.basename(self.path or urlsplit(self.url).path)

    @property
    def shown(self) -> str:
        """The path or URL for people, without what a URL's query may give away."""
        return self.path or str(Url.parse(self.url))


@dataclass(frozen=True)
class ChangeFile:
    """A change file that has been checked. What it leaves out is None, where only the inventory or a policy can say.

    Args:
        place: the file's absolute path.
        service: the service that changes.
        release: the version that it changes to.
        artifact: where its bytes come from; None where the hosts keep the release, or the change carries tasks.
        tasks: the site's own tasks that it carries instead of a release.
        once: tasks that run once per change.
        playbook: the absolute path of a playbook that somebody runs under the gate, instead of a release or tasks.
        id: the change that this file is, when it pins one.
        title: what people call the change.
        type: one of `policy_schema.TYPES`.
        risk: one of `policy_schema.RISKS`, when somebody has judged it.
        reason: why the change is made; an emergency has one.
        author: who made what is rolled out.
        requester: who wants the change.
        max_runtime_s: for how many seconds a rollout begins new waves; None for as long as it takes.
        hosts: names of hosts, an inventory pattern, or None for the service's own.
        waves: sizes or lists of names; None for the default.
        floor: hosts that stay up, as a number or a percentage; None for the default.
        budget: hosts that may fail.
        back_for_s: how long the way back stays open, in seconds.
        on_failure: what a rollout that fails does: one of `file_schema.POLICIES`.
        catch_up_for_s: how long hosts that were down can be caught up, in seconds.
        window: when it may run, as ``not_before`` and ``not_after`` in UTC, either of them or None; None for any time.
    """

    place: str
    service: str
    release: str
    artifact: ArtifactSource | None
    tasks: payload.Tasks | None = None
    once: tuple[payload.Once, ...] = ()
    playbook: str | None = None
    id: str | None = None
    title: str | None = None
    type: str = NORMAL
    risk: str | None = None
    reason: str | None = None
    author: str | None = None
    requester: str | None = None
    max_runtime_s: int | None = None
    hosts: tuple[str, ...] | str | None = None
    waves: tuple[int | str | tuple[str, ...], ...] | None = None
    floor: int | str | None = None
    budget: int = 0
    back_for_s: int = BACK_FOR_S
    on_failure: str = TAKE_BACK
    catch_up_for_s: int = CATCH_UP_FOR_S
    window: Mapping[str, str | None] | None = None


def read(path: str) -> ChangeFile:
    """The change in a file.

    Args:
        path: of the file; relative to the working directory.

    Raises:
        Refusal: DATA, naming file, line, path, what was found and what was expected.
    """
    return parse(_text_of(path), os.path.abspath(path))


def parse(text: str, place: str) -> ChangeFile:
    """The change in a text.

    Args:
        text: YAML.
        place: absolute path of the file that it is from; relative paths in it start there.

    Raises:
        Refusal: as `read`.
    """
    document = strict_yaml.parse(text, place)
    found = problems(document.value, CHANGE)
    refuse(place, found or _rules(document.value), document.lines)
    return _change(document.value, place)


def duration_s(text: str) -> int:
    """The seconds in a duration such as ``7d``, ``12h``, ``90m`` or ``30s``, which the schema has checked."""
    return int(text[:-1]) * _UNITS[text[-1]]


def _text_of(path: str) -> str:
    place = os.path.abspath(path)
    try:
        if not stat.S_ISREG(os.stat(place).st_mode):
            raise Refusal("DATA", f"{place}: found no regular file, expected a change file", place=place)
        with open(place, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refusal("DATA", f"{place}: {error.strerror}; expected a change file", place=place) from None
    if len(data) > MAX_BYTES:
        raise Refusal("DATA", f"{place}: found more than {MAX_BYTES} bytes, expected a change file", place=place)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refusal("DATA", f"{place}:{line}: found bytes that are not UTF-8", place=place) from None


def _rules(value: dict[str, Any]) -> list[Problem]:
    """What a schema cannot say."""
    most = f"at most {MOST_BACK_FOR_S // 86400}d"
    times = [
        key
        for key in ("back_for", "catch_up_for", "max_runtime")
        if key in value and duration_s(value[key]) > MOST_BACK_FOR_S
    ]
    unexplained = value.get("type") == EMERGENCY and not str(value.get("reason", "")).strip()
    return [
        *([Problem(("reason",), "nothing", "why this emergency cannot wait")] if unexplained else []),
        *_payload_rules(value),
        *payload.rules(value),
        *(Problem((key,), shown(value[key]), most) for key in times),
        *([Problem(("window",), shown(value["window"]), WINDOW["description"])] if _no_moment(value) else []),
    ]


def _no_moment(value: dict[str, Any]) -> bool:
    return "window" in value and not value["window"].keys() & {"not_before", "not_after"}


def _payload_rules(value: dict[str, Any]) -> list[Problem]:
    """A change carries either a release or tasks, of which the release is only a name; hosts may keep a release already."""
    if "playbook" in value:
        others = [key for key in ("release", "artifact", "tasks", "once") if key in value]
        return [Problem((key,), "it beside playbook", "either of them") for key in others]
    if "tasks" in value:
        return [Problem(("artifact",), "it beside tasks", "either of them")] if "artifact" in value else []
    if "release" not in value:
        return [Problem(("release",), "nothing", str(CHANGE["properties"]["release"]["description"]))]
    return _artifact_rules(value["artifact"]) if "artifact" in value else []


def _artifact_rules(artifact: dict[str, Any]) -> list[Problem]:
    place = ("artifact",)
    if ("file" in artifact) == ("url" in artifact):
        both = "both file and url" if "file" in artifact else shown(artifact)
        return [Problem(place, both, "either {file: PATH} or {url: URL, sha256: DIGEST}")]
    if "file" in artifact:
        return [Problem((*place, key), "it beside file", "it beside url only") for key in _URL_ONLY if key in artifact]
    found = []
    if "sha256" not in artifact:
        found.append(Problem((*place, "sha256"), "nothing", "the SHA-256 digest of what the URL gives"))
    expected = _url_problem(artifact["url"])
    if expected:
        found.append(Problem((*place, "url"), shown(artifact["url"]), expected))
    return found


def _url_problem(text: str) -> str | None:
    """What was expected instead of a URL, or None when it is right."""
    try:
        url = Url.parse(text)
    except Refusal as error:
        return f"a plain http or https URL ({error.message})"
    return "the URL of a file, not of a folder" if url.request.partition("?")[0].endswith("/") else None


def _change(value: dict[str, Any], place: str) -> ChangeFile:
    hosts, waves = value.get("hosts"), value.get("waves")
    return ChangeFile(
        place=place,
        service=value["service"],
        release=str(value.get("release", PLAYBOOK_RELEASE if "playbook" in value else TASKS_RELEASE)),
        artifact=_artifact(value["artifact"], place) if "artifact" in value else None,
        tasks=payload.tasks_in(value, place),
        once=payload.once_in(value, place),
        playbook=_beside(value["playbook"], place) if "playbook" in value else None,
        id=value.get("id"),
        title=value.get("title"),
        type=value.get("type", NORMAL),
        risk=value.get("risk"),
        reason=value.get("reason"),
        author=value.get("author"),
        requester=value.get("requester"),
        max_runtime_s=duration_s(value["max_runtime"]) if "max_runtime" in value else None,
        hosts=tuple(hosts) if isinstance(hosts, list) else hosts,
        waves=None if waves is None else tuple(tuple(w) if isinstance(w, list) else w for w in waves),
        floor=value.get("floor"),
        budget=value.get("budget", 0),
        back_for_s=duration_s(value["back_for"]) if "back_for" in value else BACK_FOR_S,
        on_failure=value.get("on_failure", TAKE_BACK),
        catch_up_for_s=duration_s(value["catch_up_for"]) if "catch_up_for" in value else CATCH_UP_FOR_S,
        window=_window(value["window"], place) if "window" in value else None,
    )


def _window(value: dict[str, str], place: str) -> dict[str, str | None]:
    zone = zone_of(value.get("zone", "UTC"), f"{place}: window.zone")
    begins, ends = (
        moment_of(value[key], zone, f"{place}: window.{key}", ends=key == "not_after") if key in value else None
        for key in ("not_before", "not_after")
    )
    if begins and ends and ends <= begins:
        raise Refusal(
            "DATA",
            f"{place}: window.not_after: found {value['not_after']!r}, expected a time after {value['not_before']!r}",
        )
    return {key: utc_text(at) if at else None for key, at in (("not_before", begins), ("not_after", ends))}


def _beside(path: str, place: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(place), os.path.expanduser(path)))


def _artifact(value: dict[str, Any], place: str) -> ArtifactSource:
    common = {"sha256": value.get("sha256"), "strip": value.get("strip", 0)}
    if "file" in value:
        return ArtifactSource(kind="file", path=_beside(value["file"], place), **common)
    url = value["url"]
    allowed = (*Url.parse(url).own_hosts, *value.get("allow_hosts", ()))
    return ArtifactSource(
        kind="url", url=url, size_bytes=value.get("size"), allow_hosts=tuple(dict.fromkeys(allowed)), **common
    )

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a change for people: a summary on the terminal, and Markdown in which no text of anybody's is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import STATUSES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, listed, printable

_MOST = 8


def history_text(whole: Mapping[str, Any]) -> str:
    """The record in a block."""
    content = whole["record"]
    change = content["change"]
    return block(
        f"{change['id']}: {content['verdict']}",
        [
            (
                "change",
                f"{change['service']} in {change['environment']}, planned {change['created_at']} from {change['source']}",
            ),
            ("plan", f"revision {change['revision']} of {len(content['plans'])}, digest {_digest(content)}"),
            ("decided", [_decision(row) for row in content["decisions"]]),
            ("refused", [f"{row['at']} {row['by']}: {row['code']}" for row in content["refused"]][-_MOST:]),
            ("moves", [_move(move) for move in content["moves"]]),
            ("runs", [_run(run) for run in content["runs"]]),
            ("playbooks", [_playbook(run) for run in content["playbooks"]][-_MOST:]),
            ("deviations", [_deviation(one) for one in content["deviations"]][:_MOST]),
            ("proof", _proof(whole)),
        ],
    )


def recent_text(document: Mapping[str, Any]) -> str:
    """The recorded runs of playbooks of the site's own in a block."""
    runs = document["playbooks"]
    title = "recorded runs of playbooks" if runs else "no run of a playbook was recorded"
    return block(title, [("newest" if not at else "", _playbook(run)) for at, run in enumerate(runs)])


def recent_markdown(document: Mapping[str, Any]) -> str:
    """The same as a Markdown page."""
    return "\n".join(["# Recorded runs of playbooks", "", *_playbooks(document["playbooks"])]) + "\n"


def history_markdown(whole: Mapping[str, Any]) -> str:
    """The record as a Markdown page."""
    return "\n".join(_page(whole)) + "\n"


def code(text: object) -> str:
    """Any text as a code span of one line: no markup, mention, link or HTML in it means anything."""
    shown = printable(text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if shown else ""


def _page(whole: Mapping[str, Any]) -> Iterator[str]:
    content = whole["record"]
    change = content["change"]
    yield from (f"# Change {code(change['id'])}", "", f"Verdict: **{code(content['verdict'])}**", "")
    yield from _rows(("what", ""), [(name, change[name]) for name in ("service", "environment", "state", "source")])
    yield from _rows(
        ("when", ""), [(name, change[name]) for name in ("created_at", "closed_at", "requested_by") if change[name]]
    )
    yield from _chapter("Plans", ("at", "by", "revision", "plan"), content["plans"])
    yield from _chapter(
        "Decisions", ("at", "person", "decision", "strength", "revision", "statement", "key"), content["decisions"]
    )
    yield from _chapter("Refused", ("at", "by", "code"), content["refused"])
    yield from _chapter("Moves", ("at", "actor", "event", "before", "after", "reason"), content["moves"])
    for run in content["runs"]:
        yield from (f"## Run: {code(run['verb'])} by {code(run['by'])}", "")
        yield from _rows(
            ("what", ""),
            [(name, run[name]) for name in ("started_at", "ended_at", "state", "code", "message") if run[name]],
        )
        yield from _table(("host", "wave", "step", "verdict", "code", "message"), run["hosts"])
        yield from _table(("at", "host", "step", "verdict", "code"), run["notes"])
    yield from _playbooks(content["playbooks"])
    yield from _chapter(
        "Deviations", ("what", "host", "run", "code", "message", "place", "count"), content["deviations"]
    )
    yield from ("## Proof", "", f"{code(_proof(whole))}", "")


def _playbooks(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for run in runs:
        yield from (f"## Playbook: {code(run['playbook'])} by {code(run['actor'])}", "")
        names = ("started_at", "ended_at", "change_id", "lost")
        yield from _rows(("what", ""), [(name, run[name]) for name in names if run[name]])
        yield from _table(("host", *STATUSES), run["hosts"])


def _chapter(title: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"## {title}", "")
    if rows:
        yield from _table(names, rows)
    else:
        yield from ("none", "")


def _table(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from _rows(names, [[_cell(row.get(name)) for name in names] for row in rows])


def _cell(value: Any) -> Any:
    return "" if value is None else value


def _rows(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(code(cell) for cell in row)} |"
    yield ""


def _digest(content: Mapping[str, Any]) -> str:
    return str(content["plans"][-1]["plan"]) if content["plans"] else "not in the ledger"


def _decision(row: Mapping[str, Any]) -> str:
    kept = row["evidence"]
    where = f", given in {kept['system']}:{kept['reference']}" if kept else ""
    return f"{row['at']} {row['person']}: {row['decision']} ({row['strength']}), revision {row['revision']}{where}"


def _move(move: Mapping[str, Any]) -> str:
    why = f", because {move['reason']}" if move["reason"] else ""
    return f"{move['at']} {move['actor']}: {move['event']}, {move['before']} → {move['after']}{why}"


def _run(run: Mapping[str, Any]) -> str:
    names = [host["host"] for host in run["hosts"] if host["touched"]]
    cause = f", {run['code']}" if run["code"] else ""
    touched = f"; touched {listed(names)}" if names else ""
    return f"{run['started_at']} {run['verb']} by {run['by']}: {run['state']}{cause}, {run['closed']} of {run['waves']} waves{touched}"


def _playbook(run: Mapping[str, Any]) -> str:
    counts = {status: sum(host[status] for host in run["hosts"]) for status in STATUSES}
    came_to = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    change = f" for {run['change_id']}" if run["change_id"] else ""
    lost = f"; {run['lost']} results are not recorded" if run["lost"] else ""
    hosts = listed([host["host"] for host in run["hosts"]]) or "no host"
    return f"{run['started_at']} {run['playbook']} by {run['actor']}{change}: {came_to or 'nothing'} on {hosts}{lost}"


def _deviation(one: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for name, value in one.items() if value is not None and name != "run")


def _proof(whole: Mapping[str, Any]) -> str:
    signed = (
        "signed by the log's key" if whole["signature"] else "not signed: it has not ended, or something happened since"
    )
    if whole["proof"] is None:
        return f"{signed}; the ledger has no checkpoint yet"
    lines = whole["proof"]["checkpoint"].split("\n")
    count = len(whole["proof"]["entries"])
    return f"{signed}; {count} entries proved to be in {lines[0]}, checkpoint of {lines[1]} entries"

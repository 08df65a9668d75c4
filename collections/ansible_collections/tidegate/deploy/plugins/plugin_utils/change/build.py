# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the parts of a change become its plan: one canonical document, with every default in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import ReleaseId
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.bundle import EMPTY, Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import CATCH_UP_FOR_S
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import (
    DEPLOY,
    REVIEW_WITHIN_S,
    Host,
    Plan,
    parse,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.retained import Retained
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import NORMAL


def build(
    *,
    service: str,
    environment: str,
    title: str | None,
    type: str = NORMAL,  # noqa: A002 - the word of the change file
    risk: str | None = None,
    reason: str | None = None,
    author: str | None = None,
    requester: str | None = None,
    rules: str | None = None,
    review_within_s: int = REVIEW_WITHIN_S,
    max_runtime_s: int | None = None,
    version: str,
    manifest: Manifest | Retained | None,
    artifact: Mapping[str, Any] | None,
    bundle: Bundle = EMPTY,
    hosts: Sequence[Host],
    waves: Sequence[Sequence[str]],
    floor: int,
    budget: int,
    back_for_s: int,
    on_failure: str = TAKE_BACK,
    catch_up_for_s: int = CATCH_UP_FOR_S,
    checks: Mapping[str, Any],
    limits: Mapping[str, Any],
    suites: Sequence[Mapping[str, str]] = (),
    window: Mapping[str, str | None] | None = None,
    action: str = DEPLOY,
) -> Plan:
    """Freeze everything that a change is into a plan.

    Args:
        service: the service that changes.
        environment: where.
        title: what people call the change, or None.
        type: one of `policy_schema.TYPES`.
        risk: one of `policy_schema.RISKS`, or None.
        reason: why the change is made, or None.
        author: who made what is rolled out, or None.
        requester: who wants the change, or None.
        rules: the digest of the rules by which it is approved; None where they ask nobody.
        review_within_s: how soon an emergency is reviewed, in seconds.
        max_runtime_s: for how many seconds a rollout begins new waves, or None.
        version: of the release.
        manifest: of the release, or what is known of one that hosts keep; None where the change carries tasks.
        bundle: the tasks that it carries.
        artifact: kind, name, sha256, size_bytes, strip, url and allow_hosts (`artifact.ResolvedArtifact.doc`); None where
            hosts keep the release, or the change carries tasks.
        hosts: the hosts of the change, in any order.
        waves: their names, wave by wave.
        floor: hosts that must stay up.
        budget: hosts that may fail.
        back_for_s: how long the way back stays open, in seconds.
        on_failure: what a rollout that fails does: one of `file_schema.POLICIES`.
        catch_up_for_s: how long hosts that were down can be caught up, in seconds.
        checks: thresholds of the pre-checks.
        limits: of unpacking.
        suites: the site's tests, as path and digest.
        window: when it may run, as ``not_before`` and ``not_after``; None for any time.
        action: `DEPLOY`, or `RUN` for a playbook of the site's own.

    Raises:
        Refusal: DATA or WAVES when the parts do not fit together.
    """
    definitions = {canonical.digest(host.definition): host.definition for host in hosts}
    by_name = {host.name: _host_doc(host) for host in hosts}
    ordered = [by_name[name] for wave in waves for name in wave if name in by_name]
    missing = [_host_doc(host) for host in hosts if not any(host.name in wave for wave in waves)]
    content: Manifest | Retained | Bundle = bundle if manifest is None else manifest
    return parse(
        {
            "v": 1,
            "action": action,
            "service": service,
            "environment": environment,
            "title": title,
            "type": type,
            "risk": risk,
            "reason": reason,
            "author": author,
            "requester": requester,
            "rules": rules,
            "review_within_s": review_within_s,
            "max_runtime_s": max_runtime_s,
            "release": {
                "version": version,
                "id": str(ReleaseId.of(version, content.digest)),
                "manifest": content.digest,
                "files": len(bundle.files) if manifest is None else manifest.files,
                "size_bytes": content.size_bytes,
            },
            "artifact": artifact,
            "tasks": bundle.tasks,
            "once": list(bundle.once),
            "files": bundle.files_doc,
            "definitions": definitions,
            "hosts": ordered + missing,
            "waves": [list(wave) for wave in waves],
            "floor": floor,
            "budget": budget,
            "back_for_s": back_for_s,
            "on_failure": on_failure,
            "catch_up_for_s": catch_up_for_s,
            "suites": list(suites),
            "window": window,
            "checks": checks,
            "limits": limits,
        }
    )


def _host_doc(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "definition": canonical.digest(host.definition),
        "previous": host.previous,
        "domain": host.domain,
    }

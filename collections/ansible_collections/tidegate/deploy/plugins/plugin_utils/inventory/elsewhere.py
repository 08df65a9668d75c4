# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems of ``tidegate_policy.elsewhere``, and where their credentials come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

MAX_SECRET_BYTES = 16 * 1024
TIMEOUT_S = 30
_EVERY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secret:
    """Where a secret is kept; it is read when it is used, and kept nowhere.

    Args:
        kind: env or file.
        where: the name of the variable, or the path.
        place: the key that says so, for errors.
    """

    kind: str
    where: str
    place: str

    def read(self) -> str:
        """The secret.

        Raises:
            Refusal: DATA, there is none, or one that cannot be sent. It never holds the secret.
        """
        found = (self._from_file() if self.kind == "file" else os.environ.get(self.where, "")).strip()
        if not found:
            raise Refusal("DATA", f"{self.place}: found nothing in {self._named}, expected a secret")
        if not (found.isascii() and found.isprintable()):
            raise Refusal("DATA", f"{self.place}: what {self._named} holds is not one line of plain ASCII characters")
        return found

    @property
    def _named(self) -> str:
        return f"the file {self.where}" if self.kind == "file" else f"the environment variable {self.where}"

    def _from_file(self) -> str:
        try:
            with Path(self.where).open("rb") as file:
                return file.read(MAX_SECRET_BYTES).decode("utf-8", "replace")
        except OSError as error:
            raise Refusal("DATA", f"{self.place}: {self.where}: {error.strerror}") from None


@dataclass(frozen=True)
class Create:
    """When and how a change is created in the other system.

    Args:
        environments: for changes of these; empty for all.
        kind: normal or emergency.
        fields: columns and values that the site wants in it.
    """

    environments: tuple[str, ...] = _EVERY
    kind: str = "normal"
    fields: Mapping[str, str] = field(default_factory=dict)

    def wanted(self, environment: str) -> bool:
        """Whether a change of an environment is created there."""
        return not self.environments or environment in self.environments


@dataclass(frozen=True)
class System:
    """How one system is reached, and what in it counts for which service.

    Args:
        name: of the system.
        url: of its API.
        secret: a password or token.
        user: whom the password is of; None for a token.
        ca_file: certificates that are trusted instead of the machine's.
        timeout_s: for one request.
        projects: service -> whose approvals there count for it.
        environments: environment -> what it is called there.
        create: None where changes are not created there.
    """

    name: str
    url: str
    secret: Secret
    user: str | None = None
    ca_file: str | None = None
    timeout_s: int = TIMEOUT_S
    projects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    create: Create | None = None

    def called(self, environment: str) -> tuple[str, ...]:
        """What an environment is called there."""
        return self.environments.get(environment, (environment,))


def systems(value: Mapping[str, Any] | None) -> dict[str, System]:
    """The systems that a valid value of ``tidegate_policy.elsewhere`` names; none where it is not there."""
    return {name: _system(name, entry) for name, entry in (value or {}).items()}


def _system(name: str, entry: Mapping[str, Any]) -> System:
    [(kind, where)] = entry["secret"].items()
    place = f"tidegate_policy.elsewhere.{name}.secret"
    return System(
        name,
        entry["url"],
        Secret(kind, where, place),
        entry.get("user"),
        entry.get("ca_file"),
        entry.get("timeout_s", TIMEOUT_S),
        {service: tuple(names) for service, names in entry.get("projects", {}).items()},
        {environment: tuple(names) for environment, names in entry.get("environments", {}).items()},
        _create(entry["create"]) if "create" in entry else None,
    )


def _create(entry: Mapping[str, Any]) -> Create:
    return Create(tuple(entry.get("environments", ())), entry.get("type", "normal"), entry.get("fields", {}))

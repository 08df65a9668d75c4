# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host may download from: the rules for a URL, for each redirect, and for the address behind a name."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from .errors import Refusal
from .names import printable

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Url:
    """An http or https URL without credentials and fragment.

    Args:
        host: lower case, an IPv6 address without brackets.
        request: path and query, as the request line has them.
    """

    scheme: str
    host: str
    port: int
    request: str

    @classmethod
    def parse(cls, text: str) -> Url:
        """The URL that a text is.

        Raises:
            Refusal: FETCH; another scheme, credentials, no host, or characters that two readers could read differently.
        """
        shown = printable(text.partition("?")[0])
        if not _plain(text):
            raise Refusal("FETCH", f"URL {shown}: only plain ASCII characters are expected; escape others", url=shown)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise Refusal("FETCH", f"URL {shown}: {error}", url=shown) from None
        if parts.scheme not in PORTS:
            raise Refusal("FETCH", f"URL {shown}: scheme {parts.scheme!r} found, expected http or https", url=shown)
        if "@" in parts.netloc:
            raise Refusal("FETCH", "URL with a user name or password found, expected none", url=parts.path)
        if not parts.hostname or port == 0:
            raise Refusal("FETCH", f"URL {shown}: expected a host, and a port above 0 where there is one", url=shown)
        request = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname.rstrip("."), port or PORTS[parts.scheme], request)

    def __str__(self) -> str:
        """As it is shown: without the query, which may hold a signature that opens the file to anybody."""
        path, question, _query = self.full.partition("?")
        return f"{path}?…" if question else path

    @property
    def full(self) -> str:
        """The whole URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.request}"

    @property
    def own_hosts(self) -> tuple[str, str]:
        """What is allowed when a change names no hosts: the URL's own host and port, and its https port."""
        return f"{self.host}:{self.port}", f"{self.host}:{PORTS['https']}"

    def redirected(self, location: str, allow_hosts: Collection[str]) -> Url:
        """Where a redirect leads.

        Args:
            location: as the server sent it.
            allow_hosts: as of `require_allowed`.

        Raises:
            Refusal: FETCH; a host that is not allowed, or from https to http.
        """
        if not location or not _plain(location):
            raise Refusal("FETCH", f"redirect from {self} to {printable(location)!r}, expected a plain URL")
        try:
            target = Url.parse(urljoin(self.full, location))
        except ValueError as error:
            raise Refusal("FETCH", f"redirect from {self}: {error}") from None
        if self.scheme == "https" and target.scheme != "https":
            raise Refusal("FETCH", f"redirect from {self} to {target.scheme}, expected to stay on https")
        target.require_allowed(allow_hosts)
        return target

    def require_allowed(self, allow_hosts: Collection[str]) -> None:
        """Prove that a host is on the allow-list of the change.

        Args:
            allow_hosts: `host`, which allows every port of it, or `host:port`.

        Raises:
            Refusal: FETCH; it is not.
        """
        allowed = {entry.lower() for entry in allow_hosts}
        if self.host not in allowed and f"{self.host}:{self.port}" not in allowed:
            listed = ", ".join(sorted(allowed))
            raise Refusal(
                "FETCH", f"{self}: {self.host}:{self.port} is not allowed, expected one of: {listed}", url=str(self)
            )

    def require_address(self, address: str) -> None:
        """Prove that the address behind the name is one that a download may come from.

        Link-local addresses, where clouds keep their metadata, never are; loopback only when the URL says so itself.

        Raises:
            Refusal: FETCH; it is not.
        """
        found = ipaddress.ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if found.is_link_local or found.is_multicast or found.is_unspecified:
            raise Refusal("FETCH", f"{self}: address {found} found, expected no link-local or multicast one")
        if found.is_loopback and not self._names_loopback():
            raise Refusal("FETCH", f"{self}: the name leads to the loopback address {found}, expected another host")

    def _names_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')

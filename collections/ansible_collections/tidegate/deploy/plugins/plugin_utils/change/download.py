# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's own download, by the very rules that hosts follow: it reads the artifact to know what is in it."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.urls import Url
from ansible_collections.tidegate.deploy.plugins.module_utils.host import fetch
from ansible_collections.tidegate.deploy.plugins.module_utils.host.clock import Clock
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import ArtifactSource

TIMEOUT_S = 1800

_REDIRECTS = (301, 302, 303, 307, 308)


def download(source: ArtifactSource, folder: Path, most_bytes: int) -> int:
    """Download an artifact into a folder, as a file that is named by its digest.

    Args:
        source: a URL with its digest.
        folder: private; an earlier download that was interrupted there goes on.
        most_bytes: how long it may be at most.

    Returns:
        A descriptor of the file; the caller closes it.

    Raises:
        Refusal: FETCH, DIGEST, NO_SPACE.
    """
    size_bytes = source.size_bytes or size_of(source.url, source.allow_hosts)
    if size_bytes > most_bytes:
        raise Refusal("FETCH", f"{source.shown}: found {size_bytes} bytes, expected at most {most_bytes}")
    wanted = fetch.Download(source.url, source.allow_hosts, str(source.sha256), size_bytes, TIMEOUT_S)
    return fetch.fetch(wanted, str(folder), Clock())


def size_of(url: str, allow_hosts: tuple[str, ...]) -> int:
    """The size that a web server announces for what a URL gives, in bytes.

    Raises:
        Refusal: FETCH.
    """
    here = Url.parse(url)
    here.require_allowed(allow_hosts)
    for _hop in range(fetch.MAX_REDIRECTS + 1):
        try:
            status, location, length = _head(here)
        except (OSError, http.client.HTTPException) as error:
            raise Refusal("FETCH", f"{here}: {error or type(error).__name__}") from None
        if status in _REDIRECTS:
            here = here.redirected(location, allow_hosts)
        elif status == 200 and length.isascii() and length.isdigit():
            return int(length)
        elif status == 200:
            raise Refusal("FETCH", f"{here}: found no size, expected one; write it into the change file as `size`")
        else:
            raise Refusal(
                "FETCH",
                f"{here}: found status {status} to HEAD, expected 200; write the size into the change file as `size`",
            )
    raise Refusal("FETCH", f"{here}: found more than {fetch.MAX_REDIRECTS} redirects, expected a file")


def _head(url: Url) -> tuple[int, str, str]:
    """Status, location and length that a server answers with."""
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            url.host, url.port, timeout=fetch.READ_TIMEOUT_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(url.host, url.port, timeout=fetch.READ_TIMEOUT_S)
    try:
        connection.connect()
        url.require_address(str(connection.sock.getpeername()[0]))
        connection.request("HEAD", url.request, headers={"Accept-Encoding": "identity", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location") or "", answer.getheader("Content-Length") or ""
    finally:
        connection.close()

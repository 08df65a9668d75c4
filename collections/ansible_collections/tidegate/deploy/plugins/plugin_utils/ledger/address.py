# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a store: a path, or a URL that may hold a password, which nobody is to see."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

FILE_URL = "sqlite:///"
SERVERS = ("postgresql+psycopg", "postgresql", "postgres")
_SECRET = ("password", "sslpassword")


def is_server(address: str) -> bool:
    """Whether an address names a store in PostgreSQL."""
    scheme, separator, _rest = address.partition("://")
    return bool(separator) and scheme in SERVERS


def file_of(address: str) -> str:
    """The file that a path or an SQLite URL names.

    Raises:
        Refusal: UNSUPPORTED, a URL of another database.
    """
    if address.startswith(FILE_URL):
        return address[len(FILE_URL) :]
    kind, separator, _rest = address.partition("://")
    if separator:
        raise Refusal(
            "UNSUPPORTED",
            f"found a store in {kind}, expected a file, {FILE_URL}<path> or postgresql://<host>/<database>",
        )
    return address


def shown(address: str) -> str:
    """An address for people: of a URL who, where and which database, without a password and other parameters."""
    if not is_server(address):
        return address
    login, at, rest = address.partition("://")[2].rpartition("@")
    where, _question, query = rest.partition("?")
    told = dict(parse_qsl(query))
    named = "&".join(f"{key}={told[key]}" for key in ("host", "port", "dbname", "user", "service") if key in told)
    return f"postgresql://{login.partition(':')[0]}{at}{where}{'?' if named else ''}{named}"


def holds_secret(address: str) -> bool:
    """Whether a password stands in a URL."""
    return any(_secrets(address))


def scrubbed(text: str, address: str) -> str:
    """A text without the URL and without any secret that stands in it."""
    text = text.replace(address, shown(address))
    raw = _secrets(address)
    for secret in sorted({*raw, *map(unquote, raw)} - {""}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return re.sub(r"(://[^\s:/@]*):[^\s@]*@", r"\1:***@", text)


def _secrets(address: str) -> list[str]:
    """The passwords in a URL, as they stand there."""
    login, _at, rest = address.partition("://")[2].rpartition("@")
    pairs = [pair.partition("=") for pair in rest.partition("?")[2].split("&")]
    return [login.partition(":")[2], *(value for key, _is, value in pairs if key in _SECRET)]

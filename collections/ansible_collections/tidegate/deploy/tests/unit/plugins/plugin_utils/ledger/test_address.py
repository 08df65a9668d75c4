# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of stores: which kind they are, and what of them people see."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import (
    file_of,
    holds_secret,
    is_server,
    scrubbed,
    shown,
)

URLS = {
    "postgresql://ann@db/site": ("postgresql://ann@db/site", False),
    "postgresql+psycopg://ann:secret@db:5433/site?sslmode=require": ("postgresql://ann@db:5433/site", True),
    "postgres://db/site": ("postgresql://db/site", False),
    "postgresql:///site?host=/run/postgresql&user=ann&password=secret": (
        "postgresql:///site?host=/run/postgresql&user=ann",
        True,
    ),
    "postgresql:///?service=tidegate": ("postgresql:///?service=tidegate", False),
    "postgresql://ann:se%40cret@db/site": ("postgresql://ann@db/site", True),
    "postgresql://ann:secret@with/any?sign@db/site": ("postgresql://ann@db/site", True),
    "postgresql://ann:secret@one,two:5433/site": ("postgresql://ann@one,two:5433/site", True),
    "postgresql://ann@db/site?sslpassword=secret": ("postgresql://ann@db/site", True),
}


@pytest.mark.parametrize("url", URLS)
def test_people_see_who_and_where_and_no_secret(url):
    """Whichever way a password is in it, and however badly it is quoted."""
    expected, secret = URLS[url]
    assert (shown(url), holds_secret(url), is_server(url)) == (expected, secret, True)


@pytest.mark.parametrize("url", [url for url, (_shown, secret) in URLS.items() if secret])
def test_no_text_keeps_what_is_secret(url):
    """Neither the URL as a whole, nor its password alone, quoted or not."""
    said = f"cannot open {url}: 'secret' and se@cret and se%40cret do not fit; postgresql://bob:other@db/site"
    seen = scrubbed(said, url)
    assert "other" not in seen
    assert url not in seen
    for text in ("se%40cret", "se@cret") if "%40" in url else ("secret@with",) if "with" in url else ("'secret'",):
        assert text not in seen


@pytest.mark.parametrize(
    ("address", "path"),
    [("/srv/store.db", "/srv/store.db"), ("sqlite:////srv/store.db", "/srv/store.db"), ("store.db", "store.db")],
)
def test_a_file_is_a_path_or_a_url_of_one(address, path):
    """Both mean the same file, and people see what was written."""
    assert (file_of(address), is_server(address), shown(address)) == (path, False, address)


def test_another_kind_of_url_is_refused():
    """The message says what there is."""
    with pytest.raises(Refusal, match=r"found a store in mysql\+x, expected a file, sqlite:///<path> or postgresql"):
        file_of("mysql+x://db/site")

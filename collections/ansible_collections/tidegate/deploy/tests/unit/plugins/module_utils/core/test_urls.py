# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host may download from is decided by rules, without a network."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.urls import Url

HERE = Url.parse("https://dist.example/web/2.4.0.tgz?sig=secret")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h", Url("http", "h", 80, "/")),
        ("HTTPS://Dist.Example:8443/a?b=c#d", Url("https", "dist.example", 8443, "/a?b=c")),
        ("http://[::1]:8080/a", Url("http", "::1", 8080, "/a")),
        ("http://dist.example./a", Url("http", "dist.example", 80, "/a")),
    ],
)
def test_a_url_is_read(text: str, url: Url) -> None:
    """Host in lower case, port filled in, fragment dropped; written again it is the same."""
    assert Url.parse(text) == url
    assert Url.parse(url.full) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dist.example/a",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://h/a",
        "gopher://h/a",
        "http://",
        "http://:80/",
        "http://h:0/",
        "http://h:x/",
        "http://h:99999/",
        "http://u@h/",
        "http://u:p@h/",
        "http://good.example@evil.example/",
        "http://good.example\\@evil.example/",
        "http://h/a b",
        "http://h/a\r\nX: y",
        "http://h/\u00e9",
        "http://h/\0",
        "http://[::1/",
        " http://h/",
    ],
)
def test_a_doubtful_url_is_refused(text: str) -> None:
    """Other schemes, credentials, no host, and what two parsers could read differently."""
    with pytest.raises(Refusal) as caught:
        Url.parse(text)
    assert caught.value.code == "FETCH"


def test_the_query_is_not_shown() -> None:
    """It may hold a signature that opens the file to anybody who reads the log."""
    assert str(HERE) == "https://dist.example/web/2.4.0.tgz?…"
    with pytest.raises(Refusal) as caught:
        Url.parse("ftp://h/a?sig=secret")
    assert "secret" not in str(caught.value) + str(caught.value.facts)


@pytest.mark.parametrize(
    ("location", "full"),
    [
        ("/other", "https://dist.example/other"),
        ("2.5.0.tgz", "https://dist.example/web/2.5.0.tgz"),
        ("https://cdn.example/x", "https://cdn.example/x"),
        ("//cdn.example:8443/x", "https://cdn.example:8443/x"),
    ],
)
def test_a_redirect_stays_on_allowed_hosts(location: str, full: str) -> None:
    """An entry without a port allows every port of its host."""
    assert HERE.redirected(location, ("dist.example", "CDN.example")).full == full


@pytest.mark.parametrize(
    "location",
    [
        "http://dist.example/x",
        "https://evil.example/x",
        "https://dist.example.evil.example/x",
        "file:///x",
        "//[",
        "\n",
    ],
)
def test_a_redirect_elsewhere_is_refused(location: str) -> None:
    """Another host, another scheme, back to http, or nonsense."""
    with pytest.raises(Refusal) as caught:
        HERE.redirected(location, HERE.own_hosts)
    assert caught.value.code == "FETCH"


def test_a_plain_url_may_move_to_https_of_its_own_host() -> None:
    """As most servers do."""
    plain = Url.parse("http://dist.example/x")
    assert plain.redirected("https://dist.example/x", plain.own_hosts).scheme == "https"


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.1.1", "224.0.0.1", "0.0.0.0", "::"]
)
def test_no_address_of_the_link_is_asked(address: str) -> None:
    """Clouds keep the credentials of a machine there."""
    with pytest.raises(Refusal, match="expected no link-local or multicast one"):
        HERE.require_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_asked_only_when_the_url_says_so(address: str) -> None:
    """A public name that leads there is an attack on what listens only locally."""
    with pytest.raises(Refusal, match="leads to the loopback address"):
        HERE.require_address(address)
    Url.parse("http://localhost/").require_address(address)
    Url.parse("http://[::1]/").require_address(address)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.1", "203.0.113.9", "2001:db8::1", "fd00::7"])
def test_other_addresses_are_allowed(address: str) -> None:
    """Artifact servers usually live in private networks."""
    HERE.require_address(address)

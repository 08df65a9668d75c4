# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How other systems are asked: TLS, credentials that are nowhere but in a header, a URL that means what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import adapter, parted
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import systems
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.awx_server import AwxServer
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import system


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that no machine trusts, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    paths = str(folder / "cert.pem"), str(folder / "key.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    Path(paths[0]).write_bytes(built.public_bytes(encoding))
    Path(paths[1]).write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return paths


@pytest.fixture
def secure(certificate: tuple[str, str]) -> Iterator[AwxServer]:
    server = AwxServer()
    server.with_tls(*certificate)
    with server:
        server.decide("ada.there")
        yield server


def refusal(settings, reference="42"):
    with pytest.raises(Refusal) as caught:
        adapter(settings).look(reference)
    return caught.value


def test_a_certificate_that_nobody_trusts_holds(secure):
    """No request is sent to a server that could be anybody."""
    found = refusal(system("awx", f"https://127.0.0.1:{secure.port}/api/v2"))
    assert "ELSEWHERE" == found.code
    assert "its certificate is refused: self-signed certificate" in found.message
    assert [] == secure.requests


def test_a_certificate_that_the_site_names_is_trusted(secure, certificate):
    """Over TLS all is as without it."""
    url = f"https://127.0.0.1:{secure.port}/api/v2"
    assert ("ada.there",) == adapter(system("awx", url, ca_file=certificate[0])).look("42").people


def test_a_certificate_of_another_name_holds(secure, certificate):
    """The name in the URL has to be in the certificate."""
    found = refusal(system("awx", f"https://localhost:{secure.port}/api/v2", ca_file=certificate[0]))
    assert "its certificate is refused" in found.message


def test_certificates_that_are_not_there(tmp_path: Path):
    """The key of the policy is named."""
    found = refusal(system("awx", "https://127.0.0.1:1/api/v2", ca_file=str(tmp_path / "none.pem")))
    assert "DATA" == found.code
    assert found.message.startswith("tidegate_policy.elsewhere.awx.ca_file: ")


def test_nobody_listens():
    """An outage holds."""
    found = refusal(system("awx", "http://127.0.0.1:1/api/v2"))
    assert "ELSEWHERE" == found.code
    assert "awx (http://127.0.0.1:1/api/v2): no answer: " in found.message


URLS = [
    ("http://awx.example.org/api/v2", "expected https: credentials are sent there"),
    ("ftp://awx.example.org/", "expected http or https"),
    ("https://user:pw@awx.example.org/", "URL with a user name or password found"),
    ("https://awx.example.org/?x=1", "expected the address of an API"),
    ("awx.example.org", "expected http or https"),
]


@pytest.mark.parametrize(("url", "told"), URLS)
def test_an_address_that_is_none(url, told):
    """It is refused before anything is asked, and named by its key."""
    found = refusal(system("awx", url))
    assert "DATA" == found.code
    assert found.message.startswith("tidegate_policy.elsewhere.awx.url: ")
    assert told in found.message


def test_a_redirect_is_not_followed():
    """It is told where it leads, without its query."""
    with AwxServer() as server:
        server.fault = "redirect"
        found = refusal(system("awx", f"{server.url}/api/v2"))
        assert "redirects to https://evil.example.org/login; write the address that answers as its url" in found.message
        assert 1 == len(server.requests)


def test_what_the_other_side_says_is_told_without_the_secret():
    """An error that repeats the credential is shown without it."""
    with AwxServer() as server:
        server.fault = "echo"
        found = refusal(system("awx", f"{server.url}/api/v2"))
        assert "answers with status 403 (nobody knows Bearer … …; the account that Tidegate uses" in found.message


def test_a_slow_answer_ends():
    """A server that sends a byte now and then is cut off when the time is up."""
    with AwxServer() as server:
        server.fault = "drip"
        assert "no whole answer within 1 s" in refusal(system("awx", f"{server.url}/api/v2", timeout_s=1)).message


def in_file(path: Path):
    return systems({"awx": {"url": "http://127.0.0.1:1/api/v2", "secret": {"file": str(path)}}})["awx"]


def test_a_secret_is_read_from_a_file(tmp_path: Path):
    """Of a file its text, without the newline at its end."""
    (tmp_path / "token").write_text("abc\n")
    assert "abc" == in_file(tmp_path / "token").secret.read()


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "caf\u00e9", "tab\there"])
def test_a_secret_that_cannot_be_sent(tmp_path: Path, text):
    """It is refused by its place, and not shown."""
    (tmp_path / "token").write_text(text)
    with pytest.raises(Refusal, match=r"tidegate_policy\.elsewhere\.awx\.secret") as caught:
        in_file(tmp_path / "token").secret.read()
    assert "DATA" == caught.value.code
    assert not text.strip() or text.strip() not in caught.value.message


def test_a_secret_that_is_nowhere(tmp_path: Path, monkeypatch):
    """Variable and file are named."""
    monkeypatch.delenv("TIDEGATE_TEST_SECRET")
    with pytest.raises(Refusal, match="found nothing in the environment variable TIDEGATE_TEST_SECRET"):
        system("awx", "http://127.0.0.1:1").secret.read()
    with pytest.raises(Refusal, match=r"awx\.secret: .*none: No such file or directory"):
        in_file(tmp_path / "none").secret.read()


def test_settings_do_not_hold_the_secret():
    """Whoever prints them prints where it is, not what it is."""
    assert PASSWORD not in repr(system("awx", "http://127.0.0.1:1"))


NAMES = ["", "awx", "awx:", "jira:1", ":42", "AWX:42"]


@pytest.mark.parametrize("name", NAMES)
def test_evidence_names_a_system(name):
    """Each form that there is is told."""
    with pytest.raises(Refusal, match=r"tidegate_evidence: found .*, expected one of servicenow:NUMBER, awx:NUMBER"):
        parted(name, {})


def test_evidence_of_a_system_that_policy_does_not_name():
    """Nothing is asked of it."""
    with pytest.raises(Refusal, match=r"tidegate_policy.elsewhere.awx: found nothing, expected its url"):
        parted("awx:42", {})


POLICIES = [
    ({"jira": {}}, "elsewhere.jira: found an unknown key"),
    ({"awx": {"url": "https://x"}}, "elsewhere.awx.secret: found nothing, expected {env: NAME} or {file: PATH}"),
    ({"awx": {"url": "https://x", "secret": "s3cret"}}, "elsewhere.awx.secret: found 's3cret', expected {env: NAME}"),
    ({"awx": {"url": "https://x", "secret": {"env": "$X"}}}, "expected the name of an environment variable, without $"),
    ({"awx": {"url": "https://x", "secret": {"file": "x"}}}, "expected the absolute path of a file"),
    ({"awx": {"url": "https://x", "secret": {"env": "X", "file": "/x"}}}, "elsewhere.awx.secret: found a mapping"),
    ({"awx": {"url": "https://x", "secret": {"env": "X"}, "timeout_s": 0}}, "expected seconds, from 1 to 300"),
    ({"awx": {"url": "https://x", "secret": {"env": "X"}, "create": {}}}, "elsewhere.awx.create: found an unknown key"),
]


@pytest.mark.parametrize(("value", "told"), POLICIES)
def test_a_policy_that_is_wrong(value, told):
    """The path in the variable is named, with what was expected."""
    with pytest.raises(Refusal) as caught:
        Policy.of({"elsewhere": value})
    assert "DATA" == caught.value.code
    assert told in caught.value.message

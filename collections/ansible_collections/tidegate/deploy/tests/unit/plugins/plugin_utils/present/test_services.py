# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services file as text: YAML that says what was found, with remarks that cannot break out of their comments."""

from __future__ import annotations

import yaml

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.guess import Guess
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.services import init_text, services_file

WEB = Guess(
    "web",
    {
        "unit": "web.service",
        "hosts": "web1,web2",
        "root": "/opt/web",
        "probes": [{"http": {"url": "http://127.0.0.1:8080/", "status": [302]}}],
    },
    {"unit": "runs on web1", "root": "guess: here", "probes": "guess: it answered"},
    ("web1", "web2"),
    ["it also listens on 9000"],
)
ODD = Guess(
    "no", {"unit": "no.service", "root": "/opt/no"}, {"root": "x\n  evil: true\r\x85\u2028y"}, ("web1",), ["a\nb: c"]
)


def test_the_file():
    """Reasons stand beside what they are of, remarks below the name; the whole reads as the value."""
    text = services_file([WEB], {"web9": "cannot be reached"})

    assert text.endswith(
        """\
# Not asked: web9: cannot be reached
tidegate_services:
  web:
    # it also listens on 9000
    unit: web.service  # runs on web1
    hosts: "web1,web2"
    root: /opt/web  # guess: here
    probes:
      - http: {url: "http://127.0.0.1:8080/", status: [302]}  # guess: it answered
"""
    )
    assert {"tidegate_services": {"web": WEB.entry}} == yaml.safe_load(text)


def test_remarks_stay_in_their_comments():
    """Whatever a host or ssh says is one line of comment; words that YAML takes for others are quoted."""
    text = services_file([ODD], {"web9\nx: 1": "gone\n- y"})

    assert {"tidegate_services": {"no": ODD.entry}} == yaml.safe_load(text)
    assert 10 == len(text.splitlines())


def test_what_init_says():
    """A table, the file, who was not asked, groups without a service, and what comes next."""
    text = init_text([WEB], {"web9": "gone"}, ["db"], "/site/x.yml", None)

    assert "web      web.service  /opt/web  http://127.0.0.1:8080/  2" in text.splitlines()
    assert "init: 1 services written" in text
    assert "web9: gone" in text
    assert text.count("would be written") == 0
    assert "the text\n" in init_text([WEB], {}, [], "/site/x.yml", "the text\n")

# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs the ledger: handed over to another one, also when that is cut off, and replaced when it is lost."""

from __future__ import annotations

import os

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import signing_off

KEYS = ["log_key", "log_key.old", "log_key.old.pub", "log_key.pub"]


class Died(BaseException):
    """What ends a process in the middle."""


class Dying:
    """The module os of a process that ends after so many changes of files."""

    def __init__(self, steps):
        self.left = steps

    def __getattr__(self, name):
        found = getattr(os, name)
        return self._counted(found) if name in ("unlink", "link", "replace") else found

    def _counted(self, change):
        def changed(*paths):
            if not self.left:
                raise Died
            self.left -= 1
            change(*paths)

        return changed


@pytest.fixture
def store(site, monkeypatch):
    """A ledger that its key has signed."""
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    site.store.append("denied", "ada", {})
    assert [] == signing_off.sign_off(site.store, None)
    return site.store


def keys(store):
    return sorted(name for name in os.listdir(store.folder) if name.startswith("log_key"))


def line_of(store, name="log_key"):
    return signing.LogKey(os.path.join(store.folder, name)).line


def findings(store):
    return audit_store(store, [], signing.verify, key=signing_off.known_key(store)).findings


@pytest.mark.parametrize("steps", range(6))
def test_a_rotation_that_was_cut_off_is_finished_by_the_next_run(store, steps):
    """Wherever it died between the log, which names the new key already, and the last of the files."""
    old = line_of(store)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signing_off, "os", Dying(steps))
        with pytest.raises(Died):
            signing_off.rotate(store)

    assert [] == signing_off.sign_off(store, None)
    assert KEYS == keys(store)
    assert (store.key_line(), old) == (line_of(store), line_of(store, "log_key.old"))
    with open(os.path.join(store.folder, "log_key.pub"), encoding="ascii") as public:
        assert public.read().startswith(line_of(store))
    assert [] == findings(store)


def test_a_rotation_that_was_cut_off_before_the_log_knew_changes_nothing(store, monkeypatch):
    """The old key goes on; the next rotation takes the new one that was made."""

    def dying(old, new):
        raise Died

    old = line_of(store)
    monkeypatch.setattr(store, "hand_over", dying)
    with pytest.raises(Died):
        signing_off.rotate(store)
    monkeypatch.undo()
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    made = line_of(store, "log_key.new")

    assert [] == signing_off.sign_off(store, None)
    assert old == line_of(store) == store.key_line()
    signing_off.rotate(store)
    assert (made, KEYS) == (line_of(store), keys(store))


def test_a_lost_key_is_replaced_only_by_who_says_so(store):
    """Until then nothing is signed, and the warning says how; afterwards the log says that nobody signed the new key."""
    with pytest.raises(Refusal, match="signs the log, and is not lost"):
        signing_off.replace_lost(store)
    os.unlink(os.path.join(store.folder, "log_key"))
    [warning] = signing_off.sign_off(store, None)
    assert "tidegate_key_lost=true" in warning

    signing_off.replace_lost(store)
    assert [] == signing_off.sign_off(store, None)
    last = [entry.body for entry in store.entries() if entry.kind == "log.key"][-1]
    assert {"key": line_of(store), "signature": None, "lost": True} == last
    assert [] == findings(store)
    [untrusted] = audit_store(store, [], signing.verify).findings
    assert "signature" == untrusted.kind
    assert "says that the key before was lost, and nobody signed the one in its place" in untrusted.message


def test_a_log_that_nobody_signed_has_lost_no_key(site, monkeypatch):
    """There is none to replace."""
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    site.store.append("denied", "ada", {})
    with pytest.raises(Refusal, match="is not lost"):
        signing_off.replace_lost(site.store)

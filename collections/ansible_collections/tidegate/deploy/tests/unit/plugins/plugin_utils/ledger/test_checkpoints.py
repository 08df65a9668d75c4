# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed checkpoints and their witnesses: made of what was added, by one key, and only of a log that is what it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint, merkle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey

from .processes import at_once
from .rolled_out import doctor, roll_out


@pytest.fixture
def key(store):
    made = LogKey(os.path.join(store.folder, signing.NAME))
    made.make()
    return made


def leaves(store):
    return [merkle.leaf_hash(document) for _number, document, _leaf in store.rows()]


def test_the_key_is_made_once_for_its_user_only(tmp_path):
    """By ssh-keygen; processes that make it at once have one, and what one signs the other's verifies."""
    path = str(tmp_path / "log_key")

    def work(_number):
        key = LogKey(path)
        key.make()
        return key.line, key.sign("checkpoint@tidegate", b"text")

    answers = at_once(work, 4)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["log_key", "log_key.pub"]
    assert len({line for line, _signature in answers}) == 1
    line, signature = answers[0]
    assert Path(f"{path}.pub").read_text().startswith(line)
    assert signing.verify(line, "checkpoint@tidegate", b"text", signature)
    assert not signing.verify(line, "file", b"text", signature)
    assert not signing.verify(line, "checkpoint@tidegate", b"other", signature)
    assert not signing.verify(line, "checkpoint@tidegate", b"text", "nothing")


def test_a_checkpoint_is_of_all_entries_and_signed(store, key):
    """The key is named first; the next one is made from it and what was added; the same log is signed once."""
    roll_out(store)
    first = store.sign_checkpoint(key)
    assert store.sign_checkpoint(key) == first
    store.append("denied", "ada", {})
    second = store.sign_checkpoint(key)
    for note in (first, second):
        assert note.checkpoint.root == merkle.root_of(leaves(store)[: note.checkpoint.size])
        assert signing.verify(key.line, checkpoint.NAMESPACE, note.checkpoint.text(), note.signature)
    assert second.checkpoint.size == first.checkpoint.size + 1 == store.log_size()
    assert [checkpoint.parse(data) for data in store.checkpoint_notes()] == [first, second]
    assert [entry.body["key"] for entry in store.entries() if entry.kind == "log.key"] == [key.line]


def test_late_notes_and_counted_refusals_are_signed_too(store, key, clock):
    """They get their entries before the checkpoint."""
    roll_out(store)
    store.note("run", "web2", "back", "back")
    store.deny("eve", "SELF", "no")
    store.deny("eve", "SELF", "no")
    clock.turn(60)
    store.sign_checkpoint(key)
    assert [entry.kind for entry in store.entries()[-2:]] == ["denied.more", "hosts.recorded"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE entries SET document = replace(document, 'ops1', 'ops9') WHERE number = 15",
            "entry 16 does not follow",
        ),
        ("UPDATE entries SET document = 'x' WHERE number = 15", "entry 15 is not one any more"),
        ("DELETE FROM entries WHERE number > 8", "its last checkpoint has 12 entries, there are 9"),
        ("UPDATE entries SET document = 'x' WHERE number = 0", "entry 0 does not name the log"),
        ("UPDATE checkpoints SET note = 'x'", "the last checkpoint is damaged"),
    ],
)
def test_a_log_that_was_doctored_is_not_signed(store, key, statement, message):
    """What is found is told; nothing is signed over it."""
    roll_out(store)
    store.sign_checkpoint(key)
    for number in range(5):
        store.append("denied", "ada@ops1", {"n": number})
    doctor(store, statement)
    with pytest.raises(Refusal, match=message) as caught:
        store.sign_checkpoint(key)
    assert caught.value.code == "LEDGER"
    assert len(list(store.checkpoint_notes())) == 1


def test_another_key_signs_only_after_a_hand_over(store, key, tmp_path):
    """The old key signs the new one over, in an entry."""
    other = LogKey(str(tmp_path / "other"))
    other.make()
    roll_out(store)
    store.sign_checkpoint(key)
    with pytest.raises(Refusal, match="is not the one that signs the log"):
        store.sign_checkpoint(other)
    store.hand_over(key, other)
    assert store.sign_checkpoint(other).checkpoint.size == store.log_size()
    with pytest.raises(Refusal, match="is not the one that signs the log"):
        store.hand_over(key, other)
    handed = [entry.body for entry in store.entries() if entry.kind == "log.key"][-1]
    message = checkpoint.key_text(store.origin(), other.line)
    assert signing.verify(key.line, checkpoint.KEY_NAMESPACE, message, handed["signature"])


def test_processes_that_sign_at_once_do_not_disturb_each_other(store, key, path, clock):
    """Each answers a checkpoint that is kept."""
    roll_out(store)

    def work(_number):
        with type(store).open(path, clock) as mine:
            return mine.sign_checkpoint(key).data()

    answers = at_once(work, 4)
    assert set(answers) <= set(store.checkpoint_notes())


# -- witnesses ----------------------------------------------------------------------------------------------------------


def test_a_witness_keeps_what_grew(store, key, tmp_path):
    """The first, and then each larger one that is consistent."""
    place = str(tmp_path / "witness")
    roll_out(store)
    for _round in range(3):
        note = store.sign_checkpoint(key)
        assert witnesses.show(store, note, [place]) == [(place, None)]
        assert witnesses.kept(place) == note
        store.append("denied", "ada", {})
    assert sorted(os.listdir(tmp_path)) == [".tidegate", "witness"]


def test_a_witness_refuses_what_did_not_grow(store, key, tmp_path, path, clock):
    """A smaller one, another log, another root, and what it cannot read: told, and what it keeps stays."""
    place = tmp_path / "witness"
    roll_out(store)
    small = store.sign_checkpoint(key)
    store.append("denied", "ada", {})
    large = store.sign_checkpoint(key)
    witnesses.show(store, large, [str(place)])
    ((_place, refused),) = witnesses.show(store, small, [str(place)])
    assert refused == "it has seen 13 entries, there are 12"
    with type(store).open(str(tmp_path / "elsewhere/store.db"), clock) as other:
        roll_out(other)
        note = other.sign_checkpoint(key)
    ((_place, refused),) = witnesses.show(store, note, [str(place)])
    assert refused == f"it has seen another log, {large.checkpoint.origin}"
    doctor(store, "UPDATE entries SET document = replace(document, 'ops1', 'ops9') WHERE number = 2")
    doctor(store, "DELETE FROM checkpoints")
    ((_place, refused),) = witnesses.show(store, large, [str(place)])
    assert "does not follow the one before it" in refused
    assert witnesses.kept(str(place)) == large
    place.write_text("nothing")
    ((_place, refused),) = witnesses.show(store, large, [str(place)])
    assert refused.startswith("what it keeps is not a checkpoint")
    assert place.read_text() == "nothing"
    ((_place, refused),) = witnesses.show(store, large, ["/nowhere/witness"])
    assert "No such file" in refused


def test_witnesses_are_named_by_the_site_or_the_environment(monkeypatch):
    """The environment goes first."""
    assert witnesses.places(None) == []
    assert witnesses.places(["/a", "/b"]) == ["/a", "/b"]
    monkeypatch.setenv(witnesses.VARIABLE, "/c:/d")
    assert witnesses.places(["/a"]) == ["/c", "/d"]


def test_what_came_since_somebody_saw_the_log_is_proved_to_them(store, key):
    """An entry, and that the log only grew: from the checkpoint that they saw, without reading what was before."""
    roll_out(store)
    seen = store.sign_checkpoint(key).checkpoint
    index = store.append("denied", "ada", {})
    store.append("denied", "bob", {})
    now = store.sign_checkpoint(key).checkpoint
    tail = store.since(seen.size, seen.root, now.size)
    leaf = leaves(store)[index]
    assert merkle.verify_inclusion(leaf, index, now.size, tail.inclusion(index), now.root)
    assert merkle.verify_consistency(seen.size, seen.root, now.size, now.root, tail.consistency(seen.size))
    assert store.since(0, merkle.EMPTY_ROOT, now.size).inclusion(index) == tail.inclusion(index)


@pytest.mark.parametrize("more", [0, 1000])
def test_who_saw_another_log_is_told_so_and_given_no_proof(store, key, more):
    roll_out(store)
    size = store.sign_checkpoint(key).checkpoint.size
    with pytest.raises(Refusal, match="with another root") as caught:
        store.since(size + more, b"x" * 32, size)
    assert caught.value.code == "LEDGER"

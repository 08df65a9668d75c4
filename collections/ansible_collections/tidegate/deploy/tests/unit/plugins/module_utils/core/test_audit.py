# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a log is what it was: each way to doctor one is named, with the first bad entry."""

from __future__ import annotations

import random

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import audit, checkpoint, entries, merkle

from .made_log import KEY, LOG, OTHER_KEY, at, grown, made, note_of, rows, sign, verify

SIZE = 40
GOOD = made(SIZE)
OLD = note_of(GOOD[:30])


def found(documents, own=(), kept=(OLD,), trusted=None):
    """What is wrong with a log."""
    named = [("the kept", note) for note in kept]
    walked = audit.walk(rows(documents), *audit.wanted([*own, *kept]))
    return audit.judge(walked, own, named, verify, trusted)


def only(findings):
    """The one finding, without its message."""
    (finding,) = findings
    return finding.kind, finding.first, finding.last


def edited(documents, index, new=b'"n":99'):
    """One document says something else; nothing else is made to fit."""
    documents = list(documents)
    documents[index] = documents[index].replace(b'"n":%d' % index, new)
    return documents


def moved(documents, source, target):
    documents = list(documents)
    documents.insert(target, documents.pop(source))
    return documents


def inserted(documents, index):
    """An entry of the attacker's, which names the right one before it."""
    extra = entries.compose(index, entries.leaf(documents[index - 1]), at(index), "denied", "eve", {"n": "planted"})
    return [*documents[:index], extra, *documents[index:]]


DOCTORED = [
    ("edited", edited(GOOD, 7), ("edited", 7, 7)),
    ("edited, the last", edited(GOOD, SIZE - 1), None),
    ("edited, the one before the last", edited(GOOD, SIZE - 2), ("edited", SIZE - 2, SIZE - 1)),
    ("edited, the first", [GOOD[0].replace(b"0123", b"3210"), *GOOD[1:]], ("edited", 0, 0)),
    ("edited, no JSON any more", edited(GOOD, 7, b'"n":'), ("edited", 7, 7)),
    ("edited, two keys of one name", edited(GOOD, 7, b'"n":7,"n":7'), ("edited", 7, 7)),
    ("edited, a float", edited(GOOD, 7, b'"n":7.0'), ("edited", 7, 7)),
    ("edited, its place", [*GOOD[:7], GOOD[7].replace(b'"index":7', b'"index":9'), *GOOD[8:]], ("edited", 7, 7)),
    (
        "edited, what it says of the one before",
        [*GOOD[:7], GOOD[7].replace(entries.leaf(GOOD[6]).encode(), b"a" * 64), *GOOD[8:]],
        ("edited", 7, 7),
    ),
    ("deleted", [*GOOD[:7], *GOOD[8:]], ("deleted", 7, 7)),
    ("deleted, some", [*GOOD[:7], *GOOD[12:]], ("deleted", 7, 7)),
    ("deleted, the first", GOOD[1:], ("deleted", 0, 0)),
    ("reordered, later", moved(GOOD, 7, 9), ("reordered", 7, 7)),
    ("reordered, sooner", moved(GOOD, 9, 7), ("reordered", 7, 7)),
    ("inserted", inserted(GOOD, 7), ("inserted", 7, 8)),
    ("inserted twice", [*GOOD[:7], GOOD[6], *GOOD[7:]], ("inserted", 6, 7)),
    ("truncated", GOOD[:20], ("truncated", 20, 20)),
    ("truncated to nothing but the name", GOOD[:1], ("truncated", 1, 1)),
    ("restored, and gone on", grown(GOOD[:20], SIZE, late=100), ("restored", 20, 20)),
    ("restored, and not gone on as far", grown(GOOD[:20], 25, late=100), ("restored", 20, 20)),
    ("rewritten", made(SIZE, said={7: "other"}), ("rewritten", 0, 15)),
    ("rewritten near the end", made(SIZE, said={25: "other"}), ("rewritten", 24, 27)),
    ("another log", made(SIZE, log="f" * 32), None),
]


def test_a_log_that_is_what_it_was_has_no_finding():
    """With its own checkpoints, with older ones, and with the key that an outsider knows."""
    own = [note_of(GOOD[:size]) for size in (2, 10, 30, SIZE)]
    assert found(GOOD, own, own[:3], KEY) == []
    assert found(GOOD, [], []) == []


@pytest.mark.parametrize(("how", "documents", "expected"), DOCTORED, ids=[how for how, *_rest in DOCTORED])
def test_each_way_to_doctor_a_log_is_named(how, documents, expected):
    """By an outsider who has the log and one old checkpoint; what came after that checkpoint only its successor shows."""
    findings = found(documents)
    if how == "edited, the last":
        assert findings == []
        assert only(found(documents, kept=[note_of(GOOD)])) == ("rewritten", 32, 39)
    elif how == "another log":
        assert only(findings) == ("origin", None, None)
    else:
        assert only(findings) == expected


def test_the_log_s_own_checkpoints_tell_of_a_rewriting_without_the_key():
    """The first bad entry lies behind the last checkpoint that agrees."""
    own = [note_of(GOOD[:size]) for size in (10, 20, 30)]
    assert only(found(made(SIZE, said={15: "other"}), own, [])) == ("rewritten", 10, 15)
    assert only(found(GOOD[:25], own, [])) == ("truncated", 25, 25)


def test_two_histories_of_one_key_are_a_fork():
    """The log's own checkpoints agree with it, and so it is the key that has signed both."""
    other = made(SIZE, said={25: "other"})
    findings = found(other, [note_of(other[:35])])
    assert only(findings) == ("forked", 24, 27)
    assert "the log's key signed both" in findings[0].message


def test_more_than_one_old_checkpoint_narrows_what_is_bad():
    """What agrees with an older one is not suspected."""
    other = made(SIZE, said={14: "other"})
    assert only(found(other, kept=[OLD])) == ("rewritten", 0, 15)
    assert only(found(other, kept=[note_of(GOOD[:13]), OLD])) == ("rewritten", 13, 15)


def test_a_checkpoint_by_another_key_does_not_count():
    """Neither of the log itself nor kept by somebody; nor a log with a key that is not the one that is trusted."""
    forged = note_of(GOOD[:20], key=OTHER_KEY)
    assert only(found(GOOD, [forged], [])) == ("signature", None, None)
    assert only(found(GOOD, [], [forged])) == ("signature", None, None)
    assert only(found(GOOD, [], [], OTHER_KEY)) == ("signature", None, None)
    assert only(found(GOOD, [], [note_of(GOOD[:1])])) == ("signature", None, None)  # no key had been named yet


@pytest.mark.parametrize("signed", [True, False])
def test_a_new_key_is_signed_by_the_one_before(signed):
    """Then its checkpoints count, and those of the old one no longer."""
    origin = f"tidegate/{LOG}"
    by = KEY if signed else OTHER_KEY
    handed = sign(by, checkpoint.KEY_NAMESPACE, checkpoint.key_text(origin, OTHER_KEY))
    body = {"key": OTHER_KEY, "signature": handed}
    documents = grown([*GOOD[:10], entries.compose(10, entries.leaf(GOOD[9]), at(10), "log.key", "ada", body)], 20)
    own = [note_of(documents[:10]), note_of(documents, key=OTHER_KEY)]
    if signed:
        assert found(documents, own, [], KEY) == found(documents, own, [], OTHER_KEY) == []
        assert only(found(documents, [note_of(documents)], [])) == ("signature", None, None)
    else:
        assert only(found(documents, own, [])) == ("signature", 10, 10)


def test_a_store_s_own_hash_names_the_entry_that_was_edited():
    """Also where nothing comes after it."""
    kept = [(number, document, entries.leaf(document)) for number, document in enumerate(GOOD)]
    kept[-1] = (SIZE - 1, edited(GOOD, SIZE - 1)[-1], kept[-1][2])
    assert audit.walk(kept).finding[::2] == ("edited", SIZE - 1)
    kept[-1] = (SIZE, *rows(GOOD)[-1][1:])
    assert audit.walk(kept).finding.message == f"entry {SIZE - 1} was edited: it is kept as {SIZE}"


def test_a_host_that_was_enrolled_anew_is_told():
    """Once for each time; not one whose trust or program is newer, nor one that was let go or is new."""
    log = [GOOD[0]]
    for uid, before in (("a", None), ("a", "a"), ("b", "a"), ("b", "b"), ("c", None)):
        body = {"host": "web1", "uid": uid * 32, "before": before and before * 32}
        log.append(entries.compose(len(log), entries.leaf(log[-1]), at(len(log)), "host.enrolled", "ada", body))
    walked = audit.walk(rows(log))
    told = f"entry 3 says that web1 was enrolled anew as {'b' * 32}, and nobody signed that it may leave as {'a' * 32}"
    assert (None, [told]) == (walked.finding, audit.replaced(walked))


def test_every_entry_is_seen_once():
    """In order."""
    seen = []
    walked = audit.walk(rows(GOOD), see=lambda entry: seen.append(entry.index))
    assert seen == list(range(SIZE))
    assert walked.frontier().root() == merkle.root_of(merkle.leaf_hash(document) for document in GOOD)


def mutated(documents, dice):
    """A log that somebody doctored in one way or another, without the key; never the log itself."""
    documents = list(documents)
    index = dice.randrange(len(documents))
    way = dice.randrange(8)
    if way == 0:
        text = bytearray(documents[index])
        place = dice.randrange(len(text))
        text[place] ^= 1 << dice.randrange(8)
        documents[index] = bytes(text)
    elif way == 1:
        del documents[index : index + dice.randint(1, 5)]
    elif way == 2:
        other = dice.choice([place for place in range(len(documents)) if place != index])
        documents[index], documents[other] = documents[other], documents[index]
    elif way == 3:
        documents.insert(index, dice.choice(documents))
    elif way == 4:
        documents = made(len(documents), said={dice.randrange(2, len(documents)): "other"})
    elif way == 5:
        documents = grown(documents[: max(2, index)], len(documents), late=dice.choice([0, 100]))
    elif way == 6:
        documents[index] = documents[index].replace(b"ada", b"eve")
    else:
        documents = documents[: index or 1]
    return documents


def test_ten_thousand_mutations_are_all_found():
    """Whatever is done to a log, whoever holds one checkpoint of all of it finds it, and what is bad is not behind it."""
    dice = random.Random(20261128)
    documents = made(24)
    newest = note_of(documents)
    missed = 0
    for _round in range(10_000):
        doctored = mutated(documents, dice)
        findings = found(doctored, [], [newest])
        first = next(
            (place for place in range(min(len(doctored), len(documents))) if doctored[place] != documents[place]),
            min(len(doctored), len(documents)),
        )
        named = [finding for finding in findings if finding.first is not None]
        missed += not findings or (bool(named) and not named[0].first <= first <= max(named[0].last, first))
    assert missed == 0

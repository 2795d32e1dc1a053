"""Entity spans and scores against the published scorer's rules, written down a second time as tables."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from unroll.metrics.entities import (
    Counts,
    Scheme,
    Span,
    allowed_moves,
    broken,
    detect_scheme,
    entity_scores,
    spans,
    tags_of,
)

TAGS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC"))]


def chunk_ends(before: str, before_type: str, tag: str, tag_type: str) -> bool:
    """conlleval's endOfChunk, as the table of its source."""
    table = {
        ("B", "B"), ("B", "O"), ("B", "S"), ("I", "B"), ("I", "O"), ("I", "S"),
        *(("E", any_tag) for any_tag in "BIESO"), *(("S", any_tag) for any_tag in "BIESO"),
    }  # fmt: skip
    return (before, tag) in table or (before != "O" and before_type != tag_type)


def chunk_starts(before: str, before_type: str, tag: str, tag_type: str) -> bool:
    """conlleval's startOfChunk, as the table of its source."""
    table = {*((any_tag, "B") for any_tag in "BIESO"), *((any_tag, "S") for any_tag in "BIESO")}
    table |= {("E", "E"), ("E", "I"), ("S", "E"), ("S", "I"), ("O", "E"), ("O", "I")}
    return (before, tag) in table or (tag != "O" and before_type != tag_type)


def conlleval_spans(tags: list[str]) -> set[tuple[str, int, int]]:
    found = set()
    before, before_type, start = "O", "", 0
    for position, label in enumerate([*tags, "O"]):
        tag, _, tag_type = label.partition("-")
        if chunk_ends(before, before_type, tag, tag_type):
            found.add((before_type, start, position))
        if chunk_starts(before, before_type, tag, tag_type):
            start = position
        before, before_type = tag, tag_type
    return found


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4])
def test_spans_are_those_of_conlleval_on_every_sequence(length: int) -> None:
    for tags in itertools.product(TAGS, repeat=length):
        assert {tuple(span) for span in spans(tags)} == conlleval_spans(list(tags)), tags


def test_spans_are_those_of_conlleval_on_long_broken_sequences() -> None:
    draw = random.Random(0)
    for _ in range(300):
        tags = draw.choices(TAGS, k=30)
        assert {tuple(span) for span in spans(tags)} == conlleval_spans(tags)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-PER", "I-PER", "O"], [Span("PER", 0, 2)]),
        (["O", "I-PER", "B-PER", "I-LOC"], [Span("PER", 1, 2), Span("PER", 2, 3), Span("LOC", 3, 4)]),
        (["B-PER", "E-PER", "E-PER"], [Span("PER", 0, 2), Span("PER", 2, 3)]),
        (["S-PER", "I-PER"], [Span("PER", 0, 1), Span("PER", 1, 2)]),
        (["B-PER", "O", "I-PER"], [Span("PER", 0, 1), Span("PER", 2, 3)]),
    ],
)
def test_spans_of_known_sequences(tags: list[str], expected: list[Span]) -> None:
    assert spans(tags) == expected


@pytest.mark.parametrize("scheme", list(Scheme))
def test_schemes_hold_every_set_of_entities_and_give_it_back(scheme: Scheme) -> None:
    draw = random.Random(1)
    for _ in range(300):
        entities, at = [], 0
        while at < 12:
            end = at + draw.randint(1, 3)
            if draw.random() < 0.6 and end <= 12:
                entities.append(Span(draw.choice(["PER", "LOC"]), at, end))
                at = end
            else:
                at += 1
        tags = tags_of(entities, 12, scheme)
        assert spans(tags) == entities
        assert broken(tags, scheme) == []
        known = ["O", *(f"{letter}-{kind}" for letter in scheme.letters for kind in ("PER", "LOC"))]
        between, first, last = allowed_moves(known, scheme)
        path = [known.index(tag) for tag in tags]
        assert first[path[0]]
        assert last[path[-1]]
        assert all(between[i, j] for i, j in itertools.pairwise(path))


@pytest.mark.parametrize("scheme", list(Scheme))
def test_what_a_scheme_allows_is_what_it_can_write(scheme: Scheme) -> None:
    """On every sequence of up to three tags: allowed if and only if writing its entities gives it back."""
    between, first, last = allowed_moves(TAGS, scheme)
    for length in (1, 2, 3):
        for path in itertools.product(range(len(TAGS)), repeat=length):
            tags = [TAGS[index] for index in path]
            allowed = bool(
                first[path[0]] and last[path[-1]] and all(between[i, j] for i, j in itertools.pairwise(path))
            )
            assert allowed == (tags_of(spans(tags), length, scheme) == tags), tags
            assert allowed == (broken(tags, scheme) == []), tags


def test_broken_tags_are_named_with_position_and_reason() -> None:
    found = broken(["O", "I-PER", "B-LOC"], Scheme.IOB2)
    assert found == [(1, "I-PER must follow B-PER or I-PER")]
    assert broken(["B-PER"], Scheme.BIOES) == [(0, "B-PER must be followed by I-PER or E-PER")]
    assert broken(["E-PER"], Scheme.IOB2) == [(0, "E-PER is not a tag of IOB2")]
    assert broken(["NOUN"], Scheme.IOB2)[0].reason == "'NOUN' is neither O nor one of B-, I- and a type"


def test_the_scheme_is_recognised_also_where_some_tags_are_broken() -> None:
    assert detect_scheme([["B-PER", "I-PER", "O"], ["O", "B-LOC"]]) is Scheme.IOB2
    assert detect_scheme([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]]) is Scheme.IOB1
    assert detect_scheme([["B-PER", "E-PER", "O"], ["S-LOC"]]) is Scheme.BIOES
    assert detect_scheme([["B-PER", "O"], ["B-LOC", "O"], ["I-LOC", "O"]]) is Scheme.IOB2
    assert detect_scheme([["I-PER", "E-PER", "O"], ["E-LOC"]]) is Scheme.IOE2
    assert detect_scheme([["I-PER", "E-PER", "O"], ["I-LOC"], ["E-PER", "O"]]) is Scheme.IOE2
    assert detect_scheme([["I-PER", "I-PER", "O"], ["E-LOC", "I-LOC"]]) is Scheme.IOE1
    assert detect_scheme([["O", "O"]]) is None
    assert detect_scheme([["NOUN", "VERB"]]) is None


def test_scores_count_exact_entities_by_type() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"], ["O"]]
    predicted = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "I-LOC"], ["O"]]
    scores = entity_scores(gold, predicted)
    assert scores.overall == Counts(correct=1, predicted=3, gold=3)
    assert scores.by_type == {"LOC": Counts(0, 1, 2), "PER": Counts(1, 2, 1)}
    assert scores.by_row.tolist() == [[1, 2, 2], [0, 1, 1], [0, 0, 0]]
    assert scores.overall.f1 == pytest.approx(1 / 3)
    assert (scores.by_type["PER"].precision, scores.by_type["PER"].recall) == (0.5, 1.0)
    assert Counts(0, 0, 0).f1 == 0.0
    assert int(np.sum(scores.by_row)) == 7


def test_scores_refuse_sentences_of_other_lengths() -> None:
    with pytest.raises(ValueError, match="sentence 0 has 1 tags but 2 predictions"):
        entity_scores([["O"]], [["O", "O"]])
    with pytest.raises(ValueError, match="1 sentences but 0 predictions"):
        entity_scores([["O"]], [])


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        (Scheme.BILOU, ["B-PER", "I-PER", "L-PER", "O", "U-LOC"]),
        (Scheme.BMES, ["B-PER", "M-PER", "E-PER", "O", "S-LOC"]),
        (Scheme.BMEWO, ["B-PER", "M-PER", "E-PER", "O", "W-LOC"]),
        (Scheme.BIOES, ["B-PER", "I-PER", "E-PER", "O", "S-LOC"]),
    ],
)
def test_schemes_that_mark_ends_differ_in_letters_alone(scheme: Scheme, tags: list[str]) -> None:
    assert detect_scheme([tags]) is scheme
    assert spans(tags) == [Span("PER", 0, 3), Span("LOC", 4, 5)]
    assert tags_of(spans(tags), len(tags), scheme) == tags
    assert broken(tags, scheme) == []
    others = [other for other in Scheme if other is not scheme and not set(scheme.letters) <= set(other.letters)]
    assert all(broken(tags, other) for other in others)

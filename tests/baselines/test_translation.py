"""The word-for-word dictionary against expectation maximisation written out as in the paper."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from unroll.baselines.translation import WordDictionary, join_words

SOURCES = ["das Haus", "das Buch", "ein Buch", "das Haus ist klein", "ein kleines Haus"]
TARGETS = ["the house", "the book", "a book", "the house is small", "a small house"]


def model_one(rounds: int) -> dict[str, dict[str, float]]:
    """t(target | source), by loops over sentences and words (Koehn 2010, "Statistical machine translation", 4.2.3)."""
    pairs = [(["", *s.lower().split()], t.split()) for s, t in zip(SOURCES, TARGETS, strict=True)]
    words = {word for _, target in pairs for word in target}
    t: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(lambda: 1 / len(words)))
    for _ in range(rounds):
        count: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for source, target in pairs:
            for e in target:
                whole = sum(t[f][e] for f in source)
                for f in source:
                    count[f][e] += t[f][e] / whole
        t = defaultdict(dict)
        for f, row in count.items():
            t[f] = {e: value / sum(row.values()) for e, value in row.items()}
    return t


@pytest.mark.parametrize("rounds", [1, 2, 5, 20])
def test_every_word_gets_the_likeliest_of_model_one(rounds: int) -> None:
    dictionary = WordDictionary(SOURCES, TARGETS, rounds=rounds)
    expected = model_one(rounds)
    assert set(dictionary.entries) == set(expected) - {""}
    for word, chosen in dictionary.entries.items():
        assert expected[word][chosen] == pytest.approx(max(expected[word].values()), rel=1e-12)
    if rounds == 20:
        assert dictionary.entries["das"] == "the"
        assert dictionary.entries["buch"] == "book"


def test_texts_are_translated_word_for_word_and_unknown_words_stay() -> None:
    dictionary = WordDictionary(SOURCES, TARGETS, rounds=20)
    assert dictionary.translate(["Das Buch, das Haus und Anna!", ""]) == ["the book, the house und Anna!", ""]


def test_repeated_words_count_every_time() -> None:
    """The places of a target word are told apart, so a text that says a word twice is two places."""
    a = WordDictionary(["x x y"], ["p p q"], rounds=3)
    assert set(a.entries) == {"x", "y"}
    assert WordDictionary([], []).translate(["hallo"]) == ["hallo"]


def test_words_and_marks_make_a_text() -> None:
    assert join_words(["«", "Ja", "»", ",", "sagt", "er", ":", "gut", "!"]) == "«Ja», sagt er: gut!"
    assert np.char.count(join_words(["a", "-", "b"]), " ") == 2

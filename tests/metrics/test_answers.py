"""Exact match and F1 of answers, against values worked out by hand from SQuAD's definition."""

from __future__ import annotations

import pytest

from unroll.metrics.answers import exact_match, normalised, word_f1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Eiffel Tower.", "eiffel tower"),
        ("an apple a day", "apple day"),
        ("U.S.", "us"),
        ("theatre", "theatre"),
        ("the", ""),
        ("1,000 km²", "1000 km²"),
        ("대한민국!", "대한민국"),
    ],
)
def test_case_marks_articles_and_spaces_do_not_count(text: str, plain: str) -> None:
    assert normalised(text) == plain


def test_the_best_of_several_truths_counts() -> None:
    truths = ["Denver Broncos", "The Denver Broncos", "Broncos"]
    assert exact_match("the broncos", truths)
    assert not exact_match("the panthers", truths)
    # Two words of three are right, and both of the truth's: 2 * 2 / (3 + 2).
    assert word_f1("Denver Broncos team", truths) == pytest.approx(0.8)
    assert word_f1("panthers", truths) == 0.0


def test_a_word_counts_as_often_as_it_comes_in_both() -> None:
    # One of "very" is shared twice, not three times: common 3 of 4 and 3.
    assert word_f1("very very good very", ["very very good"]) == pytest.approx(2 * 3 / 7)


def test_empty_answers() -> None:
    assert word_f1("", ["the"]) == 1.0
    assert word_f1("", ["x"]) == 0.0
    assert word_f1("x", []) == 0.0
    assert not exact_match("x", [])

"""Scores of texts: sacreBLEU's numbers by their definitions on small texts, and the share of different n-grams."""

from __future__ import annotations

import math
from typing import Any

import pytest

from unroll.metrics.translation import distinct, has_four_words, text_scores, word_tokenizer


def test_bleu_is_what_its_definition_gives() -> None:
    """Papineni et al. 2002, section 2.3 with N = 4, counted by hand: 5 of 6 words are right, 3 of 5 pairs ..."""
    scores = text_scores(["the cat sat on a mat"], ["the cat sat on the mat today"], tokenize="13a")
    precision = (5 / 6) * (3 / 5) * (2 / 4) * (1 / 3)
    assert scores["bleu"].value == pytest.approx(100 * math.exp(1 - 7 / 6) * precision**0.25)
    assert "tok:13a" in scores["bleu"].signature
    assert scores["bleu"].signature.endswith("version:2.6.0") or "version:" in scores["bleu"].signature
    assert "chrF2|" in scores["chrf"].signature or "nc:6" in scores["chrf"].signature


def test_what_is_right_scores_a_hundred_and_intervals_hold_the_score() -> None:
    texts = [f"문장 {n} 번입니다, 아주 길고 조금씩 다른 문장." for n in range(20)]
    whole = text_scores(texts, texts, tokenize="13a", resamples=20)
    assert [round(score.value, 6) for score in whole.values()] == [100.0, 100.0]
    mixed = text_scores([*texts[:10], *(t[::-1] for t in texts[10:])], texts, tokenize="13a", resamples=50)
    for score in mixed.values():
        assert score.interval is not None
        assert score.interval[0] < score.value < score.interval[1]
        assert 0 < score.value < 100


def test_an_interval_of_texts_that_score_nothing_is_zero() -> None:
    scores = text_scores(["a", "b", "c"], ["x y z", "u v w", "r s t"], tokenize="13a", resamples=20)
    assert scores["bleu"].interval == (0.0, 0.0)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="expected as many texts as references, got 1, 2"):
        text_scores(["a"], ["a", "b"], tokenize="13a")


def test_the_script_chooses_the_tokenizer() -> None:
    assert word_tokenizer(["the cat", "고양이가 앉았다"]) == "13a"
    assert word_tokenizer(["猫坐在垫子上", "狗在叫"]) == "zh"
    assert word_tokenizer(["猫がマットに座った", "犬がほえる"]) == "char"
    assert word_tokenizer([]) == "13a"


def test_different_n_grams() -> None:
    texts = [["a", "b", "a", "b"], ["a", "b"], ["c"]]
    assert distinct(texts, 1) == 3 / 7
    assert distinct(texts, 2) == 2 / 4
    assert distinct(texts, 5) == 0.0


@pytest.mark.parametrize(
    ("texts", "tokenize", "enough"),
    [
        (["one two three four"], "13a", True),
        (["one two three", "a b c d"], "13a", False),
        ([], "13a", False),
        (["서울", "부산"], "13a", False),
        (["今天天气"], "zh", True),
        (["今天", "ねこ"], "char", False),
    ],
)
def test_bleu_needs_four_words(texts: list[str], tokenize: Any, enough: bool) -> None:
    assert has_four_words(texts, tokenize) is enough

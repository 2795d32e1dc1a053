"""Error rates against jiwer and against a recursion that is written out."""

from __future__ import annotations

import functools
import random

import jiwer
import pytest

from unroll.metrics.edits import Pair, align_units, count_edits


def distance(a: str, b: str) -> int:
    """The recursion of the definition."""

    @functools.cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return of(len(a), len(b))


@pytest.mark.parametrize("seed", range(20))
def test_an_alignment_has_the_fewest_errors_and_holds_both_texts(seed: int) -> None:
    draw = random.Random(seed)
    a = "".join(draw.choices("abc", k=draw.randrange(9)))
    b = "".join(draw.choices("abc", k=draw.randrange(9)))
    pairs = align_units(a, b)
    edits = count_edits(pairs)
    assert edits.errors == distance(a, b)
    assert edits.units == len(a)
    assert "".join(pair.reference for pair in pairs) == a
    assert "".join(pair.hypothesis for pair in pairs) == b


def test_rates_agree_with_jiwer() -> None:
    draw = random.Random(0)
    words = ["one", "two", "three", "oh"]
    gold = [" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(30)]
    said = [" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(30)]
    for unit, rate in ((str.split, jiwer.wer(gold, said)), (list, jiwer.cer(gold, said))):
        edits = [count_edits(align_units(unit(a), unit(b))) for a, b in zip(gold, said, strict=True)]
        assert sum(one.errors for one in edits) / sum(one.units for one in edits) == pytest.approx(rate)


def test_what_is_missing_and_too_much() -> None:
    assert align_units(["a"], []) == [Pair("a", "")]
    assert align_units([], ["a"]) == [Pair("", "a")]
    assert align_units([], []) == []

"""Features of tokens: their values, what is unknown, and that they survive being saved."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.data.text.saved import tokens_from_json
from unroll.data.text.tokens import TEMPLATES, TokenFeatures
from unroll.errors import BundleError

SENTENCES = [["The", "dog", "barks"], ["The", "cat", "sleeps"], ["개가", "짖는다"], ["고양이가", "잔다"]]


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("word", 0, "mcdonald's"),
        ("form", 0, "McDonald's"),
        ("shape", 0, "XxXx'x"),
        ("shape", 1, "0.0"),
        ("word", 1, "00.0"),
        ("prefix2", 0, "mc"),
        ("suffix3", 0, "d's"),
        ("suffix4", 2, ""),
        ("shape", 2, "가"),
        ("left2", 0, "\u0002\u0001mcdonald's"),
        ("right2", 2, "값이\u0001\u0002"),
    ],
)
def test_features_by_name(name: str, at: int, expected: str) -> None:
    assert TEMPLATES[name](["McDonald's", "12.5", "값이"], at) == expected


def test_rare_texts_are_unknown_and_missing_ones_are_none() -> None:
    features = TokenFeatures.train(SENTENCES, ["word", "suffix1", "suffix4"], min_count=2)
    encoded = features.encode(["The", "zebra", "가", ""])
    word, suffix1, suffix4 = encoded.features.T.tolist()
    assert word == [2, 1, 1, 0]
    assert suffix1[2:] == [0, 0]
    assert suffix4[0] == 0
    assert features.sizes()[0] == 3
    assert [len(own) for own in encoded.characters] == [3, 5, 1, 0]


def test_jamo_takes_syllables_apart() -> None:
    features = TokenFeatures.train(SENTENCES, ["word"], min_count=1, jamo=True)
    assert len(features.encode(["한글"]).characters[0]) == 6
    known = features.encode(["가"]).characters[0]
    assert (known > 1).all()


def test_saved_features_give_the_same_numbers() -> None:
    features = TokenFeatures.train(SENTENCES, ["word", "shape", "left3"], min_count=1)
    again = tokens_from_json(features.to_json())
    for tokens in [*SENTENCES, ["new", "낱말", "🙂"], []]:
        a, b = features.encode(tokens), again.encode(tokens)
        np.testing.assert_array_equal(a.features, b.features)
        assert [own.tolist() for own in a.characters] == [own.tolist() for own in b.characters]


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"version":3,"kind":"tokens","jamo":false,"characters":[],"templates":{}}', '{"version":1'],
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(BundleError, match="not a vocabulary of unroll, version 2"):
        tokens_from_json(text)


def test_an_unknown_feature_is_refused() -> None:
    features = TokenFeatures.train(SENTENCES, ["word"])
    with pytest.raises(BundleError, match="unknown feature 'work'"):
        tokens_from_json(features.to_json().replace('"word"', '"work"'))

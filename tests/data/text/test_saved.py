"""One file for every kind of vocabulary: what is written now, and what was written before, reads the same."""

from __future__ import annotations

import json

import pytest

from unroll.data import BPETokenizer, CharacterTokenizer, WordTokenizer
from unroll.data.text.features import StepFeatures
from unroll.data.text.saved import steps_from_json, tokenizer_from_json, tokens_from_json, vocabulary_from_json
from unroll.data.text.tokens import TokenFeatures
from unroll.errors import BundleError

TEXTS = ["정말 좋아요 good film", "good 영화, isn't it?", "정말 good"] * 2


def as_before(text: str) -> str:
    """What version 1 wrote: the same keys, and the byte-pair pieces of steps as JSON inside a text."""
    held = {**json.loads(text), "version": 1}
    if held["kind"] == "steps" and "pieces" in held:
        held["pieces"] = json.dumps({**held["pieces"], "version": 1}, ensure_ascii=False)
    return json.dumps(held, ensure_ascii=False)


STEPS = [
    StepFeatures.train(TEXTS, unit=unit, longest=3, pairs=unit == "word", least=1)
    for unit in ("word", "character", "jamo", "bpe")
]
TOKENIZERS = [
    CharacterTokenizer.train(TEXTS, jamo=True, spell=True),
    WordTokenizer.train(TEXTS, lower=True),
    BPETokenizer.train(TEXTS, size=300),
]
TAGGER = TokenFeatures.train([text.split() for text in TEXTS], ["word", "shape", "suffix2"], min_count=1)


@pytest.mark.parametrize("features", STEPS, ids=lambda features: features.unit)
def test_steps_read_as_before(features: StepFeatures) -> None:
    for text in (features.to_json(), as_before(features.to_json())):
        again = steps_from_json(text)
        assert again.names == features.names
        assert again.encode(TEXTS[0] + " neu").ids.tolist() == features.encode(TEXTS[0] + " neu").ids.tolist()


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
def test_tokenizers_read_as_before(tokenizer: WordTokenizer) -> None:
    for text in (tokenizer.to_json(), as_before(tokenizer.to_json())):
        again = tokenizer_from_json(text)
        assert again.size == tokenizer.size
        assert again.encode(TEXTS[0]).tolist() == tokenizer.encode(TEXTS[0]).tolist()


def test_features_of_tokens_read_as_before() -> None:
    for text in (TAGGER.to_json(), as_before(TAGGER.to_json())):
        again = tokens_from_json(text)
        assert again.sizes() == TAGGER.sizes()
        assert again.encode(["정말", "Good"]).features.tolist() == TAGGER.encode(["정말", "Good"]).features.tolist()


@pytest.mark.usefixtures("no_collection")
def test_the_kind_decides_and_another_kind_is_named() -> None:
    assert isinstance(vocabulary_from_json(STEPS[0].to_json()), StepFeatures)
    assert isinstance(vocabulary_from_json(TAGGER.to_json()), TokenFeatures)
    with pytest.raises(BundleError, match="expected a tokenizer, got one of the kind 'steps'"):
        tokenizer_from_json(STEPS[0].to_json())
    with pytest.raises(BundleError, match="expected a vocabulary of the kind 'steps', got one of the kind 'tokens'"):
        steps_from_json(TAGGER.to_json())
    with pytest.raises(BundleError, match="expected a vocabulary of the kind 'tokens', got one of the kind 'word'"):
        tokens_from_json(as_before(TOKENIZERS[1].to_json()))
    with pytest.raises(BundleError, match="not a vocabulary of unroll"):
        vocabulary_from_json("[" * 100_000)

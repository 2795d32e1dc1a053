"""Many texts at once are what they are one by one."""

from pathlib import Path

import numpy as np
import pytest

from unroll.data.text import coder
from unroll.data.text.coder import StepCoder
from unroll.data.text.features import StepFeatures

TEXTS = ["Ab ab AB 12 x1", "ab 정말 재미 ab", "", "정말 x1 " + "long" * 20, "İstanbul ǅ İstanbul", ". . ?", "ab"] * 2


@pytest.mark.parametrize("remembered", [100_000, 2])
@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    ("unit", "pairs"), [("word", False), ("word", True), ("character", False), ("jamo", False), ("bpe", False)]
)
def test_features_are_those_of_the_texts_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, pairs: bool, mapped: bool, remembered: int
) -> None:
    monkeypatch.setattr(coder, "_REMEMBERED", remembered)
    features = StepFeatures.train(TEXTS[:4], unit=unit, longest=3, pairs=pairs, least=1)
    many = StepCoder(features, tmp_path if mapped else None)
    for at in (0, 3, 5, 1, 0):
        texts = TEXTS[at : at + 7]
        numbers, lengths = many.numbers(texts)
        ids, counts = many.features(numbers)
        wanted = [features.encode(text) for text in texts]
        assert ids.tolist() == np.concatenate([steps.ids for steps in wanted]).tolist()
        assert counts.tolist() == np.concatenate([steps.counts for steps in wanted]).tolist()
        assert lengths.tolist() == [len(steps.counts) for steps in wanted]
        assert {ids.dtype, counts.dtype, lengths.dtype} == {np.dtype(np.int64)}


def test_in_memory_steps_are_forgotten_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coder, "_REMEMBERED", 5)
    features = StepFeatures.train(["a b c"], unit="word", longest=1, pairs=False, least=1)
    many = StepCoder(features)
    for at in range(40):
        numbers, _ = many.numbers([f"word{at} a c"])
        assert numbers.max() < 20
        assert many.features(numbers)[0].tolist()[-4:] == features.encode("a c").ids.tolist()[-4:]


def test_numbers_hold_for_texts_that_come_later(tmp_path: Path) -> None:
    features = StepFeatures.train(["red blue"], unit="word", longest=2, pairs=False, least=1)
    many = StepCoder(features, tmp_path)
    first, _ = many.numbers(["red"])
    before = many.features(first)[0].tolist()
    for number in range(300):
        many.numbers([f"other{number} blue"])
    assert many.features(first)[0].tolist() == before == features.encode("red").ids.tolist()

"""Steps of features: what a word is made of, what is kept, and the file."""

import json
from collections import Counter

import pytest

from unroll.data import CharacterTokenizer
from unroll.data.text.features import StepFeatures
from unroll.data.text.saved import steps_from_json
from unroll.data.text.split import shape, split_words
from unroll.errors import BundleError, ConfigError


def test_words_of_any_script_and_punctuation() -> None:
    assert split_words("Don't stop!! 영화, 최고…") == ["Don't", "stop", "!", "!", "영화", ",", "최고", "…"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("McDonald", "XxXx"), ("WIN", "X"), ("08712300220", "0"), ("£1000", "£0"), ("좋아요ㅋㅋ", "c"), ("!!!", "!")],
)
def test_shape(word: str, expected: str) -> None:
    assert shape(word) == expected


def test_a_whole_text_is_one_step_that_has_every_known_feature_once() -> None:
    features = StepFeatures.train(["가나 가나", "나다", "가나"], unit="character", longest=2, pairs=False, least=1)
    ids, counts = features.encode_whole("가나가나")
    assert sorted(features.names[number - 2] for number in ids) == sorted(
        ["n:\u0002", "n:\u0002가", "n:가", "n:나", "n:가나", "n:나\u0003", "n:\u0003"]
    )
    assert ids.tolist() == sorted(ids)
    assert counts.tolist() == [len(ids)]
    assert StepFeatures("word", 2, False, ["w:ab"]).encode_whole("zz").ids.tolist() == [1]


def test_features_of_a_word() -> None:
    maker = StepFeatures("word", 2, True, ())
    first, second = maker.describe("Ab a1")
    assert first == ["w:ab", "s:Xx", "n:a", "n:b", "n:<a", "n:ab", "n:b>", "p: ab"]
    assert second == ["w:a1", "s:x0", "d:a0", "n:a", "n:1", "n:<a", "n:a1", "n:1>", "p:ab a1"]


def test_features_of_a_character_are_the_grams_that_end_at_it() -> None:
    maker = StepFeatures("character", 2, False, ())
    assert list(maker.describe("Ab")) == [
        ["n:\u0002"],
        ["n:a", "n:\u0002a"],
        ["n:b", "n:ab"],
        ["n:\u0003", "n:b\u0003"],
    ]


def test_vocabulary_counts_texts_not_words_and_keeps_the_most_frequent() -> None:
    texts = ["red red red", "blue", "blue green", "green blue"]
    found = StepFeatures.train(texts, unit="word", longest=0, pairs=False, least=2)
    assert found.names == ("s:x", "w:blue", "w:green")
    assert StepFeatures.train(texts, unit="word", longest=0, pairs=False, least=2, most=1).names == ("s:x",)
    assert StepFeatures.train(reversed(texts), unit="word", longest=0, pairs=False, least=2).names == found.names


def test_encoding_marks_what_is_wholly_unknown() -> None:
    features = StepFeatures("word", 0, False, ("w:red", "s:x"))
    steps = features.encode("red 새")
    assert steps.ids.tolist() == [2, 3, 1]
    assert steps.counts.tolist() == [2, 1]
    assert features.encode(" ").counts.tolist() == []


def test_composed_and_decomposed_letters_are_the_same() -> None:
    features = StepFeatures.train(["한글"], unit="word", longest=2, pairs=False, least=1)
    decomposed = "\u1112\u1161\u11ab\u1100\u1173\u11af"
    assert features.encode(decomposed).ids.tolist() == features.encode("한글").ids.tolist()


def test_unseen_word_shares_grams_with_a_seen_one() -> None:
    features = StepFeatures.train(["재미있었다"], unit="word", longest=3, pairs=False, least=1)
    shared = set(features.encode("재미있네").ids.tolist()) & set(features.encode("재미있었다").ids.tolist())
    assert len(shared) >= 6


@pytest.mark.parametrize("text", ["\ud800", "\x00", "a" * 10_000, "\u202e\u200b"])
def test_odd_text_makes_steps(text: str) -> None:
    features = StepFeatures.train(["abc"], unit="word", longest=4, pairs=False, least=1)
    steps = features.encode(text)
    assert int(steps.counts.sum()) == len(steps.ids)


def test_file_round_trip() -> None:
    features = StepFeatures.train(["좋아요 good", "good"], unit="word", longest=3, pairs=True, least=1)
    again = steps_from_json(features.to_json())
    assert again.encode("좋아 good").ids.tolist() == features.encode("좋아 good").ids.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"version": 1}',
        json.dumps({"version": 3, "kind": "steps", "unit": "word", "longest": 0, "pairs": False, "names": []}),
        CharacterTokenizer("ab").to_json(),
        json.dumps({"version": 1, "kind": "steps", "unit": "word", "longest": 0, "pairs": False, "names": [1]}),
        json.dumps({"version": 1, "kind": "steps", "unit": "word", "longest": "x", "pairs": False, "names": []}),
        json.dumps({"version": 1, "kind": "steps", "unit": "line", "longest": 0, "pairs": False, "names": []}),
    ],
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(BundleError):
        steps_from_json(text)


def test_letters_of_syllables_are_steps_with_the_ngrams_that_end_there() -> None:
    maker = StepFeatures("jamo", 2, False, ())
    assert list(maker.describe("가a")) == [
        ["n:\u0002"],
        ["n:\u1100", "n:\u0002\u1100"],
        ["n:\u1161", "n:\u1100\u1161"],
        ["n:a", "n:\u1161a"],
        ["n:\u0003", "n:a\u0003"],
    ]


def test_pieces_are_steps_and_what_is_loaded_reads_as_what_was_saved() -> None:
    texts = ["정말 좋아요 good", "정말 나빠요 good film"] * 3
    features = StepFeatures.train(iter(texts), unit="bpe", longest=2, pairs=False, least=2)
    assert features.pieces is not None
    numbers = features.pieces.encode(texts[0])
    # A step for every piece and one for each edge; every step but the first has itself and its pair.
    assert features.encode(texts[0]).counts.tolist() == [1, *[2] * (len(numbers) + 1)]
    assert features.pieces.decode(numbers) == texts[0]
    again = steps_from_json(features.to_json())
    for text in ("정말 좋아요 good", "새 낱말 \U0001f642", ""):
        assert again.encode(text).ids.tolist() == features.encode(text).ids.tolist()


@pytest.mark.parametrize(
    "change", [{"pieces": None}, {"unit": "word"}, {"pieces": "{}"}, {"pieces": CharacterTokenizer("ab").to_json()}]
)
def test_pieces_that_do_not_belong_there_are_refused(change: dict[str, object]) -> None:
    held = json.loads(StepFeatures.train(["ab"], unit="bpe", longest=1, pairs=False, least=1).to_json())
    with pytest.raises(BundleError):
        steps_from_json(json.dumps({**held, **change}))
    with pytest.raises(ConfigError, match="pieces belong to the unit 'bpe'"):
        StepFeatures("bpe", 1, False, ())


@pytest.mark.parametrize("unit", ["word", "character", "jamo"])
def test_ids_are_those_of_the_described_features_whether_a_word_comes_first_or_again(unit: str) -> None:
    texts = ["Ab ab AB 12 x1", "ab 정말 재미 ab", "", "정말 x1 " + "long" * 20, "İstanbul ǅ İstanbul"]
    features = StepFeatures.train(texts, unit=unit, longest=3, pairs=unit == "word", least=1)
    counted = Counter(name for text in texts for name in {name for step in features.describe(text) for name in step})
    assert dict.fromkeys(features.names) == dict.fromkeys(sorted(counted, key=lambda name: (-counted[name], name)))
    index = {name: number for number, name in enumerate(features.names, 2)}
    for text in [*texts, *texts, "ab unseen 정"]:
        wanted = [[index[name] for name in step if name in index] or [1] for step in features.describe(text)]
        steps = features.encode(text)
        assert steps.counts.tolist() == [len(step) for step in wanted]
        assert steps.ids.tolist() == [number for step in wanted for number in step]
        known = sorted({number for step in wanted for number in step} - {1})
        assert features.encode_whole(text).ids.tolist() == (known or [1])

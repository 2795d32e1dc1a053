"""Tokenizers: exact round trips, sizes, and what is not loaded."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.data import BPETokenizer, CharacterTokenizer, Tokenizer, WordTokenizer, tokenizer_from_json
from unroll.data.text.jamo import compose, decompose
from unroll.errors import BundleError, DataError

TEXTS = [
    "안녕하세요, 세계!",
    "Hello  world: it's 3.5 %\n",
    "don't (stop) [now] “ok”…",
    "ㅋㅋㅋ 대박ㅠㅠ",
    "tabs\tand\r\nlines",
]
#: Any text, with what is likely to break a tokenizer drawn often.
ANY_TEXT = st.text(max_size=30) | st.text(
    alphabet=st.sampled_from(list("가각힣각ㄱㅏa1=.,(' \n\t\u2060\u00a0\u3000<pad>😀é\u0301\u200d\u1160\u11a7\u11c3")),
    max_size=20,
)
HARD = [
    "",
    " ",
    "  ",
    "=ᄀ",
    "ᄀ",
    "각ᆨ",
    "하\u1161ᆫ",
    "\u2060",
    "\u2060\u2060 a",
    "a \u2060b",
    " a",
    "a ",
    "a  b",
    "\n \n",
    "a .",
    "( a )",
    "é",
    "<pad><unk>",
    "\x00",
    "\U0010ffff",
]


def character() -> Tokenizer:
    return CharacterTokenizer.train(TEXTS, spell=True)


def jamo() -> Tokenizer:
    return CharacterTokenizer.train(TEXTS, jamo=True, spell=True)


def word() -> Tokenizer:
    return WordTokenizer.train(TEXTS, spell=True)


def bpe() -> Tokenizer:
    return BPETokenizer.train(TEXTS * 5, size=320)


EXACT = [character, jamo, word, bpe]
KEPT: dict[Callable[[], Tokenizer], Tokenizer] = {}


def kept(make: Callable[[], Tokenizer]) -> Tokenizer:
    return KEPT.setdefault(make, make())


@pytest.mark.parametrize("make", EXACT)
@settings(max_examples=120, deadline=None)
@given(text=ANY_TEXT)
def test_every_text_comes_back(make: Callable[[], Tokenizer], text: str) -> None:
    tokenizer = kept(make)
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int32
    assert ((ids > tokenizer.unknown_id) & (ids < tokenizer.size)).all()
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("make", EXACT)
@pytest.mark.parametrize("text", [*HARD, *TEXTS])
def test_hard_texts_come_back(make: Callable[[], Tokenizer], text: str) -> None:
    tokenizer = kept(make)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("make", EXACT)
def test_every_character_comes_back(make: Callable[[], Tokenizer]) -> None:
    tokenizer = kept(make)
    step = 29
    text = "".join(chr(c) for c in range(0, 0x110000, step) if not 0xD800 <= c <= 0xDFFF)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("make", EXACT)
def test_a_lone_surrogate_is_a_documented_error(make: Callable[[], Tokenizer]) -> None:
    with pytest.raises(DataError, match=r"lone surrogate \(U\+D83D at character 3\)"):
        kept(make).encode("ab\ud83d")


@pytest.mark.parametrize(
    "make",
    [
        *EXACT,
        lambda: CharacterTokenizer.train(TEXTS, lower=True),
        lambda: WordTokenizer.train(TEXTS, lower=True, max_size=9),
    ],
)
def test_json_gives_the_same_tokenizer(make: Callable[[], Tokenizer]) -> None:
    tokenizer = make()
    loaded = tokenizer_from_json(tokenizer.to_json())
    assert loaded.to_json() == tokenizer.to_json()
    assert loaded.size == tokenizer.size
    for text in [*TEXTS, *HARD, "Unseen Wörter 또 다른 말"]:
        np.testing.assert_array_equal(loaded.encode(text), tokenizer.encode(text))


@pytest.mark.parametrize("make", EXACT)
def test_training_is_deterministic(make: Callable[[], Tokenizer]) -> None:
    assert make().to_json() == make().to_json()


def test_order_of_texts_does_not_matter_for_characters_and_words() -> None:
    for train in (CharacterTokenizer.train, WordTokenizer.train):
        assert train(TEXTS).to_json() == train(TEXTS[::-1]).to_json()


def test_numbers_of_characters_go_by_frequency() -> None:
    tokenizer = CharacterTokenizer.train(["aab", "ca"], max_size=2)
    assert tokenizer.size == 4
    assert tokenizer.encode("abc").tolist() == [2, 3, 1]
    assert tokenizer.decode([2, 0, 3, 1]) == "ab\ufffd"


def test_min_count_and_lower() -> None:
    assert CharacterTokenizer.train(["Aab"], min_count=2, lower=True).encode("aAbB").tolist() == [2, 2, 1, 1]
    words = WordTokenizer.train(["The cat", "the Dog"], min_count=2, lower=True)
    assert words.encode("THE fox").tolist()[1] == 1
    assert words.decode(words.encode("THE")) == "the"


def test_words_of_several_languages() -> None:
    tokenizer = WordTokenizer.train(["x"])
    assert tokenizer.words("안녕하세요, 세계!") == ["안녕하세요", ",", "세계", "!"]
    assert tokenizer.words("It's 3.5 % (ok)") == ["It's", "3", ".", "\u2060", "5", " ", "%", "(", "ok", ")"]
    assert tokenizer.words("größe naïve cafe\u0301") == ["größe", "naïve", "cafe\u0301"]


def test_unknown_words_are_one_number_each_without_spelling() -> None:
    tokenizer = WordTokenizer.train(["known words"])
    ids = tokenizer.encode("known strange words")
    assert ids.tolist().count(tokenizer.unknown_id) == 1
    assert tokenizer.decode(ids) == "known \ufffd words"


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8", categories=["Lo"]) | st.sampled_from(list("한글한=")), max_size=12)
)
def test_jamo_come_back(text: str) -> None:
    assert compose(decompose(text)) == text


def test_jamo_are_those_of_unicode() -> None:
    for code in range(0xAC00, 0xD7A4, 11):
        assert "".join(decompose(chr(code))) == unicodedata.normalize("NFD", chr(code))


def test_jamo_in_any_order_are_a_text() -> None:
    assert compose(["ᄒ", "ᅡ", "ᆫ", "ᆫ", "ᅡ", "ᄀ", "x"]) == "한\u11ab\u1161\u1100x"


def test_bpe_is_smaller_than_bytes_and_keeps_to_its_size() -> None:
    texts = ["인공지능은 재미있다 and so on"] * 20
    tokenizer = BPETokenizer.train(texts, size=300)
    assert tokenizer.size <= 300
    assert len(tokenizer.encode(texts[0])) < len(texts[0].encode()) / 2
    with pytest.raises(ValueError, match="size must be at least 258"):
        BPETokenizer.train(texts, size=100)


@example([300, 0, 1, 259])
@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 250), max_size=10))
def test_any_numbers_are_a_text(ids: list[int]) -> None:
    for make in EXACT:
        tokenizer = kept(make)
        tokenizer.decode([i % tokenizer.size for i in ids]).encode("utf-8")


@pytest.mark.parametrize("make", EXACT)
@pytest.mark.parametrize("number", [-1, 10**6])
def test_a_number_out_of_range_is_an_error(make: Callable[[], Tokenizer], number: int) -> None:
    with pytest.raises(ValueError, match="token ids must lie in 0 to"):
        kept(make).decode([number])


def broken(**changes: object) -> str:
    content = {
        "version": 2,
        "kind": "character",
        "lower": False,
        "jamo": False,
        "spell": False,
        "pieces": ["a"],
        **changes,
    }
    return json.dumps({key: value for key, value in content.items() if value is not None})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        broken(version=3),
        broken(kind="pickle"),
        broken(extra=1),
        broken(lower="yes"),
        broken(pieces=None),
        broken(pieces=["a", "a"]),
        broken(pieces=[""]),
        broken(pieces=["a" * 2000]),
        broken(pieces=[1]),
        json.dumps({"version": 2, "kind": "bpe", "pieces": ["a"], "merges": []}),
        bpe().to_json().replace('"merges": [', '"merges": [["zz", "qq"], '),
    ],
)
def test_a_damaged_tokenizer_is_not_loaded(text: str) -> None:
    with pytest.raises(BundleError, match="not a vocabulary of unroll, version 2") as caught:
        tokenizer_from_json(text)
    assert "\n" not in str(caught.value)


def test_a_huge_tokenizer_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.data.text.saved._MAX_JSON", 10)
    with pytest.raises(BundleError, match="at most 10 can be loaded"):
        tokenizer_from_json(broken())

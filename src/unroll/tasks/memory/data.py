"""Made-up sequences that ask how far a network remembers: copying, adding, sentences with a dependency over a distance,
and parity over many bits.

Shapes: N rows, T steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from unroll.errors import ConfigError, nearest

#: The target of a step at which nothing is asked.
NOTHING = -1
#: Symbols of the copy task beside the blank and the mark that asks for them (Arjovsky, Shah, Bengio 2016, section
#: 4.1: eight, ten of them).
_SYMBOLS, _COPIED = 8, 5


class Questions(NamedTuple):
    """Rows of made-up sequences.

    Attributes:
        inputs: (N, T) int64 ids of tokens; for adding (N, T, 2) float32, for parity (N, 1, lag) float32.
        targets: (N, T) int64, the answer that is asked for at each step or NOTHING; for adding (N,) float32.
        chance: the score of a guess that remembers nothing: accuracy, or for adding mean squared error.
    """

    inputs: np.ndarray
    targets: np.ndarray
    chance: float


class MemoryTask(NamedTuple):
    """A kind of question.

    Attributes:
        summary: one line.
        tokens: texts of the token ids; empty for adding and parity, which have numbers.
        answers: how many answers there are to choose from; 1: a number is asked for.
        make: from a random generator, the number of rows and the lag to the questions.
        whole: whether a row is read at once, in one step.
    """

    summary: str
    tokens: tuple[str, ...]
    answers: int
    make: Callable[[np.random.Generator, int, int], Questions]
    whole: bool = False


def _copy(draw: np.random.Generator, rows: int, lag: int) -> Questions:
    """Symbols, `lag` blanks, then as many marks at which the symbols are asked for in order."""
    symbols = draw.integers(2, 2 + _SYMBOLS, (rows, _COPIED))
    inputs = np.zeros((rows, 2 * _COPIED + lag), dtype=np.int64)
    inputs[:, :_COPIED] = symbols
    inputs[:, -_COPIED:] = 1
    targets = np.full_like(inputs, NOTHING)
    targets[:, -_COPIED:] = symbols
    return Questions(inputs, targets, 1 / _SYMBOLS)


def _add(draw: np.random.Generator, rows: int, lag: int) -> Questions:
    """`lag` steps of a number in [0, 1) and a mark; asked for at the end: the sum of the two marked numbers, one of
    each half.

    Source: Hochreiter, Schmidhuber 1997, section 5.4; the form of Le, Jaitly, Hinton 2015, section 4.1.
    """
    if lag < 2:
        raise ConfigError(f"adding needs a lag of at least 2 steps, got {lag}")
    inputs = np.zeros((rows, lag, 2), dtype=np.float32)
    inputs[:, :, 0] = draw.random((rows, lag))
    every = np.arange(rows)
    inputs[every, draw.integers(0, lag // 2, rows), 1] = 1.0
    inputs[every, draw.integers(lag // 2, lag, rows), 1] = 1.0
    # Always answering 1, the mean, costs the variance of the sum of two uniform numbers.
    return Questions(inputs, (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1), 1 / 6)


def _parity(draw: np.random.Generator, rows: int, lag: int) -> Questions:
    """As many bits as `lag`, -1 or 1, all in one step; asked for: whether the number of ones is odd.

    Source: Kalchbrenner, Danihelka, Graves 2015, section 4.1, where the bits are given as a whole, too: reading one bit
    after the other would leave only the parity of two bits to be learnt.
    """
    if lag < 1:
        raise ConfigError(f"parity needs at least 1 bit, got a lag of {lag}")
    bits = draw.integers(0, 2, (rows, lag))
    return Questions((2 * bits - 1).astype(np.float32)[:, None, :], bits.sum(axis=1, keepdims=True) % 2, 0.5)


class _Frame(NamedTuple):
    """Sentences whose last word depends on an early one: choices of (words at the start, words before the gap,
    the word asked for).
    """

    summary: str
    choices: tuple[tuple[str, str, str], ...]


_FILLERS = {
    "en": (
        "today", "the", "weather", "was", "fine", "and", "many", "people", "walked", "along", "river", "while",
        "others", "stayed", "at", "home", "reading", "old", "letters",
    ),
    "ko": (
        "오늘은", "날씨가", "맑아서", "많은", "사람들이", "강가를", "걸었고", "다른", "사람들은", "집에서", "오래된",
        "편지를", "읽으며", "조용히", "쉬었다",
    ),
}  # fmt: skip
_FRAMES = {
    ("allergy", "en"): _Frame(
        "what she is allergic to is what she cannot eat",
        tuple((f"she is allergic to {food} .", "so she cannot eat", food) for food in ("nuts", "milk", "eggs", "fish")),
    ),
    ("allergy", "ko"): _Frame(
        "알레르기가 있는 음식은 먹을 수 없다",
        tuple(
            (f"그녀는 {food} 알레르기가 있다 .", "그래서 먹을 수 없는 것은", food)
            for food in ("땅콩", "우유", "달걀", "생선")
        ),
    ),
    ("gender", "en"): _Frame(
        "the pronoun agrees with the name",
        tuple(
            (f"{name} came home .", "after that", word)
            for name, word in (("Anna", "she"), ("Mary", "she"), ("John", "he"), ("Peter", "he"))
        ),
    ),
    ("gender", "ko"): _Frame(
        "호칭은 이름의 사람과 맞는다",
        tuple(
            (f"{name} 집에 왔다 .", "그 뒤에 온 사람은", word)
            for name, word in (("누나가", "그녀"), ("이모가", "그녀"), ("형이", "그"), ("삼촌이", "그"))
        ),
    ),
    ("number", "en"): _Frame(
        "the verb agrees with the subject in number",
        tuple(
            (f"the {noun} that I saw when", "finally", word)
            for noun, word in (("key", "is"), ("door", "is"), ("keys", "are"), ("doors", "are"))
        ),
    ),
    ("number", "ko"): _Frame(
        "단위는 세는 것과 맞는다",
        tuple(
            (f"{noun} 샀다 .", "모두 세어 보니 열", word)
            for noun, word in (("책을", "권"), ("공책을", "권"), ("개를", "마리"), ("고양이를", "마리"))
        ),
    ),
}
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"))


def _sentences(frame: _Frame, language: str) -> MemoryTask:
    fillers = _FILLERS[language]
    words = sorted({word for choice in frame.choices for part in choice for word in part.split()} | set(fillers))
    ids = {word: number for number, word in enumerate(words)}
    filler_ids = np.array([ids[word] for word in fillers])
    starts, ends = ([[ids[word] for word in choice[part].split()] for choice in frame.choices] for part in (0, 1))
    answers = np.array([ids[choice[2]] for choice in frame.choices])

    def make(draw: np.random.Generator, rows: int, lag: int) -> Questions:
        chosen = draw.integers(0, len(answers), rows)
        between = filler_ids[draw.integers(0, len(fillers), (rows, lag))]
        inputs = np.concatenate([np.array(starts)[chosen], between, np.array(ends)[chosen]], axis=1)
        targets = np.full_like(inputs, NOTHING)
        targets[:, -1] = answers[chosen]
        return Questions(inputs, targets, float(np.unique(answers, return_counts=True)[1].max() / len(answers)))

    return MemoryTask(frame.summary, tuple(words), len(words), make)


def _brackets(language: str) -> MemoryTask:
    words = (*(bracket for pair in _BRACKETS for bracket in pair), *_FILLERS[language], "?")

    def make(draw: np.random.Generator, rows: int, lag: int) -> Questions:
        """An opening bracket, `lag` words with closed pairs among them, then the question which bracket is still
        open.
        """
        kinds = draw.integers(0, len(_BRACKETS), rows)
        between = draw.integers(2 * len(_BRACKETS), len(words) - 1, (rows, lag))
        for row in range(rows):
            for at in range(0, lag - 2, 3):
                if draw.random() < 0.5:
                    kind = int(draw.integers(0, len(_BRACKETS)))
                    between[row, at], between[row, at + 2] = 2 * kind, 2 * kind + 1
        asked = np.full((rows, 1), len(words) - 1)
        inputs = np.concatenate([2 * kinds[:, None], between, asked], axis=1)
        targets = np.full_like(inputs, NOTHING)
        targets[:, -1] = 2 * kinds + 1
        return Questions(inputs, targets, 1 / len(_BRACKETS))

    return MemoryTask("which bracket is still open", words, len(words), make)


NAMES = ("copy", "adding", "allergy", "gender", "number", "brackets", "parity")
LANGUAGES = ("en", "ko")


def memory_task(name: str, language: str = "en") -> MemoryTask:
    """A memory task by its name.

    Args:
        name: one of NAMES.
        language: of the sentences, "en" or "ko"; the other tasks have none.

    Raises:
        ConfigError: the name or the language is unknown.
    """
    if name not in NAMES:
        raise ConfigError(f"unknown memory task '{name}'{nearest(name, NAMES)}; known: {', '.join(NAMES)}")
    if language not in LANGUAGES:
        raise ConfigError(f"unknown language '{language}'; known: {', '.join(LANGUAGES)}")
    if name == "copy":
        blank = ("_", "?", *(chr(ord("a") + k) for k in range(_SYMBOLS)))
        return MemoryTask("repeat the symbols after the blanks, in order", blank, len(blank), _copy)
    if name == "adding":
        return MemoryTask("the sum of the two marked numbers", (), 1, _add)
    if name == "parity":
        return MemoryTask("whether the number of ones is odd, all bits read at once", (), 2, _parity, whole=True)
    if name == "brackets":
        return _brackets(language)
    return _sentences(_FRAMES[name, language], language)

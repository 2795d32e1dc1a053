"""The made-up sequences: what they ask can be answered from what stands `lag` steps before, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.errors import ConfigError
from unroll.tasks.memory.data import LANGUAGES, NAMES, NOTHING, memory_task

SENTENCES = ("allergy", "gender", "number", "brackets")


@pytest.mark.parametrize("lag", [0, 3, 17])
def test_copy_asks_for_the_first_symbols_after_the_blanks(lag: int) -> None:
    made = memory_task("copy").make(np.random.default_rng(0), 50, lag)
    assert made.inputs.shape == (50, 10 + lag)
    np.testing.assert_array_equal(made.targets[:, -5:], made.inputs[:, :5])
    assert (made.targets[:, :-5] == NOTHING).all()
    assert (made.inputs[:, 5 : 5 + lag] == 0).all()
    assert (made.inputs[:, -5:] == 1).all()


@pytest.mark.parametrize("lag", [2, 9, 50])
def test_adding_marks_one_number_in_each_half(lag: int) -> None:
    made = memory_task("adding").make(np.random.default_rng(0), 4000, lag)
    marks = made.inputs[:, :, 1]
    assert (marks[:, : lag // 2].sum(axis=1) == 1).all()
    assert (marks[:, lag // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(made.targets, (made.inputs[:, :, 0] * marks).sum(axis=1), rtol=1e-6)
    # The variance of the mean of 4,000 squared deviations is small: 0.01 is ten standard errors.
    assert float(((made.targets - 1.0) ** 2).mean()) == pytest.approx(made.chance, abs=0.01)


@pytest.mark.parametrize("bits", [1, 2, 50])
def test_parity_asks_whether_the_number_of_ones_is_odd(bits: int) -> None:
    made = memory_task("parity").make(np.random.default_rng(0), 2000, bits)
    assert made.inputs.shape == (2000, 1, bits)
    assert set(np.unique(made.inputs)) == {-1.0, 1.0}
    # The product of -1 and 1 tells whether the number of -1 is odd.
    zeros_odd = made.inputs[:, 0].prod(axis=1) < 0
    np.testing.assert_array_equal(made.targets[:, 0] == 1, zeros_odd if bits % 2 == 0 else ~zeros_odd)
    assert made.targets.mean() == pytest.approx(made.chance, abs=0.05)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("lag", [0, 11])
def test_sentences_ask_for_one_word_that_their_start_decides(name: str, language: str, lag: int) -> None:
    task = memory_task(name, language)
    made = task.make(np.random.default_rng(0), 400, lag)
    assert (made.targets[:, :-1] == NOTHING).all()
    answers = made.targets[:, -1]
    assert (answers >= 0).all()
    # Of the words before the gap, the first that differs between rows decides the answer.
    column = next(column for column in range(made.inputs.shape[1]) if len(np.unique(made.inputs[:, column])) > 1)
    decided: dict[int, int] = {}
    for word, answer in zip(made.inputs[:, column].tolist(), answers.tolist(), strict=True):
        assert decided.setdefault(word, answer) == answer
    share = np.unique(answers, return_counts=True)[1].max() / len(answers)
    assert share == pytest.approx(made.chance, abs=0.1)
    assert all(task.tokens[number] for number in made.inputs[0])


def test_brackets_in_the_gap_are_closed_again() -> None:
    task = memory_task("brackets")
    made = task.make(np.random.default_rng(0), 50, 30)
    closing = {")": "(", "]": "[", "}": "{", ">": "<"}
    for row, answer in zip(made.inputs.tolist(), made.targets[:, -1].tolist(), strict=True):
        opened: list[str] = []
        for number in row:
            word = task.tokens[number]
            if word in closing.values():
                opened.append(word)
            elif word in closing:
                assert opened.pop() == closing[word]
        assert opened == [closing[task.tokens[answer]]]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_rows(name: str) -> None:
    a, b, c = (memory_task(name).make(np.random.default_rng(seed), 20, 10).inputs for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_unknown_names_and_short_lags_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown memory task 'adds'.*known: copy"):
        memory_task("adds")
    with pytest.raises(ConfigError, match="unknown language 'de'"):
        memory_task("gender", "de")
    with pytest.raises(ConfigError, match="at least 2 steps, got 1"):
        memory_task("adding").make(np.random.default_rng(0), 3, 1)
    with pytest.raises(ConfigError, match="at least 1 bit, got a lag of 0"):
        memory_task("parity").make(np.random.default_rng(0), 3, 0)

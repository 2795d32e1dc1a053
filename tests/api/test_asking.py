"""What a model may be asked with: lists of tokens, tensors, nested lists, and what is none of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unroll
from unroll.errors import DataError

QUICK: dict[str, Any] = {"epochs": 1, "hidden_size": 4, "progress": False, "settings": {"training.batch_size": 4}}
TOKENS = [["Anna", "sings"], ["Seoul", "is", "big"]] * 10
TAGS = [["B-PER", "O"], ["B-LOC", "O", "O"]] * 10
DRAW = np.random.default_rng(0)
SERIES, CLASSES = DRAW.normal(size=(24, 6, 2)).astype(np.float32), [n % 2 for n in range(24)]


@pytest.fixture(scope="module")
def tagger() -> unroll.Model:
    return unroll.train({"tokens": TOKENS, "tags": TAGS}, **QUICK)


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ({"tokens": ["Anna", "sings"]}, [["Anna", "sings"]]),
        ([("Anna", "sings")], [["Anna", "sings"]]),
        ([["Room", 5]], [["Room", "5"]]),
        ([np.array(["Anna", "sings"]), ["Kim"]], [["Anna", "sings"], ["Kim"]]),
        ([[]], [[]]),
        # Columns: of lists, and of sentences.
        ({"tokens": [["Anna"], ["Kim", "is"]]}, [["Anna"], ["Kim", "is"]]),
        ({"tokens": ["Anna sings", "Kim is"]}, [["Anna", "sings"], ["Kim", "is"]]),
    ],
)
def test_a_list_of_tokens_is_one_sentence(tagger: unroll.Model, asked: object, read: list[list[str]]) -> None:
    assert [prediction.tokens for prediction in tagger.predict(asked)] == read


def test_what_is_no_token_is_told_of(tagger: unroll.Model) -> None:
    with pytest.raises(DataError, match="token 2 of a list is None"):
        tagger.predict([["Anna", None]])


@pytest.mark.parametrize(
    "data",
    [
        (torch.tensor(SERIES), torch.tensor(CLASSES)),
        (SERIES.tolist(), CLASSES),
        {"series": [torch.tensor(row) for row in SERIES], "label": torch.tensor(CLASSES)},
    ],
    ids=["tensors", "lists", "columns"],
)
def test_tensors_and_nested_lists_are_arrays(data: object) -> None:
    arrays = unroll.train((SERIES, CLASSES), **QUICK)
    model = unroll.train(data, **QUICK)
    wanted = [dict(prediction) for prediction in arrays.predict(SERIES[:3])]
    for asked in (SERIES[:3], torch.tensor(SERIES[:3]), SERIES[:3].tolist(), list(torch.tensor(SERIES[:3]))):
        assert [dict(prediction) for prediction in model.predict(asked)] == wanted


def test_a_list_with_what_is_no_number_is_told_of_by_its_row() -> None:
    with pytest.raises(DataError, match=r"expected a list of numbers, .* as row 1$"):
        unroll.check(([[1, 2], [3, "x"]], ["a", "b"]))

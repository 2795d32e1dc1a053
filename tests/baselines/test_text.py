"""The TF-IDF baseline: what it finds, and what its choice is made on."""

import numpy as np
import pytest

from unroll.baselines.text import tfidf_regression
from unroll.errors import DataError

TEXTS = ["좋아요 정말", "정말 좋아", "좋았다", "나빠요 정말", "정말 나빠", "나빴다"] * 5
TRUTH = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]] * 5, dtype=bool)


def accuracy_on(truth: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda scores: float((scores.argmax(axis=1) == truth).mean())


def test_character_grams_win_where_words_are_inflected() -> None:
    validation = ["좋더라", "나쁘고 나빠서", "좋네", "나빠졌다"]
    found = tfidf_regression(TEXTS, TRUTH, validation, accuracy_on(np.array([0, 1, 0, 1])))
    assert found.name.startswith("TF-IDF character")
    scores = found.probabilities(["좋지", "나빠지다"])
    assert scores.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)


def test_choice_follows_the_score_that_is_given() -> None:
    validation = ["좋더라", "나빠서"]
    kept: list[float] = []

    def count(scores: np.ndarray) -> float:
        kept.append(float(scores[0, 0]))
        return -kept[-1]

    found = tfidf_regression(TEXTS, TRUTH, validation, count)
    assert len(kept) == 6
    assert found.probabilities(validation)[0, 0] == pytest.approx(min(kept))


def test_several_labels_need_not_sum_to_one() -> None:
    texts = ["red round", "red square", "blue round", "blue square"] * 10
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]] * 10, dtype=bool)
    found = tfidf_regression(texts, truth, texts, lambda scores: -float(np.abs(scores - truth).sum()), exclusive=False)
    scores = found.probabilities(["red round", "blue square"])
    assert (scores[:, :2] > 0.5).tolist() == [[True, True], [False, False]]
    assert scores[:, 2].tolist() == [0.0, 0.0]


def test_three_classes_keep_their_columns_when_one_is_missing_from_the_train_part() -> None:
    truth = np.array([[1, 0, 0], [0, 0, 1]] * 5, dtype=bool)
    found = tfidf_regression(["good", "bad"] * 5, truth, ["good"], lambda scores: 0.0)
    scores = found.probabilities(["good", "bad"])
    assert scores.argmax(axis=1).tolist() == [0, 2]
    assert scores[:, 1].tolist() == [0.0, 0.0]


def test_texts_without_anything_to_count_are_a_data_error() -> None:
    with pytest.raises(DataError, match="no words"):
        tfidf_regression(["", " "], np.eye(2, dtype=bool), [""], lambda scores: 0.0)

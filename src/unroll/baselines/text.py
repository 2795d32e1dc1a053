"""TF-IDF and logistic regression: what a text classifier must stand beside.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.errors import DataError, MissingExtraError

#: Inverse strengths of the regression's penalty, tried on validation; many classes are separable, and there only the
#: weakest penalty
#: is tried, because one regression per class takes minutes.
_STRENGTHS = (1.0, 4.0, 16.0)
_MANY_CLASSES = 20

#: N-grams kept at most, the most frequent first; bounds memory on large data.
_FEATURES = 200_000


class Analyser(NamedTuple):
    """Which n-grams are counted: scikit-learn's analyser and the shortest and longest."""

    analyser: str
    shortest: int
    longest: int


#: The two that are compared, by the name that the report shows.
ANALYSERS = {"word": Analyser("word", 1, 2), "character": Analyser("char_wb", 1, 5)}


class TextBaseline(NamedTuple):
    """A fitted baseline.

    Attributes:
        name: which n-grams and which penalty won on validation.
        probabilities: from texts to (N, K).
    """

    name: str
    probabilities: Callable[[Sequence[str]], np.ndarray]


def tfidf_regression(
    texts: Sequence[str],
    truth_NK: np.ndarray,
    validation: Sequence[str],
    score: Callable[[np.ndarray], float],
    *,
    exclusive: bool = True,
) -> TextBaseline:
    """Fit logistic regression on word and on character TF-IDF with several penalties, and keep the best on validation.

    Args:
        texts: the train part.
        truth_NK: (N, K) bool, its classes or labels.
        validation: the texts that the choice is made on.
        score: from (N, K) probabilities of the validation part to a value; higher is better.
        exclusive: one class per row; otherwise any number of labels.

    Raises:
        DataError: no text of the train part holds a word or character to count.
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "tasks", "the TF-IDF baseline") from error
    best: tuple[float, TextBaseline] | None = None
    for kind, (analyser, shortest, longest) in ANALYSERS.items():
        counter = TfidfVectorizer(
            analyzer=analyser,
            ngram_range=(shortest, longest),
            token_pattern=r"\w+|[^\w\s]" if analyser == "word" else None,
            sublinear_tf=True,
            min_df=1 if len(texts) < 1000 else 2,
            max_features=_FEATURES,
            dtype=np.float32,
        )
        try:
            train = counter.fit_transform(texts)
        except ValueError as error:
            if "vocabulary" not in str(error) and "no terms remain" not in str(error):
                raise
            continue
        held_out = counter.transform(validation)
        for strength in _STRENGTHS if truth_NK.shape[1] <= _MANY_CLASSES else _STRENGTHS[-1:]:
            model = _regression(strength, truth_NK, train, exclusive)
            value = score(model(held_out))
            if best is None or value > best[0]:
                name = f"TF-IDF {kind} {shortest}-{longest} + logistic regression (C={strength:g})"
                best = value, TextBaseline(name, _composed(model, counter))
    if best is None:
        raise DataError("the texts of the train part hold no words or characters to count")
    return best[1]


def _composed(model: Callable[[Any], np.ndarray], counter: Any) -> Callable[[Sequence[str]], np.ndarray]:
    return lambda texts: model(counter.transform(texts))


def _regression(strength: float, truth_NK: np.ndarray, features: Any, exclusive: bool) -> Callable[[Any], np.ndarray]:
    """Fit one regression, or one per label; liblinear, because it is exact and quick on sparse rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    classes = truth_NK.shape[1]
    plain = LogisticRegression(C=strength, solver="liblinear")
    if exclusive:
        numbers = truth_NK.argmax(axis=1)
        model = plain if len(np.unique(numbers)) == 2 else OneVsRestClassifier(plain)
        model.fit(features, numbers)
        known = np.asarray(model.classes_)

        def probabilities(rows: Any) -> np.ndarray:
            out = np.zeros((rows.shape[0], classes))
            out[:, known] = model.predict_proba(rows)
            return out

        return probabilities
    models: list[Any] = []
    for k in range(classes):
        column = truth_NK[:, k]
        # A label that all rows or none have leaves nothing to learn: its share is the answer.
        constant = bool(column.all() or not column.any())
        models.append(
            float(column.mean())
            if constant
            else LogisticRegression(C=strength, solver="liblinear").fit(features, column)
        )

    def label_probabilities(rows: Any) -> np.ndarray:
        columns = [
            np.full(rows.shape[0], model) if isinstance(model, float) else model.predict_proba(rows)[:, 1]
            for model in models
        ]
        return np.stack(columns, axis=1)

    return label_probabilities

"""Estimators for scikit-learn: pipelines, cross-validation and searches over recurrent networks.

X is a list or an array of texts, of arrays (T, F), an array (N, T, F), of lists of tokens, or a frame whose columns
are the parts of a record; y has one entry per record. What differs from estimators of fixed features is listed in
`docs/usage/python.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from unroll.api import train
from unroll.errors import DataError
from unroll.metrics.entities import detect_scheme, spans
from unroll.results import Predictions
from unroll.tasks.classify.predictor import ClassifyPredictor
from unroll.tasks.options import Value
from unroll.tasks.records import is_missing
from unroll.trained import Model

#: What the columns are called on the way.
_TARGET, _VALUE = "label", "value"


class SequenceClassifier(ClassifierMixin, BaseEstimator):
    """Texts or numeric sequences to classes: the task classify.

    Args:
        cell: the recurrent cell, or another network that classify knows; None: chosen for the data.
        hidden_size: features of one step; None: chosen for the data.
        num_layers: recurrent layers.
        bidirectional: read from both ends.
        epochs: passes over the rows; None: chosen for the data.
        settings: any other, such as {"training.batch_size": 64, "model.dropout": 0.2}.
        validation_fraction: share of the rows held out for early stopping; 0: none.
        random_state: seed of everything random.

    Attributes:
        classes_: (K,) the classes, sorted.
        model_: the trained `unroll.Model`.
    """

    def __init__(
        self,
        *,
        cell: str | None = None,
        hidden_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = True,
        epochs: int | None = None,
        settings: Mapping[str, object] | None = None,
        validation_fraction: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.epochs = epochs
        self.settings = settings
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike | None) -> SequenceClassifier:
        """Train on records and their classes.

        Raises:
            ValueError: X or y is not what a classifier can learn from.
        """
        if y is None:
            raise ValueError("SequenceClassifier requires y to be passed, but the target y is None")
        records, classes = _records(X), column_or_1d(y, warn=True)
        check_consistent_length(records, classes)
        empty = next((row for row, label in enumerate(classes.tolist()) if is_missing(label)), None)
        if empty is not None:
            raise ValueError(f"expected a class for every record, got none in row {empty} of y; leave such rows out")
        if classes.dtype.kind == "f":
            assert_all_finite(classes, input_name="y")
        check_classification_targets(classes)
        self.classes_: NDArray[Any] = np.unique(classes)
        if len(self.classes_) < 2:
            raise ValueError(f"expected at least two classes in y, got {len(self.classes_)} class")
        self._named = {str(label): label for label in self.classes_.tolist()}
        names = [str(label) for label in classes.tolist()]
        self.model_ = _fit("classify", (records, names), self.get_params(deep=False), several=False)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """(N,) the likeliest class of each record."""
        labels = [self._named[prediction.label] for prediction in _predict(self, X)]
        return np.asarray(labels, dtype=self.classes_.dtype)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(N, K) the probability of each class, in the order of `classes_`."""
        model = _fitted(self)
        predictor = cast(ClassifyPredictor, model.predictor)
        values = predictor.probabilities(model.records(_records(X)))
        return values[:, [predictor.classes.index(str(label)) for label in self.classes_.tolist()]]


class SequenceTagger(BaseEstimator):
    """A tag for every token of a sentence: the task tag. `score` is the F1 of entities, or the accuracy of other tags.

    Args:
        cell: the recurrent cell.
        hidden_size: features of one token in each direction.
        num_layers: recurrent layers.
        bidirectional: read from both ends.
        epochs: passes over the sentences; None: chosen for the data.
        settings: as of `SequenceClassifier`.
        validation_fraction: likewise.
        random_state: likewise.

    Attributes:
        model_: the trained `unroll.Model`.
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 200,
        num_layers: int = 1,
        bidirectional: bool = True,
        epochs: int | None = None,
        settings: Mapping[str, object] | None = None,
        validation_fraction: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.epochs = epochs
        self.settings = settings
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> SequenceTagger:
        """Train on sentences, as lists of tokens, and their tags."""
        columns = {"tokens": [list(tokens) for tokens in X], "tags": [list(tags) for tags in y]}
        self.model_ = _fit("tag", columns, self.get_params(deep=False))
        return self

    def predict(self, X: Sequence[Sequence[str]]) -> list[list[str]]:
        """The tags of each sentence."""
        return [prediction.tags for prediction in _fitted(self).predict([{"tokens": list(tokens)} for tokens in X])]

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """Micro F1 of the entities if the tags mark any, otherwise the share of tags that are right; 0 to 1."""
        truth, predicted = [list(tags) for tags in y], self.predict(X)
        if detect_scheme([*truth, *predicted]) is None:
            pairs = [pair for row in zip(truth, predicted, strict=True) for pair in zip(*row, strict=True)]
            return float(np.mean([true == tag for true, tag in pairs])) if pairs else 0.0
        gold = [{(number, span) for span in spans(tags)} for number, tags in enumerate(truth)]
        found = [{(number, span) for span in spans(tags)} for number, tags in enumerate(predicted)]
        right = sum(len(a & b) for a, b in zip(gold, found, strict=True))
        total = sum(map(len, gold)) + sum(map(len, found))
        return 2 * right / total if total else 1.0


class Forecaster(RegressorMixin, BaseEstimator):
    """The next steps of a series: the task forecast.

    `fit` takes the steps in order, y (T,); `predict` gives those that come right after them, one for each row of X.
    So `TimeSeriesSplit` with a `test_size` of at most `horizon` cross-validates it. Of X only the length counts; the
    times of a pandas series are the calendar of its steps.

    Args:
        horizon: steps ahead that can be asked for.
        input_length: steps of the past that the model sees.
        cell: the recurrent cell.
        hidden_size: features of one step; None: chosen for the data.
        num_layers: recurrent layers.
        epochs: passes over the windows; None: chosen for the data.
        settings: as of `SequenceClassifier`.
        validation_fraction: share of the steps, the last ones, held out for early stopping; 0: none.
        random_state: seed of everything random.

    Attributes:
        model_: the trained `unroll.Model`.
    """

    def __init__(
        self,
        *,
        horizon: int = 1,
        input_length: int = 24,
        cell: str = "gru",
        hidden_size: int | None = None,
        num_layers: int = 1,
        epochs: int | None = None,
        settings: Mapping[str, object] | None = None,
        validation_fraction: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.input_length = input_length
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.epochs = epochs
        self.settings = settings
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike | None = None) -> Forecaster:
        """Train on a series.

        Args:
            X: (T, ...), of which only the length counts; without y, the series itself.
            y: (T,), the steps in order; a pandas series may have times.

        Raises:
            DataError: it is no series of numbers, or too short.
        """
        series: Any = X if y is None else y
        values = np.asarray(series, dtype=np.float64)
        if values.ndim != 1 or len(values) != len(X):
            raise DataError(f"expected y (T,) with one step per row of X, got {values.shape} for {len(X)} rows")
        params = self.get_params(deep=False)
        sizes = {"input_length": params.pop("input_length"), "horizon": params.pop("horizon")}
        # A series of pandas brings its times.
        pandas = hasattr(series, "index") and hasattr(series, "to_frame")
        self._history = series.rename_axis(None).to_frame(_VALUE) if pandas else {_VALUE: values}
        self.model_ = _fit("forecast", self._history, params, **sizes)
        return self

    def predict(self, X: Any = None) -> NDArray[np.float64]:
        """(N,) the median of the N steps after those of `fit`, one for each row of X; of all the horizon without X.

        Raises:
            DataError: there are more rows than the horizon has steps.
        """
        model = _fitted(self)
        steps = self.horizon if X is None else len(X)
        if steps > self.horizon:
            raise DataError(f"expected at most horizon={self.horizon} rows, got {steps}; give a longer horizon")
        return np.array(model.predict(self._history)[0].quantiles["0.5"][:steps])


def _fit(task: str, data: object, params: Mapping[str, Any], **model: Value) -> Model:
    """Train with an estimator's parameters; nothing is held out for a test, which scikit-learn does itself."""
    names = {"cell": "encoder", "hidden_size": "hidden_size", "num_layers": "num_layers"}
    settings: dict[str, object] = {
        "data.test_fraction": 0.0,
        "data.validation_fraction": params["validation_fraction"],
        **{f"model.{name}": value for name, value in model.items()},
        **{f"model.{key}": params[name] for name, key in names.items() if params[name] is not None},
    }
    if "bidirectional" in params:
        settings["model.bidirectional"] = params["bidirectional"]
    return train(
        data,
        task=task,
        target={"classify": _TARGET, "forecast": _VALUE}.get(task),
        epochs=params["epochs"],
        seed=params["random_state"],
        settings={**settings, **(params["settings"] or {})},
        baselines=False,
        progress=False,
    )


def _records(X: Any) -> Any:
    """Texts as a list, and columns of texts as records; numbers as a checked array (N, T) or (N, T, F)."""
    if issparse(X) or hasattr(X, "__array__"):
        values = X if issparse(X) else np.asarray(X)
        if not issparse(X) and values.ndim == 2 and _holds_texts(values):
            names = [str(name) for name in getattr(X, "columns", range(values.shape[1]))]
            return [dict(zip(names, row, strict=True)) for row in values.tolist()]
        if issparse(X) or values.ndim > 1 or values.dtype.kind not in "OU":
            return check_array(values, allow_nd=True)
    records = list(X)
    if records and isinstance(records[0], list | tuple) and all(isinstance(x, int | float) for x in records[0]):
        return check_array(records)
    return records


def _holds_texts(values: NDArray[Any]) -> bool:
    """Whether a column of (N, columns) is one of texts."""
    if values.dtype.kind == "U":
        return True
    columns = values.T if values.dtype == object else ()
    return any(all(cell is None or isinstance(cell, str) for cell in column) for column in columns if len(column))


def _fitted(estimator: SequenceClassifier | SequenceTagger | Forecaster) -> Model:
    model = getattr(estimator, "model_", None)
    if not isinstance(model, Model):
        raise NotFittedError(f"this {type(estimator).__name__} is not fitted yet; call fit first")
    return model


def _predict(estimator: SequenceClassifier, X: Any) -> Predictions:
    return _fitted(estimator).predict(_records(X))

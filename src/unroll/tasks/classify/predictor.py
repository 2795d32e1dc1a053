"""A trained classifier that answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table, pad_series
from unroll.errors import DataError, nearest
from unroll.models.named import Probabilities
from unroll.models.wide import Network
from unroll.report import Section
from unroll.report.leaning import leaning_section
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.classify.data import class_matrix, row_labels
from unroll.tasks.classify.examples import (
    SeriesExamples,
    TextForms,
    open_examples,
    record_series,
)
from unroll.tasks.classify.leaning import HIDDEN, leanings
from unroll.tasks.classify.scores import SCORED, Labelled, probabilities_of, row_logits, run_batches, score_rows
from unroll.tasks.classify.settings import Saved
from unroll.tasks.classify.texts import record_text
from unroll.tasks.parts import Input, NetworkParts, ids, lengths, numbers

#: Classes whose probabilities a prediction lists.
_LISTED = 5


class ClassifyPredictor(Predictor):
    """A trained classifier.

    Args:
        network: with its weights.
        saved: its classes and columns.
        forms: how it reads a text.
    """

    def __init__(self, network: Network, saved: Saved, forms: TextForms) -> None:
        self._network = network.eval()
        self._saved = saved
        self._forms = forms
        self._readings = forms.open()
        self.numbers = saved.inputs if saved.series else ()

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, ...]:
        """Padded numbers or features and lengths, tower by tower."""
        return self._batch(list(records))

    def steps(self, record: Record) -> Sequence[str]:
        """The words or characters of a text, as the network reads them."""
        features = self._forms.features
        if self._saved.series or features is None or self._forms.tokens is not None:
            return ()
        return features.units(record_text(record, self._saved.inputs))

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The class (or labels) and the probabilities of the likeliest few.

        Raises:
            DataError: a record lacks a column, or its values do not fit.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, SCORED)):
            probabilities = self._probabilities(chunk)
            order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_LISTED]
            yield from map(self._answer, probabilities.tolist(), order.tolist())

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes or labels."""
        return self._saved.classes

    def probabilities(self, records: Iterable[Record]) -> np.ndarray:
        """(N, K) float64, the probability of every class of every record.

        Raises:
            DataError: a record lacks a column, or its values do not fit.
        """
        stream = iter(records)
        chunks = iter(lambda: list(itertools.islice(stream, SCORED)), [])
        return np.concatenate([np.empty((0, len(self.classes))), *map(self._probabilities, chunks)])

    def _probabilities(self, records: list[Record]) -> np.ndarray:
        return probabilities_of(self._network, run_batches(self._network, [self._batch(records)]))

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all rows.

        Raises:
            DataError: a column is missing, or a class is unknown, with file and line.
        """
        saved = self._saved
        for name in (*saved.inputs, saved.target):
            if name not in table.columns:
                known = ", ".join(table.columns)
                raise DataError(
                    f"the model needs the column '{name}'{nearest(name, table.columns)}; the columns are {known}",
                    table.paths[0],
                )
        rows = np.arange(len(table))
        labels = row_labels(table, saved.target, several=saved.several)
        truth = class_matrix(table, saved.target, labels, saved.classes, rows)
        return self.score(Labelled(table, open_examples(table, saved, self._forms), rows, truth))

    def score(self, labelled: Labelled) -> Scores:
        """Score rows whose classes are known: metrics with intervals, and the sections that show them."""
        return score_rows(self._network, self._saved.classes, labelled)

    def leaning(self, labelled: Labelled) -> list[Section]:
        """The section that shows what answers lean on, of numeric sequences of one class each; else nothing."""
        examples, saved = labelled.examples, self._saved
        if not isinstance(examples, SeriesExamples) or saved.several:
            return []
        probabilities = probabilities_of(self._network, row_logits(self._network, examples, labelled.rows))
        truth = labelled.truth_NK.argmax(axis=1)
        found = leanings(self._network, saved.classes, labelled.table, examples, labelled.rows, truth, probabilities)
        return [leaning_section(found, HIDDEN)] if found else []

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from padded series, or from padded features of texts, to probabilities."""
        saved, (tokens, features, grams) = self._saved, self._forms
        inputs: dict[str, Input] = {}
        readings = []
        metadata = {
            "unroll.classes": json.dumps(saved.classes, ensure_ascii=False),
            "unroll.inputs": json.dumps(saved.inputs, ensure_ascii=False),
            "unroll.several": json.dumps(saved.several),
        }
        if saved.several:
            metadata["unroll.thresholds"] = json.dumps(self._network.decision.thresholds.tolist())
        if saved.series:
            readings.append("steps")
            inputs |= {"x": numbers("batch", "time", saved.input_size), "lengths": lengths("time", "batch")}
        if tokens is not None:
            readings.append("steps")
            inputs["tokens"] = ids(tokens.tokenizer.size, "batch", "tokens")
            inputs["token_lengths"] = lengths("tokens", "batch")
            metadata["unroll.tokenizer"] = tokens.tokenizer.to_json()
        if features is not None:
            readings.append("features")
            inputs["features"] = ids(features.size, "batch", "time", "of_a_step")
            inputs["lengths"] = lengths("time", "batch")
            metadata["unroll.features"] = features.to_json()
        if grams is not None:
            readings.append("grams")
            inputs["grams"] = ids(grams.size, "batch", "of_a_text")
            metadata["unroll.grams"] = grams.to_json()
        return (NetworkParts(Probabilities(self._network, readings), inputs, ("probabilities",), metadata),)

    def _batch(self, records: list[Record]) -> tuple[Tensor, ...]:
        saved = self._saved
        if saved.series:
            size, gaps = saved.input_size, saved.gaps
            return pad_series([record_series(record, saved.inputs, size, gaps=gaps) for record in records])
        texts = [record_text(record, saved.inputs) for record in records]
        return tuple(tensor for form in self._readings for tensor in form.batch(form.encode(texts)))

    def _answer(self, probabilities: list[float], order: list[int]) -> dict[str, Any]:
        listed = {self._saved.classes[k]: round(probabilities[k], 6) for k in order}
        if not self._saved.several:
            return {"label": self._saved.classes[order[0]], "probabilities": listed}
        thresholds = self._network.decision.thresholds.cpu().numpy()
        chosen = [
            name
            for name, value, least in zip(self._saved.classes, probabilities, thresholds, strict=True)
            if value >= least
        ]
        return {"labels": chosen, "probabilities": listed}

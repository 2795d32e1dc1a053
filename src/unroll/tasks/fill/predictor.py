"""A trained model that fills gaps.

Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table, Tokenizer, pad_tokens
from unroll.errors import DataError
from unroll.models.fill import GapModel
from unroll.models.named import GapScores
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.fill.data import Gap, Rows, read_gap, read_pieces, rows_of
from unroll.tasks.fill.scores import gaps_section, likeliest, predict_gaps
from unroll.tasks.fill.settings import FillSettings
from unroll.tasks.parts import NetworkParts, ids, lengths
from unroll.tasks.running_text import read_whole


class FillPredictor(Predictor):
    """A trained model that fills gaps.

    Args:
        model: with its weights.
        tokenizer: of its text.
        settings: of its run.
        column: where a record holds its text.
    """

    def __init__(self, model: GapModel, tokenizer: Tokenizer, settings: FillSettings, column: str) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._settings = settings
        self._column = column
        self._pieces = read_pieces(tokenizer)

    @property
    def network(self) -> GapModel:
        """The network."""
        return self._model

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
        """(B, T) ids of the texts between edges, and (B,) lengths; `contexts` takes them, too."""
        texts = [record if isinstance(record, str) else str(record[self._column]) for record in records]
        return pad_tokens([np.pad(self._tokenizer.encode(text), 1) for text in texts])

    def steps(self, record: Record) -> Sequence[str]:
        """The tokens between the edges that the network puts round them."""
        text = record if isinstance(record, str) else str(record[self._column])
        tokens = [self._tokenizer.decode([token]) for token in self._tokenizer.encode(text).tolist()]
        return ["", "", *tokens, "", ""]

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T, V - 2) scores of every token at every place, from what stands around it."""
        ids, lengths = inputs
        return self._model.scores(self._model.contexts(ids, lengths))

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from tokens, the gap's own among them, to the scores of all from number 2 on at every place."""
        inputs = {"tokens": ids(self._tokenizer.size, "batch", "time"), "lengths": lengths("time", "batch")}
        metadata = {"unroll.tokenizer": self._tokenizer.to_json()}
        return (NetworkParts(GapScores(self._model), inputs, ("scores",), metadata),)

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The likeliest words for the gap, written ___, of every text.

        Raises:
            DataError: a record has no text, or not exactly one gap.
        """
        for record in records:
            gap = read_gap(self._tokenizer, record, self._column, tokens=self._settings.tokens)
            allowed = self._allowed(gap)
            rows = Rows([gap.row], [np.array([gap.at])])
            best, share = likeliest(self._model, rows, allowed, self._settings.best)
            listed = {
                self._pieces.texts[token]: round(float(value), 6)
                for token, value in zip(best[0], share[0], strict=True)
                if allowed[token]
            }
            word = next(iter(listed), "")
            yield {"text": gap.left + word + gap.right, "word": word, "probabilities": listed}

    def _allowed(self, gap: Gap) -> np.ndarray:
        if self._settings.tokens != "bpe":
            return self._pieces.fillers
        # The space before a gap says whether a word begins there.
        allowed: np.ndarray = self._pieces.fillers & (self._pieces.spaced == gap.left.endswith(" "))
        return allowed

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all words of other files.

        Raises:
            DataError: there is no word to score.
        """
        rows = rows_of(
            self._tokenizer, self._pieces, read_whole(table, data, frame=self._settings.frame), self._settings
        )
        if not any(map(len, rows.gaps)):
            raise DataError("expected text with words to score, got none", table.paths[0])
        return self.score(rows)

    def score(self, rows: Rows) -> Scores:
        """Accuracy of the first and of the first five predictions over all gaps of rows, and some of the gaps."""
        predicted = predict_gaps(self._model, rows, self._pieces.fillers)
        return Scores(predicted.metrics(), [gaps_section(self._tokenizer, self._pieces, rows, predicted)])

"""A trained model that answers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table, pad_tokens
from unroll.errors import DataError
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.chat.data import Columns, history, said_in, turns_of, with_passage
from unroll.tasks.chat.scores import score_answers
from unroll.tasks.chat.settings import ChatSettings, Saved
from unroll.tasks.following import Followed
from unroll.tasks.pair_answers import answers, asked, best_texts
from unroll.tasks.pair_data import Pairs, encode_pairs, filled_rows
from unroll.tasks.pair_scores import Judged
from unroll.tasks.pair_writer import PairWriter, Written
from unroll.tasks.parts import NetworkParts
from unroll.tasks.records import CONVERSATION
from unroll.tasks.reread import Reread

#: What a record may say beside its text.
OVERRIDES = ("beam", "best")


class ChatPredictor(Predictor):
    """A trained model that answers.

    Args:
        writer: with its weights.
        saved: columns, and how BLEU is computed.
        settings: of its run.
    """

    def __init__(self, writer: PairWriter, saved: Saved, settings: ChatSettings) -> None:
        self._writer = writer
        self._saved = saved
        self._settings = settings
        # Who learnt from questions in a column has never read what was said before one.
        self._history = settings.history if saved.answer is None else 1

    @property
    def network(self) -> EncoderDecoder:
        """The network."""
        return self._writer.network.eval()

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
        """(B, S) tokens of what was said, and (B,) lengths; `read` takes them."""
        return pad_tokens([self._writer.vocabularies.read(self._text(record)) for record in records])

    def reply(self, turns: Sequence[str]) -> str:
        """The answer to the last of some turns, of which as many are read as in training."""
        return self.answers([history(turns, self._history)])[0].text

    def answers(self, texts: Sequence[str], *, beam: int | None = None) -> list[Written]:
        """The best answer to each text.

        Args:
            texts: what was said, a turn a line.
            beam: hypotheses that are carried on; None: as the run says.
        """
        return best_texts(self._writer, self._settings, texts, beam)

    def followed(self, record: Record) -> Followed:
        """As it reads what it wrote."""
        vocabularies = self._writer.vocabularies
        return Reread(
            self.network, vocabularies, self.encode, lambda one: self.answers([self._text(one)])[0].tokens
        ).followed(record)

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """What reads, and one step of what writes."""
        return self._writer.network_parts()

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The best answer to each text, with its score; with `best` above 1 the next best, too.

        A record is a text, or holds it under the column of training; or it holds "turns", what was said so far. It may
        hold "beam" and "best" beside.

        Raises:
            DataError: a record holds no text.
            ConfigError: a value is out of range.
        """
        asking = ((self._text(record), asked(self._settings, record, OVERRIDES)) for record in records)
        return answers(self._writer, asking, "answer")

    def _text(self, record: Record) -> str:
        """What was said, a turn a line."""
        told = {"text": record} if isinstance(record, str) else record
        names = (*CONVERSATION, self._saved.question, "text")
        turns = next((told[name] for name in names if told.get(name) is not None), None)
        if turns is None:
            raise DataError(f"a record needs 'text', or 'turns', a list of what was said; got {', '.join(told)}")
        if isinstance(turns, str) and self._saved.answer is None and turns.lstrip().startswith("["):
            # A conversation as a table holds it; what is no JSON was said.
            with contextlib.suppress(ValueError, RecursionError):
                turns = json.loads(turns)
        if isinstance(turns, str):
            passage = told.get(self._saved.passage) if self._saved.passage is not None else None
            return with_passage(turns.strip(), passage) if isinstance(passage, str) else turns.strip()
        try:
            return history(said_in(turns), self._history)
        except TypeError as error:
            raise DataError(f"a record needs 'text', or 'turns', a list: {error}; got {', '.join(told)}") from None

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score the answers to all turns of a table.

        Raises:
            DataError: a column is missing, or a pair has an empty side, with file and line.
        """
        columns = Columns(self._saved.question, self._saved.answer, self._saved.passage)
        missing = [name for name in columns if name is not None and name not in table.columns]
        if missing:
            raise DataError(
                f"the model needs the column '{missing[0]}'; the columns are {', '.join(table.columns)}", table.paths[0]
            )
        pairs, owner = turns_of(table, columns, self._settings.history)
        return self.score(pairs.of(filled_rows(table, pairs, self._settings.empty, owner=owner)))

    def score(self, pairs: Pairs) -> Scores:
        """Score the answers to pairs, and show some."""
        forced = self._writer.force(encode_pairs(pairs, self._writer.vocabularies))
        return score_answers(Judged(pairs, self.answers(pairs.sources), forced, self._saved.tokenize), self._writer)

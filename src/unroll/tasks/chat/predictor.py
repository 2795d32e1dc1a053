"""A trained model that answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

from unroll.bundle import DataConfig, validate
from unroll.data import Table, pad_tokens
from unroll.errors import DataError
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.chat.data import Columns, history, said, turns_of
from unroll.tasks.chat.scores import score_answers
from unroll.tasks.chat.settings import ChatSettings, Saved
from unroll.tasks.pair_data import Pairs, encode_pairs, filled_rows
from unroll.tasks.pair_scores import Judged
from unroll.tasks.pair_writer import PairWriter, Written

#: What a record may say beside its text.
OVERRIDES = ("beam", "best")
#: Records that are answered together.
_CHUNK = 512


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

    @property
    def network(self) -> EncoderDecoder:
        """The network."""
        return self._writer.network.eval()

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
        """(B, S) tokens of what was said, and (B,) lengths; `read` takes them."""
        return pad_tokens([self._writer.vocabularies.read(self._text(record)) for record in records])

    def reply(self, turns: Sequence[str]) -> str:
        """The answer to the last of some turns, of which as many are read as in training."""
        return self.answers([history(turns, self._settings.history)])[0].text

    def answers(self, texts: Sequence[str], *, beam: int | None = None) -> list[Written]:
        """The best answer to each text.

        Args:
            texts: what was said, a turn a line.
            beam: hypotheses that are carried on; None: as the run says.
        """
        settings = self._settings if beam is None else self._settings.model_copy(update={"beam": beam, "best": 1})
        return [best[0] for best in self._writer.write(texts, settings.search())]

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The best answer to each text, with its score; with `best` above 1 the next best, too.

        A record is a text, or holds it under the column of training; or it holds "turns", what was said so far. It may
        hold "beam" and "best" beside.

        Raises:
            DataError: a record holds no text.
            ConfigError: a value is out of range.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, _CHUNK)):
            asked = [(self._text(record), self._asked(record)) for record in chunk]
            found: dict[int, list[Written]] = {}
            for settings in dict.fromkeys(settings for _, settings in asked):
                numbers = [number for number, (_, own) in enumerate(asked) if own == settings]
                texts = [asked[number][0] for number in numbers]
                found.update(zip(numbers, self._writer.write(texts, settings.search()), strict=True))
            for number, (text, settings) in enumerate(asked):
                prediction: dict[str, Any] = {"text": text, **_plain(found[number][0])}
                if settings.best > 1:
                    prediction["best"] = [_plain(one) for one in found[number]]
                yield prediction

    def _text(self, record: Record) -> str:
        """What was said, a turn a line."""
        if isinstance(record, str):
            return record.strip()
        turns = record.get("turns", record.get(self._saved.question, record.get("text")))
        if isinstance(turns, str):
            return turns.strip()
        try:
            return history([said(turn) for turn in turns or ()], self._settings.history)
        except TypeError as error:
            raise DataError(f"a record needs 'text', or 'turns', a list: {error}; got {', '.join(record)}") from None

    def _asked(self, record: Record) -> ChatSettings:
        given = {} if isinstance(record, str) else {name: record[name] for name in OVERRIDES if name in record}
        if not given:
            return self._settings
        return validate(ChatSettings, {**self._settings.model_dump(), **given}, "record")

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score the answers to all turns of a table.

        Raises:
            DataError: a column is missing, or a pair has an empty side, with file and line.
        """
        columns = Columns(self._saved.question, self._saved.answer)
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


def _plain(written: Written) -> dict[str, Any]:
    return {"answer": written.text, "score": round(written.score, 4)}

"""A trained translator."""

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
from unroll.tasks.pair_data import Pairs, encode_pairs, filled_rows
from unroll.tasks.pair_scores import Judged
from unroll.tasks.pair_writer import PairWriter, Written
from unroll.tasks.translate.data import find_columns, pairs_of
from unroll.tasks.translate.scores import score_translations
from unroll.tasks.translate.settings import Saved, TranslateSettings

#: What a record may say beside its text.
OVERRIDES = ("beam", "length_penalty", "best")
#: Records that are translated together.
_CHUNK = 512


class TranslatePredictor(Predictor):
    """A trained translator.

    Args:
        writer: with its weights.
        saved: columns, and how BLEU is computed.
        settings: of its run.
    """

    def __init__(self, writer: PairWriter, saved: Saved, settings: TranslateSettings) -> None:
        self._writer = writer
        self._saved = saved
        self._settings = settings

    @property
    def network(self) -> EncoderDecoder:
        """The network."""
        return self._writer.network.eval()

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
        """(B, S) tokens of the texts, and (B,) lengths; `read` takes them."""
        return pad_tokens([self._writer.vocabularies.read(self._text(record)) for record in records])

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The best translation of each text, with its score; with `best` above 1 the next best, too.

        A record with columns may hold "beam", "length_penalty" and "best" beside its text.

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
        if isinstance(record, str):
            return record.strip()
        text = record.get(self._saved.source, record.get("text"))
        if not isinstance(text, str):
            raise DataError(f"a record needs '{self._saved.source}', the text to translate, got {', '.join(record)}")
        return text.strip()

    def _asked(self, record: Record) -> TranslateSettings:
        given = {} if isinstance(record, str) else {name: record[name] for name in OVERRIDES if name in record}
        if not given:
            return self._settings
        return validate(TranslateSettings, {**self._settings.model_dump(), **given}, "record")

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score the translations of all texts of a table.

        Raises:
            DataError: a column is missing, or a side of a pair is empty, with file and line.
        """
        named = {"inputs": (self._saved.source,), "target": self._saved.target}
        missing = {self._saved.source, self._saved.target} - set(table.columns)
        columns = None if missing else find_columns(table, data.model_copy(update=named))
        if columns is None:
            raise DataError(
                f"the model needs the columns '{self._saved.source}' and '{self._saved.target}'; the columns are"
                f" {', '.join(table.columns)}",
                table.paths[0],
            )
        pairs = pairs_of(table, columns)
        return self.score(pairs.of(filled_rows(table, pairs, self._settings.empty)))

    def translate(self, texts: Sequence[str], *, beam: int | None = None) -> list[Written]:
        """The best translation of each text.

        Args:
            texts: to translate.
            beam: hypotheses that are carried on; None: as the run says.
        """
        settings = self._settings if beam is None else self._settings.model_copy(update={"beam": beam, "best": 1})
        return [best[0] for best in self._writer.write(texts, settings.search())]

    def score(self, pairs: Pairs) -> Scores:
        """Score the translations of pairs, and show some."""
        forced = self._writer.force(encode_pairs(pairs, self._writer.vocabularies))
        judged = Judged(pairs, self.translate(pairs.sources), forced, self._saved.tokenize)
        return score_translations(judged, self._writer)


def _plain(written: Written) -> dict[str, Any]:
    return {"translation": written.text, "score": round(written.score, 4)}

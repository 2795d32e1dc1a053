"""A trained translator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table, pad_tokens
from unroll.errors import DataError
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.following import Followed
from unroll.tasks.pair_answers import answers, asked, best_texts
from unroll.tasks.pair_data import Pairs, encode_pairs, filled_rows
from unroll.tasks.pair_scores import Judged
from unroll.tasks.pair_writer import PairWriter, Written
from unroll.tasks.parts import NetworkParts
from unroll.tasks.reread import Reread
from unroll.tasks.translate.data import find_columns, pairs_of
from unroll.tasks.translate.scores import score_translations
from unroll.tasks.translate.settings import Saved, TranslateSettings

#: What a record may say beside its text.
OVERRIDES = ("beam", "length_penalty", "best")


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

    def followed(self, record: Record) -> Followed:
        """As it reads what it wrote."""
        vocabularies = self._writer.vocabularies
        return Reread(
            self.network, vocabularies, self.encode, lambda one: self.translate([self._text(one)])[0].tokens
        ).followed(record)

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """What reads, and one step of what writes."""
        return self._writer.network_parts()

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The best translation of each text, with its score; with `best` above 1 the next best, too.

        A record with columns may hold "beam", "length_penalty" and "best" beside its text.

        Raises:
            DataError: a record holds no text.
            ConfigError: a value is out of range.
        """
        asking = ((self._text(record), asked(self._settings, record, OVERRIDES)) for record in records)
        return answers(self._writer, asking, "translation")

    def _text(self, record: Record) -> str:
        if isinstance(record, str):
            return record.strip()
        text = record.get(self._saved.source, record.get("text"))
        if not isinstance(text, str):
            raise DataError(f"a record needs '{self._saved.source}', the text to translate, got {', '.join(record)}")
        return text.strip()

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
        return best_texts(self._writer, self._settings, texts, beam)

    def score(self, pairs: Pairs) -> Scores:
        """Score the translations of pairs, and show some."""
        forced = self._writer.force(encode_pairs(pairs, self._writer.vocabularies))
        judged = Judged(pairs, self.translate(pairs.sources), forced, self._saved.tokenize)
        return score_translations(judged, self._writer, self._saved.judged_by)

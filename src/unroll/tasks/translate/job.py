"""The training of a translator.

Shapes: B pairs, S source tokens, T target tokens.
"""

from __future__ import annotations

from unroll.baselines.translation import WordDictionary
from unroll.metrics.intervals import RESAMPLES
from unroll.metrics.translation import text_scores
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Score, Scores
from unroll.tasks.pair_scores import as_scores, exact_match, perplexity
from unroll.tasks.pair_training import PairJob, spread
from unroll.tasks.translate.data import TranslateData
from unroll.tasks.translate.predictor import TranslatePredictor
from unroll.tasks.translate.scores import with_score
from unroll.tasks.translate.settings import FILE, Saved, TranslateSettings

#: Pairs of validation that are translated after each epoch, without a beam: enough to tell epochs apart.
_WATCHED = 1_000


class TranslateJob(PairJob[Saved]):
    """A translator in training.

    Args:
        data: prepared.
        network: for these data.
        settings: of the run.
        batch_size: pairs of a batch.
        seed: of the batches.
    """

    file = FILE

    def __init__(
        self, data: TranslateData, network: EncoderDecoder, settings: TranslateSettings, *, batch_size: int, seed: int
    ) -> None:
        super().__init__(data, network, settings, batch_size=batch_size, seed=seed)
        self._settings = settings

    def validate(self) -> dict[str, float]:
        """BLEU and chrF of translations that are written freely, by greedy search; perplexity beside them."""
        if "validation" not in self.splits:
            return {}
        rows = spread(self.data.rows["validation"], _WATCHED)
        pairs = self.data.pairs.of(rows)
        written = self.predictor().translate(pairs.sources, beam=1)
        reached = text_scores([one.text for one in written], pairs.targets, tokenize=self.data.saved.tokenize)
        forced = self.writer.force(self.data.encoded.of(rows))
        metrics = with_score({**as_scores(reached), "perplexity": Score(perplexity(forced))}, self.data.saved.judged_by)
        return {name: score.value for name, score in metrics.items()}

    def predictor(self) -> TranslatePredictor:
        """The network as it stands."""
        return TranslatePredictor(self.writer, self.data.saved, self._settings)

    def evaluate(self, split: str) -> Scores:
        """BLEU and chrF of the translations of a split, by beam search."""
        return self.predictor().score(self.data.pairs.of(self.data.rows[split]))

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The source as it is; word for word, by a dictionary learnt from the pairs."""
        train = self.data.pairs.of(self.data.rows["train"])
        dictionary = WordDictionary(train.sources, train.targets)
        found: dict[str, dict[str, Scores]] = {"copy": {}, "word-for-word dictionary": {}}
        for split in self.splits:
            pairs = self.data.pairs.of(self.data.rows[split])
            for name, texts in (
                ("copy", pairs.sources),
                ("word-for-word dictionary", dictionary.translate(pairs.sources)),
            ):
                tokenize = self.data.saved.tokenize
                reached = text_scores(texts, pairs.targets, tokenize=tokenize, resamples=RESAMPLES)
                exact = exact_match(texts, pairs.targets)
                metrics = {**as_scores(reached), "exact_match": exact}
                found[name][split] = Scores(with_score(metrics, self.data.saved.judged_by))
        return found

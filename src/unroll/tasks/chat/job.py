"""The training of a model that answers.

Shapes: N tokens of all answers.
"""

from __future__ import annotations

import numpy as np

from unroll.baselines.nearest import NearestQuestion
from unroll.baselines.ngram import NGramModel
from unroll.metrics.intervals import RESAMPLES
from unroll.metrics.translation import text_scores
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Score, Scores
from unroll.tasks.chat.data import ChatData
from unroll.tasks.chat.predictor import ChatPredictor
from unroll.tasks.chat.scores import distinct_scores, ngram_perplexity
from unroll.tasks.chat.settings import FILE, ChatSettings, Saved
from unroll.tasks.pair_scores import as_scores, perplexity
from unroll.tasks.pair_training import PairJob, spread

#: Pairs of validation that are answered after each epoch, without a beam.
_WATCHED = 500
#: Order of the n-grams of the answers alone.
_ORDER = 3


class ChatJob(PairJob[Saved]):
    """A model that answers, in training.

    Args:
        data: prepared.
        network: for these data.
        settings: of the run.
        batch_size: pairs of a batch.
        seed: of the batches.
    """

    file = FILE

    def __init__(
        self, data: ChatData, network: EncoderDecoder, settings: ChatSettings, *, batch_size: int, seed: int
    ) -> None:
        super().__init__(data, network, settings, batch_size=batch_size, seed=seed)
        self._settings = settings

    def validate(self) -> dict[str, float]:
        """Perplexity of the true answers; BLEU and variety of answers that are written freely, by greedy search."""
        if "validation" not in self.splits:
            return {}
        rows = self.data.rows["validation"]
        forced = self.writer.force(self.data.encoded.of(rows))
        pairs = self.data.pairs.of(spread(rows, _WATCHED))
        texts = [one.text for one in self.predictor().answers(pairs.sources, beam=1)]
        reached = text_scores(texts, pairs.targets, tokenize=self.data.saved.tokenize)
        found = {**as_scores(reached), **distinct_scores(texts)}
        return {"perplexity": perplexity(forced), **{name: score.value for name, score in found.items()}}

    def predictor(self) -> ChatPredictor:
        """The network as it stands."""
        return ChatPredictor(self.writer, self.data.saved, self._settings)

    def evaluate(self, split: str) -> Scores:
        """Perplexity of a split's true answers; BLEU, chrF and variety of the answers that beam search finds."""
        return self.predictor().score(self.data.pairs.of(self.data.rows[split]))

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The answer to the nearest question; and n-grams of the answers alone, which know nothing of the question."""
        train = self.data.rows["train"]
        nearest = NearestQuestion(*self.data.pairs.of(train))
        answers = [np.append(row, 0) for row in self.data.encoded.of(train).targets]
        counted = NGramModel(np.concatenate([np.zeros(1, np.int64), *answers]), self._vocabulary(), _ORDER)
        name = f"{_ORDER}-gram of the answers"
        found: dict[str, dict[str, Scores]] = {"nearest question": {}, name: {}}
        for split in self.splits:
            pairs = self.data.pairs.of(self.data.rows[split])
            texts = nearest.answer(pairs.sources)
            tokenize = self.data.saved.tokenize
            reached = text_scores(texts, pairs.targets, tokenize=tokenize, resamples=RESAMPLES)
            found["nearest question"][split] = Scores({**as_scores(reached), **distinct_scores(texts)})
            cost = ngram_perplexity(counted, self.data.encoded.of(self.data.rows[split]))
            found[name][split] = Scores({"perplexity": Score(cost)})
        return found

    def _vocabulary(self) -> int:
        return self.data.vocabularies.target.size

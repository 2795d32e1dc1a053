"""The training of a tagger.

Shapes: B batch, T tokens, K tags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.tagging import LinearTagger, MostFrequentTag, best_linear_tagger
from unroll.bundle import RunFolder
from unroll.data import bucketed_batches, pad_tokens
from unroll.data.text.tokens import Encoded
from unroll.models.tagger import Tagger
from unroll.tasks.base import Job, Scores
from unroll.tasks.tag.data import TagData
from unroll.tasks.tag.network import Batch, batch_of, encode_sentence, layers_of, rewritten, tag_sentences
from unroll.tasks.tag.predictor import TagPredictor
from unroll.tasks.tag.scores import Tagged, score_tags, validation_metrics
from unroll.tasks.transfer import TOKENIZER, SentencePieces
from unroll.training import Loss, entropy

#: What the run folder's files of tags and columns, and of the words of training, are called.
FILE, WORDS = "tags.json", "words.json"


class TagJob(Job):
    """A tagger in training.

    Args:
        data: prepared.
        network: for these data.
        pieces: from sentences to pieces of the run that it started from; None if it started from none.
        best: how many tag sequences a prediction lists.
        batch_size: sentences of a batch.
        seed: of the batches and the intervals.
    """

    def __init__(
        self, data: TagData, network: Tagger, pieces: SentencePieces | None, *, best: int, batch_size: int, seed: int
    ) -> None:
        self.model = network
        self.splits = data.splits
        self.sources = data.sources
        self.notes = data.notes
        self.data = data
        self._network = network
        self._pieces = pieces
        self._best = best
        self._batch_size = batch_size
        self._seed = seed
        self._entities = data.saved.scheme is not None
        self._encoded: dict[int, Encoded] = {}
        self._numbered: dict[int, np.ndarray] = {}

    def _encode(self, rows: np.ndarray) -> list[Encoded]:
        for row in rows.tolist():
            if row not in self._encoded:
                tokens = self.data.sentences[row].tokens
                self._encoded[row] = encode_sentence(self.data.features, self._pieces, tokens)
        return [self._encoded[row] for row in rows.tolist()]

    def layers(self) -> list[list[nn.Module]]:
        """The tags, the recurrent layers from the highest down, the vectors."""
        return layers_of(self._network, self.data.saved.start)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Sentences of like length together."""
        train = self.data.rows["train"]
        lengths = np.array([len(sentence.tokens) for sentence in self.data.of("train")])
        groups = bucketed_batches(lengths, self._batch_size, seed=self._seed, epoch=epoch)
        return [train[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[Batch, Tensor]:
        """The sentences as the model takes them, and (B, T) the numbers of their tags."""
        return batch_of(self._encode(rows)), pad_tokens(self._tags(rows))[0]

    def _tags(self, rows: np.ndarray) -> list[np.ndarray]:
        saved = self.data.saved
        ids = {tag: number for number, tag in enumerate(saved.tags)}
        for row in rows.tolist():
            if row not in self._numbered:
                tags = rewritten(self.data.sentences[row].tags, saved, saved.inner)
                self._numbered[row] = np.array([ids[tag] for tag in tags], np.int32)
        return [self._numbered[row] for row in rows.tolist()]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """-log p of the tags of these sentences; the mean runs over tokens."""
        batch, tags = self.feed.take(rows)
        tokens = int(batch.lengths.sum())
        return Loss(model(*(tensor.to(device) for tensor in batch), tags.to(device)), tokens, tokens)

    def chance(self) -> float:
        """The loss of the tags' frequencies."""
        counts = Counter(tag for sentence in self.data.of("train") for tag in sentence.tags)
        return entropy(np.array(list(counts.values())))

    def _tagged(self, split: str, predicted: Sequence[Sequence[str]]) -> Tagged:
        sentences = self.data.of(split)
        return Tagged([s.tokens for s in sentences], [s.tags for s in sentences], predicted, self._known())

    def _known(self) -> frozenset[str]:
        return frozenset(token for sentence in self.data.of("train") for token in sentence.tokens)

    def validate(self) -> dict[str, float]:
        """Token accuracy and, for entities, their F1, by Viterbi decoding."""
        if "validation" not in self.splits:
            return {}
        encoded = self._encode(self.data.rows["validation"])
        predicted = tag_sentences(self._network, self.data.saved, encoded)
        return validation_metrics(self._tagged("validation", predicted), entities=self._entities)

    def predictor(self) -> TagPredictor:
        """The network as it stands."""
        data = self.data
        return TagPredictor(
            self._network, data.saved, data.features, self._best, self._pieces, known=self._known(), seed=self._seed
        )

    def evaluate(self, split: str) -> Scores:
        """Token accuracy; for entities precision, recall and F1, also by type."""
        return self.predictor().score(self.data.of(split))

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The most frequent tag of each word; logistic regression on every token by itself."""
        train = self.data.of("train")
        tokens, tags = [sentence.tokens for sentence in train], [sentence.tags for sentence in train]

        def tagged(tagger: MostFrequentTag | LinearTagger, split: str) -> Tagged:
            return self._tagged(split, tagger.tag([sentence.tokens for sentence in self.data.of(split)]))

        def scored(tagger: MostFrequentTag | LinearTagger) -> dict[str, Scores]:
            return {
                split: score_tags(tagged(tagger, split), entities=self._entities, seed=self._seed)
                for split in self.splits
            }

        def choice(tagger: LinearTagger) -> float:
            split = "validation" if "validation" in self.splits else self.splits[0]
            return next(iter(validation_metrics(tagged(tagger, split), entities=self._entities).values()))

        if not self.splits:
            return {}
        linear = best_linear_tagger(tokens, tags, choice, seed=self._seed)
        return {"most frequent tag": scored(MostFrequentTag(tokens, tags)), "logistic regression": scored(linear)}

    def save(self, folder: RunFolder) -> None:
        """Tags, scheme and columns; the vocabulary; the words of training."""
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))
        folder.write_text("tokenizer.json", self.data.features.to_json())
        folder.write_json(WORDS, {"words": sorted(self._known())})
        if self.data.pretrained is not None:
            folder.write_text(TOKENIZER, self.data.pretrained.tokenizer.to_json())

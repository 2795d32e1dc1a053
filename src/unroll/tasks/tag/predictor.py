"""A trained tagger that answers."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.text.tokens import Encoded, TokenFeatures
from unroll.errors import DataError
from unroll.metrics.entities import spans
from unroll.models.crf import CRF
from unroll.models.named import TokenTags
from unroll.models.tagger import Tagger
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.parts import NetworkParts, ids, lengths, places
from unroll.tasks.tag.data import Columns, Sentence, check_sentences, find_columns, record_tokens
from unroll.tasks.tag.network import SCORED, Batch, batch_of, encode_sentence, rewritten, tag_sentences
from unroll.tasks.tag.scores import Tagged, score_tags
from unroll.tasks.tag.settings import Saved
from unroll.tasks.transfer import SentencePieces


class TagPredictor(Predictor):
    """A trained tagger.

    Args:
        network: with its weights.
        saved: its tags and columns.
        features: its vocabulary.
        best: how many tag sequences a prediction lists.
        pieces: from sentences to pieces of the run that it started from; None if it started from none.
        known: the words of training; None for a run of an earlier version, which did not keep them.
        seed: of the intervals.
    """

    def __init__(
        self,
        network: Tagger,
        saved: Saved,
        features: TokenFeatures,
        best: int,
        pieces: SentencePieces | None,
        *,
        known: frozenset[str] | None,
        seed: int,
    ) -> None:
        self._pieces = pieces
        self._known = known
        self._seed = seed
        self._network = network.eval()
        self._saved = saved
        self._features = features
        self._best = best
        self._columns = Columns(saved.tokens, saved.target)
        self.lists = (saved.tokens,)

    @property
    def network(self) -> Tagger:
        """The network."""
        return self._network

    def encode(self, records: Sequence[Record]) -> Batch:
        """The sentences' features, characters and places, padded."""
        tokens = [record_tokens(record, self._columns, characters=self._saved.characters) for record in records]
        return batch_of([encode_sentence(self._features, self._pieces, sentence) for sentence in tokens])

    def steps(self, record: Record) -> Sequence[str]:
        """The tokens."""
        return record_tokens(record, self._columns, characters=self._saved.characters)

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T, K) scores of every tag of every token, before what tags say of each other."""
        scores: Tensor = self._network.scores(*inputs)
        return scores

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from features of tokens, their characters and the pieces of a language model, to the best
        tags, and the scores of all."""
        network, sizes = self._network, self._features.sizes()
        inputs = {
            "features": ids(min(sizes), "batch", "time", len(sizes)),
            "lengths": lengths("time", "batch"),
        }
        if network.words is not None:
            inputs["characters"] = ids(self._features.character_size, "batch", "time", "characters")
            inputs["character_lengths"] = lengths("characters", "batch", "time")
        if network.contexts is not None:
            inputs["pieces"] = ids(network.contexts.embedding.num_embeddings, "batch", "pieces")
            inputs["piece_lengths"] = lengths("pieces", "batch")
            inputs["starts"] = places("pieces", "batch", "time")
            inputs["ends"] = places("pieces", "batch", "time")
        metadata = {
            "unroll.features": self._features.to_json(),
            "unroll.tags": json.dumps(self._saved.tags, ensure_ascii=False),
        }
        return (NetworkParts(TokenTags(network), inputs, ("tags", "scores"), metadata),)

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Tokens and tags; entities, if the tags mark any; with `best` above 1 the next best sequences, too.

        Raises:
            DataError: a record holds neither tokens nor text.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, SCORED)):
            sentences = [record_tokens(record, self._columns, characters=self._saved.characters) for record in chunk]
            encoded = [encode_sentence(self._features, self._pieces, tokens) for tokens in sentences]
            for tokens, own, tags in zip(
                sentences, encoded, tag_sentences(self._network, self._saved, encoded), strict=True
            ):
                prediction: dict[str, Any] = {"tokens": list(tokens), "tags": tags}
                if self._saved.scheme is not None:
                    glue = "" if self._saved.characters else " "
                    prediction["entities"] = [
                        {"type": s.type, "text": glue.join(tokens[s.start : s.end]), "start": s.start, "end": s.end}
                        for s in spans(tags)
                    ]
                if self._best > 1 and self._network.crf is not None:
                    prediction["best"] = self._alternatives(own, self._network.crf)
                yield prediction

    @torch.no_grad()
    def _alternatives(self, sentence: Encoded, crf: CRF) -> list[dict[str, Any]]:
        if not len(sentence.features):
            return []
        scores = self._network.scores(*(part.to(crf.start.device) for part in batch_of([sentence])))
        whole = float(crf.log_partition(scores))
        return [
            {
                "tags": rewritten([self._saved.tags[tag] for tag in path.tags], self._saved, self._saved.scheme),
                "probability": round(math.exp(min(0.0, path.score - whole)), 6),
            }
            for path in crf.best(scores[0], self._best)
        ]

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all sentences. A tag that training did not know counts as an error wherever it stands.

        Raises:
            DataError: a column is missing, or a sentence is broken, with file and line.
        """
        columns = find_columns(
            table, data.model_copy(update={"inputs": (self._saved.tokens,), "target": self._saved.target})
        )
        if columns is None:
            raise DataError(
                f"the model needs the columns '{self._saved.tokens}' and '{self._saved.target}', lists of the same"
                f" length; the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
        checked = check_sentences(table, columns, broken_option="stop", illegal_option="repair")
        return self.score(checked.sentences)

    def score(self, sentences: Sequence[Sentence]) -> Scores:
        """Score tagged sentences: token accuracy; for entities precision, recall and F1, also by type."""
        tokens, gold = [sentence.tokens for sentence in sentences], [sentence.tags for sentence in sentences]
        encoded = [encode_sentence(self._features, self._pieces, own) for own in tokens]
        predicted = tag_sentences(self._network, self._saved, encoded)
        tagged = Tagged(tokens, gold, predicted, self._known)
        return score_tags(tagged, entities=self._saved.scheme is not None, seed=self._seed)

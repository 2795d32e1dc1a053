"""The training of a language model.

Shapes: N tokens of a text, B streams, T steps of a chunk, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.ngram import NGramModel, Smoothing
from unroll.bundle import RunFolder
from unroll.decoding import flatten_state, map_state, restore_state
from unroll.metrics.language import language_scores
from unroll.models.language_model import LanguageModel
from unroll.report import words
from unroll.tasks.base import Job, Scores
from unroll.tasks.generate.data import GenerateData
from unroll.tasks.generate.predictor import GeneratePredictor
from unroll.tasks.generate.scores import metrics_of, ngram_cost, quick_cost, scored
from unroll.tasks.generate.settings import GenerateSettings
from unroll.training import Loss, entropy


class GenerateJob(Job):
    """A language model in training.

    Args:
        data: prepared; at least one token more than there are streams.
        network: for its tokens.
        settings: the run's model section.
        streams: B, places of the text that are read side by side.
        seed: of what is written.
    """

    def __init__(
        self, data: GenerateData, network: LanguageModel, settings: GenerateSettings, *, streams: int, seed: int
    ) -> None:
        self.model = network
        self.splits = tuple(data.held)
        self.notes = (
            *data.notes,
            f"{settings.num_layers} {words.model_name(settings.encoder)} layer(s) of {settings.hidden_size};"
            f" {streams} streams, chunks of {settings.steps}; state carried from chunk to chunk",
        )
        self.data = data
        self._network = network
        self._settings = settings
        self._streams = streams
        self._seed = seed
        self._width = (len(data.train) - 1) // streams
        self._state: Any = None

    def batches(self, epoch: int) -> list[np.ndarray]:
        """One chunk of every stream after the other; row r is chunk r // B of stream r % B."""
        chunks = math.ceil(self._width / self._settings.steps)
        return [chunk * self._streams + np.arange(self._streams) for chunk in range(chunks)]

    def batch(self, rows: np.ndarray) -> Tensor:
        """(B, T + 1) ids of these chunks and of the token after each."""
        chunk, streams = int(rows[0]) // self._streams, rows % self._streams
        start = chunk * self._settings.steps
        steps = min(self._settings.steps, self._width - start)
        index = streams[:, None] * self._width + start + np.arange(steps + 1)
        return torch.from_numpy(self.data.train[index].astype(np.int64))

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of every token of these chunks; the state goes on to the next."""
        ids = self.feed.take(rows).to(device)
        state = None if int(rows[0]) < self._streams else self._state
        logits, after = model(ids[:, :-1], state)
        self._state = map_state(Tensor.detach, after)
        total = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
        return Loss(total, ids[:, 1:].numel(), ids[:, 1:].numel())

    def chance(self) -> float:
        """The loss of the tokens' frequencies."""
        return entropy(np.bincount(self.data.train))

    def carried(self) -> dict[str, Tensor]:
        """The state of every stream."""
        return {} if self._state is None else flatten_state(self._state)

    def carry(self, state: dict[str, Tensor]) -> None:
        """Take up the state of every stream."""
        self._state = restore_state(self._network.first_state(1), state) if state else None

    def validate(self) -> dict[str, float]:
        """The validation text in several warmed-up streams: fast, and within a few thousandths of `evaluate`."""
        if "validation" not in self.data.held:
            return {}
        passage = self.data.held["validation"]
        cost = quick_cost(self._network, passage) * len(passage.tokens)
        return metrics_of(language_scores(cost, len(passage.tokens), passage.characters))

    def predictor(self) -> GeneratePredictor:
        """The network as it stands."""
        return GeneratePredictor(self._network, self.data.tokenizer, self._settings, self._seed)

    def evaluate(self, split: str) -> Scores:
        """The exact cost of the whole text, read in one stream."""
        return self.predictor().score(self.data.held[split])

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Smoothed n-gram models of every order up to a limit; each smoothing's order is chosen on validation."""
        if not self.data.held:
            return {}
        limit = self._settings.baseline_order
        if self._settings.tokens in ("word", "bpe"):
            limit = min(limit, 4)
        chosen_on = self.data.held["validation"] if "validation" in self.data.held else self.data.held["test"]
        scores: dict[str, dict[str, Scores]] = {}
        for smoothing in Smoothing:
            best: tuple[float, NGramModel] | None = None
            # The next order is tried only while it helps: cost falls with the order, and rises when counts become too
            # thin.
            for order in range(1, limit + 1):
                model = NGramModel(self.data.train, self.data.tokenizer.size, order, smoothing)
                cost = ngram_cost(model, chosen_on)
                if best is not None and cost >= best[0]:
                    break
                best = cost, model
            if best is not None:
                scores[f"{best[1].order}-gram {smoothing.value}"] = {
                    name: scored(language_scores(ngram_cost(best[1], held), len(held.tokens), held.characters))
                    for name, held in self.data.held.items()
                }
        return scores

    def save(self, folder: RunFolder) -> None:
        """The tokenizer."""
        folder.write_text("tokenizer.json", self.data.tokenizer.to_json())

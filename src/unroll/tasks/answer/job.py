"""The training of a reader that answers questions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.answers import SlidingWindow, WindowSpan, most_frequent
from unroll.bundle import RunFolder
from unroll.data import bucketed_batches
from unroll.tasks.answer.data import AnswerData
from unroll.tasks.answer.predictor import AnswerPredictor
from unroll.tasks.answer.reading import Encoded
from unroll.tasks.answer.scores import metrics_of
from unroll.tasks.base import Job, Scores
from unroll.training import Loss

#: What the run folder's file of columns and answers is called.
FILE = "answers.json"
#: Sentences or tokens of a batch, at most, padding counted.
_STEPS = 16_384


class AnswerJob(Job):
    """A reader in training.

    Args:
        data: prepared.
        network: for these data.
        batch_size: questions of a batch.
        seed: of the batches and the intervals.
    """

    def __init__(self, data: AnswerData, network: nn.Module, *, batch_size: int, seed: int) -> None:
        self.model = network
        self.splits = data.splits
        self.notes = data.notes
        self.data = data
        self._batch_size = batch_size
        self._seed = seed
        self._encoded: dict[int, Encoded] = {}

    def _encode(self, rows: np.ndarray) -> list[Encoded]:
        for row in rows.tolist():
            if row not in self._encoded:
                self._encoded[row] = self.data.reading.encode(self.data.questions[row])
        return [self._encoded[row] for row in rows.tolist()]

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Stories of like length together."""
        train = self.data.rows["train"]
        steps = np.array([encoded.steps for encoded in self._encode(train)])
        groups = bucketed_batches(steps, self._batch_size, seed=self._seed, epoch=epoch, max_tokens=_STEPS)
        return [train[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[list[Encoded], tuple[Tensor, ...]]:
        """The questions, and the arguments of the network's forward for them."""
        encoded = self._encode(rows)
        return encoded, self.data.reading.batch(encoded)

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of the answers."""
        encoded, batch = self.feed.take(rows)
        return self.data.reading.loss(model, encoded, batch, device)

    def validate(self) -> dict[str, float]:
        """The metrics without intervals."""
        if "validation" not in self.splits:
            return {}
        rows = self.data.rows["validation"]
        questions = self.data.of("validation")
        said = [answer.text for answer in self.predictor().answers(questions, self._encode(rows))]
        metrics = metrics_of(questions, said, form=self.data.saved.form, seed=self._seed)
        return {name: score.value for name, score in metrics.items()}

    def predictor(self) -> AnswerPredictor:
        """The network as it stands."""
        return AnswerPredictor(self.model, self.data.reading, self.data.saved, seed=self._seed)

    def evaluate(self, split: str) -> Scores:
        """Score all questions of a split."""
        return self.predictor().score(self.data.of(split), self._encode(self.data.rows[split]))

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The most frequent answer, and a sliding window."""
        train = self.data.of("train")
        first = [question.answers[0] for question in train]
        usual = most_frequent(first)
        spans = self.data.saved.form == "span"
        window = WindowSpan(question.text for question in train) if spans else SlidingWindow(first)
        scores: dict[str, dict[str, Scores]] = {"most frequent answer": {}, "sliding window": {}}
        for split in self.splits:
            questions = self.data.of(split)
            said = {
                "most frequent answer": [usual] * len(questions),
                "sliding window": [window.answer(question.text, question.question) for question in questions],
            }
            for name, answers in said.items():
                metrics = metrics_of(questions, answers, form=self.data.saved.form, seed=self._seed)
                scores[name][split] = Scores(metrics)
        return scores

    def save(self, folder: RunFolder) -> None:
        """The vocabulary, and the columns and answers."""
        folder.write_text("tokenizer.json", self.data.reading.to_json())
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))

"""Answers that are chosen from those of training: stories as sentences of words.

Shapes: B batch, S sentences, W words, Q words of a question, A answers, K hops.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS
from unroll.data import WordTokenizer, pad_tokens
from unroll.models.encoders import RecurrentEncoder, recurrent_stack
from unroll.models.story import Answered, StoryReader
from unroll.tasks.answer.questions import Question
from unroll.tasks.answer.reading import Answer
from unroll.tasks.answer.settings import AnswerSettings
from unroll.tasks.parts import NetworkParts, ids, lengths
from unroll.training import Loss

#: Words of a sentence that are read, at most: a longer one is no sentence, and all others would be padded to it.
MAX_WORDS = 512
#: So that the logarithm of a weight of zero is a number.
_TINY = 1e-6


class Story(NamedTuple):
    """A question as word ids.

    Attributes:
        sentences: the last ones of the story, at most `memory`.
        question: its words.
        truth: the number of its answer; -1 if training has no such answer.
        support: places among the sentences here.
    """

    sentences: list[np.ndarray]
    question: np.ndarray
    truth: int
    support: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Sentences."""
        return len(self.sentences)


class ChoiceReading:
    """Answers that are chosen from those of training. Satisfies `Reading`.

    Args:
        tokenizer: of words.
        answers: of training.
        settings: of the run.
    """

    def __init__(self, tokenizer: WordTokenizer, answers: Sequence[str], settings: AnswerSettings) -> None:
        self.tokenizer = tokenizer
        self.answers_known = tuple(answers)
        self._settings = settings
        self._number = {answer: number for number, answer in enumerate(self.answers_known)}
        # Stories repeat their sentences from question to question.
        self._seen: dict[str, np.ndarray] = {}

    @classmethod
    def fitted(cls, questions: Iterable[Question], settings: AnswerSettings) -> ChoiceReading:
        """Learn the words and the answers of training."""
        rows = list(questions)
        texts = {text for question in rows for text in (*question.story, question.question)}
        tokenizer = WordTokenizer.train(sorted(texts), min_count=settings.min_count, lower=True)
        return cls(tokenizer, sorted({question.answers[0] for question in rows}), settings)

    def network(self) -> StoryReader:
        """A story reader."""
        settings = self._settings
        cell, sizes = CELLS[settings.encoder], [2 * settings.embedding_size]
        sizes += [2 * settings.hidden_size] * (settings.num_layers - 1)
        pairs = [(cell(size, settings.hidden_size), cell(size, settings.hidden_size)) for size in sizes]
        story = RecurrentEncoder(recurrent_stack(pairs, dropout=settings.dropout, engine=settings.engine))
        return StoryReader(
            self.tokenizer.size,
            len(self.answers_known),
            story,
            size=settings.embedding_size,
            hops=settings.hops,
            memory=settings.memory,
            dropout=settings.dropout,
        )

    def encode(self, question: Question) -> Story:
        """Its words; of the story only the last sentences."""
        read = self.steps(question)
        first = len(question.story) - len(read)
        sentences = [self._words(sentence) for sentence in read]
        truth = self._number.get(question.answers[0], -1) if question.answers else -1
        support = tuple(place - first for place in question.support if place >= first)
        return Story(sentences, self._words(question.question), truth, support)

    def steps(self, question: Question) -> Sequence[str]:
        """The sentences of its story that are read."""
        return question.story[max(0, len(question.story) - self._settings.memory) :]

    def _words(self, text: str) -> np.ndarray:
        if text not in self._seen:
            if len(self._seen) > 1_000_000:
                self._seen.clear()
            self._seen[text] = self.tokenizer.encode(text)[:MAX_WORDS]
        return self._seen[text]

    def batch(self, encoded: Sequence[Story]) -> tuple[Tensor, Tensor, Tensor]:
        """(B, S, W) words, (B,) sentences, (B, Q) words of the question."""
        longest = max(1, *(len(words) for story in encoded for words in story.sentences)) if encoded else 1
        ids = np.zeros((len(encoded), max(1, *(story.steps for story in encoded), 0), longest), dtype=np.int64)
        for row, story in zip(ids, encoded, strict=True):
            for place, words in zip(row, story.sentences, strict=False):
                place[: len(words)] = words
        counts = torch.tensor([story.steps for story in encoded])
        return torch.from_numpy(ids), counts, pad_tokens([story.question for story in encoded])[0]

    def loss(self, model: nn.Module, encoded: Sequence[Story], batch: Sequence[Tensor], device: torch.device) -> Loss:
        """Cross-entropy of the answers; with `support`, also of where the looks go, on average over the hops."""
        answered = model(*(tensor.to(device) for tensor in batch))
        truth_B = torch.tensor([story.truth for story in encoded], device=device)
        total = nn.functional.cross_entropy(answered.logits, truth_B, reduction="sum")
        if self._settings.support > 0:
            wanted_BS = torch.zeros(len(encoded), batch[0].shape[1], device=device)
            for row, story in enumerate(encoded):
                wanted_BS[row, list(story.support)] = 1 / max(len(set(story.support)), 1)
            looked_BS = (answered.attention.mean(dim=1) + _TINY).log()
            total = total - self._settings.support * (wanted_BS * looked_BS).sum()
        return Loss(total, len(encoded), int(batch[1].sum()))

    def likeliest(self, said: Answered) -> Tensor:
        """(B,) log-probabilities of the likeliest answers."""
        return said.logits.log_softmax(dim=-1).amax(dim=-1)

    @torch.no_grad()
    def answers(self, network: nn.Module, questions: Sequence[Question], encoded: Sequence[Story]) -> list[Answer]:
        """The likeliest answers, and where the network looked."""
        device = next(network.parameters()).device
        answered = network(*(tensor.to(device) for tensor in self.batch(encoded)))
        top = answered.logits.softmax(dim=-1).topk(min(self._settings.best, len(self.answers_known)))
        found = []
        rows = zip(top.values.tolist(), top.indices.tolist(), answered.attention.tolist(), encoded, strict=True)
        for shares, numbers, looks, story in rows:
            best = {self.answers_known[number]: share for number, share in zip(numbers, shares, strict=True)}
            found.append(Answer(next(iter(best)), best, looks=[look[: story.steps] for look in looks]))
        return found

    def network_parts(self, network: nn.Module) -> NetworkParts:
        """From words of sentences and of a question to the logits of the answers, and where each hop looked."""
        words = self.tokenizer.size
        inputs = {
            "story": ids(words, "batch", "sentences", "words"),
            "sentences": lengths("sentences", "batch"),
            "question": ids(words, "batch", "asked"),
        }
        metadata = {
            "unroll.tokenizer": self.to_json(),
            "unroll.answers": json.dumps(self.answers_known, ensure_ascii=False),
            "unroll.memory": json.dumps(self._settings.memory),
        }
        return NetworkParts(network, inputs, ("logits", "attention"), metadata)

    def to_json(self) -> str:
        """The tokenizer."""
        return self.tokenizer.to_json()

"""A trained reader that answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.errors import DataError
from unroll.tasks.answer.questions import Columns, Question, check_questions, find_columns, record_question
from unroll.tasks.answer.reading import Answer, Encoded, Reading
from unroll.tasks.answer.scores import Answered, score_answers
from unroll.tasks.answer.settings import Saved
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.following import Followed
from unroll.tasks.parts import NetworkParts

#: Questions, and sentences or tokens, that are answered at once.
_ROWS, _STEPS = 128, 16_384
#: Weight from which on a sentence is named among those that were looked at.
_LOOKED = 0.1


class AnswerPredictor(Predictor):
    """A trained reader.

    Args:
        network: with its weights.
        reading: of its questions.
        saved: columns and answers.
        seed: of the intervals.
    """

    def __init__(self, network: nn.Module, reading: Reading[Any], saved: Saved, *, seed: int) -> None:
        self._network = network.eval()
        self._reading = reading
        self._saved = saved
        self._seed = seed
        self._columns = Columns(saved.story, saved.question, saved.answer)

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self._network

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, ...]:
        """What the network is fed for these records."""
        return self._reading.batch([self._reading.encode(self._question(record)) for record in records])

    def steps(self, record: Record) -> Sequence[str]:
        """The sentences of a story, or the tokens of a text."""
        return self._reading.steps(self._question(record))

    def costs(self, inputs: tuple[Any, ...], answer: Any) -> Tensor:
        """(B,) of the likeliest answers."""
        return -self._reading.likeliest(answer)

    def followed(self, record: Record) -> Followed:
        """By what it answers; a text is read for one question, so units follow nothing through other texts."""
        return Followed(self, lambda answer: self._reading.likeliest(answer).sum(), reads=False)

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from numbers of words to an answer, or to where it begins and ends."""
        return (self._reading.network_parts(self._network),)

    def _question(self, record: Record) -> Question:
        return record_question(record, self._columns, self._saved.form)

    def answers(self, questions: Sequence[Question], encoded: Sequence[Encoded] | None = None) -> list[Answer]:
        """The answer of every question."""
        encoded = [self._reading.encode(question) for question in questions] if encoded is None else encoded
        steps = np.array([item.steps for item in encoded])
        found: list[Answer | None] = [None] * len(questions)
        order = np.argsort(steps, kind="stable").tolist()
        while order:
            longest = max(1, int(steps[order[-1]]))
            rows = order[-max(1, min(_ROWS, _STEPS // longest)) :]
            del order[-len(rows) :]
            said = self._reading.answers(self._network, [questions[r] for r in rows], [encoded[r] for r in rows])
            for row, answer in zip(rows, said, strict=True):
                found[row] = answer
        return [answer for answer in found if answer is not None]

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The answer; of a choice the likeliest ones and the sentences that were looked at, of a span its place.

        Raises:
            DataError: a record has no story or no question.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, _ROWS)):
            questions = [self._question(record) for record in chunk]
            for question, answer in zip(questions, self.answers(questions), strict=True):
                yield _prediction(question, answer)

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all questions of a table. An answer that training did not have counts as wrong.

        Raises:
            DataError: a column is missing, or a question has something wrong, with file and line.
        """
        named = {"inputs": (self._saved.story, self._saved.question), "target": self._saved.answer}
        columns = find_columns(table, data.model_copy(update=named))
        if columns is None:
            raise DataError(
                f"the model needs the columns '{self._saved.story}', '{self._saved.question}' and"
                f" '{self._saved.answer}'; the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
        checked = check_questions(table, columns, self._saved.form, broken="stop")
        return self.score([checked.questions[row] for row in checked.kept.tolist()])

    def score(self, questions: Sequence[Question], encoded: Sequence[Encoded] | None = None) -> Scores:
        """Score questions."""
        said = self.answers(questions, encoded)
        return score_answers(Answered(questions, said), form=self._saved.form, seed=self._seed)


def _prediction(question: Question, answer: Answer) -> dict[str, Any]:
    best = {text: round(share, 6) for text, share in answer.best.items()}
    if answer.start >= 0:
        return {"answer": answer.text, "start": answer.start, "probability": best[answer.text]}
    first = len(question.story) - (len(answer.looks[0]) if answer.looks else 0)
    looked = [
        [
            {"sentence": question.story[first + place], "weight": round(weight, 4)}
            for place, weight in sorted(enumerate(look), key=lambda item: -item[1])
            if weight >= _LOOKED
        ]
        for look in answer.looks
    ]
    return {"answer": answer.text, "probabilities": best, "looked_at": looked}

"""What a reader that answers questions is worth, and the sections that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.metrics.answers import exact_match, word_f1
from unroll.metrics.intervals import bootstrap, wilson
from unroll.report import Section, words
from unroll.tasks.answer.questions import Question
from unroll.tasks.answer.reading import Answer
from unroll.tasks.answer.settings import Form
from unroll.tasks.base import Score, Scores

#: Questions that the report lists; stories that it shows with what was looked at, and sentences of each at most.
_LISTED, _STORIES, _SENTENCES = 12, 3, 12
#: Characters of a text that are shown around an answer.
_AROUND = 60


class Answered(NamedTuple):
    """Questions and what was answered."""

    questions: Sequence[Question]
    answers: Sequence[Answer]


def metrics_of(questions: Sequence[Question], said: Sequence[str], *, form: Form, seed: int) -> dict[str, Score]:
    """The metrics of some answers: of spans exact match and F1; of choices accuracy, also as the mean over sets.

    "score" is the one that a run is judged by: F1, or the mean over sets where there are several, else accuracy.
    """
    if form == "span":
        exact = np.array([exact_match(text, own.answers) for text, own in zip(said, questions, strict=True)])
        f1 = np.array([word_f1(text, own.answers) for text, own in zip(said, questions, strict=True)])
        spread = bootstrap(lambda rows: float(f1[rows].mean()), len(f1), seed=seed)
        found = {"f1": Score(float(f1.mean()), spread), "exact_match": _share(exact)}
        return {"score": found["f1"], **found}
    right = np.array([text in own.answers for text, own in zip(said, questions, strict=True)])
    found = {"accuracy": _share(right)}
    names = np.array([question.set for question in questions])
    if len(set(names.tolist())) < 2:
        return {"score": found["accuracy"], **found}
    groups = [right[names == name] for name in sorted(set(names.tolist()))]
    mean = Score(float(np.mean([group.mean() for group in groups])))
    return {"score": mean, "mean_accuracy": mean, **found}


def _share(right: np.ndarray) -> Score:
    return Score(float(right.mean()), wilson(int(right.sum()), len(right)))


def score_answers(answered: Answered, *, form: Form, seed: int) -> Scores:
    """Metrics with intervals, and the sections that show them."""
    said = [answer.text for answer in answered.answers]
    metrics = metrics_of(answered.questions, said, form=form, seed=seed)
    if form == "span":
        return Scores(metrics, [_spans(answered)])
    sections = [_sets(answered), *_stories(answered), _choices(answered)]
    return Scores(metrics, [section for section in sections if section.table])


def _sets(answered: Answered) -> Section:
    right: dict[str, list[bool]] = {}
    for question, answer in zip(answered.questions, answered.answers, strict=True):
        right.setdefault(question.set, []).append(answer.text in question.answers)
    rows = [
        {"set": name, "questions": len(own), "accuracy": words.percent(sum(own) / len(own))}
        for name, own in sorted(right.items(), key=lambda item: _natural(item[0]))
    ]
    text = "The mean over the sets counts each of them the same."
    return Section("Sets", text, rows if len(rows) > 1 else None)


def _natural(name: str) -> tuple[int, str]:
    digits = "".join(character for character in name if character.isdigit())
    return (int(digits or 0), name)


def _stories(answered: Answered) -> list[Section]:
    """Some stories, evenly spread, with how much each look weighed each sentence."""
    sections: list[Section] = []
    total = len(answered.questions)
    for number in np.unique(np.linspace(0, total - 1, _STORIES).astype(int)).tolist():
        question, answer = answered.questions[number], answered.answers[number]
        read = question.story[len(question.story) - len(answer.looks[0]) :]
        weights = np.array(answer.looks)
        # Of a long story those sentences that some look weighed most.
        shown = np.sort(np.argsort(-weights.max(axis=0), kind="stable")[:_SENTENCES])
        offset = len(question.story) - len(read)
        rows = [
            {
                "sentence": read[place],
                **{f"look {hop + 1}": words.percent(look[place], 0) for hop, look in enumerate(weights)},
                "supports": "yes" if offset + place in question.support else "",
            }
            for place in shown.tolist()
        ]
        verdict = "right" if answer.text in question.answers else f"wrong, it is {question.answers[0]}"
        cut = f" Of {len(read)} sentences those that were looked at most." if len(shown) < len(read) else ""
        text = f"{question.question} Answer: {answer.text} ({verdict}).{cut}"
        sections.append(Section(f"Where it looked ({len(sections) + 1})", text, rows))
    return sections


def _choices(answered: Answered) -> Section:
    """The questions of which the reader was surest and wrong."""
    wrong = [
        (max(answer.best.values(), default=0.0), question, answer)
        for question, answer in zip(answered.questions, answered.answers, strict=True)
        if answer.text not in question.answers
    ]
    wrong.sort(key=lambda item: -item[0])
    rows = [
        {
            "question": question.question,
            "answer": answer.text,
            "right": question.answers[0],
            "sure": words.percent(share, 0),
            "last sentence": question.story[-1] if question.story else "",
        }
        for share, question, answer in wrong[:_LISTED]
    ]
    return Section("Wrong answers it was surest of", "", rows)


def _spans(answered: Answered) -> Section:
    """Some questions, evenly spread, with the span that was chosen."""
    rows = []
    total = len(answered.questions)
    for number in np.unique(np.linspace(0, total - 1, _LISTED).astype(int)).tolist():
        question, answer = answered.questions[number], answered.answers[number]
        first, last = answer.start, answer.start + len(answer.text)
        left, right = question.text[max(0, first - _AROUND) : first], question.text[last : last + _AROUND]
        rows.append(
            {
                "question": question.question,
                "answer in its text": f"…{left}[{answer.text}]{right}…",
                "right": question.answers[0] if question.answers else "",
                "F1": words.percent(word_f1(answer.text, question.answers), 0),
            }
        )
    return Section("Questions and answers", "Some questions of this part, evenly spread; the answer in brackets.", rows)

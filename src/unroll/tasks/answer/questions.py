"""The questions of a table: which columns, what is wrong with them, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Finding, Kind, Table
from unroll.data.readers.squad import what_stands_at
from unroll.data.table.kinds import Problem
from unroll.errors import DataError
from unroll.tasks.answer.cells import are_held, held_answers
from unroll.tasks.answer.settings import Form
from unroll.tasks.base import Record
from unroll.tasks.reading import short_name

#: Usual names of columns, most usual first.
_STORIES = (
    *("story", "context", "passage", "paragraph", "document", "article", "text"),
    *("지문", "본문", "문맥", "문단", "이야기", "기사"),
)
_QUESTIONS = ("question", "query", "q", "질문", "문제")
_ANSWERS = (
    *("answers", "answer", "a", "answers.text", "answer_text", "answer_texts", "answers_text", "answer.text"),
    "answer.value",
    *("정답", "답변", "답"),
)
#: What an answer may be called where a column beside it says where it stands.
_PLACED = ("text", "answer_string", "span")
#: The columns of places of answers, of supporting sentences, and of the set that a question belongs to.
STARTS, SUPPORT, SET = ("answer_starts", "answers.answer_start", "answer_start"), "support", "set"
#: The column that says of a question that its text does not answer it, and its words for that.
_IMPOSSIBLE, _YES = "is_impossible", ("true", "1", "yes")
#: Rows by which it is told whether answers are spans.
_LOOKED_AT = 1000
#: Findings that are listed one by one.
_LISTED = 200
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
#: What each kind of problem is called.
KINDS = {
    "numbers": "lines that are not numbered in order",
    "columns": "lines with too many cells",
    "long": "endless stories",
    "story": "questions without a story",
    "question": "empty questions",
    "answer": "questions without an answer",
    "support": "supporting lines that do not exist",
    "span": "answers that are not in the text",
}
_ADVICE = "--set model.broken=drop leaves such questions out"


class Columns(NamedTuple):
    """The columns of stories, questions and answers."""

    story: str
    question: str
    answer: str


class Question(NamedTuple):
    """One row.

    Attributes:
        story: the sentences, or one text.
        question: what is asked.
        answers: what counts as right; the first is learnt.
        start: where the first answer stands in the text, in characters; -1 where answers are no spans.
        support: places of the sentences that say so.
        set: the set of questions that it belongs to.
    """

    story: tuple[str, ...]
    question: str
    answers: tuple[str, ...]
    start: int = -1
    support: tuple[int, ...] = ()
    set: str = ""

    @property
    def text(self) -> str:
        """The story as one text."""
        return self.story[0] if len(self.story) == 1 else " ".join(self.story)


class Checked(NamedTuple):
    """The questions of a table after checking.

    Attributes:
        questions: of every row.
        kept: the rows that are used, rising.
        notes: what was left out, with counts.
    """

    questions: list[Question]
    kept: np.ndarray
    notes: list[str]


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns that were named, or those with usual names; None if there are none."""
    named = {short_name(name): name for name in reversed(table.columns)}
    named |= {name.lower(): name for name in reversed(table.columns)}

    def usual(names: Sequence[str]) -> str | None:
        return next((named[name] for name in names if name in named), None)

    story, question = (*data.inputs, None, None)[:2]
    story, question = story or usual(_STORIES), question or usual(_QUESTIONS)
    placed = _PLACED if any(name in table.columns for name in STARTS) else ()
    answer = data.target or usual((*_ANSWERS, *placed))
    found = (story, question, answer)
    if any(name is None or name not in table.columns or table.kinds[name] is Kind.SERIES for name in found):
        return None
    return Columns(*(str(name) for name in found)) if len(set(found)) == 3 else None


def find_form(table: Table, columns: Columns) -> Form:
    """Whether answers are spans: if the file says where they stand, or if those of a text stand in it word for word."""
    if table.details(columns.story).is_list:
        return "choice"
    if any(name in table.columns for name in STARTS):
        return "span"
    held = held_answers(table, columns.answer)
    if held is not None and any(own.starts for own in held):
        return "span"
    rows = np.arange(min(len(table), _LOOKED_AT))
    first = table.texts(columns.answer, rows) if held is None else [" ".join(own.texts[:1]) for own in held]
    cells = list(zip(table.texts(columns.story, rows), first[: len(rows)], strict=True))
    inside = sum(bool(answer.strip()) and answer.strip() in story for story, answer in cells)
    return "span" if 2 * inside > sum(bool(answer.strip()) for _, answer in cells) else "choice"


def _places(table: Table) -> list[int] | None:
    """Where the first answer of each row stands in its text, -1 where nothing says so; None if no column does."""
    name = next((name for name in STARTS if name in table.columns), None)
    if name is None:
        return None
    if table.kinds[name] is Kind.SERIES:
        found = [table.series(name, row)[:1, 0].tolist() for row in range(len(table))]
    elif table.kinds[name] is Kind.NUMBER:
        found = [[value] for value in table.numbers(name).tolist()]
    else:
        found = [[float(place) for place in cells[:1] if place.isdecimal()] for cells in table.labels(name)]
    return [int(own[0]) if own and own[0] >= 0 else -1 for own in found]


def unanswerable(table: Table, columns: Columns, questions: Sequence[Question], form: Form) -> set[int]:
    """The rows whose question their text does not answer, as SQuAD 2.0 has them: an empty list of answers, or a column
    that says so. Of answers that are no spans, and of texts that are empty, something is missing instead."""
    if form != "span" or table.marked:
        return set()
    told = list(table.texts(_IMPOSSIBLE)) if _IMPOSSIBLE in table.columns else [""] * len(table)
    listed = table.details(columns.answer).is_list or are_held(table, columns.answer)
    said = [text.strip().casefold() in _YES for text in told]
    return {row for row, question in enumerate(questions) if not question.answers and (listed or said[row])}


def sentences_of(text: str) -> tuple[str, ...]:
    """The sentences of a text.

    >>> sentences_of("It rains. Is it wet?")
    ('It rains.', 'Is it wet?')
    """
    return tuple(piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip())


def read_questions(table: Table, columns: Columns, form: Form) -> list[Question]:
    """Every row of a table as a question, whatever is wrong with it."""
    if table.details(columns.story).is_list:
        stories = table.labels(columns.story)
        stories = [(" ".join(story),) for story in stories] if form == "span" else stories
    else:
        stories = [(text,) if form == "span" else sentences_of(text) for text in table.texts(columns.story)]
    held = held_answers(table, columns.answer)
    if held is not None:
        answers: list[tuple[str, ...]] = [own.texts for own in held]
    elif table.details(columns.answer).is_list:
        answers = table.labels(columns.answer)
    else:
        answers = [(text.strip(),) if text.strip() else () for text in table.texts(columns.answer)]
    asked = table.texts(columns.question)
    starts = _places(table) if form == "span" else None
    if held is not None:
        starts = [own.starts[0] if own.starts else -1 for own in held]
    support = table.labels(SUPPORT) if SUPPORT in table.columns else None
    sets = table.texts(SET) if SET in table.columns else None
    questions = []
    for row, (story, question, own) in enumerate(zip(stories, asked, answers, strict=True)):
        start = -1
        if form == "span" and own:
            start = starts[row] if starts is not None and starts[row] >= 0 else story[0].find(own[0])
        told = tuple(int(place) for place in support[row] if place.isdecimal()) if support is not None else ()
        questions.append(Question(story, question.strip(), own, start, told, "" if sets is None else sets[row]))
    return questions


def problems(
    table: Table, questions: Sequence[Question], form: Form, silent: Collection[int] = ()
) -> Iterator[tuple[int, Problem]]:
    """Everything that is wrong with the rows of a table: (row, problem), in order; `silent` ones need no answer."""
    for row, question in enumerate(questions):
        if table.marked:
            yield from ((row, problem) for problem in table.problems(row))
            continue
        line = table.place(row)[1]
        if not any(sentence.strip() for sentence in question.story):
            yield row, Problem("story", line, "a question without a story")
        if not question.question:
            yield row, Problem("question", line, "an empty question")
        if not question.answers:
            if row not in silent:
                yield row, Problem("answer", line, "a question without an answer")
        elif form == "span" and not question.text.startswith(question.answers[0], max(question.start, 0)):
            yield row, Problem("span", line, _misplaced(question))


def _misplaced(question: Question) -> str:
    """That an answer is not where it is said to be, and what is there."""
    text, answer, start = question.text, question.answers[0], question.start
    if start < 0:
        return f"the answer {answer[:40]!r} is not in the text"
    found = what_stands_at(text, answer, start)
    return f"the answer {answer[:40]!r} is not at character {start} of the text: {found}"


def check_questions(table: Table, columns: Columns, form: Form, *, broken: str, unanswered: str = "drop") -> Checked:
    """Read the questions of a table, and stop at what would falsify a result unless it is to be dropped.

    Args:
        table: the data.
        columns: which are used.
        form: what an answer is.
        broken: "stop" or "drop", for questions with something wrong.
        unanswered: likewise, for those that their text does not answer.

    Raises:
        DataError: the first problem, with file and line, and how many of its kind there are.
    """
    questions = read_questions(table, columns, form)
    silent = unanswerable(table, columns, questions, form) if unanswered == "drop" else set()
    found: dict[str, list[tuple[int, Problem]]] = {}
    for row, problem in problems(table, questions, form, silent):
        found.setdefault(problem.kind, []).append((row, problem))
    if broken == "stop" and found:
        kind, cases = next(iter(found.items()))
        row, problem = cases[0]
        raise DataError(
            f"{problem.text}; {len(cases)} such ({KINDS[kind]}), all listed by `unroll check`; {_ADVICE}",
            table.place(row)[0],
            problem.line,
        )
    dropped = {row for cases in found.values() for row, _ in cases}
    kept = np.array([row for row in range(len(table)) if row not in dropped | silent], dtype=np.int64)
    if not len(kept):
        raise DataError(
            "no question is left after dropping those with something wrong or without an answer", table.paths[0]
        )
    counted = ", ".join(f"{len(cases)} {KINDS[kind]}" for kind, cases in found.items())
    notes = [_silent_note(len(silent))] if silent else []
    notes += [f"{len(dropped):,} questions left out: {counted}"] if dropped else []
    return Checked(questions, kept, notes)


def _silent_note(count: int) -> str:
    return (
        f"{count:,} questions without an answer (unanswerable) left out: a span is always answered;"
        " --set model.unanswerable=stop refuses them"
    )


def findings(table: Table, columns: Columns, form: Form | None = None) -> Iterator[Finding]:
    """What `unroll check` says of questions: every problem with file and line, and what the answers are."""
    form = form or find_form(table, columns)
    questions = read_questions(table, columns, form)
    silent = unanswerable(table, columns, questions, form)
    if silent:
        yield Finding("note", _silent_note(len(silent)))
    counts: dict[str, int] = {}
    for row, problem in problems(table, questions, form, silent):
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
        if counts[problem.kind] <= _LISTED:
            yield Finding("error", problem.text, table.place(row)[0], problem.line, _ADVICE)
    for kind, count in counts.items():
        if count > _LISTED:
            yield Finding("error", f"{count - _LISTED:,} more: {KINDS[kind]}")
    different = len({question.answers[0] for question in questions if question.answers})
    what = "spans of their texts" if form == "span" else "chosen from those of training"
    yield Finding("note", f"{len(questions):,} questions, {different:,} different answers, {what}")


def record_question(record: Record, columns: Columns, form: Form) -> Question:
    """A record as a question.

    Args:
        record: columns by name; or a text whose last line is the question and whose other lines are the story.
        columns: of training.
        form: of the answers.

    Raises:
        DataError: there is no story or no question.
    """
    alone = None if isinstance(record, str) or columns.story in record else record.get("text")
    if isinstance(record, str) or isinstance(alone, str):
        story, _, question = str(record if isinstance(record, str) else alone).rstrip().rpartition("\n")
        cells: dict[str, Any] = {columns.story: story, columns.question: question}
    else:
        cells = dict(record)
    told, asked = cells.get(columns.story), cells.get(columns.question)
    if isinstance(told, list | tuple) and all(isinstance(sentence, str) for sentence in told):
        sentences = tuple(told)
    elif isinstance(told, str):
        sentences = (told,) if form == "span" else sentences_of(told)
    else:
        raise DataError(
            f"a record needs a text or a list of sentences in '{columns.story}' and a question in"
            f" '{columns.question}', got {sorted(map(str, cells))}"
        )
    if form == "span":
        sentences = (" ".join(sentences),)
    if not isinstance(asked, str) or not asked.strip():
        raise DataError(f"a record needs a question in '{columns.question}'; in a plain text it is the last line")
    if not any(sentence.strip() for sentence in sentences):
        raise DataError(f"a record needs a story in '{columns.story}'; in a plain text it stands before the question")
    return Question(sentences, asked.strip(), ())

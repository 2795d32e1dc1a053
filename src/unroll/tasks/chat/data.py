"""Turns of conversations: questions and answers in two columns, or whole conversations in one.

A turn is read together with those before it, a line each.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import DataConfig, RunConfig
from unroll.data import Finding, Kind, Split, Table, split_rows
from unroll.errors import DataError
from unroll.metrics.translation import word_tokenizer
from unroll.tasks.chat.settings import ChatSettings, Saved
from unroll.tasks.pair_data import (
    PairData,
    Pairs,
    empty_rows,
    filled_rows,
    fit_tokens,
    further_files,
)
from unroll.tasks.pair_training import default_training
from unroll.tasks.reading import short_name

#: Names of columns, in small letters, most usual first.
_QUESTIONS = (
    *("question", "q", "questions", "질문", "prompt", "instruction", "human", "user", "유저", "사용자", "message"),
    *("utterance", "context"),
)
_ANSWERS = (
    *("answer", "a", "answers", "답변", "응답", "response", "reply", "completion", "output", "assistant", "bot"),
    *("chatbot", "챗봇"),
)
_TURNS = (
    *("turns", "dialog", "dialogue", "conversation", "conversations", "messages", "utterances", "lines"),
    *("dialogs", "dialogues", "log", "content", "chat", "talk", "qa", "qna", "대화", "질의응답"),
)
#: Columns of what a question comes with, such as the text that is to be summed up; empty in rows without any.
_WITH = ("input", "context")
#: Of those, the names that say by themselves that people talk.
_ASKED, _ANSWERED = frozenset(_QUESTIONS[:11]), frozenset(_ANSWERS)
#: Names of columns of what a question is about.
_PASSAGES = frozenset(
    (*("context", "passage", "paragraph", "story", "text", "article", "document", "input"), *("지문", "본문", "문맥"))
)
#: Who speaks in a turn that nobody said: it tells a model how to behave, or is what a program gave it.
_DIRECTIONS = frozenset(("system", "developer", "tool", "function", "ipython", "observation", "function_call"))
#: Keys of a turn in which a model calls a program.
_CALLS = ("tool_calls", "function_call")
#: Keys of a turn that hold what was said, most usual first.
_SAID = ("message", "utterance", "norm_text", "text", "content", "value")
#: Findings that are listed one by one.
_LISTED = 200
#: Rows by which a column of conversations is known.
_LOOKED_AT = 50


class Columns(NamedTuple):
    """Where turns stand.

    Attributes:
        question: the column of questions, or of whole conversations.
        answer: the column of answers; None for conversations.
        passage: the column of what questions come with; None where they come alone.
    """

    question: str
    answer: str | None
    passage: str | None = None


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns that were named, or those with usual names; None if there are none."""
    by_name = {short_name(name): name for name in reversed(table.columns)}
    named = data.inputs[0] if data.inputs else None
    if data.target is None:
        turns = named or next((by_name[name] for name in _TURNS if name in by_name), None)
        if turns in table.columns and turns is not None and _holds_turns(table, turns):
            return Columns(turns, None)
    question = named or next((by_name[name] for name in _QUESTIONS if name in by_name), None)
    answer = data.target or next((by_name[name] for name in _ANSWERS if name in by_name), None)
    texts = {name for name in table.columns if table.kinds[name] is Kind.TEXT}
    if question in texts and answer in texts and question is not None and answer is not None and question != answer:
        passage = data.inputs[1] if len(data.inputs) > 1 else None
        if not data.inputs:
            passage = next((by_name[name] for name in _WITH if _says_something(table, by_name.get(name))), None)
        return Columns(question, answer, passage if passage not in (question, answer) else None)
    return _by_their_number(table, data)


def _by_their_number(table: Table, data: DataConfig) -> Columns | None:
    """Columns whose names say nothing: two of texts, or one of lists."""
    if data.inputs or data.target:
        return None
    if [table.kinds[name] for name in table.columns] == [Kind.TEXT] * 2:
        return Columns(*table.columns)
    alone = table.columns[0] if len(table.columns) == 1 else None
    return Columns(alone, None) if alone is not None and table.details(alone).is_list else None


def _says_something(table: Table, column: str | None) -> bool:
    """Whether a cell of a column of texts is filled."""
    return column is not None and table.kinds[column] is Kind.TEXT and any(map(str.strip, table.texts(column)))


def named_turns(table: Table, columns: Columns) -> bool:
    """Whether the names of the columns say that people talk here."""
    if columns.answer is None:
        return short_name(columns.question) in _TURNS
    names = {short_name(name) for name in table.columns}
    return bool(names & _ASKED) and bool(names & _ANSWERED) and not _has_passage(table)


def _has_passage(table: Table) -> bool:
    """Whether a passage stands beside question and answer, so that the answer is looked for in it."""
    rows = np.arange(min(len(table), _LOOKED_AT))
    for name in table.columns:
        # Sets of instructions have such a column, too; it is empty in most rows.
        if short_name(name) in _PASSAGES and 2 * sum(map(bool, table.texts(name, rows))) > len(rows):
            return True
    return False


def _holds_turns(table: Table, column: str) -> bool:
    """Whether most of the first cells hold turns; one that does not is told of with its line later."""
    good = 0
    looked_at = min(len(table), _LOOKED_AT)
    for row in range(looked_at):
        with contextlib.suppress(DataError):
            good += len(conversations(table, column, np.array([row]))[0]) > 1
    return 2 * good > looked_at


def conversations(table: Table, column: str, rows: np.ndarray | None = None) -> list[list[str]]:
    """The turns of every conversation of a column.

    Raises:
        DataError: a cell holds no turns, with file and line.
    """
    numbers = np.arange(len(table)) if rows is None else rows
    if table.details(column).is_list:
        return [[turn.strip() for turn in turns] for turns in table.labels(column, numbers)]
    if table.kinds[column] is not Kind.TEXT:
        raise DataError(f"column '{column}' holds no turns", *table.place(0))
    return [
        _turns(cell, column, table, int(row)) for row, cell in zip(numbers, table.texts(column, numbers), strict=True)
    ]


def _turns(cell: str, column: str, table: Table, row: int) -> list[str]:
    try:
        return said_in(json.loads(cell))
    except (ValueError, TypeError, RecursionError):
        raise DataError(
            f"'{column}' must hold a list of turns, texts or objects with one of {', '.join(_SAID)}, got {cell[:60]!r}",
            *table.place(row),
        ) from None


def said_in(turns: Any) -> list[str]:
    """What was said in each turn, without directions to the model.

    Raises:
        TypeError: a turn holds no text.
    """
    return [text for turn in turns if not _is_direction(turn) for text in _said_by_all(turn)]


def _said_by_all(turn: Any) -> list[str]:
    """What a turn says; of a question with its answer, or a text under the name of who speaks, each of them."""
    if isinstance(turn, Mapping) and not any(key in turn for key in _SAID):
        named = {str(key).casefold(): text for key, text in turn.items() if isinstance(text, str)}
        found = [named[key].strip() for keys in (_QUESTIONS, _ANSWERS) for key in keys if key in named]
        if found:
            return found
    return [said(turn)]


def _is_direction(turn: Any) -> bool:
    if not isinstance(turn, Mapping):
        return False
    calls = any(turn.get(key) for key in _CALLS) and not turn.get("content")
    return calls or bool(_DIRECTIONS & {who for who in (turn.get("role"), turn.get("from")) if isinstance(who, str)})


def said(turn: Any) -> str:
    """What was said in a turn: a text, or an object that holds one.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(turn, str):
        return turn.strip()
    if isinstance(turn, Mapping):
        for key in _SAID:
            if isinstance(turn.get(key), str):
                return str(turn[key]).strip()
        parts = turn.get("content")
        if isinstance(parts, list) and all(isinstance(p, Mapping) and isinstance(p.get("text"), str) for p in parts):
            return " ".join(part["text"].strip() for part in parts)
    raise TypeError(f"expected a text or an object with one of {', '.join(_SAID)}, got {type(turn).__name__}")


def history(turns: Sequence[str], longest: int) -> str:
    """The last turns as one text, a line each; line breaks inside a turn become spaces."""
    return "\n".join(" ".join(turn.split()) for turn in turns[-longest:])


def with_passage(question: str, passage: str) -> str:
    """A question and what it comes with, on a line of its own; an empty question stays empty."""
    return f"{question}\n{' '.join(passage.split())}" if question and passage.strip() else question


class Turns(NamedTuple):
    """Pairs of what was said and the answer.

    Attributes:
        pairs: in the order of the rows.
        owner: for each pair the row that it comes from.
    """

    pairs: Pairs
    owner: np.ndarray


def turns_of(table: Table, columns: Columns, longest: int) -> Turns:
    """Every pair of a table: each row's, or each turn of a conversation after the first."""
    if columns.answer is not None:
        questions, answers = (
            [text.strip() for text in table.texts(name)] for name in (columns.question, columns.answer)
        )
        if columns.passage is not None:
            beside = zip(questions, table.texts(columns.passage), strict=True)
            questions = [with_passage(question, passage) for question, passage in beside]
        return Turns(Pairs(questions, answers), np.arange(len(table)))
    sources, targets, owner = [], [], []
    for row, turns in enumerate(conversations(table, columns.question)):
        for at in range(1, len(turns)):
            sources.append(history(turns[:at], longest))
            targets.append(turns[at])
            owner.append(row)
    return Turns(Pairs(sources, targets), np.array(owner, dtype=np.int64))


def unanswered(table: Table, columns: Columns, owner: np.ndarray) -> list[int]:
    """The rows of conversations in which nobody answers."""
    return [] if columns.answer is not None else np.setdiff1d(np.arange(len(table)), owner).tolist()


def findings(table: Table, columns: Columns, longest: int) -> Iterator[Finding]:
    """What `unroll check` says of turns: empty ones, and answers that come again and again."""
    try:
        turns = turns_of(table, columns, longest)
    except DataError as error:
        yield Finding("error", str(error), error.path, error.line, "a conversation is a list of turns")
        return
    empty = [int(turns.owner[number]) for number in empty_rows(turns.pairs)]
    advice = "--set model.empty=drop leaves such pairs out"
    for row in itertools.islice(empty, _LISTED):
        yield Finding("error", "an empty question or answer", *table.place(row), advice)
    if len(empty) > _LISTED:
        yield Finding("error", f"{len(empty) - _LISTED:,} more empty questions or answers", advice=advice)
    silent = unanswered(table, columns, turns.owner)
    for row in silent[:_LISTED]:
        text = "a conversation of fewer than two turns; nobody answers, so nothing is learnt from it"
        yield Finding("warning", text, *table.place(row))
    if len(silent) > _LISTED:
        yield Finding("warning", f"{len(silent) - _LISTED:,} more conversations of fewer than two turns")
    answers: dict[str, int] = {}
    for answer in turns.pairs.targets:
        answers[answer] = answers.get(answer, 0) + 1
    total = len(turns.pairs.targets)
    often = sorted(answers.items(), key=lambda item: (-item[1], item[0]))[:1]
    if often and often[0][1] > max(10, total // 20):
        text = f"{often[0][1]:,} of {total:,} answers are {often[0][0][:40]!r}"
        yield Finding("warning", text, advice="a model that always says that scores well; see distinct_2")
    yield Finding("note", f"{total:,} pairs of what was said and its answer, {len(answers):,} different answers")


ChatData = PairData[Saved]


def draw_split(table: Table, config: RunConfig) -> Split:
    """The rows of each split: pairs, or whole conversations."""
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        column=config.data.split_column,
    )


def prepare(table: Table, config: RunConfig, settings: ChatSettings, columns: Columns) -> ChatData:
    """Check the pairs, split them by conversation, and learn the tokens of the train split.

    Raises:
        DataError: a pair is empty and no option drops it, or none is left for training.
    """
    pairs, owner = turns_of(table, columns, settings.history)
    kept = filled_rows(table, pairs, settings.empty, owner=owner)
    notes = [f"{len(owner) - len(kept):,} pairs with an empty side left out"] if len(kept) < len(owner) else []
    silent = unanswered(table, columns, owner)
    if silent:
        notes.append(f"{len(silent):,} conversations of fewer than two turns left out")
    split = draw_split(table, config)._asdict()
    rows = {name: kept[np.isin(owner[kept], own)] for name, own in split.items()}
    fitted = fit_tokens(table, pairs, rows["train"], settings)
    rows["train"] = fitted.train
    tokenize = settings.tokenize or word_tokenizer(pairs.of(fitted.train[:1000]).targets)
    return ChatData(
        Saved(question=columns.question, answer=columns.answer, passage=columns.passage, tokenize=tokenize),
        pairs,
        fitted.encoded,
        rows,
        fitted.vocabularies,
        further_files(table, [name for name in columns if name is not None]),
        {**default_training(len(fitted.train)), "patience": 3},
        (*notes, *fitted.notes),
    )

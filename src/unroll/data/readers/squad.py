"""SQuAD's JSON: paragraphs with questions whose answers are spans of them; a row per question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.readers.jsonparse import JsonDocument
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_FIELDS = (
    Field("context"),
    Field("question"),
    Field("answers", "list"),
    Field("answer_starts", "list"),
    Field("title"),
    Field("id"),
)


class SquadSource:
    """A file of SQuAD ready to be read.

    Args:
        path: the file.
        encoding: its encoding.
    """

    fields = _FIELDS
    marked = True
    empty = "no questions; expected data[].paragraphs[].qas[] as in SQuAD"

    def __init__(self, path: Path, encoding: str) -> None:
        self.said = f"{path.name}: paragraphs with questions (SQuAD), {encoding_of(path, encoding)}"
        self._path = path
        self._encoding = encoding
        self._silent = self._impossible = 0

    def rows(self) -> Iterator[Row]:
        """Every question in order; what is wrong with it is written down beside it.

        Raises:
            DataError: no JSON, or not in the form of SQuAD, with its line.
        """
        whole = JsonDocument(self._path, self._encoding)
        self._silent = self._impossible = 0
        articles = whole.value.get("data") if isinstance(whole.value, dict) else None
        for article in self._list(articles, "data", "articles"):
            for paragraph in self._list(article.get("paragraphs"), "paragraphs", "paragraphs"):
                context = paragraph.get("context")
                if not isinstance(context, str):
                    raise DataError("a paragraph has no text in 'context'", self._path, whole.line(context))
                questions = self._list(paragraph.get("qas"), "qas", "questions")
                self._silent += not questions
                for asked in questions:
                    if asked.get("is_impossible") is True:
                        self._impossible += 1
                        continue
                    line = whole.line(asked.get("id", asked.get("question")))
                    yield _row(context, asked, str(article.get("title", "")), line)

    def _list(self, value: Any, key: str, what: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise DataError(f"expected a list of {what} under {key!r}, as in SQuAD", self._path)
        return value

    def left(self) -> list[str]:
        """Paragraphs that nobody asks about, and questions that have no answer."""
        named = (
            (self._silent, "paragraphs without a question left out"),
            (self._impossible, "questions without an answer (is_impossible) left out: a span is always answered"),
        )
        return [f"{count:,} {text}" for count, text in named if count]


def _row(context: str, asked: dict[str, Any], title: str, line: int) -> Row:
    problems = []
    question = asked.get("question")
    if not context.strip():
        problems.append(Problem("story", line, "a question about an empty text"))
    if not isinstance(question, str) or not question.strip():
        problems.append(Problem("question", line, "an empty question"))
    answers, starts = [], []
    for answer in asked.get("answers") or ():
        text, start = answer.get("text"), answer.get("answer_start")
        if not isinstance(text, str) or not isinstance(start, int):
            problems.append(Problem("answer", line, "an answer without 'text' or 'answer_start'"))
        elif not text.strip() or context[start : start + len(text)] != text or start < 0:
            found = what_stands_at(context, text, start)
            problems.append(Problem("span", line, f"the answer {text[:40]!r} is not at character {start}: {found}"))
        else:
            answers.append(text)
            starts.append(str(start))
    if not asked.get("answers"):
        problems.append(Problem("answer", line, "a question without an answer"))
    cells = [context, str(question or ""), answers, starts, title, str(asked.get("id", ""))]
    return Row(cells, line, problems=problems)


def what_stands_at(text: str, answer: str, start: int) -> str:
    """What a text has where an answer is said to be and is not.

    >>> what_stands_at("écrit en 1815", "1815", 10)
    "the text has '815' there; 10 is its place in bytes, and places count characters"
    """
    there = text[max(start, 0) : max(start, 0) + len(answer)]
    found = f"the text has {there[:40]!r} there" if there else "the text ends before"
    # Half of a surrogate pair, as JSON may hold one, has no bytes of its own.
    in_bytes, wanted = (one.encode("utf-8", "surrogatepass") for one in (text, answer))
    if start >= 0 and answer.strip() and in_bytes.startswith(wanted, start):
        found += f"; {start} is its place in bytes, and places count characters"
    return found


class SquadReader:
    """Reads SQuAD."""

    name = "squad"
    suffixes: tuple[str, ...] = ()
    summary = (
        'SQuAD: `{"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}`; a row per question, for answer; known '
        "by its keys in `.json` files"
    )

    def recognises(self, file: Input) -> bool:
        """An object that holds paragraphs with questions."""
        head = file.opening
        return head.startswith(b"{") and b'"paragraphs"' in head and b'"qas"' in head and b'"context"' in head

    def open(self, file: Input, first: Source | None) -> SquadSource:
        """The columns are always the same."""
        return SquadSource(file.path, file.options.encoding)

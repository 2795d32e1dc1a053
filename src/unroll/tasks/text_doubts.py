"""Tables of texts whose likeliest classes are none: what is counted, texts to write, and what people rejected."""

from __future__ import annotations

import re
import shlex

import numpy as np

from unroll.data import Kind, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.reading import short_name

_LOOKED_AT = 1000
#: How columns are called in which readers' answers to a text are counted.
_COUNTED = frozenset(
    """
    likes like_count retweets retweet_count favorites favorite_count views view_count shares share_count replies
    reply_count comments comment_count followers upvotes downvotes votes helpful_votes useful funny cool
    좋아요 조회수 추천수 공감수 댓글수
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
#: Prodigy's words for what became of a label.
_ANSWERS, _HASH = frozenset(("accept", "reject", "ignore")), "_input_hash"
#: A line of records as YAML has them.
_ITEM = re.compile(r"- [\w.-]+:(?: |$)")
#: How columns of words and of their tags are called.
_TOKENS = ("word", "words", "token", "form", "단어", "토큰", "어절")
_TAGS = ("pos", "tag", "ner", "upos", "xpos", "entity", "label", "iob", "bio", "ner_tag", "pos_tag", "품사", "개체명")
#: A comma as people write it in a sentence, and lines from which on it is sure that none does.
_SPOKEN, _LEAST = re.compile(r",(?:\s|$)"), 20
#: Labels from which on it is told that hardly one comes twice.
_FEW = 8

#: How columns of a better and a worse answer are called, and of what they answer.
_PREFERRED = (("chosen", "rejected"), ("preferred", "dispreferred"))
_ASKED = ("prompt", "question", "instruction", "query", "input")


def refuse_preferences(table: Table) -> None:
    """Raise if columns hold a better and a worse answer each, from which no task learns which is better.

    Raises:
        DataError: the question, with what learns the better answers.
    """
    names = {short_name(name): name for name in reversed(table.columns)}
    for better, worse in _PREFERRED:
        if better in names and worse in names:
            asked = next((names[name] for name in _ASKED if name in names), None)
            what = "write the question and the better answer into columns of their own, and train with --task chat"
            if asked is not None:
                what = f"--task chat --set data.inputs={shlex.quote(asked)} --target {shlex.quote(names[better])}"
            raise DataError(
                f"'{names[better]}' and '{names[worse]}' hold a better and a worse answer, and nothing here learns"
                f" which is better; to answer as the better ones do: {what}",
                table.paths[0],
            )


def refuse_no_classes(table: Table, task: Task, guess: Guess) -> None:
    """Raise if what would be learnt as classes of texts is none.

    Raises:
        DataError: the question, with the option that answers it.
    """
    target = guess.data.target
    if task.name != "classify" or target is None or any(table.kinds[name] is Kind.NUMBER for name in guess.data.inputs):
        return
    if table.kinds[target] is Kind.NUMBER and short_name(target) in _COUNTED:
        raise DataError(
            f"the numbers in '{target}' are counted, and no column holds classes; --target {shlex.quote(target)} learns"
            " each number as a class, --task generate a language model of the texts",
            table.paths[0],
        )
    _refuse_words(table)
    rows = np.arange(min(len(table), _LOOKED_AT))
    labels = [label for own in table.labels(target, rows) for label in own] if _is_list(table, target) else []
    # Lists of texts of which hardly one comes twice.
    if len(labels) > _FEW and len(set(labels)) > 0.9 * len(labels):
        source = shlex.quote(guess.data.inputs[0])
        raise DataError(
            f"column '{target}' holds lists of texts ({labels[0][:40]}), hardly one of which comes twice, and such are"
            f" no classes; write the text itself into the cell, and learn to write it: --task translate"
            f" --source {source} --target {shlex.quote(target)}, or --task chat",
            *table.place(0),
        )
    _refuse_rejected(table, target)


def _is_list(table: Table, column: str) -> bool:
    return table.details(column).is_list


def _refuse_rejected(table: Table, target: str) -> None:
    """Raise if labels that people rejected would be learnt as right."""
    if _HASH not in table.columns or "answer" not in table.columns or target == "answer":
        return
    said = [cell.strip() for cell in table.texts("answer")]
    wrong = [row for row, cell in enumerate(said) if cell != "accept"]
    if wrong and _ANSWERS.issuperset(said):
        raise DataError(
            f"{len(wrong):,} labels in '{target}' were rejected or ignored, as 'answer' says, and would be learnt as"
            " right; keep the rows that were accepted, or learn whether they are: --target answer",
            *table.place(wrong[0]),
        )


def _refuse_words(table: Table) -> None:
    """Raise if rows are words with their tags, and nothing tells where sentences begin."""
    names = {short_name(name): name for name in reversed(table.columns)}
    word = next((names[name] for name in _TOKENS if name in names), None)
    tag = next((names[name] for name in _TAGS if name in names), None)
    # A list of words, each of them once, is no text.
    if word is not None and tag is not None and len(set(table.texts(word))) < 0.9 * len(table):
        raise DataError(
            f"'{word}' holds words and '{tag}' their tags, and no column tells sentences apart; put a blank line"
            " between sentences, or a column sentence_id that numbers them",
            table.paths[0],
        )


def refuse_written_tables(table: Table, task: Task) -> None:
    """Raise if a language model would learn the signs of a table with commas, or of records in YAML.

    Raises:
        DataError: the question, with what is read instead.
    """
    if task.name == "generate":
        _refuse_words(table)
    if task.name != "generate" or table.format != "text" or len(table.columns) != 1:
        return
    lines = [line.rstrip() for line in table.texts(table.columns[0], np.arange(min(len(table), _LOOKED_AT)))]
    commas = {line.count(",") for line in lines}
    if len(lines) >= _LEAST and len(commas) == 1 and commas != {0} and not any(_SPOKEN.search(line) for line in lines):
        raise DataError(
            f"every line holds {commas.pop() + 1} cells with commas between them; --format csv reads the cells, --task"
            " generate the lines as they stand",
            *table.place(0),
        )
    items = sum(_ITEM.match(line) is not None for line in lines)
    if 5 * items > len(lines) and all(_ITEM.match(line) or line.startswith(" ") for line in lines):
        raise DataError(
            "the lines are records as YAML has them, which is not read; write the rows as CSV or JSONL, or say --task"
            " generate for a language model of the lines as they stand",
            *table.place(0),
        )

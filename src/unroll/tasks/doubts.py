"""Guesses that the content of a table contradicts, each as the question that is asked instead of training on it."""

from __future__ import annotations

import itertools
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from unroll.data import Kind, Table
from unroll.data.doctor.nearly import numbers_with_units
from unroll.data.images.pictures import is_picture_name
from unroll.data.readers.conll import ENTITY_TAG
from unroll.data.readers.messenger import LEVELS
from unroll.data.readers.parallel import language_of
from unroll.data.readers.sound import is_sound
from unroll.data.readers.talktable import SPEAKERS, name_answers, talk_columns
from unroll.data.table.times import guess_notations
from unroll.data.text.corpus import is_running_text
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.choices import refuse_choices
from unroll.tasks.reading import are_structured, short_name

#: Rows that are looked at.
_LOOKED_AT = 200
#: Two columns of texts whose mean lengths differ by more are no pairs.
_RATIO = 3.0
#: From this confidence on a guess has reasons of its own.
SURE = 0.5
#: How columns of times are called, and the digits that a time has at least.
_TIME_NAME = re.compile(
    r"(?i)(^|[\W_])(date|time|timestamp|datetime|when|day|ds|dt|month|week|period|year|quarter|season)([\W_]|$)"
    r"|날짜|일시|시각|일자|년월|시점|연도|년도|분기"
)
_DIGITS = 4
#: Words from which on a text is no name of a place or a product.
_FEW_WORDS = 4
#: A name and what its owner says, and lines for each name, at least.
_SPEAKER = re.compile(r"([^\W\d][\w .'-]{0,30}?) ?: \S")
_TURNS_EACH = 5
#: A name of a file.
_FILE_NAME = re.compile(r"(?i)\S*\.(?:txt|html?|xml|json|pdf|docx?|jpe?g|png|gif|bmp|webp|tiff?)$")
_YES, _NO = "true", "false"
_CLASS_NAMES = frozenset(
    ("label", "labels", "class", "target", "category", "sentiment", "intent", "라벨", "레이블", "분류")
)


def refuse_doubtful(table: Table, task: Task, guess: Guess, named: str | None = None) -> None:
    """Raise if a task was guessed that leaves aside what the table is about.

    Args:
        table: the data.
        task: what was guessed.
        guess: the columns that it would use.
        named: the target, where the user said it.

    Raises:
        DataError: the question, with the options that answer it.
    """
    rows = np.arange(min(len(table), _LOOKED_AT))
    if task.name in ("classify", "answer", "chat") and named is None:
        refuse_choices(table, guess)
    if task.name in ("answer", "chat", "generate"):
        _refuse_pictures(table, task, guess.data.inputs, rows)
    if task.name == "answer":
        _refuse_structured(table, [name for name in guess.data.inputs if not table.details(name).is_list], rows)
    if task.name == "classify" and guess.data.target is not None:
        _refuse_annotations(table, guess.data.target, rows)
        _refuse_languages(table, guess.data.target)
        _refuse_names_of_files(table, guess.data.inputs, rows)
        if named is None:
            _refuse_who_speaks(table, guess.data.target)
            _refuse_one_of_several(table, guess.data.target)
    if task.name in ("generate", "classify"):
        _refuse_units(table, task, guess.data.inputs)
    if task.name == "generate" and is_running_text(table):
        _refuse_speakers(table)
    if task.name != "transcribe" and named is None:
        _refuse_recordings(table, rows)
    if task.name in ("forecast", "detect") and named is None:
        _refuse_counted_texts(table, task, guess, rows)
    if guess.confidence >= SURE:
        return
    if task.name == "chat" and guess.data.target is None:
        raise DataError(
            f"column '{guess.data.inputs[0]}' holds lists, and nothing says of what; --task chat takes them for"
            " conversations, a turn each, and tags of tokens stand in a column beside them",
            table.paths[0],
        )
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT and _are_sentences(table, name, rows)]
    if task.name == "generate":
        _refuse_structured(table, guess.data.inputs, rows)
        for name in table.columns:
            if table.kinds[name] is Kind.LABELS:
                _refuse_lists_of_tags(table, name, rows)
        _refuse_unused_classes(table, guess)
        _refuse_pairs(table, [name for name in table.columns if name in texts or _are_words(table, name, rows)], rows)
    elif task.name in ("forecast", "detect") and guess.data.time is None:
        written = [name for name in table.columns if table.kinds[name] is Kind.TEXT]
        _refuse_structured(table, written, rows)
        _refuse_strange_times(table, task, written)
        if texts:
            raise _numbers_beside(table, task, texts)


def _numbers_beside(table: Table, task: Task, texts: Sequence[str]) -> DataError:
    names = "', '".join(texts[:4])
    return DataError(
        f"numbers beside texts in '{names}', and nothing says what is to be learnt; name it: --target COLUMN (a"
        f" class), --task translate or chat (pairs of texts), or --task {task.name} for the numbers alone",
        table.paths[0],
    )


def _refuse_counted_texts(table: Table, task: Task, guess: Guess, rows: np.ndarray) -> None:
    """Raise if numbers would be series over what counts the rows of texts."""
    time = guess.data.time
    if time is None or guess.data.series is not None or table.kinds[time] is not Kind.NUMBER or len(table) < 2:
        return
    counted = table.numbers(time)
    if counted[0] not in (0, 1) or not (np.diff(counted) == 1).all():
        return
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT and _are_sentences(table, name, rows)]
    if any(len(cell.split()) > _FEW_WORDS for name in texts for cell in table.texts(name, rows)):
        raise _numbers_beside(table, task, texts)


def _refuse_units(table: Table, task: Task, inputs: Sequence[str]) -> None:
    """Raise if all that would be read as text are numbers with units beside them."""
    found = list(numbers_with_units(table))
    if inputs and {*inputs} <= {own.column for own in found}:
        own = found[0]
        raise DataError(
            f"column '{own.column}' {own.words()}, which would be read as texts; write the numbers alone, in plain"
            f" digits, or say that they are texts with --task {task.name} --set data.inputs={shlex.quote(own.column)}",
            *table.place(own.row),
        )


def _refuse_speakers(table: Table) -> None:
    """Raise if every line of a text begins with one of few names and a colon: then people talk in it."""
    cells = list(table.texts(table.columns[0], np.arange(min(len(table), _LOOKED_AT))))
    found = [_SPEAKER.match(cell) for cell in cells]
    names = Counter(match[1] for match in found if match is not None)
    few = 2 <= len(names) <= len(cells) // _TURNS_EACH
    if None not in found and few and min(names.values()) > 1 and not LEVELS & {name.casefold() for name in names}:
        shown = ", ".join(sorted(names)[:4])
        raise DataError(
            f"every line begins with one of {len(names)} names ({shown}), as if people talked; --format messenger reads"
            " conversations (chat), --task generate the whole text",
            table.paths[0],
        )


def _refuse_languages(table: Table, target: str) -> None:
    """Raise if the files of two languages that have as many lines would be told apart: they may be translations."""
    files, counts = np.unique(table.files(), return_counts=True)
    if len(files) != 2 or counts[0] != counts[1] or table.in_memory:
        return
    names = [table.paths[file].name for file in files]
    codes = [language_of(Path(f"x.{table.paths[file].stem}")) for file in files]
    if None not in codes and set(table.labels(target)) == {(table.paths[file].stem,) for file in files}:
        raise DataError(
            f"{names[0]} and {names[1]} have as many lines, as if they were translations; name them train.{codes[0]}"
            f" and train.{codes[1]} to translate, or --task classify learns to tell the languages",
            table.paths[0],
        )


def _refuse_who_speaks(table: Table, target: str) -> None:
    """Raise if what would be learnt is who speaks: the rows may as well be conversations."""
    found = talk_columns(table.columns)
    if found is None or found.speaker != target or table.in_memory:
        return
    # Whoever wrote a text may be asked for; with times beside them they are messages.
    if short_name(target) in SPEAKERS or found.time or found.talk or found.text.casefold() == "value":
        talks = "--format messenger reads what is said as conversations (chat)"
        if name_answers(table.columns) is not None:
            talks = "for chat write a list of turns for each conversation"
        raise DataError(
            f"'{target}' says who speaks in '{found.text}'; {talks}, --target {shlex.quote(target)} learns to tell who"
            " speaks",
            table.paths[0],
        )


def _refuse_names_of_files(table: Table, inputs: Sequence[str], rows: np.ndarray) -> None:
    """Raise if names of files would be read as texts."""
    if len(inputs) != 1 or table.kinds[inputs[0]] is not Kind.TEXT:
        return
    cells = [cell.strip() for cell in table.texts(inputs[0], rows)]
    # What stands above a column may have been taken for its first cell.
    if len(cells) > 1 and all(map(is_picture_name, cells[1:])):
        raise DataError(
            f"column '{inputs[0]}' holds names of pictures ({cells[1][:40]}), whose contents are not read for classes;"
            f" texts that say what they show are learnt by --task caption --set data.inputs={shlex.quote(inputs[0])}"
            " --target COLUMN",
            *table.place(0),
        )
    if cells and all(map(_FILE_NAME.match, cells)):
        raise DataError(
            f"column '{inputs[0]}' holds names of files ({cells[0][:40]}), whose contents are not read; write their"
            " texts into the table, or make a folder of texts for each class",
            *table.place(0),
        )


def _refuse_pictures(table: Table, task: Task, inputs: Sequence[str], rows: np.ndarray) -> None:
    """Raise if pictures that texts speak of would be left aside."""
    for name in table.columns:
        cells = list(table.texts(name, rows)) if table.kinds[name] is Kind.TEXT and name not in inputs else []
        left = "nothing says what they show" if task.name == "generate" else "questions about pictures are not learnt"
        if cells and all(map(is_picture_name, cells)):
            raise DataError(
                f"column '{name}' holds names of pictures ({cells[0][:40]}), and {left}; --task caption"
                f" --set data.inputs={shlex.quote(name)} --target COLUMN learns what they show,"
                f" --task {task.name} --target COLUMN the texts alone",
                *table.place(0),
            )


def _refuse_recordings(table: Table, rows: np.ndarray) -> None:
    """Raise if recordings would be left aside for what is said of them, such as how long they are."""
    for name in table.columns:
        cells = list(table.texts(name, rows)) if table.kinds[name] is Kind.TEXT else []
        if cells and all(map(is_sound, cells)):
            raise DataError(
                f"column '{name}' holds names of recordings ({cells[0][:40]}), and nothing says where their transcripts"
                " are; name the column: --task transcribe --target COLUMN",
                *table.place(0),
            )


def _refuse_strange_times(table: Table, task: Task, texts: Sequence[str]) -> None:
    """Raise if a column is called as one of times and holds them in a notation that none here is."""
    for name in texts:
        first = table.texts(name)[0].strip()
        if not _TIME_NAME.search(name) or sum(map(str.isdigit, first)) < _DIGITS:
            continue
        known = guess_notations(pa.array([first]))
        cells = enumerate(cell.strip() for cell in table.texts(name))
        # Where the first cell is a time, another is none.
        other = next((own for own in cells if known and known[0] not in guess_notations(pa.array([own[1]]))), None)
        row, cell = other or (0, first)
        written = "as none that is known" if other is None else f"otherwise than {first[:40]!r} above"
        raise DataError(
            f"column '{name}' is called as one of times, and {cell[:40]!r} is written {written}; write it as 2024-01-31"
            f" 12:00, or name what is forecast in the order of the rows: --task {task.name} --target COLUMN",
            *table.place(row),
        )


def _refuse_one_of_several(table: Table, target: str) -> None:
    """Raise if each label of a row has a column of zeros and ones, or true and false, and one alone would be learnt."""
    # A column that is called label is the answer, whatever stands beside it.
    if short_name(target) in _CLASS_NAMES or not _are_marks(table, target):
        return
    marks = [name for name in table.columns if _are_marks(table, name)]
    if len(marks) < 2:
        return
    one_of_all = bool((np.stack([_marked(table, name) for name in marks]).sum(axis=0) == 1).all())
    # Two columns of zeros and ones may be an input and an answer; two that are never alike are one answer.
    if len(marks) == 2 and not one_of_all:
        return
    names = ", ".join(marks[:4]) + (", ..." if len(marks) > 4 else "")
    held = "zeros and ones" if table.kinds[marks[0]] is Kind.NUMBER else "true and false"
    texts = "the class of each row" if one_of_all else "the labels of each row, as 'a,b'"
    raise DataError(
        f"the columns {names} hold {held}, as if each were a label, and one column is learnt; name it with"
        f" --target {shlex.quote(marks[0])}, or write {texts} into one column",
        table.paths[0],
    )


def _are_marks(table: Table, column: str) -> bool:
    if table.kinds[column] is Kind.TEXT:
        return {cell.strip().casefold() for cell in table.texts(column)} == {_YES, _NO}
    return table.kinds[column] is Kind.NUMBER and set(np.unique(table.numbers(column)).tolist()) == {0.0, 1.0}


def _marked(table: Table, column: str) -> np.ndarray:
    """Where such a column says yes, (rows,)."""
    if table.kinds[column] is Kind.NUMBER:
        return table.numbers(column)
    return np.array([cell.strip().casefold() == _YES for cell in table.texts(column)])


def _are_sentences(table: Table, column: str, rows: np.ndarray) -> bool:
    """Whether most cells are of several words, or of another text each."""
    cells = [cell.strip() for cell in table.texts(column, rows)]
    words = sum(len(cell.split()) > 1 for cell in cells)
    return 2 * words > len(cells) and len(set(cells)) > max(2, len(cells) // 20)


def _are_words(table: Table, column: str, rows: np.ndarray) -> bool:
    """Whether cells are single words, nearly all different, without a digit: no ids, but something to learn from."""
    if table.kinds[column] is not Kind.TEXT:
        return False
    cells = [cell.strip() for cell in table.texts(column, rows)]
    plain = sum(bool(cell) and not any(map(str.isdigit, cell)) for cell in cells)
    return plain > 0.9 * len(cells) and 10 * len(set(cells)) > 9 * len(cells)


def _refuse_pairs(table: Table, texts: Sequence[str], rows: np.ndarray) -> None:
    lengths = {name: float(np.mean([len(cell) for cell in table.texts(name, rows)])) for name in texts}
    pairs = list(itertools.combinations(texts, 2))
    if not pairs:
        return
    alike = [pair for pair in pairs if _are_alike(*(lengths[name] for name in pair))]
    one, other = map(shlex.quote, (alike or pairs)[0])
    raise DataError(
        f"two columns of texts, {one} and {other}, and nothing says what they are to each other; name it: --task"
        f" translate --source {one} --target {other}, --task chat --set data.inputs={one} --target {other}, or --task"
        f" generate --set data.inputs={one} for the texts of one column",
        table.paths[0],
    )


def _are_alike(one: float, other: float) -> bool:
    return max(one, other) <= _RATIO * max(min(one, other), 1.0)


def _refuse_unused_classes(table: Table, guess: Guess) -> None:
    """Raise if a column that is called after classes would be left aside: it holds one class, or as many as rows."""
    for name in table.columns:
        if name in guess.data.inputs or short_name(name) not in _CLASS_NAMES or table.kinds[name] is Kind.SERIES:
            continue
        found = {cell.strip() for cell in table.texts(name)} - {""}
        if len(found) == 1 and len(table) > 1:
            raise DataError(
                f"column '{name}' holds one class in all {len(table):,} rows ({found.pop()[:40]!r}), so there is"
                " nothing to tell apart; add rows of another class, or --task generate for a language model",
                table.paths[0],
            )
        if len(found) > 1:
            raise DataError(
                f"column '{name}' holds {len(found):,} different values in {len(table):,} rows, which are many for"
                f" classes; learn them with --target {shlex.quote(name)}, or leave them aside with --task generate",
                table.paths[0],
            )


def _refuse_structured(table: Table, names: Sequence[str], rows: np.ndarray) -> None:
    """Raise if lists or objects would be learnt as texts, or be left aside."""
    for name in names:
        cells = [cell.strip() for cell in table.texts(name, rows) if cell.strip()]
        if are_structured(cells):
            others = [other for other in table.columns if other != name and table.kinds[other] is Kind.TEXT]
            wanted = others[0] if others else "COLUMN"
            raise DataError(
                f"column '{name}' holds lists or objects ({cells[0][:40]}), and nothing says what is to be learnt;"
                " write one row per text, with its class, its answer or its tags in a column of their own, or name"
                f" the texts: --task generate --set data.inputs={shlex.quote(wanted)}",
                *table.place(0),
            )


def _refuse_annotations(table: Table, target: str, rows: np.ndarray) -> None:
    """Raise if what would be classes are spans, objects, or the tags of one token each."""
    if table.kinds[target] is Kind.LABELS:
        _refuse_lists_of_tags(table, target, rows)
    if table.kinds[target] is not Kind.TEXT:
        return
    cells = [cell.strip() for cell in table.texts(target, rows) if cell.strip()]
    if are_structured(cells):
        raise DataError(
            f"column '{target}' holds lists or objects ({cells[0][:40]}), which are no classes; write one class per"
            ' row, several with commas between them (joy,love), or for tags of tokens lines of {"tokens":'
            ' [...], "tags": ["B-PER", ...]}',
            *table.place(0),
        )
    tags = [cell.split() for cell in cells]
    marked = all(ENTITY_TAG.match(tag) for row in tags for tag in row) and any("O" in row for row in tags)
    if cells and marked and len({cell for row in tags for cell in row}) > 1:
        raise DataError(
            f"column '{target}' holds tags of entities ({cells[0][:40]}), which belong to tokens, not to rows; write"
            " a token and its tag per line with a blank line between sentences (--format conll), or lines of"
            ' {"tokens": [...], "tags": [...]}',
            *table.place(0),
        )


def _refuse_lists_of_tags(table: Table, target: str, rows: np.ndarray) -> None:
    """Raise if what would be several classes of a row are the tags of its tokens."""
    tags = table.labels(target, rows)
    found = {tag for row in tags for tag in row}
    if "O" in found and len(found) > 1 and all(map(ENTITY_TAG.match, found)):
        shown = ", ".join(next(row for row in tags if row)[:3])
        raise DataError(
            f"column '{target}' holds tags of entities ({shown}, ...), which belong to tokens, and no column holds as"
            ' many tokens; write lines of {"tokens": [...], "tags": [...]}, the tokens as a list',
            *table.place(0),
        )

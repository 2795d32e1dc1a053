"""Tables with a row for everything that is said: who speaks, the text, and often its conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from unroll.data.readers.delimited import DelimitedReader
from unroll.data.readers.jsonrows import JsonLinesReader, JsonReader
from unroll.data.readers.parquet import ParquetReader
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Batch
from unroll.errors import DataError

#: How columns are called, in small letters, most usual first.
_TALKS = (
    *("conversation_id", "conv_id", "dialogue_id", "dialog_id", "conversation", "thread_id", "session_id", "chat_id"),
    *("대화번호", "대화id", "대화_id"),
)
#: Who speaks; of the second, others than speakers may be called so too.
SPEAKERS = ("speaker", "speaker_id", "speaker_idx", "role", "sender", "who", "발화자", "화자", "보낸사람")
_PEOPLE = ("author", "user", "username", "from", "name", "agent")
_TEXTS = (
    "utterance",
    "text",
    "message",
    "content",
    "body",
    "said",
    "line",
    "발화",
    "발화문",
    "내용",
    "문장",
    "대화내용",
)
#: How ShareGPT calls who speaks and what is said; of one alone, or beside usual names, nothing is known.
_SHARED = ("from", "value")
_TIMES = ("timestamp", "time", "date", "datetime", "created_at", "일시", "시간", "날짜")
#: What names the row that a row answers; the order of rows then says nothing.
_REPLIES = ("reply-to", "reply_to", "parent_id", "in_response_to_tweet_id", "response_tweet_id")
#: What may stand beside them in a table that is nothing but conversations.
_OTHERS = (
    *("id", "utterance_id", "message_id", "turn", "turn_id", "turn_no", "turn_idx", "utterance_idx", "index", "idx"),
    *("no", "lang", "language", "split", "번호", "순번"),
)
_KEY = re.compile(rb'"([^"\\]{1,40})"\s*:')


class TalkColumns(NamedTuple):
    """The columns of a table of talks; the conversation and the time are not always there."""

    talk: str | None
    speaker: str
    text: str
    time: str | None


def talk_columns(names: Iterable[str]) -> TalkColumns | None:
    """The columns of who speaks and what is said, and what else tells conversations; None if there are none.

    >>> talk_columns(["Dialogue_ID", "Speaker", "Utterance"])
    TalkColumns(talk='Dialogue_ID', speaker='Speaker', text='Utterance', time=None)
    """
    named = {name.strip().casefold(): name for name in names}
    both = all(name in named for name in _SHARED)

    def usual(*words: str) -> str | None:
        return next((named[word] for word in words if word in named), None)

    speaker, text = usual(*SPEAKERS, *_PEOPLE), usual(*_TEXTS)
    if text is None and both:
        speaker, text = (named[name] for name in _SHARED)
    if speaker is None or text is None:
        return None
    return TalkColumns(usual(*_TALKS), speaker, text, usual(*_TIMES))


def name_answers(names: Iterable[str]) -> str | None:
    """The column that names what each row answers; None if there is none."""
    return next((name for name in names if name.strip().casefold() in _REPLIES), None)


def are_talks(names: Iterable[str]) -> bool:
    """Whether columns hold conversations and nothing else that could be learnt."""
    known = {*_TALKS, *SPEAKERS, *_PEOPLE, *_TEXTS, *_SHARED, *_TIMES, *_OTHERS}
    found = talk_columns(names)
    return found is not None and found.talk is not None and {name.strip().casefold() for name in names} <= known


def names_in(file: Input) -> list[str]:
    """The names of the columns of a table, by its first line, first object or schema."""
    if file.head.startswith(b"PAR1"):
        return [field.name for field in ParquetReader().open(file, None).fields]
    if file.opening.startswith((b"{", b"[")):
        first = file.opening[: file.opening.find(b"}") + 1]
        return [key.decode("utf-8", "replace") for key in _KEY.findall(first)]
    line = next((line for _, line in file.lines if line.strip()), "")
    return line.removeprefix("\ufeff").strip().replace("\t", ",").replace(";", ",").replace('"', "").split(",")


def said_rows(file: Input) -> Iterator[tuple[str, str, str, int]]:
    """Conversation, speaker, text and line of every row, in the order of the table.

    Raises:
        DataError: the table has no such columns, or names what each row answers; or it cannot be read.
    """
    source = _table(file)
    names = [field.name for field in source.fields]
    columns = talk_columns(names)
    if columns is None:
        raise DataError(f"expected columns of speakers and texts, got {', '.join(names[:12])}", file.path)
    answers = name_answers(names)
    if answers is not None:
        raise DataError(
            f"column '{answers}' names what each row answers, which is not followed; write a list of turns for each"
            " conversation",
            file.path,
        )
    for cells, line in _rows(source, names):
        day = str(cells[columns.time])[:10] if columns.talk is None and columns.time is not None else ""
        talk = str(cells[columns.talk]) if columns.talk is not None else day
        text = cells[columns.text]
        yield talk, str(cells[columns.speaker]), "" if text is None else str(text), line


def _table(file: Input) -> Source:
    if file.head.startswith(b"PAR1"):
        return ParquetReader().open(file, None)
    if file.opening.startswith((b"{", b"[")):
        lines = JsonLinesReader()
        return (lines if lines.recognises(file) else JsonReader()).open(file, None)
    tabs = file.path.name.removesuffix(".gz").lower().endswith((".tsv", ".tab"))
    # The names by which the table is known stand above it, whatever else they look like.
    named = Input(file.path, file.options._replace(header=True), file.scratch)
    return DelimitedReader("tsv" if tabs else "csv").open(named, None)


def _rows(source: Source, names: list[str]) -> Iterator[tuple[dict[str, Any], int]]:
    for row in source.rows():
        if isinstance(row, Batch):
            for at, cells in enumerate(zip(*(array.to_pylist() for array in row.arrays), strict=True)):
                yield dict(zip(names, cells, strict=True)), row.line + at
        else:
            yield dict(zip(names, row.cells, strict=True)), row.line

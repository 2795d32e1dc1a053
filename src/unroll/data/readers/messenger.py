"""Chats as messengers export them: KakaoTalk (computer, phone, CSV), WhatsApp, Telegram; a row per day, for chat.

What one says in several messages is one turn. Lines that no message begins belong to the one before them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source, left_out
from unroll.data.readers.records import QuoteError, records
from unroll.data.readers.talktable import are_talks, names_in, said_rows, talk_columns
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_CLOCK = r"(?:(?:오전|오후|AM|PM)\s*)?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_KOREAN_DAY = r"\d{4}년 \d{1,2}월 \d{1,2}일"
_DAY = rf"{_KOREAN_DAY}|\d{{1,4}}[./-]\s?\d{{1,2}}[./-]\s?\d{{1,4}}\.?|[A-Z][a-z]+ \d{{1,2}}, \d{{4}}"
#: How messages begin: the day where the line says it, who speaks, what is said.
_MESSAGES = (
    # [name] [오후 3:12] said
    re.compile(rf"\[(?P<who>[^\]]{{1,60}})\] \[{_CLOCK}\] (?P<said>.*)"),
    # 2024년 1월 5일 오후 3:12, name : said
    re.compile(rf"(?P<day>{_DAY})(?:,| at)? {_CLOCK}, (?P<who>.{{1,60}}?) : (?P<said>.*)"),
    # 1/5/24, 3:12 PM - name: said; [05.01.24, 15:12:01] name: said
    re.compile(rf"\[?(?P<day>{_DAY}),? {_CLOCK}(?:\] | - )(?P<who>[^:]{{1,60}}): (?P<said>.*)"),
    # 오후 3:12<TAB>name<TAB>said, as LINE writes
    re.compile(rf"{_CLOCK}\t(?P<who>[^\t]{{1,60}})\t\"?(?P<said>.*)"),
    # [15:12] <name> said
    re.compile(rf"\[?(?:(?P<day>{_DAY})[ T])?{_CLOCK}\]? <(?P<who>[^>]{{1,40}})> (?P<said>.*)"),
)
#: A line of nothing but a day, perhaps with its name.
_DAY_ALONE = re.compile(rf"(?P<day>{_DAY})(?: ?\(?[^\W\d]{{1,9}}\)?)?$")
#: Lines that begin like messages and are none: the day, and what the messenger itself says.
_OTHERS = re.compile(
    rf"-{{5,}} (?P<day>.+?) -{{5,}}$|(?:{_DAY})(?:,| at)? {_CLOCK}$|\[?(?:{_DAY}),? {_CLOCK}(?:\] | - |, )"
)
#: Messages that stand for what is no text.
_NO_TEXT = re.compile(
    r"(?i)(?:사진(?: \d+장)?|동영상|이모티콘|음성메시지|파일: .*|삭제된 메시지입니다\.?|<media omitted>|"
    r"(?:image|video|audio|sticker|gif|document) omitted|this message was deleted\.?|"
    r"<(?:attached|첨부): .*>|<.{1,40}(?:omitido|weggelassen|omis)>)$"
)
#: Marks of direction that WhatsApp puts at the beginning of lines, and spaces of fixed width.
_MARKS = re.compile("[\u200e\u200f\u202a\u202c\ufeff]")
#: Of the first lines, those that must begin a message, at least.
_LEAST, _SHARE = 3, 0.3
#: A name and what its owner says, as people write conversations down.
_SPEAKER = re.compile(r"(?P<who>[^:]{1,40}?) ?: ?(?P<said>.*)")
#: What stands in the place of names in a log.
LEVELS = frozenset(("info", "warn", "warning", "error", "debug", "trace", "fatal", "critical", "notice"))
_COLUMNS = ("Date", "User", "Message")
_DAY_SECONDS = 24 * 60 * 60
#: Turns of a conversation, at most: rows are split into train, validation and test by conversations.
_TURNS = 20


class Message(NamedTuple):
    """What somebody said: the day, the speaker, the text and its line."""

    day: str
    who: str
    said: str
    line: int


class MessengerSource:
    """An exported chat ready to be read.

    Args:
        file: the file.
        messages: gives what was said, in order.
    """

    fields = (Field("turns", "list"),)
    marked = False
    empty = "no conversation: on no day does anybody answer"

    def __init__(self, file: Input, messages: Callable[[Input], Iterator[Message]]) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        what, each = ("a chat as messengers export it", "a conversation per day")
        if messages is _of_rows:
            what, each = ("who speaks and what is said in every row", "a conversation as the rows are named or dated")
        self.said = f"{file.path.name}: {what}, {each}, of {_TURNS} turns at most, {encoding}"
        self._file = file
        self._messages = messages
        self._no_text = self._alone = 0

    def rows(self) -> Iterator[Row]:
        """The conversation of every day; what one says at a stretch is one turn.

        Raises:
            DataError: wrong encoding, a broken quote, or a file that cannot be read.
        """
        self._no_text = self._alone = 0
        turns: list[tuple[str, list[str]]] = []
        day, line = "", 1
        for message in self._messages(self._file):
            if message.day != day or (len(turns) == _TURNS and message.who != turns[-1][0]):
                yield from self._conversation(turns, line)
                turns, day, line = [], message.day, message.line
            if _NO_TEXT.match(message.said.strip()):
                self._no_text += 1
                continue
            said = " ".join(message.said.split())
            if said and turns and turns[-1][0] == message.who:
                turns[-1][1].append(said)
            elif said:
                turns.append((message.who, [said]))
        yield from self._conversation(turns, line)

    def _conversation(self, turns: list[tuple[str, list[str]]], line: int) -> Iterator[Row]:
        if len(turns) > 1:
            yield Row([[" ".join(said) for _, said in turns]], line)
        self._alone += len(turns) == 1

    def left(self) -> list[str]:
        """Messages without text, and days on which nobody answers."""
        return left_out(
            (self._no_text, "pictures and other messages without text"), (self._alone, "days without an answer")
        )


def _exported(file: Input) -> Iterator[Message]:
    """The messages of an exported chat."""
    day = ""
    last: Message | None = None
    for number, raw in numbered_lines(file.path, file.options.encoding):
        line = _MARKS.sub("", raw.removesuffix("\r"))
        found = message_in(line)
        if found is not None:
            if last is not None:
                yield last
            day = found["day"] or day if "day" in found.re.groupindex else day
            last = Message(day, found["who"], found["said"], number)
        elif (other := _DAY_ALONE.match(line) or _OTHERS.match(line)) is not None:
            day = other["day"] or day
        elif last is not None:
            last = last._replace(said=f"{last.said} {line}")
    if last is not None:
        yield last


def _spoken(file: Input) -> Iterator[Message]:
    """What lines such as `Ana: Hello` say; a blank line ends a conversation.

    Raises:
        DataError: a line has no speaker.
    """
    part = 0
    for number, raw in numbered_lines(file.path, file.options.encoding):
        line = raw.strip()
        if not line:
            part = number
            continue
        found = _SPEAKER.match(line)
        if found is None:
            raise DataError(f"expected a name, a colon and what is said, got {line[:40]!r}", file.path, number)
        yield Message(str(part), found["who"], found["said"], number)


def _of_table(file: Input) -> Iterator[Message]:
    """The messages of KakaoTalk's CSV.

    Raises:
        DataError: a ragged row or a broken quote, with its line.
    """
    try:
        for record in records(numbered_lines(file.path, file.options.encoding), ",", True):
            cells = record.cells
            if len(cells) == len(_COLUMNS) and cells != list(_COLUMNS):
                yield Message(cells[0].partition(" ")[0], cells[1], cells[2], record.line)
            elif cells and len(cells) != len(_COLUMNS):
                what = f"expected {', '.join(_COLUMNS)}, got {len(cells)} cells"
                raise DataError(f"{what}; quote cells that hold commas", file.path, record.line)
    except QuoteError as error:
        raise DataError(f"{error}; double every quote inside a cell", file.path, error.line) from error


def _of_telegram(file: Input) -> Iterator[Message]:
    """The messages of Telegram's JSON, of one chat or of several."""
    value = file.document.value
    chats = value.get("chats", {}) if isinstance(value, dict) else {}
    listed = chats.get("list") if isinstance(chats, dict) else None
    for chat in [value, *(listed if isinstance(listed, list) else [])]:
        messages = chat.get("messages") if isinstance(chat, dict) else None
        for message in messages if isinstance(messages, list) else []:
            who = message.get("from") if isinstance(message, dict) else None
            if not isinstance(who, str):
                continue
            pieces = message.get("text")
            pieces = pieces if isinstance(pieces, list) else [pieces]
            said = [piece.get("text") if isinstance(piece, dict) else piece for piece in pieces]
            day = f"{chat.get('id')} {str(message.get('date'))[:10]}"
            yield Message(day, who, "".join(piece for piece in said if isinstance(piece, str)), 1)


def _of_discord(file: Input) -> Iterator[Message]:
    """The messages of DiscordChatExporter's JSON."""
    whole = file.document
    value = whole.value
    messages = value.get("messages") if isinstance(value, dict) else None
    for message in messages if isinstance(messages, list) else []:
        author = message.get("author") if isinstance(message, dict) else None
        said = message.get("content") if isinstance(message, dict) else None
        if isinstance(author, dict) and isinstance(said, str):
            who = str(author.get("nickname") or author.get("name"))
            yield Message(str(message.get("timestamp"))[:10], who, said, whole.line(said))


def _of_meta(file: Input) -> Iterator[Message]:
    """The messages of a chat as Facebook and Instagram export it, the newest of which stands first."""
    value = file.document.value
    listed = value.get("messages") if isinstance(value, dict) else None
    found = [message for message in listed if isinstance(message, dict)] if isinstance(listed, list) else []
    timed = [(stamp, message) for message in found if isinstance(stamp := message.get("timestamp_ms"), int)]
    for stamp, message in sorted(timed, key=lambda pair: pair[0]):
        who, said = message.get("sender_name"), message.get("content")
        if isinstance(who, str):
            day = str(stamp // 1000 // _DAY_SECONDS)
            yield Message(day, _mended(who), _mended(said) if isinstance(said, str) else "", 1)


def _mended(text: str) -> str:
    """A text of which every byte of UTF-8 was written as a character of its own.

    >>> _mended("caf\\u00c3\\u00a9"), _mended("café")
    ('café', 'café')
    """
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _of_slack(file: Input) -> Iterator[Message]:
    """The messages of a day of a channel, as Slack exports them."""
    whole = file.document
    value = whole.value
    for message in value if isinstance(value, list) else []:
        # Those with a subtype say that somebody has joined and the like.
        if isinstance(message, dict) and isinstance(message.get("user"), str) and "subtype" not in message:
            said = message.get("text")
            stamp = str(message.get("ts")).partition(".")[0]
            day = str(int(stamp) // _DAY_SECONDS) if stamp.isdecimal() else ""
            yield Message(day, message["user"], said if isinstance(said, str) else "", whole.line(said))


def message_in(line: str) -> re.Match[str] | None:
    """Who says what in a line that begins a message.

    >>> found = message_in("[김철수] [오후 3:12] 안녕")
    >>> found and (found["who"], found["said"])
    ('김철수', '안녕')
    """
    return next((found for pattern in _MESSAGES if (found := pattern.match(line)) is not None), None)


class MessengerReader:
    """Reads chats of KakaoTalk, WhatsApp and Telegram."""

    name = "messenger"
    suffixes: tuple[str, ...] = ()
    summary = (
        "chats as KakaoTalk, WhatsApp, LINE, Telegram, Slack, Discord, Facebook and Instagram export them:"
        " `[name] [오후 3:12] text`, `2024년 1월 5일 오후 3:12, name : text`, `1/5/24, 3:12 PM - name: text`,"
        " `Date,User,Message`, `[15:12] <name> text` or JSON; a conversation per day, for chat; also tables of"
        " conversation, speaker and text; where it is named, also `name: text`, blank lines between conversations, and"
        " any table with a speaker and a text in each row"
    )

    def recognises(self, file: Input) -> bool:
        """Lines that begin messages, of two speakers at least."""
        return _form_of(file) is not None

    def open(self, file: Input, first: Source | None) -> MessengerSource:
        """The column is always the same."""
        return MessengerSource(file, _form_of(file) or (_of_rows if talk_columns(names_in(file)) else _spoken))


def _of_json(file: Input) -> Callable[[Input], Iterator[Message]] | None:
    """What reads the messages of a JSON file, by its keys."""
    if file.opening.startswith(b"["):
        keys = (b'"type"', b'"message"', b'"user"', b'"text"', b'"ts"')
        return _of_slack if all(key in file.head for key in keys) else None
    if all(key in file.head for key in (b'"messages"', b'"author"', b'"content"', b'"channel"')):
        return _of_discord
    if all(key in file.head for key in (b'"messages"', b'"sender_name"', b'"timestamp_ms"')):
        return _of_meta
    return _of_telegram if all(key in file.head for key in (b'"messages"', b'"from"', b'"from_id"')) else None


def _of_rows(file: Input) -> Iterator[Message]:
    """What the rows of a table say."""
    return (Message(*cells) for cells in said_rows(file))


def _form_of(file: Input) -> Callable[[Input], Iterator[Message]] | None:
    """What reads the messages of a file; None if it is no export."""
    if file.head.startswith(b"PAR1") or are_talks(names_in(file)):
        return _of_rows if are_talks(names_in(file)) else None
    if file.opening.startswith((b"{", b"[{", b"[\n", b"[ ")):
        return _of_json(file)
    lines = [line.strip() for _, line in file.lines if line.strip()]
    if lines and lines[0].removeprefix("\ufeff") == ",".join(_COLUMNS):
        return _of_table
    found = [message_in(_MARKS.sub("", line)) for line in lines]
    messages = [match for match in found if match is not None]
    names = {match["who"].rpartition(" ")[2].casefold() for match in messages}
    several = len({match["who"] for match in messages}) > 1 and not names & LEVELS
    return _exported if several and len(messages) >= max(_LEAST, _SHARE * len(found)) else None

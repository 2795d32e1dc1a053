"""How a delimited file is written: delimiter, whether quotes quote, whether the first line names the columns."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from unroll.data.readers.heads import head_of, stands_above_values
from unroll.data.readers.records import BLANKS, QuoteError, records
from unroll.data.table.kinds import MISSING
from unroll.data.table.numbers import commas_are_decimal, looks_like_number
from unroll.data.table.times import bare_year, guess_notations, parse_times, to_datetime64

_DELIMITERS = {"csv": (",", ";", "\t", "|", "^", "~", "\x1f", "\x01"), "tsv": ("\t",), "text": ("\t",)}
_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space", BLANKS: "blank"}
_TIME_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([ T].*)?$|\d{1,2}[:.]\d{2}[:.]\d{2}$")
#: A column name: words, perhaps with a unit in brackets; a sentence ends in a mark or is long.
_NAME_LIKE = re.compile(r"#? ?[^\W\d][\w .\-/()%#°:|&*+$€²³µ'\[\]\\]{0,62}[\w)%#\]²³]$|[^\W\d]\w{0,9}\.?$")
#: Names that programs give: V1, x2, col_3.
_NUMBERED_NAME = re.compile(r"(?:v|x|f|c|col|column|var|feature|field|attr)_?\d+$", re.IGNORECASE)
_FILE = re.compile(r"[^\s,]+\.(?:jpe?g|png|gif|bmp|webp|tiff?|wav|mp3|flac|ogg|txt)$", re.IGNORECASE)
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
#: Words of the name of a column, at most, where they are not one usual name.
_NAME_WORDS = 3
#: The first line with which a spreadsheet says how its cells are separated.
_NAMED_DELIMITER = re.compile(r"(?i)^\ufeff?\"?sep=(.)\"?\r?$")
_ANNOTATION = re.compile(r'\ufeff?"?(#(group|datatype|default)\b|TOA5\b)')
_QUOTED = re.compile(r'"[^"]*"')
#: Lines that may stand above a table, the fewest steps that make a header, and the digits of no number of a step.
_ABOVE, _LEAST_STEPS, _DIGITS = 20, 3, 6
#: Rows from which on a column of classes is told by its counts.
_MANY = 20
#: What the columns of text and of time series are usually called.
_COMMON_NAMES = frozenset(
    """
    id idx index no text sentence document review comment message content body title description question answer q
    a input output source target label labels class category topic intent sentiment tag y x date time datetime
    timestamp ds month year day hour value price series series_id unique_id name user lang language score rating
    split image caption premise hypothesis text1 text2 path file file_name filename audio audio_filepath transcript
    transcription prompt response instruction reply context passage story word words token tokens utterance speaker
    dialog dialogue turns conversation conversations messages sentence1 sentence2 question1 question2
    article highlight highlights summary abstract headline tweet lyrics artist song joke poem author genre quote
    src tgt trg source_text target_text source_sentence target_sentence translation human assistant bot chatbot persona
    chat pattern answer_start picture photo img image_name image_path file_path paragraph document query
    캡션 설명 이미지 사진 그림 파일명 지문 문맥 정답 문제 원문 번역문 번역 유저 챗봇 사용자 시스템 사람문장
    시스템문장 발화 응답 대화 화자 발화자 대분류 소분류 구분 상황
    텍스트 문장 본문 내용 제목 질문 답변 라벨 레이블 분류 카테고리 감정 날짜 일자 일시 시간 값
    이름 번호 의도 주제 평점 리뷰 댓글 기사 요약
    """.split()  # noqa: SIM905 - a list of one hundred quoted words is harder to read
)

#: Languages as columns of translations are named after them.
LANGUAGES = frozenset(
    """
    en de fr es it pt nl ru uk pl cs sv da no fi tr ar he fa hi bn th vi id ja ko zh el ro hu
    eng deu ger fra fre spa ita por nld rus tur ara hin jpn kor zho
    english german french spanish italian portuguese dutch russian ukrainian polish turkish arabic hindi japanese
    korean chinese vietnamese deutsch englisch französisch français anglais español inglés
    한국어 영어 일본어 중국어 독일어 프랑스어 스페인어 日本語 英語 中文 英文 韓国語
    """.split()  # noqa: SIM905 - as above
)
_WORD = re.compile(r"[^\W\d_]+")


class Dialect(NamedTuple):
    """How the cells of a line are told apart.

    Attributes:
        delimiter: the character between cells; None if a line is one cell.
        quoted: whether a cell that starts with ``"`` is a quoted one (doubled quotes inside, line breaks allowed).
        header: whether the first record holds the column names.
        spaced: whether blanks stand before quotes, which are none of the cells.
    """

    delimiter: str | None
    quoted: bool
    header: bool
    spaced: bool = False

    def words(self) -> str:
        """The dialect in words, for the notes of a table."""
        cells = (
            "one cell per line"
            if self.delimiter is None
            else f"{_NAMES.get(self.delimiter, repr(self.delimiter))}-separated"
        )
        return (
            f"{cells}, "
            f"{'with quotes, ' if self.quoted else ''}{'first line is the header' if self.header else 'no header'}"
        )


def blanks_before_quotes(lines: Sequence[str], delimiter: str | None) -> bool:
    """Whether people wrote a blank behind each delimiter, `"text", "class"`, so that a quote begins no cell.

    >>> blanks_before_quotes(['text, label', '"so, so", "a"', '"fine", "b"', 'dull, "b"'], ",")
    True
    >>> blanks_before_quotes(['text,label', '"he said, ""no"" twice",a', '"fine",b'], ",")
    False
    """
    if delimiter in (None, BLANKS, " "):
        return False
    below = lines[1 if len(lines) > 1 else 0 :]
    found = sum(_spaced(delimiter).search(line) is not None for line in below)
    return found > 0.9 * len(below) and not any(f'{delimiter}"' in line.replace(f'{delimiter}""', "") for line in below)


def unspaced(lines: Iterable[tuple[int, str]], delimiter: str | None) -> Iterator[tuple[int, str]]:
    """Lines without blanks between a delimiter and a quote that begins a cell."""
    pattern, kept = _spaced(delimiter), f'{delimiter}"'
    return ((number, pattern.sub(kept, line)) for number, line in lines)


def _spaced(delimiter: str | None) -> re.Pattern[str]:
    return re.compile(rf'{re.escape(delimiter or "")} +"(?!"[^{re.escape(delimiter or "")}\r])')


def split_sample(lines: Sequence[str], delimiter: str | None, quoted: bool) -> list[list[str]] | None:
    """The records of a sample; None if quotes are not well formed.

    A record cut off at the end of the sample is dropped.
    """
    found: list[list[str]] = []
    try:
        for record in records(enumerate(lines, 1), delimiter, quoted):
            found.append(record.cells)
    except QuoteError as error:
        # A cell that is still open where the sample ends says nothing against quoting, unless it swallowed most of the
        # sample.
        return found if error.open_at_end and error.line > len(lines) // 2 else None
    return found


def guess_dialect(lines: Sequence[str], form: str, delimiter: str | None, header: bool | None) -> Dialect:
    """Guess what the options leave open.

    Args:
        lines: the first lines of the file, blank ones left out.
        form: "csv", "tsv" or "text".
        delimiter: given by the user, or None.
        header: given by the user, or None.
    """
    candidates: tuple[str | None, ...] = (delimiter,) if delimiter is not None else (*_DELIMITERS[form], None)
    if delimiter is None and form == "csv" and not any(mark in _first_record(lines) for mark in _DELIMITERS["csv"]):
        # Numbers with blanks between them, as programs print them.
        candidates = (BLANKS, None) if is_number_table(lines) else candidates
    best: tuple[tuple[float, bool, int], str | None, bool, list[list[str]]] | None = None
    opening = _first_record(lines)
    for position, candidate in enumerate(candidates):
        if delimiter is None and candidate not in (None, BLANKS) and str(candidate) not in opening:
            continue
        if candidate is None and best is not None and best[0][0] > 0:
            break
        quoted = form != "text" and '"' in "".join(lines[:1000]) and _quotes_quote(lines, candidate)
        rows = split_sample(lines, candidate, quoted) or []
        even = _evenness(rows, form) if candidate is not None else 0.0
        score = (even, even > 0 and candidate != "," and commas_are_decimal(rows[1:]), -position)
        if best is None or score > best[0]:
            best = (score, candidate, quoted, rows)
    if best is None:
        return Dialect(delimiter, False, bool(header))
    _, chosen, quoted, rows = best
    if delimiter is None and best[0][0] == 0 and form == "text":
        chosen, quoted, rows = None, False, [[line] for line in lines]
    if header is None:
        header = guess_header(rows) if form != "text" or chosen is not None else False
    return Dialect(chosen, quoted, header)


def _first_record(lines: Sequence[str]) -> str:
    """The first line, with those after it as long as a quote is open."""
    count, text = 1, lines[0]
    while text.count('"') % 2 and count < min(len(lines), _ABOVE):
        text += lines[count]
        count += 1
    return lines[0] if text.count('"') % 2 else text


def plain_name(cell: str) -> str:
    r"""The name of a column without blanks and characters that nobody sees.

    >>> plain_name("\u200btext\u00a0"), plain_name("text\nof review")
    ('text', 'text of review')
    """
    return " ".join(_UNSEEN.sub("", cell).split())


def is_number_table(lines: Sequence[str]) -> bool:
    """Whether every line holds as many numbers or times, at least two; the first may hold names instead.

    >>> is_number_table(["1.5, 2", "3, 4"]), is_number_table(["1 2", "3 4"]), is_number_table(["in 2024, 5"])
    (True, True, False)
    """
    for delimiter in (",", ";", "\t", "|", BLANKS):
        rows = split_sample(lines, delimiter, '"' in lines[0]) or []
        width = len(rows[0]) if rows else 0
        if width < 2 or any(len(row) != width for row in rows):
            continue
        head = head_of(rows, plain_value)
        body = rows[head[0] :] if head else rows[1:] if len(rows) > 1 and guess_header(rows) else rows
        numbers = [[cell for cell in row if looks_like_number(cell.strip())] for row in body]
        if all(plain_value(cell.strip()) for row in body for cell in row) and any(numbers):
            return True
    return False


def is_csv_in_disguise(lines: Sequence[str]) -> bool:
    """Whether a text file is a comma-separated table: usual column names first, and as many cells in every record."""
    names = lines[0].removesuffix("\r").lower().split(",")
    if len(names) < 2 or not _COMMON_NAMES.issuperset(names):
        return False
    rows = split_sample(lines, ",", True)
    return rows is not None and len(rows) > 1 and {len(row) for row in rows} == {len(names)}


def _evenness(rows: Sequence[Sequence[str]], form: str) -> float:
    """How surely this is the delimiter: the share of rows with the usual number of cells, 0 if that number is one."""
    if not rows:
        return 0.0
    counts = Counter(map(len, rows))
    usual, times = counts.most_common(1)[0]
    if usual < 2:
        return 0.0
    share = times / len(rows)
    # Plain text may hold a tab here and there; only a file in which it stands in every line is a table.
    return (1.0 if share == 1.0 else 0.0) if form == "text" else share


def _quotes_quote(lines: Sequence[str], delimiter: str | None) -> bool:
    """Whether cells that start with a quote are quoted cells, or texts that happen to start with one."""
    if delimiter is None:
        rows = split_sample(lines, delimiter, True)
        return rows is not None and all(line.startswith('"') and line.rstrip().endswith('"') for line in lines)
    quoted = split_sample(lines, delimiter, True)
    if quoted is None:
        return delimiter == ","
    if delimiter == ",":
        return True
    plain = split_sample(lines, delimiter, False) or []
    if len({len(row) for row in plain}) > 1 and len({len(row) for row in quoted}) == 1:
        return True
    wrapped = [cell for row in plain for cell in row if len(cell) > 1 and cell[0] == cell[-1] == '"']
    if any('""' in cell[1:-1] for cell in wrapped) and all(
        cell[1:-1].replace('""', "").count('"') == 0 for cell in wrapped
    ):
        return all(cell in wrapped or '"' not in cell for row in plain for cell in row)
    width = max(map(len, plain), default=0)
    # Names above a column, or lines that say what the file is, may lack the quotes that its cells have.
    below = plain[4 if len(plain) > _ABOVE else 1 :] if len(plain) > _LEAST_STEPS else plain
    return any(
        all(len(row) > i and len(row[i]) > 1 and row[i][0] == row[i][-1] == '"' for row in below) for i in range(width)
    )


def plain_value(cell: str) -> bool:
    """Whether a cell is a number, a time, or stands for no value."""
    return looks_like_number(cell) or bool(_TIME_LIKE.match(cell)) or cell.lower() in MISSING


def guess_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns.

    It does if its cells look like names, differ from each other, do not occur below in their own column, and either a
    column below holds
    numbers or times only, or one of them is a usual column name.
    """
    if not rows:
        return False
    first = [plain_name(cell) for cell in rows[0]]
    # Spreadsheets leave names of columns empty.
    named = [cell for cell in first if cell]
    steps = [cell for cell in named if not _NAME_LIKE.match(cell)]
    # Where most cells are usual names, one may be written otherwise, as `Set Nr.`.
    usual = len(set(map(str.lower, filter(is_common, named)))) > max(_NAME_WORDS, len(named) // 2)
    if not named or (steps and not usual and not _name_steps(named, steps, rows[1:])):
        return stands_above_values(first, rows[1:], plain_value)
    below = [row for row in rows[1:] if len(row) == len(first)]
    # Rows may end in a delimiter where their names do not.
    below = below or [row[:-1] for row in rows[1:] if len(row) == len(first) + 1 and not row[-1].strip()]
    if len(set(named)) != len(named):
        # Two columns of one name are an error, which is better than names taken for data.
        valued = (all(plain_value(cell.strip()) for cell in column) for column in zip(*below, strict=True))
        return all(map(is_common, first)) or (any(valued) and not any(map(plain_value, named)))
    if not below:
        return any(cell.lower() in _COMMON_NAMES for cell in first)
    columns = list(zip(*below, strict=True))
    if any(_names_files(column) and not _FILE.match(name) for name, column in zip(first, columns, strict=True)):
        return True
    if any(is_common(name) and _above_texts(name, column) for name, column in zip(first, columns, strict=True)):
        return True
    if any(name in set(column) for name, column in zip(first, columns, strict=True) if name and name not in steps):
        return False
    if any(
        all(plain_value(cell.strip()) for cell in column) and any(cell.strip() for cell in column) for column in columns
    ):
        return True
    if any(is_common(cell) for cell in first) or all(_NUMBERED_NAME.match(cell) for cell in named):
        return True
    if len(named) > 1 and all(_says_what(cell) for cell in named):
        return True
    return any(name and _are_classes(column) for name, column in zip(first, columns, strict=True))


def _names_files(column: Sequence[str]) -> bool:
    """Whether every cell is the name of a file."""
    return len(column) > _NAME_WORDS and all(_FILE.match(cell.strip()) for cell in column[:_MANY])


def _above_texts(name: str, column: Sequence[str]) -> bool:
    """Whether one word stands above texts of several, no two alike: then it names them."""
    cells = column[:_MANY]
    several = sum(len(cell.split()) >= _NAME_WORDS for cell in cells)
    return len(name.split()) == 1 and name not in column and several > 0.9 * len(cells) and len(set(cells)) > 1


def _name_steps(names: Sequence[str], steps: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the names that do not look like names are those of the steps of series: years, dates, 0, 1, 2, ..."""
    if len(steps) < _LEAST_STEPS or len(set(steps)) < len(steps):
        return False
    steps = [bare_year(step) for step in steps]
    if all(step.isdecimal() and len(step) < _DIGITS for step in steps):
        numbers = [int(step) for step in steps]
        even = {after - before for before, after in itertools.pairwise(numbers)} in ({1}, {-1})
        # Without any name, a row of data may count, too; one that begins at zero above fractions does not.
        counted = numbers[0] == 0 and any("." in cell for row in below[:_MANY] for cell in row)
        return even and (len(steps) < len(names) or counted)
    cells = pa.array(list(steps))
    for notation in guess_notations(cells):
        moved = np.diff(to_datetime64(parse_times(cells, notation)).astype(np.int64))
        if (moved > 0).all() or (moved < 0).all():
            return len(steps) < len(names)
    return False


def find_table(lines: Sequence[tuple[int, str]]) -> tuple[int, str | None]:
    """The line at which a table begins, below what programs and offices write above it, and a delimiter that is named.

    >>> find_table([(1, "sep=;"), (2, "a;b"), (3, "1;2")])
    (2, ';')
    >>> find_table([(1, "Source: ABS"), (2, "day,sold"), *((row, f"{row},5") for row in range(3, 20))])
    (2, None)
    """
    named = _NAMED_DELIMITER.match(lines[0][1]) if lines else None
    if named is not None and len(lines) > 1:
        return lines[1][0], named[1]
    # Flux writes what its columns are above them, and a data logger what it is.
    noted = next((at for at, (_, line) in enumerate(lines) if not _ANNOTATION.match(line)), 0)
    if noted:
        return lines[noted][0], None
    texts = [line.rstrip("\r") for _, line in lines]
    for delimiter in _DELIMITERS["csv"]:
        counts = [_QUOTED.sub("", text).count(delimiter) for text in texts]
        usual, times = Counter(counts[1:]).most_common(1)[0] if len(counts) > _LEAST_STEPS else (0, 0)
        first = counts.index(usual) if usual else 0
        if not 0 < first <= _ABOVE or max(counts[:first]) >= usual or times < 0.95 * (len(counts) - first):
            continue
        # Of few lines it is not sure what is usual, unless those above have far fewer cells.
        if len(counts) <= _MANY // 2 and (times < _LEAST_STEPS or 2 * max(counts[:first]) > usual):
            continue
        rows = split_sample(texts[first:], delimiter, '"' in texts[first])
        if rows and guess_header(rows):
            return lines[first][0], None
    return (lines[0][0] if lines else 1), None


def is_common(cell: str) -> bool:
    """Whether it is a usual name of a column, in the singular, in the plural or with a number.

    >>> is_common("Sentences"), is_common("사람문장1"), is_common("q2")
    (True, True, False)
    """
    name = cell.lower()
    counted = name.rstrip("0123456789_")
    forms = (name, name.removesuffix("s"), counted if len(counted) > 2 else name)
    return not _COMMON_NAMES.isdisjoint(forms)


def _says_what(cell: str) -> bool:
    """Whether one of a few words says what a column holds: `English sentences`, `Sentence #`, `user_name`.

    >>> _says_what("English words/sentences"), _says_what("de"), _says_what("How are you"), _says_what("images/1.jpg")
    (True, True, False, False)
    """
    words = _WORD.findall(cell)
    if len(words) > 1 and (_FILE.match(cell) or words[0].casefold() == "a"):
        return False
    return len(words) <= _NAME_WORDS and any(is_common(word) or word.lower() in LANGUAGES for word in words)


def _are_classes(column: Sequence[str]) -> bool:
    """Whether a column holds few values, each again and again: what stands above it once is none of them."""
    counts = Counter(column)
    return len(column) >= _MANY and 2 <= len(counts) <= len(column) // 10 and min(counts.values()) >= 3

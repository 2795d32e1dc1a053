"""CSV, TSV and plain text, a row per record."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unroll.data.readers.dialect import (
    Dialect,
    blanks_before_quotes,
    find_table,
    guess_dialect,
    guess_header,
    is_csv_in_disguise,
    is_number_table,
    plain_name,
    plain_value,
    split_sample,
    unspaced,
)
from unroll.data.readers.heads import head_of, merged_head, titles_above
from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.linewise import blank_note
from unroll.data.readers.listcells import LIST, form_of_items, holds_lists, items_of, words_and_tags
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.records import BLANKS, QuoteError, Record, records
from unroll.data.table.kinds import ReadOptions
from unroll.data.table.sums import closes, names_figure
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_SUFFIXES: dict[str, tuple[str, ...]] = {"csv": (".csv",), "tsv": (".tsv", ".tab"), "text": (".txt",)}
#: Rows by which columns of lists are told.
_LOOKED_AT = 200
#: Rows above the last ones by which it is told whether those sum them up, and sums that are named.
_ABOVE, _SAID = 8, 4
_APART = "; train on {} by itself, and give {} to `unroll predict RUN --file` if it lacks the answers"
_SUMMARIES = {
    "csv": "delimiter, quotes and header are guessed from the first lines, and the guess is said in `table.notes`; "
    "without a header the columns are `column1`, `column2`, ...",
    "tsv": "the same with tabs",
    "text": "`.txt` or no suffix: one row per line, or a table if every line has the same number of tabs, or usual "
    "column names stand first (`image,caption`)",
}


class Delimited:
    """A delimited file ready to be read.

    Args:
        path: the file.
        columns: names of the columns.
        dialect: how it is written.
        encoding: its encoding.
        lacking: how many cells each row lacks beside the first file, which are then empty.
        head: how many lines name the columns, where they do.
        begins: the line at which the table begins; what stands above it is left out.
        lists: the numbers of the columns whose cells are lists, and how their items are told apart.
    """

    marked = False

    def __init__(
        self,
        path: Path,
        columns: tuple[str, ...],
        dialect: Dialect,
        encoding: str,
        *,
        lacking: int = 0,
        begins: int = 1,
        lists: Mapping[int, str] = MappingProxyType({}),
        head: int = 1,
    ) -> None:
        self.path = path
        self.columns = columns
        self.dialect = dialect
        self.encoding = encoding
        self.lacking = lacking
        self.begins = begins
        self.lists = lists
        self.head = head
        self._blank = 0
        self._sums: list[tuple[int, str]] = []

    @property
    def fields(self) -> list[Field]:
        """The columns, whose kinds are found out."""
        return [Field(name, "list" if at in self.lists else "text") for at, name in enumerate(self.columns)]

    @property
    def said(self) -> str:
        """Delimiter, quotes, header and encoding."""
        return f"{self.path.name}: {self.dialect.words()}, {encoding_of(self.path, self.encoding)}"

    @property
    def empty(self) -> str:
        """What is there instead of rows."""
        return "only a header and no rows of data" if self.dialect.header else "no rows of data"

    def rows(self) -> Iterator[Row]:
        """The rows, every one with as many cells as there are columns.

        Raises:
            DataError: a ragged row or a broken quote, with its line.
        """
        self._blank, self._sums = 0, []
        width = len(self.columns)
        lacking = [""] * self.lacking
        skip = self.head if self.dialect.header else 0
        lines: Iterator[tuple[int, str]]
        lines = (line for line in numbered_lines(self.path, self.encoding) if line[0] >= self.begins)
        lines = unspaced(lines, self.dialect.delimiter) if self.dialect.spaced else lines
        try:
            held: list[Row] = []
            # The last rows before those that are held.
            above: deque[list[str]] = deque(maxlen=_ABOVE)
            for record in records(lines, self.dialect.delimiter, self.dialect.quoted):
                if not record.cells:
                    self._blank += 1
                elif skip:
                    skip -= 1
                elif len(record.cells) == width:
                    cells = self._with_lists(record) if self.lists else record.cells
                    row = Row([*cells, *lacking], record.line)
                    if width > 1 and self._may_be_none(record.cells):
                        held.append(row)
                    else:
                        yield from held
                        held = []
                        above.append(record.cells)
                        yield row
                else:
                    raise DataError(self._ragged(record), self.path, record.line)
            yield from self._below(held, above)
        except QuoteError as error:
            raise _quote_error(error, self.path) from error

    @staticmethod
    def _may_be_none(cells: Sequence[str]) -> bool:
        """Whether a row at the end of a table may be none of it: it is empty, or begins as a sum does."""
        first = next(filter(None, map(str.strip, cells)), None)
        return first is None or (not first[0].isdigit() and names_figure(first))

    def _below(self, held: Sequence[Row], above: Sequence[Sequence[str]]) -> Iterator[Row]:
        """Those of the last rows that belong to the table: spreadsheets save the empty rows below it as delimiters, and
        people write sums there."""
        full = [row for row in held if any(map(str.strip, row.cells))]
        words = [next(filter(None, map(str.strip, row.cells))) for row in full]
        # A word that comes again names a series.
        if full and len(set(words)) == len(words) and all(closes(row.cells, above) for row in full):
            self._sums = [(row.line, word) for row, word in zip(full, words, strict=True)]
            self._blank += len(held) - len(full)
            return
        end = held.index(full[-1]) + 1 if full else 0
        self._blank += len(held) - end
        yield from held[:end]

    def _with_lists(self, record: Record) -> list[Any]:
        cells: list[Any] = list(record.cells)
        for at, form in self.lists.items():
            cells[at] = items_of(cells[at], form)
            if cells[at] is None:
                text = f"column {self.columns[at]!r} must hold lists such as ['a', 'b'], got {record.cells[at][:40]!r}"
                raise DataError(text, self.path, record.line)
        return cells

    def left(self) -> list[str]:
        """Blank lines, and columns of the first file that this one lacks."""
        said = blank_note(self._blank)
        if self._sums:
            words = ", ".join(f"'{word}' in line {line}" for line, word in self._sums[:_SAID])
            rows = "1 row that sums" if len(self._sums) == 1 else f"{len(self._sums)} rows that sum"
            said.append(f"{rows} up the table left out: {words}")
        if self.begins > 1:
            above = self.begins - 1
            said.append(f"{above} line{'s' if above > 1 else ''} above the table left out")
        if self.dialect.header and self.head > 1:
            said.append(f"the first {self.head} lines of the table name its columns, or say their units")
        if self.lacking:
            held = f"the first {len(self.columns)} of {len(self.columns) + self.lacking} columns"
            said.append(f"{self.path.name} holds {held}; the others are empty there")
        return said

    def _ragged(self, record: Record) -> str:
        of = "the header" if self.dialect.header else "the first row"
        hint = (
            "quote cells that hold the delimiter" if len(record.cells) > len(self.columns) else "fill the missing cells"
        )
        return (
            f"expected {len(self.columns)} cells as in {of}, got {len(record.cells)} ({self.dialect.words()}); "
            f"{hint}, or name the delimiter"
        )


class DelimitedReader:
    """Reads tables of cells, and lines of text.

    Args:
        name: "csv", "tsv" or "text".
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.suffixes = _SUFFIXES[name]
        self.summary = _SUMMARIES[name]

    def recognises(self, file: Input) -> bool:
        """A table of numbers, or one with usual names of columns, under a name that promises no table."""
        sample = [(number, line) for number, line in file.lines if line.strip("\r")]
        if self.name != "csv" or not sample or file.path.suffix.lower() in (".csv", ".tsv", ".tab"):
            return False
        begins = find_table(sample)[0]
        lines = [line for number, line in sample if number >= begins]
        return is_csv_in_disguise(lines) or is_number_table(lines)

    def open(self, file: Input, first: Source | None) -> Delimited:
        """Look at the start of a file and settle how it is written; a further one is written as the first is.

        If the first has a header, the columns must be the same. A further file may hold the first columns only:
        series in rows, continued in the further file, are shorter there.
        """
        if not isinstance(first, Delimited):
            return self._open(file, file.options.delimiter, file.options.header)
        other = self._open(file, first.dialect.delimiter, first.dialect.header)
        lacking = len(first.columns) - len(other.columns)
        fewer = first.dialect.header and len(other.columns) > 1 and lacking > 0
        if lacking and not fewer:
            raise DataError(
                f"expected {len(first.columns)} columns as in {first.path.name}, got {len(other.columns)}; read it by"
                " itself",
                file.path,
                1,
            )
        for expected, got in zip(first.columns, other.columns, strict=False):
            if expected != got:
                # A competition's rows without answers are no part of what a model is trained on.
                advice = (
                    "" if set(first.columns) <= set(other.columns) else _APART.format(first.path.name, file.path.name)
                )
                raise DataError(
                    f"expected column {expected!r} as in {first.path.name}, got {got!r}{advice}", file.path, 1
                )
        return Delimited(
            file.path,
            other.columns,
            first.dialect,
            file.options.encoding,
            lacking=lacking,
            begins=other.begins,
            lists=first.lists,
            head=other.head,
        )

    def _open(self, file: Input, delimiter: str | None, header: bool | None) -> Delimited:
        path = file.path
        if delimiter not in (None, BLANKS) and len(str(delimiter)) != 1:
            raise DataError(f"the delimiter must be one character, got {delimiter!r}", path)
        sample = [(number, line) for number, line in file.lines if line.strip("\r")]
        if not sample:
            raise DataError("the file is empty; expected at least one row", path)
        begins = 1
        if self.name == "csv" and header is None and not _begins_at_the_top(sample):
            first, named_delimiter = find_table(sample)
            delimiter = delimiter or named_delimiter
            if first > sample[0][0]:
                begins = first
                sample = [line for line in sample if line[0] >= begins]
        lines = [line for _, line in sample]
        if "\r" in lines[0].removesuffix("\r") and len(lines) == 1:
            raise DataError("lines end in carriage returns only (old Mac); convert them to line feeds", path, 1)
        dialect = guess_dialect(lines, self.name, delimiter, header)
        if header is None and (below := _below_titles(sample, dialect)):
            begins, sample = below[0][0], below
            lines = [line for _, line in sample]
            dialect = guess_dialect(lines, self.name, delimiter, header)
        if dialect.quoted and blanks_before_quotes(lines, dialect.delimiter):
            sample = list(unspaced(sample, dialect.delimiter))
            lines = [line for _, line in sample]
            dialect = guess_dialect(lines, self.name, delimiter, header)._replace(spaced=True)
        try:
            top = next(records(iter(sample), dialect.delimiter, dialect.quoted)).cells
        except QuoteError as error:
            raise _quote_error(error, path) from error
        named, head = [plain_name(cell) for cell in top] if dialect.header else [""] * len(top), 1
        rows = split_sample(lines, dialect.delimiter, dialect.quoted) or []
        if (
            dialect.header
            and len(rows) > 1
            and all(len(row) == len(top) + 1 and not row[-1].strip() for row in rows[1:])
        ):
            # The rows end in a delimiter, and their names do not.
            named.append("")
        if header is None and self.name != "text":
            stacked = head_of(rows, plain_value) or merged_head(rows, guess_header)
            if stacked is not None:
                (head, named), dialect = stacked, dialect._replace(header=True)
        columns = tuple(name or _free(f"column{index}", named) for index, name in enumerate(named, 1))
        lists = _lists(columns, rows[head if dialect.header else 0 :], file.options)
        return Delimited(path, columns, dialect, file.options.encoding, begins=begins, lists=lists, head=head)


def _begins_at_the_top(sample: list[tuple[int, str]]) -> bool:
    """Whether the first line names the columns that some sign cuts out of every line, whatever others stand in texts.

    >>> _begins_at_the_top([(1, "text\\tlabel"), (2, "good, fine\\ta"), (3, "well, no\\tb")])
    True
    """
    lines = [line for _, line in sample]
    for sign in ("\t", ";", "|"):
        if sign in lines[0] and len({line.count(sign) for line in lines}) == 1:
            rows = split_sample(lines, sign, '"' in lines[0]) or []
            return guess_header(rows)
    return False


def _below_titles(sample: list[tuple[int, str]], dialect: Dialect) -> list[tuple[int, str]]:
    """The lines of a table without those of titles above its names; nothing where there are none."""
    try:
        found = [record for record in records(iter(sample), dialect.delimiter, dialect.quoted) if record.cells]
    except QuoteError:
        return []
    above = titles_above([record.cells for record in found], guess_header)
    return [line for line in sample if line[0] >= found[above].line] if above else []


def _lists(columns: tuple[str, ...], rows: list[list[str]], options: ReadOptions) -> dict[int, str]:
    """The columns that hold lists, by their first cells, and how the items of each are told apart."""
    body = [row for row in rows[:_LOOKED_AT] if len(row) == len(columns)]
    if not body:
        return {}
    held = [at for at, name in enumerate(columns) if name in options.columns and options.columns[name].is_list]
    if held:
        return {at: form_of_items(max((row[at] for row in body), key=len)) for at in held}
    likely = [at for at, cell in enumerate(body[0]) if not cell.strip() or cell.lstrip().startswith("[")]
    lists = [at for at in likely if holds_lists(columns[at], (row[at] for row in body))]
    # Words beside a list of their tags are a list, too.
    tagged = words_and_tags(body) if len(lists) < 2 else {}
    return tagged or dict.fromkeys(lists, LIST)


def _free(name: str, taken: list[str]) -> str:
    """The name, or one like it that no column has."""
    return name if name not in taken else _free(name + "_", taken)


def _quote_error(error: QuoteError, path: Path) -> DataError:
    return DataError(f"{error}; double every quote inside a quoted cell, or close it", path, error.line)

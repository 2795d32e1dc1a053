"""spaCy's training tuples as Python writes them, ``("Ana left", {"entities": [(0, 3, "PER")]})``; nothing is run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from unroll.data.readers.jsonparse import json_text
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.spans import PARTED, WORDLESS, Marked, counted, marked_in, tagged
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

#: A name that the list is given, brackets, and a text behind the first parenthesis or bracket; then its entities.
_OPENING = re.compile(
    rb"(?:(?:#|import |from )[^\n]*\n|\s)*+(?:\w+\s*(?::[^=\n]{1,80})?=\s*)?\[?\s*[(\[]\s*[\"'].{1,20000}?"
    rb"[\"']entities[\"']\s*:\s*\[",
    re.DOTALL,
)
#: Python's syntax tree takes some twenty times a text's memory.
_LARGEST = 32 * 2**20


class TuplesSource:
    """A file of such tuples ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("tokens", "list"), Field("tags", "list"))
    marked = True
    empty = "no texts with entities"

    def __init__(self, file: Input) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = (
            f"{file.path.name}: spaCy's training tuples in Python, as words and their tags (B-, I-, O), {encoding}"
        )
        self._file = file
        self._parted = self._blank = 0

    def rows(self) -> Iterator[Row]:
        """Every text in order; what is wrong with its entities is written down beside it.

        Raises:
            DataError: no Python, an item that is no such tuple, with its line, or a file that is too large.
        """
        self._parted = self._blank = 0
        for marked, line in self._texts():
            row, parted = tagged(marked, line)
            if row.cells[0]:
                self._parted += parted
                yield row
            else:
                self._blank += 1

    def left(self) -> list[str]:
        """What has no words, and entities that hold a word in part."""
        return counted((self._blank, WORDLESS), (self._parted, PARTED))

    def _texts(self) -> Iterator[tuple[Marked, int]]:
        path = self._file.path
        text = json_text(path, self._file.options.encoding).removeprefix("\ufeff")
        if len(text) > _LARGEST:
            raise DataError(f"more than {_LARGEST >> 20} MiB of Python; write a JSON object per line (.jsonl)", path)
        try:
            with warnings.catch_warnings():
                # Of a backslash in a text, which Python would have written twice.
                warnings.simplefilter("ignore")
                body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            what = "expected tuples as Python writes them, ('Ana left', {'entities': [(0, 3, 'PER')]})"
            raise DataError(f"{what}: {error}", path, line) from error
        for statement in body:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and statement.value is not None:
                yield from self._inside(statement.value)

    def _inside(self, node: ast.expr) -> Iterator[tuple[Marked, int]]:
        if not isinstance(node, ast.Tuple | ast.List):
            return
        if len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant) and isinstance(node.elts[1], ast.Dict):
            try:
                marked = marked_in(ast.literal_eval(node))
            except (ValueError, TypeError, RecursionError):
                marked = None
            if marked is None:
                what = "expected a text and its entities, ('Ana left', {'entities': [(0, 3, 'PER')]})"
                raise DataError(f"{what}, got something else in its place", self._file.path, node.lineno)
            yield marked, node.lineno
        else:
            for inner in node.elts:
                yield from self._inside(inner)


class TuplesReader:
    """Reads spaCy's training tuples."""

    name = "tuples"
    suffixes: tuple[str, ...] = ()
    summary = (
        "spaCy's training tuples as Python writes them, `[('Ana left', {'entities': [(0, 3, 'PER')]}), ...]`, also with"
        " `TRAIN_DATA =` before them or one per line; a row per text, for tagging; nothing is run"
    )

    def recognises(self, file: Input) -> bool:
        """A text behind a parenthesis, and its entities."""
        return (
            not file.head.lstrip().startswith(b"{")
            and _OPENING.match(file.head.removeprefix(b"\xef\xbb\xbf")) is not None
        )

    def open(self, file: Input, first: Source | None) -> TuplesSource:
        """The columns are always the same."""
        return TuplesSource(file)

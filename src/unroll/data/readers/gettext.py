"""Translations of programs as gettext keeps them: `msgid` with what is shown, `msgstr` with its translation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.literals import python_value
from unroll.data.readers.reader import Input, Source, left_out
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_KEY = re.compile(r'(msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s+(".*")$')
#: Entries by which a file is known.
_LEAST = 2


class GettextSource:
    """A file of translations ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("source"), Field("target"))
    marked = False
    empty = "no translation: no msgstr holds a text"

    def __init__(self, file: Input) -> None:
        self.said = f"{file.path.name}: translations (gettext), {encoding_of(file.path, file.options.encoding)}"
        self._file = file
        self._silent = self._fuzzy = 0

    def rows(self) -> Iterator[Row]:
        """Every entry that is translated, and not only guessed at.

        Raises:
            DataError: a text has no quotes around it, or the file cannot be read; with its line.
        """
        self._silent = self._fuzzy = 0
        entry: dict[str, str] = {}
        key, begun, fuzzy, marked = "", 1, False, False
        for number, raw in numbered_lines(self._file.path, self._file.options.encoding):
            line = raw.strip()
            if line.startswith("#"):
                # Those that are out of use are comments, too.
                marked = marked or (line.startswith("#,") and "fuzzy" in line)
                continue
            found = _KEY.match(line)
            if found is not None:
                if found[1] in ("msgctxt", "msgid") and "msgstr" in "".join(entry):
                    yield from self._row(entry, begun, fuzzy)
                    entry = {}
                if not entry:
                    begun, fuzzy, marked = number, marked, False
                key = found[1]
                entry[key] = self._plain(found[2], number)
            elif line.startswith('"') and key:
                entry[key] += self._plain(line, number)
            elif line:
                raise DataError(
                    f"expected msgid, msgstr or a text in quotes, got {line[:40]!r}", self._file.path, number
                )
        yield from self._row(entry, begun, fuzzy)

    def _plain(self, text: str, number: int) -> str:
        try:
            return str(python_value(text))
        except ValueError as error:
            raise DataError(f"expected a text in quotes, got {text[:40]!r}", self._file.path, number) from error

    def _row(self, entry: dict[str, str], line: int, fuzzy: bool) -> Iterator[Row]:
        source, target = entry.get("msgid", ""), entry.get("msgstr", entry.get("msgstr[0]", ""))
        if not source:
            # The entry of the empty text says what the file is.
            return
        if fuzzy or not target:
            self._fuzzy += fuzzy
            self._silent += not fuzzy
            return
        yield Row([" ".join(source.split()), " ".join(target.split())], line)

    def left(self) -> list[str]:
        """Texts without a translation, or with one that a program has guessed."""
        return left_out((self._silent, "texts without a translation"), (self._fuzzy, "translations marked as fuzzy"))


class GettextReader:
    """Reads translations of programs."""

    name = "gettext"
    suffixes = (".po",)
    summary = "gettext: `msgid` and `msgstr`; a row per text that is translated; for translate"

    def recognises(self, file: Input) -> bool:
        """Entries of both keys."""
        lines = [line for _, line in file.lines]
        both = ("msgid ", "msgstr ")
        return all(sum(line.startswith(key) for line in lines) >= _LEAST for key in both)

    def open(self, file: Input, first: Source | None) -> GettextSource:
        """The columns are always the same."""
        return GettextSource(file)

"""Translation memories (TMX) and XLIFF: pairs of texts in XML, read as a stream, without any entity of their own.

Nothing outside the file is fetched, and a file that declares entities is refused: that is how small files grow large.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from unroll.data.readers.lines import blocks
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import MAX_RECORD_CHARACTERS
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_LANGUAGE = ("xml:lang", "lang")
#: Elements of markup inside a segment, whose text is no text of it: codes of the format that was translated.
_CODES = frozenset(("bpt", "ept", "it", "ph", "ut", "sub"))
_XLIFF_SIDES = ("source", "target")
#: Elements that stand in each other; deeper is no such file.
_DEPTH = 200


class _Units:
    """Collects the units of a file: what each language says. Its methods are called by the parser."""

    def __init__(self) -> None:
        self.found: list[tuple[dict[str, str], int]] = []
        self.side: str | None = None
        self._language = ""
        self._unit: dict[str, str] | None = None
        self._line = 1
        self._texts: list[str] = []
        self._size = 0
        self._codes = 0
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str], line: int) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError(f"more than {_DEPTH} elements in each other")
        name = name.rpartition(":")[2]
        if name in ("tu", "trans-unit", "segment"):
            self._unit, self._line = {}, line
        elif self._unit is None:
            return
        elif self.side is not None:
            self._codes += name in _CODES
        elif name == "tuv":
            self._language = next((attributes[key] for key in _LANGUAGE if key in attributes), "")
            if not self._language:
                raise ValueError("a tuv without xml:lang; name its language")
        elif name == "seg" or name in _XLIFF_SIDES:
            self.side, self._texts, self._size = self._language if name == "seg" else name, [], 0

    def text(self, text: str) -> None:
        if self.side is not None and not self._codes:
            self._size += len(text)
            if self._size > MAX_RECORD_CHARACTERS:
                raise ValueError(f"a segment of more than {MAX_RECORD_CHARACTERS} characters")
            self._texts.append(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        name = name.rpartition(":")[2]
        if self.side is not None and (name == "seg" or name in _XLIFF_SIDES):
            if self._unit is not None:
                self._unit.setdefault(self.side, " ".join("".join(self._texts).split()))
            self.side = None
        elif self.side is not None:
            self._codes -= name in _CODES
        elif name in ("tu", "trans-unit", "segment") and self._unit is not None:
            self.found.append((self._unit, self._line))
            self._unit = None


def units_of(path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """What each language says in every unit of a file, with the line of the unit.

    Raises:
        DataError: it is no XML, declares entities, or a segment is endless; with its line.
    """
    units = _Units()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, given: units.start(name, given, parser.CurrentLineNumber)
    parser.EndElementHandler = units.end
    parser.CharacterDataHandler = units.text
    parser.EntityDeclHandler = _refuse_entities
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        for block in blocks(path):
            parser.Parse(block, False)
            yield from units.found
            units.found.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        what = expat.errors.messages.get(error.code, str(error))
        raise DataError(f"not XML: {what}", path, error.lineno) from error
    except (ValueError, LookupError) as error:
        raise DataError(str(error), path, parser.CurrentLineNumber) from error
    yield from units.found


def _refuse_entities(*_: object) -> None:
    raise ValueError("the file declares entities of its own, which are not read; write their texts out")


class XmlPairs:
    """A file of such units ready to be read.

    Args:
        path: the file.
        languages: the columns.
    """

    marked = False
    empty = "no units with a text in two languages"

    def __init__(self, path: Path, languages: tuple[str, ...]) -> None:
        self.path = path
        self.languages = languages
        self.fields = tuple(Field(language) for language in languages)
        self.said = f"{path.name.removesuffix('.gz')}: units of {' and '.join(languages)}, XML"
        self._alone = 0

    def rows(self) -> Iterator[Row]:
        """Every unit that has two languages at least.

        Raises:
            DataError: what is wrong with the file, with its line.
        """
        self._alone = 0
        for unit, line in units_of(self.path):
            cells = [unit.get(language, "") for language in self.languages]
            if sum(map(bool, cells)) > 1:
                yield Row(cells, line)
            else:
                self._alone += 1

    def left(self) -> list[str]:
        """Units of one language."""
        return [f"{self._alone:,} units without a translation left out"] if self._alone else []


class XmlPairsReader:
    """Reads TMX and XLIFF."""

    name = "tmx"
    suffixes = (".tmx", ".xlf", ".xliff")
    summary = "translation memories, TMX and XLIFF: a column for each language, a row per unit; for translate"

    def recognises(self, file: Input) -> bool:
        """The root of either."""
        # Of UTF-16, the letters alone.
        head = file.head[:4096].replace(b"\0", b"").lstrip(b"\xff\xfe")
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and (b"<tmx" in head or b"<xliff" in head)

    def open(self, file: Input, first: Source | None) -> XmlPairs:
        """The columns are the languages of all units.

        Raises:
            DataError: what is wrong with the file, with its line.
        """
        if isinstance(first, XmlPairs):
            return XmlPairs(file.path, first.languages)
        languages = dict.fromkeys(language for unit, _ in units_of(file.path) for language in unit)
        if len(languages) < 2:
            raise DataError(f"{XmlPairs.empty}; found {', '.join(languages) or 'none'}", file.path)
        return XmlPairs(file.path, tuple(languages))

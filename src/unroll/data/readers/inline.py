"""Texts a line each with their entities marked inside: ``[Ana](PER)``, ``<PER>Ana</PER>``, ``<Ana:PER>``."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.spans import PARTED, Entity, Marked, counted, tagged
from unroll.data.table.writer import Field, Row

_LABEL = r"[^\W\d][\w.-]{0,30}"
#: Rasa and Markdown, elements, MUC, and Korean corpora; each has the groups `word` and `label`, or `told` as JSON.
_FORMS = {
    "[Ana](PER)": re.compile(
        rf"\[(?P<word>[^\[\]]+)\](?:\((?P<label>{_LABEL})(?::[^()]*)?\)|(?P<told>\{{[^{{}}]*\}}))"
    ),
    "<PER>Ana</PER>": re.compile(
        r"<(?:ENAMEX|NUMEX|TIMEX) +(?:TYPE|type)=\"(?P<label>[^\"]{1,30})\">(?P<word>[^<>]+)</(?:ENAMEX|NUMEX|TIMEX)>"
        rf"|<(?P<element>{_LABEL})>(?P<inner>[^<>]+)</(?P=element)>"
    ),
    "<Ana:PER>": re.compile(rf"<(?P<word>[^<>:]+):(?P<label>{_LABEL})>"),
    "[Ana:PER]": re.compile(r"\[(?P<word>[^\[\]:]+):(?P<label>[A-Z][A-Z_]{1,15})\]"),
}
#: Elements that say how a text looks, or what a page is made of.
_MARKUP = frozenset(
    """
    a b i u s p q em strong small big sub sup code pre tt span div font center h1 h2 h3 h4 h5 h6 li ul ol dl dt dd
    table tr td th thead tbody title head body html script style cite blockquote mark del ins br hr nav section article
    header footer button label form input select option text doc line item seg sentence
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
#: What links of Markdown begin with.
_LINKS = frozenset(("http", "https", "mailto", "ftp", "www"))
#: Marks from which on a form is believed, lines with one among all, and marks for each label.
_LEAST, _SHARE, _EACH = 10, 0.2, 3


class InlineSource:
    """A file of such lines ready to be read.

    Args:
        file: the file.
        form: how entities are marked, a key of the forms.
    """

    fields = (Field("tokens", "list"), Field("tags", "list"))
    marked = True
    empty = "no lines"

    def __init__(self, file: Input, form: str) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: a text per line with its entities marked as {form}, {encoding}"
        self.form = form
        self._file = file
        self._plain = self._parted = 0

    def rows(self) -> Iterator[Row]:
        """Every line with a word in it.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._plain = self._parted = 0
        for number, line in numbered_lines(self._file.path, self._file.options.encoding):
            marked = marked_line(line.strip().removeprefix("- "), self.form)
            row, parted = tagged(marked, number)
            if row.cells[0]:
                self._plain += not marked.entities
                self._parted += parted
                yield row

    def left(self) -> list[str]:
        """Lines without an entity, which are read, and entities that hold a word in part."""
        return counted((self._plain, "lines without an entity"), (self._parted, PARTED))


def marked_line(line: str, form: str) -> Marked:
    """A line as its text and its entities.

    >>> marked_line("[Ana](PER) left", "[Ana](PER)")
    Marked(text='Ana left', entities=[Entity(start=0, end=3, label='PER', word=None)], words=None, intent=None)
    """
    text, at, entities = "", 0, []
    for found in _FORMS[form].finditer(line):
        pair = _pair(found)
        if pair is None:
            continue
        text += line[at : found.start()]
        word, label = pair
        entities.append(Entity(len(text), len(text) + len(word), label))
        text += word
        at = found.end()
    return Marked(text + line[at:], entities)


def _pair(found: re.Match[str]) -> tuple[str, str] | None:
    """The word and the label of a mark; None where it is one of something else."""
    groups = found.groupdict()
    if groups.get("element") is not None:
        return None if groups["element"].casefold() in _MARKUP else (groups["inner"], groups["element"])
    if groups.get("told") is None:
        label = groups["label"].casefold()
        # A link to what it is called is none of an entity.
        return None if label in _LINKS or label == groups["word"].casefold() else (groups["word"], groups["label"])
    try:
        told = json.loads(groups["told"])
    except (ValueError, RecursionError):
        return None
    label = told.get("entity")
    return (groups["word"], label) if isinstance(label, str) and label else None


def form_of_lines(lines: Sequence[str]) -> str | None:
    """How lines mark their entities; None where they do not."""
    full = [line.strip() for line in lines if line.strip()]
    for form, pattern in _FORMS.items():
        found = [[pair for match in pattern.finditer(line) if (pair := _pair(match)) is not None] for line in full]
        labels = Counter(label for pairs in found for _, label in pairs)
        total = labels.total()
        # Of lines that are marked as a whole, the mark says what the line is.
        inside = sum(len(line) > len(match[0]) for line in full for match in pattern.finditer(line))
        if (
            total >= _LEAST
            and sum(map(bool, found)) >= _SHARE * len(full)
            and _EACH * len(labels) <= total <= 2 * inside
        ):
            return form
    return None


class InlineReader:
    """Reads texts whose entities are marked inside."""

    name = "inline"
    suffixes: tuple[str, ...] = ()
    summary = (
        "a text per line with its entities marked inside, `[Ana](PER) left`, `<PER>Ana</PER> left`, `<Ana:PER>`, as"
        " Rasa, MUC and Korean corpora have them; for tagging; known by its marks in `.txt` files"
    )

    def recognises(self, file: Input) -> bool:
        """Marks of few labels in many lines."""
        plain = file.path.name.removesuffix(".gz").lower().endswith(".txt") or not file.path.suffix
        lines = [line for _, line in file.lines]
        # Cells between tabs are those of a table.
        return plain and 2 * sum("\t" in line for line in lines) <= len(lines) and form_of_lines(lines) is not None

    def open(self, file: Input, first: Source | None) -> InlineSource:
        """A further file is marked as the first."""
        form = first.form if isinstance(first, InlineSource) else form_of_lines([line for _, line in file.lines])
        return InlineSource(file, form or next(iter(_FORMS)))

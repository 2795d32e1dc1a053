"""What annotation tools leave behind: Label Studio's choices, and brat's folders of texts and annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.spans import PARTED, Entity, Marked, counted, tagged
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_ENTITY = re.compile(r"T\d+\t(?P<label>\S+) (?P<places>\d+ \d+(?:;\d+ \d+)*)\t")


class ChoicesSource:
    """A file of texts with the classes that people chose ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("text"), Field("labels", "list"))
    marked = False
    empty = "no texts with choices"

    def __init__(self, file: Input) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: texts with the choices of people (Label Studio), {encoding}"
        self._file = file
        self._open = 0

    def rows(self) -> Iterator[Row]:
        """Every text that somebody made a choice for.

        Raises:
            DataError: no JSON, with its line.
        """
        self._open = 0
        document = self._file.document
        for item in document.value if isinstance(document.value, list) else []:
            text, choices = _choices(item)
            if text is None:
                continue
            if choices is None:
                self._open += 1
                continue
            yield Row([text, choices], document.line(text))

    def left(self) -> list[str]:
        """Texts that nobody has chosen for."""
        return [f"{self._open:,} texts without a choice left out"] if self._open else []


def _choices(item: Any) -> tuple[str | None, list[str] | None]:
    """The text of a task and the choices of its first annotation that was not cancelled."""
    data = item.get("data") if isinstance(item, dict) else None
    texts = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    if not texts:
        return None, None
    annotations = item.get("annotations", item.get("completions"))
    for annotation in annotations if isinstance(annotations, list) else []:
        results = annotation.get("result") if isinstance(annotation, dict) else None
        if not isinstance(results, list) or annotation.get("was_cancelled"):
            continue
        values = [result.get("value") for result in results if isinstance(result, dict)]
        found = [
            value["choices"] for value in values if isinstance(value, dict) and isinstance(value.get("choices"), list)
        ]
        if found:
            return max(texts, key=len), [str(choice) for choices in found for choice in choices]
    return max(texts, key=len), None


class ChoicesReader:
    """Reads Label Studio's choices."""

    name = "choices"
    suffixes: tuple[str, ...] = ()
    summary = "texts with choices as Label Studio exports them: a row per text with its classes; known by its keys"

    def recognises(self, file: Input) -> bool:
        """Tasks with results that are choices."""
        head = file.opening
        return head.startswith(b"[") and all(key in head for key in (b'"result"', b'"choices"', b'"data"'))

    def open(self, file: Input, first: Source | None) -> ChoicesSource:
        """The columns are always the same."""
        return ChoicesSource(file)


class BratSource:
    """A text and its annotations ready to be read.

    Args:
        file: the annotations; the text stands beside them.
    """

    fields = (Field("tokens", "list"), Field("tags", "list"))
    marked = True
    empty = "no text beside the annotations"

    def __init__(self, file: Input) -> None:
        self.said = f"{file.path.name}: entities of a text (brat), {encoding_of(file.path, file.options.encoding)}"
        self._file = file
        self._parted = self._gaps = 0

    def rows(self) -> Iterator[Row]:
        """Every line of the text that is not blank, with the entities that begin in it.

        Raises:
            DataError: there is no text beside the annotations, or it cannot be read.
        """
        self._parted = self._gaps = 0
        path = self._file.path.with_suffix(".txt")
        if not path.is_file():
            raise DataError(f"expected the text {path.name} beside it", self._file.path)
        entities = self._entities()
        at = 0
        for number, line in numbered_lines(path, self._file.options.encoding):
            inside = [
                entity._replace(start=entity.start - at, end=entity.end - at)
                for entity in entities
                if at <= entity.start < at + len(line) + 1
            ]
            row, parted = tagged(Marked(line, inside), number)
            self._parted += parted
            if row.cells[0]:
                yield row
            at += len(line) + 1

    def _entities(self) -> list[Entity]:
        found = []
        for _, line in numbered_lines(self._file.path, self._file.options.encoding):
            match = _ENTITY.match(line)
            if match is not None:
                places = [tuple(map(int, place.split())) for place in match["places"].split(";")]
                self._gaps += len(places) > 1
                found.append(Entity(places[0][0], places[-1][1], match["label"]))
        return found

    def left(self) -> list[str]:
        """Entities that hold a word in part or have gaps."""
        return counted((self._parted, PARTED), (self._gaps, "entities in pieces are taken with what is between them"))


class BratReader:
    """Reads brat's annotations."""

    name = "brat"
    suffixes = (".ann",)
    summary = "brat: a folder of texts (`.txt`) and annotations (`.ann`) of the same names; a row per line, for tagging"

    def recognises(self, file: Input) -> bool:
        """By its name only: a text must stand beside it."""
        return False

    def open(self, file: Input, first: Source | None) -> BratSource:
        """The columns are always the same."""
        return BratSource(file)


def annotated_texts(data: list[Path]) -> list[Path]:
    """The annotations of a folder that holds nothing but texts and annotations of the same names; or none."""
    notes = sorted(path for path in data if path.suffix == ".ann")
    texts = {path.stem for path in data if path.suffix == ".txt"}
    known = {path.suffix for path in data} <= {".ann", ".txt", ".conf"}
    return notes if notes and known and {path.stem for path in notes} == texts else []

"""Entities as spans of a text, in JSON and JSONL: Prodigy, spaCy, doccano, Label Studio, SNIPS, Rasa and their like.

A row per text: its words, and for each a tag, B- where an entity begins and I- where it goes on. Words are cut as a
tagger cuts the texts it is asked about, so a word that an entity holds in part belongs to it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from unroll.data.readers.jsonparse import jsonl_rows
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.writer import Field, Row
from unroll.data.text.split import word_spans
from unroll.errors import DataError

#: Keys in small letters, most usual first: of texts, of their entities, and of an entity's parts.
TEXTS = ("text", "sentence", "form", "content", "document", "utterance", "data")
ENTITIES = ("entities", "spans", "label", "labels", "annotations", "ne", "ner")
_STARTS = ("start", "start_offset", "begin", "startoffset", "start_char", "offset")
_ENDS = ("end", "end_offset", "endoffset", "end_char", "stop")
_LABELS = ("label", "entity", "labels", "type", "tag", "entity_group", "entity_type", "category")
_WORDS = ("text", "form", "value", "word")
_INTENTS = ("intent",)
#: What must stand in a file of spans, so that others need not be read twice.
_HINT = re.compile(
    rb'"(?:start|start_offset|begin|startOffset|start_char|offset)"\s*:\s*\d|\[\s*\d+\s*,\s*\d+\s*,\s*"'
    rb'|"data"\s*:\s*\[\s*\{\s*"text"'
)
#: What is said of texts and of entities, behind their number, where all is not as it stands in the file.
WORDLESS = "texts without a word left out"
PARTED = "entities begin or end inside a word, the whole of which is taken"
#: Texts by which a file is told, of which so many must have entities; objects in each other are searched so deep.
_LOOKED_AT, _DEPTH = 200, 8


class Entity(NamedTuple):
    """An entity: where it begins and ends, what it is, and its text where the file says it."""

    start: int
    end: int
    label: str
    word: str | None = None


class Marked(NamedTuple):
    """A text with entities; `words` are its tokens where the file cuts them, `intent` its class where it has one."""

    text: str
    entities: list[Entity]
    words: list[tuple[int, int]] | None = None
    intent: str | None = None


def counted(*named: tuple[int, str]) -> list[str]:
    """What is said of numbers of things, and nothing of those of which there are none.

    >>> counted((2, WORDLESS), (0, PARTED))
    ['2 texts without a word left out']
    """
    return [f"{count:,} {text}" for count, text in named if count]


def _of(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    small = {str(key).casefold(): value for key, value in item.items()}
    return next((small[key] for key in keys if key in small), None)


def _entity(item: Any) -> Entity | None:
    """What one item of a list of entities says; None if it is none."""
    if isinstance(item, list | tuple) and len(item) == 3:
        start, end, label = item
        word = None
    elif isinstance(item, dict):
        value = item.get("value")
        inner = value if isinstance(value, dict) else item
        start, end, label = (_of(inner, keys) for keys in (_STARTS, _ENDS, _LABELS))
        if end is None and isinstance(start, int) and isinstance(inner.get("length"), int):
            end = start + inner["length"]
        found = _of(inner, _WORDS)
        word = found if isinstance(found, str) else None
    else:
        return None
    label = label[0] if isinstance(label, list) and label else label
    whole = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    return Entity(start, end, label, word) if whole and isinstance(label, str) and label else None


def _entities(value: Any) -> list[Entity] | None:
    """A list of entities; None if it is something else. What Label Studio calls results is one such list each."""
    if isinstance(value, dict):
        value = _of(value, ("entities",))
    if not isinstance(value, list):
        return None
    if value and all(isinstance(item, dict) and isinstance(item.get("result"), list) for item in value):
        results = value[0]["result"]
        value = [item for item in results if isinstance(item, dict) and item.get("type") not in ("relation", "choices")]
        if results and not value:
            return None
    found = [_entity(item) for item in value]
    entities = [entity for entity in found if entity is not None]
    return entities if len(entities) == len(found) else None


def marked_in(value: Any) -> Marked | None:
    """The text with entities that an item is; None if it is none.

    >>> marked_in({"text": "Ana left", "label": [[0, 3, "PER"]]})
    Marked(text='Ana left', entities=[Entity(start=0, end=3, label='PER', word=None)], words=None, intent=None)
    """
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        entities = _entities(value[1])
        return None if entities is None or "entities" not in value[1] else Marked(value[0], entities)
    if not isinstance(value, dict):
        return None
    pieces = value.get("data")
    if (
        isinstance(pieces, list)
        and pieces
        and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in pieces)
    ):
        return _joined(pieces)
    inner = pieces if isinstance(pieces, dict) else value
    text = _of(inner, TEXTS)
    key = next((key for key in value if key.casefold() in ENTITIES and _entities(value[key]) is not None), None)
    if not isinstance(text, str) or key is None:
        return None
    intent = _of(value, _INTENTS)
    return Marked(text, _entities(value[key]) or [], _words(value, text), intent if isinstance(intent, str) else None)


def _joined(pieces: list[dict[str, Any]]) -> Marked:
    """A text in pieces, some of which are entities, as SNIPS has them."""
    text, entities = "", []
    for piece in pieces:
        label = piece.get("slot_name", piece.get("entity"))
        if isinstance(label, str) and piece["text"].strip():
            entities.append(Entity(len(text), len(text) + len(piece["text"]), label))
        text += piece["text"]
    return Marked(text, entities)


def _words(value: Mapping[str, Any], text: str) -> list[tuple[int, int]] | None:
    """Where the tokens stand into which the file cuts a text, as Prodigy writes them."""
    tokens = value.get("tokens")
    if not isinstance(tokens, list) or not tokens or not all(isinstance(token, dict) for token in tokens):
        return None
    places = [(token.get("start"), token.get("end")) for token in tokens]
    found = [(s, e) for s, e in places if isinstance(s, int) and isinstance(e, int) and 0 <= s < e <= len(text)]
    return [(s, e) for s, e in found if text[s:e].strip()] if len(found) == len(places) else None


def all_marked(value: Any, key: str | None = None, depth: int = _DEPTH) -> Iterator[tuple[Marked, bool]]:
    """Every text with entities in a value, however deep, and whether it was refused by who looked through them.

    Args:
        value: a JSON value.
        key: under which it stands; above the texts in pieces of SNIPS it is their intent.
        depth: how deep to go.
    """
    found = marked_in(value)
    if found is not None:
        pieces = isinstance(value, dict) and isinstance(value.get("data"), list)
        refused = isinstance(value, dict) and value.get("answer") in ("reject", "ignore")
        yield (found._replace(intent=key) if pieces and found.intent is None else found, refused)
    elif isinstance(value, dict) and depth:
        for name, inner in value.items():
            yield from all_marked(inner, key if name == "utterances" else str(name), depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value:
            yield from all_marked(inner, key, depth - 1)


def tagged(marked: Marked, line: int) -> tuple[Row, int]:
    """The words and tags of a text, with what is wrong with them; and how many entities hold a word in part."""
    text = marked.text
    words = marked.words or word_spans(text)
    tags = ["O"] * len(words)
    problems = []
    parted = 0
    for entity in sorted(marked.entities, key=lambda entity: entity[:3]):
        start, end = entity.start, entity.end
        # Some count the last character in.
        end += entity.word is not None and text[start:end] != entity.word == text[start : end + 1]
        shown = f"{entity.label} at {entity.start} to {entity.end}"
        if not 0 <= start < end <= len(text):
            problems.append(Problem("spans", line, f"an entity {shown} is not in its text of {len(text)} characters"))
            continue
        if entity.word is not None and entity.word.strip() != text[start:end].strip():
            told = (
                f"an entity {shown} is said to be {entity.word[:40]!r}, but the text has {text[start:end][:40]!r} there"
            )
            problems.append(Problem("spans", line, told))
            continue
        inside = [number for number, (s, e) in enumerate(words) if s < end and e > start]
        if not inside or any(tags[number] != "O" for number in inside):
            what = "overlaps another" if inside else "holds no word"
            problems.append(Problem("spans", line, f"an entity {shown} {what}; every word has one tag"))
            continue
        parted += words[inside[0]][0] < start or words[inside[-1]][1] > end
        for number in inside:
            tags[number] = f"I-{entity.label}"
        tags[inside[0]] = f"B-{entity.label}"
    tokens = [text[start:end] for start, end in words]
    return Row([tokens, tags], line, item_lines=[line] * len(tokens), problems=problems), parted


class SpansSource:
    """A file of texts with entities ready to be read.

    Args:
        file: the file.
        lines: whether every line is a text; else the file is one JSON value.
        intents: whether texts have intents.
    """

    marked = True
    empty = "no texts with entities"

    def __init__(self, file: Input, *, lines: bool, intents: bool) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: texts with entities, as words and their tags (B-, I-, O), {encoding}"
        self.lines = lines
        self.intents = intents
        names = ("tokens", "tags", *(("intent",) if intents else ()))
        self.fields = tuple(Field(name, "text" if name == "intent" else "list") for name in names)
        self._file = file
        self._parted = self._refused = self._blank = 0

    def rows(self) -> Iterator[Row]:
        """Every text in order; what is wrong with its entities is written down beside it.

        Raises:
            DataError: no JSON, with its line.
        """
        self._parted = self._refused = self._blank = 0
        for (marked, refused), line in _read(self._file, lines=self.lines):
            if refused:
                self._refused += 1
                continue
            row, parted = tagged(marked, line)
            if not row.cells[0]:
                self._blank += 1
                continue
            self._parted += parted
            yield row._replace(cells=[*row.cells, marked.intent or ""]) if self.intents else row

    def left(self) -> list[str]:
        """What was refused by people, what has no words, and entities that hold a word in part."""
        said = counted(
            (self._refused, "texts that were rejected or ignored left out"),
            (self._blank, WORDLESS),
            (self._parted, PARTED),
        )
        return [*said, "--task classify --target intent learns the intents"] if self.intents else said


def _read(file: Input, *, lines: bool) -> Iterator[tuple[tuple[Marked, bool], int]]:
    if lines:
        for row in jsonl_rows(file.path, file.options.encoding):
            cells = list(row.cells.values()) if set(row.cells) == {"column1", "column2"} else row.cells
            yield from ((found, row.line) for found in all_marked(cells))
        return
    document = file.document
    for found in all_marked(document.value):
        yield found, document.line(found[0].text)


def _is_lines(file: Input) -> bool:
    """Whether every line is a JSON value: the first two are."""
    whole = [line.strip() for _, line in file.lines if line.strip()][:2]
    ends = ("}", "]")
    alone = len(whole) == 1 and file.path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))
    return alone or (
        len(whole) == 2 and all(line[0] in "{[" and line.endswith(ends) and len(line) > 1 for line in whole)
    )


class SpansReader:
    """Reads texts with entities."""

    name = "spans"
    suffixes: tuple[str, ...] = ()
    summary = (
        '`{"text": ..., "entities": [{"start": 0, "end": 3, "label": "PER"}]}` and the like, in JSON or JSONL, as '
        "Prodigy, spaCy, doccano, Label Studio, SNIPS and Rasa write entities: a row per text, for tagging"
    )

    def recognises(self, file: Input) -> bool:
        """Texts beside lists of places in them."""
        if not file.opening.startswith((b"{", b"[")) or not _HINT.search(file.head):
            return False
        try:
            found = list(itertools.islice(_read(file, lines=_is_lines(file)), _LOOKED_AT))
        except DataError:
            return False
        return any(marked.entities for (marked, _), _ in found)

    def open(self, file: Input, first: Source | None) -> SpansSource:
        """Whether there are intents is settled by the first file."""
        lines = _is_lines(file)
        if isinstance(first, SpansSource):
            return SpansSource(file, lines=lines, intents=first.intents)
        intents = any(marked.intent for (marked, _), _ in _read(file, lines=lines))
        return SpansSource(file, lines=lines, intents=intents)

"""What people say to an assistant, by intent: the JSON of chatbot tutorials, and Rasa's Markdown and YAML.

A row per example: the text and its intent; in the JSON also an answer to it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_INTENTS = ("tag", "intent", "name")
_EXAMPLES = ("patterns", "examples", "utterances", "text")
_ANSWERS = ("responses", "response", "answers")
#: What stands in such a JSON file, so that others need not be read twice.
_HINT = re.compile(rb'"(?:patterns|examples|utterances|text)"\s*:\s*\[')
#: Markup of entities in an example: [Berlin](city), [Berlin]{"entity": "city"}.
_ENTITY = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
_HEADING = re.compile(r"##\s*(?P<kind>\w+)\s*:\s*(?P<name>.+?)\s*$")
_YAML_INTENT = re.compile(
    r"\s*-\s*(?P<kind>intent|synonym|regex|lookup|story|rule)\s*:\s*[\"']?(?P<name>.+?)[\"']?\s*$"
)
_EXAMPLE = re.compile(r"\s*[-*+]\s+(?P<text>.+?)\s*$")


def plain_example(text: str) -> str:
    """An example without the markup of its entities.

    >>> plain_example('to [Berlin](city) on [Monday]{"entity": "day"}')
    'to Berlin on Monday'
    """
    return _ENTITY.sub(r"\1", text)


class IntentsSource:
    """A JSON file of intents ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("text"), Field("intent"), Field("response"))
    marked = False
    empty = "no examples; expected a list of texts under 'patterns' of every intent"

    def __init__(self, file: Input) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: examples of intents, and answers to them, {encoding}"
        self._file = file
        self._silent = 0

    def rows(self) -> Iterator[Row]:
        """Every example; the answers of its intent take turns.

        Raises:
            DataError: no JSON, or an intent without a name or with others than texts, with its line.
        """
        document = self._file.document
        self._silent = 0
        for intent in intents_in(document.value):
            name = next((intent[key] for key in _INTENTS if isinstance(intent.get(key), str)), None)
            if name is None:
                raise DataError(f"an intent without a name; expected {', '.join(_INTENTS)}", self._file.path)
            line = document.line(name)
            examples = self._texts(intent, _EXAMPLES, line)
            answers = itertools.cycle(self._texts(intent, _ANSWERS, line) or [""])
            self._silent += not examples
            for example in examples:
                yield Row([example, name, next(answers)], document.line(example))

    def _texts(self, intent: Mapping[str, Any], keys: tuple[str, ...], line: int) -> list[str]:
        value: Any = next((intent[key] for key in keys if key in intent), [])
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DataError(f"expected a list of texts under {' or '.join(keys)}", self._file.path, line)
        return [text for text in texts if text.strip()]

    def left(self) -> list[str]:
        """Intents without an example, and how the answers are learnt."""
        said = ["--task chat --set data.inputs=text --target response learns the answers"]
        return [f"{self._silent:,} intents without an example left out", *said] if self._silent else said


def intents_in(value: Any) -> list[dict[str, Any]]:
    """The intents of a document: under the key `intents`, or the document itself; empty if it is something else."""
    found = value.get("intents") if isinstance(value, dict) else value
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        return []
    named = all(any(key in item for key in _INTENTS) for item in found)
    return found if named and all(any(isinstance(i.get(k), list) for k in _EXAMPLES) for i in found) else []


class IntentsReader:
    """Reads JSON of intents."""

    name = "intents"
    suffixes: tuple[str, ...] = ()
    summary = (
        '`{"intents": [{"tag": ..., "patterns": [...], "responses": [...]}]}`: a row per pattern, for classify, or '
        "for chat with the responses; known by its keys in `.json` files"
    )

    def recognises(self, file: Input) -> bool:
        """A list of intents with examples."""
        head = file.opening
        if not head.startswith((b"{", b"[")) or not _HINT.search(head):
            return False
        try:
            return bool(intents_in(file.document.value))
        except DataError:
            return False

    def open(self, file: Input, first: Source | None) -> IntentsSource:
        """The columns are always the same."""
        return IntentsSource(file)


class RasaSource:
    """A file of Rasa's examples ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("text"), Field("intent"))
    marked = False
    empty = "no examples of intents"

    def __init__(self, file: Input) -> None:
        self.said = f"{file.path.name}: examples of intents (Rasa), {encoding_of(file.path, file.options.encoding)}"
        self._file = file
        self._marked = 0

    def rows(self) -> Iterator[Row]:
        """Every example of an intent; those of synonyms and patterns are none.

        Raises:
            DataError: wrong encoding, or a file that cannot be read.
        """
        self._marked = 0
        intent: str | None = None
        for number, raw in numbered_lines(self._file.path, self._file.options.encoding):
            line = raw.removesuffix("\r")
            head = _HEADING.match(line) or _YAML_INTENT.match(line)
            if head is not None:
                intent = head["name"] if head["kind"] == "intent" else None
            elif intent is not None and (example := _EXAMPLE.match(line)) is not None:
                text = plain_example(example["text"])
                self._marked += text != example["text"]
                yield Row([text, intent], number)
            elif line.strip() and not line.startswith((" ", "\t", "-")):
                intent = None

    def left(self) -> list[str]:
        """Examples with entities."""
        return [f"the entities marked in {self._marked:,} examples are read as words"] if self._marked else []


class RasaReader:
    """Reads Rasa's examples."""

    name = "rasa"
    suffixes: tuple[str, ...] = ()
    summary = "Rasa's training examples, `## intent:NAME` in Markdown or `- intent: NAME` in YAML: a row per example"

    def recognises(self, file: Input) -> bool:
        """Headings of intents, and lists below them."""
        lines = [line.removesuffix("\r") for _, line in file.lines if line.strip()]
        heads = [found for line in lines if (found := _HEADING.match(line) or _YAML_INTENT.match(line)) is not None]
        intents = [found for found in heads if found["kind"] == "intent"]
        return len(intents) > 1 and sum(_EXAMPLE.match(line) is not None for line in lines) >= len(lines) / 2

    def open(self, file: Input, first: Source | None) -> RasaSource:
        """The columns are always the same."""
        return RasaSource(file)

"""What some predictors can do beside answering records: write on, talk, watch a stream, take a whole table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from unroll.data import Table
from unroll.tasks.base import Record


class Written(NamedTuple):
    """A text and what is written after it, a piece at a time, as it is made."""

    text: str
    pieces: Iterator[str]


@runtime_checkable
class Writer(Protocol):
    """A predictor that writes text."""

    def write(self, record: Record) -> Written:
        """Continue the text of a record."""


@runtime_checkable
class TablePredictor(Protocol):
    """A predictor that takes the columns of a table, where its rows one by one would take many times their memory."""

    def predict_table(self, table: Table) -> Iterator[dict[str, Any]]:
        """As `predict`, of all rows of a table.

        Raises:
            DataError: a column is missing, or its values do not fit; with file and line.
        """


@runtime_checkable
class Talker(Protocol):
    """A predictor that answers in a conversation."""

    def reply(self, turns: Sequence[str]) -> str:
        """The answer to the last of some turns, theirs and its own in turn."""


class Watch(Protocol):
    """A stream that is watched: what is known of it after each record."""

    def push(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What is thought of a record, before the next is seen."""

    def save(self, path: Path | str) -> None:
        """Write all that is known to a file."""

    def load(self, path: Path | str) -> None:
        """Take up what a file knows: what follows is the same to the bit."""


@runtime_checkable
class Watcher(Protocol):
    """A predictor that watches streams."""

    def watch(self, *, threshold: float | None = None, warm_up: int | None = None) -> Watch:
        """Begin to watch."""

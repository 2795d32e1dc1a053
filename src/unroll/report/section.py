"""What a task hands to the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(NamedTuple):
    """One section of the report: a title, and any of words, a table and a picture.

    Attributes:
        title: the heading.
        text: what the section shows, in plain words; paragraphs are separated by an empty line.
        table: rows as dicts with the same keys, shown in the order of the first row's keys. Numbers are aligned right.
        figure: builds the picture. It is called when the page is written, so a run without a report draws nothing.
            Leave lines, text and axes in matplotlib's default colours ("C0" and on): the page replaces them by its own,
            which follow light and dark.
    """

    title: str
    text: str = ""
    table: list[dict[str, Any]] | None = None
    figure: Callable[[], Figure] | None = None

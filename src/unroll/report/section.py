"""What a task hands to the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from unroll.report.charts import Chart


class Section(NamedTuple):
    """One section of the report: a title, and any of words, charts and a table.

    Attributes:
        title: the heading.
        text: what the section shows, in plain words; paragraphs are separated by an empty line.
        table: rows as dicts with the same keys, shown in the order of the first row's keys. Numbers are aligned right.
        charts: builds the charts. It is called when the page is written, so a run without a report computes none.
    """

    title: str
    text: str = ""
    table: list[dict[str, Any]] | None = None
    charts: Callable[[], Sequence[Chart]] | None = None

"""What a chapter of the lab is: words in two languages, pictures, and claims with the numbers that decide them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from unroll.report.charts import Chart

#: English and Korean.
LANGUAGES = ("en", "ko")


class Text(NamedTuple):
    """The same in both languages."""

    en: str
    ko: str

    def of(self, language: str) -> str:
        """In "en" or "ko"."""
        return self.ko if language == "ko" else self.en


#: What the axis of a gradient on its way back is called.
BACK = Text("steps back", "거슬러 올라간 시점 수")


class Claim(NamedTuple):
    """Something that is said of recurrent networks, and whether this run bears it out.

    Attributes:
        says: the claim, as textbooks have it.
        holds: whether the numbers of this run agree.
        numbers: those numbers, in a sentence.
    """

    says: Text
    holds: bool
    numbers: Text


class Part(NamedTuple):
    """One section of a chapter.

    Attributes:
        title: its heading.
        text: paragraphs, separated by an empty line.
        charts: the pictures in a language; None for none.
        table: rows in a language; None for none.
    """

    title: Text
    text: Text
    charts: Callable[[str], Sequence[Chart]] | None = None
    table: Callable[[str], list[dict[str, Any]]] | None = None


@dataclass(frozen=True)
class Lesson:
    """What a chapter found.

    Attributes:
        parts: its sections in reading order.
        claims: what was tested.
    """

    parts: Sequence[Part]
    claims: Sequence[Claim] = field(default_factory=tuple)


class Chapter(NamedTuple):
    """A chapter that can be run.

    Attributes:
        name: what the command line calls it, and its file.
        title: of its page.
        about: one sentence.
        run: trains its networks with a seed and measures them.
    """

    name: str
    title: Text
    about: Text
    run: Callable[[int], Lesson]

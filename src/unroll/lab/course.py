"""The chapters in reading order, and the way from a chapter to its pages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from unroll.errors import ConfigError, nearest
from unroll.lab import both_ways, grid, little_data, memories, order, powers, remedies, shapes
from unroll.lab.lesson import LANGUAGES, Chapter, Lesson
from unroll.lab.page import Done, contents_html, done, file_name, lesson_html

#: In reading order.
CHAPTERS: tuple[Chapter, ...] = (
    powers.CHAPTER,
    memories.CHAPTER,
    remedies.CHAPTER,
    shapes.CHAPTER,
    order.CHAPTER,
    both_ways.CHAPTER,
    little_data.CHAPTER,
    grid.CHAPTER,
)
#: What is kept of the chapters that were run, for the contents page.
_RECORD = "lab.json"


def chapters_named(names: Sequence[str]) -> list[Chapter]:
    """The chapters of these names, in reading order; all for none.

    Raises:
        ConfigError: there is no such chapter.
    """
    known = {chapter.name: chapter for chapter in CHAPTERS}
    for name in names:
        if name not in known:
            raise ConfigError(f"no chapter '{name}'{nearest(name, known)}; the chapters are {', '.join(known)}")
    return [chapter for chapter in CHAPTERS if not names or chapter.name in names]


def hold(
    names: Sequence[str], folder: Path, *, seed: int = 0, tell: Callable[[Chapter, Lesson, float], object]
) -> Path:
    """Run chapters, and write their pages and the contents page.

    Args:
        names: of the chapters; none for all.
        folder: where the pages go; those of other chapters stay.
        seed: of everything random.
        tell: told of every chapter when it is done, with the seconds that it took.

    Returns:
        The contents page in English.

    Raises:
        ConfigError: there is no such chapter.
    """
    chosen = chapters_named(names)
    folder.mkdir(parents=True, exist_ok=True)
    finished = _finished(folder)
    for chapter in chosen:
        began = time.monotonic()
        lesson = chapter.run(seed)
        seconds = time.monotonic() - began
        for language in LANGUAGES:
            page = lesson_html(CHAPTERS, chapter, lesson, language, seconds, seed)
            (folder / file_name(chapter.name, language)).write_text(page, encoding="utf-8")
        finished[chapter.name] = done(lesson, seconds)
        record = {name: one._asdict() for name, one in finished.items()}
        (folder / _RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        for language in LANGUAGES:
            contents = contents_html(CHAPTERS, finished, language)
            (folder / file_name("index", language)).write_text(contents, encoding="utf-8")
        tell(chapter, lesson, seconds)
    return folder / file_name("index", "en")


def _finished(folder: Path) -> dict[str, Done]:
    """The chapters whose pages are in the folder already."""
    path = folder / _RECORD
    if not path.is_file():
        return {}
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        found = {name: Done(float(one["seconds"]), list(one["claims"])) for name, one in held.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{path} was not written by unroll lab; delete it or name another folder with --out"
        ) from error
    return {chapter.name: found[chapter.name] for chapter in CHAPTERS if chapter.name in found}

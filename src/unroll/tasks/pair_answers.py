"""Records that are answered by a text: each as it asks, those that ask alike together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from unroll.bundle import validate
from unroll.tasks.base import Record
from unroll.tasks.pair_settings import PairSettings
from unroll.tasks.pair_writer import PairWriter, Written

S = TypeVar("S", bound=PairSettings)
#: Records that are answered together.
_CHUNK = 512


def asked(settings: S, record: Record, overrides: Sequence[str]) -> S:
    """The settings of a run with what a record says beside its text.

    Raises:
        ConfigError: a value is out of range.
    """
    given = {} if isinstance(record, str) else {name: record[name] for name in overrides if name in record}
    return validate(type(settings), {**settings.model_dump(), **given}, "record") if given else settings


def best_texts(
    writer: PairWriter, settings: PairSettings, texts: Sequence[str], beam: int | None = None
) -> list[Written]:
    """The best text for each.

    Args:
        writer: with its weights.
        settings: of its run.
        texts: what is read.
        beam: hypotheses that are carried on; None: as the run says.
    """
    if beam is not None:
        settings = settings.model_copy(update={"beam": beam, "best": 1})
    return [best[0] for best in writer.write(texts, settings.search())]


def answers(writer: PairWriter, questions: Iterable[tuple[str, PairSettings]], field: str) -> Iterator[dict[str, Any]]:
    """One prediction per text, in order: the best text under `field` with its score; with `best` above 1 the next
    best, too.

    Args:
        writer: with its weights.
        questions: what is read, and how is searched.
        field: what the written text is called.
    """
    stream = iter(questions)
    while chunk := list(itertools.islice(stream, _CHUNK)):
        found: dict[int, list[Written]] = {}
        for settings in dict.fromkeys(settings for _, settings in chunk):
            numbers = [number for number, (_, own) in enumerate(chunk) if own == settings]
            texts = [chunk[number][0] for number in numbers]
            found.update(zip(numbers, writer.write(texts, settings.search()), strict=True))
        for number, (text, settings) in enumerate(chunk):
            written = [{field: one.text, "score": round(one.score, 4)} for one in found[number]]
            prediction: dict[str, Any] = {"text": text, **written[0]}
            if settings.best > 1:
                prediction["best"] = written
            yield prediction

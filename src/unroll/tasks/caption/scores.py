"""What captions are worth, and the sections that show them.

Shapes: T words of a caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unroll.metrics.captions import CiderD, bleu
from unroll.metrics.intervals import bootstrap
from unroll.report import Section
from unroll.report.charts import Chart, Pictures
from unroll.tasks.base import Score, Scores
from unroll.tasks.caption.maps import report_maps

#: Captions whose maps are shown, and captions that are listed.
_MAPPED, _LISTED = 6, 12

#: A caption, its words, and (T, rows, columns) how each looked.
Shown = tuple[str, list[str], np.ndarray]


def metrics_of(said: Sequence[str], references: Sequence[Sequence[str]], *, seed: int | None) -> dict[str, Score]:
    """CIDEr-D, with n-grams weighed by these very references, and BLEU of one to four words in percent.

    Args:
        said: one caption per picture.
        references: of each picture.
        seed: of the intervals; None: no intervals.
    """
    each = CiderD(references).scores(said, references)
    spread = None
    if seed is not None:
        spread = bootstrap(lambda rows: float(each[rows].mean()), len(each), seed=seed)
    exact = float(np.mean([text in own for text, own in zip(said, references, strict=True)]))
    found = {"cider_d": Score(float(each.mean()), spread)}
    for n, value in enumerate(bleu(said, references), start=1):
        found[f"bleu_{n}"] = Score(100 * value)
    return {**found, "exact_match": Score(exact)}


def score_captions(
    said: Sequence[Shown], paths: Sequence[Path], references: Sequence[Sequence[str]], *, seed: int
) -> Scores:
    """Metrics with intervals, and the sections that show captions and maps."""
    texts = [text for text, _, _ in said]
    each = CiderD(references).scores(texts, references)
    order = np.argsort(each, kind="stable")
    sections = [*_maps(said, paths, references), _listed(texts, paths, references, each, order)]
    return Scores(metrics_of(texts, references, seed=seed), sections)


def _maps(said: Sequence[Shown], paths: Sequence[Path], references: Sequence[Sequence[str]]) -> list[Section]:
    """Some pictures, evenly spread, with a map for each word."""
    sections: list[Section] = []
    for number in np.unique(np.linspace(0, len(said) - 1, _MAPPED).astype(int)).tolist():
        text, words, maps = said[number]

        def charts(path: Path = paths[number], own: list[str] = words, looked: np.ndarray = maps) -> list[Chart]:
            drawn = report_maps(path, own, looked)
            return [Pictures("the picture, and what each word looked at", drawn)] if drawn else []

        about = f"Written: “{text}” A person wrote: “{references[number][0]}”"
        sections.append(Section(f"Where each word looked ({len(sections) + 1})", about, None, charts))
    return sections


def _listed(
    texts: Sequence[str],
    paths: Sequence[Path],
    references: Sequence[Sequence[str]],
    each: np.ndarray,
    order: np.ndarray,
) -> Section:
    """Captions from the worst to the best, evenly spread."""
    rows = [
        {
            "picture": paths[number].name,
            "caption": texts[number],
            "people": references[number][0],
            "CIDEr-D": f"{each[number]:.2f}",
        }
        for number in order[np.unique(np.linspace(0, len(order) - 1, _LISTED).astype(int))].tolist()
    ]
    return Section("Captions, from the worst to the best", "By CIDEr-D, evenly spread.", rows)

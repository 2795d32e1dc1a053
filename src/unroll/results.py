"""What the functions of Python give back: predictions, scores, findings and comparisons as data.

Each says itself as text, shows itself in a notebook, and turns into a pandas frame with `to_frame`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from unroll.data import Finding
from unroll.report import Comparison, comparison_rows, words
from unroll.tasks.base import Score

if TYPE_CHECKING:
    import pandas as pd

#: Pixels of a page shown inside a notebook.
_HEIGHT = 640


class Prediction(Mapping[str, Any]):
    """What a model says of one record: its fields by name, as keys and as attributes.

    Which fields there are depends on the task; the ones below are those of the tasks that come with unroll.

    Attributes:
        label: classify: the class.
        labels: classify with several labels: those that hold.
        probabilities: classify: class -> probability, the likeliest first; fill: word -> probability;
            answer: answer -> probability.
        tokens: tag: the tokens.
        tags: tag: a tag for each.
        entities: tag: "type", "text", "start" and "end" of each entity.
        series: forecast: the name of the series.
        time: forecast: the times of the steps ahead.
        mean: forecast: the mean of each step ahead.
        quantiles: forecast: level, such as "0.1" -> the quantile of each step ahead.
        missing: forecast: values of the history that were missing and bridged; not there where none was.
        short_by: forecast: by how many steps the history is shorter than a window; not there where it is not.
        text: fill: the text without its gap; generate: the text that was continued; transcribe: what is said.
        words: transcribe: "word", "start" and "end" (seconds) and "probability" of each word.
        word: fill: the likeliest word.
        looked_at: answer, of a choice: for each look the sentences with their weights; caption: the words, each with
            the weights of the picture's cells.
        caption: caption: what the picture shows.
        start: answer, of a span: where it begins in the text, in characters.
        continuation: generate: what is written after the text.
        translation: translate: the text in the other language.
        answer: answer, chat: what is answered.
        score: translate and chat: the log-probability over the length penalty.
    """

    if TYPE_CHECKING:
        label: str
        labels: list[str]
        probabilities: dict[str, float]
        tokens: list[str]
        tags: list[str]
        entities: list[dict[str, Any]]
        series: str
        time: list[Any]
        mean: list[float]
        quantiles: dict[str, list[float]]
        missing: int
        short_by: int
        text: str
        words: list[dict[str, Any]]
        word: str
        answer: str
        looked_at: list[Any]
        caption: str
        start: int
        continuation: str
        translation: str
        score: float

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getattr__(self, name: str) -> Any:
        # Copying asks for attributes before there are fields.
        fields = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"this prediction has no '{name}'; it has {', '.join(fields)}")

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Prediction({', '.join(f'{name}={value!r}' for name, value in self._fields.items())})"


class Predictions(Sequence[Prediction]):
    """One prediction per record, in order (of a forecast: per series)."""

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        self._predictions = list(predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> Predictions: ...
    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        if isinstance(index, slice):
            return Predictions(self._predictions[index])
        return self._predictions[index]

    def __len__(self) -> int:
        return len(self._predictions)

    def __repr__(self) -> str:
        return f"Predictions({len(self)}: {self._predictions[:2]!r}{', ...' if len(self) > 2 else ''})"

    def to_frame(self) -> pd.DataFrame:
        """One row per record, named by its index; where a prediction holds lists of one length, such as the steps of a
        forecast or the tags of a sentence, one row per item."""
        import pandas as pd

        frame = pd.DataFrame([_flat(prediction) for prediction in self._predictions])
        lists = [name for name in frame.columns if len(frame) and all(map(_is_plain_list, frame[name]))]
        lengths = [{len(cell) for cell in row} for row in frame[lists].itertuples(index=False)]
        if lists and all(len(row) == 1 for row in lengths):
            frame = frame.explode(lists)
        return frame

    def _repr_html_(self) -> str:
        return str(self.to_frame().head(20).to_html())


def _flat(prediction: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in prediction.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _is_plain_list(cell: object) -> bool:
    return isinstance(cell, list) and not any(map(_holds_objects, cell))


def _holds_objects(item: object) -> bool:
    """Whether it is an object, or a list of them, such as the sentences that one look weighed."""
    return isinstance(item, Mapping) or (isinstance(item, list) and any(isinstance(inner, Mapping) for inner in item))


class Evaluation(Mapping[str, Score]):
    """Scores by metric, with 95 % intervals, beside those of the baselines.

    Attributes:
        split: what was scored: "test", "validation", or the data that was given.
        baselines: name -> scores on the same rows; empty for data that was given.
        headline: the result in words.
    """

    def __init__(
        self,
        scores: Mapping[str, Score],
        split: str,
        baselines: Mapping[str, Mapping[str, Score]] | None = None,
        headline: str = "",
    ) -> None:
        self._scores = dict(scores)
        self.split = split
        self.baselines = {name: dict(entries) for name, entries in (baselines or {}).items()}
        self.headline = headline

    @classmethod
    def read(cls, metrics: Mapping[str, Any], headline: str) -> Evaluation:
        """The scores of a metrics.json on the split that results are quoted on."""
        split = words.shown_part(metrics)
        if split is None:
            return cls({}, "none", headline=headline)
        baselines = {name: _read(splits.get(split) or {}) for name, splits in metrics.get("baselines", {}).items()}
        return cls(_read(metrics[split]), split, baselines, headline)

    def __getitem__(self, metric: str) -> Score:
        return self._scores[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{words.metric_name(name)} {words.metric_value(name, score.value)}" for name, score in self.items()
        )
        return f"Evaluation({self.split}: {shown})"

    def to_frame(self) -> pd.DataFrame:
        """One row per model and metric: model, metric, value, low, high."""
        import pandas as pd

        rows = [
            (who, metric, score.value, *(score.interval or (None, None)))
            for who, scores in [("this model", self._scores), *self.baselines.items()]
            for metric, score in scores.items()
        ]
        return pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"])

    def _repr_html_(self) -> str:
        return _titled(self.headline, self.to_frame())


def _read(entries: Mapping[str, Any]) -> dict[str, Score]:
    return {name: Score(words.finite(entry["value"]), words.bounds_of(entry)) for name, entry in entries.items()}


class Check:
    """What was found in data before training on it.

    Attributes:
        reason: which task fits and why, or why none does.
        findings: what was understood and what would spoil a result.
        notes: what the task would leave out, a sentence each.
    """

    def __init__(self, reason: str, findings: Sequence[Finding], notes: Sequence[str] = ()) -> None:
        self.reason = reason
        self.findings = list(findings)
        self.notes = list(notes)

    @property
    def errors(self) -> list[Finding]:
        """With these, training would fail or its result would be wrong."""
        return [finding for finding in self.findings if finding.level == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """Worth a look."""
        return [finding for finding in self.findings if finding.level == "warning"]

    def __repr__(self) -> str:
        return f"Check({len(self.errors)} errors, {len(self.warnings)} warnings; {self.reason})"

    def to_frame(self) -> pd.DataFrame:
        """One row per finding: level, text, path, line, advice."""
        import pandas as pd

        return pd.DataFrame(self.findings, columns=list(Finding._fields))

    def _repr_html_(self) -> str:
        return _titled(self.reason, self.to_frame())


class Page:
    """A page that stands by itself, such as a report; a notebook shows it.

    Attributes:
        html: its text.
        path: its file; None if it has none.
    """

    def __init__(self, text: str, path: Path | None = None) -> None:
        self.html = text
        self.path = path

    def __repr__(self) -> str:
        return f"Page({str(self.path)!r})"

    def _repr_html_(self) -> str:
        # In a frame of its own, so that its styles and the notebook's leave each other alone.
        source = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{source}" width="100%" height="{_HEIGHT}" frameborder="0"></iframe>'


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per model, and per baseline, best first: model, value, low, high, parameters, seconds."""
    import pandas as pd

    # The names that a user gave, not as the page writes them.
    given = {words.model_name(candidate.name): candidate.name for candidate in comparison.candidates}
    rows: list[tuple[Any, ...]] = []
    for row in comparison_rows(comparison):
        low, high = words.bounds_of(row.entry) or (None, None)
        rows.append((given.get(row.name, row.name), row.entry["value"], low, high, row.parameters, row.seconds))
    return pd.DataFrame(rows, columns=["model", comparison.monitor, "low", "high", "parameters", "seconds"])


def _titled(title: str, frame: pd.DataFrame) -> str:
    return f"<p>{html.escape(title)}</p>{frame.to_html(index=False)}"

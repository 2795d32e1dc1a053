"""A look inside a model: measure what it remembers of an input, and make a page of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from unroll.bundle import RunFolder
from unroll.errors import ConfigError, DataError, UnrollError
from unroll.inspect import View, held, view_of
from unroll.results import Page
from unroll.trained import Model
from unroll.viewer import look_html, scene_of
from unroll.viewer.scene import Memory, Shown

#: Characters of a text by which two views are told apart.
_NAME = 32
#: Records of the run's own data on which flags are looked for, and bytes of a file up to which it is read for them.
_OTHERS, _LARGE = 1000, 64_000_000


def look(
    model: Model | nn.Module | Path | str,
    *inputs: Any,
    compare: Model | nn.Module | Path | str | None = None,
    row: int = 0,
    labels: Sequence[str] | None = None,
    out: Path | str | None = None,
    language: str | None = None,
) -> Page:
    """See what a recurrent network remembers of an input: a page that a notebook shows and that works offline.

    Example:
        >>> import torch, unroll
        >>> page = unroll.look(torch.nn.LSTM(3, 5), torch.randn(7, 1, 3))
        >>> page.html.startswith("<!doctype html>")
        True

    Args:
        model: a trained model, the folder of its run, or any module that holds recurrent layers of unroll or torch.nn.
        inputs: one, or two that are shown beside each other. Of a trained model a text, a record, or data whose record
            number `row` is taken; of a module its input, or a tuple of the arguments of its `forward`. None for a
            record of the data that the run was trained on.
        compare: a second model, shown beside the first on the same input.
        row: which of several records.
        labels: what the steps are called; None for what the model says, or their numbers.
        out: where the page is written, if anywhere.
        language: "en" or "ko"; that of the reader's browser if None.

    Raises:
        ConfigError: there is nothing to see, or no such row.
        DataError: the data is wrong.
    """
    if language not in (None, "en", "ko"):
        raise ConfigError(f"language must be 'en' or 'ko', got {language!r}")
    models = [_opened(model), *([] if compare is None else [_opened(compare)])]
    if len(inputs) > 2 or (len(inputs) == 2 and compare is not None):
        raise ConfigError(f"a page shows two at most: two inputs, or two models on one input, got {len(inputs)} inputs")
    given = [_read(models[0], one) for one in inputs or (None,)]
    pairs = [(one, given[0]) for one in models] if compare is not None else [(models[0], one) for one in given]
    names = (
        [_model_name(one) for one in models] if compare is not None else [_input_name(one) for one in inputs or (None,)]
    )
    if len(names) > 1 and (compare is None or names[0] == names[1]):
        names = [f"{number}: {name}" for number, name in enumerate(names, start=1)]
    shown = [_shown(one, data, name, row, labels) for (one, data), name in zip(pairs, names, strict=True)]
    title = " · ".join(_model_name(one) for one in models)
    text = look_html(scene_of(title, _subtitle(models[0], shown[0].view), shown, language=language))
    path = None if out is None else Path(out)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Page(text, path)


def _opened(model: Model | nn.Module | Path | str) -> Model | nn.Module:
    return Model(RunFolder.open(model)) if isinstance(model, str | Path) else model


def _read(model: Model | nn.Module, given: Any) -> Any:
    """The records of the input, or what a module takes; None stands for the data of the run."""
    if not isinstance(model, Model):
        if given is None:
            raise ConfigError("give the module's input, as in unroll.look(module, x)")
        return given
    if given is not None:
        return model.records(given)
    path = model.config["data"]["path"]
    try:
        return model.records(Path(path))
    except DataError as error:
        raise ConfigError(f"give a text or a file: the run's own data cannot be read ({error})") from error


def _shown(model: Model | nn.Module, given: Any, name: str, row: int, labels: Sequence[str] | None) -> Shown:
    title = f"{_model_name(model)}: {name}"
    if not isinstance(model, Model):
        view = view_of(model, given, row=row, labels=labels, title=title)
        return Shown(name, view, "", _memory(model, given, row, view))
    if not 0 <= row < len(given):
        raise ConfigError(f"row must be in [0, {len(given)}), the number of records, got {row}")
    way = model.predictor.followed(given[row])
    if way.apart:
        given, row = [given[row]], 0
    answer = _answer(model, given[row]) if way.apart else None
    others = _others(model) if way.reads else []
    view = view_of(
        way.subject, given, row=row, labels=labels, title=title, answer=answer, score=way.score, others=others
    )
    if way.looks is not None:
        view = replace(view, looks=way.looks(view.trace))
    text = _text(given[row]) if way.apart else ""
    return Shown(name, view, text, _memory(way.subject, given, row, view), way.decides)


def _memory(subject: Any, given: Any, row: int, view: View) -> Memory | None:
    """What is held of each step, if the input is read step by step."""
    found = held(subject, given, row=row)
    if found is None or found.sizes.shape[1] != len(view.trace.labels):
        return None
    return Memory(found.at, found.shares, "gradient")


def _others(model: Model) -> list[Any]:
    """Some records of the file that the run was trained on, if it is still there and quickly read."""
    path = Path(model.config["data"]["path"])
    if not path.is_file() or path.stat().st_size > _LARGE:
        return []
    try:
        records = model.records(path)
    except UnrollError:
        return []
    chosen = np.random.default_rng(0).permutation(len(records))[:_OTHERS]
    return [records[number] for number in chosen]


def _answer(model: Model, record: Any) -> Any:
    """What a trained model says to one record. A model that writes on goes on too long for a line."""
    return None if model.writes else dict(next(iter(model.predict_each([record]))))


def _text(record: Any) -> str:
    """The text of a record as it was written: its longest column."""
    if isinstance(record, Mapping):
        return max((value for value in record.values() if isinstance(value, str)), key=len, default="")
    return record if isinstance(record, str) else ""


def _model_name(model: Model | nn.Module) -> str:
    return model.path.name if isinstance(model, Model) else type(model).__name__


def _input_name(given: Any) -> str:
    if given is None:
        return "its own data"
    if isinstance(given, str):
        return given if len(given) <= _NAME else f"{given[: _NAME - 1]}…"
    return given.name if isinstance(given, Path) else "input"


def _subtitle(model: Model | nn.Module, view: View) -> str:
    """One line on what is looked at: the task, the layers, the engine that gave the values."""
    tracks = view.trace.tracks
    layers = len({track.depth for track in tracks})
    parts = [model.task] if isinstance(model, Model) else []
    parts.append(tracks[0].cell.split("(")[0].removesuffix("Cell"))
    parts.append(f"{layers} layer{'s' if layers > 1 else ''}")
    if any(track.direction == "backward" for track in tracks):
        parts.append("both directions")
    below = min(track.depth for track in tracks)
    if below:
        parts.append(f"below them {below} more for the parts of each step")
    parts.append(f"{tracks[0].values['h'].shape[1]} units")
    parts.append(f"{len(view.trace.labels)} steps")
    parts.append(f"engine {tracks[0].engine}")
    return " · ".join(parts)

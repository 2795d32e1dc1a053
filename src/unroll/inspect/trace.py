"""What a network's memory held at every step of one input.

Shapes: T steps of the row, H hidden size, I input size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.inspect.watch import Seen, Weighed, title_of, watch


@dataclass(frozen=True)
class Track:
    """One layer in one direction over the steps of one row.

    Attributes:
        module: the dotted name of the layer inside the network.
        depth: which layer it is, lowest first, from 0; the two directions of a layer have the same.
        direction: "forward" or "backward". Tracks of both stand at the steps of the input: a backward layer read the
            last step first.
        cell: the equation and its sizes, as text.
        engine: the engine that gave the values.
        labels: what each of its T steps is called; those of the trace unless it has steps of its own, as a decoder.
        states: the names in `values` that are states ("h", "c"); the others are gates.
        values: (T, H) by name, float32 (float64 of a float64 network): every state, `h` first, then every gate in the
            order of the stacked weights. A projected "h" has fewer features than the others.
        replacing: the gates that the new value is multiplied by, and 1 minus them the old state; see `Cell`.
    """

    module: str
    depth: int
    direction: str
    cell: str
    engine: str
    labels: tuple[str, ...]
    states: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    replacing: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """A short name, see `title_of`."""
        return title_of(self.module, self.depth, self.direction)


@dataclass(frozen=True)
class Attention:
    """Where a module looked.

    Attributes:
        module: its dotted name.
        weights: (queries, T) float32, each row sums to one; one query for a pooling.
        rows: what each query is called; empty where nobody knows.
    """

    module: str
    weights: np.ndarray
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A network's memory over one input.

    Attributes:
        kind: "text" if the steps are tokens, "series" if they are numbers, "steps" if nothing is known of them.
        labels: what each of the T steps is called: a token, a time, or its number.
        series: (T, I) float32, the numbers that a network for series was fed; None for others.
        tracks: every layer and direction, lowest first, forwards first.
        attention: where it looked, if the network has attention.
    """

    kind: str
    labels: tuple[str, ...]
    series: np.ndarray | None
    tracks: tuple[Track, ...]
    attention: tuple[Attention, ...]


@runtime_checkable
class Predicts(Protocol):
    """What answers for a trained run: `unroll.tasks.base.Predictor`."""

    @property
    def network(self) -> nn.Module: ...

    def example(self, records: Sequence[Any], row: int = 0) -> tuple[tuple[Any, ...], tuple[str, ...]]: ...

    def ask(self, inputs: tuple[Any, ...]) -> Tensor: ...

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor: ...


@runtime_checkable
class Writes(Protocol):
    """What a predictor also is whose network has parts with steps of their own, as a decoder."""

    def own_steps(self, inputs: tuple[Any, ...]) -> Mapping[str, tuple[str, ...]]:
        """What the steps are called of the modules under each dotted name; those of attention are its queries."""
        ...


@runtime_checkable
class Trained(Protocol):
    """A trained run: `unroll.Model`."""

    @property
    def predictor(self) -> Any: ...

    def records(self, data: Any) -> Sequence[Any]: ...


Subject = Trained | Predicts | nn.Module


class Opened(NamedTuple):
    """A network and one input of it.

    Attributes:
        network: the module.
        inputs: the arguments of its `forward`.
        steps: what the steps are called; empty if nobody knows.
        row: which row of the inputs is meant.
        ask: runs the network on such arguments.
        costs: from the arguments and what `ask` gave to (B, T) or (B,); None for a module alone.
        own: what the steps are called of modules that have steps of their own, by the name that theirs begins with.
    """

    network: nn.Module
    inputs: tuple[Any, ...]
    steps: tuple[str, ...]
    row: int
    ask: Callable[[tuple[Any, ...]], Any]
    costs: Callable[[tuple[Any, ...], Any], Tensor] | None
    own: Mapping[str, tuple[str, ...]] = {}

    def names_of(self, module: str) -> tuple[str, ...] | None:
        """What the steps of a module are called; None for a module that has the steps of the input."""
        return next((names for part, names in self.own.items() if f"{module}.".startswith(f"{part}.")), None)


def trace(model: Subject, given: Any, *, row: int = 0, labels: Sequence[str] | None = None) -> Trace:
    """See a network's states, gates and attention at every step of one input.

    Example:
        >>> import torch, unroll
        >>> from unroll.inspect import trace
        >>> seen = trace(unroll.LSTM(3, 5, bidirectional=True), torch.zeros(7, 2, 3), row=1)
        >>> [(track.title, track.values["c"].shape) for track in seen.tracks]
        [('layer 1, forward', (7, 5)), ('layer 1, backward', (7, 5))]

    Args:
        model: an `unroll.Model`, a task's predictor, or any module that holds recurrent layers of unroll or torch.nn.
        given: for a trained model one record (a text, or the columns of a row) or data whose record number `row` is
            taken; for a module its input, or a tuple of the arguments of its `forward`.
        row: which of several.
        labels: what the steps are called; None for what the model says, or their numbers.

    Raises:
        ConfigError: the module ran no recurrent layer, or has no such row.
    """
    subject = opened(model, given, row)
    with torch.no_grad():
        watched = watch(subject.network, lambda: subject.ask(subject.inputs))
    if not watched.scans:
        raise nothing_ran(subject.network)
    calls: dict[tuple[str, int, bool], list[Seen]] = {}
    for seen in own_scans(watched.scans, subject):
        calls.setdefault(seen.key, []).append(seen)
    names = tuple(subject.steps if labels is None else labels)
    order = sorted(calls.values(), key=lambda parts: (parts[0].depth, parts[0].scan.reverse))
    tracks = tuple(_track(parts, subject.row, _named(subject, parts[0].module, names)) for parts in order)
    series = _series(subject.inputs, watched.scans[0].scan.x, subject.row)
    if not names:
        names = _numbers(max(len(track.values["h"]) for track in tracks))
        kind = "steps" if series is None else "series"
    else:
        kind = "text" if series is None else "series"
    return Trace(kind, names, series, tracks, _attention(watched.attention, subject))


def _named(subject: Opened, module: str, names: tuple[str, ...]) -> tuple[str, ...]:
    own = subject.names_of(module)
    return names if own is None else own


def nothing_ran(network: nn.Module) -> ConfigError:
    """The error for a network without recurrent layers."""
    return ConfigError(
        f"{type(network).__name__} ran no recurrent layer of unroll or of torch.nn; there is nothing to see"
    )


def opened(model: Subject, given: Any, row: int = 0) -> Opened:
    """The network, its input and what runs it; the arguments are those of `trace`.

    Raises:
        ConfigError: there is no such row.
    """
    if isinstance(model, nn.Module):
        arguments = given if type(given) is tuple else (given,)
        return Opened(model, arguments, (), row, lambda inputs: model(*inputs), None)
    if isinstance(model, Trained):
        records, predictor = model.records(given), model.predictor
    else:
        records, predictor = [given] if isinstance(given, str | Mapping) else list(given), model
    if not 0 <= row < len(records):
        raise ConfigError(f"row must be in [0, {len(records)}), the number of records, got {row}")
    inputs, steps = predictor.example(records, row)
    own = predictor.own_steps(inputs) if isinstance(predictor, Writes) else {}
    return Opened(predictor.network, inputs, steps, 0, predictor.ask, predictor.costs, own)


def own_scans(scans: Sequence[Seen], subject: Opened) -> list[Seen]:
    """The scans whose rows are the rows of a task's input, and not parts of them such as the characters of each word;
    all of them if there are none, or if a module stands by itself."""
    if subject.costs is None:
        return list(scans)
    batch = next((value.shape[0] for value in _tensors(subject.inputs) if value.dim()), 1)
    return [seen for seen in scans if seen.scan.x.shape[1] == batch] or list(scans)


def _tensors(inputs: Any) -> list[Tensor]:
    if isinstance(inputs, Tensor):
        return [inputs]
    if isinstance(inputs, tuple | list):
        return [value for part in inputs for value in _tensors(part)]
    return []


def _numbers(steps: int) -> tuple[str, ...]:
    return tuple(map(str, range(steps)))


def _track(parts: Sequence[Seen], row: int, names: tuple[str, ...]) -> Track:
    """The calls of one layer in one direction, one after the other."""
    first = parts[0]
    batch = first.scan.x.shape[1]
    if not 0 <= row < batch:
        raise ConfigError(f"row must be in [0, {batch}), the rows of the input, got {row}")
    values = {
        name: np.concatenate([_own(part, part.scan.trace[name], row) for part in parts]) for name in first.scan.trace
    }
    steps = len(next(iter(values.values())))
    return Track(
        first.module,
        first.depth,
        first.direction,
        str(first.scan.cell),
        first.scan.engine,
        names if len(names) == steps else _numbers(steps),
        tuple(first.scan.cell.State._fields),
        values,
        first.scan.cell.replacing,
    )


def _own(seen: Seen, values: Tensor, row: int) -> np.ndarray:
    """(T, ·) of a row without its padding."""
    lengths = seen.scan.lengths
    steps = values.shape[0] if lengths is None else int(lengths[row])
    own = values[:steps, row].cpu()
    return np.ascontiguousarray((own if own.dtype is torch.float64 else own.float()).numpy())


def _series(inputs: tuple[Any, ...], read: Tensor, row: int) -> np.ndarray | None:
    """(T, I), if the first tensor of the arguments is a batch of numbers, (B, T, I) or (B, T); or whatever the first
    layer read, (T, B, I), where that is the same tensor in its own layout."""
    x = next(iter(_tensors(inputs)), None)
    if x is None or not x.is_floating_point() or x.dim() not in (2, 3):
        return None
    if x.untyped_storage().data_ptr() == read.untyped_storage().data_ptr():
        x = read.transpose(0, 1)
    if row >= x.shape[0]:
        return None
    own = x[row].detach().float().cpu().numpy()
    return np.ascontiguousarray(own.reshape(len(own), -1))


def _attention(given: Sequence[Weighed], subject: Opened) -> tuple[Attention, ...]:
    """What each module weighed, its calls one below the other."""
    rows: dict[str, list[np.ndarray]] = {}
    for one in given:
        if subject.row < one.weights.shape[0]:
            rows.setdefault(one.module, []).append(np.atleast_2d(one.weights[subject.row].float().cpu().numpy()))
    found = []
    for module, parts in rows.items():
        width = max(part.shape[1] for part in parts)
        padded = np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])
        names = subject.names_of(module) or ()
        found.append(Attention(module, padded, names if len(names) == len(padded) else ()))
    return tuple(found)

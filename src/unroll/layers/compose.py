"""Layers made of layers: two directions, and depth.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from unroll.engine import Layer, LayersResult, Run, scan_layers
from unroll.errors import ConfigError
from unroll.layers.grid import GridLSTM
from unroll.layers.recurrent import Recurrent, dropout_factor


@runtime_checkable
class RecurrentLayer(Protocol):
    """What can stand in a `Stack`: Recurrent, GridLSTM, Bidirectional, or a Stack itself."""

    @property
    def input_size(self) -> int: ...

    @property
    def output_size(self) -> int: ...

    @property
    def batch_first(self) -> bool: ...


class Merge(Enum):
    """How the outputs of two directions become one."""

    CONCAT = "concat"
    SUM = "sum"
    MEAN = "mean"
    PRODUCT = "product"


_MERGES: dict[Merge, Callable[[Tensor, Tensor], Tensor]] = {
    Merge.CONCAT: lambda a, b: torch.cat((a, b), dim=-1),
    Merge.SUM: lambda a, b: a + b,
    Merge.MEAN: lambda a, b: (a + b) / 2,
    Merge.PRODUCT: lambda a, b: a * b,
}


def _quiet(module: nn.Module) -> bool:
    """Whether calling a module runs the forward method of its class and nothing else."""
    return "forward" not in vars(module) and not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or _has_any_global_hook()  # type: ignore[no-untyped-call]
    )


def _plain(layer: nn.Module) -> TypeGuard[Recurrent]:
    """Whether the layer's scan may be run without calling the layer."""
    return type(layer) is Recurrent and _quiet(layer)


def _scans(layer: nn.Module) -> tuple[Recurrent, ...]:
    """The scans, side by side, that are all a layer does, so that they may be run without calling it; or none."""
    if _plain(layer):
        return (layer,)
    if type(layer) is Bidirectional and _quiet(layer):
        return layer.scans()
    return ()


class Bidirectional(nn.Module):
    """Two layers that read the same rows from both ends.

    Source: Schuster, Paliwal 1997, "Bidirectional recurrent neural networks", section II.

    Example:
        >>> import torch
        >>> from unroll import Bidirectional, GRUCell, LSTMCell, Recurrent
        >>> layer = Bidirectional(Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(3, 5), reverse=True))
        >>> y, (forwards, backwards) = layer(torch.zeros(7, 2, 3))
        >>> tuple(y.shape)
        (7, 2, 10)

    Args:
        forwards: reads from the first step on.
        backwards: reads from each row's own last step, so made with `reverse=True`. It may hold another cell.
        merge: how two outputs become one. All but CONCAT need equal output sizes.

    Raises:
        ConfigError: the two layers do not fit together.
    """

    def __init__(
        self, forwards: Recurrent | GridLSTM, backwards: Recurrent | GridLSTM, *, merge: Merge = Merge.CONCAT
    ) -> None:
        super().__init__()
        if forwards.reverse or not backwards.reverse:
            raise ConfigError("Bidirectional: the first layer must have reverse=False and the second reverse=True")
        if forwards.input_size != backwards.input_size or forwards.batch_first != backwards.batch_first:
            raise ConfigError(
                "Bidirectional: both layers must have the same input_size and batch_first, got"
                f" {forwards.input_size}, {forwards.batch_first} and {backwards.input_size}, {backwards.batch_first}"
            )
        if merge is not Merge.CONCAT and forwards.output_size != backwards.output_size:
            raise ConfigError(
                f"Bidirectional: {merge.value} needs equal output sizes, got {forwards.output_size} and "
                f"{backwards.output_size}; use Merge.CONCAT"
            )
        self.forwards = forwards
        self.backwards = backwards
        self.merge = merge

    @property
    def input_size(self) -> int:
        """I, features of one input step."""
        return self.forwards.input_size

    @property
    def output_size(self) -> int:
        """Features of one merged output step."""
        joined = self.merge is Merge.CONCAT
        return self.forwards.output_size + (self.backwards.output_size if joined else 0)

    @property
    def batch_first(self) -> bool:
        """Whether x and y are (B, T, ·)."""
        return self.forwards.batch_first

    def forward(
        self,
        x: Tensor,
        state: tuple[Any, Any] | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Any, Any]]:
        """Run over time: as `Recurrent.forward`, with one state for each direction."""
        first, second = (None, None) if state is None else state
        scans = self.scans()
        if scans and x.dim() == 3:
            y, states = _run_layers([scans], [(first, second)], 0.0, x, lengths, reset)
            return y, (states[0], states[1])
        a, after_a = self.forwards(x, first, lengths=lengths, reset=reset)
        b, after_b = self.backwards(x, second, lengths=lengths, reset=reset)
        return _MERGES[self.merge](a, b), (after_a, after_b)

    def scans(self) -> tuple[Recurrent, ...]:
        """The two layers, if they may be run side by side without being called; or none."""
        a, b = self.forwards, self.backwards
        if self.merge is Merge.CONCAT and _plain(a) and _plain(b) and _alike(a, b):
            return a, b
        return ()


def _alike(a: Recurrent, b: Recurrent) -> bool:
    return (a.engine, a.recompute) == (b.engine, b.recompute)


def _run_layers(
    layers: Sequence[tuple[Recurrent, ...]],
    states: Sequence[tuple[Any, ...]],
    dropout: float,
    x: Tensor,
    lengths: Tensor | None,
    reset: Tensor | None,
) -> LayersResult:
    """Layers of one engine, recompute and layout in one call, without calling them.

    Args:
        layers: the scans of each, side by side.
        states: the first state of each scan of each layer.
        dropout: probability that a feature between two layers is hidden in this pass.
        x: in the layers' layout, and so are the others.
    """
    one = layers[0][0]
    if one.batch_first:
        x = x.transpose(0, 1)
        reset = None if reset is None else reset.transpose(0, 1)
    given: list[Layer[Run]] = []
    for scans, own in zip(layers, states, strict=True):
        factor = None
        if given and dropout:
            factor = dropout_factor(x, scans[0].input_size, dropout)
        given.append(Layer(tuple([scan.run(x, state) for scan, state in zip(scans, own, strict=True)]), factor))
    y, after = scan_layers(given, x, lengths=lengths, reset=reset, recompute=one.recompute, engine=one.engine)
    return LayersResult(y.transpose(0, 1) if one.batch_first else y, after)


class Stack(nn.Module):
    """Layers one above the other.

    Source: Graves, Mohamed, Hinton 2013, "Speech recognition with deep recurrent neural networks", section 2;
    residual connections: Wu et al. 2016, section 3.1 (added to the output of a layer whose sizes allow it).

    Example:
        >>> import torch
        >>> from unroll import LSTMCell, Recurrent, Stack
        >>> deep = Stack([Recurrent(LSTMCell(3, 5)), Recurrent(LSTMCell(5, 5))], dropout=0.2, residual=True)
        >>> y, states = deep(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), len(states)
        ((7, 2, 5), 2)

    Args:
        layers: lowest first; each takes what the one below gives.
        dropout: probability that a feature between two layers is hidden, as in torch.nn not after the last.
        residual: add a layer's input to its output wherever the two sizes are equal. Padding stays zero only if x is
            zero there.

    Raises:
        ConfigError: there are no layers, or two do not fit together.
    """

    def __init__(self, layers: Sequence[nn.Module], *, dropout: float = 0.0, residual: bool = False) -> None:
        super().__init__()
        if not layers:
            raise ConfigError("Stack: at least one layer is needed, got none")
        for layer in layers:
            if not isinstance(layer, RecurrentLayer):
                raise ConfigError(
                    f"Stack: expected Recurrent, GridLSTM, Bidirectional or Stack, got {type(layer).__name__}"
                )
        parts = cast(Sequence[RecurrentLayer], layers)
        for index, (below, above) in enumerate(itertools.pairwise(parts)):
            if below.output_size != above.input_size or below.batch_first != above.batch_first:
                raise ConfigError(
                    f"Stack: layer {index} gives {below.output_size} features (batch_first={below.batch_first})"
                    f" but layer {index + 1} takes {above.input_size} (batch_first={above.batch_first})"
                )
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.residual = residual
        self._sizes = [(part.input_size, part.output_size) for part in parts]
        self._batch_first = parts[0].batch_first

    @property
    def input_size(self) -> int:
        """I, features of one input step of the lowest layer."""
        return self._sizes[0][0]

    @property
    def output_size(self) -> int:
        """Features of one output step of the highest layer."""
        return self._sizes[-1][1]

    @property
    def batch_first(self) -> bool:
        """Whether x and y are (B, T, ·)."""
        return self._batch_first

    def forward(
        self,
        x: Tensor,
        state: Sequence[Any] | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Run over time: as `Recurrent.forward`, with one state for each layer, lowest first.

        Raises:
            ValueError: the number of first states is not that of the layers.
        """
        if state is not None and len(state) != len(self.layers):
            raise ValueError(f"Stack: expected a first state for each of {len(self.layers)} layers, got {len(state)}")
        scans = self._layers_as_scans()
        if scans and x.dim() == 3:
            given = [None] * len(scans) if state is None else state
            own = [
                (one,) if len(layer) == 1 else (None, None) if one is None else tuple(one)
                for layer, one in zip(scans, given, strict=True)
            ]
            y, after = _run_layers(scans, own, self.dropout.p if self.dropout.training else 0.0, x, lengths, reset)
            rest = iter(after)
            return y, tuple([next(rest) if len(layer) == 1 else (next(rest), next(rest)) for layer in scans])
        states = []
        for index, layer in enumerate(self.layers):
            y, after = layer(x, None if state is None else state[index], lengths=lengths, reset=reset)
            states.append(after)
            if self.residual and self._sizes[index][0] == self._sizes[index][1]:
                y = y + x
            x = self.dropout(y) if index + 1 < len(self.layers) else y
        return x, tuple(states)

    def _layers_as_scans(self) -> list[tuple[Recurrent, ...]]:
        """The scans of each layer, if one call may run them all without calling the layers; or nothing."""
        if len(self.layers) == 1 or self.residual or type(self.dropout) is not nn.Dropout or not _quiet(self.dropout):
            return []
        found = [_scans(layer) for layer in self.layers]
        if not all(found) or not all(_alike(one, found[0][0]) for scans in found for one in scans):
            return []
        return found

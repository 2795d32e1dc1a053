"""RNN, LSTM and GRU with torch.nn's constructor, parameters and results.

Shapes: T time, B batch, I input size, H hidden size, P projected size, L layers, D directions.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNCell
from unroll.cells.init import Initialiser, torch_default
from unroll.engine import AUTO, Layer, Run, scan, scan_layers
from unroll.layers.recurrent import dropout_factor, own


class DropIn(nn.Module, abc.ABC):
    """What the three drop-ins share: torch.nn's parameter names, layouts, depth and directions."""

    mode: ClassVar[str]

    def __init__(
        self,
        cells: list[Cell],
        *,
        num_layers: int,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        engine: str,
        init: Initialiser,
    ) -> None:
        super().__init__()
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"dropout should be a number in range [0, 1], got {dropout}")
        if dropout > 0.0 and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers and so needs num_layers > 1, got num_layers=1; it does nothing",
                stacklevel=3,
            )
        self.input_size = cells[0].input_size
        self.hidden_size = cells[0].hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.engine = engine
        self._cells = cells
        self._init = init
        self._suffixes = [
            f"_l{layer}{direction}"
            for layer in range(num_layers)
            for direction in (("", "_reverse") if bidirectional else ("",))
        ]
        directions = 2 if bidirectional else 1
        # One cell for each layer and direction in the order of `_suffixes`, and what its parameters are called here.
        self._runs = [
            (cells[min(index // directions, 1)], {name: name + suffix for name in cells[0].parameters()})
            for index, suffix in enumerate(self._suffixes)
        ]
        for cell, names in self._runs:
            for name, spec in cell.parameters().items():
                self.register_parameter(names[name], nn.Parameter(torch.empty(spec.shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the parameters anew with the initialiser given to the constructor."""
        for cell, names in self._runs:
            self._init(cell, self._own(names))

    def flatten_parameters(self) -> None:
        """Nothing: weights are packed by the engines. Here because code written for torch.nn calls it."""

    @property
    def bias(self) -> bool:
        """Whether the two bias vectors are there."""
        return hasattr(self, "bias_ih_l0")

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as torch.nn gives them."""
        return [list(self._own(names).values()) for _, names in self._runs]

    def _own(self, names: Mapping[str, str]) -> dict[str, Tensor]:
        return own(self, names.items())

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "batch_first": False, "dropout": 0.0, "bidirectional": False, "engine": AUTO}
        return text + "".join(
            f", {name}={getattr(self, name)!r}" for name, value in defaults.items() if getattr(self, name) != value
        )

    @abc.abstractmethod
    def _join(self, parts: list[Tensor]) -> Any:
        """The states as torch.nn gives them, from (L*D, B, ·) each."""

    @abc.abstractmethod
    def _split(self, state: Any) -> list[Tensor]:
        """The states of the layer as a list of (L*D, B, ·)."""

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Any = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, Any]:
        """Run over time; without the keyword arguments exactly as torch.nn does.

        Args:
            x: (T, B, I), or (B, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence.
            state: (L*D, B, ·), or (L*D, ·) unbatched; LSTM takes (h, c). None for zeros.
            lengths: (B,) integers in [0, T]; None if every row has T steps. Not with a PackedSequence.
            reset: bool, (T, B) in the layout of x: true at a step that starts a new sequence. Not with a
                PackedSequence.

        Returns:
            y, (T, B, D*H) in the layout of x, zero past a row's end, or a PackedSequence if x was one; the last state
            in the form of `state`.

        Raises:
            ValueError: a shape, dtype or length is wrong.
            EngineError: a forced engine cannot do the job.
        """
        if isinstance(x, PackedSequence):
            if lengths is not None or reset is not None:
                raise ValueError(
                    f"{type(self).__name__}: a PackedSequence holds its lengths; lengths and reset must be None"
                )
            padded, packed_lengths = pad_packed_sequence(x)
            y, last = self._layers(padded, self._first(state, padded.shape[1], batched=True), packed_lengths, None)
            return _packed_like(y, packed_lengths, x), last
        if x.dim() not in (2, 3):
            raise ValueError(f"{type(self).__name__}: expected x to be 2-D (T, I) or 3-D (T, B, I), got {x.dim()}-D")
        batched = x.dim() == 3
        if not batched:
            x = x.unsqueeze(1)
            reset = None if reset is None else reset.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
            reset = None if reset is None else reset.transpose(0, 1)
        if lengths is not None and not batched:
            lengths = lengths.reshape(1)
        y, last = self._layers(x, self._first(state, x.shape[1], batched=batched), lengths, reset)
        if not batched:
            return y.squeeze(1), self._join([part.squeeze(1) for part in self._split(last)])
        return (y.transpose(0, 1) if self.batch_first else y), last

    def _first(self, state: Any, batch: int, *, batched: bool) -> list[Tensor] | None:
        """The first states as (L*D, B, ·) each, checked; None for zeros."""
        if state is None:
            return None
        parts = self._split(state)
        if not batched:
            parts = [part.unsqueeze(1) if part.dim() == 2 else part for part in parts]
        sizes = self._cells[0].state_sizes()
        for (name, size), part in zip(sizes.items(), parts, strict=True):
            expected = (len(self._suffixes), batch, size)
            if tuple(part.shape) != expected:
                raise ValueError(
                    f"{type(self).__name__}: first state '{name}' must have shape (L*D, B, ·) = {expected}, got "
                    f"{tuple(part.shape)}"
                )
        return parts

    def _layers(
        self, x: Tensor, first: list[Tensor] | None, lengths: Tensor | None, reset: Tensor | None
    ) -> tuple[Tensor, Any]:
        if len(self._suffixes) == 1:
            cell, params, state, *_ = self._run(0, first, reverse=False)
            y, state, _ = scan(cell, params, x, state, lengths=lengths, reset=reset, engine=self.engine)
            return y, self._join([part.unsqueeze(0) for part in state])
        layers, directions = [], 2 if self.bidirectional else 1
        for index in range(0, len(self._suffixes), directions):
            runs = [self._run(index, first, reverse=False)]
            if self.bidirectional:
                runs.append(self._run(index + 1, first, reverse=True))
            factor = None
            if index and self.dropout and self.training:
                factor = dropout_factor(x, runs[0].cell.input_size, self.dropout)
            layers.append(Layer(tuple(runs), factor))
        y, states = scan_layers(layers, x, lengths=lengths, reset=reset, engine=self.engine)
        return y, self._join([torch.stack(parts) for parts in zip(*states, strict=True)])

    def _run(self, index: int, first: list[Tensor] | None, *, reverse: bool) -> Run:
        cell, names = self._runs[index]
        state = None if first is None else cell.State(*[part[index] for part in first])
        return Run(cell, self._own(names), state, reverse, {})


def _packed_like(y: Tensor, lengths: Tensor, like: PackedSequence) -> PackedSequence:
    """Pack (T, B, ·) in the row order of another PackedSequence."""
    if like.sorted_indices is not None:
        y, lengths = (
            y.index_select(1, like.sorted_indices),
            lengths.index_select(0, like.sorted_indices.to(lengths.device)),
        )
    valid = torch.arange(y.shape[0], device=y.device).unsqueeze(1) < lengths.to(y.device)
    return PackedSequence(y[valid], like.batch_sizes, like.sorted_indices, like.unsorted_indices)


class RNN(DropIn):
    """The simple recurrent network, a drop-in for torch.nn.RNN.

    Equation and source: `unroll.RNNCell`. Constructor arguments up to `dtype` are torch.nn.RNN's.

    Example:
        >>> import torch, unroll
        >>> y, h = unroll.RNN(3, 5)(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(h.shape)
        ((7, 2, 5), (1, 2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        nonlinearity: "tanh" or "relu".
        bias: whether the two bias vectors are there.
        batch_first: x and y are (B, T, ·). States are (L*D, B, ·) either way, as in torch.nn.
        dropout: probability that a feature between two layers is hidden in training.
        bidirectional: D = 2; outputs of both directions are concatenated.
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
        init: fills the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
        init: Initialiser = torch_default,
    ) -> None:
        directions = 2 if bidirectional else 1
        cells: list[Cell] = [
            RNNCell(size, hidden_size, bias, nonlinearity) for size in (input_size, hidden_size * directions)
        ]
        super().__init__(
            cells,
            num_layers=num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
            init=init,
        )
        self.nonlinearity = nonlinearity

    mode = "RNN"

    def _join(self, parts: list[Tensor]) -> Tensor:
        return parts[0]

    def _split(self, state: Tensor) -> list[Tensor]:
        return [state]


class GRU(DropIn):
    """Gated recurrent units, a drop-in for torch.nn.GRU.

    Equation and source: `unroll.GRUCell`. Constructor arguments up to `dtype` are torch.nn.GRU's.

    Example:
        >>> import torch, unroll
        >>> y, h = unroll.GRU(3, 5, bidirectional=True)(torch.zeros(7, 2, 3), lengths=torch.tensor([7, 0]))
        >>> tuple(y.shape), tuple(h.shape)
        ((7, 2, 10), (2, 2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether the two bias vectors are there.
        batch_first: x and y are (B, T, ·). States are (L*D, B, ·) either way, as in torch.nn.
        dropout: probability that a feature between two layers is hidden in training.
        bidirectional: D = 2; outputs of both directions are concatenated.
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
        init: fills the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
        init: Initialiser = torch_default,
    ) -> None:
        directions = 2 if bidirectional else 1
        cells: list[Cell] = [GRUCell(size, hidden_size, bias) for size in (input_size, hidden_size * directions)]
        super().__init__(
            cells,
            num_layers=num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
            init=init,
        )

    mode = "GRU"

    def _join(self, parts: list[Tensor]) -> Tensor:
        return parts[0]

    def _split(self, state: Tensor) -> list[Tensor]:
        return [state]


class LSTM(DropIn):
    """Long short-term memory, a drop-in for torch.nn.LSTM.

    Equation and source: `unroll.LSTMCell`. Constructor arguments up to `dtype` are torch.nn.LSTM's. Peepholes, layer
    norm and the other variants are options of the cell: `Recurrent(LSTMCell(3, 5, peephole=True))`.

    Example:
        >>> import torch, unroll
        >>> y, (h, c) = unroll.LSTM(3, 5, num_layers=2)(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(c.shape)
        ((7, 2, 5), (2, 2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether the two bias vectors are there.
        batch_first: x and y are (B, T, ·). States are (L*D, B, ·) either way, as in torch.nn.
        dropout: probability that a feature between two layers is hidden in training.
        bidirectional: D = 2; outputs of both directions are concatenated.
        proj_size: P, features of the projected output; 0 for none.
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
        init: fills the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
        init: Initialiser = torch_default,
    ) -> None:
        directions = 2 if bidirectional else 1
        above = (proj_size or hidden_size) * directions
        cells: list[Cell] = [LSTMCell(size, hidden_size, bias, proj_size) for size in (input_size, above)]
        super().__init__(
            cells,
            num_layers=num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
            init=init,
        )
        self.proj_size = proj_size

    mode = "LSTM"

    def _join(self, parts: list[Tensor]) -> LSTMState:
        return LSTMState(*parts)

    def _split(self, state: tuple[Tensor, Tensor]) -> list[Tensor]:
        return list(state)

"""RNN, LSTM and GRU with torch.nn's constructor, parameters and results.

Shapes: T time, B batch, I input size, H hidden size, P projected size, L layers, D directions.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.cells.init import Initialiser, torch_default
from unroll.cells.rnn import NONLINEARITIES
from unroll.engine import AUTO, Layer, Run, scan_layers
from unroll.layers.recurrent import dropout_factor, leaf, plain_twin

#: Attributes of a layer that say which cells it has.
_OPTIONS = frozenset({"mode", "input_size", "hidden_size", "num_layers", "bias", "bidirectional", "proj_size"})


class DropIn(nn.RNNBase, abc.ABC):
    """What the three drop-ins share: the way from torch.nn's own base class, which holds options and parameters, to the
    engine. Not torch.nn.LSTM and so on themselves: torch.compile refuses those."""

    #: torch.nn's layer of the same form.
    twin: ClassVar[type[nn.RNNBase]]
    _init: Initialiser = staticmethod(torch_default)
    _engine: str = AUTO
    _seen: bool = True

    def __init__(self, *options: Any, engine: str, init: Initialiser) -> None:
        if init is not torch_default:
            self._init = init
        self._engine = engine
        super().__init__(*options)

    @property
    def engine(self) -> str:
        """ "auto" or the name of one engine."""
        return self._engine

    @engine.setter
    def engine(self, name: str) -> None:
        self._engine = name

    @abc.abstractmethod
    def _cell(self, input_size: int) -> Cell:
        """The equation of a layer."""

    def __setattr__(self, attr: str, value: Any) -> None:
        super().__setattr__(attr, value)
        if attr in _OPTIONS:
            self.__dict__.pop("_runs", None)

    def _cells(self) -> list[tuple[Cell, list[tuple[str, str]]]]:
        """One cell for each layer and direction by the options as they are now, and its parameters' names here."""
        found: list[tuple[Cell, list[tuple[str, str]]]] | None = self.__dict__.get("_runs")
        if found is None:
            ends = ("", "_reverse") if self.bidirectional else ("",)
            cells = [self._cell(size) for size in (self.input_size, (self.proj_size or self.hidden_size) * len(ends))]
            found = []
            for layer in range(self.num_layers):
                cell = cells[layer > 0]
                found += [(cell, [(name, f"{name}_l{layer}{end}") for name in cell.parameters()]) for end in ends]
            absent = [here for _, names in found for _, here in names if here not in self._flat_weights_names]
            if absent:
                raise RuntimeError(f"{type(self).__name__}: its options ask for '{absent[0]}', which it does not have")
            self.__dict__["_runs"] = found
        return found

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__().items()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state if name != "_runs"}

    def __prepare_scriptable__(self) -> nn.Module:
        """torch.nn's layer with the same parameters, for torch.jit.script, which reads only what is written for it."""
        return plain_twin(self, self.twin)

    def reset_parameters(self) -> None:
        """Fill the parameters anew with the initialiser given to the constructor."""
        for cell, names in self._cells():
            self._init(cell, {name: getattr(self, here) for name, here in names})

    def extra_repr(self) -> str:
        text: str = super().extra_repr()
        return text if self.engine == AUTO else f"{text}, engine={self.engine!r}"

    def _weights(self) -> Mapping[str, Any]:
        """Every parameter by name, evaluated as often as torch.nn does where there are parametrisations."""
        held, names = self._parameters, self._flat_weights_names
        if torch.compiler.is_compiling():
            return {name: getattr(self, name) for name in names}
        # torch.nn takes the weights from this list: whoever has it may put tensors of its own into it.
        if not all(map(is_, map(held.get, names), self._flat_weights)):
            self._update_flat_weights()
            return dict(zip(names, self._flat_weights, strict=True))
        return held

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        # Not by keyword alone: torch.onnx.export(dynamo=False) hands over every default by position.
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Run over time; without the keyword arguments exactly as torch.nn does.

        Args:
            input: (T, B, I), or (B, T, I) with batch_first, or (T, I) unbatched, or a PackedSequence.
            hx: (L*D, B, ·), or (L*D, ·) unbatched; LSTM takes (h, c). None for zeros.
            lengths: (B,) integers in [0, T]; None if every row has T steps. Not with a PackedSequence.
            reset: bool, (T, B) in the layout of the input: true at a step that starts a new sequence. Not with a
                PackedSequence.

        Returns:
            y, (T, B, D*H) in the layout of the input, zero past a row's end, or a PackedSequence if the input was one;
            the last state in the form of `hx`.

        Raises:
            ValueError: a dtype or length is wrong, or the number of axes.
            RuntimeError: a size is wrong, or something is on another device.
            EngineError: a forced engine cannot do the job.
        """
        x = input
        if isinstance(x, PackedSequence):
            if lengths is not None or reset is not None:
                raise ValueError(
                    f"{type(self).__name__}: a PackedSequence holds its lengths; lengths and reset must be None"
                )
            padded, packed_lengths = pad_packed_sequence(x)
            first = self._first(hx, padded, batched=True)
            y, last = self._layers(padded, first, packed_lengths, None, x)
            return _packed_like(y, packed_lengths, x), last
        if isinstance(x, torch.fx.Proxy):
            return leaf(self, x, hx, lengths=lengths, reset=reset)
        axes = x.dim()
        if axes not in (2, 3):
            raise ValueError(f"{type(self).__name__}: expected x to be 2-D (T, I) or 3-D (T, B, I), got {axes}-D")
        batched = axes == 3
        if not batched:
            x = x.unsqueeze(1)
            reset = None if reset is None else reset.unsqueeze(1)
            lengths = None if lengths is None else lengths.reshape(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
            reset = None if reset is None else reset.transpose(0, 1)
        y, last = self._layers(x, self._first(hx, x, batched=batched), lengths, reset, None)
        if not batched:
            return y.squeeze(1), self._join([part.squeeze(1) for part in self._split(last)])
        return (y.transpose(0, 1) if self.batch_first else y), last

    def _first(self, hx: Any, x: Tensor, *, batched: bool) -> list[Tensor] | None:
        """The first states as (L*D, B, ·) each, checked as x (T, B, I) is; None for zeros."""
        name = type(self).__name__
        parts = None if hx is None else self._split(hx)
        if torch._C._get_tracing_state() is not None:
            # A comparison would become part of no graph, and a warning.
            return parts if batched or parts is None else [part.unsqueeze(1) for part in parts]
        shape = x.shape
        if shape[2] != self.input_size:
            raise RuntimeError(f"{name}: x must have shape (T, B, I) with I = {self.input_size}, got {tuple(shape)}")
        if parts is None:
            return None
        cells, axes = self._cells(), 3 if batched else 2
        for index, (state, size) in enumerate(cells[0][0].state_sizes().items()):
            part = parts[index]
            if not isinstance(part, Tensor):
                raise AttributeError(f"{name}: first state '{state}' must be a tensor, got {type(part).__name__}")
            expected = (len(cells), shape[1], size) if batched else (len(cells), size)
            if part.shape != expected:
                form = "(L*D, B, ·)" if batched else "(L*D, ·), as x is unbatched,"
                wanted = f"{axes}-D of shape {form} = {expected}"
                raise RuntimeError(f"{name}: first state '{state}' must be {wanted}, got {tuple(part.shape)}")
            if part.dtype != x.dtype and not torch._C._is_any_autocast_enabled():
                raise RuntimeError(f"{name}: first state '{state}' must be {x.dtype} as x is, got {part.dtype}")
        return parts if batched else [part.unsqueeze(1) for part in parts]

    def _layers(
        self,
        x: Tensor,
        first: list[Tensor] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        packed: PackedSequence | None,
    ) -> tuple[Tensor, Any]:
        runs, weights = self._cells(), self._weights()
        layers, directions = [], 2 if self.bidirectional else 1
        each = None if first is None else list(zip(*[part.unbind(0) for part in first], strict=True))
        for begin in range(0, len(runs), directions):
            own = []
            for index in range(begin, begin + directions):
                cell, names = runs[index]
                state = None if each is None else cell.State(*each[index])
                params = {name: weights[here] for name, here in names}
                own.append(Run(cell, params, state, index > begin, {}))
            factor = None
            if begin and self.dropout and self.training:
                factor = _factor(x, runs[begin][0].input_size, self.dropout, packed)
            layers.append(Layer(tuple(own), factor))
        y, states = scan_layers(layers, x, lengths=lengths, reset=reset, engine=self._engine, joined=True)
        return y, self._join(states)

    def _join(self, parts: Sequence[Tensor]) -> Any:
        """The states as torch.nn gives them, from (L*D, B, ·) each."""
        return parts[0]

    def _split(self, state: Any) -> list[Tensor]:
        """The states of the layer as a list of (L*D, B, ·)."""
        return [state]


def _factor(x: Tensor, features: int, rate: float, packed: PackedSequence | None) -> Tensor:
    """The factor of dropout between two layers, (T, B, features); drawn as torch.nn does, which has packed input
    without its padding."""
    if packed is None:
        return dropout_factor(x, features, rate)
    drawn = nn.functional.dropout(x.new_ones(packed.data.shape[0], features), rate)
    return pad_packed_sequence(packed._replace(data=drawn))[0]


def _packed_like(y: Tensor, lengths: Tensor, like: PackedSequence) -> PackedSequence:
    """Pack (T, B, ·) in the row order of another PackedSequence."""
    if like.sorted_indices is not None:
        y = y.index_select(1, like.sorted_indices)
        lengths = lengths.index_select(0, like.sorted_indices.to(lengths.device))
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
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"RNN: Unknown nonlinearity {nonlinearity!r}; it must be {' or '.join(NONLINEARITIES)}")
        self.nonlinearity = nonlinearity
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(f"RNN_{nonlinearity.upper()}", *sizes, 0, device, dtype, engine=engine, init=init)

    twin = nn.RNN

    def _cell(self, input_size: int) -> Cell:
        # torch.nn's calls go by the mode, too.
        return RNNCell(input_size, self.hidden_size, self.bias, "relu" if self.mode == "RNN_RELU" else "tanh")


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
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("GRU", *sizes, 0, device, dtype, engine=engine, init=init)

    twin = nn.GRU

    def _cell(self, input_size: int) -> Cell:
        return GRUCell(input_size, self.hidden_size, self.bias)


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
        sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__("LSTM", *sizes, device, dtype, engine=engine, init=init)

    twin = nn.LSTM
    # For subclasses whose forward is a copy of torch.nn.LSTM's.
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

    def _cell(self, input_size: int) -> Cell:
        return LSTMCell(input_size, self.hidden_size, self.bias, self.proj_size)

    def _join(self, parts: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(parts)

    def _split(self, state: Any) -> list[Tensor]:
        return [state[0], state[1]]

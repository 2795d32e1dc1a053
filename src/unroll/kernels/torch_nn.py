"""torch.nn's own recurrent kernels: oneDNN and ATen on a CPU, cuDNN on a GPU.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unroll.cells import Cell, GRUCell, HiddenState, LSTMCell, LSTMState, RNNCell
from unroll.kernels.base import Layer, LayersResult, ScanRequest, ScanResult, first_state, in_turn


def _plain(cell: Cell) -> bool:
    """Whether torch.nn knows this equation with these options."""
    if type(cell) is LSTMCell:
        return cell == LSTMCell(cell.input_size, cell.hidden_size, cell.bias, cell.proj_size)
    if type(cell) is GRUCell:
        return cell == GRUCell(cell.input_size, cell.hidden_size, cell.bias)
    if type(cell) is RNNCell:
        return cell == RNNCell(cell.input_size, cell.hidden_size, cell.bias, cell.nonlinearity)
    return False


def _function(cell: Cell) -> Callable[..., Any]:
    """ATen's function for a cell that `_plain` admits."""
    if isinstance(cell, LSTMCell):
        return torch.lstm
    if isinstance(cell, GRUCell):
        return torch.gru
    if isinstance(cell, RNNCell) and cell.nonlinearity == "relu":
        return torch.rnn_relu
    return torch.rnn_tanh


_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def _as_torch_stacks(layers: Sequence[Layer[ScanRequest]], both: bool) -> bool:
    """Whether torch.nn has these layers as one: of one cell, in one or both directions, without factors."""
    scans = [scan for layer in layers for scan in layer.runs]
    features = scans[0].cell.output_size * (2 if both else 1)
    return all(
        factor is None
        and [scan.reverse for scan in own] == [False, True][: len(layers[0].runs)]
        and all(replace(scan.cell, input_size=features) == replace(scans[0].cell, input_size=features) for scan in own)
        and (layer == 0 or own[0].cell.input_size == features)
        for layer, (own, factor) in enumerate(layers)
    )


def _training() -> bool:
    """Whether kernels must keep what backward needs. A trace is run with gradients and without, and must not differ."""
    return torch.is_grad_enabled() or torch._C._get_tracing_state() is not None


def _cast(cell: Cell, *tensors: Tensor) -> tuple[Tensor, ...]:
    """x and the states of an LSTM in the dtype of autocast, if that is on and x is float32. torch's kernels would do it
    themselves, but for float32 they choose one that is not there on every CPU."""
    if not isinstance(cell, LSTMCell) or cell.proj_size or tensors[0].dtype != torch.float32:
        return tensors
    if not torch._C._is_any_autocast_enabled():
        return tensors
    device = tensors[0].device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return tensors
    return tuple([value.to(torch.get_autocast_dtype(device)) for value in tensors])


def reversal(steps: int, lengths: Tensor | None, batch: int, device: torch.device) -> Tensor:
    """(T, B) index that turns every row round within its own length; it is its own inverse."""
    t = torch.arange(steps, device=device).unsqueeze(1)
    if lengths is None:
        return (steps - 1 - t).expand(steps, batch)
    return torch.where(t < lengths, lengths - 1 - t, t)


def turned(x: Tensor, index: Tensor) -> Tensor:
    """Take (T, B, ·) by a (T, B) index over time."""
    return x.gather(0, index.unsqueeze(-1).expand(*index.shape, x.shape[-1]))


class TorchKernel:
    """The row "torch" of the table."""

    name = "torch"

    def refuse(self, request: ScanRequest) -> str | None:
        if forward_ad._current_level >= 0 or (
            not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()
        ):
            return "some of its kernels have no rule for the transforms of torch.func and for forward-mode derivatives"
        if not _plain(request.cell):
            return f"torch.nn has no {type(request.cell).__name__} with these options"
        if request.noise:
            return "torch.nn takes no random factors inside a step (noise)"
        if request.reset is not None:
            return "torch.nn cannot start afresh inside a sequence (reset)"
        if request.trace:
            return "torch.nn does not show its gates (trace)"
        if request.recompute:
            return "torch.nn keeps every step (recompute)"
        return None

    def run(self, request: ScanRequest) -> ScanResult:
        x, lengths = request.x, request.lengths
        steps, batch, _ = x.shape
        rows = None
        if lengths is not None:
            # pack_padded_sequence takes no row of length zero.
            rows = lengths.nonzero().squeeze(1)
            if rows.numel() == batch:
                rows = None
        before = state = first_state(request)
        if steps == 0 or (rows is not None and rows.numel() == 0):
            # Gradients of nothing are zeros, and no error: the sum of no values hangs on all of them.
            nothing = sum(value.flatten()[:0].sum() for value in (x, *request.params.values()))
            y = x.new_zeros(steps, batch, request.cell.output_size) + nothing
            return ScanResult(y, type(state)(*(part + nothing for part in state)), None)
        if rows is not None and lengths is not None:
            x, lengths = x.index_select(1, rows), lengths.index_select(0, rows)
            state = type(state)(*(part.index_select(0, rows) for part in state))
        y, last = self._run(request, x, lengths, state)
        if rows is not None:
            y = y.new_zeros(steps, batch, y.shape[-1]).index_copy(1, rows, y)
            last = type(last)(*(old.index_copy(0, rows, new) for old, new in zip(before, last, strict=True)))
        return ScanResult(y, last, None)

    def run_layers(self, layers: Sequence[Layer[ScanRequest]]) -> LayersResult:
        scans = [scan for layer in layers for scan in layer.runs]
        both = len(layers[0].runs) == 2
        traced = torch._C._get_tracing_state() is not None
        empty = not traced and scans[0].x.shape[0] == 0
        if scans[0].lengths is not None or empty or not _as_torch_stacks(layers, both):
            return in_turn(self.run, layers)
        # As one call, which is faster and is one node of a traced or exported graph.
        cell = scans[0].cell
        weights = [scan.params[name] for scan in scans for name in _NAMES if name in scan.params]
        states = [first_state(scan) for scan in scans]
        x, *first = _cast(cell, scans[0].x, *[torch.stack(parts) for parts in zip(*states, strict=True)])
        hx = first if isinstance(cell, LSTMCell) else first[0]
        options = ("bias_ih" in scans[0].params, len(layers), 0.0, _training(), both, False)
        y, *last = _function(cell)(x, hx, weights, *options)
        kind = type(states[0])
        return LayersResult(y, tuple([kind(*[part[index] for part in last]) for index in range(len(scans))]))

    def _run(
        self, request: ScanRequest, x: Tensor, lengths: Tensor | None, state: LSTMState | HiddenState
    ) -> tuple[Tensor, LSTMState | HiddenState]:
        cell, steps = request.cell, x.shape[0]
        index = reversal(steps, lengths, x.shape[1], x.device) if request.reverse else None
        if index is not None:
            x = turned(x, index)
        weights = [request.params[name] for name in _NAMES if name in request.params]
        has_bias = "bias_ih" in request.params
        x, *first = _cast(cell, x, *[part.unsqueeze(0).contiguous() for part in state])
        function = _function(cell)
        training = _training()
        if lengths is None:
            hx = first if isinstance(cell, LSTMCell) else first[0]
            y, *last = function(x, hx, weights, has_bias, 1, 0.0, training, False, False)
        else:
            lengths, order = lengths.sort(descending=True)
            inverse = order.argsort()
            packed = pack_padded_sequence(x.index_select(1, order), lengths.cpu())
            ordered = [part.index_select(1, order) for part in first]
            hx = ordered if isinstance(cell, LSTMCell) else ordered[0]
            data, *last = function(packed.data, packed.batch_sizes, hx, weights, has_bias, 1, 0.0, training, False)
            last = [part.index_select(1, inverse) for part in last]
            y, _ = pad_packed_sequence(packed._replace(data=data), total_length=steps)
            y = y.index_select(1, inverse)
        if index is not None:
            y = turned(y, index)
        parts = [part.squeeze(0) for part in last]
        return y, LSTMState(*parts) if isinstance(cell, LSTMCell) else HiddenState(*parts)

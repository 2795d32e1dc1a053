"""One step at a time: torch.nn's RNNCell, LSTMCell and GRUCell on unroll's engines.

The names are torch.nn's, for modules; the equations of the same names are in `unroll.cells`. They are in `unroll.nn`.

Shapes: B batch, I input size, H hidden size.
"""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import nn

from unroll import cells
from unroll.cells.rnn import NONLINEARITIES
from unroll.engine import AUTO, Choice, Layer, Run, note, scan_layers
from unroll.layers.recurrent import leaf, own, plain_twin

_PARAMETERS = [(name, name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def _misfit(what: str, shape: torch.Size, batch: int, hidden_size: int) -> str:
    """What is wrong with a first state that is not (B, H), in torch.nn's words."""
    if len(shape) != 2:
        return f"{what} must be (B, H) with a batch of inputs and (H,) with one, got {tuple(shape)}"
    if shape[0] != batch:
        return f"Input batch size {batch} doesn't match {what} batch size {shape[0]}"
    return f"{what} has inconsistent hidden_size: got {shape[1]}, expected {hidden_size}"


class Stepping(nn.RNNCellBase, abc.ABC):
    """What the three share: the way from torch.nn's own class, which holds options and parameters, to the engine."""

    _engine: str = AUTO

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("input_size", "hidden_size", "nonlinearity"):
            vars(self).pop("_runs", None)

    @abc.abstractmethod
    def _equation(self, bias: bool) -> cells.Cell:
        """The cell as an equation, with biases or without."""

    def _against(self, x: torch.Tensor, hx: Any, biases: int) -> str:
        """Why only torch.nn's own step will do; empty if a scan will."""
        if torch._C._is_any_autocast_enabled():
            return "under autocast torch.nn's cells and its kernels for sequences have other dtypes"
        if x.layout is not torch.strided:
            return f"it takes dense tensors, and input is {x.layout}"
        # What is computed from a memory of another dtype gets the wider one.
        if isinstance(hx, (tuple, list)) and len(hx) == 2 and getattr(hx[1], "dtype", x.dtype) != x.dtype:
            return f"input is {x.dtype}, and the memory {hx[1].dtype}"
        if biases == 1:
            return "no equation has one of the two biases alone"
        if "_runs" in vars(self):
            return ""
        if self.input_size < 1 or self.hidden_size < 1:
            return "no equation has a size of 0"
        known = getattr(self, "nonlinearity", "tanh") in NONLINEARITIES
        return "" if known else "torch.nn says in its own words what is wrong with the name of an activation"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_runs"}

    def __prepare_scriptable__(self) -> nn.Module:
        """torch.nn's cell with the same parameters, for torch.jit.script."""
        return plain_twin(self, next(one for one in type(self).__mro__ if one.__module__ == nn.RNNCell.__module__))

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Take one step, exactly as torch.nn does.

        Args:
            input: (B, I) or (I,).
            hx: (B, H) or (H,); LSTMCell takes (h, c). None for zeros.

        Returns:
            The new state, in the form of `hx`.

        Raises:
            ValueError: the number of axes or a dtype is wrong.
            RuntimeError: a size is wrong, or something is on another device.
            EngineError: a forced engine cannot do the job.
        """
        if isinstance(input, torch.fx.Proxy):
            return leaf(self, input, hx)
        name, x = type(self).__name__, input
        params = own(self, _PARAMETERS)
        # As in torch.nn, what counts is whether they are there.
        biases = (params["bias_ih"] is not None) + (params["bias_hh"] is not None)
        if self._engine == AUTO and isinstance(x, torch.Tensor) and (reason := self._against(x, hx, biases)):
            note(Choice(f"{name}'s single step", (1, *x.shape), "torch.nn's own", {"a scan": reason}))
            return super().forward(input, hx)
        # One object for all calls: what engines know of a cell they know by its identity.
        cell: Any = vars(self).get("_runs")
        if cell is None or cell.bias != (biases > 0):
            cell = vars(self)["_runs"] = self._equation(biases > 0)
        params = params if cell.bias else {"weight_ih": params["weight_ih"], "weight_hh": params["weight_hh"]}
        several = len(cell.State._fields) > 1
        if several and isinstance(hx, torch.Tensor):
            raise TypeError(f"{name}: hx must be two tensors, (h, c), got one")
        parts = None if hx is None else list(hx) if several else [hx]
        if several and parts is not None and len(parts) != 2:
            raise RuntimeError(f"{name}: hx must be two tensors, (h, c), got {len(parts)}")
        called = ("input", "hx[0]", "hx[1]") if several else ("input", "hidden")
        for what, value in zip(called, (x, *(parts or ())), strict=False):
            if value.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {value.dim()}D instead")
        batched = x.dim() == 2
        if not batched:
            x, parts = x.unsqueeze(0), None if parts is None else [part.unsqueeze(0) for part in parts]
        if torch._C._get_tracing_state() is None:
            batch, features = x.shape
            if features != cell.input_size:
                expected = cell.input_size
                raise RuntimeError(f"{name}: input has inconsistent input_size: got {features} expected {expected}")
            for index, part in enumerate(parts or ()):
                if part.shape != (batch, cell.hidden_size):
                    raise RuntimeError(f"{name}: {_misfit(f'hidden{index}', part.shape, batch, cell.hidden_size)}")
                if part.dtype != x.dtype and not torch._C._is_any_autocast_enabled():
                    raise RuntimeError(f"{name}: hx must have the dtype of input, {x.dtype}, got {part.dtype}")
        state = None if parts is None else cell.State(*parts)
        run = Run(cell, params, state, False, {})
        (last,) = scan_layers((Layer((run,)),), x.unsqueeze(0), engine=self._engine).states
        found = tuple(last) if batched else tuple([part.squeeze(0) for part in last])
        return found if several else found[0]


class RNNCell(Stepping, nn.RNNCell):
    """One step of the simple recurrent network, a drop-in for torch.nn.RNNCell.

    Equation and source: `unroll.RNNCell`. Constructor arguments up to `dtype` are torch.nn.RNNCell's.

    Example:
        >>> import torch
        >>> from unroll.nn import RNNCell
        >>> tuple(RNNCell(3, 5)(torch.zeros(2, 3)).shape)
        (2, 5)

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        nonlinearity: "tanh" or "relu".
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, nonlinearity, device, dtype)
        self._engine = engine

    def _equation(self, bias: bool) -> cells.Cell:
        return cells.RNNCell(self.input_size, self.hidden_size, bias, self.nonlinearity)


class LSTMCell(Stepping, nn.LSTMCell):
    """One step of long short-term memory, a drop-in for torch.nn.LSTMCell.

    Equation and source: `unroll.LSTMCell`. Constructor arguments up to `dtype` are torch.nn.LSTMCell's.

    Example:
        >>> import torch
        >>> from unroll.nn import LSTMCell
        >>> h, c = LSTMCell(3, 5)(torch.zeros(2, 3))
        >>> tuple(h.shape), tuple(c.shape)
        ((2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self._engine = engine

    def _equation(self, bias: bool) -> cells.Cell:
        return cells.LSTMCell(self.input_size, self.hidden_size, bias)


class GRUCell(Stepping, nn.GRUCell):
    """One step of gated recurrent units, a drop-in for torch.nn.GRUCell.

    Equation and source: `unroll.GRUCell`. Constructor arguments up to `dtype` are torch.nn.GRUCell's.

    Example:
        >>> import torch
        >>> from unroll.nn import GRUCell
        >>> tuple(GRUCell(3, 5)(torch.zeros(3)).shape)
        (5,)

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        device: where the parameters are.
        dtype: their dtype.
        engine: "auto" or the name of one engine.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = AUTO,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self._engine = engine

    def _equation(self, bias: bool) -> cells.Cell:
        return cells.GRUCell(self.input_size, self.hidden_size, bias)

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
from unroll.engine import AUTO, Layer, Run, scan_layers
from unroll.layers.recurrent import leaf, plain_twin


class Stepping(nn.RNNCellBase, abc.ABC):
    """What the three share: the way from torch.nn's own class, which holds options and parameters, to the engine."""

    _engine: str = AUTO

    @abc.abstractmethod
    def _equation(self) -> cells.Cell:
        """The cell as an equation."""

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
        # One object for all calls: what engines know of a cell they know by its identity.
        cell: cells.Cell | None = vars(self).get("_runs")
        if cell is None:
            cell = vars(self)["_runs"] = self._equation()
        several = len(cell.State._fields) > 1
        parts = None if hx is None else list(hx) if several else [hx]
        for what, value in (("input", x), *(("hx", part) for part in parts or ())):
            if value.dim() not in (1, 2):
                raise ValueError(f"{name}: expected {what} to be 1-D or 2-D, got {value.dim()}-D")
        batched = x.dim() == 2
        if not batched:
            x, parts = x.unsqueeze(0), None if parts is None else [part.unsqueeze(0) for part in parts]
        if torch._C._get_tracing_state() is None:
            if x.shape[1] != cell.input_size:
                raise RuntimeError(f"{name}: input must have I = {cell.input_size} features, got {tuple(x.shape)}")
            for part in parts or ():
                if part.shape != (x.shape[0], cell.hidden_size):
                    expected = (x.shape[0], cell.hidden_size)
                    raise RuntimeError(f"{name}: hx must have shape (B, H) = {expected}, got {tuple(part.shape)}")
                if part.dtype != x.dtype and not torch._C._is_any_autocast_enabled():
                    raise RuntimeError(f"{name}: hx must have the dtype of input, {x.dtype}, got {part.dtype}")
        params = {key: getattr(self, key) for key in cell.parameters()}
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

    def _equation(self) -> cells.Cell:
        return cells.RNNCell(self.input_size, self.hidden_size, self.bias, self.nonlinearity)


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

    def _equation(self) -> cells.Cell:
        return cells.LSTMCell(self.input_size, self.hidden_size, self.bias)


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

    def _equation(self) -> cells.Cell:
        return cells.GRUCell(self.input_size, self.hidden_size, self.bias)

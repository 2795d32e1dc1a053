"""The problems that are timed, and what their arithmetic amounts to.

Shapes: T time, B batch, I input size, H hidden size, G gate rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: The plain layer of torch.nn for each cell, which also gives the parameters' names and the float64 results.
TORCH_LAYERS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
#: Rows stacked in the weights, in units of H.
GATE_ROWS = {"lstm": 4, "gru": 3, "rnn": 1}


@dataclass(frozen=True)
class Case:
    """One layer on one shape of input, forward alone or with backward."""

    cell: str
    steps: int
    batch: int
    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        return f"{self.cell} T={self.steps} B={self.batch} I={self.input_size} H={self.hidden_size}"

    def flops(self, training: bool) -> float:
        """Multiplications and additions of the matrix products; backward has twice those of forward."""
        rows = GATE_ROWS[self.cell] * self.hidden_size
        forward = 2.0 * self.steps * self.batch * rows * (self.input_size + self.hidden_size)
        return 3.0 * forward if training else forward


_SHAPES = (
    (100, 1, 64, 64),
    (100, 32, 64, 64),
    (100, 32, 128, 128),
    (100, 32, 256, 256),
    (100, 64, 512, 512),
    (1000, 16, 64, 128),
)
CASES = tuple(Case(cell, *shape) for cell in TORCH_LAYERS for shape in _SHAPES)


@dataclass
class Problem:
    """A case filled with numbers.

    Attributes:
        case: the case.
        params: torch.nn's parameters of one layer by name (weight_ih_l0 and so on), float32.
        x: (T, B, I).
        dy: (T, B, H), the gradient that training starts from.
        y: (T, B, H) in float64.
        dx: (T, B, I) in float64, from dy.
        dw: (G*H, H), gradient of weight_hh_l0 in float64.
    """

    case: Case
    params: dict[str, Tensor]
    x: Tensor
    dy: Tensor
    y: Tensor
    dx: Tensor
    dw: Tensor


def problem(case: Case) -> Problem:
    """Numbers for a case, always the same, with results in float64."""
    torch.manual_seed(0)
    layer = TORCH_LAYERS[case.cell](case.input_size, case.hidden_size)
    x = torch.randn(case.steps, case.batch, case.input_size)
    dy = torch.randn(case.steps, case.batch, case.hidden_size)
    exact = TORCH_LAYERS[case.cell](case.input_size, case.hidden_size, dtype=torch.float64)
    exact.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    x64 = x.double().requires_grad_()
    y64, _ = exact(x64)
    y64.backward(dy.double())
    params = {name: value.detach() for name, value in layer.named_parameters()}
    return Problem(case, params, x, dy, y64.detach(), _grad(x64), _grad(exact.get_parameter("weight_hh_l0")))


def _grad(value: Tensor) -> Tensor:
    if value.grad is None:
        raise RuntimeError("backward left no gradient")
    return value.grad


def relative_error(got: Tensor, exact: Tensor) -> float:
    """Greatest absolute difference over the greatest absolute value."""
    return float((got.double() - exact).abs().max() / exact.abs().max())

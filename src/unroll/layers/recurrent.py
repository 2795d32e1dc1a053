"""A cell as a layer.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell
from unroll.cells.init import Initialiser, torch_default
from unroll.engine import AUTO, Run, scan


def own(module: nn.Module, names: Iterable[tuple[str, str]]) -> dict[str, Tensor]:
    """Parameters of a module by the names on the left, found under the names on the right."""
    held, found = module._parameters, {}
    for name, here in names:
        # A parametrisation or pruning puts a computed attribute in a parameter's place.
        value = held.get(here)
        found[name] = getattr(module, here) if value is None else value
    return found


def leaf(module: Any, x: Any, state: Any, **options: Any) -> Any:
    """The call of a module as one node of a symbolic trace by torch.fx, as calls of torch.nn's own modules are."""
    given = {name: value for name, value in options.items() if value is not None}
    where = x.tracer.path_of_module(module)
    return x.tracer.create_proxy("call_module", where, (x,) if state is None else (x, state), given)


def plain_twin(module: Any, kind: type[nn.Module]) -> nn.Module:
    """A drop-in as the class of torch.nn that it stands for, with the same parameters."""
    made: nn.Module = kind.__new__(kind)
    ours = ("_runs", "_engine")
    made.__dict__.update({name: value for name, value in vars(module).items() if name not in ours})
    return made


def dropout_factor(x: Tensor, features: int, rate: float) -> Tensor:
    """What dropout multiplies the (T, B, `features`) between two layers by, over the steps and rows of x (T, B, I)."""
    return nn.functional.dropout(x.new_ones(*x.shape[:2], features), rate)


class Recurrent(nn.Module):
    """One cell run over time in one direction.

    Example:
        >>> import torch
        >>> from unroll import GRUCell, Recurrent
        >>> y, state = Recurrent(GRUCell(3, 5))(torch.zeros(7, 2, 3), lengths=torch.tensor([7, 4]))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 5))

    Args:
        cell: the equation.
        reverse: run each row from its own last step to its first.
        batch_first: x and y are (B, T, ·) instead of (T, B, ·); so is `reset`. States are (B, ·) either way.
        engine: "auto" or the name of one engine.
        recompute: keep the state every this many steps in training and recompute the rest in backward; 0 keeps
            everything.
        init: fills the parameters.
        device: where the parameters are.
        dtype: their dtype.
    """

    def __init__(
        self,
        cell: Cell,
        *,
        reverse: bool = False,
        batch_first: bool = False,
        engine: str = AUTO,
        recompute: int = 0,
        init: Initialiser = torch_default,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.cell = cell
        self.reverse = reverse
        self.batch_first = batch_first
        self.engine = engine
        self.recompute = recompute
        self._init = init
        self._names = [(name, name) for name in cell.parameters()]
        for name, spec in cell.parameters().items():
            self.register_parameter(name, nn.Parameter(torch.empty(spec.shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def input_size(self) -> int:
        """I, features of one input step."""
        return self.cell.input_size

    @property
    def output_size(self) -> int:
        """Features of one output step."""
        return self.cell.output_size

    def reset_parameters(self) -> None:
        """Fill the parameters anew with the initialiser given to the constructor."""
        self._init(self.cell, self.own_parameters())

    def own_parameters(self) -> dict[str, Tensor]:
        """The cell's parameters by name."""
        return own(self, self._names)

    def extra_repr(self) -> str:
        return f"{self.cell}, reverse={self.reverse}, batch_first={self.batch_first}, engine={self.engine!r}"

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run over time.

        Args:
            x: (T, B, I), or (B, T, I) with `batch_first`.
            state: the cell's named tuple of (B, ·), or None for zeros.
            lengths: (B,) integers in [0, T]; None if every row has T steps.
            reset: bool in the layout of x, (T, B): true at a step that starts a new sequence.

        Returns:
            y, (T, B, ·) in the layout of x, zero past a row's end; the state after each row's last step.

        Raises:
            ValueError: a shape, dtype or length is wrong.
            EngineError: a forced engine cannot do the job.
        """
        y, state, _ = self._scan(x, state, lengths, reset, trace=False)
        return y, state

    def trace(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, Any, Mapping[str, Tensor]]:
        """As `forward`, and with it every state and gate of every step by name, (T, B, ·) in the layout of x."""
        y, state, traced = self._scan(x, state, lengths, reset, trace=True)
        return y, state, traced or {}

    def run(self, x: Tensor, state: Any) -> Run:
        """What `forward` gives to the engine, with random factors drawn for x, (T, B, I).

        Args:
            x: (T, B, I), whatever `batch_first` says.
            state: as in `forward`.
        """
        noise = {}
        if self.training and x.dim() == 3:
            noise = self.cell.noise(x.shape[0], x.shape[1], device=x.device, dtype=x.dtype)
        return Run(self.cell, self.own_parameters(), state, self.reverse, noise)

    def _scan(
        self, x: Tensor, state: Any, lengths: Tensor | None, reset: Tensor | None, *, trace: bool
    ) -> tuple[Tensor, Any, Mapping[str, Tensor] | None]:
        if self.batch_first and x.dim() == 3:
            x = x.transpose(0, 1)
            reset = None if reset is None else reset.transpose(0, 1)
        cell, params, state, reverse, noise = self.run(x, state)
        y, state, traced = scan(
            cell,
            params,
            x,
            state,
            lengths=lengths,
            reset=reset,
            reverse=reverse,
            trace=trace,
            noise=noise,
            recompute=self.recompute,
            engine=self.engine,
        )
        if self.batch_first:
            y = y.transpose(0, 1)
            traced = None if traced is None else {name: value.transpose(0, 1) for name, value in traced.items()}
        return y, state, traced

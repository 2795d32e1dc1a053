"""The contract: what every cell on every engine must hold. Helpers raise; none returns a verdict that could be
dropped."""

from __future__ import annotations

import dataclasses
import functools
import math
import shutil
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unroll import cells
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.cells.init import torch_default
from unroll.engine import engines, scan
from unroll.errors import ConfigError, EngineError
from unroll.kernels import ScanResult
from unroll.kernels.native_plan import LIBRARY


def variants(kind: type[Cell]) -> list[Cell]:
    """A cell with its defaults and with each of its options changed, as far as it lets them be."""
    found = [kind(3, 5)]
    for field in dataclasses.fields(kind)[2:]:
        default = field.default
        other: Any = not default if isinstance(default, bool) else 2 if isinstance(default, int) else 0.3
        try:
            found.append(kind(3, 5, **{field.name: other}))
        except (ConfigError, TypeError):
            continue
    return found


#: Cells with their options, alone and together.
_LISTED: list[Cell] = [
    RNNCell(3, 5),
    RNNCell(3, 5, nonlinearity="relu", bias=False),
    RNNCell(3, 5, layer_norm=True, zoneout=0.2, recurrent_dropout=0.3),
    LSTMCell(3, 5),
    LSTMCell(3, 5, bias=False),
    LSTMCell(3, 5, proj_size=2),
    LSTMCell(3, 5, peephole=True),
    LSTMCell(3, 5, coupled=True),
    LSTMCell(3, 5, layer_norm=True),
    LSTMCell(3, 5, cell_clip=0.1),
    LSTMCell(3, 5, zoneout_h=0.2, zoneout_c=0.4),
    LSTMCell(3, 5, recurrent_dropout=0.3),
    LSTMCell(3, 5, recurrent_dropout=0.3, dropout_per_step=True),
    LSTMCell(
        3,
        5,
        proj_size=2,
        peephole=True,
        coupled=True,
        layer_norm=True,
        cell_clip=0.3,
        zoneout_c=0.3,
        recurrent_dropout=0.2,
        dropout_per_step=True,
    ),
    GRUCell(3, 5),
    GRUCell(3, 5, bias=False, reset_after=False),
    GRUCell(3, 5, layer_norm=True),
    GRUCell(3, 5, reset_after=False, layer_norm=True, zoneout=0.3, recurrent_dropout=0.2, dropout_per_step=True),
]
_KINDS = {type(cell) for cell in _LISTED}
#: Those, and every cell of unroll.cells.CELLS that is not among them.
CELLS = _LISTED + [cell for kind in cells.CELLS.values() if kind not in _KINDS for cell in variants(kind)]
ENGINES = [engine.name for engine in engines()]


@dataclass(frozen=True)
class Case:
    """One problem: shapes and which of the scan's options are used."""

    steps: int
    batch: int
    ragged: bool = False
    reverse: bool = False
    reset: bool = False
    first: bool = True

    def __str__(self) -> str:
        flags = [name for name in ("ragged", "reverse", "reset") if getattr(self, name)]
        return "-".join([f"T{self.steps}", f"B{self.batch}", *flags])


@dataclass(frozen=True, eq=False)
class Problem:
    """A case filled with numbers, float64 and of one seed; `run` takes them in any dtype on any engine."""

    cell: Cell
    case: Case
    params: dict[str, Tensor]
    x: Tensor
    first: tuple[Tensor, ...]
    lengths: Tensor | None
    reset: Tensor | None
    noise: dict[str, Tensor]
    weights_y: Tensor
    weights_last: tuple[Tensor, ...]


def problem(cell: Cell, case: Case, *, seed: int = 0, noisy: bool = False) -> Problem:
    """Numbers for a case: the same ones whenever they are asked for."""
    made = _problem(cell, case, seed, noisy)
    torch.manual_seed(seed)  # what a test draws besides may not depend on who asked first
    return made


@functools.lru_cache(maxsize=32)
def _problem(cell: Cell, case: Case, seed: int, noisy: bool) -> Problem:
    torch.manual_seed(seed)
    params = {name: torch.empty(spec.shape, dtype=torch.float64) for name, spec in cell.parameters().items()}
    torch_default(cell, params)
    for tensor in params.values():
        # Gains of exactly one and shifts of exactly zero would hide a gain or shift that is left out.
        tensor.add_(0.1 * torch.randn_like(tensor))
    steps, batch = case.steps, case.batch
    lengths = None
    if case.ragged:
        lengths = torch.tensor([(steps, 0, steps // 2, 1, steps - 1)[row % 5] for row in range(batch)]).clamp(0, steps)
    sizes = cell.state_sizes().values()
    return Problem(
        cell,
        case,
        params,
        torch.randn(steps, batch, cell.input_size, dtype=torch.float64),
        tuple(torch.randn(batch, size, dtype=torch.float64) for size in sizes) if case.first else (),
        lengths,
        torch.rand(steps, batch) < 0.3 if case.reset else None,
        cell.noise(steps, batch, device=torch.device("cpu"), dtype=torch.float64) if noisy else {},
        torch.randn(steps, batch, cell.output_size, dtype=torch.float64),
        tuple(torch.randn(batch, size, dtype=torch.float64) for size in sizes),
    )


def claims(task: Problem, engine: str) -> bool:
    """Whether an engine is meant to take this problem: what it may not refuse."""
    cell = task.cell
    if engine == "torch":
        kinds = {RNNCell: ("bias", "nonlinearity"), LSTMCell: ("bias", "proj_size"), GRUCell: ("bias",)}
        known = kinds.get(type(cell))
        plain = known is not None and cell == type(cell)(
            cell.input_size, cell.hidden_size, **{name: getattr(cell, name) for name in known}
        )
        return plain and task.reset is None
    return engine == "reference" or type(cell) in cells.CELLS.values()


def supports(task: Problem, engine: str) -> bool:
    """Whether an engine takes this problem. If it refuses, a forced call must raise EngineError.

    Raises:
        AssertionError: it refuses what it claims, or takes what it does not.
    """
    claimed = claims(task, engine)
    try:
        expected(task) if engine == "reference" else run(task, engine, torch.float64)
    except EngineError as error:
        if claimed and not no_compiler(engine):
            raise AssertionError(f"'{engine}' claims {task.cell} in {task.case} and refuses it: {error}") from error
        return False
    if not claimed:
        raise AssertionError(f"'{engine}' runs {task.cell} in {task.case}, which `claims` does not say")
    return True


def no_compiler(engine: str) -> bool:
    """Whether this is the native engine on a machine where it could not be built."""
    return engine == "native" and LIBRARY is None and not any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def leaf(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy to differentiate by; `to` alone would hand out the problem's own tensor where the dtype is the same."""
    return value.detach().to(dtype, copy=True).requires_grad_()


def run(
    task: Problem, engine: str, dtype: torch.dtype, *, x: Tensor | None = None
) -> tuple[ScanResult, dict[str, Tensor]]:
    """Run a problem; return the result and every input's gradient, of a loss that weighs every output and state."""
    leaves = {f"params.{name}": leaf(value, dtype) for name, value in task.params.items()}
    leaves["x"] = leaf(task.x if x is None else x, dtype)
    state: Any = None
    if task.first:
        names = list(task.cell.state_sizes())
        for name, value in zip(names, task.first, strict=True):
            leaves[f"first.{name}"] = leaf(value, dtype)
        state = task.cell.State(*(leaves[f"first.{name}"] for name in names))
    result = scan(
        task.cell,
        {name: leaves[f"params.{name}"] for name in task.params},
        leaves["x"],
        state,
        lengths=task.lengths,
        reset=task.reset,
        reverse=task.case.reverse,
        noise={name: mask.to(dtype) for name, mask in task.noise.items()},
        engine=engine,
    )
    loss = (result.output * task.weights_y.to(dtype)).sum()
    for value, weight in zip(result.state, task.weights_last, strict=True):
        loss = loss + (value * weight.to(dtype)).sum()
    if not loss.requires_grad:
        return result, {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    grads = {
        name: torch.zeros_like(leaf) if grad is None else grad
        for (name, leaf), grad in zip(leaves.items(), found, strict=True)
    }
    return result, grads


@functools.lru_cache(maxsize=32)
def expected(task: Problem) -> tuple[ScanResult, dict[str, Tensor]]:
    """What `run` gives on the reference in float64, once for every engine and dtype that is held against it."""
    return run(task, "reference", torch.float64)


def tolerance(dtype: torch.dtype, terms: int, steps: int) -> float:
    """Relative to the largest value of the tensor compared.

    A sum of n products of rounded numbers is off by about eps * sqrt(n) of its largest term (random signs), and the
    recurrence, which contracts for the weights drawn here, adds the errors of T steps like a random walk. The factor 8
    covers the transcendental functions (two ulps each).
    """
    return 8.0 * torch.finfo(dtype).eps * math.sqrt(max(terms, 1)) * math.sqrt(max(steps, 1))


def assert_close(got: Tensor, expected: Tensor, bound: float, what: str) -> None:
    """Raise unless every element lies within bound * max(1, max |expected|)."""
    if got.shape != expected.shape:
        raise AssertionError(f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}")
    if got.numel() == 0:
        return
    got = got.detach().to(torch.float64)
    expected = expected.detach().to(torch.float64)
    if not torch.isfinite(got).all():
        raise AssertionError(f"{what}: holds values that are not finite")
    scale = max(1.0, float(expected.abs().max()))
    worst = float((got - expected).abs().max())
    if worst > bound * scale:
        raise AssertionError(f"{what}: off by {worst:.3e}, allowed {bound * scale:.3e}")


def assert_agrees(task: Problem, engine: str, dtype: torch.dtype) -> None:
    """Raise unless outputs, states and all gradients agree with the float64 reference."""
    right, right_grads = expected(task)
    got, grads = run(task, engine, dtype)
    steps, batch = task.case.steps, task.case.batch
    # A normalisation multiplies an error by one over the spread of what it is given, by 30 and more in these problems:
    # against an exact result, AVX2 is off by 9e-15 and NEON by 13e-15 where 13e-15 is what a cell without one may be.
    normalised = 2.0 if getattr(task.cell, "layer_norm", False) else 1.0
    bound = normalised * tolerance(dtype, task.cell.input_size + task.cell.hidden_size, steps)
    if got.output.dtype != dtype:
        raise AssertionError(f"output is {got.output.dtype}, expected {dtype}")
    assert_close(got.output, right.output, bound, "output")
    for name, a, b in zip(task.cell.State._fields, got.state, right.state, strict=True):
        assert_close(a, b, bound, f"last state {name}")
    for name, right_grad in right_grads.items():
        # A parameter's gradient sums over every row and step as well.
        wide = tolerance(dtype, (task.cell.input_size + task.cell.hidden_size) * max(batch, 1), steps)
        assert_close(grads[name], right_grad, 4 * wide, f"gradient of {name}")


def assert_padding_unseen(task: Problem, engine: str, dtype: torch.dtype) -> None:
    """Raise unless NaN past every row's end leaves outputs, states and gradients as they were, bit for bit."""
    if task.lengths is None:
        raise AssertionError("this check needs a ragged problem")
    clean, clean_grads = run(task, engine, dtype)
    past = torch.arange(task.case.steps).unsqueeze(1) >= task.lengths
    poisoned = task.x.masked_fill(past.unsqueeze(-1), float("nan"))
    got, grads = run(task, engine, dtype, x=poisoned)
    for what, a, b in [
        ("output", got.output, clean.output),
        *zip(task.cell.State._fields, got.state, clean.state, strict=True),
    ]:
        if not torch.equal(a, b):
            raise AssertionError(f"{what} changed when the padding became NaN")
    for name, grad in grads.items():
        if not torch.equal(grad, clean_grads[name]):
            raise AssertionError(f"gradient of {name} changed when the padding became NaN")
    if not torch.equal(got.output[past], torch.zeros_like(got.output[past])):
        raise AssertionError("outputs past a row's end are not zero")
    if not torch.equal(grads["x"][past], torch.zeros_like(grads["x"][past])):
        raise AssertionError("gradients of x past a row's end are not zero")


def assert_chunks_join(task: Problem, engine: str, dtype: torch.dtype, size: int) -> None:
    """Raise unless running in chunks of `size` steps, state carried, equals the whole."""
    params = {name: value.to(dtype) for name, value in task.params.items()}
    x, first = task.x.to(dtype), task.cell.State(*(value.to(dtype) for value in task.first)) if task.first else None
    whole = scan(task.cell, params, x, first, engine=engine)
    state, parts = first, []
    for start in range(0, task.case.steps, size):
        part = scan(task.cell, params, x[start : start + size], state, engine=engine)
        state = part.state
        parts.append(part.output)
    bound = tolerance(dtype, task.cell.input_size + task.cell.hidden_size, task.case.steps)
    assert_close(torch.cat(parts), whole.output, bound, f"output in chunks of {size}")
    for name, a, b in zip(task.cell.State._fields, state, whole.state, strict=True):
        assert_close(a, b, bound, f"last state {name} in chunks of {size}")

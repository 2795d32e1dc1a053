"""The one door between layers and time.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unroll.cells import Cell
from unroll.engine.observe import Observation, Observer, observer
from unroll.engine.reference import ReferenceKernel
from unroll.errors import EngineError, TensorError, nearest
from unroll.kernels import (
    KERNELS,
    PLAIN,
    Kernel,
    KnownCells,
    Layer,
    LayersResult,
    Run,
    ScanRequest,
    ScanResult,
    in_turn,
    run_plain,
    set_reference,
)

AUTO = "auto"
_REFERENCE = ReferenceKernel()
set_reference(_REFERENCE.run)
_TABLE: tuple[Kernel, ...] = (*KERNELS, _REFERENCE)


def engines() -> tuple[Kernel, ...]:
    """Every engine in the order in which "auto" tries them; the reference is the last and never refuses."""
    return _TABLE


@dataclass(frozen=True)
class Choice:
    """Which engine did one scan, and why not the faster ones.

    Attributes:
        cell: the equation; or what else took its place, in words.
        shape: (T, B, I) of the input.
        engine: the engine that ran.
        refused: the engines that were asked before it, with their reasons.
    """

    cell: Cell | str
    shape: tuple[int, ...]
    engine: str
    refused: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.cell} on (T, B, I) = {self.shape}: {self.engine}"]
        lines += [f"  not {name}: {reason}" for name, reason in self.refused.items()]
        return "\n".join(lines)


_choices: ContextVar[list[Choice] | None] = ContextVar("choices", default=None)


@contextmanager
def recorded_choices() -> Iterator[list[Choice]]:
    """Collect the choice of engine of every scan inside the block."""
    found: list[Choice] = []
    token = _choices.set(found)
    try:
        yield found
    finally:
        _choices.reset(token)


def note(choice: Choice) -> None:
    """Tell whoever asks of a choice that was made outside of a scan."""
    found = None if torch.compiler.is_compiling() else _choices.get()
    if found is not None:
        found.append(choice)


def choose(request: ScanRequest, engine: str = AUTO) -> tuple[Kernel, dict[str, str]]:
    """The kernel for a request and the reasons of those that refused it.

    Raises:
        EngineError: the engine is unknown, or it was forced and cannot do the job.
    """
    table = engines()
    if engine != AUTO:
        for kernel in table:
            if kernel.name == engine:
                reason = kernel.refuse(request)
                if reason is not None:
                    raise EngineError(f"engine '{engine}' cannot do this: {reason}; use engine='auto' or 'reference'")
                return kernel, {}
        names = [AUTO, *(kernel.name for kernel in table)]
        raise EngineError(f"engine must be one of {', '.join(names)}, got '{engine}'" + nearest(engine, names))
    refused: dict[str, str] = {}
    for kernel in table:
        reason = kernel.refuse(request)
        if reason is None:
            return kernel, refused
        refused[kernel.name] = reason
    raise EngineError("no engine can do this: " + "; ".join(f"{name}: {reason}" for name, reason in refused.items()))


def scan(
    cell: Cell,
    params: Mapping[str, Tensor],
    x: Tensor,
    state: Any = None,
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    reverse: bool = False,
    trace: bool = False,
    noise: Mapping[str, Tensor] | None = None,
    recompute: int = 0,
    engine: str = AUTO,
) -> ScanResult:
    """Run a cell over time.

    Args:
        cell: the equation.
        params: every name of `cell.parameters()`, on one device and in the dtype of `x`.
        x: (T, B, I). T and B may be zero. Values past a row's length are never read.
        state: the cell's named tuple of (B, ·), or None for zeros.
        lengths: (B,) integers in [0, T] on any device and in any order, or None if every row has T steps.
        reset: (T, B) bool, or None. True at a step that starts a new sequence inside the row: the state is zero before
            it. With `reverse` the borders are the same: the part before such a step is run from its own end.
        reverse: each row runs from its own last step to its first; outputs stay at their steps.
        trace: also return every state and gate of every step.
        noise: the random factors of this pass by name (see `Cell.noise`), or None for none.
        recompute: keep the state every this many steps and recompute the rest in backward; 0 keeps everything.
        engine: "auto", or the name of one engine.

    Returns:
        ScanResult: output (T, B, output size), the last state (B, ·), the trace or None. A row of length zero keeps its
            first state.

    Raises:
        ValueError: a shape, dtype or length is not as above.
        RuntimeError: a parameter or a state is not on the device of `x`.
        EngineError: the engine is unknown or cannot do the job.
    """
    run = Run(cell, params, state, reverse, noise or {})
    tell = _watching()
    if tell is not None:
        result = _shown(run, x, lengths, reset, engine, 0, tell)
        return result if trace else result._replace(trace=None)
    if reset is None and recompute >= 0 and not trace and engine in (AUTO, PLAIN):
        layers = (Layer((run,)),)
        done = run_plain(layers, x, lengths, recompute, False)
        if done is not None:
            _record(layers, x)
            return ScanResult(done.output, done.states[0], None)
    lengths = _checked_lengths(type(cell).__name__, lengths, x)
    request = _checked(run, x, lengths, reset, trace, recompute)
    return _chosen(request, engine).run(request)


def scan_layers(
    layers: Sequence[Layer[Run]],
    x: Tensor,
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    recompute: int = 0,
    engine: str = AUTO,
    joined: bool = False,
) -> LayersResult:
    """Run layers one after the other, each on the output of the one below; the two runs of a layer side by side.

    The native engine makes one node of autograd of them all.

    Args:
        layers: lowest first, at least one.
        x: as in `scan`, and so are the others.
        joined: all runs have states of equal sizes, and are to give each of them as one tensor.

    Returns:
        LayersResult: output (T, B, sum of the output sizes of the last layer's runs), and the last state of every run,
            lowest layer first; with `joined` each state of all runs as one tensor (number of runs, B, ·).

    Raises:
        ValueError: as in `scan`, or a factor has not the shape of the layer's input.
        EngineError: as in `scan`.
    """
    for runs, factor in layers:
        if factor is not None and factor.shape != (expected := (*x.shape[:2], runs[0].cell.input_size)):
            name, got = type(runs[0].cell).__name__, tuple(factor.shape)
            raise ValueError(f"{name}: factor must have shape (T, B, I) = {expected}, got {got}")
    tell = _watching()
    if tell is not None:
        return _joined(_layers_shown(layers, x, lengths, reset, engine, tell), joined)
    if reset is None and recompute >= 0 and engine in (AUTO, PLAIN):
        done = run_plain(layers, x, lengths, recompute, joined)
        if done is not None:
            _record(layers, x)
            return done
    lengths = _checked_lengths(type(layers[0].runs[0].cell).__name__, lengths, x)
    requests, below = [], x
    for runs, factor in layers:
        scans = tuple([_checked(run, below, lengths, reset, False, recompute) for run in runs])
        requests.append(Layer(scans, factor))
        below = x.new_empty(()).expand(*x.shape[:2], sum(run.cell.output_size for run in runs))
    kernels = [_chosen(request, engine) for layer in requests for request in layer.runs]
    if all(kernel is kernels[0] for kernel in kernels):
        result = kernels[0].run_layers(requests)
    else:
        result = in_turn(lambda request: choose(request, engine)[0].run(request), requests)
    return _joined(result, joined)


def _joined(result: LayersResult, joined: bool) -> LayersResult:
    """With `joined` each state of all runs as one tensor (number of runs, B, ·)."""
    if not joined:
        return result
    if len(result.states) == 1:
        return result._replace(states=tuple([part.unsqueeze(0) for part in result.states[0]]))
    return result._replace(states=tuple([torch.stack(parts) for parts in zip(*result.states, strict=True)]))


def _watching() -> Observer | None:
    """Who looks on, which is nobody while a graph is captured."""
    return None if torch.compiler.is_compiling() else observer()


def _shown(
    run: Run, x: Tensor, lengths: Tensor | None, reset: Tensor | None, engine: str, layer: int, tell: Observer
) -> ScanResult:
    """Run a scan with its trace, and show it."""
    lengths = _checked_lengths(type(run.cell).__name__, lengths, x)
    request = _checked(run, x, lengths, reset, True, 0)
    choose(request._replace(trace=False), engine)
    blind = any(kernel.name == engine and kernel.refuse(request) is not None for kernel in engines())
    kernel = _chosen(request, AUTO if blind else engine)
    result = kernel.run(request)
    # Nodes of their own: what is asked for the last state must not hold what flows through the output.
    result = result._replace(state=type(result.state)(*(part.view_as(part) for part in result.state)))
    trace = {name: value.detach() for name, value in (result.trace or {}).items()}
    tell(
        Observation(
            request.cell,
            request.params,
            request.x,
            request.state,
            request.lengths,
            request.reset,
            request.reverse,
            request.noise,
            kernel.name,
            layer,
            result.output,
            result.state,
            trace,
        )
    )
    return result


def _layers_shown(
    layers: Sequence[Layer[Run]], x: Tensor, lengths: Tensor | None, reset: Tensor | None, engine: str, tell: Observer
) -> LayersResult:
    """Run layers one after the other, and show each scan."""
    states: list[Any] = []
    for index, (runs, factor) in enumerate(layers):
        x = x if factor is None else x * factor
        results = [_shown(run, x, lengths, reset, engine, index, tell) for run in runs]
        x = results[0].output if len(results) == 1 else torch.cat([result.output for result in results], dim=-1)
        states += [result.state for result in results]
    return LayersResult(x, tuple(states))


def _record(layers: Sequence[Layer[Run]], x: Tensor) -> None:
    """Tell whoever asks that the first engine ran."""
    if _choices.get() is not None:
        for run in [run for layer in layers for run in layer.runs]:
            note(Choice(run.cell, (*x.shape[:2], run.cell.input_size), PLAIN, {}))


def _chosen(request: ScanRequest, engine: str) -> Kernel:
    """As `choose`, and the choice is recorded for whoever asks."""
    kernel, refused = choose(request, engine)
    note(Choice(request.cell, tuple(request.x.shape), kernel.name, refused))
    return kernel


_shapes: KnownCells[tuple[tuple[str, tuple[int, ...]], ...]] = KnownCells()


def _parameter_shapes(cell: Cell) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found = _shapes.get(cell)
    if found is None:
        found = tuple([(name, spec.shape) for name, spec in cell.parameters().items()])
        # A graph that is captured inside a loop may change nothing outside of it.
        if not torch.compiler.is_compiling():
            _shapes.put(found, cell)
    return found


def _checked(
    run: Run, x: Tensor, lengths: Tensor | None, reset: Tensor | None, trace: bool, recompute: int
) -> ScanRequest:
    """Check every argument and bring it into the form that kernels take."""
    cell, params, state, reverse, noise = run
    name = type(cell).__name__
    if torch._C._get_tracing_state() is not None and reset is None and not noise:
        # torch.jit.trace would make a warning of every comparison; what is wrong fails in torch's own operators.
        state = None if state is None else cell.State(*state)
        return ScanRequest(cell, params, state, reverse, noise, x, lengths, None, trace, recompute)
    # Read once: each attribute of a tensor costs as much as a step of a short sequence.
    shape, dtype = x.shape, x.dtype
    if len(shape) != 3 or shape[2] != cell.input_size:
        raise ValueError(f"{name}: x must have shape (T, B, I) with I = {cell.input_size}, got {tuple(shape)}")
    if not (dtype.is_floating_point or dtype.is_complex):
        raise TensorError(f"{name}: x must be of a floating-point dtype, got {dtype}")
    steps, batch = shape[0], shape[1]
    for key, expected in _parameter_shapes(cell):
        value = params.get(key)
        if value is None:
            raise (TypeError if key in params else ValueError)(f"{name}: '{key}' of shape {expected} is missing")
        if value.shape != expected:
            raise TensorError(f"{name}: '{key}' must have shape {expected}, got {tuple(value.shape)}")
        _check_place(f"{name}: '{key}'", value, x)
    if state is not None:
        state = cell.State(*state)
        for (part, size), value in zip(cell.state_sizes().items(), state, strict=True):
            if tuple(value.shape) != (batch, size):
                raise ValueError(
                    f"{name}: first state '{part}' must have shape (B, ·) = {(batch, size)}, got {tuple(value.shape)}"
                )
            _check_place(f"{name}: first state '{part}'", value, x)
    if reset is not None:
        if tuple(reset.shape) != (steps, batch) or reset.dtype != torch.bool:
            raise ValueError(
                f"{name}: reset must be bool of shape (T, B) = {(steps, batch)}, got {reset.dtype} of "
                f"{tuple(reset.shape)}"
            )
        reset = _ordered_reset(reset.to(x.device).contiguous(), lengths, reverse)
    for key, mask in noise.items():
        if mask.dim() != 3 or mask.shape[0] not in (1, steps) or mask.shape[1] != batch:
            raise ValueError(
                f"{name}: noise '{key}' must have shape (T or 1, B, ·) = ({steps} or 1, {batch}, ·), got "
                f"{tuple(mask.shape)}"
            )
    if recompute < 0:
        raise ValueError(f"{name}: recompute must be 0 (keep everything) or a number of steps, got {recompute}")
    return ScanRequest(cell, params, state, reverse, noise, x, lengths, reset, trace, recompute)


def _check_place(what: str, value: Tensor, x: Tensor) -> None:
    """Raise unless a tensor is on the device of x, as torch does, and in its dtype, which only autocast may mix."""
    if value.device != x.device:
        raise RuntimeError(f"{what} is on {value.device} but x is on {x.device}; move one to the other with .to(...)")
    if value.dtype != x.dtype and not torch._C._is_any_autocast_enabled():
        raise TensorError(
            f"{what}: RNN input dtype ({x.dtype}) does not match weight dtype ({value.dtype}). Convert input: "
            f"input.to({value.dtype}), or convert model: model.to({x.dtype})"
        )


def _checked_lengths(name: str, lengths: Tensor | None, x: Tensor) -> Tensor | None:
    if lengths is None or x.dim() != 3:
        return lengths
    steps, batch, _ = x.shape
    if lengths.is_floating_point() or lengths.dtype == torch.bool or tuple(lengths.shape) != (batch,):
        got = f"{lengths.dtype} of {tuple(lengths.shape)}"
        raise ValueError(f"{name}: lengths must be integers of shape (B,) = ({batch},), got {got}")
    # Values cannot be read while a graph is captured; a kernel bounds them again where memory is at stake.
    known = not torch.compiler.is_compiling() and torch._C._get_tracing_state() is None
    if batch and known and lengths.device.type != "meta":
        low, high = int(lengths.min()), int(lengths.max())
        if low < 0 or high > steps:
            raise ValueError(f"{name}: lengths must lie in [0, T] = [0, {steps}], got {low} to {high}")
    return lengths.to(device=x.device, dtype=torch.int64).contiguous()


def _ordered_reset(reset: Tensor, lengths: Tensor | None, reverse: bool) -> Tensor:
    """Where the state is set to zero before a step is taken, in the order in which steps are taken.

    Forwards that is `reset` itself. In reverse the border before step t is crossed on the way from t to t - 1, so it
    moves one step back.
    """
    if not reverse:
        return reset
    moved = torch.zeros_like(reset)
    moved[:-1] = reset[1:]
    if lengths is not None:
        t = torch.arange(reset.shape[0], device=reset.device).unsqueeze(1)
        moved = moved & (t + 1 < lengths)
    return moved

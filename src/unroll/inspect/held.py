"""How strongly the memory after each step still depends on every step.

Shapes: T steps, R steps that are asked at, I input size, H output size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.inspect.trace import Opened, Subject, opened, own_scans
from unroll.inspect.watch import Seen, watch

#: Numbers that the rows of one pass may hold at once: copies x steps x units.
_MOST = 12_000_000
#: Random directions in which a Jacobian is probed, where nothing else is said.
PROBES = 8
#: Steps that are asked at where there are more.
_ASKED = 160
#: Passes that a long input gets.
_PASSES = 2


@dataclass(frozen=True)
class Held:
    """What the memory after some steps depends on.

    Attributes:
        at: the R steps that were asked at, ascending.
        sizes: (R, T) float64: about ||d h_t / d x_s||_F, the size of what a change of step s changes after step t.
    """

    at: tuple[int, ...]
    sizes: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """(R, T) each row as shares of its sum."""
        return np.asarray(self.sizes / np.maximum(self.sizes.sum(axis=1, keepdims=True), 1e-300))


def held(
    model: Subject,
    given: Any,
    *,
    row: int = 0,
    at: Sequence[int] | None = None,
    probes: int = PROBES,
    seed: int = 0,
) -> Held | None:
    """Measure how much of every step is still held after others.

    The measure is ||d h_t / d x_s||_F, with h_t the output of the highest recurrent layer after step t, in all its
    directions, and x_s what the lowest one read at step s. Its square is the expected square of a random combination of
    the outputs, differentiated (Hutchinson 1990, "A stochastic estimator of the trace"), of which the mean over
    `probes` is taken. The measure is that of Bengio, Simard and Frasconi 1994, "Learning long-term dependencies with
    gradient descent is difficult", section III, at the network's input.

    Example:
        >>> import torch, unroll
        >>> found = held(unroll.GRU(3, 5), torch.randn(7, 1, 3), at=[2, 6])
        >>> found.at, found.sizes.shape, bool((found.sizes[0, 3:] == 0).all())
        ((2, 6), (2, 7), True)

    Args:
        model: as in `trace`.
        given: likewise.
        row: which of several.
        at: the steps that are asked at; evenly spread ones, the last among them, if None.
        probes: random directions; the relative error of the square is at most sqrt(2 / probes).
        seed: of the random directions.

    Returns:
        Held, or None if nothing connects the input with the output, or if one row of it would take too much memory.
    """
    subject = opened(model, given, row)
    with torch.no_grad():
        scans = _reading(subject)
    if not scans:
        return None
    steps = _steps(scans[0], subject.row)
    width = sum(seen.scan.output.shape[0] * seen.scan.output.shape[2] for seen in scans)
    room = _MOST // max(1, 8 * width)
    if room == 0 or steps == 0:
        return None
    asked = tuple(at) if at is not None else _spread(steps, min(_ASKED, _PASSES * room))
    generator = torch.Generator().manual_seed(seed)
    squares = np.zeros((len(asked), steps))
    together = subject.costs is not None
    for start in range(0, len(asked), room):
        part = asked[start : start + room]
        passes = _copies if together else _one_by_one
        found = passes(subject, part, steps, _Directions(probes, generator))
        if found is None:
            return None
        squares[start : start + room] = found
    return Held(asked, np.sqrt(squares))


def _reading(subject: Opened) -> list[Seen]:
    """The scans that read the input, and not those with steps of their own."""
    scans = watch(subject.network, lambda: subject.ask(subject.inputs)).scans
    return [seen for seen in own_scans(scans, subject) if subject.names_of(seen.module) is None]


@contextmanager
def _grounded(subject: Opened) -> Iterator[None]:
    """What the lowest layers read is such that gradients by it may be asked for, whatever the network does before."""
    with torch.no_grad():
        scans = _reading(subject)
    lowest = {seen.module for seen in scans if seen.depth == scans[0].depth}

    def enter(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if args and isinstance(args[0], Tensor) and not args[0].requires_grad:
            return (args[0].detach().requires_grad_(), *args[1:])
        return args

    handles = [subject.network.get_submodule(name).register_forward_pre_hook(enter) for name in lowest]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Directions(NamedTuple):
    """How many random directions, and where they come from."""

    number: int
    generator: torch.Generator


def _spread(steps: int, count: int) -> tuple[int, ...]:
    """So many steps, the last one among them."""
    return tuple(
        sorted({round(step) for step in np.linspace(steps - 1, 0, min(steps, count), endpoint=steps <= count)})
    )


def _steps(seen: Seen, row: int) -> int:
    lengths = seen.scan.lengths
    return seen.scan.x.shape[0] if lengths is None else int(lengths[row])


def _copies(subject: Opened, at: Sequence[int], steps: int, directions: _Directions) -> np.ndarray | None:
    """(R, T) squares, from one pass over R copies of the row: each copy is asked at a step of its own."""
    inputs = _repeated(subject.inputs, len(at))
    with _grounded(subject):
        scans = _reading(subject._replace(inputs=inputs))
    places = torch.tensor(at)
    copies = torch.arange(len(at))
    outputs = [output[places, copies] for output in _outputs(scans)]
    found: np.ndarray | None = _probed(
        outputs, _reads(scans), directions, lambda gradient: gradient.square().sum(dim=2).T[:, :steps]
    )
    return found


def _one_by_one(subject: Opened, at: Sequence[int], steps: int, directions: _Directions) -> np.ndarray | None:
    """(R, T) squares, from one pass forward and many back: which dimension of a module's input is the batch is not
    known."""
    with _grounded(subject):
        scans = _reading(subject._replace(inputs=_repeated(subject.inputs, 1)))
    reads, outputs = _reads(scans), _outputs(scans)
    rows = []
    for step in at:
        found = _probed(
            [output[step, subject.row] for output in outputs],
            reads,
            directions,
            lambda gradient: gradient[:, subject.row].square().sum(dim=1)[None, :steps],
        )
        if found is None:
            return None
        rows.append(found)
    return np.concatenate(rows)


def _probed(outputs: Sequence[Tensor], reads: Sequence[Tensor], directions: _Directions, squares: Any) -> Any:
    """The mean over random directions of what `squares` makes of the gradient by the steps."""
    if not any(output.requires_grad for output in outputs) or not reads:
        return None
    total = 0.0
    for _ in range(directions.number):
        signs = [
            torch.randint(0, 2, output.shape, generator=directions.generator).to(output.device, output.dtype) * 2 - 1
            for output in outputs
        ]
        mixed = torch.stack([(output * sign).sum() for output, sign in zip(outputs, signs, strict=True)]).sum()
        gradients = torch.autograd.grad(mixed, reads, retain_graph=True, allow_unused=True)
        known = [gradient for gradient in gradients if gradient is not None]
        if not known:
            return None
        total = total + squares(torch.stack(known).sum(dim=0)).detach().double().cpu().numpy() / directions.number
    return total


def _reads(scans: Sequence[Seen]) -> list[Tensor]:
    """What the lowest layer read, once for each tensor."""
    first = [seen.scan.x for seen in scans if seen.depth == scans[0].depth and seen.scan.x.requires_grad]
    return list({id(x): x for x in first if x.shape == first[0].shape}.values())


def _outputs(scans: Sequence[Seen]) -> list[Tensor]:
    """What the highest layer that has the steps of the lowest gave, in each direction."""
    steps = scans[0].scan.x.shape[0]
    same = [seen for seen in scans if seen.scan.x.shape[0] == steps]
    top = max(seen.depth for seen in same)
    return [seen.scan.output for seen in same if seen.depth == top]


def _repeated(value: Any, count: int) -> Any:
    """A batch of one as a batch of `count`; numbers are such that gradients by them may be asked for."""
    if isinstance(value, Tensor):
        rows = value.detach().repeat(count, *([1] * (value.dim() - 1))) if value.dim() else value
        return rows.requires_grad_() if rows.is_floating_point() else rows
    if isinstance(value, tuple):
        parts = [_repeated(part, count) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [_repeated(part, count) for part in value]
    return value

"""The native scan as an operator of torch, `torch.ops.unroll.scan`, whose gradient is `torch.ops.unroll.scan_backward`.

Compiled and exported graphs see it, and so do dispatch modes; eager code takes the shorter way in `native_stack.py`.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from unroll.kernels.native_layer import Kept, Scan, allocate, backward_layer, forward_layer, rows, settled
from unroll.kernels.native_plan import NOISE, PARAMETERS, Known, Recipe, Sizes, cell_of, plan, sizes
from unroll.kernels.native_stack import Stack, Work, flat, through_reference

# One argument for each parameter and mask: the autograd of registered operators takes no lists of optional tensors.
_OPTIONAL = "".join(
    f", Tensor? {name}" for name in (*PARAMETERS, "lengths", "reset", *(f"{name}_mask" for name in NOISE))
)
_INPUTS = (
    f"Tensor x, Tensor h0, Tensor? c0{_OPTIONAL},"
    " str cell, int options, float cell_clip, float zoneout_h, float zoneout_c, bool reverse, bool trace, int recompute"
)
_SOURCES = 3 + len(PARAMETERS)
_INPUT_COUNT = _SOURCES + 2 + len(NOISE) + 8

#: Where x, h0, c0 and the parameters of one scan stand in what `flat` gives.
_OWN = (0, 4, 5, *range(6 + len(NOISE), 6 + len(NOISE) + len(PARAMETERS)))

_library = torch.library.Library("unroll", "DEF")  # type: ignore[no-untyped-call]
_SCHEMAS = (
    f"scan({_INPUTS}, bool save) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    f"scan_backward({_INPUTS}, Tensor y, Tensor saved, Tensor? dy, Tensor? dh_n, Tensor? dc_n, bool[] wanted)"
    " -> Tensor[]",
)
for _schema in _SCHEMAS:
    _library.define(_schema)  # type: ignore[no-untyped-call]


class Mode(NamedTuple):
    """How a scan runs: the cell, and as in `Call`."""

    how: Recipe
    trace: bool
    recompute: int


def arguments(scan: Scan, mode: Mode) -> tuple[Any, ...]:
    """A scan as the operator takes it."""
    x, lengths, reset, reverse, h0, c0, *noise, params = scan
    return (x, h0, c0, *params, lengths, reset, *noise, *mode.how, reverse, mode.trace, mode.recompute)


def _unflat(flat: tuple[Any, ...]) -> tuple[Scan, Mode]:
    x, h0, c0 = flat[:3]
    lengths, reset, *rest = flat[_SOURCES:]
    *how, reverse, trace, recompute = rest[len(NOISE) :]
    scan = Scan._make((x, lengths, reset, reverse, h0, c0, *rest[: len(NOISE)], tuple(flat[3:_SOURCES])))
    return scan, Mode(Recipe(*how), trace, recompute)


def _known(scan: Scan, mode: Mode, *, rates: bool = True) -> Known:
    """What is known of a cell; without `rates` of one with any, where they may be symbolic and make no difference."""
    how = mode.how if rates else Recipe(mode.how.cell, mode.how.options, 1.0, 0.5, 0.5)
    # Sizes of parameters may be symbolic, too, and are made plain.
    made = plan(how, scan.x.dtype, *[int(size) for size in sizes(how, scan.params)])
    return Known(None, made, Sizes(made.states, made.gates, made.hidden_size), len(PARAMETERS))


def _settled(scan: Scan) -> Scan:
    """The same values in the memory layout that the extension takes."""
    x, lengths, reset, reverse, h0, c0, *noise, params = scan
    last = [settled(value) for value in (h0, c0, *noise)]
    weights = tuple([settled(value) for value in params])
    return Scan._make((rows(x), settled(lengths), settled(reset), reverse, *last, weights))


def scan_op(scan: Scan, mode: Mode) -> list[Tensor]:
    """y, the last state and the trace of a scan through the registered operator."""
    # A program that was exported may still be trained: its backward pass runs forward again for what was not kept.
    save = torch.is_grad_enabled() and mode.recompute == 0 and not torch.compiler.is_exporting()
    y, h_n, c_n, gates, c, _ = torch.ops.unroll.scan(*arguments(scan, mode), save)
    memory = scan.c0 is not None
    found = [y, h_n, *([c_n] if memory else [])]
    return [*found, *([gates] if gates.numel() else []), *([c] if memory else [])] if mode.trace else found


def saved_bytes(scan: Scan, mode: Mode) -> int:
    """Bytes that the operator keeps for backward: a bound linear in T*B, B and T, so that it may be symbolic."""
    made = _known(scan, mode, rates=False).plan
    steps, batch = scan.x.shape[0], scan.x.shape[1]
    # Above a few hundred rows every rounding up to a vector or a cache line is paid for by the slack below.
    per_row = -(-(made.saved_bytes(64, 64, 64 * 64, 0) - made.saved_bytes(0, 64, 0, 0)) // (64 * 64))
    per_batch = -(-made.saved_bytes(0, 64, 0, 0) // 64)
    bound: int = per_row * steps * batch + per_batch * batch + 64 * steps + 4096
    return bound


def _scan_cpu(*flat: Any) -> tuple[Tensor, ...]:
    scan, mode = _unflat(flat[:_INPUT_COUNT])
    scan = _settled(scan)
    none = scan.x.new_empty(0)
    saved = torch.empty(saved_bytes(scan, mode) if flat[-1] else 0, dtype=torch.uint8)
    keep = [saved] if flat[-1] else None
    _, (out,), _ = forward_layer(_known(scan, mode), scan.x, [scan], mode.trace, mode.recompute, keep, False)
    return (*(none.clone() if value is None else value for value in out), saved)


def _scan_fake(*flat: Any) -> tuple[Tensor, ...]:
    scan, mode = _unflat(flat[:_INPUT_COUNT])
    out = allocate(scan.x, None, _known(scan, mode, rates=False).sizes, mode.trace)
    saved = scan.x.new_empty(saved_bytes(scan, mode) if flat[-1] else 0, dtype=torch.uint8)
    return (*(scan.x.new_empty(0) if value is None else value for value in out), saved)


def _backward_cpu(*flat: Any) -> list[Tensor]:
    scan, mode = _unflat(flat[:_INPUT_COUNT])
    y, saved, *upstream, wanted = flat[_INPUT_COUNT:]
    scan, known = _settled(scan), _known(scan, mode)
    packed = known.plan.pack(scan.params, True, torch.get_num_threads())
    kept: Any
    if saved.numel():
        # The backward pass writes into what forward kept, and an operator must leave its arguments alone.
        kept = Kept([packed], [saved.clone()])
    else:
        y, _, kept = forward_layer(known, scan.x, [scan], False, mode.recompute, True, False)
    want = (*wanted[:3], wanted[3:])
    d_last = upstream[: 1 + len(known.sizes.states)]
    (found,) = backward_layer(known, scan.x, [scan], kept, rows(y), [d_last], [want], mode.recompute)
    return [scan.x.new_empty(0) if value is None else value for value in (*found[:3], *found.params)]


def _backward_fake(*flat: Any) -> list[Tensor]:
    scan, _ = _unflat(flat[:_INPUT_COUNT])
    sources = (scan.x, scan.h0, scan.c0, *scan.params)
    return [
        scan.x.new_empty(value.shape if want and value is not None else (0,))
        for value, want in zip(sources, flat[-1], strict=True)
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    scan, ctx.mode = _unflat(inputs[:_INPUT_COUNT])
    x, lengths, reset, ctx.reverse, h0, c0, *noise, params = scan
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, lengths, reset, h0, c0, *noise, *params, output[0], output[-1])


def _differentiate(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
    x, lengths, reset, h0, c0, *rest, y, saved = ctx.saved_tensors
    scan = Scan._make((x, lengths, reset, ctx.reverse, h0, c0, *rest[: len(NOISE)], tuple(rest[len(NOISE) :])))
    mode, has_c = ctx.mode, c0 is not None
    dy, dh_n, dc_n, d_gates, d_c, _ = gradients
    # What the cell or the mode does not have is an empty tensor, and so is its gradient.
    traced = [d for d in (d_gates, d_c if has_c else None) if d is not None and d.numel() > 0] if mode.trace else []
    wanted = list(ctx.needs_input_grad[:_SOURCES])
    if torch.is_grad_enabled() or traced:
        found = _through_reference(scan, mode, gradients, wanted)
    else:
        upstream = (dy, dh_n, dc_n if has_c else None)
        flat = torch.ops.unroll.scan_backward(*arguments(scan, mode), y, saved, *upstream, wanted)
        found = [value if want else None for value, want in zip(flat, wanted, strict=True)]
    return (*found, *(None,) * (_INPUT_COUNT + 1 - _SOURCES))


def _through_reference(scan: Scan, mode: Mode, gradients: Any, wanted: list[bool]) -> list[Tensor | None]:
    """As `native_stack.through_reference`, of this one scan."""
    known = _known(scan, mode)._replace(cell=cell_of(mode.how, scan.params))
    states = len(known.sizes.states)
    dy, dh_n, dc_n, d_gates, d_c, _ = gradients
    upstream = [dy, dh_n, dc_n][: 1 + states]
    if mode.trace:
        upstream += ([d_gates] if known.sizes.gates else []) + ([d_c] if states > 1 else [])
    stack = Stack(((known, (scan.reverse,)),), mode.trace, mode.recompute, False)
    values = flat([Work(known, None, [scan])])
    needed = [False] * len(values)
    for at, want in zip(_OWN, wanted, strict=True):
        needed[at] = want
    found = through_reference(stack, values, upstream, needed)
    return [found[at] for at in _OWN]


@register_flop_formula([torch.ops.unroll.scan, torch.ops.unroll.scan_backward])
def _flops(
    x: Any, h0: Any, c0: Any, weight_ih: Any, weight_hh: Any, *rest: Any, out_shape: Any = None, **names: Any
) -> int:
    """Of the two products; those of backward are twice as many."""
    weights = weight_ih[0] * weight_ih[1] + (0 if weight_hh is None else weight_hh[0] * weight_hh[1])
    forward: int = 2 * x[0] * x[1] * weights
    return forward * (2 if isinstance(out_shape, list) else 1)


for _name, _run in (("scan", _scan_cpu), ("scan_backward", _backward_cpu)):
    _library.impl(_name, _run, "CPU")  # type: ignore[no-untyped-call]
torch.library.register_fake("unroll::scan", _scan_fake, lib=_library)
torch.library.register_fake("unroll::scan_backward", _backward_fake, lib=_library)
torch.library.register_autograd("unroll::scan", _differentiate, setup_context=_keep, lib=_library)

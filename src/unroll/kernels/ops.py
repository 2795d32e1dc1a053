"""The native scan as operators of torch: `torch.ops.unroll.scan` and `torch.ops.unroll.scan_backward`.

Compiled and exported graphs see these; eager code takes the shorter way in `native.py`.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unroll.kernels import native_plan, native_scan
from unroll.kernels.native_gradient import through_reference
from unroll.kernels.native_plan import NOISE, PARAMETERS, Recipe
from unroll.kernels.native_scan import Inputs, Mode, Outputs, Scan, Upstream, Wanted

#: Names of the masks as arguments; two of them are also names of rates.
NOISE_MASKS = tuple(f"{name}_mask" for name in NOISE)
# One argument for each parameter and mask: the autograd of registered operators takes no lists of optional tensors.
_OPTIONAL = "".join(f", Tensor? {name}" for name in (*PARAMETERS, "lengths", "reset", *NOISE_MASKS))
_INPUTS = (
    f"Tensor x, Tensor h0, Tensor? c0{_OPTIONAL},"
    " str cell, int options, float cell_clip, float zoneout_h, float zoneout_c, bool reverse, bool trace, int recompute"
)
_SOURCES = 3 + len(PARAMETERS)
_INPUT_COUNT = _SOURCES + 2 + len(NOISE_MASKS) + 8

_library = torch.library.Library("unroll", "DEF")  # type: ignore[no-untyped-call]
_SCHEMAS = (
    f"scan({_INPUTS}, bool save) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    f"scan_backward({_INPUTS}, Tensor y, Tensor saved, Tensor? dy, Tensor? dh_n, Tensor? dc_n, bool[] wanted)"
    " -> Tensor[]",
)
for _schema in _SCHEMAS:
    _library.define(_schema)  # type: ignore[no-untyped-call]


def _unflat(arguments: tuple[Any, ...]) -> tuple[Inputs, Mode]:
    x, h0, c0 = arguments[:3]
    lengths, reset, *rest = arguments[_SOURCES:]
    *how, reverse, trace, recompute = rest[len(NOISE_MASKS) :]
    inputs = Inputs(x, h0, c0, tuple(arguments[3:_SOURCES]), lengths, reset, tuple(rest[: len(NOISE_MASKS)]))
    return inputs, Mode(Recipe(*how), reverse, trace, recompute)


def _arguments(inputs: Inputs, mode: Mode) -> tuple[Any, ...]:
    x, h0, c0, params, lengths, reset, noise = inputs
    return (x, h0, c0, *params, lengths, reset, *noise, *mode.how, mode.reverse, mode.trace, mode.recompute)


def scan_op(inputs: Inputs, mode: Mode) -> Outputs:
    """Run the scan through the registered operator."""
    # A program that was exported may still be trained: its backward pass runs forward again for what was not kept.
    save = torch.is_grad_enabled() and mode.recompute == 0 and not torch.compiler.is_exporting()
    y, h_n, c_n, gates, c, _ = torch.ops.unroll.scan(*_arguments(inputs, mode), save)
    has_c, has_gates = inputs.c0 is not None, mode.trace and gates.numel() > 0
    return Outputs(y, h_n, c_n if has_c else None, gates if has_gates else None, c if has_c and mode.trace else None)


def saved_bytes(inputs: Inputs, mode: Mode) -> int:
    """Bytes that the operator keeps for backward: a bound linear in T*B, B and T, so that it may be symbolic."""
    # Sizes of parameters and rates may be symbolic here; the former are made plain, the latter make no difference.
    how = Recipe(mode.how.cell, mode.how.options, 1.0, 0.5, 0.5)
    plan = native_plan.plan(how, inputs.x.dtype, *(int(size) for size in native_plan.sizes(inputs.params)))
    steps, batch = inputs.x.shape[0], inputs.x.shape[1]
    # Above a few hundred rows every rounding up to a vector or a cache line is paid for by the slack below.
    per_row = -(-(plan.saved_bytes(64, 64, 64 * 64, 0) - plan.saved_bytes(0, 64, 0, 0)) // (64 * 64))
    per_batch = -(-plan.saved_bytes(0, 64, 0, 0) // 64)
    bound: int = per_row * steps * batch + per_batch * batch + 64 * steps + 4096
    return bound


def _scan_cpu(*arguments: Any) -> tuple[Tensor, ...]:
    *flat, save = arguments
    inputs, mode = _unflat(tuple(flat))
    scan = Scan(native_scan.settled(inputs), mode)
    plan = native_scan.plan_of(inputs, mode.how)
    none = inputs.x.new_empty(0)
    if save:
        saved = torch.empty(saved_bytes(inputs, mode), dtype=torch.uint8)
        _, (out,), _ = native_scan.forward(plan, [scan], [native_scan.pack(plan, inputs.params)], saved)
    else:
        saved = torch.empty(0, dtype=torch.uint8)
        _, (out,), _ = native_scan.forward(plan, [scan], None, None)
    return (*(none.clone() if value is None else value for value in out), saved)


def _scan_fake(*arguments: Any) -> tuple[Tensor, ...]:
    *flat, save = arguments
    inputs, mode = _unflat(tuple(flat))
    out = native_scan.allocate(inputs, mode)
    saved = inputs.x.new_empty(saved_bytes(inputs, mode) if save else 0, dtype=torch.uint8)
    return (*(inputs.x.new_empty(0) if value is None else value for value in out), saved)


def _backward_cpu(*arguments: Any) -> list[Tensor]:
    inputs, mode = _unflat(arguments[:_INPUT_COUNT])
    y, saved, dy, dh_n, dc_n, wanted = arguments[_INPUT_COUNT:]
    scan = Scan(native_scan.settled(inputs), mode._replace(trace=False))
    plan = native_scan.plan_of(inputs, mode.how)
    packed = native_scan.pack(plan, inputs.params)
    kept: Any
    if saved.numel():
        # The backward pass writes into what forward kept, and an operator must leave its arguments alone.
        kept = [saved.clone()]
    else:
        _, _, kept = native_scan.forward(plan, [scan], [packed], True)
    upstream, want = Upstream(dy, dh_n, dc_n), Wanted(wanted[0], wanted[1], wanted[2], wanted[3:])
    (found,) = native_scan.backward(plan, [scan], [packed], [y], kept, [upstream], [want])
    flat = (found.x, found.h0, found.c0, *found.params)
    return [inputs.x.new_empty(0) if value is None else value for value in flat]


def _backward_fake(*arguments: Any) -> list[Tensor]:
    inputs, _ = _unflat(arguments[:_INPUT_COUNT])
    wanted = arguments[-1]
    sources = (inputs.x, inputs.h0, inputs.c0, *inputs.params)
    return [
        inputs.x.new_empty(value.shape if want and value is not None else (0,))
        for value, want in zip(sources, wanted, strict=True)
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    given, mode = _unflat(inputs[:_INPUT_COUNT])
    ctx.mode = mode
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(
        given.lengths, given.reset, *given.noise, given.x, given.h0, given.c0, *given.params, output[0], output[-1]
    )


def _differentiate(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
    lengths, reset, *rest, y, saved = ctx.saved_tensors
    noise, (x, h0, c0), params = rest[:3], rest[3:6], rest[6:]
    inputs, mode = Inputs(x, h0, c0, tuple(params), lengths, reset, tuple(noise)), ctx.mode
    dy, dh_n, dc_n, d_gates, d_c, _ = gradients
    # What the cell or the mode does not have is an empty tensor, and so is its gradient.
    dc_n = dc_n if c0 is not None else None
    d_c = d_c if c0 is not None and mode.trace else None
    d_gates = d_gates if d_gates is not None and d_gates.numel() > 0 else None
    wanted = list(ctx.needs_input_grad[:_SOURCES])
    if torch.is_grad_enabled() or d_gates is not None or d_c is not None:
        found = through_reference(inputs, mode, tuple(wanted), (dy, dh_n, dc_n, d_gates, d_c))
    else:
        flat = torch.ops.unroll.scan_backward(*_arguments(inputs, mode), y, saved, dy, dh_n, dc_n, wanted)
        found = tuple(value if want else None for value, want in zip(flat, wanted, strict=True))
    return (*found, *(None,) * (_INPUT_COUNT + 1 - _SOURCES))


for _name, _run in (("scan", _scan_cpu), ("scan_backward", _backward_cpu)):
    _library.impl(_name, _run, "CPU")  # type: ignore[no-untyped-call]
torch.library.register_fake("unroll::scan", _scan_fake, lib=_library)
torch.library.register_fake("unroll::scan_backward", _backward_fake, lib=_library)
torch.library.register_autograd("unroll::scan", _differentiate, setup_context=_keep, lib=_library)

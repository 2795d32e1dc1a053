"""The scan operator of a graph that torch.export captured, as a recurrent node of ONNX.

Shapes: T time, B batch, I input size, H hidden size, G gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from unroll.engine import scan  # noqa: F401 - the engine registers torch.ops.unroll.scan
from unroll.errors import ConfigError
from unroll.interop.weights import ONNX, TORCH

#: The nonlinearities of an ONNX RNN by the operator's name of the cell; the other two have ONNX's own defaults.
_RNN = {"rnn_tanh": "Tanh", "rnn_relu": "Relu"}
#: What an ONNX node has no word for, by the parameter or argument of the operator that shows it.
_NO_WORD = {
    "weight_hr": "a projection (proj_size)",
    "gain_ih": "layer normalisation inside a cell (layer_norm)",
    "gain_c": "layer normalisation inside a cell (layer_norm)",
    "reset": "a new start inside a sequence (reset)",
    "dropout_mask": "random factors; export in evaluation mode",
    "zoneout_h_mask": "random factors; export in evaluation mode",
    "zoneout_c_mask": "random factors; export in evaluation mode",
    "cell_clip": "a bound of the memory (cell_clip); ONNX's clip bounds what enters the activations",
    "zoneout_h": "zoneout's expectation in evaluation (zoneout)",
    "zoneout_c": "zoneout's expectation in evaluation (zoneout)",
    "trace": "the trace of a scan",
}


def scan_operator() -> Any:
    """The operator, which is there whether or not the extension was built."""
    return torch.ops.unroll.scan.default


def arguments(given: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
    """The operator's arguments by name."""
    names = [argument.name for argument in scan_operator()._schema.arguments]
    return dict(zip(names, given, strict=False)) | options


def objection(call: dict[str, Any]) -> str | None:
    """What ONNX's nodes cannot express of one call of the operator, or None."""
    for name, words in _NO_WORD.items():
        value = call.get(name)
        if value is not None and not (isinstance(value, bool | int | float) and not value):
            return words
    return None


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What `torch.onnx.export(..., dynamo=True, custom_translation_table=...)` needs for modules with unroll's layers.

    Example:
        >>> import torch, unroll
        >>> from unroll.interop import onnx_translations
        >>> program = torch.onnx.export(
        ...     unroll.GRU(3, 5).eval(), (torch.zeros(7, 2, 3),), dynamo=True, verbose=False,
        ...     custom_translation_table=onnx_translations(),
        ... )  # doctest: +SKIP

    Raises:
        MissingExtraError: onnxscript is not installed.
    """
    return {scan_operator(): _scan}


def _scan(*given: Any, **options: Any) -> tuple[Any, ...]:
    """One node for one call of the operator: y, h_n, c_n, and stand-ins for what only training needs."""
    from onnxscript import opset18

    # Its types know neither lists nor the values of a graph.
    op: Any = opset18
    call = arguments(given, options)
    against = objection(call)
    if against is not None:
        raise ConfigError(f"ONNX has no node for {against}")
    kind, coupled = call["cell"], _is_coupled(call)
    gates = TORCH.lstm if kind == "lstm" else TORCH.gru if kind.startswith("gru") else "h"
    target = ONNX.lstm if kind == "lstm" else ONNX.gru if kind.startswith("gru") else "h"
    own = gates.replace("f", "") if coupled else gates
    size = call["weight_hh"].shape[1]

    def turned(value: Any, source: str, order: str) -> Any:
        if source == order:
            return value
        rows = [source.find(letter) for letter in order]
        # ONNX wants a block for the forget gate even where it is not read.
        index = [max(row, 0) * size + step for row in rows for step in range(size)]
        return op.Gather(value, op.Constant(value_ints=index), axis=0)

    w, r = (op.Unsqueeze(turned(call[f"weight_{name}"], own, target), [0]) for name in ("ih", "hh"))
    b = None
    if call["bias_ih"] is not None:
        both = [turned(call[f"bias_{name}"], own, target) for name in ("ih", "hh")]
        b = op.Unsqueeze(op.Concat(*both, axis=0), [0])
    lengths = None if call["lengths"] is None else op.Cast(call["lengths"], to=6)
    h0 = op.Unsqueeze(call["h0"], [0])
    how = {"hidden_size": size, "direction": "reverse" if call["reverse"] else "forward"}
    if kind == "lstm":
        p = None
        if call["weight_peephole"] is not None:
            held = TORCH.peephole.replace("f", "") if coupled else TORCH.peephole
            p = op.Unsqueeze(turned(call["weight_peephole"], held, ONNX.peephole), [0])
        c0 = op.Unsqueeze(call["c0"], [0])
        y, h_n, c_n = op.LSTM(call["x"], w, r, b, lengths, h0, c0, p, input_forget=int(coupled), **how)
        c_n = op.Squeeze(c_n, [0])
    elif kind.startswith("gru"):
        y, h_n = op.GRU(call["x"], w, r, b, lengths, h0, linear_before_reset=int(kind == "gru"), **how)
        c_n = op.Constant(value_float=0.0)
    else:
        y, h_n = op.RNN(call["x"], w, r, b, lengths, h0, activations=[_RNN[kind]], **how)
        c_n = op.Constant(value_float=0.0)
    none = op.Constant(value_float=0.0)
    return op.Squeeze(y, [1]), op.Squeeze(h_n, [0]), c_n, none, none, none


def _is_coupled(call: dict[str, Any]) -> bool:
    rows, size = call["weight_ih"].shape[0], call["weight_hh"].shape[1]
    return bool(call["cell"] == "lstm" and rows == 3 * size)

"""The activation functions that ONNX's recurrent nodes may name.

Source: ONNX operators, RNN, attributes `activations`, `activation_alpha`, `activation_beta`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unroll.interop.cells import RELU, SIGMOID, TANH, Activation

_DEFAULTS = {
    "RNN": ["tanh"],
    "GRU": ["sigmoid", "tanh"],
    "LSTM": ["sigmoid", "tanh", "tanh"],
}
_PLAIN = {
    "relu": RELU,
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "softsign": Activation("softsign", functional.softsign),
    "softplus": Activation("softplus", functional.softplus),
}


def _affine(x: Tensor, a: float, b: float) -> Tensor:
    return a * x + b


def _leaky_relu(x: Tensor, a: float, b: float) -> Tensor:
    return torch.where(x >= 0, x, a * x)


def _thresholded_relu(x: Tensor, a: float, b: float) -> Tensor:
    return torch.where(x > a, x, torch.zeros_like(x))


def _scaled_tanh(x: Tensor, a: float, b: float) -> Tensor:
    return a * torch.tanh(b * x)


def _hard_sigmoid(x: Tensor, a: float, b: float) -> Tensor:
    return (a * x + b).clamp(0.0, 1.0)


def _elu(x: Tensor, a: float, b: float) -> Tensor:
    return torch.where(x >= 0, x, a * torch.expm1(x))


#: The function, and alpha and beta where the file gives none; None: it must give one. A function without beta has 0.
_SHAPED: dict[str, tuple[Callable[[Tensor, float, float], Tensor], float | None, float | None]] = {
    "affine": (_affine, None, None),
    "leakyrelu": (_leaky_relu, 0.01, 0.0),
    "thresholdedrelu": (_thresholded_relu, 1.0, 0.0),
    "scaledtanh": (_scaled_tanh, None, None),
    "hardsigmoid": (_hard_sigmoid, 0.2, 0.5),
    "elu": (_elu, 1.0, 0.0),
}
_WITH_BETA = ("affine", "scaledtanh", "hardsigmoid")


def activations(given: Mapping[str, Any], kind: str, count: int, refuse: Callable[[str], Exception]) -> list[Any]:
    """The functions of a node, `count` of them, in ONNX's order.

    alpha and beta are lists that the functions which have such a number take from in turn.

    Args:
        given: the node's attributes by name.
        kind: RNN, GRU or LSTM.
        count: how many functions the node has in all its directions.
        refuse: makes the error.
    """
    defaults = _DEFAULTS[kind] * (count // len(_DEFAULTS[kind]))
    named = [one.decode("utf-8", "replace") for one in given["activations"].strings] if "activations" in given else []
    names = named or defaults
    if len(names) != count:
        raise refuse(f"activations must be {count} names, got {len(names)}")
    numbers = {
        which: list(given[f"activation_{which}"].floats) if f"activation_{which}" in given else []
        for which in ("alpha", "beta")
    }
    found: list[Any] = []
    for name in names:
        key = name.lower()
        if key in _PLAIN:
            found.append(_PLAIN[key])
            continue
        if key not in _SHAPED:
            raise refuse(f"the activation '{name[:40]}' is not known")
        function, alpha, beta = _SHAPED[key]
        a = numbers["alpha"].pop(0) if numbers["alpha"] else alpha
        b = numbers["beta"].pop(0) if numbers["beta"] and key in _WITH_BETA else beta
        if a is None or b is None:
            raise refuse(f"the activation '{name}' needs activation_alpha and activation_beta")
        found.append(_shaped(f"{key}({a:g}, {b:g})", function, a, b))
    return found


def _shaped(name: str, function: Callable[[Tensor, float, float], Tensor], a: float, b: float) -> Activation:
    return Activation(name, lambda x: function(x, a, b))

"""unroll: recurrent networks for PyTorch.

Cells, the scan over time, kernels, tasks, and a view inside. Names are loaded at their first use, so that the command
line answers before torch is imported and the stepper runs where torch is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unroll import nn as nn
    from unroll.api import check, compare, load, train
    from unroll.backtesting import backtest
    from unroll.cells import (
        Cell,
        GRUCell,
        LightGRUCell,
        LSTMCell,
        LSTMState,
        MinGRUCell,
        ParameterSpec,
        RNNCell,
        Role,
        Step,
    )
    from unroll.cells.init import chrono, irnn, keras_default, torch_default
    from unroll.choices import explain
    from unroll.engine import scan
    from unroll.errors import BundleError, ConfigError, DataError, EngineError, MissingExtraError, UnrollError
    from unroll.interop import export_onnx, read_onnx
    from unroll.interop.accelerate import accelerate
    from unroll.layers import GRU, LSTM, RNN, Bidirectional, Merge, Recurrent, Stack
    from unroll.looking import look
    from unroll.trained import Model

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "BundleError",
    "Cell",
    "ConfigError",
    "DataError",
    "EngineError",
    "GRUCell",
    "LSTMCell",
    "LSTMState",
    "LightGRUCell",
    "Merge",
    "MinGRUCell",
    "MissingExtraError",
    "Model",
    "ParameterSpec",
    "RNNCell",
    "Recurrent",
    "Role",
    "Stack",
    "Step",
    "UnrollError",
    "accelerate",
    "backtest",
    "check",
    "chrono",
    "compare",
    "explain",
    "export_onnx",
    "irnn",
    "keras_default",
    "load",
    "look",
    "read_onnx",
    "scan",
    "torch_default",
    "train",
]

#: The module of each public name: the same list as the imports above, which type checkers read.
_MODULES = {
    "unroll.api": ("check", "compare", "load", "train"),
    "unroll.backtesting": ("backtest",),
    "unroll.cells": (
        "Cell",
        "GRUCell",
        "LSTMCell",
        "LightGRUCell",
        "MinGRUCell",
        "LSTMState",
        "ParameterSpec",
        "RNNCell",
        "Role",
        "Step",
    ),
    "unroll.cells.init": ("chrono", "irnn", "keras_default", "torch_default"),
    "unroll.engine": ("scan",),
    "unroll.errors": ("BundleError", "ConfigError", "DataError", "EngineError", "MissingExtraError", "UnrollError"),
    "unroll.interop": ("export_onnx", "read_onnx"),
    "unroll.interop.accelerate": ("accelerate",),
    "unroll.layers": ("GRU", "LSTM", "RNN", "Bidirectional", "Merge", "Recurrent", "Stack"),
    "unroll.choices": ("explain",),
    "unroll.looking": ("look",),
    "unroll.trained": ("Model",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "nn":
        # As torch has it: without an import of its own.
        return importlib.import_module("unroll.nn")
    if name not in _HOME:
        raise AttributeError(f"module 'unroll' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

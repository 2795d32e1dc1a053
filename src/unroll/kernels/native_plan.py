"""Which cells the native engine knows, and how they are told to it.

Shapes: T time, B batch, I input size, H hidden size, P projection, G gates.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import fields
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.cells import CELLS, Cell, GRUCell, LSTMCell, RNNCell
from unroll.errors import ConfigError

#: The order in which the extension takes parameters; absent ones are None.
PARAMETERS = (
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "weight_hr",
    "weight_peephole",
    "gain_ih",
    "gain_hh",
    "gain_c",
    "shift_c",
)
#: The order in which the extension takes random factors.
NOISE = ("dropout", "zoneout_h", "zoneout_c")

DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16"}

BUILD_ADVICE = "install a C++17 compiler and install unroll again, or run scripts/build-native in a checkout"


def _load() -> tuple[ModuleType | None, str]:
    """The extension, or None and why it is not there."""
    try:
        library = importlib.import_module("unroll._native")
    except ImportError as error:
        return None, f"its extension is not there ({error}); {BUILD_ADVICE}"
    wanted = os.environ.get("UNROLL_SIMD", "")
    try:
        library.set_level(wanted)
    except ValueError as error:
        raise ConfigError(f"UNROLL_SIMD: {error}") from None
    library.init_tensors(Tensor, torch.nn.Parameter, Tensor.is_neg)
    return library, ""


#: The extension module, or None; and then the reason.
LIBRARY, MISSING = _load()


class Recipe(NamedTuple):
    """What identifies a plan besides dtype and sizes: a cell by its native name, and its options.

    Plain numbers and text, so that it can be an argument of a registered operator.
    """

    cell: str
    options: int
    cell_clip: float
    zoneout_h: float
    zoneout_c: float


class Sizes(NamedTuple):
    """Sizes of what a scan writes: features of every state, h first; gates by name; H."""

    states: tuple[int, ...]
    gates: int
    hidden: int


class Known(NamedTuple):
    """What has to be known of a cell.

    Attributes:
        cell: the equation.
        plan: the extension's.
        sizes: of what it writes.
        parameters: how many of `PARAMETERS` it has.
    """

    cell: Any
    plan: Any
    sizes: Sizes
    parameters: int


_NAMES = {known: name for name, known in CELLS.items()}
#: The extension's names of its cells.
_THERE = frozenset(() if LIBRARY is None else LIBRARY.cells())
#: Fields of a cell that the extension is told of by a bit, and by a number where they are one.
_FLAGS = {
    "peephole": "PEEPHOLE",
    "coupled": "COUPLED",
    "layer_norm": "LAYER_NORM",
    "cell_clip": "CELL_CLIP",
    "zoneout": "ZONEOUT_H",
    "zoneout_h": "ZONEOUT_H",
    "zoneout_c": "ZONEOUT_C",
}
#: Those that it is told of otherwise, or that make no difference to it.
_OTHERS = {"bias", "proj_size", "nonlinearity", "reset_after", "recurrent_dropout", "dropout_per_step"}
#: All the fields that it knows: made here since the Dynamo of torch 2.10 does not trace the union of a set and keys.
_KNOWN = _OTHERS | _FLAGS.keys()
#: Stands behind the extension's name of a GRU that resets before the product.
_BEFORE = "reset_before"


def recipe(cell: Cell, with_dropout: bool) -> Recipe | None:
    """How the extension knows this cell; None if it does not. `with_dropout`: a dropout mask was drawn."""
    name = _NAMES.get(type(cell))
    if LIBRARY is None or name is None or not {field.name for field in fields(cell)[2:]} <= _KNOWN:
        return None
    if isinstance(cell, RNNCell):
        name = f"{name}_{cell.nonlinearity}"
    elif isinstance(cell, GRUCell) and not cell.reset_after:
        name = f"{name}_{_BEFORE}"
    options = LIBRARY.DROPOUT if with_dropout else 0
    told = {field: value for field in _FLAGS if (value := getattr(cell, field, None))}
    for field in told:
        options |= getattr(LIBRARY, _FLAGS[field])
    zoneout = told.get("zoneout_h", told.get("zoneout", 0.0))
    how = Recipe(name, options, told.get("cell_clip", 0.0), zoneout, told.get("zoneout_c", 0.0))
    return how if name in _THERE else None


def cell_of(how: Recipe, params: tuple[Tensor | None, ...]) -> Cell:
    """The cell that a recipe stands for, from parameters in the order of `PARAMETERS`; the opposite of `recipe`.

    Rates of dropout are not part of a recipe: a mask that was drawn says everything.
    """
    if LIBRARY is None:
        raise RuntimeError(MISSING)
    input_size, hidden_size, proj_size = sizes(how, params)
    name, _, variant = how.cell.partition("_")
    told: dict[str, Any] = {field: bool(how.options & getattr(LIBRARY, bit)) for field, bit in _FLAGS.items()}
    told |= {"bias": params[PARAMETERS.index("bias_ih")] is not None, "proj_size": proj_size}
    told |= {"nonlinearity": variant, "reset_after": variant != _BEFORE}
    told |= {"cell_clip": how.cell_clip if told["cell_clip"] else None}
    told |= {"zoneout": how.zoneout_h, "zoneout_h": how.zoneout_h, "zoneout_c": how.zoneout_c}
    kind: Any = CELLS[name]
    cell: Cell = kind(input_size, hidden_size, **{f.name: told[f.name] for f in fields(kind)[2:] if f.name in told})
    return cell


_plans: dict[tuple[Any, ...], Any] = {}


def plan(how: Recipe, dtype: torch.dtype, input_size: int, hidden_size: int, proj_size: int) -> Any:
    """The extension's plan, made once.

    Raises:
        RuntimeError: the extension does not have this combination; the text says which.
    """
    key = (how, dtype, input_size, hidden_size, proj_size)
    found = _plans.get(key)
    if found is None:
        if LIBRARY is None:
            raise RuntimeError(MISSING)
        found = _plans[key] = LIBRARY.Plan(how.cell, DTYPES[dtype], input_size, hidden_size, proj_size, *how[1:])
    return found


def described(cell: Cell, dtype: torch.dtype, with_dropout: bool) -> Recipe | str:
    """How the extension knows a cell, or why it does not. `with_dropout`: a mask was drawn."""
    if dtype not in DTYPES:
        return f"it takes {', '.join(DTYPES.values())}, and x is {dtype}"
    how = recipe(cell, with_dropout)
    if how is None:
        known = ", ".join(one.__name__ for one in CELLS.values())
        return f"it has {known}, and not {type(cell).__name__}"
    proj_size = cell.proj_size if isinstance(cell, LSTMCell) else 0
    against = objection(how.cell, how.options, dtype, cell.input_size, cell.hidden_size, proj_size)
    if against is not None:
        return f"it cannot run {type(cell).__name__} with these options in {dtype} ({against})"
    return how


def examined(cell: Cell, dtype: torch.dtype, with_dropout: bool) -> Known | str:
    """What has to be known of a cell, or why the extension does not know it."""
    how = described(cell, dtype, with_dropout)
    if isinstance(how, str):
        return how
    proj_size = cell.proj_size if isinstance(cell, LSTMCell) else 0
    made = plan(how, dtype, cell.input_size, cell.hidden_size, proj_size)
    return Known(cell, made, Sizes(made.states, made.gates, made.hidden_size), len(cell.parameters()))


def objection(
    cell: str, options: int, dtype: torch.dtype, input_size: int, hidden_size: int, proj_size: int
) -> str | None:
    """What the extension says against this combination, or None. A constant while a graph is captured.

    The rates are left out: whatever they are, they make no difference.
    """
    try:
        plan(Recipe(cell, options, 1.0, 0.5, 0.5), dtype, input_size, hidden_size, proj_size)
    except RuntimeError as error:
        return str(error)
    return None


# What `torch.compiler.assume_constant_result` does. Asked itself, it imports the whole compiler, which takes
# every start of a program that imports unroll about two seconds.
objection._dynamo_marked_constant = True  # type: ignore[attr-defined]


def sizes(how: Recipe, params: tuple[Tensor | None, ...]) -> tuple[int, int, int]:
    """(I, H, P) of a cell's parameters in the order of `PARAMETERS`."""
    weight_ih, weight_hh, projection = params[0], params[1], params[4]
    if weight_ih is None:
        raise ValueError("weight_ih is missing")
    if projection is not None:
        return weight_ih.shape[1], projection.shape[1], projection.shape[0]
    if weight_hh is None:
        return weight_ih.shape[1], weight_ih.shape[0] // len(CELLS[how.cell].gates), 0
    return weight_ih.shape[1], weight_hh.shape[1], 0

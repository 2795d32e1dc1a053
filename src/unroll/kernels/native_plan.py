"""Which cells the native engine knows, and how they are told to it.

Shapes: T time, B batch, I input size, H hidden size, P projection, G gates.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Container, Sequence
from dataclasses import fields
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.cells import CELLS, Cell, GRUCell, LSTMCell, Parameters, RNNCell
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
        how: its name and options in the extension.
        plan: the extension's.
        sizes: of what it writes.
        names: of its parameters, in the order of `PARAMETERS`.
        places: where they stand there; None if they are the first of them, and `absent` what comes after them.
    """

    cell: Any
    how: Recipe
    plan: Any
    sizes: Sizes
    names: tuple[str, ...]
    places: tuple[int, ...] | None
    absent: tuple[None, ...]

    def all_parameters(self, own: Sequence[Any]) -> tuple[Any, ...]:
        """Something of each of its parameters as something of each of `PARAMETERS`, None where it has none."""
        if self.places is None:
            return (*own, *self.absent)
        found = dict(zip(self.places, own, strict=True))
        return tuple([found.get(place) for place in range(len(PARAMETERS))])

    def own_parameters(self, every: Sequence[Any]) -> Sequence[Any]:
        """The opposite."""
        if self.places is None:
            return every[: len(self.names)]
        return [every[place] for place in self.places]


_NAMES = {known: name for name, known in CELLS.items()}
#: Fields of a cell that the extension can be told of, or that make no difference to it.
_OPTIONS = {
    "bias",
    "nonlinearity",
    "reset_after",
    "layer_norm",
    "zoneout",
    "recurrent_dropout",
    "dropout_per_step",
}
#: The extension's name of the one cell with a memory.
LSTM = _NAMES[LSTMCell]


def recipe(cell: Cell, with_dropout: bool) -> Recipe | None:
    """How the extension knows this cell; None if it does not. `with_dropout`: a dropout mask was drawn."""
    if LIBRARY is None:
        return None
    options = LIBRARY.DROPOUT if with_dropout else 0
    if type(cell) is LSTMCell:
        flags = (
            (cell.peephole, LIBRARY.PEEPHOLE),
            (cell.coupled, LIBRARY.COUPLED),
            (cell.layer_norm, LIBRARY.LAYER_NORM),
            (cell.cell_clip is not None, LIBRARY.CELL_CLIP),
            (cell.zoneout_h > 0.0, LIBRARY.ZONEOUT_H),
            (cell.zoneout_c > 0.0, LIBRARY.ZONEOUT_C),
        )
        options |= sum(bit for on, bit in flags if on)
        return Recipe(LSTM, options, cell.cell_clip or 0.0, cell.zoneout_h, cell.zoneout_c)
    name = _NAMES.get(type(cell))
    if name is None or not {field.name for field in fields(cell)[2:]} <= _OPTIONS:
        return None
    if isinstance(cell, RNNCell):
        name = f"{name}_{cell.nonlinearity}"
    elif isinstance(cell, GRUCell) and not cell.reset_after:
        name = f"{name}_reset_before"
    zoneout = getattr(cell, "zoneout", 0.0)
    options |= LIBRARY.LAYER_NORM if getattr(cell, "layer_norm", False) else 0
    options |= LIBRARY.ZONEOUT_H if zoneout > 0.0 else 0
    return Recipe(name, options, 0.0, zoneout, 0.0) if name in LIBRARY.cells() else None


def cell_of(how: Recipe, params: tuple[Tensor | None, ...]) -> Cell:
    """The cell that a recipe stands for, from parameters in the order of `PARAMETERS`; the opposite of `recipe`.

    Rates of dropout are not part of a recipe: a mask that was drawn says everything.
    """
    if LIBRARY is None:
        raise RuntimeError(MISSING)
    input_size, hidden_size, proj_size = sizes(how, params)
    bias, options = params[PARAMETERS.index("bias_ih")] is not None, how.options
    layer_norm = bool(options & LIBRARY.LAYER_NORM)
    if how.cell == LSTM:
        return LSTMCell(
            input_size,
            hidden_size,
            bias,
            proj_size,
            peephole=bool(options & LIBRARY.PEEPHOLE),
            coupled=bool(options & LIBRARY.COUPLED),
            layer_norm=layer_norm,
            cell_clip=how.cell_clip if options & LIBRARY.CELL_CLIP else None,
            zoneout_h=how.zoneout_h,
            zoneout_c=how.zoneout_c,
        )
    if how.cell.startswith(_NAMES[GRUCell]):
        reset_after = how.cell == _NAMES[GRUCell]
        return GRUCell(input_size, hidden_size, bias, reset_after, layer_norm=layer_norm, zoneout=how.zoneout_h)
    if how.cell.startswith(f"{_NAMES[RNNCell]}_"):
        nonlinearity = how.cell.removeprefix(f"{_NAMES[RNNCell]}_")
        return RNNCell(input_size, hidden_size, bias, nonlinearity, layer_norm=layer_norm, zoneout=how.zoneout_h)
    kind: Any = CELLS[how.cell]
    given = {"bias": bias, "layer_norm": layer_norm, "zoneout": how.zoneout_h}
    names = {field.name for field in fields(kind)}
    cell: Cell = kind(input_size, hidden_size, **{name: value for name, value in given.items() if name in names})
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
        found = _plans[key] = LIBRARY.Plan(
            how.cell,
            DTYPES[dtype],
            input_size,
            hidden_size,
            proj_size,
            how.options,
            how.cell_clip,
            how.zoneout_h,
            how.zoneout_c,
        )
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
    return known_of(cell, how, plan(how, dtype, cell.input_size, cell.hidden_size, proj_size), cell.parameters())


def known_of(cell: Any, how: Recipe, made: Any, names: Container[str]) -> Known:
    """What has to be known of a cell with these parameters."""
    places = tuple([place for place, name in enumerate(PARAMETERS) if name in names])
    first = places == tuple(range(len(places)))
    absent = (None,) * (len(PARAMETERS) - len(places))
    sizes = Sizes(made.states, made.gates, made.hidden_size)
    return Known(cell, how, made, sizes, tuple([PARAMETERS[at] for at in places]), None if first else places, absent)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
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


def ordered(params: Parameters) -> tuple[Tensor | None, ...]:
    """The parameters in the order of `PARAMETERS`, contiguous, None where absent."""
    get = params.get
    return tuple([None if (value := get(name)) is None else value.contiguous() for name in PARAMETERS])


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

"""Operations on states of any cell, stack or decoder: tensors in named tuples, however they are nested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to every tensor of a state."""
    if isinstance(state, Tensor):
        return function(state)
    parts = [map_state(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def select_rows(state: Any, rows: Tensor) -> Any:
    """The state of other rows: those whose numbers stand in (N,) `rows`, in that order; a row may come twice.

    Args:
        state: tensors of (B, ·).
        rows: (N,) int64, each in [0, B).

    Example:
        >>> import torch
        >>> from unroll.decoding import select_rows
        >>> select_rows((torch.tensor([[1], [2]]),), torch.tensor([1, 1, 0]))[0].flatten().tolist()
        [2, 2, 1]
    """
    return map_state(lambda part: part.index_select(0, rows), state)


def flatten_state(state: Any) -> dict[str, Tensor]:
    """A state as a flat dict, keys such as "0.h": the form in which checkpoints hold it."""
    flat: dict[str, Tensor] = {}

    def walk(part: Any, path: tuple[str, ...]) -> None:
        if isinstance(part, Tensor):
            flat[".".join(path)] = part
            return
        names = part._fields if hasattr(part, "_fields") else map(str, range(len(part)))
        for name, inner in zip(names, part, strict=True):
            walk(inner, (*path, name))

    walk(state, ())
    return flat


def restore_state(template: Any, values: Mapping[str, Tensor]) -> Any:
    """The state whose flat form is `values`, in the nesting of `template`."""
    remaining = iter([values[name] for name in flatten_state(template)])
    return map_state(lambda _: next(remaining), template)

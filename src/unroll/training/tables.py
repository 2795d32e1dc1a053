"""Gradients of tables, such as the vectors of a vocabulary, of which one step touches few rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

#: A parameter with at least so many rows and numbers may be a table of which a step touches few rows.
_ROWS, _NUMBERS = 1024, 1 << 16
#: From so many numbers on a table is worth the search for equal rows in its gradient.
_LARGE = 1 << 19


def is_table(parameter: Tensor) -> bool:
    """Whether a step may touch few rows of a parameter."""
    return parameter.dim() == 2 and parameter.shape[0] >= _ROWS and parameter.numel() >= _NUMBERS


def rows_of(gradient: Tensor) -> Tensor:
    """(N,) the rows that a coalesced sparse gradient has, ascending."""
    return gradient.indices()[0]


def with_rows(rows: Tensor, values: Tensor, table: Tensor) -> Tensor:
    """The gradient of a table by its touched rows.

    Args:
        rows: (N,) ascending, no two alike.
        values: (N, features).
        table: what it is the gradient of.
    """
    shape = tuple(table.shape)
    return torch.sparse_coo_tensor(rows.unsqueeze(0), values, shape, is_coalesced=True, check_invariants=False)


def numbers(gradients: Iterable[Tensor]) -> list[Tensor]:
    """What stands in gradients, of a sparse one its rows; they share its memory."""
    return [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]


class Tables:
    """The large tables of a model, and what holds their gradients as a whole.

    A whole gradient costs as much memory traffic as a step of a small network: it is filled with zeros, its norm is
    taken, it is scaled. So inside `by_rows` modules give the rows that were touched, by the attribute `sparse` of
    `torch.nn.Embedding`, and only AdamW, which moves every row at every step, sees it whole: in memory that is kept,
    and cleared again row by row.

    Args:
        model: what is trained.
        wanted: whether gradients by rows are worth it at all; on a GPU, equal rows are slow to find.
    """

    def __init__(self, model: nn.Module, *, wanted: bool) -> None:
        # Any: an attribute of a module is a tensor or a module to the type checker.
        self._modules: list[Any] = [module for module in model.modules() if wanted and _gives_rows(module)]
        self._whole: dict[int, Tensor] = {}

    @contextmanager
    def by_rows(self) -> Iterator[None]:
        """Inside, the modules' gradients are sparse; a parameter that is also used otherwise has a whole one."""
        for module in self._modules:
            module.sparse = True
        try:
            yield
        finally:
            for module in self._modules:
                module.sparse = False
        for module in self._modules:
            gradient = module.weight.grad
            if gradient is not None and gradient.is_sparse:
                module.weight.grad = _coalesced(gradient)

    @contextmanager
    def whole(self, parameters: Iterable[Tensor]) -> Iterator[None]:
        """Inside, sparse gradients are whole ones, and afterwards they are gone."""
        filled = []
        for index, parameter in enumerate(parameters):
            gradient = parameter.grad
            if gradient is not None and gradient.is_sparse:
                whole = self._whole.get(index)
                if whole is None:
                    whole = self._whole[index] = torch.zeros_like(parameter)
                rows = rows_of(gradient)
                parameter.grad = whole.index_copy_(0, rows, gradient.values())
                filled.append((parameter, whole, rows))
        try:
            yield
        finally:
            for parameter, whole, rows in filled:
                parameter.grad = None
                whole.index_fill_(0, rows, 0.0)


def _coalesced(gradient: Tensor) -> Tensor:
    """A sparse gradient with no row twice. Autograd forgets that it had none, and to look is faster than to sort."""
    rows = gradient._indices()[0]
    if bool((rows[1:] > rows[:-1]).all()):
        return with_rows(rows, gradient._values(), gradient)
    return gradient.coalesce()


def _gives_rows(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    if getattr(module, "sparse", None) is not False or not isinstance(weight, nn.Parameter):
        return False
    return is_table(weight) and weight.numel() >= _LARGE

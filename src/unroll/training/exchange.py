"""The sums over the processes of a run at each step: loss, counts, flags and gradients."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unroll.training.processes import Processes
from unroll.training.tables import is_table, rows_of, with_rows

#: A table of which more than this share was touched is sent whole.
_SPARSE = 0.5
#: Whole numbers by their size in bytes.
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class Sums(NamedTuple):
    """What a step found, summed over all processes.

    Attributes:
        total: summed loss.
        items: how many items the sum runs over.
        tokens: time steps seen.
        flags: the sums of the flags that the processes gave.
    """

    total: Tensor
    items: int
    tokens: int
    flags: list[int]


class Exchange:
    """Sums over the processes, which take the place of the gradients.

    What every step has goes in one operation. Of a large table, such as the vectors of a vocabulary, a step touches a
    few rows, and to send all would cost more than the step: the processes first agree which rows any of them touched,
    then those go, in a second operation. A row that no process touched has a gradient of zeros on all of them, so the
    sums are those of the whole table.

    Args:
        parameters: what has gradients.
        buffers: tensors that are not trained; each step they become those of the main process.
        processes: who takes part.

    Attributes:
        sent: bytes that this process gave to sums so far.
        seconds: how long this process was at it so far, waiting for the others included.
    """

    def __init__(self, parameters: Sequence[Tensor], buffers: Sequence[Tensor], processes: Processes) -> None:
        self._whole = [p for p in parameters if not is_table(p)]
        self._tables = [p for p in parameters if is_table(p)]
        self._processes = processes
        double = any(parameter.dtype == torch.float64 for parameter in parameters)
        self._dtype = torch.float64 if double else torch.float32
        # What the sums hold exactly rides with them: only the main process gives a value, the others zeros.
        self._riders = [
            b for b in buffers if b.is_floating_point() and torch.promote_types(b.dtype, self._dtype) == self._dtype
        ]
        self._others = [b for b in buffers if not any(b is rider for rider in self._riders)]
        self.sent = 0
        self.seconds = 0.0

    @torch.no_grad()
    def sum(self, mine: Sums) -> Sums:
        """Sum what this process found, and the gradients, over all processes.

        Raises:
            ProcessLostError: another process has ended.
        """
        if self._processes.count == 1:
            return mine
        began = time.monotonic()
        everyone = [*self._whole, *self._tables]
        has = [parameter.grad is not None for parameter in everyone]
        counts = [mine.items, mine.tokens, *mine.flags, *has]
        flat, touched, riders = self._together(
            [
                mine.total.reshape(1),
                torch.tensor(counts, dtype=self._dtype, device=self._processes.device),
                *map(_gradient, self._whole),
            ],
            [_touched(table) for table in self._tables],
            self._riders if self._processes.main else [torch.zeros_like(rider) for rider in self._riders],
        )
        total, summed, *gradients = flat
        for buffer, value in zip(self._riders, riders, strict=True):
            buffer.copy_(value)
        numbers = [int(value) for value in summed.tolist()]
        flags, anywhere = numbers[2 : 2 + len(mine.flags)], numbers[2 + len(mine.flags) :]
        # A parameter without a gradient on any process has none here either: AdamW would decay it on a zero.
        for parameter, gradient, used in zip(self._whole, gradients, anywhere, strict=False):
            parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if used else None
        tables = zip(self._tables, touched, anywhere[len(self._whole) :], strict=True)
        self._sum_tables([(table, times) for table, times, used in tables if used])
        for buffer in self._others:
            self._processes.share_(buffer)
        self.seconds += time.monotonic() - began
        return Sums(total[0], numbers[0], numbers[1], flags)

    def _sum_tables(self, tables: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Sum the gradients of tables; with each comes how many processes touched each of its rows."""
        parts: list[Tensor] = []
        places: list[Tensor | None] = []
        for table, times in tables:
            rows = times.nonzero().squeeze(1)
            few = len(rows) <= _SPARSE * len(table)
            parts.append(_at_rows(table, rows) if few else _gradient(table))
            places.append(rows if few else None)
        if not parts:
            return
        (summed,) = self._together(parts)
        for (table, _), place, part in zip(tables, places, summed, strict=True):
            values = part.to(table.dtype)
            table.grad = values if place is None else with_rows(place, values, table)

    def _together(self, *groups: Sequence[Tensor]) -> list[list[Tensor]]:
        """Sum groups of tensors over the processes, in one operation."""
        flat = torch.cat([tensor.reshape(-1).to(self._dtype) for group in groups for tensor in group])
        self._processes.sum_(flat)
        self.sent += flat.numel() * flat.element_size()
        parts = iter(torch.split(flat, [tensor.numel() for group in groups for tensor in group]))
        return [[next(parts).view_as(tensor) for tensor in group] for group in groups]


def _gradient(parameter: Tensor) -> Tensor:
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros_like(parameter)
    return gradient.to_dense() if gradient.is_sparse else gradient


def _at_rows(table: Tensor, rows: Tensor) -> Tensor:
    """A table's gradient at some of its rows, which are all that have one."""
    gradient = table.grad
    if gradient is None or gradient.is_sparse:
        found = table.new_zeros(len(rows), table.shape[1])
        if gradient is None:
            return found
        return found.index_copy_(0, torch.searchsorted(rows, rows_of(gradient)), gradient.values())
    return gradient.index_select(0, rows)


def _touched(table: Tensor) -> Tensor:
    """1 for each row with a gradient that is not zero (NaN is not zero), else 0."""
    gradient = table.grad
    if gradient is None:
        return table.new_zeros(len(table))
    if gradient.is_sparse:
        return table.new_zeros(len(table)).index_fill_(0, rows_of(gradient), 1.0)
    # As whole numbers of the same bits, which are compared seven times as fast; a row of minus zeros counts as touched.
    bits = gradient.view(_BITS[gradient.element_size()])
    return bits.amax(1).ne(0) | bits.amin(1).ne(0)

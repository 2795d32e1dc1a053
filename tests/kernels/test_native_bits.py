"""The same bits for the same input: whatever the thread count, the rows around a row, and the chunks of a stream."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan

CELLS: list[Cell] = [
    RNNCell(1, 1),
    LSTMCell(1, 1),
    LSTMCell(1, 1, peephole=True, layer_norm=True, zoneout_c=0.2),
    GRUCell(1, 1),
    GRUCell(1, 1, reset_after=False),
]
SHAPES = [(15, 17), (64, 64), (33, 130)]


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def problem(cell: Cell, shape: tuple[int, int], steps: int, batch: int):
    cell = dataclasses.replace(cell, input_size=shape[0], hidden_size=shape[1])
    torch.manual_seed(0)
    params = {name: torch.randn(spec.shape) / shape[1] ** 0.5 for name, spec in cell.parameters().items()}
    first = cell.State(*(torch.randn(batch, size) for size in cell.state_sizes().values()))
    return cell, params, torch.randn(steps, batch, shape[0]), first


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(level, cell, shape):
    for batch in (1, 2, 3, 13):
        cell, params, x, first = problem(cell, shape, 7, batch)
        leaves = {name: value.requires_grad_() for name, value in params.items()}
        results = []
        for count in (1, 2, 3):
            with threads(count):
                out = scan(cell, leaves, x, first, engine="native")
                loss = out.output.square().sum() + out.state.h.sum()
                results.append([out.output, *out.state, *torch.autograd.grad(loss, list(leaves.values()))])
        for other in results[1:]:
            for got, expected in zip(other, results[0], strict=True):
                assert torch.equal(got, expected)


@pytest.mark.parametrize("shape", [(64, 64), (5, 560)], ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bits_do_not_depend_on_threads_without_rows(level, cell, shape):
    # Long enough for threads without a row to help with the weight gradients; with lengths, rows end one by one.
    steps = 90 if shape[1] < 100 else 6
    for lengths in (None, torch.tensor([steps, steps // 2])):
        batch = 1 if lengths is None else 2
        sized, params, x, first = problem(cell, shape, steps, batch)
        x.requires_grad_()
        leaves = {name: value.requires_grad_() for name, value in params.items()}
        results = []
        for count in (1, 2, 5):
            with threads(count):
                out = scan(sized, leaves, x, first, lengths=lengths, engine="native")
                loss = out.output.square().sum() + out.state.h.sum()
                results.append([out.output, *torch.autograd.grad(loss, [x, *leaves.values()])])
        for other in results[1:]:
            for got, expected in zip(other, results[0], strict=True):
                assert torch.equal(got, expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bits_of_a_row_do_not_depend_on_the_rows_around_it(level, cell, shape):
    cell, params, x, first = problem(cell, shape, 6, 20)
    whole = scan(cell, params, x, first, engine="native")
    lengths = torch.arange(20) % 7
    for rows in ([0], [19], [3, 4], [5, 6, 7, 8, 9, 10, 11], list(range(19))):
        part = cell.State(*(value[rows] for value in first))
        got = scan(cell, params, x[:, rows], part, engine="native")
        assert torch.equal(got.output, whole.output[:, rows])
        for mine, theirs in zip(got.state, whole.state, strict=True):
            assert torch.equal(mine, theirs[rows])
    ragged = scan(cell, params, x, first, lengths=lengths, engine="native")
    for row in range(20):
        length = int(lengths[row])
        assert torch.equal(ragged.output[:length, row], whole.output[:length, row])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bits_do_not_depend_on_the_chunks_of_a_stream(level, cell, shape):
    for batch in (1, 5):
        cell, params, x, first = problem(cell, shape, 20, batch)
        whole = scan(cell, params, x, first, engine="native")
        for size in (1, 3, 19):
            state, parts = first, []
            for start in range(0, 20, size):
                out = scan(cell, params, x[start : start + size], state, engine="native")
                state = out.state
                parts.append(out.output)
            assert torch.equal(torch.cat(parts), whole.output), size
            for mine, theirs in zip(state, whole.state, strict=True):
                assert torch.equal(mine, theirs)

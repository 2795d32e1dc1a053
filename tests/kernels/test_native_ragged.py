"""Rows of unequal lengths over several threads: rows end one after the other, until a thread has one or none left.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from contract import suite
from kernels.test_native_bits import threads
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan

#: Sizes of which four threads could get a share each at every instruction set; the last unit vector is not full.
CELLS: list[Cell] = [
    RNNCell(19, 210),
    LSTMCell(19, 210),
    LSTMCell(19, 210, proj_size=100, peephole=True, recurrent_dropout=0.2),
    GRUCell(19, 210, zoneout=0.2),
    GRUCell(19, 210, reset_after=False),
    LSTMCell(19, 210, layer_norm=True),
]
#: Rows end one by one; two go on after many; there are few from the start; there are many to the end.
LENGTHS = {
    "one by one": (16, 1, 14, 13, 3, 12, 11, 10, 9, 0, 8, 6, 5),
    "two last": (4, 4, 15, 4, 4, 3, 15, 4, 4, 4, 2, 4, 4),
    "few": (7, 2, 15, 9, 15),
    "many": (16, 15, 16, 16, 14, 16, 16, 16, 16, 15, 16, 16, 16),
}
STEPS = 17


@pytest.fixture
def filled() -> Iterator[None]:
    """New memory holds NaN, so that an element that nobody writes is seen."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def problem(cell: Cell, lengths: tuple[int, ...], *, reverse: bool = False, first: bool = True) -> suite.Problem:
    case = suite.Case(STEPS, len(lengths), reverse=reverse, first=first)
    return dataclasses.replace(suite.problem(cell, case, noisy=True), lengths=torch.tensor(lengths))


def everything(task: suite.Problem, recompute: int) -> list[torch.Tensor]:
    """Outputs, states and gradients in float32, and outputs and states where nothing is kept for a backward pass."""
    params = {name: suite.leaf(value, torch.float32) for name, value in task.params.items()}
    x = suite.leaf(task.x, torch.float32)
    first = [suite.leaf(value, torch.float32) for value in task.first]
    options = {
        "lengths": task.lengths,
        "reverse": task.case.reverse,
        "noise": {name: mask.float() for name, mask in task.noise.items()},
        "engine": "native",
    }
    state = task.cell.State(*first) if first else None
    out = scan(task.cell, params, x, state, recompute=recompute, **options)
    loss = (out.output * task.weights_y.float()).sum() + sum(part.square().sum() for part in out.state)
    found = [out.output, *out.state, *torch.autograd.grad(loss, [x, *first, *params.values()])]
    with torch.no_grad():
        bare = scan(task.cell, params, x, state, **options)
    return [*found, bare.output, *bare.state]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bits_of_ragged_rows_do_not_depend_on_the_number_of_threads(level, filled, cell):
    for turn, lengths in enumerate(LENGTHS.values()):
        for recompute in (0, 5):
            task = problem(cell, lengths, reverse=turn % 2 == 1, first=recompute > 0)
            with threads(1):
                expected = everything(task, recompute)
            for count in (2, 3, 4):
                with threads(count):
                    got = everything(task, recompute)
                for mine, theirs in zip(got, expected, strict=True):
                    assert torch.equal(mine, theirs)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_ragged_rows_on_several_threads_agree_with_the_reference(native, filled, cell):
    for lengths, count, reverse in (("one by one", 2, False), ("two last", 3, True)):
        with threads(count):
            suite.assert_agrees(problem(cell, LENGTHS[lengths], reverse=reverse), "native", torch.float32)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_ragged_rows_on_several_threads_leave_zeros_past_their_ends(native, filled, cell):
    for lengths in LENGTHS.values():
        for count, reverse in ((1, True), (2, False), (3, True)):
            with threads(count):
                suite.assert_padding_unseen(problem(cell, lengths, reverse=reverse), "native", torch.float32)

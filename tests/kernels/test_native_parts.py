"""Training takes a batch in parts, and what each worker's rows write lies together: none of it shows in a result.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from contract import suite
from kernels.test_native_bits import threads
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan

CELLS: dict[str, Cell] = {
    "rnn": RNNCell(1, 1),
    "lstm": LSTMCell(1, 1),
    "lstm-options": LSTMCell(1, 1, peephole=True, layer_norm=True, zoneout_c=0.2, recurrent_dropout=0.3),
    "lstm-projection": LSTMCell(6, 19, proj_size=5),
    "gru": GRUCell(1, 1),
    "gru-before": GRUCell(1, 1, reset_after=False, layer_norm=True),
}
#: Below, at and above the rows that make two parts; parts of one length in a ragged batch; rows for many groups.
CASES = [
    suite.Case(7, 15, ragged=True),
    suite.Case(7, 16),
    suite.Case(5, 17, ragged=True, reset=True, reverse=True),
    suite.Case(1, 16, ragged=True),
    suite.Case(30, 33, reset=True),
    suite.Case(6, 64, ragged=True),
]


def sized(cell: Cell) -> Cell:
    return dataclasses.replace(cell, input_size=6, hidden_size=19)


def found(
    task: suite.Problem, dtype: torch.dtype, forward: int, backward: int, recompute: int = 0
) -> list[torch.Tensor]:
    """Outputs, states and every gradient, on so many threads."""
    params = {name: suite.leaf(value, dtype) for name, value in task.params.items()}
    x, first = suite.leaf(task.x, dtype), task.cell.State(*(suite.leaf(value, dtype) for value in task.first))
    options = {"lengths": task.lengths, "reset": task.reset, "reverse": task.case.reverse, "recompute": recompute}
    noise = {name: mask.to(dtype) for name, mask in task.noise.items()}
    with threads(forward):
        out = scan(task.cell, params, x, first, noise=noise, engine="native", **options)
        loss = (out.output * task.weights_y.to(dtype)).sum()
        for value, weight in zip(out.state, task.weights_last, strict=True):
            loss = loss + (value * weight.to(dtype)).sum()
    with threads(backward):
        return [out.output, *out.state, *torch.autograd.grad(loss, [x, *first, *params.values()])]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_parts_add_up_to_the_gradients_of_the_batch(level, cell, case):
    suite.assert_agrees(suite.problem(sized(cell), case, noisy=True), "native", torch.float64)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_bits_depend_on_no_thread_count_of_either_pass(native, cell, case):
    task = suite.problem(sized(cell), case, noisy=True)
    for recompute in (0, 3):
        expected = found(task, torch.float32, 1, 1, recompute)
        # As many as parts, a multiple of them, counts that cannot be divided among them, and more than there are rows.
        for forward, backward in ((2, 1), (1, 2), (2, 2), (4, 2), (3, 3), (5, 8), (8, 3), (80, 80)):
            got = found(task, torch.float32, forward, backward, recompute)
            for index, (a, b) in enumerate(zip(got, expected, strict=True)):
                assert torch.equal(a, b), (recompute, forward, backward, index)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_rows_that_are_computed_again_have_the_same_gradients(native, cell):
    for case in CASES:
        task = suite.problem(sized(cell), case, noisy=True)
        expected = found(task, torch.float64, 2, 2)
        for every in (1, 2, 100):
            for a, b in zip(found(task, torch.float64, 3, 2, every), expected, strict=True):
                suite.assert_close(a, b, suite.tolerance(torch.float64, 64, case.steps), f"{case}, {every}")


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_padding_of_both_parts_is_unseen(level, cell):
    suite.assert_padding_unseen(suite.problem(sized(cell), CASES[2]), "native", torch.float32)

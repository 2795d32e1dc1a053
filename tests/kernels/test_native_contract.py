"""The native engine against the float64 reference: values and every gradient, at every instruction set.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from contract import suite
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan

SIZES = (1, 7, 8, 15, 16, 17, 31, 33, 65)
PLAIN: dict[str, Cell] = {
    "rnn-tanh": RNNCell(1, 1),
    "rnn-relu": RNNCell(1, 1, nonlinearity="relu"),
    "lstm": LSTMCell(1, 1),
    "gru": GRUCell(1, 1),
    "gru-before": GRUCell(1, 1, reset_after=False),
}
#: Sizes one lane past a vector, and a projection that is no multiple of anything.
VARIANTS = [
    dataclasses.replace(
        cell, input_size=15, hidden_size=17, **({"proj_size": 9} if getattr(cell, "proj_size", 0) else {})
    )
    for cell in suite.CELLS
]
RAGGED = suite.Case(6, 5, ragged=True, reverse=True, reset=True)
DTYPES = (torch.float32, torch.float64)


def sized(cell: Cell, input_size: int, hidden_size: int) -> Cell:
    return dataclasses.replace(cell, input_size=input_size, hidden_size=hidden_size)


def test_native_takes_every_cell_of_the_contract(native):
    for cell in suite.CELLS:
        for dtype in (*DTYPES, torch.bfloat16):
            task = suite.problem(cell, suite.Case(2, 1), noisy=True)
            suite.run(task, "native", dtype)


@pytest.mark.parametrize("hidden_size", SIZES)
@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_agrees_at_tail_sizes(level, cell, hidden_size):
    for shift, dtype in enumerate(DTYPES):
        input_size = SIZES[(SIZES.index(hidden_size) + 3 + shift) % len(SIZES)]
        for case in (suite.Case(4, 3), RAGGED):
            suite.assert_agrees(suite.problem(sized(cell, input_size, hidden_size), case), "native", dtype)


@pytest.mark.slow
@pytest.mark.parametrize("input_size", SIZES)
@pytest.mark.parametrize("hidden_size", SIZES)
@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_agrees_at_every_pair_of_sizes(level, cell, hidden_size, input_size):
    for dtype in DTYPES:
        for case in (suite.Case(3, 7), suite.Case(1, 1), RAGGED):
            suite.assert_agrees(suite.problem(sized(cell, input_size, hidden_size), case), "native", dtype)


@pytest.mark.parametrize("cell", VARIANTS, ids=str)
def test_native_agrees_with_every_option(level, cell):
    for noisy in (False, True):
        for case in (suite.Case(5, 4), RAGGED):
            task = suite.problem(cell, case, noisy=noisy)
            for dtype in DTYPES:
                suite.assert_agrees(task, "native", dtype)


@pytest.mark.parametrize("batch", [1, 2, 5, 6, 7, 13, 33])
@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_agrees_at_every_height_of_a_tile(level, cell, batch):
    for case in (suite.Case(3, batch), suite.Case(3, batch, ragged=True)):
        suite.assert_agrees(suite.problem(sized(cell, 16, 33), case), "native", torch.float32)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_takes_no_steps_and_no_rows(level, cell, shape):
    for first in (True, False):
        suite.assert_agrees(suite.problem(sized(cell, 3, 5), suite.Case(*shape, first=first)), "native", torch.float32)


@pytest.mark.parametrize("cell", [*PLAIN.values(), LSTMCell(1, 1, layer_norm=True, zoneout_c=0.5)], ids=str)
def test_native_never_sees_the_padding(level, cell):
    for case in (suite.Case(9, 5, ragged=True), suite.Case(9, 5, ragged=True, reverse=True)):
        suite.assert_padding_unseen(suite.problem(sized(cell, 7, 17), case), "native", torch.float32)


@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_takes_strided_inputs(level, cell):
    cell = sized(cell, 7, 17)
    task = suite.problem(cell, suite.Case(5, 4))
    params = {name: value.float() for name, value in task.params.items()}
    state = cell.State(*(value.float() for value in task.first))
    wide = torch.randn(4, 5, 20)
    strided = {
        "batch first": wide[:, :, :7].transpose(0, 1),
        "every second step": torch.randn(10, 4, 7)[::2],
        "every second feature": torch.randn(5, 4, 14)[:, :, ::2],
        "one row for all": torch.randn(5, 1, 7).expand(5, 4, 7),
        "one step for all": torch.randn(1, 4, 7).expand(5, 4, 7),
    }
    for what, x in strided.items():
        got = scan(cell, params, x, state, engine="native")
        expected = scan(cell, params, x.contiguous(), state, engine="native")
        assert torch.equal(got.output, expected.output), what
    sparse_params = {name: torch.stack([value, value], dim=-1)[..., 0] for name, value in params.items()}
    sparse_state = cell.State(*(torch.stack([part, part], dim=-1)[..., 0] for part in state))
    x = strided["batch first"]
    got = scan(cell, sparse_params, x, sparse_state, engine="native")
    assert torch.equal(got.output, scan(cell, params, x, state, engine="native").output)


@pytest.mark.parametrize("cell", VARIANTS, ids=str)
def test_native_traces_what_the_reference_traces(level, cell):
    for case in (suite.Case(4, 3), RAGGED):
        task = suite.problem(cell, case, noisy=True)
        state = cell.State(*task.first)
        options = {"lengths": task.lengths, "reset": task.reset, "reverse": case.reverse, "noise": task.noise}
        expected = scan(cell, task.params, task.x, state, trace=True, engine="reference", **options)
        got = scan(cell, task.params, task.x, state, trace=True, engine="native", **options)
        assert list(got.trace) == list(expected.trace)
        bound = suite.tolerance(torch.float64, 32, case.steps)
        for name, values in expected.trace.items():
            suite.assert_close(got.trace[name], values, bound, name)


@pytest.mark.parametrize("every", [1, 3, 7, 100])
@pytest.mark.parametrize("cell", VARIANTS, ids=str)
def test_native_recomputes_the_same_gradients(native, cell, every):
    for case in (suite.Case(7, 3), RAGGED):
        task = suite.problem(cell, case, noisy=True)
        leaves = {name: suite.leaf(value, torch.float64) for name, value in task.params.items()}
        x = suite.leaf(task.x, torch.float64)
        options = {"lengths": task.lengths, "reset": task.reset, "reverse": case.reverse, "noise": task.noise}

        def gradients(recompute, cell=cell, task=task, leaves=leaves, x=x, options=options):
            state = cell.State(*task.first)
            out = scan(cell, leaves, x, state, engine="native", recompute=recompute, **options)
            loss = (out.output * task.weights_y).sum() + sum(part.square().sum() for part in out.state)
            return torch.autograd.grad(loss, [x, *leaves.values()])

        for got, expected in zip(gradients(every), gradients(0), strict=True):
            suite.assert_close(got, expected, suite.tolerance(torch.float64, 64, 7), str(every))


@pytest.mark.parametrize("cell", PLAIN.values(), ids=PLAIN)
def test_native_bfloat16_stays_near_the_exact_result_of_rounded_inputs(level, cell):
    cell = sized(cell, 33, 31)
    task = suite.problem(cell, suite.Case(12, 6))
    if isinstance(cell, RNNCell) and cell.nonlinearity == "relu":
        # The slope jumps at zero, and products of pairs see a rounded h: so no sum may lie where rounding reaches zero.
        task.params["weight_hh"] *= 0.2
        task.params["bias_ih"] += 4.0 * torch.ones(31).where(torch.arange(31) % 2 == 0, -1.0)
    for value in (*task.params.values(), task.x, *task.first):
        value.copy_(value.to(torch.bfloat16))
    expected, expected_grads = suite.run(task, "reference", torch.float64)
    got, grads = suite.run(task, "native", torch.bfloat16)
    bound = suite.tolerance(torch.bfloat16, 1, 12)
    suite.assert_close(got.output, expected.output, bound, "output")
    for name, grad in grads.items():
        suite.assert_close(grad, expected_grads[name], bound, name)

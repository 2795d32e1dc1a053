"""The native engine's products of bfloat16 pairs: by the instruction where the CPU has it, and by its stand-in.

The reference is a loop in float64 that rounds where the kernels round, and follows their h: each step starts from the
h that they returned, so that what is left is one step's error, and every step is compared to half a unit in the last
place.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from contract import suite
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan
from unroll.kernels.native_plan import LIBRARY, PARAMETERS, plan, recipe
from unroll.layers import Recurrent
from unroll.streaming.stepper import Stepper

REAL, EMULATED = "avx512bf16", "avx512bf16-emulated"
CELLS: dict[str, Cell] = {
    "rnn-tanh": RNNCell(1, 1),
    "rnn-relu": RNNCell(1, 1, nonlinearity="relu", bias=False),
    "lstm": LSTMCell(1, 1),
    "gru": GRUCell(1, 1),
}
#: Pairs filled and half empty, whole vectors and parts, panels of one vector and more than one.
SIZES = [(1, 1), (2, 16), (33, 31), (17, 64), (30, 33), (7, 130)]
TASKS = [
    *((suite.Case(9, 7, ragged=True, reset=True, reverse=True), sizes) for sizes in SIZES),
    (suite.Case(3, 13, ragged=True, first=False), (7, 130)),
    # More rows than a segment of the backward pass has.
    (suite.Case(250, 2), (30, 33)),
]
BF16 = torch.bfloat16
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


@pytest.fixture(params=[*([REAL] if LIBRARY is not None and REAL in LIBRARY.levels() else []), EMULATED])
def pairs(request: pytest.FixtureRequest, native: Any) -> Iterator[str]:
    """Every instruction set with products of pairs that this machine has, and the stand-in, in force for the test."""
    before = native.level()
    try:
        native.set_level(request.param)
    except ValueError as error:
        pytest.skip(str(error))
    yield request.param
    native.set_level(before)


class Rounded(torch.autograd.Function):
    """The value nearest in bfloat16; gradients pass as they are."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.to(BF16).to(value.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class RoundedGradient(torch.autograd.Function):
    """The value as it is; its gradient goes on as the nearest in bfloat16."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.to(BF16).to(grad.dtype)


def steps_of(cell: Cell, params: dict[str, Tensor], x: Tensor, h: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
    """h and what is carried on unrounded (c, or GRU's h) after a step from h as the products see it."""
    by_x = RoundedGradient.apply(x @ params["weight_ih"].T)
    by_h = RoundedGradient.apply(h @ params["weight_hh"].T)
    if "bias_ih" in params:
        by_x, by_h = by_x + params["bias_ih"], by_h + params["bias_hh"]
    if isinstance(cell, RNNCell):
        new = (by_x + by_h).relu() if cell.nonlinearity == "relu" else (by_x + by_h).tanh()
        return new, carry
    if isinstance(cell, LSTMCell):
        i, f, g, o = (by_x + by_h).chunk(4, -1)
        carry = f.sigmoid() * carry + i.sigmoid() * g.tanh()
        return o.sigmoid() * carry.tanh(), carry
    (x_r, x_z, x_n), (h_r, h_z, h_n) = by_x.chunk(3, -1), by_h.chunk(3, -1)
    z = (x_z + h_z).sigmoid()
    new = (1 - z) * (x_n + (x_r + h_r).sigmoid() * h_n).tanh() + z * carry
    return new, new


def rounded_problem(cell: Cell, case: suite.Case, sizes: tuple[int, int]) -> suite.Problem:
    task = suite.problem(dataclasses.replace(cell, input_size=sizes[0], hidden_size=sizes[1]), case)
    for value in (*task.params.values(), task.x, *task.first, task.weights_y, *task.weights_last):
        value.copy_(value.to(BF16))
    return task


def assert_nearest(got: Tensor, expected: Tensor, what: str, slack: float = 1e-5) -> None:
    """Raise unless every element is the nearest bfloat16 (a 256th off at most), give or take a float32 sum's error."""
    off = (got.double() - expected).abs() - expected.abs() / 256
    if off.numel() and float(off.max()) > slack:
        raise AssertionError(f"{what}: off by {float(off.max()):.3e} more than rounding can be")


def follow(task: suite.Problem, y: Tensor, leaves: dict[str, Tensor]) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Each row's last state, and by row each step's h before it is rounded. h before a step is that of y."""
    cell, case = task.cell, task.case
    lasts, outputs = [], []
    for row in range(case.batch):
        length = case.steps if task.lengths is None else int(task.lengths[row])
        zero = torch.zeros(cell.hidden_size, dtype=torch.float64)
        names = list(cell.state_sizes())
        first = [leaves[f"first.{name}"][row] if task.first else zero for name in names]
        h, carry = first[0], first[-1]
        last, found = first, []
        for step in range(length):
            t = length - 1 - step if case.reverse else step
            # Backwards a sequence inside the row starts where, forwards, the next one begins behind it.
            start = t + 1 if case.reverse else t
            if task.reset is not None and start < length and task.reset[start, row]:
                h, carry = torch.zeros_like(h), torch.zeros_like(carry)
            params = {name.removeprefix("params."): v for name, v in leaves.items() if name.startswith("params.")}
            new, carry = steps_of(cell, params, leaves["x"][t, row], h, carry)
            found.append(new)
            # The value is that of the kernels, the gradient that of the loop.
            h = new + (y[t, row].double() - new).detach()
            last = [h, carry]
        outputs.append(found)
        lasts.append(torch.cat(last[: len(names)]))
    return lasts, outputs


@every_cell
@pytest.mark.parametrize(("case", "sizes"), TASKS, ids=str)
def test_every_step_and_gradient_is_that_of_a_loop_that_rounds_alike(pairs, cell, case, sizes):
    task = rounded_problem(cell, case, sizes)
    got, grads = suite.run(task, "native", BF16)
    leaves = {f"params.{name}": suite.leaf(value, torch.float64) for name, value in task.params.items()}
    leaves["x"] = suite.leaf(task.x, torch.float64)
    for name, value in zip(task.cell.state_sizes(), task.first, strict=False):
        leaves[f"first.{name}"] = suite.leaf(value, torch.float64)
    lasts, outputs = follow(task, got.output.detach(), leaves)
    loss = torch.zeros((), dtype=torch.float64)
    for row, found in enumerate(outputs):
        for step, expected in enumerate(found):
            t = len(found) - 1 - step if case.reverse else step
            assert_nearest(got.output[t, row].detach(), expected.detach(), f"step {t} of row {row}")
            loss = loss + (expected * task.weights_y[t, row]).sum()
        assert not got.output[len(found) :, row].any()
        last = torch.cat([part[row].detach() for part in got.state])
        assert_nearest(last, lasts[row].detach(), f"last state of row {row}")
        loss = loss + (lasts[row] * torch.cat([part[row] for part in task.weights_last])).sum()
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    for (name, leaf), grad in zip(leaves.items(), found, strict=True):
        expected = torch.zeros_like(leaf) if grad is None else grad
        # A 256th of the largest value for rounding the result, and as much for gate gradients that the float32 kernels
        # round to the other side.
        off, most = float((grads[name].double() - expected).abs().max()), float(expected.abs().max())
        assert off <= 2 * most / 256, f"gradient of {name}: off by {off:.3e} of {most:.3e}"


def everything(cell: Cell, task: suite.Problem, **options: Any) -> list[Tensor]:
    """Outputs, states and gradients."""
    params = {name: suite.leaf(value, BF16) for name, value in task.params.items()}
    x = suite.leaf(task.x, BF16)
    first = cell.State(*(suite.leaf(value, BF16) for value in task.first))
    out = scan(cell, params, x, first, lengths=task.lengths, reset=task.reset, engine="native", **options)
    loss = (out.output * task.weights_y.to(BF16)).sum() + sum(part.square().sum() for part in out.state)
    return [out.output, *out.state, *torch.autograd.grad(loss, [x, *first, *params.values()])]


@every_cell
@pytest.mark.parametrize("sizes", [(15, 17), (33, 130)], ids=str)
def test_bits_depend_on_neither_threads_nor_recomputing(pairs, cell, sizes):
    for case in (suite.Case(6, 1), suite.Case(6, 13), suite.Case(6, 13, ragged=True, reset=True)):
        task = rounded_problem(cell, case, sizes)
        expected = everything(task.cell, task)
        for count in (2, 3):
            before = torch.get_num_threads()
            torch.set_num_threads(count)
            got = everything(task.cell, task)
            torch.set_num_threads(before)
            assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True)), count
        names = ["y", *cell.state_sizes(), "x", *cell.state_sizes(), *task.params]
        for name, a, b in zip(names, everything(task.cell, task, recompute=4), expected, strict=True):
            # The regions are other segments of the weight gradients' sums, whose pairs and order then differ.
            assert torch.equal(a, b) if name not in task.params else torch.allclose(a, b, rtol=2.0**-7, atol=1e-3), name


@every_cell
def test_bits_of_a_row_depend_neither_on_the_rows_around_it_nor_on_where_it_lies(pairs, cell):
    task = rounded_problem(cell, suite.Case(6, 20), (15, 33))
    cell, x = task.cell, task.x.to(BF16)
    params = {name: value.to(BF16) for name, value in task.params.items()}
    first = cell.State(*(value.to(BF16) for value in task.first))
    whole = scan(cell, params, x, first, engine="native")
    for rows in ([0], [3, 4], list(range(19))):
        got = scan(cell, params, x[:, rows], cell.State(*(value[rows] for value in first)), engine="native")
        assert torch.equal(got.output, whole.output[:, rows])
    within = torch.full((6, 20, 17), float("nan"), dtype=BF16)
    within[..., 1:16] = x
    assert torch.equal(scan(cell, params, within[..., 1:16], first, engine="native").output, whole.output)
    suite.assert_padding_unseen(rounded_problem(cell, suite.Case(9, 5, ragged=True), (7, 17)), "native", BF16)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_traces_are_those_of_float32_rounded(pairs, name):
    for case in (suite.Case(4, 3), suite.Case(6, 5, ragged=True, reset=True, reverse=True)):
        task = rounded_problem(CELLS[name], case, (7, 33))
        options = {"lengths": task.lengths, "reset": task.reset, "reverse": case.reverse, "trace": True}

        def traced(dtype, engine, task=task, options=options):
            params = {name: value.to(dtype) for name, value in task.params.items()}
            first = task.cell.State(*(value.to(dtype) for value in task.first))
            return scan(task.cell, params, task.x.to(dtype), first, engine=engine, **options)

        expected, got = traced(torch.float64, "reference"), traced(BF16, "native")
        assert list(got.trace) == list(expected.trace)
        for part, values in expected.trace.items():
            # Half a unit of the trace itself, and what h's rounding does to the next steps: less than twice as much for
            # these weights.
            suite.assert_close(got.trace[part], values, 3 * 2.0**-8, part)
        params = {name: value.to(BF16) for name, value in task.params.items()}
        first = task.cell.State(*(value.to(BF16) for value in task.first))
        plain = scan(task.cell, params, task.x.to(BF16), first, engine="native", **{**options, "trace": False})
        assert torch.equal(plain.output, got.output)


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages are made with mprotect")
def test_nothing_is_touched_past_the_end_of_a_buffer(pairs):
    program = Path(__file__).with_name("guarded_scan.py")
    env = {**os.environ, "UNROLL_SIMD": pairs, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(program), "bfloat16"], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "ok"


@every_cell
def test_steps_of_a_stream_are_those_of_the_layer(pairs, cell):
    layer = Recurrent(dataclasses.replace(cell, input_size=7, hidden_size=17), dtype=BF16, engine="native").eval()
    stepper, x = Stepper.of(layer, streams=3), torch.randn(9, 3, 7, dtype=BF16)
    state, seen = None, []
    with torch.no_grad():
        for step in x.unbind():
            y, state = layer(step[None], state)
            seen.append(y[0])
    assert torch.equal(torch.stack([stepper(step) for step in x]), torch.stack(seen))


def test_cells_with_options_take_the_way_of_other_levels(pairs, native):
    for cell in (LSTMCell(6, 20, proj_size=5), LSTMCell(6, 20, peephole=True), GRUCell(6, 20, reset_after=False)):
        task = rounded_problem(cell, suite.Case(5, 4), (6, 20))
        got = everything(task.cell, task)
        native.set_level("avx512")
        assert all(torch.equal(a, b) for a, b in zip(got, everything(task.cell, task), strict=True))
        native.set_level(pairs)


def test_weights_packed_for_one_way_are_refused_by_the_other(pairs, native):
    cell, task = LSTMCell(6, 40), rounded_problem(LSTMCell(1, 1), suite.Case(5, 4), (6, 40))
    made = plan(recipe(cell, False), BF16, 6, 40, 0)
    params = tuple(task.params[name].to(BF16) if name in task.params else None for name in PARAMETERS)
    own = made.pack(params, True, 1)
    native.set_level("avx512")
    other = made.pack(params, True, 1)
    assert own.nbytes < other.nbytes / 2
    call = [task.x.to(BF16), None, None, False, *[None] * 5, own, torch.empty(5, 4, 40, dtype=BF16), *[None] * 5]
    with pytest.raises(RuntimeError, match="packed weights were made for another"):
        made.forward((tuple(call),), 0, 1)
    native.set_level(pairs)
    call[9] = other
    with pytest.raises(RuntimeError, match="packed weights were made for another"):
        made.forward((tuple(call),), 0, 1)
    assert native.fma_peak(made, 1, 0.01) > 0


@every_cell
def test_the_instruction_gives_the_bits_of_its_stand_in(native, cell):
    if REAL not in native.levels():
        pytest.skip("this CPU has no products of bfloat16 pairs")
    before, found = native.level(), []
    task = rounded_problem(cell, suite.Case(9, 7, ragged=True, reset=True), (33, 130))
    # Among numbers too small for a normal exponent both take zero.
    task.x[0] *= 2.0**-127
    for level in (REAL, EMULATED):
        native.set_level(level)
        found.append(everything(task.cell, task))
    native.set_level(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_the_stand_in_is_taken_only_by_its_name(native):
    assert EMULATED not in native.levels()
    assert native.best_level() != EMULATED

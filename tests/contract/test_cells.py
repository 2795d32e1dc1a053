"""Every cell on every engine against the float64 reference, and the reference against numpy, torch.nn and finite
differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unroll
from contract import numpy_cells, suite
from unroll.cells import Cell, GRUCell, HiddenState, LSTMCell, Noise, Parameters, ParameterSpec, RNNCell, Role, Step
from unroll.engine import scan
from unroll.errors import EngineError


@dataclass(frozen=True)
class LeakyCell(Cell):
    """A cell that unroll does not know: a leaky integrator."""

    leak: float = 0.5

    def parameters(self) -> dict[str, ParameterSpec]:
        size = self.hidden_size
        return {
            "weight_ih": ParameterSpec((size, self.input_size), Role.INPUT),
            "weight_hh": ParameterSpec((size, size), Role.RECURRENT),
        }

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        new = torch.tanh(x @ params["weight_ih"].T + state.h @ params["weight_hh"].T)
        h = (1 - self.leak) * state.h + self.leak * new
        return Step(h, HiddenState(h), {})


CELLS = [*suite.CELLS, LeakyCell(3, 5)]
PLAIN = [
    RNNCell(3, 5),
    RNNCell(3, 5, True, "relu"),
    LSTMCell(3, 5),
    LSTMCell(3, 5, proj_size=2),
    GRUCell(3, 5),
    GRUCell(3, 5, False),
]
SHAPES = [suite.Case(steps, batch) for steps in (0, 1, 7, 33) for batch in (0, 1, 5)]
OPTIONS = [
    suite.Case(7, 5, ragged=True),
    suite.Case(33, 5, ragged=True, reverse=True),
    suite.Case(7, 5, reset=True),
    suite.Case(7, 5, ragged=True, reverse=True, reset=True),
    suite.Case(7, 5, first=False),
]
DTYPES = [torch.float64, torch.float32]

every_cell = pytest.mark.parametrize("cell", CELLS, ids=str)
every_engine = pytest.mark.parametrize("engine", suite.ENGINES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])


def skip_unless_able(task: suite.Problem, engine: str) -> None:
    """Skip with the engine's own reason, for a checkout where the native engine is not built."""
    try:
        suite.run(task, engine, torch.float64)
    except EngineError as error:
        pytest.skip(str(error))


@every_engine
@every_dtype
@pytest.mark.parametrize("case", [*SHAPES, *OPTIONS], ids=str)
@every_cell
def test_engine_agrees_with_the_reference(cell: Cell, case: suite.Case, dtype: torch.dtype, engine: str) -> None:
    for noisy in (False, True):
        task = suite.problem(cell, case, noisy=noisy)
        if noisy and not task.noise:
            continue
        if suite.supports(task, engine):
            suite.assert_agrees(task, engine, dtype)


@pytest.mark.parametrize("case", [suite.Case(7, 3), suite.Case(9, 5, ragged=True)], ids=str)
@pytest.mark.parametrize("noisy", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("cell", suite.CELLS, ids=str)
def test_reference_agrees_with_numpy(cell: Cell, case: suite.Case, noisy: bool) -> None:
    task = suite.problem(cell, case, noisy=noisy)
    got, _ = suite.run(task, "reference", torch.float64)
    params = {name: value.numpy() for name, value in task.params.items()}
    for row in range(case.batch):
        length = case.steps if task.lengths is None else int(task.lengths[row])
        noise = {name: mask[:, row].expand(case.steps, -1).numpy() for name, mask in task.noise.items()}
        first = [value[row].numpy() for value in task.first]
        ys, last = numpy_cells.ROWS[type(cell).__name__](cell, params, task.x[:length, row].numpy(), first, noise)
        np.testing.assert_allclose(got.output[:length, row].detach(), ys, rtol=0, atol=1e-13)
        for a, b in zip(got.state, last, strict=True):
            np.testing.assert_allclose(a[row].detach(), b, rtol=0, atol=1e-13)


@every_engine
@every_dtype
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@every_cell
def test_padding_is_never_seen(cell: Cell, reverse: bool, dtype: torch.dtype, engine: str) -> None:
    task = suite.problem(cell, suite.Case(7, 5, ragged=True, reverse=reverse))
    if suite.supports(task, engine):
        suite.assert_padding_unseen(task, engine, dtype)


@every_engine
@pytest.mark.parametrize("size", [1, 4])
@every_cell
def test_chunks_and_single_steps_equal_the_whole(cell: Cell, size: int, engine: str) -> None:
    task = suite.problem(cell, suite.Case(7, 3))
    if suite.supports(task, engine):
        suite.assert_chunks_join(task, engine, torch.float64, size)


@every_engine
@pytest.mark.parametrize("layout", ["batch first", "every other step", "every other row", "wide rows", "flipped"])
@pytest.mark.parametrize("cell", PLAIN, ids=str)
def test_strided_input_equals_contiguous_input(cell: Cell, layout: str, engine: str) -> None:
    task = suite.problem(cell, suite.Case(7, 4))
    x = task.x
    strided = {
        "batch first": x.transpose(0, 1).contiguous().transpose(0, 1),
        "every other step": x.repeat_interleave(2, 0)[::2],
        "every other row": x.repeat_interleave(2, 1)[:, ::2],
        "wide rows": torch.cat((x, torch.full_like(x, float("nan"))), -1)[..., :3],
        "flipped": x.permute(2, 1, 0).contiguous().permute(2, 1, 0),
    }[layout]
    assert not strided.is_contiguous()
    skip_unless_able(task, engine)
    expected, _ = suite.run(task, engine, torch.float32)
    params = {name: value.float() for name, value in task.params.items()}
    first = cell.State(*(value.float() for value in task.first))
    # The conversion to float32 keeps the strides.
    kept = strided.float()
    got = scan(cell, params, kept, first, engine=engine)
    suite.assert_close(got.output, expected.output, suite.tolerance(torch.float32, 8, 7), "output")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_reverse_equals_flipping_each_row(cell: Cell) -> None:
    task = suite.problem(cell, suite.Case(9, 5, ragged=True, reverse=True))
    got, _ = suite.run(task, "reference", torch.float64)
    assert task.lengths is not None
    for row, length in enumerate(task.lengths.tolist()):
        first = cell.State(*(value[row : row + 1] for value in task.first))
        alone = scan(cell, task.params, task.x[:length, row : row + 1].flip(0), first, engine="reference")
        suite.assert_close(got.output[:length, row : row + 1], alone.output.flip(0), 1e-14, "output")
        for a, b in zip(got.state, alone.state, strict=True):
            suite.assert_close(a[row : row + 1], b, 1e-14, "last state")


@every_engine
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@every_cell
def test_reset_equals_separate_sequences(cell: Cell, reverse: bool, engine: str) -> None:
    task = suite.problem(cell, suite.Case(8, 1))
    reset = torch.zeros(8, 1, dtype=torch.bool)
    reset[3] = True
    first = cell.State(*task.first)
    try:
        joined = scan(cell, task.params, task.x, first, reset=reset, reverse=reverse, engine=engine)
    except EngineError:
        return
    head, tail = task.x[:3], task.x[3:]
    # The state given belongs to the part that is run first.
    a = scan(cell, task.params, head, None if reverse else first, reverse=reverse, engine=engine)
    b = scan(cell, task.params, tail, first if reverse else None, reverse=reverse, engine=engine)
    suite.assert_close(joined.output, torch.cat((a.output, b.output)), 1e-14, "output")
    for x, y in zip(joined.state, (a if reverse else b).state, strict=True):
        suite.assert_close(x, y, 1e-14, "last state")


@every_engine
@every_cell
def test_trace_holds_states_and_gates(cell: Cell, engine: str) -> None:
    task = suite.problem(cell, suite.Case(6, 3, ragged=True))
    first = cell.State(*task.first)
    try:
        got = scan(cell, task.params, task.x, first, lengths=task.lengths, trace=True, engine=engine)
    except EngineError:
        return
    assert got.trace is not None
    assert list(got.trace) == [*cell.State._fields, *cell.gates]
    plain = scan(cell, task.params, task.x, first, lengths=task.lengths, engine="reference")
    suite.assert_close(got.trace["h"], plain.output, 1e-13, "trace of h")
    expected = scan(cell, task.params, task.x, first, lengths=task.lengths, trace=True, engine="reference").trace
    assert expected is not None
    for name, value in got.trace.items():
        suite.assert_close(value, expected[name], 1e-13, f"trace of {name}")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_recompute_gives_the_same_gradients(cell: Cell) -> None:
    task = suite.problem(cell, suite.Case(7, 3, ragged=True, reverse=True), noisy=True)
    leaves = {name: value.clone().requires_grad_() for name, value in task.params.items()}

    def gradients(recompute: int) -> tuple[Tensor, ...]:
        out = scan(
            cell,
            leaves,
            task.x,
            lengths=task.lengths,
            reverse=True,
            noise=task.noise,
            recompute=recompute,
            engine="reference",
        )
        return torch.autograd.grad(
            (out.output * task.weights_y).sum(), list(leaves.values()), materialize_grads=True, allow_unused=True
        )

    for got, expected in zip(gradients(3), gradients(0), strict=True):
        suite.assert_close(got, expected, 1e-14, "gradient with recompute")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_reference_gradients_agree_with_finite_differences_twice(cell: Cell) -> None:
    task = suite.problem(cell, suite.Case(3, 2, ragged=True), noisy=True)
    names = list(task.params)
    leaves = [task.x.requires_grad_(), *(value.requires_grad_() for value in task.first)]
    leaves += [task.params[name].requires_grad_() for name in names]
    states = len(task.first)

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        x, first, weights = values[0], cell.State(*values[1 : 1 + states]), values[1 + states :]
        out = scan(
            cell,
            dict(zip(names, weights, strict=True)),
            x,
            first,
            lengths=task.lengths,
            noise=task.noise,
            engine="reference",
        )
        return out.output, *out.state

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves, fast_mode=True)


TORCH = {
    "rnn": (unroll.RNN, nn.RNN, {}),
    "rnn-relu": (unroll.RNN, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (unroll.LSTM, nn.LSTM, {}),
    "lstm-projected": (unroll.LSTM, nn.LSTM, {"proj_size": 2}),
    "gru": (unroll.GRU, nn.GRU, {}),
}


@every_engine
@every_dtype
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("kind", list(TORCH))
def test_weights_go_to_torch_and_back(
    kind: str, bias: bool, bidirectional: bool, dtype: torch.dtype, engine: str
) -> None:
    ours, theirs, options = TORCH[kind]
    skip_unless_able(suite.problem(PLAIN[0], suite.Case(2, 1)), engine)
    torch.manual_seed(1)
    a = ours(3, 5, 2, bias=bias, bidirectional=bidirectional, dtype=dtype, engine=engine, **options)
    torch.manual_seed(2)
    b = theirs(3, 5, 2, bias=bias, bidirectional=bidirectional, dtype=dtype, **options)
    x = torch.randn(7, 4, 3, dtype=dtype)
    for source, target in ((a, b), (b, a)):
        source.reset_parameters()
        target.load_state_dict(source.state_dict())
        grads = []
        for layer in (a, b):
            y, state = layer(x)
            parts = state if isinstance(state, tuple) else (state,)
            loss = y.square().sum() + sum((k + 1) * part.square().sum() for k, part in enumerate(parts))
            grads.append([y, *parts, *torch.autograd.grad(loss, list(layer.parameters()))])
        bound = 4 * suite.tolerance(dtype, 8 * 4, 7)
        for index, (got, expected) in enumerate(zip(*grads, strict=True)):
            suite.assert_close(got, expected, bound, f"tensor {index}")


def test_a_cell_of_fifteen_lines_trains_in_a_model() -> None:
    torch.manual_seed(0)
    layer = unroll.Stack([unroll.Recurrent(LeakyCell(1, 16)), unroll.Recurrent(LeakyCell(16, 16))], residual=True)
    head = nn.Linear(16, 1)
    x = torch.randn(20, 64, 1)
    target = x[-3]
    optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-2)
    losses = []
    for _ in range(150):
        y, _ = layer(x)
        loss = (head(y[-1]) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]

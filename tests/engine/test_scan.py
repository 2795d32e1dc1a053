"""The door between layers and time: its checks, and how it chooses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unroll
from unroll import EngineError, GRUCell, LSTMCell, scan
from unroll.cells import Cell, RNNCell
from unroll.engine import Layer, Run, engines, recorded_choices, scan_layers
from unroll.kernels import native, native_stack

CELL = GRUCell(3, 5)
PARAMS = {name: torch.zeros(spec.shape) for name, spec in CELL.parameters().items()}
X = torch.zeros(7, 2, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(7, 2)}, r"x must have shape \(T, B, I\) with I = 3, got \(7, 2\)"),
        ({"x": torch.zeros(7, 2, 3, dtype=torch.int64)}, "floating-point"),
        ({"x": X.double()}, r"input dtype \(torch.float64\) does not match weight dtype \(torch.float32\)"),
        ({"params": {}}, "'weight_ih' of shape \\(15, 3\\) is missing"),
        (
            {"params": {**PARAMS, "weight_hh": torch.zeros(15, 4)}},
            r"'weight_hh' must have shape \(15, 5\), got \(15, 4\)",
        ),
        ({"state": (torch.zeros(5, 2),)}, r"first state 'h' must have shape \(B, ·\) = \(2, 5\), got \(5, 2\)"),
        ({"lengths": torch.tensor([7])}, r"shape \(B,\) = \(2,\)"),
        ({"lengths": torch.tensor([7.0, 3.0])}, "lengths must be integers"),
        ({"lengths": torch.tensor([8, 3])}, r"lie in \[0, T\] = \[0, 7\], got 3 to 8"),
        ({"lengths": torch.tensor([-1, 3])}, r"lie in \[0, T\] = \[0, 7\], got -1 to 3"),
        ({"reset": torch.zeros(2, 7, dtype=torch.bool)}, r"reset must be bool of shape \(T, B\) = \(7, 2\)"),
        ({"noise": {"dropout": torch.ones(2, 5)}}, "noise 'dropout' must have shape"),
        ({"recompute": -1}, "recompute must be 0"),
    ],
)
def test_wrong_arguments_say_what_was_expected(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"params": PARAMS, "x": X, "state": None, **changes}
    params, x, state = (arguments.pop(name) for name in ("params", "x", "state"))
    with pytest.raises(ValueError, match=message):
        scan(CELL, params, x, state, **arguments)


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(EngineError, match=r"did you mean 'reference'\?"):
        scan(CELL, PARAMS, X, engine="referense")


def test_a_forced_engine_that_cannot_raises_with_the_reason() -> None:
    with pytest.raises(EngineError, match=r"engine 'torch' cannot do this: torch.nn cannot start afresh"):
        scan(CELL, PARAMS, X, reset=torch.zeros(7, 2, dtype=torch.bool), engine="torch")


def test_the_reference_never_refuses_and_is_last() -> None:
    assert engines()[-1].name == "reference"
    names = [engine.name for engine in engines()]
    assert len(set(names)) == len(names)


def test_explain_names_every_engine_that_refused() -> None:
    layer = unroll.Recurrent(LSTMCell(3, 5, layer_norm=True))
    text = unroll.explain(layer, X)
    assert text.startswith("LSTMCell(3, 5, layer_norm=True) on (T, B, I) = (7, 2, 3): ")
    chosen = text.splitlines()[0].rsplit(": ", 1)[1]
    before = [engine.name for engine in engines()]
    for name in before[: before.index(chosen)]:
        assert f"not {name}: " in text
    assert unroll.explain(torch.nn.Linear(3, 3), X) == "no scan of unroll ran"


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_lengths_of_any_integer_dtype(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = unroll.LSTM(3, 5)
    x = torch.randn(7, 3, 3)
    expected, _ = layer(x, lengths=torch.tensor([2, 0, 7]))
    got, _ = layer(x, lengths=torch.tensor([2, 0, 7], dtype=dtype))
    assert torch.equal(got, expected)


def test_scan_differentiates_twice_through_the_reference() -> None:
    torch.manual_seed(0)
    params = {name: torch.randn(spec.shape, dtype=torch.float64) for name, spec in CELL.parameters().items()}
    x = torch.randn(3, 1, 3, dtype=torch.float64, requires_grad=True)

    def penalty(x: Tensor) -> Tensor:
        y = scan(CELL, params, x, engine="reference").output
        (grad,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return grad.square().sum()

    assert torch.autograd.gradcheck(penalty, (x,))


def leaves(cell: Cell, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(spec.shape, generator=generator, dtype=torch.float64).div(3).requires_grad_()
        for name, spec in cell.parameters().items()
    }


@pytest.mark.parametrize("engine", [kernel.name for kernel in engines()])
@pytest.mark.parametrize(
    "cells", [(GRUCell(3, 5), GRUCell(3, 5)), (LSTMCell(3, 5), LSTMCell(3, 5)), (CELL, LSTMCell(3, 2))]
)
@pytest.mark.parametrize("stated", [False, True])
def test_two_scans_in_one_call_are_two_scans(engine: str, cells: tuple[Cell, Cell], stated: bool) -> None:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(6, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 0, 4])
    runs = []
    for index, cell in enumerate(cells):
        state = None
        if stated:
            state = cell.State(
                *(
                    torch.randn(3, size, generator=generator, dtype=torch.float64, requires_grad=True)
                    for size in cell.state_sizes().values()
                )
            )
        runs.append(Run(cell, leaves(cell, index), state, index == 1, {}))
    sources = [x, *(value for run in runs for value in (*run.params.values(), *(run.state or ())))]

    def gradients(output: Tensor, states: tuple[Any, ...]) -> list[Tensor]:
        loss = (output * torch.arange(output.numel()).view(output.shape)).sum()
        loss = loss + sum((part.square().sum() for state in states for part in state), start=torch.zeros(()))
        first = torch.autograd.grad(loss, sources, retain_graph=True)
        # Once more over the same graph, and once to be differentiated again.
        again = torch.autograd.grad(loss, sources, create_graph=True)
        second = torch.autograd.grad(sum(value.square().sum() for value in again), sources)
        return [*first, *again, *second]

    alone = [
        scan(run.cell, run.params, x, run.state, lengths=lengths, reverse=run.reverse, engine=engine) for run in runs
    ]
    both = scan_layers([Layer(tuple(runs))], x, lengths=lengths, engine=engine)
    assert torch.equal(both.output, torch.cat([one.output for one in alone], dim=-1))
    for got, one in zip(both.states, alone, strict=True):
        assert type(got) is type(one.state)
        assert all(torch.equal(a, b) for a, b in zip(got, one.state, strict=True))
    expected = gradients(torch.cat([one.output for one in alone], dim=-1), tuple(one.state for one in alone))
    for got_part, part in zip(gradients(both.output, both.states), expected, strict=True):
        torch.testing.assert_close(got_part, part, rtol=1e-12, atol=1e-12 * float(part.detach().abs().max()))


def test_two_scans_go_side_by_side_where_one_plan_covers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    if native.LIBRARY is None:
        pytest.skip("the extension is not built")
    counts = []
    forward = native_stack.forward_layer

    def counted(known: Any, x: Any, scans: Any, *rest: Any) -> Any:
        counts.append(len(scans))
        return forward(known, x, scans, *rest)

    monkeypatch.setattr(native_stack, "forward_layer", counted)
    x = torch.randn(4, 2, 3)
    unroll.LSTM(3, 5, num_layers=2, bidirectional=True)(x)
    assert counts == [2, 2]
    counts.clear()
    unroll.Bidirectional(
        unroll.Recurrent(GRUCell(3, 5), batch_first=True),
        unroll.Recurrent(GRUCell(3, 5), reverse=True, batch_first=True),
    )(x)
    assert counts == [2]
    counts.clear()
    with recorded_choices() as choices:
        unroll.Bidirectional(unroll.Recurrent(GRUCell(3, 5)), unroll.Recurrent(LSTMCell(3, 5), reverse=True))(x)
    assert counts == [1, 1]
    assert [choice.engine for choice in choices] == ["native", "native"]


def test_wrong_arguments_of_two_scans_say_what_was_expected() -> None:
    run = Run(CELL, PARAMS, None, False, {})
    with pytest.raises(ValueError, match=r"lie in \[0, T\] = \[0, 7\], got 3 to 8"):
        scan_layers([Layer((run, run))], X, lengths=torch.tensor([8, 3]))
    with pytest.raises(ValueError, match="'weight_ih' of shape"):
        scan_layers([Layer((run, run._replace(params={})))], X)
    with pytest.raises(EngineError, match=r"did you mean 'native'\?"):
        scan_layers([Layer((run, run))], X, engine="nativ")


@pytest.mark.parametrize("cell", [RNNCell(3, 4), LSTMCell(3, 4), GRUCell(3, 4)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_random_factors_that_a_caller_drew_are_never_left_out(cell: Cell, dtype: torch.dtype) -> None:
    """A cell without dropout of its own, given factors: torch's kernels know none, and float16 is theirs first."""
    torch.manual_seed(0)
    params = {name: torch.randn(spec.shape, dtype=dtype) for name, spec in cell.parameters().items()}
    x, factors = torch.randn(6, 2, 3, dtype=dtype), {"dropout": torch.tensor([[[2.0, 0.0, 2.0, 0.0]]], dtype=dtype)}
    factors["dropout"] = factors["dropout"].expand(1, 2, 4)
    found = scan(cell, params, x, noise=factors).output
    expected = scan(cell, params, x, noise=factors, engine="reference").output
    torch.testing.assert_close(found, expected, atol=1e-2 if dtype == torch.float16 else 1e-5, rtol=1e-3)
    with pytest.raises(EngineError, match="no random factors"):
        scan(cell, params, x, noise=factors, engine="torch")


@pytest.mark.parametrize("engine", [kernel.name for kernel in engines()])
def test_rows_that_are_all_empty_have_gradients_of_zero(engine: str) -> None:
    cell = LSTMCell(3, 4)
    params = {name: torch.randn(spec.shape, requires_grad=True) for name, spec in cell.parameters().items()}
    x = torch.full((5, 2, 3), torch.nan, requires_grad=True)
    output, state, _ = scan(cell, params, x, lengths=torch.zeros(2, dtype=torch.int64), engine=engine)
    for value in (output, *state):
        assert not value.any()
        sources = [x, *params.values()]
        for gradient in torch.autograd.grad(value.sum(), sources, retain_graph=True, materialize_grads=True):
            assert not gradient.any()

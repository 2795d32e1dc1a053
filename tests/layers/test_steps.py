"""unroll.nn's cells against torch.nn's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import unroll.nn
from unroll.errors import EngineError

PAIRS = [
    (unroll.nn.RNNCell, nn.RNNCell, {}),
    (unroll.nn.RNNCell, nn.RNNCell, {"nonlinearity": "relu", "bias": False}),
    (unroll.nn.LSTMCell, nn.LSTMCell, {}),
    (unroll.nn.GRUCell, nn.GRUCell, {"bias": False}),
    (unroll.nn.GRUCell, nn.GRUCell, {}),
]
pairs = pytest.mark.parametrize(("ours", "theirs", "options"), PAIRS)


def flat(value: object) -> list[torch.Tensor]:
    return [value] if isinstance(value, torch.Tensor) else list(value)  # type: ignore[call-overload]


def both(ours: type, theirs: type, options: dict[str, object]) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    a = ours(3, 5, dtype=torch.float64, **options)
    torch.manual_seed(0)
    return a, theirs(3, 5, dtype=torch.float64, **options)


@pairs
def test_steps_and_gradients_are_those_of_torch_nn(ours: type, theirs: type, options: dict[str, object]) -> None:
    a, b = both(ours, theirs, options)
    assert isinstance(a, theirs)
    assert list(a.state_dict()) == list(b.state_dict())
    assert repr(a) == repr(b)
    found = []
    for cell in (a, b):
        torch.manual_seed(1)
        x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
        state, seen = None, []
        for step in x:
            state = cell(step, state)
            seen += flat(state)
        gradients = torch.autograd.grad(sum(value.square().sum() for value in seen), [x, *cell.parameters()])
        found.append(
            [
                *seen,
                *gradients,
                *flat(cell(x[0, 0])),
                *flat(cell(x[0, 0], [v[0] for v in flat(state)] if isinstance(state, tuple) else state[0])),
            ]
        )
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@pairs
def test_steps_are_native(ours: type, theirs: type, options: dict[str, object]) -> None:
    assert unroll.explain(ours(3, 5, engine="native", **options), torch.zeros(2, 3)).endswith(": native")
    cell = ours(3, 5, engine="nativ", **options)
    with pytest.raises(EngineError, match="did you mean 'native'"):
        cell(torch.zeros(2, 3))


@pairs
@pytest.mark.parametrize("wrong", ["axes", "features", "batch", "hidden", "dtype"])
def test_errors_are_of_torch_nns_kind(ours: type, theirs: type, options: dict[str, object], wrong: str) -> None:
    a, b = both(ours, theirs, options)
    x, h = torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, 5, dtype=torch.float64)
    if wrong == "axes":
        x = x[None]
    elif wrong == "features":
        x = x[:, :2]
    elif wrong == "batch":
        h = h[:1]
    elif wrong == "hidden":
        h = h[:, :4]
    else:
        h = h.float()
    state = (h, h) if theirs is nn.LSTMCell else h
    with pytest.raises((ValueError, RuntimeError)) as wanted:
        b(x, state)
    with pytest.raises(wanted.type):
        a(x, state)


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_cells_are_scripted_traced_and_compiled() -> None:
    cell, x = unroll.nn.LSTMCell(3, 5), torch.randn(2, 3)
    wanted = cell(x)
    for made in (
        torch.jit.script(nn.Sequential(cell)),
        torch.jit.trace(cell, (x,)),
        torch.fx.symbolic_trace(nn.Sequential(cell)),
        torch.compile(cell, fullgraph=True, backend="eager"),
    ):
        torch.testing.assert_close(tuple(made(x)), wanted, rtol=1e-5, atol=1e-6)

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
def test_explain_says_when_torch_nn_takes_the_step(ours: type, theirs: type, options: dict[str, object]) -> None:
    cell, x = ours(3, 5, **options), torch.zeros(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert "single step on (T, B, I) = (1, 2, 3): torch.nn's own\n  not a scan: under" in unroll.explain(cell, x)
    assert "it takes dense tensors, and input is torch.sparse_coo" in unroll.explain(cell, x.to_sparse())
    assert "no equation has a size of 0" in unroll.explain(ours(3, 0, **options), x)
    if cell.bias:
        cell.bias_hh = None
        assert "one of the two biases alone" in unroll.explain(cell, x)
    if theirs is nn.LSTMCell:
        mixed = (torch.zeros(2, 5), torch.zeros(2, 5, dtype=torch.float64))
        assert "input is torch.float32, and the memory torch.float64" in unroll.explain(ours(3, 5), x, mixed)


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


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_autocast_gives_the_dtypes_and_values_of_torch_nn(kind: str, given: torch.dtype) -> None:
    found = []
    for module in (unroll.nn, nn):
        torch.manual_seed(0)
        cell = getattr(module, kind)(3, 5)
        torch.manual_seed(1)
        x = torch.randn(2, 3).to(given)
        with torch.autocast("cpu", torch.bfloat16):
            found.append(flat(cell(x)))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=0)


@pairs
def test_sparse_inputs_and_sizes_of_zero_are_taken_as_by_torch_nn(
    ours: type, theirs: type, options: dict[str, object]
) -> None:
    a, b = both(ours, theirs, options)
    x = torch.eye(2, 3, dtype=torch.float64)
    for got, wanted in zip(flat(a(x.to_sparse())), flat(b(x.to_sparse())), strict=True):
        torch.testing.assert_close(got, wanted)
    assert flat(ours(3, 0, **options)(torch.zeros(2, 3)))[0].shape == (2, 0)


@pairs
@pytest.mark.parametrize("wrong", ["x", "integers", "weight_hh", "bias", "shape", "none", "features", "hidden", "axes"])
def test_wrong_tensors_raise_what_torch_nn_raises(
    ours: type, theirs: type, options: dict[str, object], wrong: str
) -> None:
    x, h, raised = torch.ones(2, 3, dtype=torch.float64), torch.ones(2, 5, dtype=torch.float64), []
    x = {"x": x.float(), "integers": x.long(), "features": x[:, :2]}.get(wrong, x)
    h = {"hidden": h[:, :4], "axes": h[0]}.get(wrong, h)
    if wrong == "bias" and not options.get("bias", True):
        pytest.skip("this cell has no bias")
    for cell in both(ours, theirs, options):
        if wrong == "none":
            cell.weight_hh = None
        elif wrong == "shape":
            cell.weight_hh = nn.Parameter(torch.zeros(3, 3, dtype=torch.float64))
        elif wrong == "weight_hh":
            cell.weight_hh = nn.Parameter(cell.weight_hh.detach().float())
        elif wrong == "bias":
            cell.bias_hh = nn.Parameter(cell.bias_hh.detach().float())
        with pytest.raises(Exception) as caught:  # noqa: PT011
            cell(x) if wrong in ("x", "integers") else cell(x, (h, h) if theirs is nn.LSTMCell else h)
        raised.append(caught)
    assert isinstance(raised[0].value, raised[1].type)
    if wrong in ("features", "hidden"):
        assert str(raised[1].value) in str(raised[0].value)


def test_a_state_of_the_wrong_number_of_tensors_is_refused_as_by_torch_nn() -> None:
    cell, theirs, x, h = unroll.nn.LSTMCell(3, 5), nn.LSTMCell(3, 5), torch.zeros(2, 3), torch.zeros(2, 5)
    for hx in (h, (h,), (h, h, h)):
        with pytest.raises((TypeError, RuntimeError)) as wanted:
            theirs(x, hx)
        with pytest.raises(wanted.type, match="hx must be two tensors"):
            cell(x, hx)


def test_an_unknown_nonlinearity_is_found_at_the_first_step_as_in_torch_nn() -> None:
    cell = unroll.nn.RNNCell(3, 5, nonlinearity="garbage")
    with pytest.raises(RuntimeError, match="Unknown nonlinearity"):
        cell(torch.zeros(2, 3))


@pytest.mark.parametrize("run_before", [False, True])
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("change", ["hidden_size", "input_size", "nonlinearity", "bias", "no biases", "one bias"])
def test_what_is_changed_afterwards_counts_as_in_torch_nn(kind: str, change: str, run_before: bool) -> None:
    gates, found = {"RNNCell": 1, "LSTMCell": 4, "GRUCell": 3}[kind], []
    for module in (unroll.nn, nn):
        torch.manual_seed(0)
        cell, x = getattr(module, kind)(3, 5), torch.randn(4, 3)
        if run_before:
            cell(x)
        if change == "hidden_size":
            cell.hidden_size = 4
            cell.weight_ih, cell.weight_hh = [nn.Parameter(torch.randn(gates * 4, size)) for size in (3, 4)]
            cell.bias_ih, cell.bias_hh = [nn.Parameter(torch.randn(gates * 4)) for _ in range(2)]
        elif change == "input_size":
            cell.input_size, cell.weight_ih, x = 2, nn.Parameter(torch.randn(gates * 5, 2)), x[:, :2]
        elif change == "nonlinearity" and kind == "RNNCell":
            cell.nonlinearity = "relu"
        elif change == "bias":
            cell.bias = False
        elif change in ("no biases", "one bias"):
            cell.register_parameter("bias_hh", None)
            if change == "no biases":
                cell.bias_ih = None
        found.append(flat(cell(x)))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64])
def test_a_memory_of_another_dtype_is_taken_as_by_torch_nn(dtype: torch.dtype) -> None:
    found = []
    for module in (unroll.nn, nn):
        torch.manual_seed(0)
        cell, x, h = module.LSTMCell(3, 5), torch.randn(4, 3), torch.randn(4, 5)
        found.append(cell(x, (h, h.to(dtype))))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)

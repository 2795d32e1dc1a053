"""How exact the native engine is, and what it does with hard numbers."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from unroll.cells import GRUCell, LSTMCell, LSTMState, RNNCell
from unroll.engine import scan

CELLS = {
    "rnn": (RNNCell(1, 1), nn.RNN),
    "lstm": (LSTMCell(1, 1), nn.LSTM),
    "gru": (GRUCell(1, 1), nn.GRU),
}


#: How much larger than torch's the error may be.
RATIO = 1.5
#: What passes through a GRU's n is measured at up to 1.58: its recurrent product is one chain over all gates.
RATIO_GRU_DX = 1.7


def own(layer: nn.Module) -> dict[str, torch.Tensor]:
    return {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}


@pytest.mark.parametrize("name", CELLS)
# With 560 units backward cuts its sums over all gates. Twenty rows: with fewer, torch's own error changes with its
# thread count (an RNN with eight rows: 1.5 times torch's error on one thread, 0.9 on two).
@pytest.mark.parametrize("shape", [(100, 8, 64, 64), (300, 3, 17, 33), (40, 20, 128, 128), (4, 20, 24, 560)], ids=str)
def test_native_errs_little_more_than_torch(level, name, shape):
    steps, batch, input_size, hidden_size = shape
    cell, make = CELLS[name]
    cell = dataclasses.replace(cell, input_size=input_size, hidden_size=hidden_size)
    torch.manual_seed(0)
    layer = make(input_size, hidden_size)
    exact = make(input_size, hidden_size, dtype=torch.float64)
    exact.load_state_dict({key: value.double() for key, value in layer.state_dict().items()})
    x, dy = torch.randn(steps, batch, input_size), torch.randn(steps, batch, hidden_size)

    def outcome(run, params, x, dy):
        x = x.clone().requires_grad_()
        y = run(x)
        return [y, *torch.autograd.grad(y, [x, *params], dy)]

    expected = outcome(lambda x: exact(x)[0], list(exact.parameters()), x.double(), dy.double())
    theirs = outcome(lambda x: layer(x)[0], list(layer.parameters()), x, dy)
    ours = outcome(lambda x: scan(cell, own(layer), x, engine="native").output, list(layer.parameters()), x, dy)
    for what, mine, other, truth in zip(["y", "dx", *own(layer)], ours, theirs, expected, strict=True):
        own_error, torch_error = (mine - truth).abs().double(), (other - truth).abs().double()
        # Root mean square over all steps and units; a maximum over few elements would be a matter of luck.
        own_rms, torch_rms = own_error.square().mean().sqrt(), torch_error.square().mean().sqrt()
        # Below one rounding of the values themselves there is nothing to compare.
        floor = 2.0**-25 * truth.square().mean().sqrt()
        limit = (RATIO_GRU_DX if (name, what) == ("gru", "dx") else RATIO) * max(torch_rms, floor)
        assert own_rms <= limit, f"{what}: {own_rms:.2e} against torch's {torch_rms:.2e}"
        # Every element, with the bound that random-sign errors of this spread would keep.
        width = math.sqrt(2 * math.log(10 * truth.numel())) + 4
        assert own_error.max() <= width * limit + 2.0**-22 * truth.abs().max(), what


def test_native_lstm_holds_a_memory_for_a_hundred_thousand_steps(level):
    steps, size = 100_000, 2
    cell = LSTMCell(1, size)
    params = {name: torch.zeros(spec.shape) for name, spec in cell.parameters().items()}
    # f = sigmoid(b) keeps all but 2**-20 of the memory at each step; i = 0, so nothing is added.
    kept = 1.0 - 2.0**-20
    params["bias_ih"] = torch.tensor([-200.0, math.log(kept / (1 - kept)), 0.0, 200.0]).repeat_interleave(size)
    first = LSTMState(torch.zeros(1, size), torch.tensor([[1.0, -0.5]]))
    x = torch.zeros(steps, 1, 1)
    got = scan(cell, params, x, first, engine="native")
    exact_params = {name: value.double() for name, value in params.items()}
    kept_in_float32 = float(torch.sigmoid(exact_params["bias_ih"][size]))
    exact = first.c.double() * kept_in_float32**steps
    # A gate off by one ulp of values just below one (2**-24) is off by that much at every step, all in one direction.
    assert (got.state.c - exact).abs().max() <= 2.0**-24 * steps * exact.abs().max()


@pytest.mark.parametrize("name", CELLS)
def test_native_saturates_without_overflow(level, name):
    cell = dataclasses.replace(CELLS[name][0], input_size=2, hidden_size=17)
    params = {key: torch.ones(spec.shape) for key, spec in cell.parameters().items()}
    for value in (0.0, -0.0, 1e-45, -1e-40, 80.0, -90.0, 1e4, -1e4, 3e38, -3e38, math.inf, -math.inf):
        x = torch.full((3, 2, 2), value)
        got = scan(cell, params, x, engine="native").output
        expected = scan(
            cell, {key: value.double() for key, value in params.items()}, x.double(), engine="reference"
        ).output
        # inf - inf in the reference's own formula is NaN there; here it must then be NaN or a value in range.
        finite = torch.isfinite(expected)
        assert (got[finite] - expected[finite]).abs().max() <= 1e-5 if finite.any() else True, value
        assert torch.isfinite(got[finite]).all(), value


@pytest.mark.parametrize("name", CELLS)
def test_native_nan_in_one_row_touches_no_other_row(level, name):
    cell = dataclasses.replace(CELLS[name][0], input_size=5, hidden_size=19)
    torch.manual_seed(0)
    params = {key: (torch.randn(spec.shape) / 4).requires_grad_() for key, spec in cell.parameters().items()}
    clean = torch.randn(6, 9, 5)
    for bad in (math.nan, math.inf):
        for row in (0, 4, 8):
            x = clean.clone()
            x[2, row, 3] = bad
            got = scan(cell, params, x, engine="native").output
            expected = scan(cell, params, clean, engine="native").output
            others = [index for index in range(9) if index != row]
            assert torch.equal(got[:, others], expected[:, others])
            assert torch.equal(got[:2], expected[:2])
            if math.isnan(bad):
                assert torch.isnan(got[2:, row]).any()
            x.requires_grad_()
            (dx,) = torch.autograd.grad(scan(cell, params, x, engine="native").output[:, others].sum(), [x])
            assert torch.isfinite(dx[:, others]).all()


def test_a_gradient_that_fades_away_ends_at_zero_and_other_numbers_do_not(level):
    """The backward pass takes subnormal numbers as zero, and leaves the thread as it was."""
    torch.manual_seed(0)
    steps, size = 400, 8
    cell = RNNCell(size, size)
    params = {name: 0.1 * torch.randn(spec.shape) for name, spec in cell.parameters().items()}
    x = torch.randn(steps, 1, size, requires_grad=True)
    scan(cell, params, x, engine="native").output[-1].sum().backward()
    wide = x.detach().double().requires_grad_()
    doubled = {name: value.double() for name, value in params.items()}
    scan(cell, doubled, wide, engine="reference").output[-1].sum().backward()
    assert not x.grad[0].any()
    assert 0 < wide.grad[0].abs().max() < 1e-45
    torch.testing.assert_close(x.grad, wide.grad.float(), rtol=1e-2, atol=2.0**-120)
    assert torch.full((1,), 1e-40).mul(0.5).item() > 0

"""Initialisers against the definitions of their papers."""

from __future__ import annotations

import math

import pytest
import torch

from unroll import ConfigError, GRUCell, LSTMCell, Recurrent, RNNCell, chrono, irnn, keras_default, torch_default
from unroll.cells import Cell


def test_torch_default_fills_the_interval() -> None:
    layer = Recurrent(LSTMCell(30, 100, layer_norm=True), init=torch_default)
    bound = 1 / math.sqrt(100)
    assert 0.99 * bound < float(layer.weight_hh.detach().abs().max()) <= bound
    assert torch.equal(layer.gain_ih, torch.ones(400))
    assert torch.equal(layer.shift_c, torch.zeros(100))


@pytest.mark.parametrize("cell", [RNNCell(20, 40), GRUCell(20, 40), LSTMCell(20, 40)], ids=str)
def test_keras_default(cell: Cell) -> None:
    layer = Recurrent(cell, init=keras_default)
    rows = layer.weight_ih.shape[0]
    limit = math.sqrt(6 / (20 + rows))
    assert 0.97 * limit < float(layer.weight_ih.detach().abs().max()) <= limit
    # Orthogonal: the columns of the (G*H, H) matrix are orthonormal.
    torch.testing.assert_close(layer.weight_hh.T @ layer.weight_hh, torch.eye(40), atol=1e-5, rtol=0)
    assert torch.equal(layer.bias_hh, torch.zeros(rows))
    expected = torch.zeros(rows)
    if isinstance(cell, LSTMCell):
        expected[40:80] = 1.0
    assert torch.equal(layer.bias_ih, expected)


def test_irnn_keeps_what_it_has() -> None:
    layer = Recurrent(RNNCell(3, 5, nonlinearity="relu"), init=irnn)
    assert torch.equal(layer.weight_hh, torch.eye(5))
    h = torch.rand(2, 5)
    y, _ = layer(torch.zeros(50, 2, 3), (h,))
    torch.testing.assert_close(y[-1], h)
    with pytest.raises(ConfigError, match="relu"):
        Recurrent(RNNCell(3, 5), init=irnn)


def test_chrono_spreads_time_constants() -> None:
    torch.manual_seed(0)
    layer = Recurrent(LSTMCell(3, 500), init=chrono(100))
    i, f = layer.bias_ih.detach()[:500], layer.bias_ih.detach()[500:1000]
    assert torch.equal(i, -f)
    # exp(b_f) is uniform in [1, 99]: mean 50, standard error of the mean 28.3 / sqrt(500) = 1.27.
    spread = f.exp()
    assert 1.0 <= float(spread.min()) < 2.0
    assert 98.0 < float(spread.max()) <= 99.001
    assert abs(float(spread.mean()) - 50.0) < 4 * 1.27
    gru = Recurrent(GRUCell(3, 500), init=chrono(100)).bias_ih.detach()
    assert float(gru[500:1000].min()) >= 0.0
    assert torch.equal(gru[:500], torch.zeros(500))
    with pytest.raises(ConfigError, match="at least 3"):
        chrono(2)
    with pytest.raises(ConfigError, match="LSTMCell and GRUCell"):
        Recurrent(RNNCell(3, 5), init=chrono(10))


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="hidden_size must be a positive integer, got 0"):
        GRUCell(3, 0)
    with pytest.raises(ConfigError, match=r"did you mean 'relu'\?"):
        RNNCell(3, 5, nonlinearity="rellu")
    with pytest.raises(ConfigError, match=r"\[0, 1\), got 1.0"):
        LSTMCell(3, 5, zoneout_c=1.0)
    with pytest.raises(ConfigError, match="smaller than hidden_size = 5, got 5"):
        LSTMCell(3, 5, proj_size=5)
    with pytest.raises(ConfigError, match="cell_clip must be positive"):
        LSTMCell(3, 5, cell_clip=0.0)
    with pytest.raises(ConfigError, match="cannot be combined with proj_size"):
        LSTMCell(3, 5, proj_size=2, zoneout_h=0.1)

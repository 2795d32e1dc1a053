"""Recurrent dropouts: what is hidden, how often, and that evaluation hides nothing."""

from __future__ import annotations

import pytest
import torch

from unroll import GRUCell, Recurrent
from unroll.errors import ConfigError
from unroll.layers import LockedDropout, TokenDropout, weight_drop


def test_locked_dropout_hides_a_feature_at_every_step_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    y = LockedDropout(0.25)(torch.ones(400, 3, 50))
    assert bool((y == y[:, :1]).all())
    assert y.unique().tolist() == pytest.approx([0.0, 4 / 3])
    # The mean of 20,000 Bernoulli draws scaled by 4/3 has a standard error of 0.0041; five of them is 0.02.
    assert float(y.mean()) == pytest.approx(1.0, abs=0.02)
    layer = LockedDropout(0.25).eval()
    assert bool((layer(torch.ones(2, 3, 4)) == 1).all())


def test_token_dropout_replaces_by_the_unknown() -> None:
    torch.manual_seed(0)
    ids = torch.full((100, 100), 7)
    out = TokenDropout(0.1, unknown=1)(ids)
    assert set(out.unique().tolist()) == {1, 7}
    assert float((out == 1).float().mean()) == pytest.approx(0.1, abs=0.015)
    assert bool((TokenDropout(0.1, unknown=1).eval()(ids) == 7).all())


def test_weight_drop_drops_the_same_weights_at_every_step() -> None:
    """The output of a pass is that of a layer whose weight is the mask times the scaled weight."""
    torch.manual_seed(0)
    layer = Recurrent(GRUCell(3, 5))
    plain = Recurrent(GRUCell(3, 5))
    plain.load_state_dict(layer.state_dict())
    weight_drop(layer, 0.5)
    x = torch.randn(7, 2, 3)
    torch.manual_seed(1)
    y, _ = layer(x)
    torch.manual_seed(1)
    masked = torch.nn.functional.dropout(plain.weight_hh.detach(), 0.5)
    assert bool((masked == 0).any())
    plain.weight_hh = torch.nn.Parameter(masked)
    torch.testing.assert_close(y, plain(x)[0])
    y.sum().backward()
    gradient = layer.parametrizations.weight_hh.original.grad
    assert bool((gradient[masked == 0] == 0).all())


def test_weight_drop_in_evaluation_is_the_layer_itself() -> None:
    torch.manual_seed(0)
    layer = Recurrent(GRUCell(3, 5))
    x = torch.randn(7, 2, 3)
    expected, _ = layer(x)
    weight_drop(layer, 0.5)
    torch.testing.assert_close(layer.eval()(x)[0], expected)


def test_rates_and_names_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"LockedDropout: the rate is a probability in \[0, 1\), got 1.0"):
        LockedDropout(1.0)
    with pytest.raises(ConfigError, match="TokenDropout"):
        TokenDropout(-0.1, unknown=1)
    with pytest.raises(ConfigError, match="Recurrent has no parameter 'weight_xx'"):
        weight_drop(Recurrent(GRUCell(3, 5)), 0.1, "weight_xx")

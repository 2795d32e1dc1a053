"""The forecaster: what must hold of its outputs whatever its weights are."""

import numpy as np
import pytest
import torch
from torch import Tensor

from unroll.cells import GRUCell
from unroll.errors import ConfigError
from unroll.layers import Recurrent
from unroll.models.encoders import ConvolutionEncoder, RecurrentEncoder, WindowEncoder, recurrent_stack
from unroll.models.forecast_window import InstanceScale, Window
from unroll.models.forecaster import (
    DirectHead,
    Forecast,
    Forecaster,
    RecurrentHead,
    forecast_loss,
    rising,
)

T, N, F, P, H = 9, 4, 2, 1, 5
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def build(
    encoder: str = "recurrent", head: str = "direct", level: str = "last", spread: bool = True, repeated: int = 1
) -> Forecaster:
    torch.manual_seed(0)
    size = 1 + F + P
    made: RecurrentEncoder | ConvolutionEncoder | WindowEncoder
    if encoder == "recurrent":
        made = RecurrentEncoder(recurrent_stack([(GRUCell(size, H), GRUCell(size, H))], engine="reference"))
    else:
        made = ConvolutionEncoder(size, H) if encoder == "cnn" else WindowEncoder(size, H, segments=T)
    outputs = len(LEVELS) + 1
    decoder = Recurrent(GRUCell(1 + F + made.output_size, H), batch_first=True, engine="reference")
    tail = (
        DirectHead(made.output_size, F, N, 3, outputs)
        if head == "direct"
        else RecurrentHead(decoder, N, H, outputs, fed=2)
    )
    return (
        Forecaster(made, tail, InstanceScale(level, spread=spread), LEVELS, linear_steps=T, repeated=repeated)
        .double()
        .eval()
    )


def shaken(model: Forecaster) -> Forecaster:
    """With random weights everywhere, those that start at zero too."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return model


def windows(batch: int = 6) -> Window:
    draw = torch.Generator().manual_seed(1)
    make = lambda *shape: torch.randn(*shape, generator=draw, dtype=torch.float64)  # noqa: E731
    return Window(make(batch, T), make(batch, T + N, F), make(batch, T, P))


def test_rising_keeps_the_middle_and_rises() -> None:
    raw = torch.randn(50, 7, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = rising(raw, 2)
    assert torch.equal(found[..., 2], raw[..., 2])
    assert (found.diff(dim=-1) > 0).all()
    soft = torch.nn.functional.softplus(raw)
    assert torch.allclose(found[..., 4], raw[..., 2] + soft[..., 3] + soft[..., 4])
    assert torch.allclose(found[..., 0], raw[..., 2] - soft[..., 1] - soft[..., 0])


@pytest.mark.parametrize("encoder", ["recurrent", "cnn", "mlp"])
@pytest.mark.parametrize("head", ["direct", "recurrent"])
def test_quantiles_never_cross_and_every_weight_learns(encoder: str, head: str) -> None:
    model = shaken(build(encoder, head))
    forecast = model(windows())
    assert forecast.quantiles.shape == (6, N, len(LEVELS))
    assert forecast.mean.shape == (6, N)
    assert (forecast.quantiles.diff(dim=-1) > 0).all()
    (forecast.quantiles.square().sum() + forecast.mean.square().sum()).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("head", ["direct", "recurrent"])
@pytest.mark.parametrize("level", ["last", "mean"])
def test_forecasts_move_and_stretch_with_their_window(head: str, level: str) -> None:
    model, window = shaken(build(head=head, level=level)), windows()
    expected = model(window)
    found = model(window._replace(past=3.0 * window.past - 7.0))
    assert torch.allclose(found.mean, 3.0 * expected.mean - 7.0)
    assert torch.allclose(found.quantiles, 3.0 * expected.quantiles - 7.0)


@pytest.mark.parametrize("head", ["direct", "recurrent"])
@pytest.mark.parametrize("level", ["last", "mean", "none"])
@pytest.mark.parametrize("repeated", [1, 3])
def test_an_untrained_forecast_repeats_the_last_steps(head: str, level: str, repeated: int) -> None:
    window = windows()
    forecast = build(head=head, level=level, repeated=repeated)(window)
    wanted = torch.stack([window.past[:, T - repeated + n % repeated] for n in range(N)], dim=1)
    assert torch.allclose(forecast.mean, wanted)
    assert torch.allclose(forecast.quantiles[..., 2], wanted)


def test_a_constant_window_gives_a_finite_forecast() -> None:
    window = windows()._replace(past=torch.full((6, T), 4.0, dtype=torch.float64))
    assert torch.isfinite(shaken(build())(window).quantiles).all()


@pytest.mark.parametrize("head", ["direct", "recurrent"])
def test_what_is_known_of_a_later_step_reaches_that_step(head: str) -> None:
    model, window = shaken(build(head=head)), windows()
    changed = window.known.clone()
    changed[:, T + 2] += 1.0
    difference = (model(window._replace(known=changed)).mean - model(window).mean).abs().amax(dim=0) > 0
    # A recurrent decoder carries it on; nothing reaches back.
    assert difference.tolist() == [False, False, True, head == "recurrent"]


def test_a_recurrent_head_feeds_back_its_own_median() -> None:
    """Step by step by hand, the value fed being the one before plus its change."""
    model = shaken(build(head="recurrent"))
    head = model.head
    assert isinstance(head, RecurrentHead)
    draw = torch.Generator().manual_seed(3)
    context = torch.randn(2, 2 * H, generator=draw, dtype=torch.float64)
    ahead = torch.randn(2, N, F, generator=draw, dtype=torch.float64)
    last = torch.randn(2, 1, generator=draw, dtype=torch.float64)
    found = head(context, ahead, last)
    state, value = None, last
    for n in range(N):
        y, state = head.decoder(torch.cat([value, ahead[:, n], context], dim=1).unsqueeze(1), state)
        out = head.out(y[:, 0])
        value = value + out[:, 2:3]
        assert torch.allclose(found[:, n, 2:3], value - last)
        assert torch.allclose(found[:, n, -1:], value - last + out[:, -1:])
        assert torch.allclose(found[:, n, 3], out[:, 3])


def test_loss_is_pinball_and_half_the_square_of_the_known_steps() -> None:
    draw = np.random.default_rng(4)
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    quantiles, mean = torch.from_numpy(draw.normal(size=(3, 2, 3))), torch.from_numpy(draw.normal(size=(3, 2)))
    scale, truth = torch.tensor([[0.5], [1.0], [2.0]]).double(), torch.from_numpy(draw.normal(size=(3, 2)))
    known = torch.tensor([[True, False], [True, True], [False, True]])
    expected = 0.0
    for b in range(3):
        for n in range(2):
            if known[b, n]:
                size = float(scale[b, 0])
                for q, level in enumerate((0.1, 0.5, 0.9)):
                    error = float(truth[b, n] - quantiles[b, n, q]) / size
                    expected += max(level * error, (level - 1) * error)
                expected += 0.5 * (float(truth[b, n] - mean[b, n]) / size) ** 2
    found: Tensor = forecast_loss(Forecast(quantiles, mean, scale), truth, known, levels)
    assert float(found) == pytest.approx(expected)


@pytest.mark.parametrize("levels", [(), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_quantiles_must_rise_between_0_and_1(levels: tuple[float, ...]) -> None:
    head = DirectHead(2 * H, F, N, 3, len(levels) + 1)
    with pytest.raises(ConfigError, match="rise and lie between 0 and 1"):
        Forecaster(build().encoder, head, InstanceScale("last", spread=False), levels)

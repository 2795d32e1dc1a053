"""From a window of a series to the steps after it: quantiles that never cross, and a mean.

Shapes: B batch, T steps of the window, N steps of the horizon, F features known ahead, P features known for the past
only, K lags, H features of the encoder, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.layers import Recurrent
from unroll.models.encoders import ConvolutionEncoder, RecurrentEncoder, WindowEncoder
from unroll.models.forecast_window import InstanceScale, Window, scaled_lags
from unroll.models.likelihood import Likelihood
from unroll.models.loops import over_steps


class Forecast(NamedTuple):
    """What is expected, in the units of `Window.past`.

    Attributes:
        quantiles: (B, N, Q), rising in Q.
        mean: (B, N).
        scale: (B, 1), the window's own scale; the loss divides by it.
        level: (B, 1), what was taken out of the window.
        raw: (B, N, outputs) what a likelihood makes its parameters of, and straight (B, N), of the linear path.
    """

    quantiles: Tensor
    mean: Tensor
    scale: Tensor
    level: Tensor | None = None
    raw: Tensor | None = None
    straight: Tensor | None = None


def rising(raw: Tensor, middle: int) -> Tensor:
    """Turn raw outputs (..., Q) into values that rise in Q: the middle one as it is, the others by positive steps."""
    centre = raw[..., middle : middle + 1]
    above = centre + nn.functional.softplus(raw[..., middle + 1 :]).cumsum(dim=-1)
    below = centre - nn.functional.softplus(raw[..., :middle].flip(-1)).cumsum(dim=-1).flip(-1)
    return torch.cat([below, centre, above], dim=-1)


class DirectHead(nn.Module):
    """All steps of the horizon at once from the encoder's summary and what is known of each step.

    Args:
        context_size: H.
        known_size: F.
        horizon: N.
        width: hidden features of each step.
        outputs: numbers per step.
    """

    def __init__(self, context_size: int, known_size: int, horizon: int, width: int, outputs: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.steps = nn.Linear(context_size, horizon * width)
        self.ahead = nn.Linear(known_size, width, bias=False) if known_size else None
        self.out = nn.Linear(width, outputs)

    def forward(self, context: Tensor, ahead: Tensor, last: Tensor) -> Tensor:
        """(B, N, outputs) from the context (B, H) and what is known ahead (B, N, F); the last value is not used."""
        hidden = self.steps(context).view(context.shape[0], self.horizon, -1)
        if self.ahead is not None:
            hidden = hidden + self.ahead(ahead)
        out: Tensor = self.out(hidden.relu())
        return out


class RecurrentHead(nn.Module):
    """One step after the other, each fed with the value the one before gave, in training too (free-running).

    The encoder's summary is an input of every step, as in Cho et al. 2014, "Learning phrase representations using RNN
    encoder-decoder", section 2.2.

    Args:
        decoder: a batch-first recurrent layer of input size 1 + F + H.
        horizon: N.
        width: the decoder's output size.
        outputs: numbers per step.
        fed: which of them is fed back.
    """

    def __init__(self, decoder: Recurrent, horizon: int, width: int, outputs: int, fed: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.horizon = horizon
        self.fed = fed
        self.out = nn.Linear(width, outputs)

    def forward(self, context: Tensor, ahead: Tensor, last: Tensor) -> Tensor:
        """(B, N, outputs) from the context (B, H), what is known ahead (B, N, F) and the last value (B, 1)."""
        cell = self.decoder.cell

        def step(carried: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Sequence[Tensor], Tensor]:
            value, *state = carried
            x = torch.cat([value, given[0], context], dim=-1).unsqueeze(1)
            y, after = self.decoder(x, cell.State(*state))
            out = self.out(y[:, 0])
            value = value + out[:, self.fed : self.fed + 1]
            # What is fed back and the mean, the last output, stand for the change since the window's last value.
            change = value - last
            made = [out[:, : self.fed], change, out[:, self.fed + 1 : -1], out[:, -1:] + change]
            return [value, *after], torch.cat(made, dim=-1)

        state = [context.new_zeros(context.shape[0], size) for size in cell.state_sizes().values()]
        _, steps_NBO = over_steps(step, [last, *state], [ahead.transpose(0, 1)])
        return steps_NBO.transpose(0, 1)


class SampledHead(nn.Module):
    """One step after the other, each with a distribution that is fed with the value before it: in training with what
    came, in use with draws, so that many paths through the horizon give its distribution.

    Source: Salinas et al. 2020, "DeepAR: Probabilistic forecasting with autoregressive recurrent networks", section 3.

    Args:
        decoder: a batch-first recurrent layer of input size 1 + F + H.
        horizon: N.
        width: the decoder's output size.
        likelihood: of each step.
        paths: drawn for each window.
    """

    def __init__(self, decoder: nn.Module, horizon: int, width: int, likelihood: Likelihood, paths: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.horizon = horizon
        self.likelihood = likelihood
        self.paths = paths
        self.out = nn.Linear(width, likelihood.outputs)

    def _step(self, value: Tensor, ahead: Tensor, context: Tensor, state: Any) -> tuple[Tensor, Any]:
        x = torch.cat([value, ahead, context], dim=-1).unsqueeze(1)
        y, state = self.decoder(x, state)
        raw = self.out(y[:, 0])
        if not self.likelihood.counts:
            # The middle is counted from the value before, so that an untrained decoder repeats it.
            raw = torch.cat([raw[:, :1] + value, raw[:, 1:]], dim=-1)
        return raw, state

    def forward(self, context: Tensor, ahead: Tensor, last: Tensor, told: Tensor | None = None) -> Tensor:
        """(B, N, outputs); each step is fed with what came (B, N), or with the mean of the step before."""
        state, steps, value = None, [], last
        for step in range(self.horizon):
            raw, state = self._step(value, ahead[:, step], context, state)
            steps.append(raw)
            mean = self.likelihood.mean(raw, torch.zeros_like(raw[:, 0])).unsqueeze(1)
            value = (
                mean if told is None else torch.where(told[:, step : step + 1].isnan(), mean, told[:, step : step + 1])
            )
        return torch.stack(steps, dim=1)

    def draw(self, context: Tensor, ahead: Tensor, last: Tensor, scale: Tensor) -> Tensor:
        """(B, paths, N) draws, the same ones at every call."""
        generator = torch.Generator().manual_seed(0)
        context, ahead, value, scale = (part.repeat_interleave(self.paths, 0) for part in (context, ahead, last, scale))
        state, steps = None, []
        for step in range(self.horizon):
            raw, state = self._step(value, ahead[:, step], context, state)
            value = self.likelihood.draw(raw.unsqueeze(1), torch.zeros_like(value), scale, generator)
            steps.append(value)
        return torch.cat(steps, dim=1).view(-1, self.paths, self.horizon)


class Forecaster(nn.Module):
    """Window -> encoder -> head, beside a linear path from the window straight to the horizon.

    The linear path is the autoregressive component of Lai et al. 2018, "Modeling long- and short-term temporal patterns
    with deep neural networks" (LSTNet), section 3.5: the network alone reacts slowly to a change of level. Before
    training the path gives the last value again and again, or the last season.

    Args:
        encoder: of input size I = 1 + F + 2 K + P.
        head: `DirectHead` or `RecurrentHead` with Q + 1 outputs, those of a likelihood, or `SampledHead`.
        instance: takes the window's level and spread out.
        levels: the quantiles, rising; the middle one is the point forecast.
        linear_steps: how many of the window's last steps the linear path sees; 0: no such path.
        repeated: how many of the last steps the untrained path repeats: 1 is the naive forecast, a season the seasonal;
            0: it gives nothing.
        dropout: probability that a feature of the summary is hidden in training.
        calibrated: K, windows whose errors are kept beside the weights (`ratios`, K rows of N), to calibrate the band.
        combined: C, simple forecasts that this one is combined with; how is kept beside the weights (`combination`: C
            weights, that of the network, and 1 for a random walk), and the quantiles (N, Q) of the simple ones' errors
            (`spread`).
        scaled: whether those are in units of a local scale, whose number is kept, too (`local`).
        likelihood: the distribution of each step; None: quantiles by themselves.
        lags: K, values far back of each step, which stand among what is known of it, each with whether it is known; the
            linear path sees those of the horizon and those of the last step.
    """

    def __init__(
        self,
        encoder: RecurrentEncoder | ConvolutionEncoder | WindowEncoder,
        head: DirectHead | RecurrentHead | SampledHead,
        instance: InstanceScale,
        levels: Sequence[float],
        *,
        linear_steps: int = 0,
        repeated: int = 1,
        dropout: float = 0.0,
        calibrated: int = 0,
        combined: int = 0,
        scaled: bool = False,
        likelihood: Likelihood | None = None,
        lags: int = 0,
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.lags = lags
        self.levels = tuple(levels)
        if linear_steps and not 0 <= repeated <= linear_steps:
            raise ConfigError(
                f"Forecaster: repeated must lie between 0 and linear_steps = {linear_steps}, got {repeated}"
            )
        if list(levels) != sorted(set(levels)) or not levels or not 0 < levels[0] <= levels[-1] < 1:
            raise ConfigError(f"quantiles must rise and lie between 0 and 1, got {', '.join(map(str, levels))}")
        self.encoder = encoder
        self.head = head
        self.instance = instance
        self.middle = len(levels) // 2
        self.linear_steps = linear_steps
        self.dropout = nn.Dropout(dropout)
        # A run that calibrates nothing has no such tensor in its weights.
        self.register_buffer("ratios", torch.full((calibrated, head.horizon), torch.nan) if calibrated else None)
        self.ratios: Tensor | None
        alone = torch.zeros(combined + 2)
        alone[combined] = 1.0
        self.register_buffer("combination", alone if combined else None)
        self.combination: Tensor | None
        self.register_buffer("spread", torch.zeros(head.horizon, len(levels)) if combined else None)
        self.spread: Tensor | None
        self.register_buffer("local", torch.zeros(()) if combined and scaled else None)
        self.local: Tensor | None
        self.linear = nn.Linear(linear_steps, head.horizon) if linear_steps else None
        self.far = nn.Linear(2 * lags, 1, bias=False) if linear_steps and lags else None
        if self.far is not None:
            nn.init.zeros_(self.far.weight)
        nn.init.zeros_(head.out.weight)
        nn.init.zeros_(head.out.bias)
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)
            with torch.no_grad():
                for step in range(head.horizon if repeated else 0):
                    self.linear.weight[step, linear_steps - repeated + step % repeated] = 1.0

    def forward(self, window: Window) -> Forecast:
        """Forecast the horizon of every window."""
        level, scale = self.instance(window.past)
        past = (window.past - level) / scale
        steps, known = past.shape[1], window.known
        lagged = scaled_lags(window, self.lags, level, scale) if self.lags else None
        if lagged is not None:
            known = torch.cat([known, *lagged], dim=-1)
        x = torch.cat([past.unsqueeze(-1), known[:, :steps], window.seen], dim=-1)
        # All windows are full; only the comparison encoders must be told.
        whole = isinstance(self.encoder, RecurrentEncoder)
        encoded = self.encoder(x) if whole else self.encoder(x, torch.full((x.shape[0],), steps, device=x.device))
        context, ahead, last = self.dropout(encoded.last), known[:, steps:], past[:, -1:]
        straight = None if self.linear is None else self.linear(past[:, -self.linear_steps :])
        if straight is not None and self.far is not None and lagged is not None:
            values = lagged[0]
            before = values[:, steps - 1 : steps].expand(-1, self.head.horizon, -1)
            straight = straight + self.far(torch.cat([values[:, steps:], before], dim=-1)).squeeze(-1)
        if self.likelihood is not None:
            return self._distribution(window, (context, ahead, last), straight, level, scale)
        raw = self.head(context, ahead, last)
        quantiles, mean = rising(raw[..., :-1], self.middle), raw[..., -1]
        if straight is not None:
            quantiles, mean = quantiles + straight.unsqueeze(-1), mean + straight
        return Forecast(quantiles * scale.unsqueeze(-1) + level.unsqueeze(-1), mean * scale + level, scale)

    def _distribution(
        self,
        window: Window,
        given: tuple[Tensor, Tensor, Tensor],
        straight: Tensor | None,
        level: Tensor,
        scale: Tensor,
    ) -> Forecast:
        """The forecast of a likelihood, from what its head is given."""
        if self.likelihood is None:
            raise ConfigError("Forecaster: a distribution needs a likelihood")
        path = window.past.new_zeros(scale.shape[0], self.head.horizon) if straight is None else straight
        levels = torch.tensor(self.levels, dtype=path.dtype, device=path.device)
        if isinstance(self.head, SampledHead):
            told = None if window.told is None else (window.told - level) / scale
            raw = self.head(*given, told)
        else:
            raw = self.head(*given)
        if isinstance(self.head, SampledHead) and not self.training:
            drawn = self.head.draw(*given, scale)
            # Between two counts there is none.
            between = "nearest" if self.likelihood.counts else "linear"
            quantiles = drawn.quantile(levels, dim=1, interpolation=between).movedim(0, -1)
            mean = drawn.mean(dim=1)
        else:
            quantiles = self.likelihood.quantiles(raw, path, levels, scale)
            mean = self.likelihood.mean(raw, path)
        quantiles = quantiles * scale.unsqueeze(-1) + level.unsqueeze(-1)
        return Forecast(quantiles, mean * scale + level, scale, level, raw, path)


def likelihood_loss(forecast: Forecast, truth: Tensor, known: Tensor, likelihood: Likelihood) -> Tensor:
    """The summed negative logarithms of the density of the known steps, in units of each window.

    Args:
        forecast: what the model gave.
        truth: (B, N), any number where unknown.
        known: (B, N), whether the truth is known.
        likelihood: the model's.

    Raises:
        ConfigError: the forecast is not that of a likelihood.
    """
    if forecast.raw is None or forecast.straight is None or forecast.level is None:
        raise ConfigError("likelihood_loss: the forecast has no parameters of a likelihood; use forecast_loss")
    truth = (truth - forecast.level) / forecast.scale
    loss = likelihood.loss(forecast.raw, forecast.straight, truth, forecast.scale)
    return loss.masked_fill(~known, 0.0).sum()


def forecast_loss(forecast: Forecast, truth: Tensor, known: Tensor, levels: Tensor) -> Tensor:
    """The summed loss of the known steps: pinball over the quantiles, and half the squared error of the mean.

    Errors are in units of each window's own scale.

    Args:
        forecast: what the model gave.
        truth: (B, N), any number where unknown.
        known: (B, N), whether the truth is known.
        levels: (Q,).
    """
    error = (truth.unsqueeze(-1) - forecast.quantiles) / forecast.scale.unsqueeze(-1)
    quantile_loss = torch.maximum(levels * error, (levels - 1) * error).sum(dim=-1)
    square = 0.5 * ((truth - forecast.mean) / forecast.scale).square()
    return (quantile_loss + square).masked_fill(~known, 0.0).sum()

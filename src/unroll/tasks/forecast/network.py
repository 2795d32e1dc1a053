"""The network of a forecaster: built from its settings, run over windows.

Shapes: W windows, T steps of the past, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

import numpy as np
import torch

from unroll.cells import CELLS
from unroll.layers import Recurrent
from unroll.models.encoders import ConvolutionEncoder, RecurrentEncoder, WindowEncoder, recurrent_stack
from unroll.models.forecast_window import InstanceScale
from unroll.models.forecaster import DirectHead, Forecaster, RecurrentHead, SampledHead
from unroll.tasks.forecast.scores import Forecasts
from unroll.tasks.forecast.settings import ForecastSettings, Saved
from unroll.tasks.forecast.windows import SeriesStore

#: Windows that are scored at once.
_SCORED = 512
#: Paths through the horizon that are drawn for each window.
_PATHS = 100


def build_network(saved: Saved, settings: ForecastSettings, repeated: int = 1) -> Forecaster:
    """The untrained network for these sizes and settings.

    Args:
        saved: the sizes.
        settings: the settings.
        repeated: how many of a window's last steps the untrained linear path repeats.
    """
    # Of each lag there are its value and whether it is known.
    known = 2 * len(saved.cycles) + len(saved.ahead) + 2 * len(saved.lags)
    seen = len(saved.covariates) - len(saved.ahead) + saved.mask
    size, hidden = 1 + known + seen, saved.hidden_size
    encoder: RecurrentEncoder | WindowEncoder | ConvolutionEncoder
    if settings.encoder == "mlp":
        encoder = WindowEncoder(size, hidden, segments=saved.input_length, dropout=settings.dropout)
    elif settings.encoder == "cnn":
        encoder = ConvolutionEncoder(size, hidden)
    else:
        cell = CELLS[settings.encoder]
        directions = 2 if settings.bidirectional else 1
        below = [size] + [hidden * directions] * (settings.num_layers - 1)
        cells = [tuple(cell(under, hidden) for _ in range(directions)) for under in below]
        dropout = settings.dropout if settings.num_layers > 1 else 0.0
        encoder = RecurrentEncoder(recurrent_stack(cells, dropout=dropout, engine=settings.engine))
    likelihood = settings.distribution
    outputs = len(settings.quantiles) + 1 if likelihood is None else likelihood.outputs
    head: DirectHead | RecurrentHead | SampledHead
    if settings.decoder == "recurrent" and likelihood is not None:
        own = settings.encoder if settings.encoder in CELLS else ForecastSettings.model_fields["encoder"].default
        decoder = Recurrent(
            CELLS[own](1 + known + encoder.output_size, hidden), batch_first=True, engine=settings.engine
        )
        head = SampledHead(decoder, saved.horizon, hidden, likelihood, _PATHS)
    elif settings.decoder == "recurrent":
        # A comparison encoder has no cell of its own; its decoder is the default one.
        own = settings.encoder if settings.encoder in CELLS else ForecastSettings.model_fields["encoder"].default
        cell = CELLS[own]
        decoder = Recurrent(cell(1 + known + encoder.output_size, hidden), batch_first=True, engine=settings.engine)
        head = RecurrentHead(decoder, saved.horizon, hidden, outputs, fed=len(settings.quantiles) // 2)
    else:
        head = DirectHead(encoder.output_size, known, saved.horizon, max(8, hidden // 4), outputs)
    return Forecaster(
        encoder,
        head,
        InstanceScale(saved.level, spread=saved.spread, counts=settings.counts),
        settings.quantiles,
        linear_steps=saved.input_length if settings.has_path else 0,
        repeated=repeated,
        dropout=settings.dropout,
        calibrated=saved.calibrated,
        combined=len(saved.simple),
        scaled=saved.evidence is not None,
        likelihood=likelihood,
        lags=len(saved.lags),
    )


@torch.no_grad()
def run_windows(
    network: Forecaster, store: SeriesStore, series: np.ndarray, origins: np.ndarray, saved: Saved
) -> Forecasts:
    """Forecast windows, in the series' own units; the network is left as it was (training or not)."""
    training = network.training
    network.eval()
    device = next(network.parameters()).device
    means, quantiles = [], []
    for at in range(0, len(series), _SCORED):
        part = slice(at, at + _SCORED)
        batch = store.gather(series[part], origins[part], saved.input_length, saved.horizon)
        forecast = network(batch.window.to(device))
        means.append(forecast.mean.cpu().numpy())
        quantiles.append(forecast.quantiles.cpu().numpy())
    network.train(training)
    mean_WN = store.in_units(series, origins, np.concatenate(means).astype(np.float64))
    quantiles_WNQ = store.in_units(series, origins, np.concatenate(quantiles).astype(np.float64))
    middle = quantiles_WNQ.shape[-1] // 2
    truth = store.truth(series, origins, saved.horizon)
    return Forecasts(series, origins, truth, quantiles_WNQ[..., middle], mean_WN, quantiles_WNQ)

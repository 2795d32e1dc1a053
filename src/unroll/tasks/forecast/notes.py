"""What was decided about a forecaster, in words."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.cells import CELLS
from unroll.report import words
from unroll.tasks.forecast.combination import Weights, weights_in_words
from unroll.tasks.forecast.data import EPOCH, ForecastData
from unroll.tasks.forecast.settings import ForecastSettings, Saved


def notes_of(data: ForecastData, settings: ForecastSettings, season: str) -> Iterator[str]:
    """Series, season, windows and network, a sentence each.

    Args:
        data: prepared.
        settings: the run's model section.
        season: how the season was found, in words.
    """
    saved, store, windows = data.saved, data.store, data.windows
    lengths = store.lengths.tolist()
    step = "" if saved.frequency is None else f" in steps of {saved.frequency.label}"
    count = (
        f"{len(lengths)} series of {min(lengths)} to {max(lengths)} steps"
        if len(lengths) > 1
        else (f"one series, '{store.names[0]}', of {lengths[0]} steps")
    )
    yield f"{count}{step}; {season}"
    if saved.frequency is not None and saved.frequency.unit == "row":
        ahead = (
            "forecasts are for the next such times; holidays to come are not known"
            if saved.frequency.slots
            else "times of forecasts go on by the usual time between rows"
        )
        yield (
            f"a step is a row, whatever time passes to the next ({saved.frequency.label}): what lies between is closed,"
            f" not missing (--set model.steps=time if it is); {ahead}"
        )
    if saved.likely_zone is not None:
        named = " as given" if saved.zone is not None else ", by the offsets of its times"
        yield f"days, weeks and months are those of the clock in {saved.likely_zone}{named} (--set data.zone=ZONE)"
    yield (
        f"{saved.horizon} steps are forecast from the {saved.input_length} before them"
        f" (--horizon, --set model.input_length=N)"
    )
    if saved.lags:
        yield (
            f"beside them each step looks back by {', '.join(map(str, saved.lags))} steps (--set model.lags=none, or"
            " steps as in 168,336)"
        )
    if store.missing:
        yield (
            f"{store.missing} of {sum(lengths)} values are missing: a straight line bridges a gap that a"
            " forecast looks back on, an open one holds its last value; none of them is scored"
        )
        gap = store.longest_gap()
        if gap >= saved.input_length:
            yield (
                f"the longest gap has {gap} steps: within and behind it a window of {saved.input_length} sees no value"
                " that was measured (--set model.input_length=N)"
            )
    if store.missing_covariates:
        yield (f"{store.missing_covariates} values of covariates are missing: each holds the last one before it")
    train = windows["train"]
    held = ", ".join(f"{len(windows[name])} {name}" for name in data.splits)
    yield f"windows by time: {len(train)} train, {held}"
    for name in data.splits:
        stride = windows[name].stride
        if stride > 1:
            yield f"{name}: a forecast begins at every {stride}. step (--set model.stride=1 for every one)"
    if len(train) > EPOCH:
        yield f"each epoch draws {EPOCH} of the train windows"
    short = int((train.counts == 0).sum())
    if short:
        yield f"{short} series are too short for a train window of {saved.input_length} + {saved.horizon} steps"
    unscored = {name: int((windows[name].counts == 0).sum()) for name in data.splits}
    for name, number in unscored.items():
        if number:
            yield f"{number} series have no window in the {name} part"
    if saved.inside is not None:
        every = list(saved.inside.series.values())
        seasons = " and ".join(map(str, saved.inside.seasons))
        form = (
            ", damped trend" if any(own.trend for own in every) else "",
            f", seasons of {seasons} steps" if any(own.used for own in every) else "",
            " as factors" if all(own.floor for own in every) else "",
        )
        yield (
            f"exponential smoothing of each series inside: level{''.join(form)}"
            + (", by what suits each" if len(every) > 1 else "")
            + "; the network forecasts what it leaves (--set model.smoothing=false)"
        )
    level = {"last": "the last value is", "mean": "the mean is", "none": "nothing is"}[saved.level]
    yield (
        f"each series is scaled by its train part ({settings.scaling}); {level} taken out of each window"
        + (", which is divided by its own deviation" if saved.spread else "")
        + (
            f"; the calendar's {', '.join(saved.cycles)} {'are' if len(saved.cycles) > 1 else 'is'} known"
            if saved.cycles
            else ""
        )
    )
    if len(settings.quantiles) > 1:
        yield (
            f"the band is calibrated (conformal) on the errors of {saved.calibrated} validation windows, then on the"
            " latest of the series itself as they become known"
            if saved.calibrated
            else "the band is not calibrated: there is no validation part"
        )
    start = {0: "nothing", 1: "the naive forecast"}.get(data.repeated, "the seasonal naive forecast")
    path = f" and a linear path that begins as {start}"
    directions = " in both directions" if settings.bidirectional and settings.encoder in CELLS else ""
    yield (
        f"{words.model_name(settings.encoder)} with {saved.hidden_size} features{directions}, {settings.decoder}"
        f" decoder{'' if settings.distribution is None else f', likelihood {settings.likelihood}'}"
        f"{path if settings.has_path else ''}; unless set otherwise: "
        + ", ".join(f"{key} {value:g}" for key, value in data.training.items())
    )


def combination_notes(saved: Saved, weights: Weights) -> list[str]:
    """How the network and the simple forecasts were put together, after training."""
    if weights.walk:
        return [
            "Each series is a random walk as far as the data tell: up to the end of the validation part nothing was"
            " better than its last value beyond chance, so that is what is forecast."
        ]
    return [f"The forecast is {weights_in_words(saved.simple, weights)}, by the errors up to the end of validation."]

"""A backtest with refit: for every fold of the time the model is trained anew, as it would have been trained then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from unroll import api
from unroll.api import Callback, Config, Settings
from unroll.errors import ConfigError, DataError
from unroll.tasks.options import Value
from unroll.tasks.pipeline import Say
from unroll.trained import Model
from unroll.training import Progress

if TYPE_CHECKING:
    import pandas as pd

#: What the rows of the model itself are called.
OURS = "this model"


class Fold(NamedTuple):
    """One cut of the time.

    Attributes:
        number: from 1, the earliest.
        model: trained on what came before its test split, which is one horizon long.
    """

    number: int
    model: Model


class Backtest:
    """How a model and the simple baselines would have forecast, fold by fold.

    Attributes:
        folds: in the order of time.
        metric: the one that a forecaster is judged by.
    """

    def __init__(self, folds: Sequence[Fold], metric: str) -> None:
        self.folds = list(folds)
        self.metric = metric

    def to_frame(self) -> pd.DataFrame:
        """One row per fold and model or baseline: fold, model, and a column for every metric of the test split."""
        import pandas as pd

        rows = []
        for fold in self.folds:
            metrics = fold.model.metrics
            for name, splits in {OURS: metrics, **metrics["baselines"]}.items():
                scores = {metric: entry["value"] for metric, entry in splits["test"].items()}
                rows.append({"fold": fold.number, "model": name, **scores})
        return pd.DataFrame(rows)

    def mean(self) -> pd.DataFrame:
        """One row per model or baseline that every fold has, the best first: the means over the folds."""
        models = self.to_frame().drop(columns="fold").groupby("model")
        means = models.agg(lambda column: column.mean(skipna=False))
        return means[models.size() == len(self.folds)].sort_values(self.metric)

    def __repr__(self) -> str:
        mean = self.mean()[self.metric]
        return f"Backtest({len(self.folds)} folds, mean {self.metric} {mean[OURS]:.4g}, best {mean.index[0]})"

    def _repr_html_(self) -> str:
        return str(self.mean().to_html(float_format="%.4g"))


def backtest(
    data: object,
    *,
    folds: int = 4,
    target: str | None = None,
    time: str | None = None,
    series: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    config: Config | None = None,
    settings: Settings = (),
    force: bool = False,
    progress: bool | Progress | None = None,
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
    **options: Value | None,
) -> Backtest:
    """Train a forecaster anew for each of the last horizons, each time on what came before it and on nothing after.

    The first line of a report's own backtest is a model that was trained once; this one is trained `folds` times, and
    so are its baselines, its combination and its band.

    Source: Tashman 2000, "Out-of-sample tests of forecasting accuracy: an analysis and review", section 3
    (rolling-origin evaluation with recalibration).

    Args:
        data: as in `unroll.train`, like all others but `folds` and `out`.
        folds: how many; together they test the last `folds` times `horizon` steps of every series.
        target: see `unroll.train`.
        time: likewise.
        series: likewise.
        format: likewise.
        encoding: likewise.
        delimiter: likewise.
        header: likewise.
        epochs: likewise.
        seed: likewise.
        out: the folder of the folds' run folders, fold1 (the earliest) and so on; temporary ones if None.
        config: likewise.
        settings: likewise.
        force: likewise.
        progress: likewise.
        callbacks: likewise.
        say: likewise.
        options: likewise.

    Raises:
        ConfigError: a setting is wrong, or there are no folds.
        DataError: the data is wrong, or too short for so many folds; with file and line.
    """
    if folds < 1:
        raise ConfigError(f"expected at least 1 fold, got {folds}; give --folds, the number of horizons to go back")
    texts = api.overrides_of(settings)
    found: list[Fold] = []
    # From the latest to the earliest: the one with the most data says how long the horizon is, where nothing else does.
    for back in range(1, folds + 1):
        number = folds - back + 1
        if say is not None:
            say(f"\nfold {number} of {folds}")
        try:
            model = api.train(
                data,
                task="forecast",
                target=target,
                time=time,
                series=series,
                format=format,
                encoding=encoding,
                delimiter=delimiter,
                header=header,
                validation=None,
                test=None,
                epochs=epochs,
                seed=seed,
                out=None if out is None else Path(out) / f"fold{number}",
                resume=None,
                config=config,
                settings=[*texts, f"model.fold={back}"],
                force=force,
                baselines=True,
                progress=progress,
                callbacks=callbacks,
                say=say,
                **options,
            )
        except DataError as error:
            if back == 1:
                raise
            raise ConfigError(f"fold {number} of {folds}: {error}; or go back {back - 1} folds at most") from None
        found.append(Fold(number, model))
        if options.get("horizon") is None:
            options["horizon"] = model.predictor.horizon  # type: ignore[attr-defined]
    return Backtest(found[::-1], "mae")

"""The settings of a forecaster, and what its run folder keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.data import Frequency
from unroll.models.likelihood import LIKELIHOODS, Likelihood
from unroll.tasks.forecast.columns import Columns, Reading
from unroll.tasks.forecast.inside import SavedInside, first_origin
from unroll.tasks.forecast.windows import Cycle

#: Encoders that are no recurrent network, for comparison.
_OTHER = ("cnn", "mlp")
#: Steps that a window or a lag may reach back.
_MOST_BACK = 1_000_000


class ForecastSettings(BaseModel):
    """The model of a forecaster. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS, _OTHER)] = Field(
        "gru", description=f"{', '.join(CELLS)}; for comparison {', '.join(_OTHER)}"
    )
    hidden_size: int | None = Field(None, ge=1, description="features of one step in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers")
    bidirectional: bool = Field(False, description="read the window from both ends")
    decoder: Literal["direct", "recurrent"] = Field(
        "direct", description="all steps at once, or one after the other: with a likelihood by draws of it (DeepAR)"
    )
    likelihood: Annotated[str, OneOf(("quantiles", *LIKELIHOODS))] = Field(
        "quantiles", description=f"what is given for each step: quantiles, or a distribution: {', '.join(LIKELIHOODS)}"
    )
    horizon: int | None = Field(None, ge=1, description="steps to forecast")
    input_length: int | None = Field(None, ge=1, description="steps of the past that the model sees")
    season: int | None = Field(None, ge=1, description="steps after which the season returns; 1: none")
    quantiles: tuple[float, ...] = Field(
        (0.1, 0.5, 0.9), min_length=1, description="rising; the middle one is the median"
    )
    split: tuple[int, int, int] | None = Field(
        None, description="steps of each series that train, validate and test, in this order; later ones are not used"
    )
    fold: int | None = Field(
        None,
        ge=1,
        description="the test split is the horizon that lies so many horizons before the end, and later steps are not"
        " used: what `unroll backtest` goes through",
    )
    scaling: Literal["standard", "mean", "none"] = Field(
        "standard", description="of each series by its train part: mean 0 and deviation 1, mean size 1, or none"
    )
    level: Literal["last", "mean", "none"] | None = Field(None, description="what is taken out of each window")
    spread: bool | None = Field(None, description="whether each window is divided by its own deviation")
    smoothing: bool | None = Field(
        None, description="exponential smoothing of each series inside: the network forecasts what it leaves (ES-RNN)"
    )
    linear: bool = Field(True, description="a linear path from the window to the horizon beside the network")
    combine: bool = Field(
        True, description="combine the network with simple forecasts (naive, theta, exponential smoothing ...)"
    )
    time_features: bool = Field(True, description="the time of day, of the week and of the year, where there are dates")
    lags: Literal["auto", "none"] | tuple[int, ...] = Field(
        "auto",
        description="steps back from each step at which the network looks up the series, beside the window: 168,336;"
        " auto: returns of the season, the week and the year that the window does not reach, where they tell more",
    )
    known_ahead: tuple[str, ...] = Field((), description="columns known for the horizon, too: holidays, prices, plans")
    static: tuple[str, ...] = Field((), description="columns that never change within a series")
    steps: Literal["auto", "time", "rows"] = Field(
        "auto", description="what a step is: of time, or a row, whatever time passes to the next (trading days, shifts)"
    )
    missing: Literal["auto", "interpolate", "error"] = Field(
        "auto",
        description="missing values: bridge them for the network, which is told, and say how many; refuse them; auto:"
        " bridge up to a tenth of a series",
    )
    standardised: bool = Field(
        True, description="mse and mae in deviations of the train part, as the literature reports"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="of the encoder's summary and between recurrent layers")
    stride: int | None = Field(None, ge=1, description="steps between the origins that are scored; 1 is every step")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)) or not 0 < value[0] <= value[-1] < 1:
            raise ValueError("expected rising numbers between 0 and 1")
        if len(value) % 2 == 0 or value[len(value) // 2] != 0.5:
            raise ValueError("expected an odd number of quantiles with 0.5 in the middle")
        return value

    @field_validator("lags", mode="before")
    @classmethod
    def _rising_lags(cls, value: object) -> object:
        if value in ("auto", "none"):
            return value
        given = [value] if isinstance(value, int | str) else value
        try:
            lags = sorted({int(one) for one in given})  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            lags = [0]
        if lags and not 1 <= lags[0] <= lags[-1] <= _MOST_BACK:
            raise ValueError("expected auto, none, or numbers of steps from 1 on, such as 168,336")
        return tuple(lags)

    @model_validator(mode="after")
    def _whole_split(self) -> ForecastSettings:
        if self.split is not None and (self.split[0] < 1 or min(self.split) < 0):
            raise ValueError("split must hold three numbers of steps, the first at least 1")
        if self.split is not None and self.fold is not None:
            raise ValueError("split and fold both say where the test split lies; give one of them")
        if self.counts and self.smoothing:
            raise ValueError("likelihood negative-binomial is of whole numbers, which smoothing does not leave")
        return self

    @property
    def distribution(self) -> Likelihood | None:
        """The likelihood; None for quantiles."""
        return LIKELIHOODS.get(self.likelihood)

    @property
    def counts(self) -> bool:
        """Whether values are whole numbers, which are neither scaled nor moved."""
        return self.distribution is not None and self.distribution.counts

    @property
    def has_path(self) -> bool:
        """Whether there is a linear path: draws are fed back, which a path beside them would count twice."""
        drawn = self.decoder == "recurrent" and self.distribution is not None
        return self.linear and not self.counts and not drawn


class SavedFrequency(BaseModel):
    """The step of time."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: str
    season: int = Field(ge=1)
    unit: Literal["us", "month", "month's first working day", "month's last working day", "business day", "step", "row"]
    size: float
    slots: tuple[int, ...] = ()


class Saved(BaseModel):
    """What the run folder keeps beside weights and config: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    time: str | None
    series: str | None
    target: str | None
    covariates: tuple[str, ...]
    wide: bool
    ahead: tuple[int, ...]
    cycles: tuple[Cycle, ...]
    mask: bool
    horizon: int = Field(ge=1, le=1_000_000)
    input_length: int = Field(ge=1, le=_MOST_BACK)
    season: int = Field(ge=1)
    hidden_size: int = Field(ge=1, le=65_536)
    level: Literal["last", "mean", "none"]
    spread: bool
    frequency: SavedFrequency | None
    scaling: dict[str, tuple[float, float]]
    covariate_scaling: tuple[tuple[float, float], ...]
    # Added later: a run without them has a band as the network gave it.
    calibrated: int = Field(0, ge=0, le=100_000_000)
    zone: str | None = None
    likely_zone: str | None = None
    used_until: dict[str, int | float] = Field(default_factory=dict)
    # Added later: a run without them is the network alone.
    simple: tuple[str, ...] = ()
    longer: int = Field(1, ge=1)
    # Added later: a run without it has a band in units of each series' size, and counts windows of one series. What the
    # windows of validation are worth, and these with those before them.
    evidence: tuple[float, float] | None = None
    inside: SavedInside | None = None
    # Added later: a run without them looks no further back than its window.
    lags: tuple[Annotated[int, Field(ge=1, le=_MOST_BACK)], ...] = Field((), max_length=1_000)

    def needed(self) -> int:
        """Steps before the first origin that is scored: a window, and what smoothing starts from."""
        return self.input_length if self.inside is None else max(self.input_length, first_origin(self.inside))

    def least(self) -> int:
        """Steps of history below which nothing is forecast: a season, where simple forecasts or smoothing stand in for
        what the network does not see; else a window."""
        stands = bool(self.simple) or self.inside is not None
        return min(self.input_length, max(3, self.season)) if stands else self.input_length

    def reading(self) -> Reading:
        """How times are read, as they were in training."""
        step = None if self.frequency is None else Frequency(**self.frequency.model_dump())
        return Reading(self.zone, self.likely_zone, "time", step)

    def columns(self) -> Columns:
        """The columns that the model was trained on."""
        return Columns(self.time, self.series, self.target, self.covariates, self.wide)

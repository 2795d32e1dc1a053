"""The settings of a detector, and what its run folder keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS

#: Calm records that end an alert, at most, where the settings do not say.
_MOST_REST = 100


class DetectSettings(BaseModel):
    """The model of a detector. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS)] = Field("lstm", description=", ".join(CELLS))
    hidden_size: int = Field(32, ge=1, le=65_536, description="features of one step")
    num_layers: int = Field(1, ge=1, description="recurrent layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="between recurrent layers")
    probation: float = Field(
        0.15, gt=0, lt=1, description="share of each series, from its beginning, that is learned from and not scored"
    )
    probation_records: int | None = Field(
        None, ge=1, description="records that the probation part has at most; 750 where a file of windows is given"
    )
    labels: str | None = Field(None, description="a JSON file of anomaly windows by series, to score with")
    time_features: bool = Field(True, description="the time of day and of the week, where there are dates")
    short: int = Field(10, ge=1, description="records over which an error is averaged")
    long: int = Field(8000, ge=10, description="records by which it is judged what errors and values are usual")
    rest: int | None = Field(
        None,
        ge=1,
        description="calm records in a row that end an alert; None: a tenth of the probation, at most 100",
    )
    threshold: float | None = Field(
        None, ge=0, description="score of an alert; None: the best on the labels, or 6 where there are none"
    )
    calm: float = Field(0.5, ge=0, le=1, description="share of the threshold below which an alert is over")
    engine: str = Field("auto", description="what runs the recurrent layers in training; see `unroll info`")

    def rest_after(self, probation: int) -> int:
        """How many calm records end an alert in a stream with a probation part of so many records."""
        return min(max(probation // 10, 1), _MOST_REST) if self.rest is None else self.rest


class Saved(BaseModel):
    """What the run folder keeps beside weights and config: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    time: str | None
    #: Columns that go on where that of times ends, and how each says it: the time of day beside a date.
    further: dict[str, str] = Field(default_factory=dict)
    series: str | None
    channels: tuple[str, ...] = Field(min_length=1)
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    cycles: tuple[Literal["day", "week"], ...]
    probation: int = Field(ge=0)
    step: float | None
    longest_same: tuple[int, ...]

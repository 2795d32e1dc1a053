"""The settings of a training run."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """How a model is trained: a closed schema with bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=20, ge=1, description="passes over the training rows, at most")
    batch_size: int = Field(default=32, ge=1, description="rows per step, over all processes together")
    learning_rate: float = Field(default=1e-3, gt=0, description="AdamW's step size after warm-up")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's decay of matrices")
    clip_norm: float = Field(default=1.0, ge=0, description="largest norm of the whole gradient; 0: not clipped")
    schedule: Literal["cosine", "constant", "linear"] = Field(
        default="cosine", description="learning rate after warm-up"
    )
    warmup: float = Field(
        default=0.05, ge=0, le=1, description="share of all steps over which the learning rate rises from 0"
    )
    patience: int = Field(
        5, ge=0, description="epochs without a better validation score before stopping; 0: never stop"
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="type of the matrix products"
    )
    checkpoint_every: float = Field(default=60, ge=0, description="seconds between checkpoints; 0: after every step")
    layer_decay: float = Field(
        default=1, ge=1, description="the learning rate is divided by this once for every layer further from the answer"
    )
    unfreeze: int = Field(
        default=0, ge=0, description="epochs until the next lower layer is trained, too; 0: all from the beginning"
    )
    average: float = Field(default=0, ge=0, lt=1, description="decay of the moving average of the weights; 0: none")

"""A moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from unroll.errors import BundleError


class WeightAverage:
    """Exponential moving average of a model's trained parameters.

    Early on the decay is min(decay, (1 + n) / (10 + n)) after n steps, so that the random first weights are soon
    forgotten (as TensorFlow's ExponentialMovingAverage with num_updates).

    Args:
        model: the model that is trained.
        decay: share of the old average that is kept at each step, 0 to 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._decay = decay
        self.tensors: dict[str, Tensor] = {name: p.detach().clone() for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in the weights after `steps` steps in all."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        for name, parameter in self._parameters.items():
            self.tensors[name].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the average into the model for good."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self.tensors[name])

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        """Take up the average that stands in a checkpoint.

        Raises:
            BundleError: it is that of another model.
        """
        for name, average in self.tensors.items():
            if name not in tensors or tensors[name].shape != average.shape:
                raise BundleError(
                    f"{path}: the average of '{name}' is missing or of another shape; was the config changed?"
                )
            average.copy_(tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the model for a while; the weights come back in the same bits."""
        kept = {name: p.detach().clone() for name, p in self._parameters.items()}
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(kept[name])

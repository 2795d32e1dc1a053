"""What comes next in a stream of numbers, from what came before.

Shapes: T time, B batch, I input size, C channels, H hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.layers import Stack


class NextStep(nn.Module):
    """Recurrent layers beside a path that keeps the last value: the network learns what changes.

    Untrained it forecasts the last value of each channel.

    Example:
        >>> import torch
        >>> from unroll import LSTMCell
        >>> from unroll.models.encoders import recurrent_stack
        >>> from unroll.models.next_step import NextStep
        >>> model = NextStep(recurrent_stack([(LSTMCell(3, 6),)]), channels=2)
        >>> x = torch.randn(1, 5, 3)
        >>> expected, state = model(x)
        >>> bool((expected == x[..., :2]).all())
        True

    Args:
        body: recurrent layers, batch-first, in one direction.
        channels: C; the first C features of a step are the channels' values.
        thresholds: how many scores, from which on a record is an alert, are kept with the weights.

    Attributes:
        thresholds: a buffer, float64; NaN until they are chosen.

    Raises:
        ConfigError: the layers are not batch-first, or see fewer features than there are channels.
    """

    def __init__(self, body: Stack, channels: int, thresholds: int = 1) -> None:
        super().__init__()
        if not body.batch_first:
            raise ConfigError("NextStep: the layers must have batch_first=True")
        if body.input_size < channels:
            raise ConfigError(f"NextStep: {channels} channels do not fit into {body.input_size} features of a step")
        self.body = body
        self.channels = channels
        self.head = nn.Linear(body.output_size, channels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.keep = nn.Parameter(torch.ones(channels))
        self.thresholds: Tensor
        self.register_buffer("thresholds", torch.full((thresholds,), torch.nan, dtype=torch.float64))

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Forecast the step after each.

        Args:
            x: (B, T, I), the channels' values first.
            state: what an earlier call returned, or None for the start of a stream.

        Returns:
            (B, T, C) what is expected next, and the state after the last step.
        """
        y, after = self.body(x, state)
        return self.keep * x[..., : self.channels] + self.head(y), after

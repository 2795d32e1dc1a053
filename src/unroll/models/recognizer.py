"""Many-to-many, unaligned: from frames of sound to a row of letters, with CTC.

Source: Graves, Fernández, Gomez, Schmidhuber 2006, "Connectionist temporal classification"; frames side by side: Sak,
Senior, Rao, Beaufays 2015, "Fast and accurate recurrent neural network acoustic models for speech recognition", section
3.

Shapes: B batch, T frames, M bands, K frames of a step, S steps (T / K, rounded up), V letters and blank.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unroll.layers import Recurrent, Stack

#: The output of CTC that means "no letter here".
BLANK = 0


class Recognizer(nn.Module):
    """A deep recurrent network over steps of several frames; at every step the log-probabilities of all letters.

    Args:
        stack: the layers, batch-first, over K * M features.
        letters: V - 1.
        bands: M.
        frames: K.
        delay: steps that a network which reads forwards only hears before it answers for a step (Graves, Schmidhuber
            2005, "Framewise phoneme classification with bidirectional LSTM", section 3.1). Without, CTC settles on
            letters at a word's first sounds, before it can be told from others.
        dropout: probability that a feature is hidden in training, below and above the layers.
    """

    mean: Tensor
    scale: Tensor
    reading: Tensor

    def __init__(
        self, stack: Stack, letters: int, bands: int, *, frames: int = 1, delay: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.bands, self.frames, self.delay = bands, frames, delay
        self.stack = stack
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(stack.output_size, letters + 1)
        # Of the frames that train, and fixed from there on: a stream has no whole recording to be normalised by.
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("scale", torch.ones(bands))
        # What a model of letters counts when a text is read off, and what every letter earns; chosen on validation.
        self.register_buffer("reading", torch.zeros(2))

    def steps(self, frames: Tensor) -> Tensor:
        """S of recordings of so many frames, (B,) to (B,)."""
        return (frames + self.frames - 1) // self.frames

    def normalised(self, features_BTM: Tensor) -> Tensor:
        """Features with mean 0 and standard deviation 1 over the frames that train."""
        return (features_BTM - self.mean) * self.scale

    @property
    def both_ways(self) -> bool:
        """Whether a layer reads backwards, too, so that the whole recording must be there."""
        return any(not isinstance(layer, Recurrent) or layer.reverse for layer in self.stack.layers)

    def stacked(self, x_BTM: Tensor, lengths: Tensor | None = None, *, ended: bool = True) -> Tensor:
        """Normalised features as steps (B, S + delay, K * M); what is missing at the end, and the delay, are zeros.

        Without `ended` more will come, so there is no delay.
        """
        batch, time, _ = x_BTM.shape
        if lengths is not None:
            valid = torch.arange(time, device=x_BTM.device) < lengths.to(x_BTM.device).unsqueeze(1)
            x_BTM = x_BTM.masked_fill(~valid.unsqueeze(-1), 0.0)
        steps = (time + self.frames - 1) // self.frames + (self.delay if ended else 0)
        padded = nn.functional.pad(x_BTM, (0, 0, 0, steps * self.frames - time))
        return padded.reshape(batch, steps, self.frames * self.bands)

    def read(self, x_BSI: Tensor, state: Sequence[Any] | None = None, lengths: Tensor | None = None) -> Any:
        """Log-probabilities (B, S, V) of steps, and the state after them; the first `delay` of a row mean nothing."""
        y, after = self.stack(self.dropout(x_BSI), state, lengths=lengths)
        return self.output(self.dropout(y)).log_softmax(dim=-1), after

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of every letter at every step.

        Args:
            features: (B, T, M) log-mel; what lies past a row's end is not seen.
            lengths: (B,) frames of each row.

        Returns:
            (B, S, V), and the steps of each row (B,).
        """
        steps = self.steps(lengths)
        log_p, _ = self.read(self.stacked(self.normalised(features), lengths), lengths=steps + self.delay)
        return log_p[:, self.delay :], steps


def least_steps(letters: Sequence[int]) -> int:
    """Steps that CTC needs for a row of letters: one for each, and a blank between two that are equal."""
    return len(letters) + sum(a == b for a, b in itertools.pairwise(letters))


def ctc_loss(log_p_BSV: Tensor, steps_B: Tensor, letters: Sequence[Sequence[int]]) -> Tensor:
    """-log p of the rows of letters, summed over the batch.

    Source: Graves et al. 2006, section 4.1; torch's own.

    Args:
        log_p_BSV: log-probabilities.
        steps_B: steps of each row.
        letters: of each row, in [1, V); a row may be empty.

    Raises:
        ValueError: a row has more letters than its steps allow.
    """
    for row, (own, steps) in enumerate(zip(letters, steps_B.tolist(), strict=True)):
        if least_steps(own) > steps:
            raise ValueError(f"ctc_loss: row {row} needs {least_steps(own)} steps for its letters, it has {steps}")
    flat = torch.tensor([letter for own in letters for letter in own], dtype=torch.int64)
    counts = torch.tensor([len(own) for own in letters])
    return nn.functional.ctc_loss(
        log_p_BSV.transpose(0, 1).float(), flat, steps_B.cpu(), counts, blank=BLANK, reduction="sum"
    )

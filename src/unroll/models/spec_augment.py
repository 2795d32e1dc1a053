"""Recordings that were never made: features hidden, stretched and made louder in training.

Source: Park et al. 2019, "SpecAugment", section 2; the stretch is linear over the whole recording (Ko et al. 2015,
"Audio augmentation for speech recognition"), where the paper warps around one point; other voices: Jaitly, Hinton 2013,
"Vocal tract length perturbation (VTLP) improves speech recognition", section 2, here linear in mel.

Shapes: B batch, T frames, M bands.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class SpecAugment(NamedTuple):
    """How features are changed; every draw comes from torch's generator.

    Attributes:
        masks: stretches of frames, and bands, that are hidden in each recording: so many of each.
        bands: a mask hides at most this share of the bands.
        frames: a mask hides at most this share of the frames.
        stretch: a recording becomes at most this share shorter or longer.
        loudness: decibels by which it becomes softer or louder at most.
        voice: its bands lie at most this share higher or lower.
    """

    masks: int = 2
    bands: float = 0.15
    frames: float = 0.15
    stretch: float = 0.15
    loudness: float = 6.0
    voice: float = 0.1

    def louder(self, features_BTM: Tensor) -> Tensor:
        """Each recording at a loudness of its own: in log-mel a constant."""
        most = self.loudness * math.log(10) / 10
        return features_BTM + (torch.rand(len(features_BTM), 1, 1) * 2 - 1).to(features_BTM) * most

    def voiced(self, x_BTM: Tensor) -> Tensor:
        """Each recording as of a longer or a shorter throat; what would lie above the highest band repeats it."""
        bands = x_BTM.shape[2]
        factors = 1 + (torch.rand(len(x_BTM), 1) * 2 - 1) * self.voice
        at = (torch.arange(bands) * factors).clamp(max=bands - 1)
        below = at.floor().long()
        share = (at - below).unsqueeze(1).to(x_BTM)
        above = (below + 1).clamp(max=bands - 1)
        low, high = (x_BTM.gather(2, index.unsqueeze(1).expand(x_BTM.shape)) for index in (below, above))
        return low * (1 - share) + high * share

    def stretched(self, x_BTM: Tensor, lengths_B: Tensor, least_B: Tensor) -> tuple[Tensor, Tensor]:
        """Each recording faster or slower, but never of fewer frames than `least_B`.

        Returns:
            (B, T', M), and the new lengths (B,).
        """
        factors = 1 + (torch.rand(len(x_BTM)) * 2 - 1) * self.stretch
        wanted = torch.maximum((lengths_B * factors).round().long(), torch.minimum(least_B, lengths_B)).clamp(min=1)
        longest = int(wanted.max())
        step = ((lengths_B - 1).clamp(min=0) / (wanted - 1).clamp(min=1)).unsqueeze(1)
        at = torch.minimum(torch.arange(longest) * step, (lengths_B - 1).clamp(min=0).unsqueeze(1).float())
        below = at.floor().long()
        above = torch.minimum(below + 1, (lengths_B - 1).clamp(min=0).unsqueeze(1))
        share = (at - below).unsqueeze(-1).to(x_BTM)
        rows = torch.arange(len(x_BTM)).unsqueeze(1)
        return x_BTM[rows, below] * (1 - share) + x_BTM[rows, above] * share, wanted

    def hidden(self, x_BTM: Tensor, lengths_B: Tensor, fill_M: Tensor) -> Tensor:
        """Masks: what is hidden becomes what is usual in its band, `fill_M`."""
        batch, time, bands = x_BTM.shape
        for _ in range(self.masks):
            frames = _stretch(lengths_B, self.frames, time).unsqueeze(2)
            every = _stretch(torch.full((batch,), bands), self.bands, bands).unsqueeze(1)
            x_BTM = torch.where((frames | every).to(x_BTM.device), fill_M, x_BTM)
        return x_BTM


def _stretch(lengths_B: Tensor, share: float, size: int) -> Tensor:
    """One stretch in every row, (B, size) bool, at most this share of the row's length."""
    width = (torch.rand(len(lengths_B)) * (lengths_B * share + 1)).floor()
    start = (torch.rand(len(lengths_B)) * (lengths_B - width + 1).clamp(min=1)).floor()
    at = torch.arange(size).unsqueeze(0)
    return (at >= start.unsqueeze(1)) & (at < (start + width).unsqueeze(1))

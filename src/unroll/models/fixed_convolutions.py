"""A linear model of fixed convolutions: nothing in it is trained by gradients, and a few rows are enough for it.

Shapes: N rows, B batch, T time, I input size, P kernels, D dilations, Q biases of a kernel, F features, K classes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError

#: A kernel has nine weights: three are 2, the others -1. All 84 ways to choose the three are used.
_WIDTH, _HEAVY = 9, 3
KERNELS = math.comb(_WIDTH, _HEAVY)
#: Different dilations at most, and channels that a kernel adds up at most.
_DILATIONS, _CHANNELS = 32, 9
#: Biases of a kernel that its values are compared with at once; bounds memory.
_AT_ONCE = 4
#: Strengths of the penalty that are tried, for each feature.
_STRENGTHS: tuple[float, ...] = tuple(np.logspace(-5, 1, 13).tolist())
#: Scales of the scores that are tried: a ridge regression of -1 and 1 says nothing of probabilities.
_SCALES: tuple[float, ...] = tuple(np.logspace(-0.5, 1.5, 41).tolist())


def dilations(steps: int, features: int) -> list[tuple[int, int]]:
    """The dilations for series of so many steps, rising, each with its number of biases.

    The exponents of the dilations are spaced evenly up to kernels as long as the series (Dempster et al. 2021, section
    4.1.3).

    Args:
        steps: T.
        features: F in all, about; at least one for each kernel.
    """
    each = max(1, features // KERNELS)
    most = min(each, _DILATIONS)
    widest = math.log2(max(1.0, (steps - 1) / (_WIDTH - 1)))
    sizes, counts = np.unique(
        np.floor(np.logspace(0, widest, most, base=2) + 1e-9).astype(np.int64), return_counts=True
    )
    shares = np.floor(counts * each / most).astype(np.int64)
    for index in range(each - int(shares.sum())):
        shares[index % len(shares)] += 1
    return list(zip(sizes.tolist(), shares.tolist(), strict=True))


class FixedConvolutions(nn.Module):
    """How often each of many fixed, dilated kernels gives more than a bias, as a share of a row's steps.

    Source: Dempster et al. 2021, "MiniRocket: a very fast (almost) deterministic transform for time series
        classification", section 4; of several channels each kernel adds up a few that are drawn. The biases are
        quantiles of what a kernel gives on a row that is drawn from the train part.

    Args:
        input_size: I.
        steps: of the longest series of the train part, which the dilations go by.
        features: F in all, about.

    Raises:
        ConfigError: a size is below 1.
    """

    def __init__(self, input_size: int, steps: int, features: int) -> None:
        super().__init__()
        if min(input_size, steps, features) < 1:
            raise ConfigError(f"FixedConvolutions: sizes must be at least 1, got {input_size}, {steps}, {features}")
        self.dilations = dilations(steps, features)
        kernels = torch.full((KERNELS, 1, _WIDTH), -1.0)
        for number, heavy in enumerate(itertools.combinations(range(_WIDTH), _HEAVY)):
            kernels[number, 0, list(heavy)] = 2.0
        self.register_buffer("kernels", kernels, persistent=False)
        self.kernels: Tensor
        self.channels: Tensor
        self.register_buffer("channels", torch.ones(len(self.dilations), KERNELS, input_size))
        self.biases: Tensor
        self.register_buffer("biases", torch.zeros(KERNELS * sum(count for _, count in self.dilations)))
        self.output_size = len(self.biases)

    @torch.no_grad()
    def fit(self, x: Tensor, lengths: Tensor, *, seed: int) -> None:
        """Draw channels and biases.

        Args:
            x: (N, T, I), the train part or some of it.
            lengths: (N,), none 0.
            seed: of the draw.
        """
        draw = torch.Generator().manual_seed(seed)
        size = x.shape[2]
        if size > 1:
            most = math.log2(min(size, _CHANNELS) + 1)
            counts = (2 ** (torch.rand(self.channels.shape[:2], generator=draw) * most)).long()
            ranks = torch.rand(self.channels.shape, generator=draw).argsort(dim=-1).argsort(dim=-1)
            self.channels.copy_(ranks < counts.unsqueeze(-1))
        at = 0
        for index, (dilation, count) in enumerate(self.dilations):
            rows = torch.randint(len(x), (KERNELS,), generator=draw)
            # A low-discrepancy sequence: multiples of the golden ratio, without their whole part.
            place = torch.arange(1, KERNELS * count + 1, dtype=torch.float64) * ((math.sqrt(5) + 1) / 2) % 1
            for kernel, row in enumerate(rows.tolist()):
                own = x[row : row + 1, : int(lengths[row])]
                given = self._convolved(own, index, dilation)[0, kernel]
                shares = place[kernel * count : (kernel + 1) * count].to(given)
                self.biases[at + kernel * count : at + (kernel + 1) * count] = given.quantile(shares)
            at += KERNELS * count

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, I), zero past a row's end, and (B,) -> (B, F)."""
        parts, at = [], 0
        t = torch.arange(x.shape[1], device=x.device)
        for index, (dilation, count) in enumerate(self.dilations):
            given = self._convolved(x, index, dilation)
            biases = self.biases[at : at + KERNELS * count].view(KERNELS, count)
            at += KERNELS * count
            # Every other kernel is counted only where it lies within the row as a whole.
            margin = dilation * (_WIDTH // 2)
            whole = (t < lengths.unsqueeze(1)).unsqueeze(1)
            inner = ((t >= margin) & (t < (lengths - margin).unsqueeze(1))).unsqueeze(1)
            even = ((torch.arange(KERNELS, device=x.device) + index) % 2 == 0)[:, None]
            counted = whole & (inner | even)
            steps = counted.sum(dim=2).clamp(min=1).unsqueeze(-1)
            above = [
                ((given.unsqueeze(2) > some.unsqueeze(-1)) & counted.unsqueeze(2)).sum(dim=-1)
                for some in torch.split(biases, _AT_ONCE, dim=1)
            ]
            parts.append((torch.cat(above, dim=-1) / steps).flatten(1))
        return torch.cat(parts, dim=1).to(x.dtype)

    def _convolved(self, x: Tensor, index: int, dilation: int) -> Tensor:
        """(B, P, T): what every kernel gives at every step, zeros before and after the row."""
        weight = self.kernels * self.channels[index].unsqueeze(-1)
        padding = dilation * (_WIDTH // 2)
        return nn.functional.conv1d(x.transpose(1, 2), weight.to(x.dtype), padding=padding, dilation=dilation)


class ConvolutionScores(nn.Module):
    """A ridge regression on fixed convolutions, whose scores are the logits of probabilities.

    Args:
        convolutions: the features.
        classes: K.
    """

    def __init__(self, convolutions: FixedConvolutions, classes: int) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", torch.zeros(classes, convolutions.output_size))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, I), zero past a row's end, and (B,) -> (B, K)."""
        return nn.functional.linear(self.convolutions(x, lengths), self.weight, self.bias)

    @torch.no_grad()
    def fit(self, features: Tensor, truth: Tensor, *, exclusive: bool) -> Tensor:
        """Fit the weights; strength and scale are those that are best for rows that were left out, one at a time.

        The residual of a row that is left out follows from that of the fit to all (Allen 1974, "The relationship
        between variable selection and data augmentation and a method for prediction", PRESS), so none is fitted again.

        Args:
            features: (N, F) of the train part.
            truth: (N, K) bool.
            exclusive: one class per row, or any number of labels.

        Returns:
            (N, K): the scores of each row by the fit without it.
        """
        x, y = features.double(), truth.double() * 2 - 1
        mean, middle = x.mean(dim=0), y.mean(dim=0)
        deviation = x.std(dim=0, correction=0)
        deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
        u, s, vt = torch.linalg.svd((x - mean) / deviation, full_matrices=False)
        target = y - middle
        projected = u.T @ target
        tried = [_residuals(u, s, projected, target, strength * x.shape[1]) for strength in _STRENGTHS]
        errors = [float(residual.square().mean()) for _, residual in tried]
        kept, residual = tried[errors.index(min(errors))]
        left_out = y - residual
        scale = _best_scale(left_out, truth, exclusive=exclusive)
        slope_FK = vt.T @ ((kept / s.clamp(min=1e-12)).unsqueeze(1) * projected)
        weight = scale * (slope_FK / deviation.unsqueeze(1)).T
        self.weight.copy_(weight)
        self.bias.copy_(scale * middle - weight @ mean)
        return scale * left_out


def _residuals(u: Tensor, s: Tensor, projected: Tensor, target: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """What a penalty keeps of every direction, and the residual (N, K) of every row by the fit without it."""
    kept = s.square() / (s.square() + penalty)
    leverage = u.square() @ kept + 1 / len(u)
    inside = target - u @ (kept.unsqueeze(1) * projected)
    return kept, inside / (1 - leverage).clamp(min=1e-6).unsqueeze(1)


def _best_scale(scores: Tensor, truth: Tensor, *, exclusive: bool) -> float:
    """The factor with which scores of rows that were left out are the best logits; of a few rows that are all right
    none is boundlessly sure, since one more row of every class is thought to have been wrong."""
    rows, classes = truth.shape
    smoothing = classes / (rows + classes)
    target = truth.double() * (1 - smoothing) + smoothing * (1 / classes if exclusive else 0.5)
    loss = nn.functional.cross_entropy if exclusive else nn.functional.binary_cross_entropy_with_logits
    losses = [float(loss(scale * scores, target)) for scale in _SCALES]
    return _SCALES[losses.index(min(losses))]

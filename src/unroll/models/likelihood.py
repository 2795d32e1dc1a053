"""Distributions that a forecaster may give for each step instead of single quantiles.

A head gives numbers for each step; the likelihood makes parameters of them, their negative logarithm of the density of
what came, and quantiles.

Source: Salinas, Flunkert, Gasthaus, Januschowski 2020, "DeepAR: Probabilistic forecasting with autoregressive recurrent
networks", section 3.1.

Shapes: B batch, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

#: The smallest deviation, in units of the window.
_LEAST = 1e-4
#: Degrees of freedom of Student's t from which on its variance is finite.
_FREEDOM = 2.0
#: Means of counts above which the quantiles are those of the normal distribution with the same variance.
_LARGE = 2_000.0


class Likelihood(Protocol):
    """A distribution for each step.

    Attributes:
        outputs: numbers that a head gives for each step; the first moves the middle.
        counts: whether it is of whole numbers from 0 on.
    """

    outputs: int
    counts: bool

    def loss(self, raw: Tensor, straight: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
        """(B, N) negative logarithms of the density of the truth.

        Args:
            raw: (B, N, outputs) of the head.
            straight: (B, N) what a linear path adds to the middle.
            truth: (B, N) in units of the window.
            scale: (B, 1) how many units of the series one of the window is.
        """
        ...

    def quantiles(self, raw: Tensor, straight: Tensor, levels: Tensor, scale: Tensor) -> Tensor:
        """(B, N, Q) in units of the window, rising in Q."""
        ...

    def mean(self, raw: Tensor, straight: Tensor) -> Tensor:
        """(B, N) in units of the window."""
        ...

    def draw(self, raw: Tensor, straight: Tensor, scale: Tensor, generator: torch.Generator) -> Tensor:
        """(B, N) one draw of each step, in units of the window."""
        ...


class Gaussian:
    """The normal distribution: middle and deviation."""

    outputs = 2
    counts = False

    def loss(self, raw: Tensor, straight: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
        """Half the squared error in deviations, and the logarithm of the deviation."""
        deviation = softplus(raw[..., 1]) + _LEAST
        error = (truth - raw[..., 0] - straight) / deviation
        return 0.5 * error.square() + deviation.log() + 0.5 * math.log(2 * math.pi)

    def quantiles(self, raw: Tensor, straight: Tensor, levels: Tensor, scale: Tensor) -> Tensor:
        """The middle and so many deviations."""
        deviation = softplus(raw[..., 1:2]) + _LEAST
        found: Tensor = (raw[..., 0] + straight).unsqueeze(-1) + deviation * torch.special.ndtri(levels)
        return found

    def mean(self, raw: Tensor, straight: Tensor) -> Tensor:
        """The middle."""
        return raw[..., 0] + straight

    def draw(self, raw: Tensor, straight: Tensor, scale: Tensor, generator: torch.Generator) -> Tensor:
        """The middle and a normal draw."""
        noise = torch.randn(raw.shape[:-1], generator=generator, dtype=raw.dtype).to(raw.device)
        return raw[..., 0] + straight + noise * (softplus(raw[..., 1]) + _LEAST)


class StudentT:
    """Student's t: middle, deviation, and degrees of freedom above 2, the fewer the heavier its tails."""

    outputs = 3
    counts = False

    def loss(self, raw: Tensor, straight: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
        """The density of t with location and scale."""
        size, freedom = softplus(raw[..., 1]) + _LEAST, softplus(raw[..., 2]) + _FREEDOM
        error = (truth - raw[..., 0] - straight) / size
        return (
            torch.lgamma(freedom / 2)
            - torch.lgamma((freedom + 1) / 2)
            + 0.5 * (math.pi * freedom).log()
            + size.log()
            + (freedom + 1) / 2 * torch.log1p(error.square() / freedom)
        )

    def quantiles(self, raw: Tensor, straight: Tensor, levels: Tensor, scale: Tensor) -> Tensor:
        """The middle and so many sizes."""
        size, freedom = softplus(raw[..., 1:2]) + _LEAST, softplus(raw[..., 2:3]) + _FREEDOM
        return (raw[..., 0] + straight).unsqueeze(-1) + size * student_quantile(levels, freedom)

    def mean(self, raw: Tensor, straight: Tensor) -> Tensor:
        """The middle."""
        return raw[..., 0] + straight

    def draw(self, raw: Tensor, straight: Tensor, scale: Tensor, generator: torch.Generator) -> Tensor:
        """The quantile of a uniform draw."""
        level = torch.rand(raw.shape[:-1], generator=generator, dtype=raw.dtype).to(raw.device).clamp(1e-6, 1 - 1e-6)
        size, freedom = softplus(raw[..., 1]) + _LEAST, softplus(raw[..., 2]) + _FREEDOM
        return raw[..., 0] + straight + size * student_quantile(level, freedom)


class NegativeBinomial:
    """Counts: mean and shape; the variance is the mean and the shape times its square. There is no linear path."""

    outputs = 2
    counts = True

    @staticmethod
    def _parameters(raw: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and shape in the series' own units, after DeepAR, section 3.2."""
        return softplus(raw[..., 0]) * scale + _LEAST, softplus(raw[..., 1]) / scale.sqrt() + _LEAST

    def loss(self, raw: Tensor, straight: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
        """The probability of the count."""
        mean, shape = self._parameters(raw, scale)
        count, inverse = (truth * scale).round().clamp(min=0), 1 / shape
        return (
            torch.lgamma(inverse)
            + torch.lgamma(count + 1)
            - torch.lgamma(count + inverse)
            + inverse * torch.log1p(shape * mean)
            - count * (torch.log(shape * mean) - torch.log1p(shape * mean))
        )

    def quantiles(self, raw: Tensor, straight: Tensor, levels: Tensor, scale: Tensor) -> Tensor:
        """The smallest counts that hold each share."""
        mean, shape = self._parameters(raw, scale)
        deviation = (mean + shape * mean.square()).sqrt()
        found: Tensor = mean.unsqueeze(-1) + deviation.unsqueeze(-1) * torch.special.ndtri(levels)
        small = mean < _LARGE
        if small.any():
            found[small] = _count_quantiles(mean[small].double(), shape[small].double(), levels.double()).to(found)
        return found.clamp(min=0) / scale.unsqueeze(-1)

    def mean(self, raw: Tensor, straight: Tensor) -> Tensor:
        """The mean."""
        return softplus(raw[..., 0])

    def draw(self, raw: Tensor, straight: Tensor, scale: Tensor, generator: torch.Generator) -> Tensor:
        """The quantile of a uniform draw."""
        mean, shape = self._parameters(raw, scale)
        level = torch.rand(mean.shape, generator=generator, dtype=torch.float64).to(raw.device).clamp(1e-6, 1 - 1e-6)
        flat = _count_quantiles(mean.double().flatten(), shape.double().flatten(), level.reshape(-1, 1))
        return (flat.view(mean.shape) / scale).to(raw.dtype)


def _count_quantiles(mean: Tensor, shape: Tensor, levels: Tensor) -> Tensor:
    """(K, Q) quantiles of K negative binomial distributions, by adding their probabilities up."""
    inverse = 1 / shape
    chance = -inverse * torch.log1p(shape * mean)
    ratio = torch.log(shape * mean) - torch.log1p(shape * mean)
    whole = chance.exp()
    levels = levels.expand(mean.shape[0], levels.shape[-1])
    found = torch.zeros_like(levels)
    count = 0
    most = int(_LARGE * 50)
    while count < most:
        open_ = whole.unsqueeze(-1) < levels
        if not open_.any():
            break
        found = found + open_
        chance = chance + torch.log(count + inverse) - math.log(count + 1) + ratio
        whole = whole + chance.exp()
        count += 1
    return found


def student_quantile(levels: Tensor, freedom: Tensor) -> Tensor:
    """Quantiles of Student's t for degrees of freedom above 2, to five digits and more.

    Source: Hill 1970, "Algorithm 396: Student's t-quantiles".
    """
    n = freedom
    p = 2 * torch.minimum(levels, 1 - levels)
    a = 1 / (n - 0.5)
    b = 48 / a.square()
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * (a * math.pi / 2).sqrt() * n
    y = (d * p) ** (2 / n)
    x = torch.special.ndtri(p / 2)
    z = x.square()
    e = torch.where(n < 5, c + 0.3 * (n - 4.5) * (x + 0.6), c)
    e = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + e
    w = (((((0.4 * z + 6.3) * z + 36) * z + 94.5) / e - z - 3) / b + 1) * x
    middle = torch.expm1(a * w.square())
    tail = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (
        n + 2
    ) + 1 / y
    size = (n * torch.where(y > a + 0.05, middle, tail).clamp(min=0)).sqrt()
    return torch.where(levels == 0.5, torch.zeros_like(size), torch.where(levels < 0.5, -size, size))


#: Name -> likelihood.
LIKELIHOODS: dict[str, Likelihood] = {
    "gaussian": Gaussian(),
    "student-t": StudentT(),
    "negative-binomial": NegativeBinomial(),
}

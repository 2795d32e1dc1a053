"""Many-to-one: steps in, one score per class out.

Shapes: T time, B batch, I input size, E features of one step before the encoder, H after it, K classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Standardise(nn.Module):
    """(x - mean) / deviation per feature. The two are buffers, so they travel with the weights.

    Args:
        size: I.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Take up the statistics of the train part; a feature that never changes is only centred."""
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) as x."""
        return (x - self.mean) / self.deviation


class StepNoise(nn.Module):
    """Gaussian noise on every feature of every step, in training only.

    Args:
        deviation: its standard deviation.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) as x."""
        if not self.training or self.deviation == 0.0:
            return x
        return x + torch.randn_like(x) * self.deviation


class StepDropout(nn.Module):
    """Hides whole steps in training (word dropout); the others keep their size.

    Source: Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification", section
        3.2.

    Args:
        p: probability that a step is hidden.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, E) as x."""
        if not self.training or self.p == 0.0:
            return x
        return x * (torch.rand(x.shape[:2], device=x.device) >= self.p).to(x.dtype).unsqueeze(-1)


class _SparseSums(torch.autograd.Function):
    """`torch.nn.functional.embedding_bag`, summed, whose gradient is sparse: a row of each feature there is.

    torch's own has a row for each time that a feature stands somewhere, and to bring those together takes longer than
    a gradient of all rows.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, counts: Tensor, share: Tensor) -> Tensor:
        ctx.shape = tuple(weight.shape)
        ctx.save_for_backward(ids, counts, share)
        offsets = counts.cumsum(0) - counts
        return nn.functional.embedding_bag(ids, weight, offsets, mode="sum", per_sample_weights=share)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_vectors: Tensor) -> tuple[Tensor, None, None, None]:
        ids, counts, share = ctx.saved_tensors
        bits = ids.numel().bit_length()
        # Feature and place in one number: sorted in any way, a feature's places are in order. numpy is four times as
        # fast at it as torch.
        keys = np.sort(ids.numpy(force=True) << bits | np.arange(ids.numel()))
        order = torch.from_numpy(keys & ((1 << bits) - 1)).to(ids.device)
        features = keys >> bits
        first = np.flatnonzero(np.diff(features, prepend=-1))
        rows, starts = (torch.from_numpy(found).to(ids.device) for found in (features[first], first))
        bags = torch.arange(len(counts), device=ids.device).repeat_interleave(counts)
        d = d_vectors.contiguous()
        values = nn.functional.embedding_bag(bags[order], d, starts, mode="sum", per_sample_weights=share[order])
        found = torch.sparse_coo_tensor(rows.unsqueeze(0), values, ctx.shape, check_invariants=False)
        return found, None, None, None


class FeatureEmbedding(nn.Module):
    """A step is a handful of features (a word and its character n-grams): the sum of their vectors over the root of
    their number.

    Source: Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2; there the plain
        sum. The root keeps
    a step's size in one range whether it has three features or thirty.

    Args:
        features: size of the vocabulary; 0 is padding.
        size: E.
        dropout: probability that one feature of a step is hidden in training.

    Attributes:
        sparse: whether the weights' gradient is sparse, as of `torch.nn.Embedding`.
    """

    def __init__(self, features: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, size) * size**-0.5)
        self.sparse = False
        self.dropout = dropout
        self.output_size = size

    def forward(self, ids: Tensor, counts: Tensor, steps: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            ids: (N,) int64, the features of all steps of all rows, one after the other; or (B, T, F) of every step,
                padded with 0, for programs that have no ragged sums.
            counts: (S,) int64, how many features each step has; their sum is N, and S is the sum of `steps`. Or (B, T).
            steps: (B,) int64, how many steps each row has.

        Returns:
            (B, T, E), zero past a row's end; T is the greatest of `steps`.
        """
        share = counts.clamp(min=1).to(self.weight.dtype).rsqrt()
        if ids.dim() == 3:
            known = (ids != 0).to(share.dtype) * share.unsqueeze(-1)
            return (known.unsqueeze(-2) @ nn.functional.embedding(ids, self.weight, sparse=self.sparse)).squeeze(-2)
        share = share.repeat_interleave(counts)
        if self.training and self.dropout > 0.0:
            share = share * (torch.rand_like(share) >= self.dropout).to(share.dtype)
        if self.sparse:
            vectors: Tensor = _SparseSums.apply(self.weight, ids, counts, share)  # type: ignore[no-untyped-call]
        else:
            offsets = counts.cumsum(0) - counts
            vectors = nn.functional.embedding_bag(ids, self.weight, offsets, mode="sum", per_sample_weights=share)
        batch, longest = steps.shape[0], int(steps.max()) if steps.numel() else 0
        valid = torch.arange(longest, device=ids.device) < steps.unsqueeze(1)
        out = vectors.new_zeros(batch * longest, vectors.shape[1])
        return out.index_copy(0, valid.flatten().nonzero().squeeze(1), vectors).view(batch, longest, vectors.shape[1])


class Classifier(nn.Module):
    """Encoder, pooling, dropout, linear: from embedded steps to one score (logit) per class.

    Args:
        encoder: (B, T, E), lengths -> `Encoded`.
        pooling: `Encoded` -> (B, P); says P as `output_size`.
        classes: K.
        dropout: probability that a pooled feature is hidden in training.
    """

    def __init__(self, encoder: nn.Module, pooling: nn.Module, classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        size = pooling.output_size
        if not isinstance(size, int):
            raise TypeError(f"Classifier: pooling.output_size must be an int, got {type(size).__name__}")
        self.head = nn.Linear(size, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, E), (B,) -> (B, K)."""
        return self.head(self.dropout(self.pooling(self.encoder(x, lengths))))  # type: ignore[no-any-return]


class TextSteps(nn.Module):
    """From features to embedded steps, with word dropout and dropout.

    Args:
        embedding: the features' vectors.
        step_dropout: probability that a whole step is hidden in training.
        dropout: probability that one number of a step's vector is hidden in training.
    """

    def __init__(self, embedding: FeatureEmbedding, *, step_dropout: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.step_dropout = StepDropout(step_dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, counts: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """As `FeatureEmbedding`, and the rows' lengths."""
        return self.dropout(self.step_dropout(self.embedding(ids, counts, steps))), steps


class SeriesSteps(nn.Module):
    """Standardised numeric steps, with noise in training.

    Args:
        standardise: the train part's statistics.
        noise: standard deviation of the noise, in standard deviations of the data.
    """

    def __init__(self, standardise: Standardise, *, noise: float = 0.0) -> None:
        super().__init__()
        self.standardise = standardise
        self.noise = StepNoise(noise)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, I), (B,) as given."""
        return self.noise(self.standardise(x)), lengths


class Decision(nn.Module):
    """From scores to probabilities and answers: what is fitted on validation after training. Buffers, so it travels
    with the weights.

    The scores are divided by one temperature, which changes no order (Guo et al. 2017, "On calibration of modern
    neural networks",
    section 4.2). Where a row may have several labels, each label has its own threshold.

    Args:
        classes: K.
        exclusive: one class per row (softmax), or any number of labels (logistic function).
    """

    def __init__(self, classes: int, *, exclusive: bool) -> None:
        super().__init__()
        self.exclusive = exclusive
        self.temperature: Tensor
        self.thresholds: Tensor
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("thresholds", torch.full((classes,), 0.5))

    def forward(self, scores: Tensor) -> Tensor:
        """(N, K) probabilities."""
        scaled = scores / self.temperature
        return scaled.softmax(dim=-1) if self.exclusive else scaled.sigmoid()

    def loss(self, scores: Tensor, truth: Tensor) -> Tensor:
        """Mean negative log-likelihood of the truth: (N,) class numbers, or (N, K) of 0 and 1."""
        scaled = scores / self.temperature
        if self.exclusive:
            return nn.functional.cross_entropy(scaled, truth)
        return nn.functional.binary_cross_entropy_with_logits(scaled, truth.to(scaled.dtype))

    @torch.no_grad()
    def calibrate(self, scores: Tensor, truth: Tensor) -> None:
        """Set the temperature with the least loss, by golden-section search on its logarithm between 1/20 and 20.

        A temperature far from 1 must be earned: the summed loss of the rows is joined by that of a normal prior on the
        logarithm, of deviation 1/2. A few rows that are all right would otherwise make the answers boundlessly sure.

        Args:
            scores: (N, K).
            truth: as `loss` takes it.
        """
        low, high = -math.log(20.0), math.log(20.0)
        ratio = (math.sqrt(5.0) - 1) / 2
        for _ in range(40):
            left, right = high - ratio * (high - low), low + ratio * (high - low)
            if self._cost(left, scores, truth) <= self._cost(right, scores, truth):
                high = right
            else:
                low = left
        self.temperature.fill_(math.exp((low + high) / 2))

    def _cost(self, logarithm: float, scores: Tensor, truth: Tensor) -> float:
        self.temperature.fill_(math.exp(logarithm))
        total = float(self.loss(scores, truth)) * len(scores) if len(scores) else 0.0
        return total + 2 * logarithm**2


class ManyToOne(nn.Module):
    """The whole network: inputs to steps, steps to scores, scores to probabilities.

    Args:
        steps: from a batch's tensors to (B, T, E) and lengths.
        classifier: from those to (B, K) scores.
        decision: from scores to probabilities.
    """

    def __init__(self, steps: TextSteps | SeriesSteps, classifier: Classifier, decision: Decision) -> None:
        super().__init__()
        self.steps = steps
        self.classifier = classifier
        self.decision = decision

    def forward(self, *batch: Tensor) -> Tensor:
        """(B, K) scores (logits) of a batch's tensors, as the steps take them."""
        x, lengths = self.steps(*batch)
        scores: Tensor = self.classifier(x, lengths)
        return scores

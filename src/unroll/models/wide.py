"""A linear model beside a deep one: weights of the n-grams that a text holds, fitted at once, whose scores are added.

Shapes: N rows, B batch, F features, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.models.classifier import Decision, FeatureEmbedding
from unroll.models.towers import Deep

#: Inverse strength of the penalty; between 4 and 10 the joined scores hardly change on 40,000 reviews.
_STRENGTH = 4.0
#: Steps of L-BFGS at most.
_STEPS = 100

#: Shares of the linear scores that are tried on validation.
_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)


class GramScores(nn.Module):
    """Which features a text holds, each counted once, scaled to length 1, times a weight per class, and a bias.

    The weights are not trained with a network but fitted by `fit`, to the least of a convex function.

    Args:
        features: F, padding (0) and unknown (1) included.
        classes: K.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.embedding = FeatureEmbedding(features, classes)
        self.bias = nn.Parameter(torch.zeros(classes), requires_grad=False)
        self.embedding.weight.requires_grad_(False).zero_()

    def forward(self, ids: Tensor, counts: Tensor, steps: Tensor) -> Tensor:
        """(B, K) scores of texts that are one step each, as `FeatureEmbedding` takes them."""
        scores: Tensor = self.embedding(ids, counts, steps).sum(dim=1)
        return scores + self.bias

    @torch.no_grad()
    def fit(
        self, ids: Tensor, counts: Tensor, truth: Tensor, *, exclusive: bool, class_weights: Tensor | None = None
    ) -> None:
        """Logistic regression on features that are scaled by how much more often a class has them than the others.

        The least of C * (sum of the rows' losses) + |u|^2 / 2 is sought by L-BFGS, where a feature's weight is u times
        the logarithm of its share in a class over its share in the other classes, both smoothed by one.

        Source: Wang, Manning 2012, "Baselines and bigrams: simple, good sentiment and topic classification", section 2.

        Args:
            ids: (sum of counts,) int64, the features of all rows, one row after the other, each feature once in a row.
            counts: (N,) int64, how many features each row has, at least one.
            truth: (N, K) bool.
            exclusive: one class per row (softmax), or any number of labels (one logistic loss for each).
            class_weights: (K,) what a row's loss counts for by its class, or each label's loss; None for 1.
        """
        rows = _Rows(ids, counts, self.embedding.weight.shape[0])
        target = truth.to(self.bias.dtype)
        ratio_FK = rows.ratio(target)
        weights = torch.ones_like(self.bias) if class_weights is None else class_weights.to(self.bias)
        weights_NK = (target @ weights).unsqueeze(1) if exclusive else weights.unsqueeze(0)
        u, bias = nn.Parameter(torch.zeros_like(ratio_FK)), nn.Parameter(torch.zeros_like(self.bias))
        optimiser = torch.optim.LBFGS(
            [u, bias], max_iter=_STEPS, history_size=10, tolerance_change=1e-7, line_search_fn="strong_wolfe"
        )

        @torch.no_grad()
        def cost() -> Tensor:
            scores = rows.scores(ratio_FK * u) + bias
            if exclusive:
                logarithms = scores.log_softmax(dim=1)
                losses, guess = -target * logarithms, logarithms.exp()
            else:
                losses = nn.functional.binary_cross_entropy_with_logits(scores, target, reduction="none")
                guess = scores.sigmoid()
            slope_NK = weights_NK * (guess - target) / len(target)
            penalty = 1 / (_STRENGTH * len(target))
            u.grad = ratio_FK * rows.by_feature(slope_NK) + penalty * u
            bias.grad = slope_NK.sum(dim=0)
            return (weights_NK * losses).sum() / len(target) + penalty / 2 * u.square().sum()

        optimiser.step(cost)  # type: ignore[no-untyped-call]
        self.embedding.weight.copy_(ratio_FK * u)
        self.bias.copy_(bias)


class _Rows:
    """Which features every row has, and which rows have every feature."""

    def __init__(self, ids: Tensor, counts: Tensor, features: int) -> None:
        row_of = torch.arange(len(counts), dtype=torch.int32).repeat_interleave(counts)
        self._ids = ids.to(torch.int32)
        self._row_starts = (counts.cumsum(0) - counts).to(torch.int32)
        self._rows = row_of[ids.argsort(stable=True)]
        met = torch.bincount(ids, minlength=features)
        self._met = met
        self._feature_starts = (met.cumsum(0) - met).to(torch.int32)
        self._scale = counts.float().rsqrt().unsqueeze(1)

    def scores(self, weights_FK: Tensor) -> Tensor:
        """(N, K): the sum of a row's weights over the root of their number."""
        return self._scale * nn.functional.embedding_bag(self._ids, weights_FK, self._row_starts, mode="sum")

    def by_feature(self, values_NK: Tensor) -> Tensor:
        """(F, K): the transpose of `scores`."""
        return self._sum(self._scale * values_NK)

    def ratio(self, target_NK: Tensor) -> Tensor:
        """(F, K): the logarithm of a feature's share in a class over that in the rest; 0 for one that no row has."""
        inside = self._sum(target_NK)
        outside = self._met.unsqueeze(1) - inside
        p, q = inside + 1, outside + 1
        ratio = ((p / p.sum(dim=0)) / (q / q.sum(dim=0))).log()
        return ratio.masked_fill((self._met == 0).unsqueeze(1), 0.0)

    def _sum(self, values_NK: Tensor) -> Tensor:
        return nn.functional.embedding_bag(self._rows, values_NK, self._feature_starts, mode="sum")


class WideAndDeep(nn.Module):
    """A network whose scores are joined by a share of a linear model's.

    Source: Cheng et al. 2016, "Wide & deep learning for recommender systems", section 3. There both are trained
    together; here the linear model is fitted before, and is silent in training: on the rows it was fitted on it is
    right so often that it would leave the network nothing to learn. Its share is a buffer, so it travels with the
    weights.

    Args:
        deep: the network.
        wide: the linear model; it takes the last three tensors of a batch.
    """

    def __init__(self, deep: Deep, wide: GramScores) -> None:
        super().__init__()
        self.deep = deep
        self.wide = wide
        self.share: Tensor
        self.register_buffer("share", torch.ones(()))

    @property
    def decision(self) -> Decision:
        """The network's own."""
        return self.deep.decision

    def forward(self, *batch: Tensor) -> Tensor:
        """(B, K) scores (logits) of a batch's tensors; in training the network's alone.

        Raises:
            ConfigError: there are no tensors for the linear model.
        """
        if len(batch) <= 3:
            raise ConfigError(f"WideAndDeep: expected the network's tensors and three more, got {len(batch)} in all")
        scores: Tensor = self.deep(*batch[:-3])
        return scores if self.training else scores + self.share * self.wide(*batch[-3:])

    @torch.no_grad()
    def weigh(self, deep: Tensor, wide: Tensor, truth: Tensor) -> Tensor:
        """Set the share of the linear scores with the least loss, each with its best temperature; that is left as it
        was.

        Args:
            deep: (N, K) the network's own scores.
            wide: (N, K) the linear model's.
            truth: as `Decision.loss` takes it.

        Returns:
            (N, K), the sum.
        """
        before = self.decision.temperature.clone()
        losses = []
        for share in _SHARES:
            scores = deep + share * wide
            self.decision.calibrate(scores, truth)
            losses.append(float(self.decision.loss(scores, truth)))
        self.decision.temperature.copy_(before)
        self.share.fill_(_SHARES[losses.index(min(losses))])
        return deep + self.share * wide


#: What a classifier is made of, without and with a linear model beside it.
Network = Deep | WideAndDeep

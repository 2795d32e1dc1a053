"""Several classifiers that learn side by side from the same rows and answer together.

Shapes: M members, B batch, T time, I input size, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.models.classifier import Classifier, Decision, SeriesSteps
from unroll.models.fixed_convolutions import ConvolutionScores

#: Shares of the linear model that are tried. Never 0: it costs nothing, and where networks fail it does not.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class SeriesEnsemble(nn.Module):
    """Classifiers of numeric sequences that differ in their random beginning alone; their probabilities are averaged.

    In training every member sees the batch with noise of its own, and has scores and a loss of its own. A linear model
    of fixed convolutions may stand beside them: it is fitted before, is silent in training, and has a share of the
    answer.

    Source: Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles",
        section 2.4, without adversarial examples; for series Ismail Fawaz et al. 2020, "InceptionTime", section 3.3.

    Args:
        steps: from a batch's tensors to (B, T, I) and lengths.
        members: the classifiers.
        decision: from scores to probabilities.
        fixed: the linear model.

    Raises:
        ConfigError: there is no member.
    """

    def __init__(
        self,
        steps: SeriesSteps,
        members: Sequence[Classifier],
        decision: Decision,
        fixed: ConvolutionScores | None = None,
    ) -> None:
        super().__init__()
        if not members:
            raise ConfigError("SeriesEnsemble: at least one member is needed, got none")
        self.steps = steps
        self.members = nn.ModuleList(members)
        self.decision = decision
        self.fixed = fixed
        self.share: Tensor
        if fixed is not None:
            self.register_buffer("share", torch.full((), 0.5))

    def member(self, index: int) -> Classifier:
        """One of the classifiers."""
        return cast(Classifier, self.members[index])

    def forward(self, *batch: Tensor) -> Tensor:
        """Scores of a batch's tensors: in training (M, B, K), those of every member; otherwise (B, K), the logits of
        the mean probabilities.

        A third tensor may say which member must not learn from a row, (B,) of member numbers, -1 for none; it does not
        see that row and has zeros for it, and the scores are those of every member, in training or not.
        """
        if self.training or len(batch) > 2:
            return torch.stack([self._learning(index, *batch) for index in range(len(self.members))])
        x, lengths = self.steps(*batch)
        weights = torch.full((len(self.members),), 1 / len(self.members), device=x.device, dtype=x.dtype)
        scores = [member(x, lengths) for member in self.members]
        if self.fixed is not None:
            scores.append(self.fixed(own_steps(x, lengths), lengths.to(x.device)))
            weights = torch.cat((weights * (1 - self.share), self.share.reshape(1)))
        return pooled(torch.stack(scores), weights, exclusive=self.decision.exclusive)

    def _learning(self, index: int, x: Tensor, lengths: Tensor, folds: Tensor | None = None) -> Tensor:
        """(B, K): the scores of one member in training."""
        if folds is None:
            scores: Tensor = self.member(index)(*self.steps(x, lengths))
            return scores
        own = folds != index
        out = x.new_zeros(len(x), self.decision.thresholds.shape[0])
        if not own.any():
            return out
        return out.masked_scatter(own.unsqueeze(1), self.member(index)(*self.steps(x[own], lengths[own.cpu()])))

    @torch.no_grad()
    def weigh(self, deep: Tensor, fixed: Tensor, truth: Tensor) -> Tensor:
        """Set the share of the linear model with the least loss on rows that neither side learnt from.

        Args:
            deep: (N, K) the networks' scores.
            fixed: (N, K) the linear model's.
            truth: as `Decision.loss` takes it.

        Returns:
            (N, K), the scores of both.
        """
        both = torch.stack((deep, fixed.to(deep)))
        scores = [
            pooled(both, deep.new_tensor((1 - share, share)), exclusive=self.decision.exclusive) for share in SHARES
        ]
        losses = [float(self.decision.loss(each, truth)) for each in scores]
        best = losses.index(min(losses))
        self.share.fill_(SHARES[best])
        return scores[best]


def own_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, I) with zeros past a row's end, and T at least 1."""
    if x.shape[1] == 0:
        return x.new_zeros(x.shape[0], 1, x.shape[2])
    valid = torch.arange(x.shape[1], device=x.device) < lengths.to(x.device).unsqueeze(1)
    return x.masked_fill(~valid.unsqueeze(-1), 0.0)


def pooled(scores: Tensor, weights: Tensor, *, exclusive: bool) -> Tensor:
    """(B, K): the logits of probabilities averaged with weights.

    Args:
        scores: (M, B, K) logits.
        weights: (M,), of sum 1; a weight may be 0.
        exclusive: one class per row, or any number of labels.
    """
    logarithms = weights.log()[:, None, None]
    if exclusive:
        return (scores.log_softmax(dim=-1) + logarithms).logsumexp(dim=0)
    no, yes = ((nn.functional.logsigmoid(sign * scores) + logarithms).logsumexp(dim=0) for sign in (-1, 1))
    return yes - no

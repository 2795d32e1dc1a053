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


class SeriesEnsemble(nn.Module):
    """Classifiers of numeric sequences that differ in their random beginning alone; their probabilities are averaged.

    In training every member sees the batch with noise of its own, and has scores and a loss of its own.

    Source: Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles",
        section 2.4, without adversarial examples; for series Ismail Fawaz et al. 2020, "InceptionTime", section 3.3.

    Args:
        steps: from a batch's tensors to (B, T, I) and lengths.
        members: the classifiers.
        decision: from scores to probabilities.

    Raises:
        ConfigError: there is no member.
    """

    def __init__(self, steps: SeriesSteps, members: Sequence[Classifier], decision: Decision) -> None:
        super().__init__()
        if not members:
            raise ConfigError("SeriesEnsemble: at least one member is needed, got none")
        self.steps = steps
        self.members = nn.ModuleList(members)
        self.decision = decision

    def member(self, index: int) -> Classifier:
        """One of the classifiers."""
        return cast(Classifier, self.members[index])

    def forward(self, *batch: Tensor) -> Tensor:
        """Scores of a batch's tensors: in training (M, B, K), those of every member; otherwise (B, K), the logits of
        the mean probabilities."""
        if self.training:
            return torch.stack([member(*self.steps(*batch)) for member in self.members])
        x, lengths = self.steps(*batch)
        scores = torch.stack([member(x, lengths) for member in self.members])
        if self.decision.exclusive:
            return scores.log_softmax(dim=-1).logsumexp(dim=0)
        no, yes = (nn.functional.logsigmoid(sign * scores).logsumexp(dim=0) for sign in (-1, 1))
        return yes - no

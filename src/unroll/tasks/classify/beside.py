"""The networks and the linear model of a classifier of numeric sequences: how the one is fitted, and how both are
weighed on rows that they did not learn from.

Shapes: N rows, M members, B batch, K classes or labels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unroll.data import Split
from unroll.data.batches import random_order
from unroll.models.ensemble import SeriesEnsemble, own_steps, pooled
from unroll.report import words
from unroll.tasks.classify.examples import SeriesExamples

#: Rows whose features are computed at once.
_AT_ONCE = 32
#: Rows from which the biases of fixed convolutions are drawn at most.
_DRAWN = 1_000


class Beside:
    """Networks side by side in training, with the linear model beside them.

    Where validation decides nothing, every row of training is left out by one of the networks and validates that one:
    the classes' rows are dealt out to the networks in turn. A class with one row is left out by none.

    Attributes:
        deciding: whether rows that validate are enough to decide.

    Args:
        network: the networks.
        examples: all rows.
        truth_NK: (rows, K) bool, of all rows.
        split: which rows train and which validate.
        seed: of what is drawn.
        deciding: whether those that validate are enough to decide.
    """

    def __init__(
        self,
        network: SeriesEnsemble,
        examples: SeriesExamples,
        truth_NK: np.ndarray,
        split: Split,
        *,
        seed: int,
        deciding: bool,
    ) -> None:
        self._network = network
        self._examples = examples
        self._truth = truth_NK
        self._split = split
        self._seed = seed
        self.deciding = deciding
        self._folds: np.ndarray | None = None
        if not deciding and len(network.members) > 1:
            self._folds = left_out_by(truth_NK, split.train, len(network.members), seed)
        self._fixed: Tensor | None = None
        self._right: list[float] = []

    @property
    def held(self) -> np.ndarray:
        """The rows that were not learnt from: those that validate, or of training those that a network left out."""
        split = self._split
        rows = split.validation if self._folds is None else split.train[self._folds[split.train] >= 0]
        return np.asarray(rows)

    def left_out(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """What the networks take in training beside the rows: which of them leaves out each; nothing if none does."""
        return () if self._folds is None else (torch.from_numpy(self._folds[rows]),)

    @torch.no_grad()
    def fit(self) -> None:
        """Fit the linear model, if there is one, on the train part."""
        network, fixed, train = self._network, self._network.fixed, self._split.train
        if fixed is None:
            return
        # In memory are the features of the train part, and few rows at a time.
        drawn = train[:: -(-len(train) // _DRAWN)]
        fixed.convolutions.fit(*self._steps(drawn[self._examples.sizes()[drawn] > 0]), seed=self._seed)
        features = torch.cat([fixed.convolutions(*self._steps(rows)) for rows in _chunks(train)])
        truth = torch.from_numpy(self._truth[train])
        left_out = fixed.fit(features, truth, exclusive=network.decision.exclusive)
        if self._folds is None:
            self._fixed = torch.cat([left_out[:0], *(fixed(*self._steps(rows)) for rows in _chunks(self.held))])
        else:
            self._fixed = left_out[torch.from_numpy(self._folds[train] >= 0)]

    @torch.no_grad()
    def scores(self, target: Tensor) -> Tensor:
        """(N, K) scores of the rows that were not learnt from, after the share of the linear model was fitted to them.

        Args:
            target: the truth of `held` as `Decision.loss` takes it.
        """
        network = self._network
        training = network.training
        network.eval()
        deep = self._own()
        network.train(training)
        if self._fixed is None:
            return deep
        both = network.weigh(deep, self._fixed, target)
        self._right = [_right(scores, target) for scores in (deep, self._fixed.to(deep), both)]
        return both

    def remarks(self) -> list[str]:
        """What each side has to say in the answers, in a sentence."""
        if len(self._right) == 0 or len(self.held) == 0:
            return []
        share = float(self._network.share)
        networks, fixed, both = (words.percent(right) for right in self._right)
        kind = "validation rows" if self._folds is None else "training rows, each answered by what did not learn it"
        rows = f"of {len(self.held)} {kind}, it had {fixed} right, the networks {networks}"
        if share == 1.0:
            return [
                f"The linear model of fixed convolutions answers alone, since networks beside it did not help: {rows}."
            ]
        said = f"The linear model of fixed convolutions has {words.percent(share, 0)} of the say, networks the rest"
        return [f"{said}: {rows}, both together {both}."]

    def _own(self) -> Tensor:
        """(N, K) scores of the networks alone, each row's by those that did not learn from it."""
        rows, network = self.held, self._network
        device = network.decision.temperature.device
        scores = torch.zeros(len(rows), network.decision.thresholds.shape[0], device=device)
        count = len(network.members)
        owners = np.full(len(rows), -1) if self._folds is None else self._folds[rows]
        weights = torch.full((count,), 1 / count, device=device)
        for owner in np.unique(owners).tolist():
            for places in _chunks(np.flatnonzero(owners == owner)):
                x, lengths = (tensor.to(device) for tensor in self._examples.batch(rows[places]))
                batch = network.steps(x, lengths)
                if owner < 0:
                    each = torch.stack([network.member(index)(*batch) for index in range(count)])
                    found = pooled(each, weights, exclusive=network.decision.exclusive)
                else:
                    found = network.member(owner)(*batch)
                scores[torch.from_numpy(places).to(device)] = found
        return scores

    def _steps(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Rows as the linear model takes them, on the device that it is on."""
        x, lengths = self._examples.batch(rows)
        standardise = self._network.steps.standardise
        x, lengths = (tensor.to(standardise.mean.device) for tensor in (x, lengths))
        return own_steps(standardise(x), lengths), lengths


def _right(scores: Tensor, target: Tensor) -> float:
    """The share of rows, or of labels, that are answered rightly."""
    answers = scores.argmax(dim=1) == target if target.dim() == 1 else (scores > 0) == (target > 0.5)
    return float(answers.double().mean())


def left_out_by(truth_NK: np.ndarray, train: np.ndarray, members: int, seed: int) -> np.ndarray:
    """(rows,) which member must not learn from a row, -1 for none.

    Args:
        truth_NK: (rows, K) bool, of all rows.
        train: rows of the train part.
        members: M.
        seed: of the order.
    """
    folds = np.full(len(truth_NK), -1, dtype=np.int64)
    shuffled = train[random_order(len(train), seed, 0)]
    _, kinds, counts = np.unique(truth_NK[shuffled], axis=0, return_inverse=True, return_counts=True)
    kinds = kinds.ravel()
    # One class after the other, and on through the members from where the last class ended: all leave out as many.
    order = np.argsort(kinds, kind="stable")
    folds[shuffled[order]] = np.arange(len(train)) % members
    folds[shuffled[counts[kinds] < 2]] = -1
    return folds


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)]

"""A linear-chain conditional random field over tags.

Shapes: T time, B batch, K tags, N best paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.models.loops import over_steps

#: The score of what is forbidden: low enough that its probability is zero in float32, high enough that sums of it
#: stay finite.
FORBIDDEN = -1e4


class Path(NamedTuple):
    """One way through a row: its tags, and its score before normalisation."""

    tags: list[int]
    score: float


class CRF(nn.Module):
    """Scores whole tag sequences: the sum of each step's score, of each transition, of the first and of the last tag.

    Equation:
        s(x, y) = start[y_1] + sum_t e_t[y_t] + sum_t transition[y_t, y_(t+1)] + end[y_T]
        log p(y | x) = s(x, y) - log sum over all y' of exp s(x, y')

    Source: Lafferty, McCallum, Pereira 2001, "Conditional random fields", section 3; with recurrent scores: Huang,
    Xu, Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging", section 2.4; n-best: Viterbi over the N best
    paths into every tag.

    Example:
        >>> import torch
        >>> from unroll.models.crf import CRF
        >>> crf = CRF(3)
        >>> scores = torch.randn(2, 5, 3)
        >>> tuple(crf.log_likelihood(scores, torch.zeros(2, 5, dtype=torch.int64), torch.tensor([5, 3])).shape)
        (2,)

    Args:
        tags: K.
        allowed: (K, K) bool, allowed[i, j] where tag j may follow tag i; None for all.
        allowed_start: (K,) bool, tags that may stand first; None for all.
        allowed_end: (K,) bool, tags that may stand last; None for all.

    Raises:
        ValueError: a mask has the wrong shape or allows nothing.
    """

    transition_mask: Tensor
    start_mask: Tensor
    end_mask: Tensor

    def __init__(
        self,
        tags: int,
        *,
        allowed: Tensor | None = None,
        allowed_start: Tensor | None = None,
        allowed_end: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.tags = tags
        self.transition = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        for name, mask, shape in (
            ("transition_mask", allowed, (tags, tags)),
            ("start_mask", allowed_start, (tags,)),
            ("end_mask", allowed_end, (tags,)),
        ):
            if mask is None:
                mask = torch.ones(shape, dtype=torch.bool)
            if tuple(mask.shape) != shape or not bool(mask.any()):
                got = tuple(mask.shape)
                raise ValueError(f"CRF: {name} must be bool of shape {shape} and allow something, got {got}")
            self.register_buffer(name, mask, persistent=False)

    def _scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Transition, start and end scores with what is forbidden put out of reach."""
        return (
            self.transition.masked_fill(~self.transition_mask, FORBIDDEN),
            self.start.masked_fill(~self.start_mask, FORBIDDEN),
            self.end.masked_fill(~self.end_mask, FORBIDDEN),
        )

    def _check(self, scores: Tensor, lengths: Tensor | None) -> Tensor:
        if scores.dim() != 3 or scores.shape[2] != self.tags:
            raise ValueError(f"CRF: scores must have shape (B, T, K) with K = {self.tags}, got {tuple(scores.shape)}")
        batch, steps = scores.shape[:2]
        if lengths is None:
            return torch.full((batch,), steps, dtype=torch.int64, device=scores.device)
        if tuple(lengths.shape) != (batch,) or (batch and (int(lengths.min()) < 0 or int(lengths.max()) > steps)):
            got = lengths.tolist()
            raise ValueError(f"CRF: lengths must be integers in [0, {steps}] of shape ({batch},), got {got}")
        return lengths.to(scores.device)

    def path_score(self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        """s(x, y) of one tag sequence per row, (B,); 0 for a row of length zero.

        Args:
            scores: (B, T, K). What stands past a row's end is not seen.
            tags: (B, T) integers in [0, K) within each row's length.
            lengths: (B,), or None if all rows have T steps.

        Raises:
            ValueError: a shape or length is wrong.
        """
        lengths = self._check(scores, lengths)
        batch, steps = scores.shape[:2]
        if steps == 0:
            return scores.new_zeros(batch)
        transition, start, end = self._scores()
        valid = torch.arange(steps, device=scores.device) < lengths.unsqueeze(1)
        tags = tags.masked_fill(~valid, 0)
        emitted = scores.gather(2, tags.unsqueeze(2)).squeeze(2).masked_fill(~valid, 0.0).sum(1)
        moved = transition[tags[:, :-1], tags[:, 1:]].masked_fill(~valid[:, 1:], 0.0).sum(1)
        last = tags.gather(1, (lengths - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        return (emitted + moved + start[tags[:, 0]] + end[last]).masked_fill(lengths == 0, 0.0)

    def log_partition(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """log of the sum over all tag sequences of exp s(x, y), (B,); 0 for a row of length zero. Arguments as
        `path_score`.
        """
        lengths = self._check(scores, lengths)
        batch, steps = scores.shape[:2]
        if steps == 0:
            return scores.new_zeros(batch)
        transition, start, end = self._scores()
        valid = torch.arange(steps, device=scores.device) < lengths.unsqueeze(1)
        # Taken apart once: the gradient of scores[:, t] would fill a (B, T, K) tensor with zeros at every step.
        first, *others = scores.masked_fill(~valid.unsqueeze(2), 0.0).unbind(1)
        alpha = start + first
        for t, emitted in enumerate(others, 1):
            following = torch.logsumexp(alpha.unsqueeze(2) + transition, dim=1) + emitted
            alpha = torch.where(valid[:, t].unsqueeze(1), following, alpha)
        return torch.logsumexp(alpha + end, dim=1).masked_fill(lengths == 0, 0.0)

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        """log p(y | x) of each row's tags, (B,). Arguments as `path_score`."""
        return self.path_score(scores, tags, lengths) - self.log_partition(scores, lengths)

    def marginals(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The probability of every tag at every step given the whole row, (B, T, K); zero past a row's end.

        They are the gradient of the log partition by the scores (Sutton, McCallum 2012, section 4.1).
        """
        with torch.enable_grad():
            free = scores.detach().requires_grad_()
            (found,) = torch.autograd.grad(self.log_partition(free, lengths).sum(), free)
        return found

    @torch.no_grad()
    def decode(self, scores: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
        """The best tags of each row (Viterbi 1967). Of equal paths the one with the lower tags at the end.
        Arguments as `path_score`.
        """
        lengths = self._check(scores, lengths)
        if scores.shape[1] == 0:
            return [[] for _ in range(scores.shape[0])]
        path = self.path(scores, lengths).tolist()
        return [tags[:n] for tags, n in zip(path, lengths.tolist(), strict=True)]

    def path(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) the best tags of each row, of at least one step; past its end they mean nothing. Arguments as
        `path_score`."""
        transition, start, end = self._scores()
        t = torch.arange(scores.shape[1], device=scores.device).unsqueeze(1)
        valid_TB1 = (t < lengths).unsqueeze(2)

        def forwards(carried: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Sequence[Tensor], Tensor]:
            emitted, valid, begins = given
            value, back = (carried[0].unsqueeze(2) + transition).max(dim=1)
            return [torch.where(valid, torch.where(begins, start, value) + emitted, carried[0])], back

        def backwards(carried: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Sequence[Tensor], Tensor]:
            back, valid = given
            return [torch.where(valid, back.gather(1, carried[0]), carried[0])], carried[0].clone()

        given = [scores.transpose(0, 1), valid_TB1, (t == 0).unsqueeze(2).expand_as(valid_TB1)]
        (best,), back = over_steps(forwards, [torch.zeros_like(scores[:, 0])], given)
        _, path_TB1 = over_steps(backwards, [(best + end).argmax(dim=1, keepdim=True)], [back, valid_TB1], reverse=True)
        return path_TB1.squeeze(2).transpose(0, 1)

    @torch.no_grad()
    def best(self, scores: Tensor, count: int) -> list[Path]:
        """The `count` best tag sequences of one row, best first; fewer if the row has fewer that are allowed.

        Args:
            scores: (T, K), T may be zero.
            count: N, at least 1.

        Raises:
            ValueError: the shape or the count is wrong.
        """
        if count < 1:
            raise ValueError(f"CRF.best: count must be at least 1, got {count}")
        self._check(scores.unsqueeze(0), None)
        steps = scores.shape[0]
        if steps == 0:
            return [Path([], 0.0)]
        transition, start, end = self._scores()
        # value[n, k]: the n-th best score of a path that ends in tag k; back[t][n, k] is the flat (n, k) it came from.
        value = (start + scores[0]).unsqueeze(0)
        back: list[Tensor] = []
        for t in range(1, steps):
            reached = (value.unsqueeze(2) + transition).flatten(0, 1)
            top, where = reached.topk(min(count, reached.shape[0]), dim=0)
            value = top + scores[t]
            back.append(where)
        top, where = (value + end).flatten().topk(min(count, value.numel()))
        found = []
        for score, flat in zip(top.tolist(), where.tolist(), strict=True):
            tags = [flat % self.tags]
            for came in reversed(back):
                flat = int(came.flatten()[flat])
                tags.append(flat % self.tags)
            if self.allows(tags[::-1]):
                found.append(Path(tags[::-1], score))
        return found

    def allows(self, tags: list[int]) -> bool:
        """Whether a whole row may be tagged so."""
        if not tags:
            return True
        moves = all(bool(self.transition_mask[i, j]) for i, j in pairwise(tags))
        return moves and bool(self.start_mask[tags[0]]) and bool(self.end_mask[tags[-1]])

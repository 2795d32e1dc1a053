"""The CRF against brute force over all paths, in float64."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from unroll.models.crf import CRF


def random_crf(tags: int, masked: bool, seed: int) -> CRF:
    generator = torch.Generator().manual_seed(seed)
    masks: dict[str, Tensor] = {}
    if masked:
        allowed = torch.rand(tags, tags, generator=generator) > 0.3
        allowed.fill_diagonal_(True)
        first = torch.rand(tags, generator=generator) > 0.3
        last = torch.rand(tags, generator=generator) > 0.3
        first[0] = last[0] = True
        masks = {"allowed": allowed, "allowed_start": first, "allowed_end": last}
    crf = CRF(tags, **masks).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return crf


def all_paths(crf: CRF, scores: Tensor) -> list[tuple[float, list[int]]]:
    """Every allowed path of one row (T, K) and its score, best first, by the definition."""
    start, end, transition, emitted = (part.tolist() for part in (crf.start, crf.end, crf.transition, scores))
    found = []
    for path in itertools.product(range(crf.tags), repeat=scores.shape[0]):
        pairs = list(itertools.pairwise(path))
        if not (crf.start_mask[path[0]] and crf.end_mask[path[-1]]):
            continue
        if not all(crf.transition_mask[i, j] for i, j in pairs):
            continue
        score = start[path[0]] + end[path[-1]]
        score += sum(emitted[t][tag] for t, tag in enumerate(path))
        score += sum(transition[i][j] for i, j in pairs)
        found.append((score, list(path)))
    return sorted(found, reverse=True)


CASES = [(2, 1, False), (3, 5, False), (4, 4, False), (3, 5, True), (4, 4, True), (1, 3, False)]


@pytest.mark.parametrize(("tags", "steps", "masked"), CASES)
def test_log_partition_is_the_sum_over_all_paths(tags: int, steps: int, masked: bool) -> None:
    crf = random_crf(tags, masked, seed=tags * 10 + steps)
    scores = torch.randn(3, steps, tags, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([steps, max(1, steps - 1), max(1, steps - 2)])
    got = crf.log_partition(scores, lengths)
    for row in range(3):
        paths = all_paths(crf, scores[row, : lengths[row]])
        expected = torch.logsumexp(torch.tensor([score for score, _ in paths], dtype=torch.float64), 0)
        torch.testing.assert_close(got[row], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("tags", "steps", "masked"), CASES)
def test_viterbi_and_n_best_are_the_best_of_all_paths(tags: int, steps: int, masked: bool) -> None:
    crf = random_crf(tags, masked, seed=tags * 10 + steps)
    scores = torch.randn(3, steps, tags, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    lengths = torch.tensor([steps, max(1, steps - 1), max(1, steps - 2)])
    decoded = crf.decode(scores, lengths)
    for row in range(3):
        own = scores[row, : lengths[row]]
        paths = all_paths(crf, own)
        assert decoded[row] == paths[0][1]
        for count in (1, 3, 7, 1000):
            best = crf.best(own, count)
            assert [path.tags for path in best] == [path for _, path in paths[:count]]
            assert [path.score for path in best] == pytest.approx([score for score, _ in paths[:count]], abs=1e-9)


@pytest.mark.parametrize("masked", [False, True])
def test_marginals_are_sums_over_all_paths(masked: bool) -> None:
    crf = random_crf(3, masked, seed=5)
    scores = torch.randn(1, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    paths = all_paths(crf, scores[0])
    weights = torch.softmax(torch.tensor([score for score, _ in paths], dtype=torch.float64), 0)
    expected = torch.zeros(4, 3, dtype=torch.float64)
    for weight, (_, path) in zip(weights, paths, strict=True):
        for t, tag in enumerate(path):
            expected[t, tag] += weight
    torch.testing.assert_close(crf.marginals(scores)[0], expected, rtol=1e-10, atol=1e-12)


def test_probabilities_of_all_paths_sum_to_one() -> None:
    crf = random_crf(3, True, seed=7)
    scores = torch.randn(1, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    total = sum(crf.log_likelihood(scores, torch.tensor([path])).exp().item() for _, path in all_paths(crf, scores[0]))
    assert total == pytest.approx(1.0, abs=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    crf = random_crf(3, True, seed=11)
    scores = torch.randn(3, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5), requires_grad=True)
    lengths = torch.tensor([4, 2, 0])
    paths = [all_paths(crf, scores[row, :n])[-1][1] if n else [] for row, n in enumerate(lengths.tolist())]
    tags = torch.tensor([path + [0] * (4 - len(path)) for path in paths])
    names = list(dict(crf.named_parameters()))

    def likelihood(scores: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(
            _Likelihood(crf), {f"crf.{n}": p for n, p in zip(names, parameters, strict=True)}, (scores, tags, lengths)
        )

    values = [p.detach().clone().requires_grad_() for p in crf.parameters()]
    assert torch.autograd.gradcheck(likelihood, (scores, *values))


class _Likelihood(torch.nn.Module):
    def __init__(self, crf: CRF) -> None:
        super().__init__()
        self.crf = crf

    def forward(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        return self.crf.log_likelihood(scores, tags, lengths)


def test_padding_is_not_seen() -> None:
    crf = random_crf(3, False, seed=13)
    scores = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    lengths = torch.tensor([3, 0])
    poisoned = scores.clone()
    poisoned[0, 3:] = float("nan")
    poisoned[1] = float("nan")
    poisoned.requires_grad_()
    tags = torch.zeros(2, 5, dtype=torch.int64)
    tags[0, 3:] = 99
    result = crf.log_likelihood(poisoned, tags, lengths)
    torch.testing.assert_close(result[:1], crf.log_likelihood(scores[:1, :3], torch.zeros(1, 3, dtype=torch.int64)))
    assert result[1] == 0.0
    result.sum().backward()
    assert poisoned.grad is not None
    assert bool(poisoned.grad.isfinite().all())
    assert bool((poisoned.grad[0, 3:] == 0).all())
    assert crf.decode(poisoned.detach(), lengths) == [crf.decode(scores[:1, :3])[0], []]


def test_float32_forbids_as_float64_does() -> None:
    crf = random_crf(4, True, seed=17)
    scores = 20 * torch.randn(4, 200, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    exact = crf.log_partition(scores)
    single = CRF(4, allowed=crf.transition_mask, allowed_start=crf.start_mask, allowed_end=crf.end_mask)
    single.load_state_dict({name: value.float() for name, value in crf.state_dict().items()})
    torch.testing.assert_close(single.log_partition(scores.float()).double(), exact, rtol=1e-5, atol=0.0)
    for path in single.decode(scores.float()):
        assert all(crf.transition_mask[i, j] for i, j in itertools.pairwise(path))
        assert crf.start_mask[path[0]]
        assert crf.end_mask[path[-1]]


def test_no_steps_and_wrong_shapes() -> None:
    crf = CRF(3)
    assert crf.decode(torch.zeros(2, 0, 3)) == [[], []]
    assert crf.log_partition(torch.zeros(2, 0, 3)).tolist() == [0.0, 0.0]
    assert crf.best(torch.zeros(0, 3), 2)[0].tags == []
    with pytest.raises(ValueError, match=r"K = 3, got \(2, 4, 5\)"):
        crf.log_partition(torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match=r"lengths must be integers in \[0, 4\]"):
        crf.decode(torch.zeros(1, 4, 3), torch.tensor([5]))
    with pytest.raises(ValueError, match="count must be at least 1"):
        crf.best(torch.zeros(4, 3), 0)
    with pytest.raises(ValueError, match="transition_mask must be bool of shape"):
        CRF(3, allowed=torch.ones(2, 3, dtype=torch.bool))

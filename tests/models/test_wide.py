"""The linear model beside a network, against dense float64 computations."""

import numpy as np
import pytest
import torch
from torch import Tensor

from unroll.errors import ConfigError
from unroll.models.classifier import Classifier, Decision, FeatureEmbedding, ManyToOne, TextSteps
from unroll.models.encoders import BagEncoder
from unroll.models.pooling import MeanPooling
from unroll.models.wide import _STRENGTH, GramScores, WideAndDeep

F, K, N = 9, 3, 40


def made_up(seed: int = 0) -> tuple[list[list[int]], np.ndarray]:
    """Rows of distinct features from 2 to 7 (8 is met by none), and classes that depend on them."""
    draw = np.random.default_rng(seed)
    rows = [sorted(draw.choice(np.arange(2, 8), size=draw.integers(1, 5), replace=False).tolist()) for _ in range(N)]
    truth = np.array([(row[0] + draw.integers(0, 2)) % K for row in rows])
    return rows, truth


def flat(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    return torch.tensor([number for row in rows for number in row]), torch.tensor([len(row) for row in rows])


def dense(rows: list[list[int]]) -> Tensor:
    x = torch.zeros(len(rows), F, dtype=torch.float64)
    for number, row in enumerate(rows):
        x[number, row] = len(row) ** -0.5
    return x


def ratios(rows: list[list[int]], truth_NK: np.ndarray) -> Tensor:
    """By plain counting."""
    out = torch.zeros(F, K, dtype=torch.float64)
    for k in range(K):
        p, q = np.ones(F), np.ones(F)
        for row, own in zip(rows, truth_NK[:, k], strict=True):
            (p if own else q)[row] += 1
        out[:, k] = torch.from_numpy(np.log((p / p.sum()) / (q / q.sum())))
    out[[0, 1, 8]] = 0.0
    return out


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0]])
def test_fit_ends_where_the_gradient_of_the_written_objective_is_zero(
    exclusive: bool, weights: list[float] | None
) -> None:
    rows, classes = made_up()
    truth = np.eye(K, dtype=bool)[classes]
    if not exclusive:
        truth[::3, 0] = True
    given = None if weights is None else torch.tensor(weights)
    scores = GramScores(F, K)
    scores.fit(*flat(rows), torch.from_numpy(truth), exclusive=exclusive, class_weights=given)
    ratio = ratios(rows, truth)
    met = ratio != 0
    fitted = scores.embedding.weight.double()
    target = torch.from_numpy(truth).double()
    own = torch.ones(K, dtype=torch.float64) if given is None else given.double()

    def slopes(u: Tensor, bias: Tensor) -> float:
        u, bias = u.clone().requires_grad_(), bias.clone().requires_grad_()
        logits = dense(rows) @ (ratio * u) + bias
        if exclusive:
            loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(classes), weight=own, reduction="none")
        else:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, weight=own, reduction="none")
        found = torch.autograd.grad(_STRENGTH * loss.sum() + u.square().sum() / 2, [u, bias])
        return max(float(slope.abs().max()) for slope in found)

    u, bias = torch.where(met, fitted / torch.where(met, ratio, 1.0), 0.0), scores.bias.double()
    assert slopes(u, bias) < 0.02
    assert slopes(0 * u, 0 * bias) > 1
    assert torch.equal(fitted[[0, 1, 8]], torch.zeros(3, K, dtype=torch.float64))


def test_scores_are_weights_over_the_root_of_their_number_and_a_bias() -> None:
    rows, classes = made_up(1)
    scores = GramScores(F, K)
    scores.fit(*flat(rows), torch.from_numpy(np.eye(K, dtype=bool)[classes]), exclusive=True)
    asked = [[2, 5, 7], [1], [8]]
    ids, counts = flat(asked)
    expected = dense(asked) @ scores.embedding.weight.double() + scores.bias.double()
    assert torch.allclose(scores(ids, counts, torch.ones(3, dtype=torch.int64)).double(), expected, atol=1e-6)
    assert torch.equal(scores(ids, counts, torch.ones(3, dtype=torch.int64))[1], scores.bias)
    assert not any(parameter.requires_grad for parameter in scores.parameters())


def beside() -> WideAndDeep:
    torch.manual_seed(0)
    steps = TextSteps(FeatureEmbedding(6, 4))
    deep = ManyToOne(steps, Classifier(BagEncoder(4), MeanPooling(4), 2), Decision(2, exclusive=True))
    wide = GramScores(6, 2)
    wide.embedding.weight.normal_()
    return WideAndDeep(deep, wide)


def test_scores_are_joined_but_not_in_training() -> None:
    model = beside().eval()
    own = (torch.tensor([2, 3, 4]), torch.tensor([1, 1, 1]), torch.tensor([2, 1]))
    grams = (torch.tensor([2, 3, 5]), torch.tensor([2, 1]), torch.tensor([1, 1]))
    model.share.fill_(0.7)
    expected = model.deep(*own) + 0.7 * model.wide(*grams)
    assert torch.allclose(model(*own, *grams), expected)
    assert not torch.allclose(expected, model.deep(*own))
    model.train()
    assert torch.equal(model(*own, *grams), model.deep(*own))
    with pytest.raises(ConfigError, match="three more"):
        model(*own)


def test_share_is_found_again_and_the_temperature_left_alone() -> None:
    model = beside()
    draw = torch.Generator().manual_seed(0)
    deep, wide = torch.randn(4000, 2, generator=draw), torch.randn(4000, 2, generator=draw)
    truth = torch.multinomial((deep + 1.2 * wide).softmax(dim=1), 1, generator=draw).squeeze(1)
    joined = model.weigh(deep, wide, truth)
    assert 0.9 < float(model.share) < 1.5
    assert torch.equal(joined, deep + model.share * wide)
    assert float(model.decision.temperature) == 1.0
    noise = torch.randn(4000, 2, generator=draw)
    assert float(model.weigh(3 * deep, noise, deep.argmax(dim=1)).sub(3 * deep).abs().max()) == 0.0

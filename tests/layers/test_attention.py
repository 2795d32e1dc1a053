"""Attention: its three scores by their equations, one query and one row at a time, and what it must not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unroll.errors import ConfigError
from unroll.layers import Attention, Score

B, T, S, H, M, A = 3, 4, 6, 5, 5, 7
LENGTHS = torch.tensor([6, 2, 0])


def attention(score: Score) -> Attention:
    torch.manual_seed(0)
    return Attention(H, M, score=score, size=A if score is Score.ADDITIVE else None).double()


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_equation(layer: Attention, query: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and weights of one query over the places it may see, in numpy."""
    w = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    if layer.score is Score.ADDITIVE:
        left = w["query.weight"] @ query + w["query.bias"]
        scores = np.array([w["energy"] @ np.tanh(left + w["key.weight"] @ place) for place in places])
    elif layer.score is Score.GENERAL:
        scores = np.array([query @ w["key.weight"] @ place for place in places])
    else:
        scores = places @ query
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    return weights @ places, weights


@pytest.mark.parametrize("score", list(Score))
def test_a_score_is_its_equation_for_rows_of_any_length_and_with_holes(score: Score) -> None:
    layer, query, values = attention(score), drawn(B, T, H), drawn(B, S, M, seed=2)
    mask = torch.ones(B, S, dtype=torch.bool)
    mask[0, 3] = False
    mean, weights = layer(query, layer.remember(values, LENGTHS, mask))
    for row, length in enumerate(LENGTHS.tolist()):
        seen = [place for place in range(length) if mask[row, place]]
        for step in range(T):
            expected = np.zeros(S)
            middle = np.zeros(M)
            if seen:
                middle, expected[seen] = by_equation(layer, query[row, step].numpy(), values[row, seen].numpy())
            np.testing.assert_allclose(weights[row, step].detach(), expected, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(mean[row, step].detach(), middle, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("score", list(Score))
def test_one_query_is_many_with_one_step(score: Score) -> None:
    layer, query = attention(score), drawn(B, H)
    memory = layer.remember(drawn(B, S, M), LENGTHS)
    for one, many in zip(layer(query, memory), layer(query.unsqueeze(1), memory), strict=True):
        assert torch.equal(one, many[:, 0])


@pytest.mark.parametrize("score", list(Score))
def test_what_is_hidden_changes_nothing_and_gets_no_gradient(score: Score) -> None:
    """NaN behind a row's end, and a row without places at all."""
    layer, query, values = attention(score), drawn(B, T, H), drawn(B, S, M, seed=2)
    spoiled = values.clone()
    spoiled[torch.arange(S) >= LENGTHS.unsqueeze(1)] = float("nan")
    results, gradients = [], []
    for given in (values, spoiled):
        layer.zero_grad()
        own = given.clone().requires_grad_(True)
        mean, weights = layer(query, layer.remember(own, LENGTHS))
        (mean.square().sum() + weights.square().sum()).backward()
        results.append((mean.detach(), weights.detach()))
        gradients.append([own.grad, *(p.grad for p in layer.parameters())])
    for plain, other in zip(results[0] + tuple(gradients[0]), results[1] + tuple(gradients[1]), strict=True):
        assert torch.equal(plain, other)
        assert not other.isnan().any()
    assert (gradients[1][0][1, 2:] == 0).all()


@pytest.mark.parametrize("score", list(Score))
def test_what_is_carried_along_is_averaged_and_changes_no_weight(score: Score) -> None:
    layer, query, values, carried = attention(score), drawn(B, T, H), drawn(B, S, M, seed=2), drawn(B, S, 2, seed=3)
    carried[1, 3] = float("nan")
    mean, weights = layer(query, layer.remember(values, LENGTHS, carried=carried))
    plain, same = layer(query, layer.remember(values, LENGTHS))
    assert torch.equal(weights, same)
    torch.testing.assert_close(mean[..., :M], plain)
    expected = torch.einsum("bts,bsm->btm", weights, carried.nan_to_num())
    torch.testing.assert_close(mean[..., M:], expected)


@pytest.mark.parametrize("score", list(Score))
def test_gradients_by_finite_differences(score: Score) -> None:
    layer = attention(score)
    query, values = drawn(B, 2, H).requires_grad_(True), drawn(B, S, M, seed=2).requires_grad_(True)
    names = [name for name, _ in layer.named_parameters()]

    def call(query: Tensor, values: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        def go(query: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            return layer(query, layer.remember(values, LENGTHS))

        class Both(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = layer

            def forward(self, query: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
                return go(query, values)

        given = {f"layer.{name}": value for name, value in zip(names, parameters, strict=True)}
        found: tuple[Tensor, Tensor] = torch.func.functional_call(Both(), given, (query, values))
        return found

    parameters = [p.detach().clone().requires_grad_(True) for p in layer.parameters()]
    assert torch.autograd.gradcheck(call, (query, values, *parameters))


def test_a_mistake_is_named() -> None:
    with pytest.raises(ConfigError, match="dot score needs queries of the size of the memory, got 4 and 5"):
        Attention(4, 5, score=Score.DOT)
    with pytest.raises(ConfigError, match="size belongs to the additive score"):
        Attention(4, 5, score=Score.GENERAL, size=3)
    with pytest.raises(ConfigError, match="at least 1"):
        Attention(0, 5)
    layer = attention(Score.DOT)
    with pytest.raises(ValueError, match=r"values must have shape \(B, S, M\) with M = 5, got \(3, 6, 4\)"):
        layer.remember(drawn(B, S, 4))
    with pytest.raises(ValueError, match=r"lengths must have shape \(B,\) = \(3,\)"):
        layer.remember(drawn(B, S, M), torch.tensor([1]))
    with pytest.raises(ValueError, match="mask must be bool"):
        layer.remember(drawn(B, S, M), mask=torch.ones(B, S))
    with pytest.raises(ValueError, match="query must have shape"):
        layer(drawn(2, H), layer.remember(drawn(B, S, M)))

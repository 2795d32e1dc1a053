"""Likelihoods against scipy, and what a forecaster that is trained by them learns."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import softplus

from unroll.models.likelihood import LIKELIHOODS, Gaussian, NegativeBinomial, StudentT, student_quantile

LEVELS = torch.tensor([0.01, 0.1, 0.5, 0.8, 0.99], dtype=torch.float64)


def raw_of(outputs: int) -> Tensor:
    return torch.randn(6, 4, outputs, generator=torch.Generator().manual_seed(outputs), dtype=torch.float64)


def straight() -> Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


@pytest.mark.parametrize("freedom", [2.05, 2.5, 3.0, 4.0, 7.5, 30.0, 400.0])
def test_students_quantiles_are_those_of_scipy(freedom: float) -> None:
    levels = torch.linspace(0.001, 0.999, 99, dtype=torch.float64)
    found = student_quantile(levels, torch.full_like(levels, freedom))
    np.testing.assert_allclose(found.numpy(), stats.t.ppf(levels.numpy(), freedom), rtol=2e-3, atol=1e-4)


def test_gaussian_is_the_normal_distribution() -> None:
    raw, path, truth, scale = raw_of(2), straight(), torch.randn(6, 4, dtype=torch.float64), torch.ones(6, 1)
    own = stats.norm((raw[..., 0] + path).numpy(), (softplus(raw[..., 1]) + 1e-4).numpy())
    np.testing.assert_allclose(Gaussian().loss(raw, path, truth, scale), -own.logpdf(truth.numpy()))
    found = Gaussian().quantiles(raw, path, LEVELS, scale)
    for q, level in enumerate(LEVELS.tolist()):
        np.testing.assert_allclose(found[..., q], own.ppf(level))


def test_student_is_students_t() -> None:
    raw, path, truth, scale = raw_of(3), straight(), torch.randn(6, 4, dtype=torch.float64), torch.ones(6, 1)
    size, freedom = (softplus(raw[..., 1]) + 1e-4).numpy(), (softplus(raw[..., 2]) + 2).numpy()
    own = stats.t(freedom, (raw[..., 0] + path).numpy(), size)
    np.testing.assert_allclose(StudentT().loss(raw, path, truth, scale), -own.logpdf(truth.numpy()))


def test_counts_are_negative_binomial_in_the_series_own_units() -> None:
    raw, scale = raw_of(2), torch.full((6, 1), 4.0, dtype=torch.float64)
    mean, shape = (softplus(raw[..., 0]) * 4 + 1e-4).numpy(), (softplus(raw[..., 1]) / 2 + 1e-4).numpy()
    own = stats.nbinom(1 / shape, 1 / (1 + shape * mean))
    counts = torch.from_numpy(np.random.default_rng(0).integers(0, 12, (6, 4)).astype(np.float64))
    found = NegativeBinomial().loss(raw, straight(), counts / scale, scale)
    np.testing.assert_allclose(found, -own.logpmf(counts.numpy()))
    quantiles = NegativeBinomial().quantiles(raw, straight(), LEVELS, scale) * 4
    for q, level in enumerate(LEVELS.tolist()):
        np.testing.assert_array_equal(quantiles[..., q].round(), own.ppf(level))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_draws_lie_below_their_quantiles_as_often_as_these_say(name: str) -> None:
    own = LIKELIHOODS[name]
    raw = torch.full((4_000, 1, own.outputs), 0.7, dtype=torch.float64)
    path, scale = torch.zeros(4_000, 1, dtype=torch.float64), torch.full((4_000, 1), 9.0, dtype=torch.float64)
    drawn = own.draw(raw, path, scale, torch.Generator().manual_seed(0))
    edge = own.quantiles(raw[:1], path[:1], torch.tensor([0.2, 0.9], dtype=torch.float64), scale[:1])[0, 0]
    assert float((drawn <= edge[0] + 1e-9).double().mean()) == pytest.approx(0.2, abs=0.05 if own.counts else 0.02)
    assert float((drawn <= edge[1] + 1e-9).double().mean()) == pytest.approx(0.9, abs=0.03)
    assert float(drawn.mean()) == pytest.approx(float(own.mean(raw[:1], path[:1])), rel=0.1)

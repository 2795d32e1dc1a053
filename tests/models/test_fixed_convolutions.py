"""Fixed convolutions counted by hand, and a ridge regression fitted again without each row."""

import itertools

import numpy as np
import pytest
import torch

from unroll.errors import ConfigError
from unroll.models.fixed_convolutions import KERNELS, ConvolutionScores, FixedConvolutions, dilations


def drawn(features: int = 2, rows: int = 6, steps: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    lengths = torch.randint(1, steps + 1, (rows,))
    lengths[0] = steps
    x = torch.randn(rows, steps, features, dtype=torch.float64)
    return x.masked_fill(torch.arange(steps)[None, :, None] >= lengths[:, None, None], 0.0), lengths


def share_above(row: np.ndarray, kernel: int, dilation: int, channels: np.ndarray, bias: float, whole: bool) -> float:
    """One feature, one step at a time."""
    heavy = list(itertools.combinations(range(9), 3))[kernel]
    weights = [2.0 if place in heavy else -1.0 for place in range(9)]
    above = counted = 0
    for t in range(len(row)):
        places = [t + (place - 4) * dilation for place in range(9)]
        if not whole and (places[0] < 0 or places[-1] >= len(row)):
            continue
        given = sum(
            weight * row[at, channel]
            for weight, at in zip(weights, places, strict=True)
            for channel in np.flatnonzero(channels)
            if 0 <= at < len(row)
        )
        counted += 1
        above += given > bias
    return above / max(counted, 1)


def test_features_are_shares_of_steps_above_a_bias() -> None:
    x, lengths = drawn()
    layer = FixedConvolutions(2, 30, 4 * KERNELS).double()
    layer.fit(x, lengths, seed=0)
    out = layer(x, lengths)
    assert out.shape == (6, layer.output_size)
    assert (out >= 0).all()
    assert (out <= 1).all()
    at = 0
    for index, (dilation, count) in enumerate(layer.dilations):
        for kernel, number in ((0, 0), (1, count - 1), (50, 0), (83, 0)):
            place = at + kernel * count + number
            for row in range(3):
                own = x[row, : int(lengths[row])].numpy()
                channels = layer.channels[index, kernel].numpy()
                bias = float(layer.biases[place])
                expected = share_above(own, kernel, dilation, channels, bias, (kernel + index) % 2 == 0)
                assert float(out[row, place]) == pytest.approx(expected), (row, dilation, kernel)
        at += KERNELS * count
    counts = layer.channels.sum(dim=-1)
    assert counts.min() >= 1
    assert counts.max() <= 2
    assert counts.unique().numel() == 2


def test_a_row_is_the_same_beside_others_and_alone() -> None:
    x, lengths = drawn()
    layer = FixedConvolutions(2, 30, 2 * KERNELS).double()
    layer.fit(x, lengths, seed=0)
    together = layer(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(layer(x[row : row + 1, :length], lengths[row : row + 1])[0], together[row])
    again = FixedConvolutions(2, 30, 2 * KERNELS).double()
    again.fit(x, lengths, seed=0)
    torch.testing.assert_close(again.biases, layer.biases)
    again.fit(x, lengths, seed=1)
    assert not torch.equal(again.biases, layer.biases)


def test_dilations_reach_over_the_series_and_share_the_features() -> None:
    assert dilations(9, 84) == [(1, 1)]
    assert dilations(5, 840) == [(1, 10)]
    found = dilations(150, 9_996)
    assert [size for size, _ in found][:3] == [1, 2, 3]
    assert found[-1][0] == 18
    assert sum(count for _, count in found) == 119
    with pytest.raises(ConfigError, match="at least 1"):
        FixedConvolutions(0, 5, 84)


@pytest.mark.parametrize("exclusive", [True, False])
def test_scores_of_a_row_that_was_left_out_are_those_of_a_fit_without_it(exclusive: bool) -> None:
    torch.manual_seed(0)
    layer = ConvolutionScores(FixedConvolutions(1, 9, 84), 3).double()
    features = torch.rand(12, 84, dtype=torch.float64)
    features[:, 3] = 1.0
    truth = torch.nn.functional.one_hot(torch.arange(12) % 3, 3).bool()
    left_out = layer.fit(features, truth, exclusive=exclusive)
    y = truth.double().numpy() * 2 - 1
    deviation = features.numpy().std(axis=0)
    x = features.numpy() / np.where(deviation > 0, deviation, 1.0)

    def ridge(rows: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
        mean, middle = x[rows].mean(axis=0), y[rows].mean(axis=0)
        centred = x[rows] - mean
        slope = np.linalg.solve(centred.T @ centred + strength * 84 * np.eye(84), centred.T @ (y[rows] - middle))
        return slope, middle - mean @ slope

    everyone = np.arange(12)
    strengths = np.logspace(-5, 1, 13)
    tried = []
    for strength in strengths:
        rest = [ridge(everyone != row, strength) for row in everyone]
        tried.append(np.stack([x[row] @ slope + bias for row, (slope, bias) in zip(everyone, rest, strict=True)]))
    best = int(np.argmin([((found - y) ** 2).mean() for found in tried]))
    # The scores are scaled to logits: one factor for all.
    scale = float(left_out[0, 0]) / tried[best][0, 0]
    np.testing.assert_allclose(left_out.numpy(), scale * tried[best], rtol=1e-7)
    slope, bias = ridge(everyone, strengths[best])
    given = features @ layer.weight.T + layer.bias
    np.testing.assert_allclose(given.numpy(), scale * (x @ slope + bias), rtol=1e-5, atol=1e-8)
    assert scale > 0


def test_a_few_rows_that_are_all_right_are_not_boundlessly_sure() -> None:
    layer = ConvolutionScores(FixedConvolutions(1, 9, 84), 2).double()
    torch.manual_seed(0)
    truth = torch.tensor([[True, False], [False, True]] * 4)
    features = torch.rand(8, 84, dtype=torch.float64) * 0.01 + truth[:, :1].double()
    left_out = layer.fit(features, truth, exclusive=True)
    sure = left_out.softmax(dim=1)[truth]
    assert (sure > 0.8).all()
    assert (sure < 0.95).all()

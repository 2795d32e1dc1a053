"""LSTM-FCN against torch.nn on rows of one length, and row by row on ragged ones."""

import numpy as np
import pytest
import torch
from torch import nn

from unroll.cells import CELLS
from unroll.errors import ConfigError
from unroll.models.classifier import Classifier, Decision, SeriesSteps, Standardise
from unroll.models.ensemble import SeriesEnsemble
from unroll.models.lstm_fcn import LSTMFCN, ShuffledLSTM, SqueezeExcite, StepNorm, stretched
from unroll.models.pooling import AttentionPooling, JoinedPooling, LastPooling, MeanPooling


def network(features: int = 2, steps: int = 11, *, stride: int = 1, squeeze: bool = False) -> LSTMFCN:
    torch.manual_seed(0)
    recurrent = ShuffledLSTM(CELLS["lstm"](steps, 3), engine="torch")
    return LSTMFCN(features, recurrent, filters=(4, 6, 5), stride=stride, squeeze=squeeze).double()


def test_rows_of_one_length_are_what_torch_makes_of_them() -> None:
    net = network()
    x = torch.randn(3, 11, 2, dtype=torch.float64)
    blocks = nn.Sequential()
    for block, width in zip(net.blocks, (8, 5, 3), strict=True):
        filters, norm = block.filters, nn.BatchNorm1d(block.filters.out_channels).double()
        assert filters.weight.shape[2] == width
        conv = nn.Conv1d(filters.in_channels, filters.out_channels, width, bias=False).double()
        conv.load_state_dict(filters.state_dict())
        blocks.extend([nn.ConstantPad1d(((width - 1) // 2, width // 2), 0.0), conv, norm, nn.ReLU()])
    lstm = nn.LSTM(11, 3, batch_first=True).double()
    lstm.load_state_dict({f"{name}_l0": value for name, value in net.recurrent.layer.state_dict().items()})
    net.train()
    encoded = net(x, torch.tensor([11, 11, 11]))
    torch.testing.assert_close(encoded.y, blocks(x.transpose(1, 2)).transpose(1, 2))
    # The dimension shuffle: two steps, one for each channel, of eleven features.
    net.eval()
    torch.testing.assert_close(net(x, torch.tensor([11, 11, 11])).last, lstm(x.transpose(1, 2))[1][0][0])
    torch.testing.assert_close(net(x, torch.tensor([11, 11, 11])).y, blocks.eval()(x.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize(("stride", "squeeze"), [(1, True), (3, False)])
def test_padding_has_no_effect_even_if_it_is_no_number(stride: int, squeeze: bool) -> None:
    net = network(stride=stride, squeeze=squeeze).eval()
    lengths = torch.tensor([11, 5, 1])
    x = torch.randn(3, 11, 2, dtype=torch.float64)
    for row, length in enumerate(lengths.tolist()):
        x[row, length:] = torch.nan
    encoded = net(x, lengths)
    assert encoded.lengths.tolist() == [-(-length // stride) for length in lengths.tolist()]
    for row, length in enumerate(lengths.tolist()):
        alone = net(x[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(encoded.y[row, : alone.y.shape[1]], alone.y[0])
        torch.testing.assert_close(encoded.last[row], alone.last[0])
    net.train()
    out = net(x, lengths)
    (out.y.sum() + out.last.sum()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


def test_normalisation_sees_the_rows_own_steps_alone() -> None:
    torch.manual_seed(1)
    ours, theirs = StepNorm(3), nn.BatchNorm1d(3)
    rows = [torch.randn(3, 6) * 3 + 1, torch.randn(3, 2)]
    x = torch.full((2, 3, 6), torch.nan)
    x[0], x[1, :, :2] = rows[0], rows[1]
    valid = torch.tensor([[True] * 6, [True] * 2 + [False] * 4]).unsqueeze(1)
    expected = theirs(torch.cat(rows, dim=1).unsqueeze(0))[0]
    out = ours(x, valid)
    torch.testing.assert_close(torch.cat((out[0], out[1, :, :2]), dim=1), expected)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_variance, theirs.running_var)
    # A single step has no deviation, and is no error.
    assert torch.isfinite(ours(x[1:, :, :1], valid[1:, :, :1])).all()


def test_squeeze_and_excite_weighs_channels_by_their_means() -> None:
    layer = SqueezeExcite(4)
    x = torch.rand(2, 4, 5)
    x[1, :, 3:] = 0.0
    first, last = layer.weigh[0].weight, layer.weigh[2].weight
    for row, length in enumerate((5, 3)):
        mean = x[row, :, :length].mean(dim=1)
        weight = torch.sigmoid(last @ torch.relu(first @ mean))
        torch.testing.assert_close(layer(x, torch.tensor([5, 3]))[row], x[row] * weight[:, None])


def test_stretching_is_linear_interpolation() -> None:
    x, lengths = torch.randn(4, 9, 2, dtype=torch.float64), torch.tensor([9, 4, 1, 0])
    out = stretched(x, lengths, 7)
    for row, length in enumerate(lengths.tolist()[:3]):
        at = np.linspace(0, length - 1, 7)
        for feature in range(2):
            np.testing.assert_allclose(out[row, :, feature], np.interp(at, np.arange(length), x[row, :length, feature]))
    assert out[3].abs().sum() == 0


def test_row_without_steps_and_wrong_sizes() -> None:
    net = network().eval()
    encoded = net(torch.zeros(2, 0, 2, dtype=torch.float64), torch.tensor([0, 0]))
    assert torch.isfinite(encoded.last).all()
    assert encoded.lengths.tolist() == [0, 0]
    assert MeanPooling(5)(encoded).abs().sum() == 0
    with pytest.raises(ConfigError, match="3 filters"):
        LSTMFCN(1, net.recurrent, filters=(4, 4))


def ensemble(*, exclusive: bool) -> SeriesEnsemble:
    torch.manual_seed(2)
    members = [
        Classifier(
            LSTMFCN(2, ShuffledLSTM(CELLS["lstm"](6, 3), engine="torch"), filters=(4, 4, 4)),
            JoinedPooling([LastPooling(3), AttentionPooling(4)]),
            3,
        )
        for _ in range(2)
    ]
    return SeriesEnsemble(SeriesSteps(Standardise(2)), members, Decision(3, exclusive=exclusive))


@pytest.mark.parametrize("exclusive", [True, False])
def test_members_answer_with_the_mean_of_their_probabilities(exclusive: bool) -> None:
    net = ensemble(exclusive=exclusive).eval()
    x, lengths = torch.randn(5, 8, 2), torch.tensor([8, 8, 3, 5, 1])
    alone = [net.member(index)(x, lengths) for index in range(2)]
    probabilities = [scores.softmax(dim=1) if exclusive else scores.sigmoid() for scores in alone]
    torch.testing.assert_close(net.decision(net(x, lengths)), (probabilities[0] + probabilities[1]) / 2)
    assert not torch.allclose(probabilities[0], probabilities[1])
    net.train()
    assert net(x, lengths).shape == (2, 5, 3)


def test_an_ensemble_has_a_member() -> None:
    with pytest.raises(ConfigError, match="at least one member"):
        SeriesEnsemble(SeriesSteps(Standardise(1)), [], Decision(2, exclusive=True))

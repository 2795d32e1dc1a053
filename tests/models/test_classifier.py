"""Encoders, poolings and the classifier: each against its definition row by row, and blind to the padding."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from unroll.cells import GRUCell, LSTMCell
from unroll.errors import ConfigError
from unroll.models.classifier import Classifier, FeatureEmbedding, Standardise, StepDropout, StepNoise
from unroll.models.encoders import (
    BagEncoder,
    ConvolutionEncoder,
    Encoded,
    RecurrentEncoder,
    WindowEncoder,
    grid_stack,
    recurrent_stack,
    segment_means,
)
from unroll.models.pooling import (
    POOLINGS,
    AttentionPooling,
    JoinedPooling,
    LastPooling,
    MaxPooling,
    MeanPooling,
    WithInput,
)

LENGTHS = torch.tensor([5, 0, 3, 1])


def recurrent() -> RecurrentEncoder:
    return RecurrentEncoder(
        recurrent_stack([(LSTMCell(3, 4), LSTMCell(3, 4)), (GRUCell(8, 6), GRUCell(8, 6))], engine="reference")
    )


ENCODERS: dict[str, Callable[[], nn.Module]] = {
    "recurrent": recurrent,
    "grid": lambda: RecurrentEncoder(grid_stack(3, 4, 2, bidirectional=True)),
    "convolution": lambda: ConvolutionEncoder(3, 5, (2, 3)),
    "window": lambda: WindowEncoder(3, 7, segments=4),
    "bag": lambda: BagEncoder(3),
    "with input": lambda: WithInput(recurrent(), 3),
}


def ragged(steps: int = 5) -> torch.Tensor:
    return torch.randn(4, steps, 3, generator=torch.Generator().manual_seed(0))


def poisoned(x: torch.Tensor) -> torch.Tensor:
    valid = torch.arange(x.shape[1]) < LENGTHS.unsqueeze(1)
    return x.masked_fill(~valid.unsqueeze(-1), math.nan)


@pytest.mark.parametrize("encoder_name", ENCODERS)
@pytest.mark.parametrize("pooling_name", POOLINGS)
def test_padding_is_not_seen_and_a_row_alone_gives_the_same(encoder_name: str, pooling_name: str) -> None:
    torch.manual_seed(0)
    encoder = ENCODERS[encoder_name]().eval()
    pooling = POOLINGS[pooling_name](encoder.output_size)
    model = Classifier(encoder, pooling, 2).eval()
    if isinstance(pooling, AttentionPooling):
        nn.init.normal_(pooling.query)
    x = ragged()
    together = model(poisoned(x), LENGTHS)
    assert torch.isfinite(together).all()
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            alone = model(x[row : row + 1, :length], LENGTHS[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone)
    together.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("encoder_name", ENCODERS)
def test_batch_of_rows_without_steps(encoder_name: str) -> None:
    encoder = ENCODERS[encoder_name]()
    model = Classifier(encoder, JoinedPooling([part(encoder.output_size) for part in POOLINGS.values()]), 2)
    scores = model(torch.zeros(2, 0, 3), torch.tensor([0, 0]))
    assert scores.shape == (2, 2)
    assert torch.isfinite(scores).all()


def test_last_of_a_recurrent_encoder_is_each_directions_own_end() -> None:
    encoder = recurrent()
    x = ragged()
    encoded = encoder(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            torch.testing.assert_close(encoded.last[row, :6], encoded.y[row, length - 1, :6])
            torch.testing.assert_close(encoded.last[row, 6:], encoded.y[row, 0, 6:])


def test_poolings_against_plain_python() -> None:
    y = ragged()
    encoded = Encoded(poisoned(y), LENGTHS, torch.zeros(4, 3))
    attention = AttentionPooling(3)
    nn.init.normal_(attention.query)
    for row, length in enumerate(LENGTHS.tolist()):
        own = y[row, :length]
        mean = own.mean(dim=0) if length else torch.zeros(3)
        greatest = own.amax(dim=0) if length else torch.zeros(3)
        weights = (torch.tanh(attention.project(own)) @ attention.query).softmax(dim=0)
        torch.testing.assert_close(MeanPooling(3)(encoded)[row], mean)
        torch.testing.assert_close(MaxPooling(3)(encoded)[row], greatest)
        torch.testing.assert_close(attention(encoded)[row], weights @ own if length else torch.zeros(3))
    torch.testing.assert_close(LastPooling(3)(encoded), torch.zeros(4, 3))


def test_joined_pooling_lays_its_parts_side_by_side() -> None:
    encoded = Encoded(ragged(), LENGTHS, torch.zeros(4, 3))
    joined = JoinedPooling([MaxPooling(3), MeanPooling(3)])
    assert joined.output_size == 6
    torch.testing.assert_close(joined(encoded)[:, 3:], MeanPooling(3)(encoded))
    with pytest.raises(ConfigError, match="at least one pooling"):
        JoinedPooling([])


def test_convolution_equals_a_filter_slid_by_hand() -> None:
    encoder = ConvolutionEncoder(3, 2, (3,))
    x = ragged()
    encoded = encoder(x, LENGTHS)
    filters = encoder.filters[0]
    padded = torch.cat([torch.zeros(1, 3), x[2, :3], torch.zeros(1, 3)])
    for t in range(3):
        expected = torch.einsum("oiw,wi->o", filters.weight, padded[t : t + 3]) + filters.bias
        torch.testing.assert_close(encoded.y[2, t], expected.relu())


def test_segments_average_their_own_share_of_a_row() -> None:
    x = torch.arange(1.0, 6.0).reshape(1, 5, 1)
    # Five steps in two halves: the middle step belongs half to each.
    expected = torch.tensor([[(1 + 2 + 0.5 * 3) / 2.5], [(0.5 * 3 + 4 + 5) / 2.5]])
    torch.testing.assert_close(segment_means(x, torch.tensor([5]), 2)[0], expected)
    torch.testing.assert_close(segment_means(x, torch.tensor([5]), 5)[0], x[0])
    torch.testing.assert_close(segment_means(x, torch.tensor([0]), 3), torch.zeros(1, 3, 1))


def test_feature_embedding_is_the_sum_over_the_root_of_the_number() -> None:
    embedding = FeatureEmbedding(10, 4)
    ids, counts, steps = torch.tensor([3, 4, 5, 7, 3]), torch.tensor([2, 1, 2]), torch.tensor([2, 0, 1])
    out = embedding(ids, counts, steps)
    assert out.shape == (3, 2, 4)
    torch.testing.assert_close(out[0, 0], (embedding.weight[3] + embedding.weight[4]) / math.sqrt(2))
    torch.testing.assert_close(out[0, 1], embedding.weight[5])
    torch.testing.assert_close(out[2, 0], (embedding.weight[7] + embedding.weight[3]) / math.sqrt(2))
    assert not out[1].any()
    assert not out[2, 1].any()
    assert embedding(torch.zeros(0, dtype=torch.int64), counts[:0], torch.tensor([0, 0])).shape == (2, 0, 4)


def test_gradient_of_the_feature_embedding() -> None:
    embedding = FeatureEmbedding(8, 3).double()
    ids, counts, steps = torch.tensor([3, 4, 5, 7]), torch.tensor([2, 1, 1]), torch.tensor([1, 2])

    def run(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(embedding, {"weight": weight}, (ids, counts, steps))

    assert torch.autograd.gradcheck(run, (embedding.weight.detach().requires_grad_(),))


@pytest.mark.parametrize("steps", [[3, 0, 5], [0], [40, 12]], ids=str)
def test_a_sparse_gradient_of_the_feature_embedding_has_each_feature_once(steps: list[int]) -> None:
    embedding = FeatureEmbedding(30, 3).double()
    counts = torch.randint(0, 9, (sum(steps),))
    ids = torch.randint(0, 30, (int(counts.sum()),))
    gradients = []
    for sparse in (False, True):
        embedding.sparse, embedding.weight.grad = sparse, None
        y = embedding(ids, counts, torch.tensor(steps))
        (y * torch.arange(y.numel()).view_as(y)).sum().backward()
        gradients.append(embedding.weight.grad)
    whole, rows = gradients
    assert rows is not None
    assert torch.equal(rows._indices()[0], ids.unique())
    torch.testing.assert_close(rows.to_dense(), whole, rtol=1e-12, atol=0)


def test_dropouts_act_in_training_only_and_on_whole_steps() -> None:
    torch.manual_seed(0)
    x = torch.ones(50, 20, 4)
    hidden = StepDropout(0.3)(x)
    assert set(hidden.sum(dim=-1).unique().tolist()) == {0.0, 4.0}
    assert hidden.mean().item() == pytest.approx(0.7, abs=0.05)
    noisy = StepNoise(0.5)(x)
    assert (noisy - x).std().item() == pytest.approx(0.5, abs=0.02)
    for layer in (StepDropout(0.3), StepNoise(0.5)):
        assert layer.eval()(x) is x


def test_standardise_gives_mean_zero_and_deviation_one() -> None:
    x = torch.randn(6, 7, 3) * torch.tensor([2.0, 5.0, 0.0]) + 4.0
    layer = Standardise(3)
    flat = x.flatten(0, 1)
    layer.fit(flat.mean(dim=0), flat.std(dim=0, correction=0))
    out = layer(x).flatten(0, 1)
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out[:, :2].std(dim=0, correction=0), torch.ones(2))
    assert not out[:, 2].abs().max() > 1e-5
    assert set(layer.state_dict()) == {"mean", "deviation"}


def test_layers_must_fit() -> None:
    with pytest.raises(ConfigError, match="one cell or two"):
        recurrent_stack([()])
    stack = recurrent_stack([(GRUCell(3, 4),)])
    assert RecurrentEncoder(stack).output_size == 4


def test_a_steps_own_vector_stands_beside_what_the_layers_make_of_it() -> None:
    x = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    inner = recurrent()
    alone, beside = inner(x, LENGTHS), WithInput(inner, 3)(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(beside.y[row, :length], torch.cat([alone.y[row], x[row]], dim=-1)[:length])
        mean = x[row, :length].sum(dim=0) / max(length, 1)
        torch.testing.assert_close(beside.last[row], torch.cat([alone.last[row], mean]))

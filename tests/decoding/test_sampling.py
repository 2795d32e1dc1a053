"""Sampling: the filters by their definitions, and drawn tokens by a statistical test with a fixed seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from unroll import GRUCell, LSTMCell
from unroll.decoding import Sampling, flatten_state, map_state, probabilities, restore_state, sample, select_rows
from unroll.errors import ConfigError
from unroll.models.encoders import recurrent_stack
from unroll.models.language_model import LanguageModel

LOGITS = torch.tensor([1.0, 3.0, -1.0, 2.0, 0.0])


def by_definition(sampling: Sampling) -> np.ndarray:
    p = np.exp(LOGITS.double().numpy() / sampling.temperature)
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    kept = order[: sampling.top_k] if sampling.top_k else order
    total, nucleus = 0.0, []
    for i in kept:
        if total >= sampling.top_p:
            break
        nucleus.append(i)
        total += p[i] / p[kept].sum()
    result = np.zeros(len(p))
    result[nucleus] = p[nucleus] / p[nucleus].sum()
    return result


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("top_k", [0, 1, 3, 9])
@pytest.mark.parametrize("top_p", [0.05, 0.6, 0.9, 1.0])
def test_filters_by_their_definition(temperature: float, top_k: int, top_p: float) -> None:
    sampling = Sampling(temperature, top_k, top_p)
    np.testing.assert_allclose(probabilities(LOGITS, sampling).numpy(), by_definition(sampling), atol=1e-6)


def test_temperature_zero_takes_the_likeliest_and_forbidden_ids_are_never_drawn() -> None:
    assert probabilities(LOGITS, Sampling(temperature=0.0)).tolist() == [0, 1, 0, 0, 0]
    assert probabilities(LOGITS, Sampling(temperature=0.0), forbidden=[1]).tolist() == [0, 0, 0, 1, 0]
    assert probabilities(LOGITS, Sampling(), forbidden=[1, 3])[[1, 3]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.5), Sampling(2.0, top_k=3), Sampling(1.0, top_p=0.9)])
def test_drawn_tokens_follow_the_distribution(sampling: Sampling) -> None:
    """Chi-square goodness of fit of 1,000 first tokens. With correct sampling p < 0.001 would come once in a
    thousand seeds.
    """
    torch.manual_seed(0)
    model = LanguageModel(6, recurrent_stack([(GRUCell(4, 5),)])).eval()
    with torch.no_grad():
        model.bias.copy_(torch.tensor([0.0, 1.0, 2.0, -1.0, 0.5, 1.5]))
    expected = probabilities(model(torch.tensor([[2, 3]]))[0][0, -1], sampling).double().detach().numpy()
    generator = torch.Generator().manual_seed(1)
    draws = [next(sample(model, [2, 3], sampling, generator=generator)) for _ in range(1000)]
    counts = np.bincount(draws, minlength=6)
    assert (counts[expected == 0] == 0).all()
    possible = expected > 0
    assert possible.sum() > 1
    assert stats.chisquare(counts[possible], 1000 * expected[possible] / expected.sum()).pvalue > 0.001


def test_sampling_step_by_step_is_reading_the_whole() -> None:
    """Greedy continuation with carried state equals reading everything again for each token."""
    torch.manual_seed(0)
    model = LanguageModel(7, recurrent_stack([(LSTMCell(4, 6),), (LSTMCell(6, 6),)])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
    tokens = sample(model, [3, 1], Sampling(temperature=0.0), generator=torch.Generator())
    streamed = list(itertools.islice(tokens, 20))
    text = [3, 1]
    for _ in range(20):
        text.append(int(model(torch.tensor([text]))[0][0, -1].argmax()))
    assert streamed == text[2:]
    assert len(set(streamed)) > 1


def test_the_same_seed_gives_the_same_text() -> None:
    torch.manual_seed(0)
    model = LanguageModel(7, recurrent_stack([(GRUCell(4, 6),)])).eval()

    def drawn(seed: int) -> list[int]:
        tokens = sample(model, [0], Sampling(), generator=torch.Generator().manual_seed(seed))
        return list(itertools.islice(tokens, 30))

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


@pytest.mark.parametrize(
    ("sampling", "text"),
    [
        (Sampling(temperature=-1.0), "temperature must be 0"),
        (Sampling(temperature=float("nan")), "temperature must be 0"),
        (Sampling(top_k=-1), "top_k must be 0"),
        (Sampling(top_p=0.0), r"top_p must be in \(0, 1\]"),
    ],
)
def test_values_out_of_range_are_refused(sampling: Sampling, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        probabilities(LOGITS, sampling)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("chunk", [1, 7, 10, 64])
def test_a_text_in_chunks_costs_what_it_costs_whole(tied: bool, chunk: int) -> None:
    torch.manual_seed(0)
    body = recurrent_stack([(LSTMCell(5, 8),), (LSTMCell(8, 8),)])
    model = LanguageModel(9, body, tied=tied, dropout_input=0.5, dropout_output=0.5).double().eval()
    text = torch.randint(0, 9, (1, 61))
    whole = torch.nn.functional.cross_entropy(model(text[:, :-1])[0][0], text[0, 1:], reduction="sum")
    total, state = torch.zeros((), dtype=torch.float64), None
    for at in range(0, 60, chunk):
        logits, state = model(text[:, at : min(at + chunk, 60)], state)
        total += torch.nn.functional.cross_entropy(logits[0], text[0, at + 1 : at + chunk + 1], reduction="sum")
    torch.testing.assert_close(total, whole, rtol=1e-12, atol=0.0)


def test_states_survive_the_flat_form() -> None:
    model = LanguageModel(9, recurrent_stack([(LSTMCell(5, 8),), (GRUCell(8, 7),)]))
    _, state = model(torch.randint(0, 9, (3, 4)))
    flat = flatten_state(state)
    assert list(flat) == ["0.h", "0.c", "1.h"]
    again = restore_state(model.first_state(3), flat)
    assert type(again[0]) is type(state[0])
    for name, value in flatten_state(again).items():
        assert value is flat[name]
    assert all(bool((value == 0).all()) for value in flatten_state(model.first_state(3)).values())
    assert not flatten_state(map_state(lambda tensor: tensor.detach(), state))["0.h"].requires_grad


def test_rows_of_a_state_are_chosen_as_rows_of_the_batch() -> None:
    torch.manual_seed(0)
    model = LanguageModel(9, recurrent_stack([(LSTMCell(5, 8),), (GRUCell(8, 7),)])).eval()
    texts = torch.randint(0, 9, (3, 4))
    _, state = model.step(texts, None)
    rows, following = torch.tensor([2, 0, 2, 1]), torch.tensor([[1], [2], [3], [4]])
    logits, _ = model.step(following, select_rows(state, rows))
    whole, _ = model.step(torch.cat((texts[rows], following), dim=1), None)
    torch.testing.assert_close(logits, whole)


def test_tied_softmax_shares_the_embedding() -> None:
    tied = LanguageModel(9, recurrent_stack([(LSTMCell(5, 8),)]))
    free = LanguageModel(9, recurrent_stack([(LSTMCell(5, 8),)]), tied=False)
    assert not any(parameter.shape == (9, 8) for parameter in tied.parameters())
    assert any(parameter.shape == (9, 8) for parameter in free.parameters())

"""The encoder-decoder: one step in training, in search and in a stream; and what must not be seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll import GRUCell, LSTMCell, RNNCell
from unroll.cells import Cell
from unroll.decoding import Beam, beam_search, select_rows
from unroll.errors import ConfigError
from unroll.layers import Attention, Score
from unroll.models.attention_decoder import AttentionDecoder, Writing, new_embedding, watched
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.models.encoders import RecurrentEncoder, recurrent_stack

V, E, H = 11, 4, 6
SOURCE = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0], [0, 0, 0, 0]])
SOURCES = torch.tensor([4, 2, 0])
TARGET = torch.tensor([[2, 3, 4], [9, 0, 0], [5, 6, 0]])
TARGETS = torch.tensor([3, 1, 2])


def model(
    feeding: bool, *, layers: int = 1, cell: Callable[[int, int], Cell] = LSTMCell, score: Score = Score.GENERAL
) -> EncoderDecoder:
    torch.manual_seed(0)
    sizes = [E * (1 + feeding), *[H] * (layers - 1)]
    decoder = AttentionDecoder(
        V,
        recurrent_stack([(cell(size, H),) for size in sizes]),
        Attention(H, H, score=score),
        summary_size=H,
        embedding=new_embedding(V, E),
        input_feeding=feeding,
    )
    encoder = RecurrentEncoder(recurrent_stack([(cell(E, H // 2), cell(E, H // 2))]))
    made = EncoderDecoder(decoder.embedding, encoder, decoder).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0)
    return made


def normalised(input_size: int, hidden_size: int) -> LSTMCell:
    """An equation whose product of the input cannot be taken apart."""
    return LSTMCell(input_size, hidden_size, layer_norm=True)


@pytest.mark.parametrize("feeding", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, RNNCell, normalised])
@pytest.mark.parametrize("score", list(Score))
@torch.no_grad()
def test_reading_a_whole_text_is_reading_it_step_by_step(
    feeding: bool, layers: int, cell: Callable[[int, int], Cell], score: Score
) -> None:
    """Teacher forcing and the step of search and stream agree, also row by row without the batch."""
    network = model(feeding, layers=layers, cell=cell, score=score)
    decoder = network.decoder
    inputs = functional.pad(TARGET, (1, 0))
    whole = decoder(inputs, network.read(SOURCE, SOURCES), lengths=TARGETS + 1)
    logits = decoder.logits(whole.features)
    for row in range(3):
        length = int(SOURCES[row])
        state = network.read(SOURCE[row : row + 1, :length], SOURCES[row : row + 1])
        for step in range(int(TARGETS[row]) + 1):
            one, state = decoder.step(inputs[row : row + 1, step : step + 1], state)
            torch.testing.assert_close(one[0], logits[row, step], rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(state.weights[0], whole.weights[row, step, :length], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("feeding", [False, True])
def test_the_cost_is_that_of_every_token_and_the_end(feeding: bool) -> None:
    """Computed a second time from the logits of one text after the other; padding costs nothing."""
    network = model(feeding)
    expected = 0.0
    for row in range(3):
        tokens = TARGET[row, : TARGETS[row]]
        state = network.read(SOURCE[row : row + 1, : SOURCES[row]], SOURCES[row : row + 1])
        steps = network.decoder(functional.pad(tokens, (1, 0)).unsqueeze(0), state)
        wanted = functional.pad(tokens, (0, 1))
        logits = network.decoder.logits(steps.features[0])
        expected += functional.cross_entropy(logits, wanted, reduction="sum", label_smoothing=0.1).item()
    cost = network(SOURCE, SOURCES, TARGET, TARGETS, 0.1)
    assert cost.item() == pytest.approx(expected, rel=1e-12)
    cost.backward()
    assert all(p.grad is not None and not p.grad.isnan().any() for p in network.parameters())


class Loop(nn.Module):
    """The decoder a second time, with input feeding, on torch.nn's cell and with attention written out."""

    def __init__(self, decoder: AttentionDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        layer = decoder.body.layers[0]
        self.cell = nn.LSTMCell(2 * E, H).double()
        self.cell.load_state_dict(layer.state_dict())

    def forward(self, target: Tensor, state: Writing) -> Tensor:
        h, c = state.layers[0]
        fed = torch.zeros(len(target), E, dtype=torch.float64)
        logits = []
        for token in functional.pad(target, (1, 0)).unbind(1):
            h, c = self.cell(torch.cat([E**0.25 * self.decoder.embedding.weight[token], fed], 1), (h, c))
            scores = torch.einsum("bh,bsh->bs", h, state.memory.keys).masked_fill(~state.memory.mask, -1e300)
            mean = torch.einsum("bs,bsm->bm", scores.softmax(1), state.memory.values)
            fed = torch.tanh(self.decoder.mix(torch.cat([h, mean], 1)))
            logits.append(fed @ self.decoder.embedding.weight.T / E**0.25 + self.decoder.bias)
        return torch.stack(logits, 1)


def test_input_feeding_is_a_plain_loop_over_torch_cells() -> None:
    network = model(True)
    source, lengths = SOURCE[:2], SOURCES[:2]
    state = network.read(source, lengths)
    steps = network.decoder(functional.pad(TARGET[:2], (1, 0)), state)
    torch.testing.assert_close(
        network.decoder.logits(steps.features), Loop(network.decoder)(TARGET[:2], state), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("feeding", [False, True])
def test_search_looks_where_teacher_forcing_looks(feeding: bool) -> None:
    network = model(feeding)
    beam = Beam(3, max_length=6, n_best=3)
    found = beam_search(network.decoder, network.read(SOURCE, SOURCES), 3, beam, watch=watched, places=SOURCES.tolist())
    for row, hypotheses in enumerate(found):
        for one in hypotheses:
            ids = torch.tensor([[0, *one.tokens]])
            state = select_rows(network.read(SOURCE, SOURCES), torch.tensor([row]))
            steps = network.decoder(ids, state)
            logs = torch.log_softmax(network.decoder.logits(steps.features[0]), -1)
            total = sum(logs[i, token].item() for i, token in enumerate((*one.tokens, 0)))
            assert one.log_probability == pytest.approx(total, rel=1e-9)
            assert one.weights is not None
            torch.testing.assert_close(one.weights, steps.weights[0, :, : SOURCES[row]].detach())


def test_any_cells_can_be_the_memory() -> None:
    """As those of an image: no lengths, a summary of their mean, and another number of features."""
    torch.manual_seed(0)
    decoder = AttentionDecoder(V, recurrent_stack([(GRUCell(E, H),)]), Attention(H, 7), summary_size=7).eval()
    cells = torch.randn(2, 5, 7)
    found = beam_search(decoder, decoder.start(cells, cells.mean(1)), 2, Beam(2, max_length=5), watch=watched)
    assert [one[0].weights.shape[1] for one in found] == [5, 5]
    cost = decoder.cost(TARGET[:2], TARGETS[:2], decoder.start(cells, cells.mean(1)))
    assert cost.requires_grad


def test_parts_that_do_not_fit_are_named() -> None:
    body, attention = recurrent_stack([(GRUCell(E, H),)]), Attention(H, H)
    with pytest.raises(ConfigError, match="takes queries of 5 features and the layers give 6"):
        AttentionDecoder(V, body, Attention(5, H), summary_size=H)
    with pytest.raises(ConfigError, match="batch-first layers, each a Recurrent"):
        AttentionDecoder(V, recurrent_stack([(GRUCell(E, 3), GRUCell(E, 3))]), attention, summary_size=H)
    with pytest.raises(ConfigError, match=r"need vectors of 4 for 11 tokens, got \(11, 5\)"):
        AttentionDecoder(V, body, attention, summary_size=H, embedding=new_embedding(V, 5))
    decoder = AttentionDecoder(V, body, attention, summary_size=H)
    with pytest.raises(ConfigError, match="both pairs must"):
        EncoderDecoder(new_embedding(V, E), RecurrentEncoder(recurrent_stack([(GRUCell(E, 5),)])), decoder)

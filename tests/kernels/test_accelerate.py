"""unroll.interop.accelerate: torch.nn's layers replaced in place."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unroll
from unroll.errors import ConfigError
from unroll.interop import accelerate


class Tagger(nn.Module):
    def __init__(self, encoder: nn.Module, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(x)[0])


LAYERS = {
    "lstm": lambda: (nn.LSTM(3, 5), 5),
    "lstm-projected": lambda: (nn.LSTM(3, 5, 2, proj_size=4, bidirectional=True), 8),
    "gru": lambda: (nn.GRU(3, 5, 2, batch_first=True, bidirectional=True), 10),
    "rnn-tanh": lambda: (nn.RNN(3, 5, bias=False), 5),
    "rnn-relu": lambda: (nn.RNN(3, 5, 2, nonlinearity="relu"), 5),
    "double": lambda: (nn.LSTM(3, 5, dtype=torch.float64), 5),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_accelerate_keeps_parameters_and_results(make):
    torch.manual_seed(0)
    encoder, width = make()
    dtype = encoder.weight_ih_l0.dtype
    model = Tagger(encoder, width).to(dtype)
    before = copy.deepcopy(model)
    parameters = list(model.parameters())
    assert accelerate(model) is model
    assert type(model.encoder).__module__.startswith("unroll")
    assert all(new is old for new, old in zip(model.parameters(), parameters, strict=True))
    assert list(model.state_dict()) == list(before.state_dict())
    x = torch.randn(4, 7, 3, dtype=dtype)
    wanted, got = before(x), model(x)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    wanted.square().sum().backward()
    got.square().sum().backward()
    for new, old in zip(model.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(new.grad, old.grad, rtol=1e-4, atol=1e-5)
    before.load_state_dict(model.state_dict())
    model.load_state_dict(before.state_dict())


def test_accelerate_keeps_a_shared_layer_shared_and_goes_deep():
    shared = nn.GRU(4, 4)
    model = nn.Sequential(nn.ModuleDict({"a": shared, "b": shared}), nn.ModuleList([nn.LSTM(2, 2)]))
    accelerate(model)
    assert model[0]["a"] is model[0]["b"]
    assert isinstance(model[0]["a"], unroll.GRU)
    assert isinstance(model[1][0], unroll.LSTM)


def test_accelerate_returns_the_replacement_of_a_bare_layer():
    layer = nn.LSTM(3, 5, 2, dropout=0.25).eval()
    made = accelerate(layer)
    assert isinstance(made, unroll.LSTM)
    assert made.dropout == 0.25
    assert made.training is False
    assert made.weight_ih_l1 is layer.weight_ih_l1


def test_accelerate_takes_packed_sequences_as_before():
    torch.manual_seed(0)
    layer = nn.LSTM(3, 5, bidirectional=True)
    packed = pack_padded_sequence(torch.randn(6, 3, 3), torch.tensor([4, 6, 1]), enforce_sorted=False)
    wanted, (wanted_h, wanted_c) = layer(packed)
    got, (h, c) = accelerate(layer)(packed)
    torch.testing.assert_close(pad_packed_sequence(got)[0], pad_packed_sequence(wanted)[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((h, c), (wanted_h, wanted_c), rtol=1e-5, atol=1e-6)


def test_accelerate_leaves_other_modules_and_derived_classes_alone():
    class Own(nn.LSTM):
        pass

    model = nn.ModuleDict({"own": Own(3, 5), "linear": nn.Linear(3, 5), "cell": nn.LSTMCell(3, 5)})
    children = dict(model.items())
    accelerate(model)
    assert dict(model.items()) == children


def test_accelerate_refuses_pruned_layers_and_replaces_nothing():
    model = nn.ModuleDict({"good": nn.LSTM(3, 5), "pruned": prune.l1_unstructured(nn.LSTM(3, 5), "weight_hh_l0", 0.5)})
    with pytest.raises(ConfigError, match="'pruned' does not hold the parameters of a plain LSTM"):
        accelerate(model)
    assert type(model["good"]) is nn.LSTM


def test_accelerate_refuses_layers_with_hooks():
    layer = nn.GRU(3, 5)
    layer.register_forward_hook(lambda *_: None)
    with pytest.raises(ConfigError, match="hooks"):
        accelerate(nn.Sequential(layer))

"""unroll.interop.accelerate: torch.nn's layers replaced in place."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unroll
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


def test_accelerate_keeps_a_bare_layer_the_object_that_it_was():
    layer = nn.LSTM(3, 5, 2, dropout=0.25).eval()
    weight = layer.weight_ih_l1
    assert accelerate(layer) is layer
    assert isinstance(layer, unroll.LSTM)
    assert isinstance(layer, nn.LSTM)
    assert layer.dropout == 0.25
    assert layer.training is False
    assert layer.weight_ih_l1 is weight
    assert repr(layer) == "LSTM(3, 5, num_layers=2, dropout=0.25)"
    again = pickle.loads(pickle.dumps(layer))
    assert torch.equal(again(torch.ones(2, 1, 3))[0], layer(torch.ones(2, 1, 3))[0])


def test_accelerate_turns_cells_into_native_ones():
    torch.manual_seed(0)
    model = nn.ModuleDict({"lstm": nn.LSTMCell(3, 5), "gru": nn.GRUCell(3, 5, bias=False), "rnn": nn.RNNCell(3, 5)})
    x, before = torch.randn(2, 3), copy.deepcopy(model)
    accelerate(model)
    for name, cell in model.items():
        assert isinstance(cell, type(before[name]))
        assert type(cell).__module__ == "unroll.layers.steps"
        torch.testing.assert_close(cell(x), before[name](x), rtol=1e-5, atol=1e-6)


def test_accelerate_takes_packed_sequences_as_before():
    torch.manual_seed(0)
    layer = nn.LSTM(3, 5, bidirectional=True)
    packed = pack_padded_sequence(torch.randn(6, 3, 3), torch.tensor([4, 6, 1]), enforce_sorted=False)
    wanted, (wanted_h, wanted_c) = layer(packed)
    got, (h, c) = accelerate(layer)(packed)
    torch.testing.assert_close(pad_packed_sequence(got)[0], pad_packed_sequence(wanted)[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((h, c), (wanted_h, wanted_c), rtol=1e-5, atol=1e-6)


def test_accelerate_says_which_layers_it_leaves():
    class Own(nn.LSTM):
        pass

    model = nn.ModuleDict({"own": Own(3, 5), "linear": nn.Linear(3, 5), "replaced": nn.GRU(3, 5)})
    model["replaced"].forward = lambda x: x
    before = {name: type(child) for name, child in model.items()}
    with pytest.warns(
        UserWarning, match="'own' is a Own, derived from torch.nn's class; 'replaced' has a forward of its"
    ):
        accelerate(model)
    assert {name: type(child) for name, child in model.items()} == before


CHANGES = {
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
    "weight norm": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"),
    "old weight norm": lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
    "tied": lambda layer: setattr(layer, "bias_hh_l0", layer.bias_ih_l0),
    "hooked": lambda layer: layer.register_forward_hook(lambda module, args, out: (out[0] * 2, out[1])),
    "parent's attribute": lambda layer: setattr(layer, "note", "mine"),
}


@pytest.mark.filterwarnings("ignore:.torch.nn.utils.weight_norm")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_accelerate_keeps_what_was_done_to_a_layer(change):
    def changed():
        torch.manual_seed(0)
        made = nn.Sequential(nn.LSTM(3, 5, bidirectional=True))
        change(made[0])
        return made

    model, before, x = changed(), changed(), torch.randn(4, 2, 3)
    names = list(model.state_dict())
    parameters = list(model.parameters())
    accelerate(model)
    assert isinstance(model[0], unroll.LSTM)
    assert repr(model) == repr(before)
    assert list(model.state_dict()) == names
    assert all(new is old for new, old in zip(model.parameters(), parameters, strict=True))
    wanted, got = before(x)[0], model(x)[0]
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    wanted.sum().backward()
    got.sum().backward()
    for new, old in zip(model.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(new.grad, old.grad, rtol=1e-4, atol=1e-5)
    assert getattr(model[0], "note", None) == getattr(before[0], "note", None)

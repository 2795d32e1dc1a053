"""Weights from one library to another: numbers typed in, and every way there and back."""

from __future__ import annotations

import pytest
import torch

from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.engine import scan
from unroll.errors import ConfigError
from unroll.interop import OnnxWeights, from_keras, from_onnx, to_keras, to_onnx

CELLS = [
    RNNCell(3, 2),
    RNNCell(3, 2, bias=False),
    LSTMCell(3, 2),
    LSTMCell(3, 2, bias=False),
    GRUCell(3, 2),
    GRUCell(3, 2, reset_after=False),
    GRUCell(3, 2, bias=False),
]
PEEPHOLES = [LSTMCell(3, 2, peephole=True), LSTMCell(3, 2, peephole=True, coupled=True), LSTMCell(3, 2, coupled=True)]


def drawn(cell):
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(spec.shape, generator=generator) for name, spec in cell.parameters().items()}


def letters(text, rows=1):
    """A stacked weight in which every block holds the number of its gate's letter."""
    return torch.tensor([[float(ord(letter))] * 2 for letter in text for _ in range(rows)])


@pytest.mark.parametrize(
    ("cell", "keras", "onnx", "own"),
    [(LSTMCell(2, 1), "ifgo", "iofg", "ifgo"), (GRUCell(2, 1), "zrn", "zrn", "rzn"), (RNNCell(2, 1), "h", "h", "h")],
)
def test_gates_are_in_the_order_that_the_libraries_document(cell, keras, onnx, own):
    found = from_keras(cell, [letters(keras).T, letters(keras)[:, :1].T, *_keras_bias(cell, keras)])
    assert torch.equal(found["weight_ih"], letters(own))
    assert torch.equal(found["bias_ih"], letters(own)[:, 0])
    both = torch.cat([letters(onnx)[:, 0], letters(onnx)[:, 0] + 1])
    found = from_onnx(cell, OnnxWeights(letters(onnx), letters(onnx)[:, :1], both, None))
    assert torch.equal(found["weight_ih"], letters(own))
    assert torch.equal(found["bias_hh"], letters(own)[:, 0] + 1)


def _keras_bias(cell, order):
    bias = letters(order)[:, 0]
    return [torch.stack([bias, bias]) if isinstance(cell, GRUCell) else bias]


def test_peepholes_are_in_onnxs_order():
    cell = LSTMCell(2, 1, bias=False, peephole=True)
    weights = OnnxWeights(letters("iofg"), letters("iofg")[:, :1], None, torch.tensor([1.0, 2.0, 3.0]))
    assert from_onnx(cell, weights)["weight_peephole"].tolist() == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_cell_gives_the_same_after_a_trip_to_keras(cell):
    params = drawn(cell)
    again = from_keras(cell, to_keras(cell, params))
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1))
    expected, found = (scan(cell, weights, x).output for weights in (params, again))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("cell", [*CELLS, *PEEPHOLES], ids=str)
def test_weights_come_back_from_onnx_bit_for_bit(cell):
    params = drawn(cell)
    again = from_onnx(cell, to_onnx(cell, params))
    assert again.keys() == params.keys()
    for name, value in params.items():
        assert torch.equal(again[name], value)


def test_what_does_not_fit_is_named():
    cell = LSTMCell(3, 2)
    with pytest.raises(ConfigError, match=r"'weight_ih' must have shape \(8, 3\), got \(8, 4\)"):
        from_keras(cell, [torch.zeros(4, 8), torch.zeros(2, 8), torch.zeros(8)])
    with pytest.raises(ConfigError, match="Keras has no LSTMCell"):
        to_keras(PEEPHOLES[0], drawn(PEEPHOLES[0]))
    with pytest.raises(ConfigError, match="Keras has no LSTMCell"):
        to_keras(PEEPHOLES[2], drawn(PEEPHOLES[2]))

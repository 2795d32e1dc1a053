"""A stack one step at a time: the same as the whole at once, on either engine, and across a stop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import unroll.streaming.stack as module
from unroll.cells import GRUCell, LSTMCell
from unroll.errors import EngineError
from unroll.models.encoders import recurrent_stack
from unroll.streaming.stack import stack_stepper


@pytest.fixture(params=["native", "torch"])
def engine(request, monkeypatch):
    if request.param == "torch":

        def refuse(stack):
            raise EngineError("not here")

        monkeypatch.setattr(module, "_Native", refuse)
    return request.param


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell])
def test_steps_are_the_stack_and_go_on_from_a_state_to_the_bit(engine, cell):
    torch.manual_seed(0)
    stack = recurrent_stack([(cell(3, 5),), (cell(5, 4),)])
    x = torch.randn(20, 3)
    with torch.no_grad():
        expected = stack(x[None])[0][0].numpy()
    whole = stack_stepper(stack)
    outputs = np.stack([whole(row).copy() for row in x.numpy()])
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    first = stack_stepper(stack)
    for row in x[:9].numpy():
        first(row)
    second = stack_stepper(stack)
    second.set_state(first.state())
    assert np.array_equal(np.stack([second(row).copy() for row in x[9:].numpy()]), outputs[9:])
    whole.reset()
    assert np.array_equal(whole(x[0].numpy()), outputs[0])
    assert sum(part.size for own in stack_stepper(stack).state() for part in own.values()) in (9, 18)

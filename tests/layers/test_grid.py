"""Grid LSTM against its equations written out, with finite differences, ragged rows, resets and carried state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unroll.errors import ConfigError
from unroll.layers import Bidirectional, GridLSTM, GridLSTM1d, Stack


def lstm(weight: Tensor, bias: Tensor, joined: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Kalchbrenner et al. 2015, equations 1 and 2, gates in the order of unroll: input, forget, content, output."""
    size = m.shape[-1]
    rows = [weight[k * size : (k + 1) * size] @ joined + bias[k * size : (k + 1) * size] for k in range(4)]
    u, f, o = (torch.sigmoid(rows[k]) for k in (0, 1, 3))
    m = f * m + u * torch.tanh(rows[2])
    return torch.tanh(o * m), m


def by_definition(layer: GridLSTM, x: Tensor) -> Tensor:
    """One row (T, I) through the grid, a block at a time."""
    size, blocks = layer.output_size, layer.blocks
    time = [(torch.zeros(size, dtype=x.dtype), torch.zeros(size, dtype=x.dtype)) for _ in range(blocks)]
    outputs = []
    for step in x:
        entered = layer.enter(step)
        depth = (entered[:size], entered[size:])
        for block in range(blocks):
            t, d = layer.time[block % len(layer.time)], layer.depth[block % len(layer.depth)]
            joined = torch.cat((time[block][0], depth[0]))
            new_time = lstm(t.weight, t.bias, joined, time[block][1])
            if layer.priority:
                joined = torch.cat((new_time[0], depth[0]))
            depth = lstm(d.weight, d.bias, joined, depth[1])
            time[block] = new_time
        outputs.append(depth[0])
    return torch.stack(outputs)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("priority", [True, False])
def test_the_grid_is_its_equations(tied: bool, priority: bool) -> None:
    torch.manual_seed(0)
    layer = GridLSTM(3, 4, 3, tied=tied, priority=priority).double()
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    y, _ = layer(x)
    for row in range(2):
        torch.testing.assert_close(y[:, row], by_definition(layer, x[:, row]), rtol=1e-12, atol=1e-12)
    assert len(layer.time) == (1 if tied else 3)


@pytest.mark.parametrize("tied", [True, False])
def test_the_one_dimensional_grid_is_its_equations(tied: bool) -> None:
    torch.manual_seed(0)
    layer = GridLSTM1d(3, 4, 3, tied=tied).double()
    x = torch.randn(2, 3, dtype=torch.float64)
    for row, y in zip(x, layer(x), strict=True):
        entered = layer.enter(row)
        h, m = entered[:4], entered[4:]
        for block in range(3):
            part = layer.depth[block % len(layer.depth)]
            h, m = lstm(part.weight, part.bias, h, m)
        torch.testing.assert_close(y, h, rtol=1e-12, atol=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    layer = GridLSTM(2, 3, 2).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([3, 1])
    names, values = zip(*layer.named_parameters(), strict=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        y, state = torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,), {"lengths": lengths})
        return torch.cat((y.flatten(), state.h.flatten(), state.c.flatten()))

    assert torch.autograd.gradcheck(run, (x, *values))


@pytest.mark.parametrize("batch_first", [True, False])
def test_rows_end_at_their_own_length_and_padding_is_not_seen(batch_first: bool) -> None:
    torch.manual_seed(0)
    layer = GridLSTM(3, 4, 2, batch_first=batch_first).double()
    x = torch.randn(5, 3, 3, dtype=torch.float64)
    lengths = torch.tensor([5, 2, 0])
    poisoned = x.clone()
    for row, length in enumerate(lengths.tolist()):
        poisoned[length:, row] = float("nan")
    y, state = layer(poisoned.transpose(0, 1) if batch_first else poisoned, lengths=lengths)
    y = y.transpose(0, 1) if batch_first else y
    for row, length in enumerate(lengths.tolist()):
        own = x[:length, row : row + 1]
        expected, last = layer(own.transpose(0, 1) if batch_first else own)
        expected = expected.transpose(0, 1) if batch_first else expected
        torch.testing.assert_close(y[:length, row : row + 1], expected)
        torch.testing.assert_close(state.c[:, row], last.c[:, 0])
        assert bool((y[length:, row] == 0).all())


def test_whole_is_chunk_by_chunk_and_reset_starts_afresh() -> None:
    torch.manual_seed(0)
    layer = GridLSTM(3, 4, 2).double()
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    whole, last = layer(x)
    first, state = layer(x[:3])
    second, end = layer(x[3:], state)
    torch.testing.assert_close(torch.cat((first, second)), whole)
    torch.testing.assert_close(end.h, last.h)
    reset = torch.zeros(7, 2, dtype=torch.bool)
    reset[3, 1] = True
    afresh, _ = layer(x, reset=reset)
    torch.testing.assert_close(afresh[:, 0], whole[:, 0])
    torch.testing.assert_close(afresh[3:, 1], layer(x[3:])[0][:, 1])


def test_it_stands_in_a_stack_and_checks_its_arguments() -> None:
    y, states = Stack([GridLSTM(3, 4, 2), GridLSTM(4, 5, 1)])(torch.zeros(6, 2, 3))
    assert tuple(y.shape) == (6, 2, 5)
    assert len(states) == 2
    with pytest.raises(ConfigError, match="GridLSTM: sizes and blocks must be positive"):
        GridLSTM(3, 4, 0)
    with pytest.raises(ConfigError, match="GridLSTM1d: sizes and blocks must be positive"):
        GridLSTM1d(3, 0, 1)
    with pytest.raises(ValueError, match=r"I = 3, got \(6, 2, 4\)"):
        GridLSTM(3, 4, 2)(torch.zeros(6, 2, 4))


@pytest.mark.parametrize("batch_first", [True, False])
def test_backwards_each_row_is_read_from_its_own_end(batch_first: bool) -> None:
    torch.manual_seed(0)
    layer = GridLSTM(3, 4, 2, reverse=True, batch_first=batch_first).double()
    forwards = GridLSTM(3, 4, 2).double()
    forwards.load_state_dict(layer.state_dict())
    x = torch.randn(5, 3, 3, dtype=torch.float64)
    reset = torch.zeros(5, 3, dtype=torch.bool)
    reset[1, 0] = True
    lengths = torch.tensor([5, 2, 0])
    poisoned = x.clone()
    for row, length in enumerate(lengths.tolist()):
        poisoned[length:, row] = float("nan")
    if batch_first:
        y, state = layer(poisoned.transpose(0, 1), lengths=lengths, reset=reset.transpose(0, 1))
        y = y.transpose(0, 1)
    else:
        y, state = layer(poisoned, lengths=lengths, reset=reset)
    for row, length in enumerate(lengths.tolist()):
        # A new sequence starts at the same step read from either end, so the border is crossed one step later.
        starts = torch.cat((torch.zeros(1, 1, dtype=torch.bool), reset[1:length, row : row + 1].flip(0)))[:length]
        own, end = forwards(x[:length, row : row + 1].flip(0), reset=starts)
        torch.testing.assert_close(y[:length, row : row + 1], own.flip(0))
        torch.testing.assert_close(state.c[:, row], end.c[:, 0])
        assert bool((y[length:, row] == 0).all())
    whole, _ = layer(x.transpose(0, 1) if batch_first else x)
    expected, _ = forwards(x.flip(0))
    torch.testing.assert_close(whole.transpose(0, 1) if batch_first else whole, expected.flip(0))


def test_two_grids_read_from_both_ends() -> None:
    torch.manual_seed(0)
    both = Bidirectional(GridLSTM(3, 4, 2), GridLSTM(3, 5, 1, reverse=True))
    x = torch.randn(6, 2, 3)
    y, (forwards, backwards) = both(x, lengths=torch.tensor([6, 3]))
    assert tuple(y.shape) == (6, 2, 9)
    assert tuple(forwards.h.shape) == (2, 2, 4)
    torch.testing.assert_close(backwards.h[0], both.backwards(x, lengths=torch.tensor([6, 3]))[1].h[0])

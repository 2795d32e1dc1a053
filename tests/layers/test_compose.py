"""Two directions and depth, from layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unroll import Bidirectional, ConfigError, GRUCell, LSTMCell, Merge, Recurrent, RNNCell, Stack


def two_ways(merge: Merge = Merge.CONCAT, size: int = 5) -> Bidirectional:
    return Bidirectional(Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(3, size), reverse=True), merge=merge)


def test_bidirectional_equals_torch() -> None:
    layer = two_ways()
    theirs = nn.GRU(3, 5, bidirectional=True)
    theirs.load_state_dict(
        {
            **{f"{name}_l0": value for name, value in layer.forwards.state_dict().items()},
            **{f"{name}_l0_reverse": value for name, value in layer.backwards.state_dict().items()},
        }
    )
    x = torch.randn(7, 4, 3)
    y, (a, b) = layer(x)
    expected, last = theirs(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(torch.stack((a.h, b.h)), last)


@pytest.mark.parametrize("merge", list(Merge))
def test_merges(merge: Merge) -> None:
    torch.manual_seed(0)
    layer = two_ways(merge)
    x, lengths = torch.randn(7, 4, 3), torch.tensor([7, 0, 3, 5])
    a, b = layer.forwards(x, lengths=lengths)[0], layer.backwards(x, lengths=lengths)[0]
    expected = {
        Merge.CONCAT: torch.cat((a, b), -1),
        Merge.SUM: a + b,
        Merge.MEAN: (a + b) / 2,
        Merge.PRODUCT: a * b,
    }[merge]
    y, _ = layer(x, lengths=lengths)
    assert torch.equal(y, expected)
    assert y.shape[-1] == layer.output_size


def test_stack_runs_layers_in_order_and_keeps_states() -> None:
    torch.manual_seed(0)
    layers = [Recurrent(LSTMCell(3, 5)), two_ways_above(), Recurrent(RNNCell(10, 10))]
    stack = Stack(layers)
    x = torch.randn(7, 4, 3)
    y, states = stack(x)
    expected = x
    for layer in layers:
        expected, _ = layer(expected)
    assert torch.equal(y, expected)
    assert len(states) == 3
    # A second call with the states given goes on where the first ended, where no layer looks backwards.
    plain = Stack([Recurrent(LSTMCell(3, 5)), Recurrent(GRUCell(5, 5))], residual=True)
    whole, _ = plain(x)
    first, carried = plain(x[:4])
    second, _ = plain(x[4:], carried)
    torch.testing.assert_close(torch.cat((first, second)), whole)


def two_ways_above() -> Bidirectional:
    return Bidirectional(Recurrent(GRUCell(5, 5)), Recurrent(GRUCell(5, 5), reverse=True))


def test_residual_adds_where_sizes_allow() -> None:
    below, above = Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(5, 5))
    x = torch.randn(7, 4, 3)
    middle, _ = below(x)
    top, _ = above(middle)
    y, _ = Stack([below, above], residual=True)(x)
    assert torch.equal(y, top + middle)


def test_batch_first_changes_the_layout_alone() -> None:
    torch.manual_seed(0)
    a = Recurrent(LSTMCell(3, 5), batch_first=True)
    b = Recurrent(LSTMCell(3, 5))
    b.load_state_dict(a.state_dict())
    x, lengths, reset = torch.randn(4, 7, 3), torch.tensor([7, 2, 5, 0]), torch.rand(4, 7) < 0.3
    ya, sa = a(x, lengths=lengths, reset=reset)
    yb, sb = b(x.transpose(0, 1), lengths=lengths, reset=reset.transpose(0, 1))
    assert torch.equal(ya.transpose(0, 1), yb)
    assert torch.equal(sa.c, sb.c)
    _, _, trace = a.trace(x, lengths=lengths)
    assert trace["f"].shape == (4, 7, 5)


def test_training_draws_noise_and_evaluation_does_not() -> None:
    layer = Recurrent(LSTMCell(3, 5, recurrent_dropout=0.5, zoneout_c=0.3))
    x = torch.randn(7, 4, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="reverse=True"):
        Bidirectional(Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(3, 5)))
    with pytest.raises(ConfigError, match="equal output sizes, got 5 and 6"):
        two_ways(Merge.SUM, 6)
    with pytest.raises(ConfigError, match="layer 0 gives 5 features"):
        Stack([Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(6, 5))])
    with pytest.raises(ConfigError, match="at least one layer"):
        Stack([])
    with pytest.raises(ConfigError, match="got Linear"):
        Stack([nn.Linear(3, 3)])
    with pytest.raises(ValueError, match="each of 1 layers, got 2"):
        Stack([Recurrent(GRUCell(3, 5))])(torch.zeros(2, 1, 3), [None, None])


def test_hooks_on_a_direction_are_called() -> None:
    forwards, backwards = Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(3, 5), reverse=True)
    layer, x = Bidirectional(forwards, backwards), torch.randn(4, 2, 3)
    expected, _ = layer(x)
    seen: list[torch.Tensor] = []
    handle = backwards.register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
    got, _ = layer(x)
    handle.remove()
    assert torch.equal(got, expected)
    assert len(seen) == 1
    assert torch.equal(seen[0], expected[..., 5:])


def test_a_direction_with_its_own_forward_is_called() -> None:
    class Counting(Recurrent):
        calls = 0

        def forward(self, *arguments: object, **named: object) -> tuple[torch.Tensor, object]:
            self.calls += 1
            return super().forward(*arguments, **named)

    forwards, backwards = Counting(GRUCell(3, 5)), Recurrent(GRUCell(3, 5), reverse=True)
    layer, x = Bidirectional(forwards, backwards), torch.randn(4, 2, 3)
    layer(x)
    assert forwards.calls == 1
    seen: list[nn.Module] = []
    handle = nn.modules.module.register_module_forward_hook(lambda module, _inputs, _output: seen.append(module))
    layer(x)
    handle.remove()
    assert seen == [forwards, backwards, layer]
    inner = backwards.forward
    backwards.forward = lambda *arguments, **named: (seen.append(backwards), inner(*arguments, **named))[1]
    Bidirectional(Recurrent(GRUCell(3, 5)), backwards)(x)
    assert seen[3:] == [backwards]


def test_a_hook_on_every_module_sees_both_plain_directions() -> None:
    layer, seen = two_ways(), []
    handle = nn.modules.module.register_module_forward_hook(lambda module, _inputs, _output: seen.append(module))
    layer(torch.randn(4, 2, 3))
    handle.remove()
    assert seen == [layer.forwards, layer.backwards, layer]

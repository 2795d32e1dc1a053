"""Scans on arguments as they came: the same results as after the checks, and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import unroll
from contract import suite
from unroll import GRUCell, LSTMCell, RNNCell
from unroll.cells import Cell
from unroll.engine import recorded_choices

pytestmark = pytest.mark.usefixtures("native")

CELLS = [
    RNNCell(3, 5),
    RNNCell(3, 5, nonlinearity="relu"),
    GRUCell(3, 5),
    GRUCell(3, 5, reset_after=False),
    LSTMCell(3, 5),
    LSTMCell(3, 5, False),
    LSTMCell(3, 5, proj_size=2),
    LSTMCell(3, 5, peephole=True),
    LSTMCell(3, 5, coupled=True, cell_clip=0.3),
    LSTMCell(3, 5, layer_norm=True),
    LSTMCell(3, 5, zoneout_h=0.2, zoneout_c=0.1),
]


class Counted:
    """`run_plain`, with a list of whether it did each scan; inside `checked` it does none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[bool] = []
        run_plain = unroll.engine.scan.__globals__["run_plain"]

        self._off = False

        def counted(*arguments: object) -> object:
            if self._off:
                return None
            result = run_plain(*arguments)
            self.done.append(result is not None)
            return result

        monkeypatch.setitem(unroll.engine.scan.__globals__, "run_plain", counted)

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Everything goes through the engine's checks and the table."""
        self._off = True
        yield
        self._off = False


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def everything(layer: unroll.Recurrent, x: Tensor) -> list[Tensor]:
    y, state = layer(x)
    loss = y.square().sum() + sum((part.sin().sum() for part in state), start=torch.zeros(()))
    sources = [x, *layer.parameters()]
    first = torch.autograd.grad(loss, sources, retain_graph=True)
    second = torch.autograd.grad(loss, sources, create_graph=True)
    third = torch.autograd.grad(sum(value.square().sum() for value in second), sources)
    with torch.no_grad():
        seen, last = layer(x)
    return [y, *state, *first, *second, *third, seen, *last]


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_arguments_as_they_came_give_the_bits_of_checked_ones(
    counted: Counted, cell: Cell, reverse: bool, dtype: torch.dtype
) -> None:
    layer = unroll.Recurrent(cell, reverse=reverse, engine="native", dtype=dtype).eval()
    x = torch.randn(7, 2, 3, dtype=dtype, requires_grad=True)
    with counted.checked():
        expected = everything(layer, x)
    assert not counted.done
    got = everything(layer, x)
    assert counted.done == [True, True]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("cell", [RNNCell(3, 5), GRUCell(3, 5), LSTMCell(3, 5)], ids=str)
def test_a_graph_may_be_gone_through_again_and_for_some_gradients_only(counted: Counted, cell: Cell) -> None:
    layer = unroll.Recurrent(cell, engine="native", reverse=True)
    layer.bias_hh.requires_grad_(False)
    x = torch.randn(2, 7, 3, requires_grad=True)
    sources = [x, layer.weight_ih, layer.weight_hh, layer.bias_ih]

    def twice() -> list[Tensor]:
        y, state = layer(x.transpose(0, 1))
        # An upstream gradient without memory of its own, and no gradient of the last state.
        first = torch.autograd.grad(y.sum(), sources, retain_graph=True)
        second = torch.autograd.grad(y.sum(), sources, retain_graph=True)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        # No gradient of y, and the last state seen through a view that is no run of memory.
        return [*first, *torch.autograd.grad(state[-1].t()[::2].sum(), sources)]

    with counted.checked():
        expected = twice()
    got = twice()
    assert counted.done == [True]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    assert got[0].is_contiguous()


@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 3), (1, 1, 3)])
def test_no_steps_and_no_rows(counted: Counted, shape: tuple[int, ...]) -> None:
    layer, x = unroll.LSTM(3, 5), torch.randn(shape)
    with counted.checked():
        expected_y, expected_state = layer(x)
    got_y, got_state = layer(x)
    assert counted.done == [True]
    assert torch.equal(got_y, expected_y)
    assert all(torch.equal(a, b) for a, b in zip(got_state, expected_state, strict=True))


def test_wrong_arguments_are_named_by_the_checks(counted: Counted) -> None:
    layer = unroll.Recurrent(GRUCell(3, 5))
    with pytest.raises(ValueError, match=r"x must have shape \(T, B, I\) with I = 3, got \(4, 2, 4\)"):
        layer(torch.randn(4, 2, 4))
    with pytest.raises(ValueError, match=r"'weight_ih': RNN input dtype \(torch.float64\) does not match"):
        layer(torch.randn(4, 2, 3, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="'weight_ih' is on cpu but x is on meta"):
        layer(torch.randn(4, 2, 3, device="meta"))
    layer.weight_hh = torch.nn.Parameter(torch.randn(15, 4))
    with pytest.raises(ValueError, match=r"'weight_hh' must have shape \(15, 5\), got \(15, 4\)"):
        layer(torch.randn(4, 2, 3))
    layer.weight_hh = None
    with pytest.raises(TypeError, match=r"'weight_hh' of shape \(15, 5\) is missing"):
        layer(torch.randn(4, 2, 3))
    assert counted.done == [False] * 5


class Subclass(Tensor):
    """A tensor that might do anything."""


class Mode(TorchDispatchMode):
    """Sees every operator."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_nothing_is_read_that_is_not_what_it_seems(counted: Counted) -> None:
    layer, x = unroll.LSTM(3, 5), torch.randn(4, 2, 3)
    y, _ = layer(x)
    imaginary = torch.complex(torch.zeros(4, 2, 3), x).conj().imag
    assert imaginary.is_neg()
    suite.assert_close(layer(imaginary)[0], layer(-x)[0], 1e-6, "an input whose sign is turned round")
    other, _ = layer(x.transpose(0, 1).contiguous().transpose(0, 1))
    assert torch.equal(other, y)
    assert counted.done == [True, False, True, True]
    counted.done.clear()
    layer.weight_ih_l0 = torch.nn.Parameter(layer.weight_ih_l0.detach().t().contiguous().t())
    assert torch.equal(layer(x)[0], y)
    assert counted.done == [True]
    counted.done.clear()
    params = {name: value.detach() for name, value in layer.named_parameters()}
    torch.func.grad(lambda params: torch.func.functional_call(layer, params, (x,))[0].sum())(params)
    with forward_ad.dual_level():
        assert forward_ad.unpack_dual(layer(forward_ad.make_dual(x, x))[0]).tangent is not None
    assert type(layer(x.as_subclass(Subclass))[0]) is Subclass
    layer.weight_hh_l0 = torch.nn.Parameter(torch._neg_view(-layer.weight_hh_l0.detach()))
    suite.assert_close(layer(x)[0], y, 1e-6, "a weight whose sign is turned round")
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x)[0].dtype == torch.bfloat16
    assert counted.done == [False] * 5


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_graphs_of_a_layer_that_has_run_before_hold_its_work(counted: Counted) -> None:
    layer, x = unroll.GRU(3, 5, num_layers=2, bidirectional=True), torch.randn(4, 2, 3)
    wanted, _ = layer(2 * x)
    with torch.no_grad():
        layer(x)
        traced = torch.jit.trace(layer, (x,), check_trace=False)
        made = make_fx(lambda x: layer(x)[0])(x)
        with Mode() as mode:
            layer(x)
    suite.assert_close(traced(2 * x)[0], wanted, 1e-6, "torch.jit.trace")
    assert torch.equal(made(2 * x), wanted)
    assert "unroll.scan.default" in mode.seen


@pytest.mark.parametrize("what", ["x", "state", "weight"])
def test_memory_that_begins_within_an_element_is_left_to_torch(counted: Counted, what: str) -> None:
    def moved(value: Tensor) -> Tensor:
        memory = bytearray(value.numel() * 4 + 1)
        place = torch.frombuffer(memory, dtype=torch.float32, count=value.numel(), offset=1).view(value.shape)
        return place.copy_(value)

    layer, x, h = unroll.GRU(3, 5), torch.randn(4, 2, 3), torch.randn(1, 2, 5)
    wanted = layer(x, h)[0]
    if what == "x":
        x = moved(x)
    elif what == "state":
        h = moved(h)
    else:
        layer.weight_hh_l0.data = moved(layer.weight_hh_l0.detach())
    with recorded_choices() as choices:
        got = layer(x, h)[0]
    suite.assert_close(got, wanted, 1e-6, what)
    assert counted.done == [True, False]
    assert "is not aligned to its elements" in choices[0].refused["native"]
    with torch.no_grad(), Mode():
        suite.assert_close(layer(x, h)[0], wanted, 1e-6, f"{what}, through the operator")


def test_what_ran_is_what_explain_says(counted: Counted) -> None:
    layer, x = unroll.LSTM(3, 5), torch.randn(4, 2, 3)
    with recorded_choices() as choices:
        layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            layer(x)
        layer(x.as_subclass(Subclass))
    assert [choice.engine for choice in choices] == ["native", "torch", "torch"]
    assert choices[0].shape == (4, 2, 3)
    assert "autocast" in choices[1].refused["native"]
    assert "Subclass" in choices[2].refused["native"]


def test_a_reset_and_a_trace_are_for_the_checks(counted: Counted) -> None:
    layer, x = unroll.Recurrent(GRUCell(3, 5, recurrent_dropout=0.5)), torch.randn(4, 2, 3)
    layer.eval()
    _, state = layer(x)
    layer(x, state)
    assert counted.done == [True, True]
    layer(x, reset=torch.zeros(4, 2, dtype=torch.bool))
    layer.trace(x)
    assert counted.done == [True, True]
    layer.train()
    layer(x)
    assert counted.done == [True, True, True]


@pytest.mark.parametrize(
    "change", ["y.relu_()", "y.mul_(2)", "y[-1] = 0", "y.data.zero_()", "y.detach().numpy()[:] = 9"]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("cell", [RNNCell(3, 5), GRUCell(3, 5), LSTMCell(3, 5, proj_size=2)], ids=str)
def test_the_output_may_be_changed_in_place_before_backward(cell: Cell, dtype: torch.dtype, change: str) -> None:
    if "numpy" in change and dtype is torch.bfloat16:
        pytest.skip("numpy has no bfloat16")
    layer = unroll.Stack(
        [unroll.Recurrent(cell, dtype=dtype), unroll.Recurrent(RNNCell(cell.output_size, 4), dtype=dtype)]
    )
    x = torch.randn(6, 2, 3, dtype=dtype, requires_grad=True)
    sources = [x, *layer.parameters()]
    y, states = layer(x)
    last = sum((part.sum() for part in flattened(states)), start=torch.zeros((), dtype=dtype))
    expected = torch.autograd.grad(last, sources)
    y, states = layer(x)
    last = sum((part.sum() for part in flattened(states)), start=torch.zeros((), dtype=dtype))
    exec(change, {"y": y})
    assert all(torch.equal(a, b) for a, b in zip(torch.autograd.grad(last, sources), expected, strict=True))


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("kind", [unroll.RNN, unroll.GRU, unroll.LSTM])
def test_checkpoints_free_what_was_saved_and_give_the_same_gradients(kind: type, first: bool) -> None:
    layer, x = kind(3, 5, num_layers=3, bidirectional=True, dropout=0.5), torch.randn(6, 2, 3, requires_grad=True)
    if not first:
        layer(x)
    sources = [x, *layer.parameters()]
    torch.manual_seed(0)
    expected = torch.autograd.grad(layer(x)[0].sum(), sources)
    torch.manual_seed(0)
    y, _ = checkpoint(layer, x, use_reentrant=False)
    assert all(torch.equal(a, b) for a, b in zip(torch.autograd.grad(y.sum(), sources), expected, strict=True))
    seen: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (seen.append(t.numel()), t)[1], lambda t: t):
        torch.manual_seed(0)
        y, _ = layer(x)
    assert sum(seen) > 6 * 2 * 5 * 3 * 2
    y.relu_()
    torch.manual_seed(0)
    expected = torch.autograd.grad(layer(x)[0].relu().sum(), sources)
    for _ in range(2):
        got = torch.autograd.grad(y.sum(), sources, retain_graph=True)
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("kind", [unroll.RNN, unroll.GRU, unroll.LSTM])
def test_gradients_may_come_in_batches(kind: type) -> None:
    layer, x = kind(3, 5, num_layers=2, bidirectional=True), torch.randn(4, 2, 3, requires_grad=True)
    y, _ = layer(x)
    several = torch.randn(3, *y.shape)
    (got,) = torch.autograd.grad(y, x, several, is_grads_batched=True, retain_graph=True)
    for one, upstream in zip(got, several, strict=True):
        suite.assert_close(
            one, torch.autograd.grad(y, x, upstream, retain_graph=True)[0], 1e-5, "a gradient of a batch"
        )


@pytest.mark.parametrize("cell", [RNNCell(3, 5), GRUCell(3, 5), LSTMCell(3, 5), LSTMCell(3, 5, proj_size=2)], ids=str)
def test_a_stream_carries_its_state(counted: Counted, cell: Cell) -> None:
    layer = unroll.Recurrent(cell, engine="native")
    x = torch.randn(6, 2, 3, requires_grad=True)
    begin = cell.State(*(torch.randn(2, size) for size in cell.state_sizes().values()))

    def halves() -> list[Tensor]:
        y, state = layer(x[:2], begin)
        carried = type(state)(*(part.detach() for part in state))
        z, after = layer(x[2:], carried, lengths=torch.tensor([4, 1]))
        loss = y.square().sum() + z.sin().sum() + after[-1].sum()
        sources = [x, *layer.parameters()]
        first = torch.autograd.grad(loss, sources, retain_graph=True)
        return [y, z, *after, *first, *torch.autograd.grad(loss, sources)]

    with counted.checked():
        expected = halves()
    got = halves()
    assert counted.done == [True, True]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    with torch.no_grad():
        a, state = layer(x[:3])
        b, last = layer(x[3:], [part.t().contiguous().t() for part in state])
        c, again = layer(x[3:], state)
        whole, end = layer(x)
    assert counted.done[2:] == [True, True, True, True]
    for one in (b, c):
        assert torch.equal(torch.cat((a, one)), whole)
    assert all(torch.equal(p, q) and torch.equal(p, r) for p, q, r in zip(last, again, end, strict=True))
    with pytest.raises(ValueError, match="first state 'h' must have shape"):
        layer(x, [part[:1] for part in begin])


def stacked() -> unroll.Stack:
    torch.manual_seed(3)
    return unroll.Stack(
        [
            unroll.Bidirectional(
                unroll.Recurrent(LSTMCell(3, 5, proj_size=2)),
                unroll.Recurrent(LSTMCell(3, 5, proj_size=2), reverse=True),
            ),
            unroll.Recurrent(GRUCell(4, 6)),
            unroll.Recurrent(RNNCell(6, 4), reverse=True),
        ],
        dropout=0.4,
    ).double()


def flattened(states: object) -> list[Tensor]:
    return [states] if isinstance(states, Tensor) else [one for part in states for one in flattened(part)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("lengths", [None, torch.tensor([7, 0, 4])], ids=["whole", "ragged"])
@pytest.mark.parametrize("frozen", [0, 1, 2, 3], ids=["none", "lowest", "two", "all"])
def test_layers_are_one_node_with_the_gradients_of_a_node_each(
    counted: Counted, lengths: Tensor | None, frozen: int
) -> None:
    stack, x = stacked(), torch.randn(7, 3, 3, dtype=torch.float64, requires_grad=frozen in (0, 3))
    for layer in stack.layers[:frozen]:
        layer.requires_grad_(False)
    sources = [value for value in (x, *stack.parameters()) if value.requires_grad]
    first = None
    if lengths is not None:
        # The states of one pass are the first ones of every other.
        _, ends = stack(x.detach().flip(0))
        first = [
            tuple(type(one)(*(part.detach() for part in one)) for one in end)
            if isinstance(end[0], tuple)
            else type(end)(*(part.detach() for part in end))
            for end in ends
        ]

    def everything_of(again: bool) -> list[Tensor]:
        torch.manual_seed(5)
        y, states = stack(x, first, lengths=lengths)
        ends = flattened(states)
        loss = y.square().sum() + sum((end.sin().sum() for end in ends[1:]), start=torch.zeros(()))
        once = torch.autograd.grad(loss, sources, retain_graph=True)
        if not again:
            return [y, *ends, *once]
        second = torch.autograd.grad(loss, sources, retain_graph=True)
        third = torch.autograd.grad(loss, sources, create_graph=True)
        fourth = torch.autograd.grad(sum(value.square().sum() for value in third), sources)
        return [y, *ends, *once, *second, *third, *fourth]

    # In turn: each layer is called, since every module has a hook.
    handle = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    with counted.checked():
        expected = everything_of(again=True)
    handle.remove()
    everything_of(again=False)
    counted.done.clear()
    got = everything_of(again=True)
    assert counted.done == [True]
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.manual_seed(5)
        y, states = stack(x, first, lengths=lengths)
    assert torch.equal(y, got[0])
    assert all(torch.equal(a, b) for a, b in zip(flattened(states), got[1:], strict=False))


def test_lengths_out_of_range_are_found_on_the_long_way(counted: Counted) -> None:
    layer, x = unroll.GRU(3, 5, bidirectional=True), torch.randn(4, 2, 3)
    with pytest.raises(ValueError, match=r"lengths must lie in \[0, T\] = \[0, 4\], got 2 to 5"):
        layer(x, lengths=torch.tensor([5, 2]))
    with pytest.raises(ValueError, match=r"lengths must be integers of shape \(B,\) = \(2,\)"):
        layer(x, lengths=torch.tensor([4, 2, 1]))
    # Of another integer type: converted on the long way.
    y, _ = layer(x, lengths=torch.tensor([4, 2], dtype=torch.int32))
    assert counted.done == [False] * 3
    assert torch.equal(layer(x, lengths=torch.tensor([4, 2]))[0], y)
    assert counted.done[-1]

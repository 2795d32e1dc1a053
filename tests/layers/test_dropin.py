"""The drop-ins hold what code written for torch.nn relies on."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import unroll

PAIRS = [
    pytest.param(unroll.RNN, nn.RNN, {}, id="rnn"),
    pytest.param(unroll.RNN, nn.RNN, {"nonlinearity": "relu"}, id="rnn-relu"),
    pytest.param(unroll.GRU, nn.GRU, {}, id="gru"),
    pytest.param(unroll.LSTM, nn.LSTM, {}, id="lstm"),
    pytest.param(unroll.LSTM, nn.LSTM, {"proj_size": 2}, id="lstm-projected"),
]
pairs = pytest.mark.parametrize(("ours", "theirs", "options"), PAIRS)


def both(ours: type, theirs: type, seed: int = 0, **options: object) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    a = ours(3, 5, dtype=torch.float64, **options)
    torch.manual_seed(seed)
    return a, theirs(3, 5, dtype=torch.float64, **options)


def parts(state: object) -> tuple[torch.Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def assert_same(got: object, expected: object) -> None:
    for a, b in zip(parts(got), parts(expected), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


@pairs
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_same_seed_gives_the_same_names_and_weights(
    ours: type, theirs: type, options: dict[str, object], layers: int, bidirectional: bool
) -> None:
    a, b = both(ours, theirs, num_layers=layers, bidirectional=bidirectional, **options)
    assert list(a.state_dict()) == list(b.state_dict())
    for name, value in b.state_dict().items():
        assert torch.equal(a.state_dict()[name], value), name
    assert [[tuple(w.shape) for w in ws] for ws in a.all_weights] == [
        [tuple(w.shape) for w in ws] for ws in b.all_weights
    ]


@pairs
@pytest.mark.parametrize("batch_first", [False, True])
def test_layouts_and_given_states(ours: type, theirs: type, options: dict[str, object], batch_first: bool) -> None:
    a, b = both(ours, theirs, num_layers=2, bidirectional=True, batch_first=batch_first, **options)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    ya, sa = a(x)
    yb, sb = b(x)
    assert_same(ya, yb)
    assert_same(sa, sb)
    given = sb if isinstance(sb, torch.Tensor) else tuple(part + 0.1 for part in sb)
    ya, sa = a(x, given)
    yb, sb = b(x, given)
    assert_same(ya, yb)
    assert_same(sa, sb)
    # Unbatched input: batch_first plays no part, as in torch.nn.
    ya, sa = a(x[0])
    yb, sb = b(x[0])
    assert_same(ya, yb)
    assert_same(sa, sb)
    ya, sa = a(x[0], sb)
    yb, sb = b(x[0], sb)
    assert_same(ya, yb)
    assert_same(sa, sb)
    assert type(sa) is type(sb)


@pairs
@pytest.mark.parametrize("enforce_sorted", [False, True])
def test_packed_sequences_in_and_out(
    ours: type, theirs: type, options: dict[str, object], enforce_sorted: bool
) -> None:
    a, b = both(ours, theirs, num_layers=2, bidirectional=True, **options)
    lengths = torch.tensor([6, 4, 3, 1]) if enforce_sorted else torch.tensor([3, 6, 1, 4])
    packed = pack_padded_sequence(torch.randn(6, 4, 3, dtype=torch.float64), lengths, enforce_sorted=enforce_sorted)
    ya, sa = a(packed)
    yb, sb = b(packed)
    assert isinstance(ya, PackedSequence)
    assert_same(ya.data, yb.data)
    assert torch.equal(ya.batch_sizes, yb.batch_sizes)
    assert_same(sa, sb)
    ya, sa = a(packed, sb)
    yb, sb = b(packed, sb)
    assert_same(ya.data, yb.data)
    assert_same(sa, sb)


@pairs
def test_lengths_equal_packing(ours: type, theirs: type, options: dict[str, object]) -> None:
    a, b = both(ours, theirs, bidirectional=True, batch_first=True, **options)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    lengths = torch.tensor([3, 6, 1, 4])
    ya, sa = a(x, lengths=lengths)
    packed, sb = b(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    yb, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    assert_same(ya, yb)
    assert_same(sa, sb)


def test_dropout_acts_between_layers_in_training_only() -> None:
    layer = unroll.GRU(3, 5, num_layers=2, dropout=0.5)
    x = torch.randn(7, 2, 3)
    torch.manual_seed(0)
    first, _ = layer(x)
    second, _ = layer(x)
    assert not torch.equal(first, second)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_dropout_with_one_layer_warns_as_torch_does() -> None:
    with pytest.warns(UserWarning, match="num_layers"):
        unroll.LSTM(3, 5, dropout=0.5)


def test_wrong_shapes_say_what_was_expected() -> None:
    layer = unroll.LSTM(3, 5)
    with pytest.raises(RuntimeError, match=r"x must have shape \(T, B, I\) with I = 3, got \(7, 2, 4\)"):
        layer(torch.zeros(7, 2, 4))
    with pytest.raises(RuntimeError, match=r"'h' must be 3-D of shape \(L\*D, B, ·\) = \(1, 2, 5\), got \(2, 1, 5\)"):
        layer(torch.zeros(7, 2, 3), (torch.zeros(2, 1, 5), torch.zeros(1, 2, 5)))
    with pytest.raises(ValueError, match="1-D"):
        layer(torch.zeros(3))
    packed = pack_padded_sequence(torch.zeros(7, 2, 3), torch.tensor([7, 7]))
    with pytest.raises(ValueError, match="holds its lengths"):
        layer(packed, lengths=torch.tensor([7, 7]))


def test_layers_are_copied_and_repr_shows_what_differs() -> None:
    import copy

    layer = unroll.GRU(3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(7, 2, 3)
    assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])
    assert repr(layer) == "GRU(3, 5, num_layers=2, bidirectional=True)"


@pairs
@pytest.mark.parametrize("accelerated", [False, True])
def test_a_list_of_weights_that_a_program_puts_in_place_counts(
    ours: type, theirs: type, options: dict[str, object], accelerated: bool
) -> None:
    a, b = both(ours, theirs, num_layers=2, **options)
    if accelerated:
        _, a = both(ours, theirs, num_layers=2, **options)
        unroll.accelerate(a)
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    assert_same(a(x)[0], b(x)[0])
    for layer in (a, b):
        layer._flat_weights = [weight * 2 for weight in layer._flat_weights]
    assert_same(a(x)[0], b(x)[0])
    for layer in (a, b):
        layer._flat_weights[1] = layer._flat_weights[1] * 2
    assert_same(a(x)[0], b(x)[0])
    # Also in a list that was kept over a call.
    kept = [layer._flat_weights for layer in (a, b)]
    assert_same(a(x)[0], b(x)[0])
    for weights in kept:
        weights[0] = weights[0] * 0.5
    assert_same(a(x)[0], b(x)[0])
    # Weights that are assigned by name come back into force, as in torch.nn.
    for layer in (a, b):
        layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach() * 3)
    assert_same(a(x)[0], b(x)[0])


@pairs
def test_a_list_of_weights_stays_in_force_through_accelerate(
    ours: type, theirs: type, options: dict[str, object]
) -> None:
    _, a = both(ours, theirs, **options)
    _, b = both(ours, theirs, **options)
    for layer in (a, b):
        layer._flat_weights = [weight * 2 for weight in layer._flat_weights]
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    assert_same(unroll.accelerate(a)(x)[0], b(x)[0])


@pairs
def test_inputs_whose_steps_lie_over_each_other_have_gradients(
    ours: type, theirs: type, options: dict[str, object]
) -> None:
    found = []
    for layer in both(ours, theirs, **options):
        base = torch.linspace(-1, 1, 40, dtype=torch.float64).requires_grad_()
        y, _ = layer(base.as_strided((7, 2, 3), (3, 1, 1)))
        y.square().sum().backward()
        found.append(base.grad)
    assert_same(*found)


@pairs
@pytest.mark.parametrize("wrong", ["x", "weight_ih_l0", "weight_hh_l0", "bias_hh_l0", "none", "shape"])
def test_wrong_tensors_raise_what_torch_nn_raises(
    ours: type, theirs: type, options: dict[str, object], wrong: str
) -> None:
    x, raised = torch.randn(7, 2, 3, dtype=torch.float64), []
    for layer in both(ours, theirs, **options):
        if wrong == "none":
            layer.weight_hh_l0 = None
        elif wrong == "shape":
            layer.weight_hh_l0 = nn.Parameter(torch.zeros(3, 3, dtype=torch.float64))
        elif wrong != "x":
            setattr(layer, wrong, nn.Parameter(getattr(layer, wrong).detach().float()))
        with pytest.raises(Exception) as caught:  # noqa: PT011
            layer(x.float() if wrong == "x" else x)
        raised.append(caught)
    assert isinstance(raised[0].value, raised[1].type)
    if wrong in ("x", "weight_ih_l0"):
        assert str(raised[1].value)[:40] in str(raised[0].value)


def test_an_unknown_nonlinearity_is_named_in_torch_nns_words() -> None:
    with pytest.raises(ValueError, match=r"Unknown nonlinearity 'garbage'; it must be tanh or relu"):
        unroll.RNN(1, 10, nonlinearity="garbage")


def weights(gates: int, features: int, hidden: int) -> dict[str, nn.Parameter]:
    torch.manual_seed(1)
    rows = gates * hidden
    shapes = {"weight_ih_l0": (rows, features), "weight_hh_l0": (rows, hidden), "bias_ih_l0": rows, "bias_hh_l0": rows}
    return {name: nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()}


GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
CHANGES = [
    ("RNN", {}, {"mode": "RNN_RELU"}),
    ("RNN", {}, {"nonlinearity": "relu"}),
    # In float32, where torch.nn.LSTM does not look at how many weights it has.
    ("LSTM", {"num_layers": 2, "bidirectional": True}, {"num_layers": 1}),
    ("LSTM", {"bidirectional": True}, {"bidirectional": False}),
    ("LSTM", {}, {"bias": False}),
    *[(kind, {}, {"hidden_size": 4, **weights(gates, 3, 4)}) for kind, gates in GATES.items()],
    *[(kind, {}, {"input_size": 2, **weights(gates, 2, 5)}) for kind, gates in GATES.items()],
]


@pytest.mark.parametrize("run_before", [False, True])
@pytest.mark.parametrize(
    ("kind", "options", "change"), CHANGES, ids=[f"{kind}-{next(iter(change))}" for kind, _, change in CHANGES]
)
def test_options_that_are_changed_afterwards_count_as_in_torch_nn(
    kind: str, options: dict[str, object], change: dict[str, object], run_before: bool
) -> None:
    x, found = torch.linspace(-1, 1, 42).reshape(7, 2, 3), []
    for module in (unroll, nn):
        torch.manual_seed(0)
        layer = getattr(module, kind)(3, 5, **options)
        if run_before:
            layer(x)
        for name, value in change.items():
            setattr(layer, name, value)
        y, state = layer(x[..., : layer.input_size])
        found.append((y, *parts(state)))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def test_a_forward_that_is_a_copy_of_torch_nns_finds_its_helpers() -> None:
    def forward(self, input, hx):  # type: ignore[no-untyped-def]
        hx = self.permute_hidden(hx, torch.tensor([1, 0]))
        self.check_forward_args(input, hx, None)
        assert self.get_expected_cell_size(input, None) == (1, 2, 5)
        y, *state = torch.lstm(input, hx, self._flat_weights, True, 1, 0.0, False, False, False)
        return y, self.permute_hidden(tuple(state), torch.tensor([1, 0]))

    x, h, found = torch.randn(7, 2, 3), torch.randn(1, 2, 5), []
    for base in (unroll.LSTM, nn.LSTM):
        torch.manual_seed(0)
        y, state = type("Copied", (base,), {"forward": forward})(3, 5)(x, (h, h))
        found.append((y, *state))
    assert_same(*found)


def test_a_state_that_is_no_tensor_is_named() -> None:
    for layer in both(unroll.GRU, nn.GRU):
        with pytest.raises(AttributeError) as caught:
            layer(torch.zeros(7, 2, 3, dtype=torch.float64), torch.zeros(1, 2, 5).double().numpy())
        if isinstance(layer, unroll.GRU):
            assert str(caught.value) == "GRU: first state 'h' must be a tensor, got ndarray"


def test_autocast_of_the_cpu_leaves_meta_tensors_alone() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = unroll.LSTM(3, 5, device="meta")(torch.zeros(7, 2, 3, device="meta"))
    assert (y.shape, y.dtype) == ((7, 2, 5), torch.float32)


def test_options_that_ask_for_weights_that_are_not_there_are_an_error() -> None:
    layer = unroll.GRU(3, 5)
    layer.num_layers = 2
    with pytest.raises(RuntimeError, match="GRU: its options ask for 'weight_ih_l1', which it does not have"):
        layer(torch.zeros(7, 2, 3))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_a_state_beside_an_input_of_its_dtype_to_torch(dtype: torch.dtype) -> None:
    found = []
    for module in (unroll, nn):
        torch.manual_seed(0)
        layer, x, h = module.LSTM(3, 5), torch.randn(7, 2, 3).to(dtype), torch.randn(1, 2, 5)
        with torch.autocast("cpu", dtype):
            y, state = layer(x, (h, h))
        found.append((y, *state))
    assert [part.dtype for part in found[0]] == [part.dtype for part in found[1]]
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.02)

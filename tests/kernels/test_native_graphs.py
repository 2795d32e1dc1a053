"""The native scan under autograd, torch.compile, torch.export and opcheck."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import unroll
from contract import suite
from unroll import cells
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import choose, scan
from unroll.errors import EngineError
from unroll.kernels import NativeKernel, ScanRequest
from unroll.kernels.native_layer import Scan
from unroll.kernels.native_plan import NOISE, PARAMETERS, cell_of, plan, recipe, sizes
from unroll.kernels.ops import Mode, arguments, saved_bytes

pytestmark = pytest.mark.usefixtures("native")

CELLS: dict[str, Cell] = {
    "rnn": RNNCell(2, 3),
    "lstm": LSTMCell(2, 3),
    "lstm-options": LSTMCell(2, 3, proj_size=2, peephole=True, layer_norm=True, cell_clip=0.5, zoneout_c=0.3),
    "gru": GRUCell(2, 3),
    "gru-before": GRUCell(2, 3, reset_after=False),
}
CASE = suite.Case(4, 3, ragged=True, reset=True)


def flat(task: suite.Problem):
    """A problem as a function of its differentiable tensors alone, for gradcheck."""
    names = list(task.params)

    def run(x, *rest):
        state = task.cell.State(*rest[: len(task.first)])
        params = dict(zip(names, rest[len(task.first) :], strict=True))
        options = {"lengths": task.lengths, "reset": task.reset, "noise": task.noise}
        out = scan(task.cell, params, x, state, engine="native", **options)
        return (out.output, *out.state)

    leaves = [suite.leaf(value, torch.float64) for value in (task.x, *task.first, *task.params.values())]
    return run, tuple(leaves)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_native_gradients_are_those_of_finite_differences(cell):
    run, leaves = flat(suite.problem(cell, CASE, noisy=True))
    assert gradcheck(run, leaves, fast_mode=True)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_native_second_gradients_are_those_of_finite_differences(cell):
    run, leaves = flat(suite.problem(cell, dataclasses.replace(CASE, steps=3, batch=2)))
    assert gradgradcheck(run, leaves, fast_mode=True)


def test_native_goes_backward_twice_over_a_retained_graph():
    layer, x = unroll.LSTM(3, 5, engine="native"), torch.randn(7, 2, 3, requires_grad=True)
    loss = layer(x)[0].square().sum()
    first = torch.autograd.grad(loss, [x, *layer.parameters()], retain_graph=True)
    second = torch.autograd.grad(loss, [x, *layer.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_native_notices_a_parameter_that_changed_before_backward():
    layer = unroll.LSTM(3, 5, engine="native")
    loss = layer(torch.randn(7, 2, 3))[0].sum()
    with torch.no_grad():
        layer.weight_hh_l0.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_native_gives_only_the_gradients_that_were_asked_for():
    layer, x = unroll.GRU(3, 5, engine="native"), torch.randn(4, 2, 3)
    full = torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))
    layer.weight_ih_l0.requires_grad_(False)
    layer.bias_hh_l0.requires_grad_(False)
    layer(x)[0].sum().backward()
    assert layer.weight_ih_l0.grad is None
    assert torch.equal(layer.weight_hh_l0.grad, full[1])
    assert torch.equal(layer.bias_ih_l0.grad, full[2])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_native_gradients_through_the_trace_and_with_tied_tensors(cell):
    task = suite.problem(cell, CASE)
    outcomes = []
    for engine in ("native", "reference"):
        leaves = {name: suite.leaf(value, torch.float64) for name, value in task.params.items()}
        shared = suite.leaf(task.first[0], torch.float64)
        sizes = cell.state_sizes()
        state = cell.State(
            *(shared[:, :size] if size <= shared.shape[1] else shared.repeat(1, 2)[:, :size] for size in sizes.values())
        )
        out = scan(cell, leaves, task.x, state, lengths=task.lengths, reset=task.reset, trace=True, engine=engine)
        loss = sum(value.square().sum() for value in out.trace.values()) + out.output.sum()
        outcomes.append(torch.autograd.grad(loss, [shared, *leaves.values()], allow_unused=True))
    for got, expected in zip(*outcomes, strict=True):
        suite.assert_close(got, expected, 1e-12, "gradient through the trace")


def test_native_second_gradient_counts_a_tensor_given_twice_once():
    x = torch.randn(3, 2, 4, dtype=torch.float64)
    outcomes = []
    for engine in ("native", "reference"):
        torch.manual_seed(0)
        tied = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
        cell = RNNCell(4, 4, bias=False)
        y = scan(cell, {"weight_ih": tied, "weight_hh": tied}, x, engine=engine).output
        (first,) = torch.autograd.grad(y.sum(), [tied], create_graph=True)
        outcomes.append((first.detach(), *torch.autograd.grad(first.square().sum(), [tied])))
    for got, expected in zip(*outcomes, strict=True):
        suite.assert_close(got, expected, 1e-12, "tied")


def test_native_compiles_without_graph_breaks_to_the_same_bits():
    torch._dynamo.reset()
    layer = unroll.LSTM(3, 5, engine="native")
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for steps in (5, 9):
        x = torch.randn(steps, 2, 3, requires_grad=True)
        outcomes = []
        for run in (compiled, layer):
            y = run(x)[0]
            outcomes.append((y, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])))
        for got, expected in zip(*outcomes, strict=True):
            assert torch.equal(got, expected)


@pytest.mark.slow
def test_native_compiles_with_inductor():
    torch._dynamo.reset()
    layer = unroll.LSTM(3, 5, engine="native")
    compiled = torch.compile(layer, fullgraph=True)
    x = torch.randn(6, 2, 3, requires_grad=True)
    got, expected = compiled(x)[0], layer(x)[0]
    assert torch.equal(got, expected)
    for a, b in zip(torch.autograd.grad(got.sum(), [x]), torch.autograd.grad(expected.sum(), [x]), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("lengths", [False, True])
def test_native_exports_with_a_dynamic_time_axis(lengths):
    layer = unroll.GRU(3, 5, engine="native")
    kwargs = {"lengths": torch.tensor([4, 7])} if lengths else {}
    shapes = {"input": {0: torch.export.Dim("T", max=1000)}, **({"lengths": None} if lengths else {})}
    program = torch.export.export(layer, (torch.randn(7, 2, 3),), kwargs, dynamic_shapes=shapes)
    assert any(node.target is torch.ops.unroll.scan.default for node in program.graph.nodes)
    for steps in (7, 30):
        x = torch.randn(steps, 2, 3)
        assert torch.equal(program.module()(x, **kwargs)[0], layer(x, **kwargs)[0])


def ordered(params):
    return tuple(params.get(name) for name in PARAMETERS)


def operands(cell: Cell, *, trace: bool, save: bool, grad: bool):
    task = suite.problem(cell, CASE, noisy=True)
    state = [suite.leaf(part, torch.float32).requires_grad_(grad) for part in task.first]
    params = {name: suite.leaf(value, torch.float32).requires_grad_(grad) for name, value in task.params.items()}
    noise = [task.noise[name].float() if name in task.noise else None for name in NOISE]
    x = suite.leaf(task.x, torch.float32).requires_grad_(grad)
    h0, c0 = (*state, None)[:2]
    given = Scan(x, task.lengths, task.reset, True, h0, c0, *noise, ordered(params))
    mode = Mode(recipe(cell, "dropout" in task.noise), trace, 0)
    return (*arguments(given, mode), save), given, mode


@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_native_operator_passes_opcheck(cell, trace):
    given, _, _ = operands(cell, trace=trace, save=False, grad=False)
    torch.library.opcheck(torch.ops.unroll.scan.default, given)
    given, _, _ = operands(cell, trace=trace, save=True, grad=True)
    # What is kept for backward has gaps with no meaning, and would not compare equal between two runs; that a compiled
    # training step gives the same bits is tested above.
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.unroll.scan.default, given, test_utils=tests)


def test_native_backward_operator_passes_opcheck():
    given, inputs, mode = operands(CELLS["lstm"], trace=False, save=True, grad=False)
    y, h_n, c_n, _, _, saved = torch.ops.unroll.scan(*given)
    wanted = [value is not None for value in (inputs.x, inputs.h0, inputs.c0, *inputs.params)]
    grads = [torch.randn_like(value) for value in (y, h_n, c_n)]
    call = (*arguments(inputs, mode), y, saved, *grads, wanted)
    # No autograd of its own: second derivatives go through the reference.
    tests = ("test_schema", "test_faketensor")
    torch.library.opcheck(torch.ops.unroll.scan_backward.default, call, test_utils=tests)


@pytest.mark.parametrize("cell", suite.CELLS, ids=str)
def test_operator_keeps_at_least_what_the_extension_asks_for(native, cell):
    for steps, batch in [(0, 3), (1, 1), (1, 33), (33, 1), (7, 5), (64, 64), (1000, 2)]:
        task = suite.problem(cell, suite.Case(0, 1), noisy=True)
        how = recipe(cell, "dropout" in task.noise)
        params = tuple(None if value is None else value.float() for value in ordered(task.params))
        given = Scan(torch.empty(steps, batch, 3), None, None, False, *[None] * 5, params)
        mode = Mode(how, False, 0)
        made = plan(how, torch.float32, *sizes(how, params))
        for valid in {0, steps * batch // 2, steps * batch}:
            assert made.saved_bytes(steps, batch, valid, 0) <= saved_bytes(given, mode)


@pytest.mark.parametrize("cell", suite.CELLS, ids=str)
def test_a_recipe_gives_its_cell_back(native, cell):
    # Rates of dropout are no part of a recipe.
    rates = {"recurrent_dropout": 0.0, "dropout_per_step": False}
    bare = dataclasses.replace(cell, **{name: value for name, value in rates.items() if hasattr(cell, name)})
    params = {name: torch.empty(spec.shape) for name, spec in bare.parameters().items()}
    assert cell_of(recipe(bare, False), ordered(params)) == bare


def request(x: torch.Tensor, cell: Cell | None = None, **changes):
    cell = cell or LSTMCell(3, 5)
    params = {name: torch.zeros(spec.shape, dtype=x.dtype, device=x.device) for name, spec in cell.parameters().items()}
    state = cell.zeros(x.shape[1], device=x.device, dtype=x.dtype)
    found = ScanRequest(cell, params, state, False, {}, x, None, None, False, 0)
    return found._replace(**changes)


@dataclasses.dataclass(frozen=True)
class OwnCell(RNNCell):
    """A user's cell."""


def test_native_says_why_it_refuses():
    known = ", ".join(kind.__name__ for kind in cells.CELLS.values())
    reasons = {
        "it runs on the CPU, and x is on meta": request(torch.zeros(2, 1, 3, device="meta")),
        "it takes float32, float64, bfloat16, and x is torch.float16": request(torch.zeros(2, 1, 3).half()),
        f"it has {known}, and not OwnCell": request(torch.zeros(2, 1, 3), OwnCell(3, 5)),
        "it has no gradient for the random factors": request(
            torch.zeros(2, 1, 3), noise={"dropout": torch.ones(1, 1, 5, requires_grad=True)}
        ),
    }
    for reason, job in reasons.items():
        assert NativeKernel().refuse(job) == reason
        with pytest.raises(EngineError, match="engine 'native' cannot do this"):
            choose(job, "native")


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_native_refuses_transforms_and_forward_derivatives():
    layer, x = unroll.RNN(3, 5), torch.randn(2, 1, 3)
    params = {name: value.detach() for name, value in layer.named_parameters()}

    def loss(params):
        return torch.func.functional_call(layer, params, (x,))[0].sum()

    found = torch.func.grad(loss)(params)
    expected = torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))
    for got, value in zip(found.values(), expected, strict=True):
        suite.assert_close(got, value, 1e-6, "torch.func.grad")
    tangent = torch.ones_like(x)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        assert "forward-mode" in NativeKernel().refuse(request(dual))


def test_native_is_first_in_the_table():
    kernel, refused = choose(request(torch.zeros(2, 1, 3)))
    assert kernel.name == "native"
    assert refused == {}

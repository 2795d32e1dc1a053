"""The binding: wrong arguments are Python exceptions, whatever they are."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("native")

T, B, I, H = 3, 2, 4, 5  # noqa: E741 - the legend of shapes
ERRORS = (TypeError, ValueError, RuntimeError, OverflowError)
FORWARD = (
    "x lengths reset reverse h0 c0 dropout zoneout_h zoneout_c weights y h_n c_n gates c saved".split()  # noqa: SIM905
)
BACKWARD = (
    "x lengths reset reverse h0 c0 dropout zoneout_h zoneout_c packed params y saved dy dh_n dc_n dx dh0 dc0 gradients".split()  # noqa: SIM905, E501
)


def weights():
    shapes = ((4 * H, I), (4 * H, H), (4 * H,), (4 * H,))
    return (*(torch.randn(shape) for shape in shapes), *(None,) * 6)


def good_forward(saved=None):
    found = {
        "x": torch.randn(T, B, I),
        "lengths": torch.tensor([3, 1]),
        "reset": torch.zeros(T, B, dtype=torch.bool),
        "reverse": False,
        "h0": torch.zeros(B, H),
        "c0": torch.zeros(B, H),
        "weights": weights(),
        "y": torch.empty(T, B, H),
        "h_n": torch.empty(B, H),
        "c_n": torch.empty(B, H),
        "gates": torch.empty(T, B, 4, H),
        "c": torch.empty(T, B, H),
        "saved": saved,
    }
    return {name: found.get(name) for name in FORWARD}


def good_backward(plan):
    first = good_forward(True)
    packed = plan.pack(first["weights"], True, 1)
    (saved,) = plan.forward((tuple({**first, "weights": packed}.values()),), 0, 1)
    found = {
        **first,
        "packed": packed,
        "params": first["weights"],
        "saved": saved,
        "dy": torch.ones(T, B, H),
        "dh_n": torch.ones(B, H),
        "dc_n": torch.ones(B, H),
        "dx": torch.empty(T, B, I),
        "dh0": torch.empty(B, H),
        "dc0": torch.empty(B, H),
        "gradients": tuple(None if value is None else torch.empty_like(value) for value in first["weights"]),
    }
    return {name: found[name] for name in BACKWARD}


@pytest.fixture
def plan(native):
    return native.Plan("lstm", "float32", I, H)


def test_good_arguments_are_taken(plan):
    plan.forward((tuple(good_forward().values()),), 0, 1)
    plan.backward((tuple(good_backward(plan).values()),), 0, 1)


WRONG = {
    "x": [
        (torch.randn(T, B, I + 1), r"x must have shape \(any, any, 4\), got \(3, 2, 5\)"),
        (torch.randn(T, B), "x must have shape"),
        (torch.randn(T, B, I, dtype=torch.float64), "x must be float32, got float64"),
        (torch.randn(T, B, I, dtype=torch.float16), "x must be float32, got another dtype"),
        (torch.randn(T, I, B).transpose(1, 2), "contiguous along its last axis"),
        (torch.randn(T, B, I, device="meta"), "must be on the CPU|without memory"),
        (torch.randn(T, B, I).to_sparse(), "without memory that can be read"),
        (None, "must be a torch tensor or a numpy array, got NoneType"),
        ("text", "must be a torch tensor or a numpy array, got str"),
        (b"bytes", "x must have shape"),
        (np.zeros((T, B, I), np.complex64), "x must be float32, got another dtype"),
        (np.zeros((T, B, I), ">f4"), "x must be float32, got another dtype"),
        (np.zeros((1, 1, 1, 1, 1), np.float32), "5 axes"),
    ],
    "lengths": [
        (torch.tensor([3, 4]), r"lengths must lie in \[0, T\] = \[0, 3\], got 4"),
        (torch.tensor([-1, 3]), "got -1"),
        (torch.tensor([2**62, 3]), "lengths must lie"),
        (torch.tensor([3]), r"lengths must have shape \(2,\), got \(1,\)"),
        (torch.tensor([3, 3], dtype=torch.int32), "lengths must be int64"),
        (torch.tensor([3, 0, 3, 0])[::2], "lengths must be contiguous"),
    ],
    "reset": [
        (torch.zeros(B, T, dtype=torch.bool), "reset must have shape"),
        (torch.zeros(T, B, dtype=torch.uint8), "reset must be bool"),
    ],
    "reverse": [(1, "reverse must be a bool"), (None, "reverse must be a bool")],
    "h0": [(torch.zeros(B, H + 1), "h0 must have shape"), (torch.zeros(H, B).t(), "h0 must be contiguous")],
    "c0": [(torch.zeros(B), "c0 must have shape")],
    "dropout": [(torch.ones(1, B, H), "this plan has no dropout")],
    "zoneout_h": [(torch.ones(T, B, H), "this plan has no zoneout_h")],
    "weights": [
        ((), "expected a tuple of 10 items"),
        ([1], "expected a tuple of 10 items|incompatible"),
        ((None,) * 10, "weight_ih must be a torch tensor"),
        ((*weights()[:3], None, *weights()[4:]), "bias_ih and bias_hh must both be given"),
        ((*weights()[:4], torch.zeros(2, H), *weights()[5:]), "takes no weight_hr"),
    ],
    "y": [
        (torch.empty(T, B, H + 1), "y must have shape"),
        (torch.empty(1, B, H).expand(T, B, H), "y overlaps itself"),
        (torch.empty(T * B * H)[: T * H].view(T, 1, H).expand(T, B, H), "y overlaps itself"),
    ],
    "gates": [(torch.empty(T, B, 3, H), "gates must have shape")],
    "saved": [
        (torch.empty(8, dtype=torch.uint8), "saved must have at least"),
        (torch.empty(1 << 20, dtype=torch.uint8)[1:], "saved must be aligned to 64 bytes"),
        (torch.empty(1 << 18), "saved must be uint8"),
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "text"), [(name, value, text) for name, cases in WRONG.items() for value, text in cases]
)
def test_each_wrong_argument_is_named(plan, name, value, text):
    call = good_forward()
    call[name] = value
    with pytest.raises(ERRORS, match=text):
        plan.forward((tuple(call.values()),), 0, 1)


def test_memory_that_is_shared_is_refused(plan):
    call = good_forward()
    pairs = [("c", call["y"]), ("h_n", call["h0"]), ("c_n", call["h_n"])]
    for name, value in pairs:
        with pytest.raises(ERRORS, match="shares memory with"):
            plan.forward((tuple({**call, name: value}.values()),), 0, 1)
    # Two halves of one output lie between each other and share nothing.
    wide = torch.empty(T, B, 2 * H)
    scans = [tuple({**good_forward(), "y": half}.values()) for half in (wide[..., :H], wide[..., H:])]
    plan.forward(tuple(scans), 0, 1)
    overlapping = [tuple({**good_forward(), "y": half}.values()) for half in (wide[..., :H], wide[..., 1 : H + 1])]
    with pytest.raises(ValueError, match="y shares memory with y"):
        plan.forward(tuple(overlapping), 0, 1)


def test_what_was_saved_fits_one_backward_pass_only(native, plan):
    call = good_backward(plan)
    plan.backward((tuple(call.values()),), 0, 1)
    assert call["saved"].consumed
    with pytest.raises(ValueError, match="used by an earlier backward pass"):
        plan.backward((tuple(call.values()),), 0, 1)
    other = {**good_backward(plan), "lengths": torch.tensor([2, 1])}
    with pytest.raises(ValueError, match="comes from another forward pass"):
        plan.backward((tuple(other.values()),), 0, 1)
    with pytest.raises(ValueError, match="comes from another forward pass"):
        plan.backward((tuple(good_backward(plan).values()),), 2, 1)


def test_memory_that_no_forward_pass_filled_is_refused(plan):
    call = good_backward(plan)
    nbytes = plan.saved_bytes(T, B, 4, 0)
    # torch aligns what it allocates to 64 bytes.
    for filled in (torch.zeros(nbytes, dtype=torch.uint8), torch.randint(256, (nbytes,), dtype=torch.uint8)):
        with pytest.raises(RuntimeError, match="does not come from a forward pass over as many rows and steps"):
            plan.backward((tuple({**call, "saved": filled}.values()),), 0, 1)
    kept = torch.empty(nbytes, dtype=torch.uint8)
    forward = {**good_forward(kept), "weights": call["packed"]}
    plan.forward((tuple(forward.values()),), 0, 2)
    more = {**call, "saved": kept, "lengths": torch.tensor([1, 1])}
    with pytest.raises(RuntimeError, match="does not come from a forward pass over as many rows and steps"):
        plan.backward((tuple(more.values()),), 0, 1)
    plan.backward((tuple({**call, "saved": kept, "y": forward["y"]}.values()),), 0, 1)


def test_packed_weights_fit_their_plan_only(native, plan):
    packed = native.Plan("lstm", "float32", I, H + 1).pack(
        tuple(
            None if v is None else torch.zeros([H + 1 if n == H else 4 * H + 4 if n == 4 * H else n for n in v.shape])
            for v in weights()
        ),
        False,
        1,
    )
    with pytest.raises(RuntimeError, match="forward: "):
        plan.forward((tuple({**good_forward(), "weights": packed}.values()),), 0, 1)
    call = good_backward(plan)
    call["packed"] = plan.pack(call["params"], False, 1)
    with pytest.raises(RuntimeError, match="backward: "):
        plan.backward((tuple(call.values()),), 0, 1)


def test_plans_that_make_no_sense_are_errors(native):
    for arguments in [
        ("lstn", "float32", 3, 5),
        ("lstm", "float16", 3, 5),
        ("lstm", "float32", 0, 5),
        ("lstm", "float32", 3, -5),
        ("lstm", "float32", 3, 2**40),
        ("lstm", "float32", 3, 5, 5),
        ("gru", "float32", 3, 5, 2),
        ("gru", "float32", 3, 5, 0, native.PEEPHOLE),
        ("lstm", "float32", 3, 5, 2, native.ZONEOUT_H),
        ("rnn_tanh", "float32", 3, 5, 0, native.COUPLED),
        ("lstm", "float32", 3, 5, 0, 1 << 31),
        ("lstm", "float32", 3, 5, 0, -1),
        ("lstm", "float32", 3, 5, 0, native.CELL_CLIP, -1.0),
    ]:
        with pytest.raises(ERRORS):
            native.Plan(*arguments)


def test_thread_counts_and_instruction_sets_are_checked(native, plan):
    for threads in (0, -1, 5000):
        with pytest.raises(ValueError, match=r"threads must lie in \[1, 4096\]"):
            plan.forward((tuple(good_forward().values()),), 0, threads)
    with pytest.raises(ValueError, match="this machine has"):
        native.set_level("mmx")
    with pytest.raises(ValueError, match="seconds"):
        native.fma_peak(plan, 1, float("nan"))


def test_no_rows_take_no_time_however_many_steps(native, plan):
    steps = 2**40
    call = {
        **good_forward(),
        "x": torch.empty(1, 0, I).expand(steps, 0, I),
        "lengths": None,
        "reset": None,
        "h0": torch.zeros(0, H),
        "c0": torch.zeros(0, H),
        "y": torch.empty(1, 0, H).expand(steps, 0, H),
        "h_n": torch.zeros(0, H),
        "c_n": torch.zeros(0, H),
        "gates": None,
        "c": None,
    }
    plan.forward((tuple(call.values()),), 0, 1)


shapes = st.lists(st.integers(0, 6), max_size=4).map(tuple)
torch_dtypes = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
numpy_dtypes = st.sampled_from(["f4", "f8", "i8", "?", "u1", "c8", ">f4", "f2"])
tensors = st.builds(lambda shape, dtype: torch.zeros(shape, dtype=dtype), shapes, torch_dtypes)
arrays = st.builds(lambda shape, dtype: np.zeros(shape, dtype), shapes, numpy_dtypes)
views = st.builds(
    lambda shape, step: torch.zeros((*shape, 2 * step))[..., ::step],
    st.lists(st.integers(0, 5), max_size=3),
    st.integers(1, 3),
)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=9),
    st.just(()),
)
anything = st.one_of(tensors, arrays, views, odd)
lengths = st.lists(st.integers(-5, 9), min_size=B, max_size=B).map(torch.tensor)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(FORWARD), st.one_of(anything, lengths), max_size=4),
    st.integers(-2, 4),
    st.integers(-2, 3),
)
def test_forward_never_ends_the_process(plan, changes, recompute, threads):
    call = {**good_forward(), **changes}
    try:
        plan.forward((tuple(call.values()),), recompute, threads)
    except ERRORS:
        return
    assert torch.isfinite(call["y"]).all() or "x" in changes or "weights" in changes or "y" in changes


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(BACKWARD), st.one_of(anything, lengths), max_size=4),
    st.integers(-2, 4),
    st.integers(-2, 3),
)
def test_backward_never_ends_the_process(plan, changes, recompute, threads):
    call = {**good_backward(plan), **changes}
    try:
        plan.backward((tuple(call.values()),), recompute, threads)
    except ERRORS:
        return


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything, anything, anything)
def test_the_stepper_never_ends_the_process(native, plan, a, b, c):
    stepper = native.Stepper(plan, weights(), B)
    for call in (
        lambda: stepper.step(a, b),
        lambda: stepper.set_state(a, b),
        lambda: stepper.get_state(b, c),
        lambda: stepper.reset(a),
    ):
        try:
            call()
        except ERRORS:
            continue


def test_arguments_are_not_kept_alive(plan):
    call = good_forward()
    before = [sys.getrefcount(value) for value in call.values() if isinstance(value, torch.Tensor)]
    for _ in range(10):
        plan.forward((tuple(call.values()),), 0, 1)
    after = [sys.getrefcount(value) for value in call.values() if isinstance(value, torch.Tensor)]
    assert before == after

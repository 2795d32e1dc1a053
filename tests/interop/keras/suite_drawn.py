"""Layers of drawn configurations against Keras's own: what a table of options one at a time does not reach."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import torch

import unroll.keras

DRAWS = 60
MERGES = ("concat", "sum", "mul", "ave", None)
ACTIVATIONS = ("tanh", "relu", "sigmoid", "softsign", "hard_sigmoid", None)
TOLERANCES = {None: 3e-5, "float64": 3e-6, "mixed_float16": 0.03}


@dataclass
class Case:
    """A configuration: the layer, what stands around it, and how it is called."""

    kind: str
    units: int
    shape: tuple[int, int, int]
    around: str = ""
    merge: str | None = "concat"
    mask: str = ""
    mask_dtype: str = "bool"
    stated: bool = False
    training: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def drawn(seed: int) -> Case:
    draw = random.Random(seed)

    def sometimes(share: float, *values: Any) -> Any:
        return draw.choice(values) if draw.random() < share else None

    kind, around = draw.choice(["SimpleRNN", "LSTM", "GRU"]), draw.choice(["", "", "both", "both", "cells", "times"])
    case = Case(kind, draw.choice([1, 3, 8]), (draw.choice([1, 3]), draw.choice([1, 4, 9]), draw.choice([1, 2, 5])))
    case.around, case.merge = around, draw.choice(MERGES)
    case.mask = sometimes(0.7, "full", "right", "left", "gaps", "none") or ""
    case.mask_dtype, case.training = draw.choice(["bool", "int32", "float32"]), draw.random() < 0.6
    options = case.options
    for name in ("use_bias", "unit_forget_bias") if kind == "LSTM" else ("use_bias",):
        if sometimes(0.25, True):
            options[name] = False
    for name in ("go_backwards", "stateful", "return_sequences", "return_state", "zero_output_for_mask", "unroll"):
        if sometimes(0.2 if name == "unroll" else 0.4, True):
            options[name] = True
    for name in ("dropout", "recurrent_dropout"):
        if rate := sometimes(0.35, 0.3, 0.6, 1.0 if name == "recurrent_dropout" else 0.5):
            options[name] = rate
    if draw.random() < 0.35:
        options["activation"] = draw.choice(ACTIVATIONS)
    if kind != "SimpleRNN":
        options["implementation"] = draw.choice([1, 2])
        if draw.random() < 0.35:
            options["recurrent_activation"] = draw.choice(ACTIVATIONS[:5])
    if kind == "GRU":
        options["reset_after"] = draw.random() < 0.5
    for name, value in (("kernel_regularizer", "l2"), ("activity_regularizer", "l1"), ("dtype", "float64")):
        if sometimes(0.2, True):
            options[name] = value
    options.setdefault("dtype", sometimes(0.1, "mixed_float16"))
    # What Keras itself cannot do: masks turned round in an unrolled loop, a wrapped layer that already goes backwards
    # or that carries its state and gives it, several outputs of each step, a mask of dropout for each gate of x alone.
    if around == "both" or (options.get("unroll") and case.mask):
        options.pop("go_backwards", None)
    if around == "both":
        options.pop("unroll" if case.mask else "", None)
        options.pop("return_state" if options.get("stateful") else "", None)
    if around == "times":
        options.pop("return_state", None)
        options.pop("stateful", None)
        case.mask = ""
    if around != "cells" and options.get("implementation") == 1 and "recurrent_dropout" not in options:
        options.pop("dropout", None)
    case.stated = draw.random() < 0.3 and around in ("", "both")
    return case


def made(case: Case, home: Any) -> Any:
    options = dict(case.options)
    if case.around == "cells":
        own = ("go_backwards", "stateful", "return_sequences", "return_state", "zero_output_for_mask", "unroll")
        outer = {name: options.pop(name) for name in (*own, "activity_regularizer") if name in options}
        cells = [getattr(keras.layers, f"{case.kind}Cell")(case.units, seed=3, **options)]
        cells += [keras.layers.GRUCell(3, seed=4, dtype=options["dtype"])]
        return home.RNN(keras.layers.StackedRNNCells(cells), dtype=options["dtype"], **outer)
    layer = getattr(home, case.kind)(case.units, seed=3, **options)
    if case.around == "both":
        return keras.layers.Bidirectional(layer, merge_mode=case.merge, dtype=options["dtype"])
    return keras.layers.TimeDistributed(layer, dtype=options["dtype"]) if case.around == "times" else layer


def mask_of(case: Case, rng: np.random.Generator) -> np.ndarray:
    rows, steps, _ = case.shape
    ends = rng.integers(0, steps + 1, rows)[:, None]
    place = np.arange(steps)
    shapes = {"right": place < ends, "left": place >= ends, "gaps": rng.random((rows, steps)) < 0.5}
    shapes |= {"full": np.ones((rows, steps), bool), "none": np.zeros((rows, steps), bool)}
    return shapes[case.mask].astype(case.mask_dtype)


def results(case: Case, home: Any) -> list[np.ndarray]:
    """Outputs, states, losses and gradients of two calls."""
    rng = np.random.default_rng(1)
    # Keras forgets the seed of a simple layer that is wrapped.
    keras.utils.set_random_seed(7)
    layer = made(case, home)
    rows, steps, features = case.shape
    shape = (rows, 2, steps, features) if case.around == "times" else case.shape
    layer.build(shape)
    weights = [value for value in layer.weights if "seed" not in value.path and "rnn_state" not in value.path]
    for value in weights:
        value.assign(0.4 * rng.standard_normal(value.shape))
    dtype = torch.float64 if case.options["dtype"] == "float64" else torch.float32
    call: dict[str, Any] = {"training": case.training}
    if case.mask:
        call["mask"] = torch.tensor(mask_of(case, rng))
    states = []
    if case.stated:
        count = (2 if case.kind == "LSTM" else 1) * (2 if case.around == "both" else 1)
        first = [torch.tensor(rng.standard_normal((rows, case.units)), dtype=dtype) for _ in range(count)]
        states = call["initial_state"] = [state.requires_grad_() for state in first]
    found = []
    for _ in range(2):
        x = torch.tensor(rng.standard_normal(shape), dtype=dtype, requires_grad=True)
        given = keras.tree.flatten(layer(x, **call))
        assert len({value.dtype for value in given}) == 1
        scales = [torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape) for value in given]
        loss = sum((value.double() * scale).sum() for value, scale in zip(given, scales, strict=True))
        loss = loss + sum(one.double() for one in layer.losses)
        found += [*given, *layer.losses]
        if not case.options.get("stateful"):
            # With its state carried Keras's own layer writes over what backward needs.
            sources = [x, *states, *(value.value for value in layer.trainable_weights)]
            found += torch.autograd.grad(loss, sources, materialize_grads=True)
    return [value.detach().double().numpy() for value in found]


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_drawn_layer_is_kerass_own(seed: int) -> None:
    case = drawn(seed)
    ours, theirs = results(case, unroll.keras), results(case, keras.layers)
    assert len(ours) == len(theirs)
    tolerance = TOLERANCES[case.options["dtype"]]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            one, other, atol=tolerance * max(1.0, np.abs(other).max()), rtol=0, err_msg=str(case)
        )


def test_the_draws_reach_what_they_are_for() -> None:
    cases = [drawn(seed) for seed in range(DRAWS)]
    both = [case for case in cases if case.around == "both"]
    assert {case.merge for case in both} == set(MERGES)
    assert any(case.mask == "gaps" and case.options.get("stateful") for case in both)
    assert any(case.mask == "gaps" and case.options.get("return_state") for case in both)
    assert any(case.mask == "gaps" and case.options.get("go_backwards") for case in cases)
    for name in ("dropout", "recurrent_dropout", "unroll", "stateful", "zero_output_for_mask", "kernel_regularizer"):
        assert sum(bool(case.options.get(name)) for case in cases) > 4

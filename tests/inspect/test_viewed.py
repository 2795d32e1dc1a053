"""What a page is filled with: measures for each step, flags on other texts, decoders, and words in two languages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unroll
from unroll.errors import ConfigError
from unroll.inspect import gradient_times_input, gradient_times_input_by_step, held, trace, view_of
from unroll.inspect.diagnosis import diagnose
from unroll.inspect.health import LayerHealth


class Tags(nn.Module):
    """A choice of three at each step."""

    def __init__(self, *, batch_first: bool = False) -> None:
        super().__init__()
        self.layer = unroll.LSTM(3, 5, batch_first=batch_first, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)[0]
        return self.head(y if self.layer.batch_first else y.transpose(0, 1))


@pytest.mark.parametrize("batch_first", [False, True])
def test_saliency_by_step_is_the_product_of_input_and_autograd_at_each(batch_first: bool) -> None:
    torch.manual_seed(0)
    net = Tags(batch_first=batch_first)
    x = torch.randn(2, 7, 3) if batch_first else torch.randn(7, 2, 3)
    found = gradient_times_input_by_step(net, x, row=1)
    assert found.shape == (7, 7)
    for step in range(7):
        given = x.clone().requires_grad_()
        net(given)[1, step].log_softmax(0).max().backward()
        assert given.grad is not None
        product = (given.grad * x).sum(dim=2)
        np.testing.assert_allclose(found[step], product[1] if batch_first else product[:, 1], atol=1e-6)
    np.testing.assert_allclose(found[-1], gradient_times_input(net, x, row=1), atol=1e-7)


def test_saliency_by_step_wants_a_choice_at_each_step() -> None:
    class Last(Tags):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, -1]

    with pytest.raises(ConfigError, match=r"expected scores \(B, T, K\), some for each of 7 steps, got \(2, 3\)"):
        gradient_times_input_by_step(Last(), torch.randn(7, 2, 3))


class Example(NamedTuple):
    inputs: tuple[Tensor, ...]
    steps: tuple[str, ...]


WORDS = ("the", "film", "was", "good", "dull", "story", "not")


class Reader:
    """A predictor of texts of words. Its network's unit 0 is on behind a "not", up to the end of the text."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        layer = unroll.RNN(2, 3, batch_first=True)
        with torch.no_grad():
            layer.weight_ih_l0.copy_(torch.tensor([[12.0, 0], [0, 1], [0, -1]]))
            layer.weight_hh_l0.copy_(torch.diag(torch.tensor([6.0, 0.1, 0.1])))
            layer.bias_ih_l0.zero_()
            layer.bias_hh_l0.copy_(torch.tensor([-2.0, 0, 0]))
        vectors = torch.tensor([[float(word == "not"), len(word) / 10] for word in WORDS])
        self.network = nn.Sequential(nn.Embedding.from_pretrained(vectors), layer)

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        words = records[row].split()
        return Example((torch.tensor([[WORDS.index(word) for word in words]]),), tuple(words))

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        return self.network(*inputs)[0][:, -1]

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        return -answer.log_softmax(dim=-1).amax(dim=-1)


def test_flags_are_found_on_other_texts_where_the_shown_one_is_short() -> None:
    drawn = np.random.default_rng(0)
    texts = []
    for _ in range(160):
        text = list(drawn.choice(WORDS[:-1], 8))
        if drawn.random() < 0.5:
            text[drawn.integers(1, 6)] = "not"
        texts.append(" ".join(text))
    view = view_of(Reader(), "the film was not good", others=texts)
    assert view.searched == (80, 640, 640)
    flag = next(one for one in view.flags if one["property"] == "after a negation")
    assert (flag["unit"], flag["track"]) == (0, "layer 1, forward")
    # The unit is on from "not" itself on, the property one step later; but for that they are the same, and a new text
    # begins with both off.
    assert flag["recall"] == 1.0
    assert flag["precision"] == pytest.approx(0.78, abs=0.08)
    assert flag["f1"] > flag["shuffled"] + 0.2
    assert view_of(Reader(), "the film was not good").searched is None


def test_saliency_of_one_answer_is_a_row_and_that_of_a_given_score_its_own() -> None:
    view = view_of(Reader(), "the film was not good")
    assert {name: values.shape for name, values in view.saliency.items()} == dict.fromkeys(
        ("gradient x input", "integrated gradients", "occlusion"), (5,)
    )
    other = view_of(Reader(), "the film was not good", score=lambda answer: 3 * answer.log_softmax(-1).max())
    for name, values in view.saliency.items():
        np.testing.assert_allclose(other.saliency[name], 3 * values, rtol=1e-3, atol=1e-6)


class Writer(Reader):
    """A predictor whose network also has a decoder, of as many steps as it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.ModuleDict({"reader": self.network, "decoder": unroll.GRU(3, 3, batch_first=True)})  # type: ignore[assignment]

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        return self.network["decoder"](self.network["reader"](*inputs)[0].flip(1))[0]  # type: ignore[index]

    def own_steps(self, inputs: tuple[Any, ...]) -> dict[str, tuple[str, ...]]:
        return {"decoder": tuple(f"out {step}" for step in range(inputs[0].shape[1]))}


def test_a_decoder_keeps_its_own_steps_and_is_no_part_of_what_is_read() -> None:
    seen = trace(Writer(), "the film was")
    assert [track.labels for track in seen.tracks] == [("the", "film", "was"), ("out 0", "out 1", "out 2")]
    found = held(Writer(), "the film was")
    assert found is not None
    # What is held is asked of the reader, which has seen nothing of what comes later.
    assert (np.triu(found.sizes, 1) == 0).all()
    assert (np.diag(found.sizes) > 0).all()


def test_members_of_an_ensemble_are_layers_beside_each_other() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.members = nn.ModuleList(nn.ModuleDict({"layer": unroll.GRU(3, 4, num_layers=2)}) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([member["layer"](x.detach())[0] for member in self.members]).sum(0)  # type: ignore[index]

    seen = trace(Pair(), torch.randn(6, 1, 3))
    assert [(track.title, track.depth) for track in seen.tracks] == [
        ("member 1, layer 1, forward", 0),
        ("member 2, layer 1, forward", 0),
        ("member 1, layer 2, forward", 1),
        ("member 2, layer 2, forward", 1),
    ]
    torch.manual_seed(3)
    found = held(Pair(), torch.randn(6, 1, 3))
    assert found is not None, "an input that was cut off from autograd is followed all the same"
    assert (found.sizes[:, 0] > 0).all()


def layer(**changes: Any) -> LayerHealth:
    values: dict[str, Any] = {
        "module": "", "depth": 1, "direction": "backward", "cell": "LSTMCell(3, 4)", "gates": ("i", "f", "g", "o"),
        "steps": 40, "carries": False, "carrier": "c", "norms": 0.99 ** np.arange(40), "saturated": {"i": 0.1},
        "dead": 0.0, "drift": math.nan,
    }  # fmt: skip
    return LayerHealth(**{**values, **changes})


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("healthy", {}),
        ("vanishing", {"norms": 0.5 ** np.arange(40)}),
        ("vanishing", {"norms": 0.5 ** np.arange(40), "gates": ()}),
        ("exploding", {"norms": 1.5 ** np.arange(40)}),
        ("exploding", {"norms": 1.5 ** np.arange(40), "gates": (), "cell": "RNNCell(3, 4)"}),
        ("dead", {"dead": 0.5}),
        ("dead", {"dead": 0.5, "cell": "RNNCell(3, 4, nonlinearity='relu')"}),
        ("saturated", {"saturated": {"i": 0.95}}),
        ("saturated", {"saturated": {"h": 0.95}, "gates": ()}),
        ("drift", {"drift": 3.0}),
        ("cut", {"direction": "forward"}),
        ("burst", {}),
    ],
)
def test_findings_say_the_same_in_korean(kind: str, changes: dict[str, Any]) -> None:
    norms = [1.0] * 20 + [500.0] if kind == "burst" else []
    found = next(one for one in diagnose([layer(**changes)], norms=norms, chunked=kind == "cut") if one.kind == kind)

    def numbers(text: str) -> set[str]:
        return set(re.findall(r"\d+(?:\.\d+)?", text))

    def names(text: str) -> set[str]:
        return set(re.findall(r"--[a-z-]+|(?:training|model|unroll)\.[a-z_]+|layer_norm|cell_clip", text))

    english = {"what": found.what, "numbers": found.numbers, "try": found.advice}
    for name, text in found.to_json()["ko"].items():
        assert bool(text) == bool(english[name])
        assert not text or re.search("[가-힣]", text)
        assert numbers(text) == numbers(english[name]), (text, english[name])
        assert names(text) == names(english[name]), (text, english[name])

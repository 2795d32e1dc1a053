"""The cost of a large softmax against torch's cross-entropy of all logits, and its gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from unroll.models import softmax
from unroll.models.softmax import softmax_cost

N, F, V = 13, 5, 11


def given(requires_grad: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*s, dtype=torch.float64, generator=draw) for s in ((N, F), (V, F), (V,)))
    target = torch.randint(0, V, (N,), generator=draw)
    return (*(t.requires_grad_(requires_grad) for t in (x, weight, bias)), target)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("held", [1, 3 * V, 1 << 21])
def test_it_is_the_cross_entropy_and_has_its_gradients(
    smoothing: float, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one block, in blocks that do not divide the positions, and one position at a time."""
    monkeypatch.setattr(softmax, "_HELD", held)
    results = []
    for own in (True, False):
        x, weight, bias, target = given()
        if own:
            cost = softmax_cost(x, weight, bias, target, smoothing)
        else:
            logits = functional.linear(x, weight, bias)
            cost = functional.cross_entropy(logits, target, reduction="sum", label_smoothing=smoothing)
        (cost * 3).backward()
        results.append((cost.detach(), x.grad, weight.grad, bias.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_no_positions_cost_nothing() -> None:
    x, weight, bias, target = given()
    cost = softmax_cost(x[:0], weight, bias, target[:0])
    cost.backward()
    assert cost.item() == 0.0
    assert not weight.grad.any()


def test_parts_that_are_not_trained_get_no_gradient() -> None:
    x, weight, bias, target = given(requires_grad=False)
    assert not softmax_cost(x, weight, bias, target, 0.1).requires_grad
    x.requires_grad_(True)
    softmax_cost(x, weight, bias, target).backward()
    assert x.grad is not None
    assert weight.grad is None


def test_half_precision_goes_the_ordinary_way() -> None:
    x, weight, bias, target = (t.float() if t.is_floating_point() else t for t in given(requires_grad=False))
    exact = softmax_cost(x, weight, bias, target, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        rough = softmax_cost(x, weight, bias, target, 0.1)
    assert float(rough) == pytest.approx(float(exact), rel=0.02)

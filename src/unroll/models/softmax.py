"""The cost of a softmax over a large vocabulary, which is most of what a network that writes computes.

Shapes: N positions, F features, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

#: Logits that are held at once.
_HELD = 1 << 21


def softmax_cost(x_NF: Tensor, weight_VF: Tensor, bias_V: Tensor, target_N: Tensor, smoothing: float = 0.0) -> Tensor:
    """The sum over positions of the cross-entropy of softmax(W x + b), with smoothed labels.

    Each label counts 1 - smoothing, and every token smoothing / V (Szegedy et al. 2016, "Rethinking the Inception
    architecture for computer vision", section 7): the same as torch.nn.functional.cross_entropy of the logits. Those
    are made, used and forgotten a block of positions at a time, and their gradient is taken on the spot, so they cost
    neither memory nor a second pass.

    Args:
        x_NF: (N, F), real positions only.
        weight_VF: (V, F).
        bias_V: (V,).
        target_N: (N,) integers in [0, V).
        smoothing: share of every label that is spread over all tokens, 0 to 1.

    Returns:
        The sum, a scalar.
    """
    if torch._C._is_any_autocast_enabled() or torch.compiler.is_compiling():
        logits = functional.linear(x_NF, weight_VF, bias_V).float()
        return functional.cross_entropy(logits, target_N, reduction="sum", label_smoothing=smoothing)
    cost: Tensor = _SoftmaxCost.apply(x_NF, weight_VF, bias_V, target_N, smoothing)  # type: ignore[no-untyped-call]
    return cost


class _SoftmaxCost(torch.autograd.Function):
    """The cost, and its gradients taken in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, x_NF: Tensor, weight_VF: Tensor, bias_V: Tensor, target_N: Tensor, smoothing: float
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        grad_x, grad_weight, grad_bias = (torch.zeros_like(t) if wanted else None for t in (x_NF, weight_VF, bias_V))
        total = x_NF.new_zeros(())
        size = len(weight_VF)
        step = max(1, _HELD // size)
        for at in range(0, len(x_NF), step):
            x, target = x_NF[at : at + step], target_N[at : at + step].unsqueeze(1)
            logits = torch.addmm(bias_V, x, weight_VF.t())
            whole = logits.logsumexp(dim=1, keepdim=True)
            total += (whole - (1 - smoothing) * logits.gather(1, target)).sum()
            if smoothing:
                total -= smoothing * logits.mean(dim=1).sum()
            if grad_x is None or grad_weight is None or grad_bias is None:
                continue
            slope = logits.sub_(whole).exp_()
            if smoothing:
                slope.sub_(smoothing / size)
            slope.scatter_add_(1, target, slope.new_full(target.shape, smoothing - 1))
            torch.mm(slope, weight_VF, out=grad_x[at : at + step])
            grad_weight.addmm_(slope.t(), x)
            grad_bias += slope.sum(dim=0)
        if wanted:
            ctx.save_for_backward(grad_x, grad_weight, grad_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        grad_x, grad_weight, grad_bias = ctx.saved_tensors
        return grad_x * grad, grad_weight * grad, grad_bias * grad, None, None

"""How much each step of the input counts for the answer.

Shapes: T steps, I features of a step, B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.inspect.trace import Opened, Subject, nothing_ran, opened, own_scans
from unroll.inspect.watch import watch

#: From the answer of a network to one number.
Score = Callable[[Any], Tensor]
#: Points on the way from zero to the input, for integrated gradients.
POINTS = 64


def gradient_times_input(model: Subject, given: Any, *, score: Score | None = None, row: int = 0) -> np.ndarray:
    r"""(T,) float64: the sum over features of x_t * dS / dx_t, where x_t is the vector that the lowest recurrent layer
    reads at step t.

    Source: Shrikumar, Greenside, Shcherbina, Kundaje 2016, "Not just a black box", section 2; for text: Li, Chen, Hovy,
    Jurafsky 2016, "Visualizing and understanding neural models in NLP", section 5.

    Args:
        model: as in `trace`.
        given: as in `trace`.
        score: S, from what the network gives to a number; None for the logarithm of the probability of its own first
            choice, after the last step if there is one for each.
        row: as in `trace`.
    """
    reading = _Reading(opened(model, given, row), score)
    gradient, x = reading.gradient(1.0)
    return reading.own((gradient * x).sum(dim=-1))


def gradient_times_input_by_step(model: Subject, given: Any, *, row: int = 0) -> np.ndarray:
    """(T, T) float64: row t is `gradient_times_input` for the logarithm of the probability of the first choice at step
    t, of a network that makes a choice at each step.

    Args:
        model: as in `trace`.
        given: as in `trace`.
        row: as in `trace`.

    Raises:
        ConfigError: the network gives one answer, or answers that are not one for each step.
    """
    return _Reading(opened(model, given, row), None).each_step()


def integrated_gradients(
    model: Subject, given: Any, *, score: Score | None = None, row: int = 0, points: int = POINTS
) -> np.ndarray:
    r"""(T,) float64: x_t times the mean of dS / dx_t on the straight way from vectors of zeros to x, summed over
    features.

    The sum over steps is S(x) - S(0), but for the error of the middle rule, which falls with the square of the points.

    Source: Sundararajan, Taly, Yan 2017, "Axiomatic attribution for deep networks", equation 1; the integral by the
    middle rule.

    Args:
        model: as in `gradient_times_input`, and so are the next three.
        given: likewise.
        score: likewise.
        row: likewise.
        points: how many places of the way are looked at.
    """
    reading = _Reading(opened(model, given, row), score)
    total: Tensor | float = 0.0
    for point in range(points):
        gradient, x = reading.gradient((point + 0.5) / points)
        total = total + gradient
    return reading.own((total / points * x).sum(dim=-1))


def occlusion(model: Subject, given: Any, *, score: Score | None = None, row: int = 0) -> np.ndarray:
    r"""(T,) float64: S(x) - S(x without x_t), the vector of step t replaced by zeros.

    Source: Zeiler, Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2; for words: Li,
    Monroe, Jurafsky 2016, "Understanding neural networks through representation erasure", equation 2.

    Args:
        model: as in `gradient_times_input`, and so are the others.
        given: likewise.
        score: likewise.
        row: likewise.
    """
    reading = _Reading(opened(model, given, row), score)
    whole = reading.score_without(None)
    return np.array([whole - reading.score_without(step) for step in range(reading.steps)])


class _Read(NamedTuple):
    """What a lowest layer was made to read.

    Attributes:
        scaled: what gradients are asked by.
        whole: what it would have read.
        turned: whether the batch comes first.
    """

    scaled: Tensor
    whole: Tensor
    turned: bool


def _scaled(share: float, read: list[_Read]) -> Callable[[nn.Module, Tensor, bool], Tensor]:
    """Makes a layer read a share of its input, and keeps what it read."""

    def change(module: nn.Module, x: Tensor, turned: bool) -> Tensor:
        scaled = (x.detach() * share).requires_grad_()
        read.append(_Read(scaled, x.detach(), turned))
        return scaled

    return change


class _Reading:
    """A network whose lowest recurrent layers read what they are told to read."""

    def __init__(self, subject: Opened, score: Score | None) -> None:
        self._subject = subject
        self._score = score
        with torch.no_grad():
            scans = watch(subject.network, lambda: subject.ask(subject.inputs)).scans
        if not scans:
            raise nothing_ran(subject.network)
        scans = [seen for seen in own_scans(scans, subject) if subject.names_of(seen.module) is None]
        if not scans:
            raise ConfigError("the input has no steps: the network reads it in another way than with recurrent layers")
        lowest = [seen for seen in scans if seen.scan.layer == 0]
        depth = min(seen.depth for seen in lowest)
        first = [seen for seen in lowest if seen.depth == depth]
        self._modules = [subject.network.get_submodule(name) for name in dict.fromkeys(one.module for one in first)]
        scan = first[0].scan
        self.steps = scan.x.shape[0] if scan.lengths is None else int(scan.lengths[subject.row])
        self._shape = scan.x.shape

    def own(self, values_TB: Tensor) -> np.ndarray:
        """(T,) of the row."""
        return np.asarray(values_TB[: self.steps, self._subject.row].detach().cpu().double().numpy())

    def gradient(self, share: float) -> tuple[Tensor, Tensor]:
        """(T, B, I) gradient of the score at a share of the input, and the whole input."""
        read: list[_Read] = []
        with torch.enable_grad(), self._reading(_scaled(share, read)):
            return self._by_input(self._scored(), read)

    def each_step(self) -> np.ndarray:
        """(T, T) gradient x input of the first choice at each step."""
        read: list[_Read] = []
        with torch.enable_grad(), self._reading(_scaled(1.0, read)):
            answer = self._subject.ask(self._subject.inputs)
            own = answer[self._subject.row] if isinstance(answer, Tensor) and answer.dim() == 3 else None
            if own is None or len(own) < self.steps:
                got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
                raise ConfigError(f"expected scores (B, T, K), some for each of {self.steps} steps, got {got}")
            rows = []
            for score in own[: self.steps].log_softmax(dim=-1).amax(dim=-1):
                gradient, x = self._by_input(score, read)
                rows.append(self.own((gradient * x).sum(dim=-1)))
        return np.stack(rows)

    def _by_input(self, score: Tensor, read: Sequence[_Read]) -> tuple[Tensor, Tensor]:
        """(T, B, I) gradient by what was read, and that as it was."""
        given = [one.scaled for one in read]
        found = torch.autograd.grad(score, given, retain_graph=True, allow_unused=True)
        total, whole = torch.zeros(self._shape), torch.zeros(self._shape)
        for gradient, one in zip(found, read, strict=True):
            whole = one.whole.transpose(0, 1) if one.turned else one.whole
            if gradient is not None:
                total = total.to(gradient) + (gradient.transpose(0, 1) if one.turned else gradient)
        return total, whole

    def score_without(self, step: int | None) -> float:
        """The score with one step's vector as zeros; None for the whole input."""

        def change(module: nn.Module, x: Tensor, turned: bool) -> Tensor:
            if step is None:
                return x
            x = x.clone()
            x.select(1 if turned else 0, step)[...] = 0.0
            return x

        with torch.no_grad(), self._reading(change):
            return float(self._scored())

    def _scored(self) -> Tensor:
        answer = self._subject.ask(self._subject.inputs)
        if self._score is not None:
            return self._score(answer)
        row = self._subject.row
        if isinstance(answer, tuple):
            answer = answer[0]
        own = answer[row]
        if own.dim() == 2:
            own = own[-1]
        score: Tensor = own.log_softmax(dim=-1).max()
        return score

    @contextmanager
    def _reading(self, change: Callable[[nn.Module, Tensor, bool], Tensor]) -> Iterator[None]:
        steps, batch = self._shape[:2]

        def enter(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            x = args[0] if args else None
            if not isinstance(x, Tensor) or x.dim() != 3:
                raise ConfigError(
                    f"{type(module).__name__}: to say which step counts its input must be (T, B, I) or (B, T, I), got"
                    f" {type(x).__name__}"
                )
            turned = bool(getattr(module, "batch_first", tuple(x.shape[:2]) != (steps, batch)))
            return (change(module, x, turned), *args[1:])

        handles = [module.register_forward_pre_hook(enter) for module in self._modules]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

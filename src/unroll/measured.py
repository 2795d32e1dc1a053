"""All that a page shows of one model on one input, measured.

Shapes: T steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unroll.inspect import View, find_flags, gradient_by_lag, gradient_times_input, trace
from unroll.inspect.diagnosis import diagnose
from unroll.inspect.health import layer_health
from unroll.inspect.trace import Opened, Trace, opened
from unroll.trained import Model

#: Steps up to which gradients are followed from each, and from which halves of a text are long enough for a search.
_MOST, _LEAST = 2000, 400


def measured(
    model: Model | nn.Module, given: Any, title: str, *, row: int, seen: Trace, text: str, answer: Any
) -> View:
    """Measure what the model tells of itself: how far gradients reach, what counts, which units follow what.

    Args:
        model: trained, or any module; of a module alone there is no loss, so nothing is followed back.
        given: records, or the module's input.
        title: of the view.
        row: which record.
        seen: the trace of it.
        text: of the record, if it is one.
        answer: what the model said.
    """
    if not isinstance(model, Model) or len(seen.labels) > _MOST:
        return View(title, seen, flags=_flags(model, seen, text), answer=answer)
    subject = opened(model, given, row)
    # It takes the first input of what it is given.
    lags = gradient_by_lag(model, given) if row == 0 else []
    saliency = {}
    if seen.kind == "text":
        saliency["gradient × input"] = gradient_times_input(model, given, row=row)
    return View(
        title,
        seen,
        {one.title: one.norms[one.carrier] for one in lags},
        {one.title: one.vanishes for one in lags},
        saliency,
        _findings(subject),
        _flags(model, seen, text),
        answer,
    )


def _findings(subject: Opened) -> tuple[dict[str, str], ...]:
    costs = subject.costs
    if costs is None:
        return ()

    def loss() -> Tensor:
        return costs(subject.inputs, subject.ask(subject.inputs)).sum()

    with torch.enable_grad():
        found = diagnose(layer_health(subject.network, loss, drift=False))
    return tuple({"kind": one.kind, "what": one.what, "numbers": one.numbers, "try": one.advice} for one in found)


def _flags(model: Model | nn.Module, seen: Trace, text: str) -> tuple[dict[str, Any], ...]:
    """Units that follow something in the text: chosen on its first half, scored on its second."""
    if not isinstance(model, Model) or seen.kind != "text" or not text or len(seen.labels) < _LEAST:
        return ()
    middle = text.find(" ", len(text) // 2)
    if middle < 0:
        return ()
    parts = [trace(model, part) for part in (text[:middle], text[middle:])]
    return tuple(flag.to_json() for flag in find_flags(parts[0], parts[1]))

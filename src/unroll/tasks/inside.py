"""The inside of a network while a task trains it, and in its report."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.inspect.diagnosis import Finding, diagnose, warning_of
from unroll.inspect.health import LayerHealth, layer_health
from unroll.report import Section
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot
from unroll.tasks.base import Job
from unroll.training import Inside, TrainSettings
from unroll.training.randomness import random_state, set_random_state

#: Rows of a batch, and losses of each, that are followed while training and after it.
_ROWS, _SEEDS = 4, 4
_ROWS_AFTER, _SEEDS_AFTER = 8, 8
#: The share of the time of training that looking may take, and the seconds before the first look.
SHARE, _FIRST = 0.05, 1.0
#: The smallest share of a gradient that is drawn.
_DRAWN = 1e-6
#: Seconds that the look after training may take to follow gradients back.
_PATIENCE = 10.0


class TrainingLook:
    """Measures the layers of a job now and then, for at most one twentieth of the time of training.

    It looks again when all looks so far and a whole one more are within the share. The first one stops following
    gradients back when its time is up; how far it came says how long a whole one takes. Satisfies
    `unroll.training.Looker`.

    Args:
        job: in training.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._spent = 0.0
        self._whole = 0.0
        self._warned = ""
        self._blind = False

    def look(self, rows: np.ndarray, device: torch.device, elapsed: float) -> Inside | None:
        """See `unroll.training.Looker`."""
        budget = SHARE * elapsed - self._spent
        if self._blind or elapsed < _FIRST or budget < self._whole:
            return None
        began = time.monotonic()
        layers = health_of(
            self._job, rows[:_ROWS], device, seeds=_SEEDS, drift=False, deadline=began + max(budget, 0.0)
        )
        taken = time.monotonic() - began
        self._spent += taken
        if not layers:
            self._blind = True
            return None
        first, self._whole = not self._whole, taken * max(one.steps / max(1, len(one.norms)) for one in layers)
        if first:
            return None
        warning = warning_of(layers)
        said, self._warned = warning if _kind(warning) != self._warned else "", _kind(warning)
        return Inside(_values(layers, self._spent / elapsed), said)


def _kind(warning: str) -> str:
    """What a warning is about, its numbers left out."""
    return "".join(character for character in warning if not character.isdigit())


def _values(layers: Sequence[LayerHealth], share: float) -> dict[str, float]:
    values = {"share of the time": round(share, 4)}
    for one in layers:
        reach = one.vanishes if one.vanishes is not None else len(one.norms)
        last = float(one.norms[-1] / one.norms[0]) if len(one.norms) and one.norms[0] else 0.0
        values |= {
            f"{one.title}/reach": float(reach),
            f"{one.title}/gradient at the last lag": last,
            f"{one.title}/lags": float(len(one.norms)),
            **{f"{one.title}/{gate} saturated": share for gate, share in one.saturated.items()},
        }
    return values


def health_of(
    job: Job, rows: np.ndarray, device: torch.device, *, seeds: int, drift: bool, deadline: float
) -> list[LayerHealth]:
    """The layers of a job on some rows, as in training; the job, its network and random numbers stay as they were."""

    def loss() -> Tensor:
        return job.loss(job.model, rows, device).total

    with _undisturbed(job, device):
        return layer_health(job.model, loss, seeds=seeds, drift=drift, deadline=deadline)


@contextmanager
def _undisturbed(job: Job, device: torch.device) -> Iterator[None]:
    before, carried = random_state(device), {name: value.clone() for name, value in job.carried().items()}
    modes = [(part, part.training) for part in job.model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in job.model.buffers()]
    # The loss of a job is that of training: some networks take other arguments in evaluation.
    job.model.train()
    # A carried state is that of other rows.
    job.carry({})
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        job.carry(carried)
        set_random_state(before, device)


class Diagnosis:
    """What a trained job's layers show.

    Args:
        job: trained.
        training: how.
        folder: of the run, whose log holds the norms of the gradients.
    """

    def __init__(self, job: Job, training: TrainSettings, folder: Path) -> None:
        batches = job.batches(0)
        device = next((part.device for part in job.model.parameters()), torch.device("cpu"))
        self.layers: list[LayerHealth] = []
        if batches:
            until = time.monotonic() + _PATIENCE
            rows = batches[0][:_ROWS_AFTER]
            self.layers = health_of(job, rows, device, seeds=_SEEDS_AFTER, drift=True, deadline=until)
        norms = _logged_norms(folder / "log.jsonl")
        self.findings: list[Finding] = []
        if self.layers:
            chunked = bool(job.carried())
            self.findings = diagnose(self.layers, norms=norms, clip_norm=training.clip_norm, chunked=chunked)

    def sections(self) -> list[Section]:
        """What the report ends with; nothing for a network without recurrent layers."""
        if not self.findings:
            return []
        text = "\n\n".join(str(finding) for finding in self.findings)
        explained = (
            "The loss at some steps of training rows was followed back through each layer; the curve is the size of its"
            " gradient, as a share of that at the step itself. Under 1% nothing is learnt from so far back."
        )
        table = [
            {
                "layer": one.title,
                "cell": one.cell,
                "under 1% after": one.vanishes if one.vanishes is not None else "",
                "lags looked at": max(0, len(one.norms) - 1),
                "units that never move": f"{one.dead:.0%}",
                "saturated": ", ".join(f"{gate} {share:.0%}" for gate, share in one.saturated.items()),
            }
            for one in self.layers
        ]
        return [Section("What it remembers", f"{text}\n\n{explained}", table, self._charts)]

    def _charts(self) -> list[Chart]:
        curves = []
        for one in self.layers:
            if len(one.norms) > 1 and one.norms[0] > 0:
                shares = [float(value) if value > _DRAWN else math.nan for value in one.norms / one.norms[0]]
                curves.append(Curve(one.title, [float(k) for k in range(len(shares))], shares))
        if not curves:
            return []
        return [
            Plot(
                "Gradient by lag",
                curves,
                Axis("steps back", AxisKind.WHOLE),
                Axis("share of the gradient at lag 0", AxisKind.LOG),
            )
        ]


def _logged_norms(path: Path) -> list[float]:
    """The norms of the gradient before clipping that a run has logged."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8") as file:
        found = [json.loads(line).get("gradient_norm") for line in file]
    return [float(norm) for norm in found if norm is not None]

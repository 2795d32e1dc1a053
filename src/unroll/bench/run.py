"""One run: every case, every contender, and the other rows of the table of targets."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from unroll import __version__
from unroll.bench.cases import CASES, Case, Problem, problem, relative_error
from unroll.bench.measure import alternate
from unroll.bench.peers import OWN, PEERS, Contender, own
from unroll.bench.rows import further_rows
from unroll.errors import EngineError
from unroll.kernels.native_plan import LIBRARY, MISSING, Recipe, plan

#: Relative to the greatest value: rounding of float32 over a thousand steps stays an order of magnitude below.
_TOLERATED = {False: 1e-4, True: 1e-3}


@dataclass(frozen=True)
class Settings:
    """What to run.

    Attributes:
        cells: names of cells.
        peers: names of peers, torch among them.
        rounds: blocks of calls per contender.
        seconds: the length of a block.
        further: also run the rows beyond the 18 cases.
        simd: the instruction set that everyone who can be told is held to; None: everyone's best.
        busy: one other process is busy meanwhile.
    """

    cells: tuple[str, ...]
    peers: tuple[str, ...]
    rounds: int = 9
    seconds: float = 0.1
    further: bool = True
    simd: str | None = None
    busy: bool = False


def machine() -> dict[str, Any]:
    """Where this runs."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        models = [
            line.split(":", 1)[1].strip()
            for line in information.read_text().splitlines()
            if line.startswith("model name")
        ]
        name = models[0] if models else name
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "simd": LIBRARY.level() if LIBRARY is not None else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Versions of everything that takes part and is installed."""
    found = {"unroll": __version__}
    for name in ("torch", "numpy", "onnxruntime", "openvino", "jax"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The commit of the checkout that this file stands in, with a mark if it was changed; None outside of one."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        dirty = subprocess.run(
            ["git", "status", "--porcelain", "--", "src", "csrc"], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def peak_meter(seconds: float = 0.03) -> tuple[Callable[[], None], list[float]]:
    """A function that measures the peak of multiply-adds once, and the list that it adds to."""
    if LIBRARY is None:
        raise EngineError(f"engine 'native' cannot be measured: {MISSING}")
    simple = plan(Recipe("lstm", 0, 0.0, 0.0, 0.0), torch.float32, 16, 16, 0)
    library, taken = LIBRARY, []

    def measure() -> None:
        taken.append(library.fma_peak(simple, torch.get_num_threads(), seconds))

    return measure, taken


def contenders(task: Problem, training: bool, peers: tuple[str, ...]) -> list[Contender]:
    """This project and the peers that can do the job."""
    found = [own(task, training)]
    for name in peers:
        made = PEERS[name][1](task, training)
        if made is not None:
            found.append(made)
    return found


def measured(case: Case, training: bool, settings: Settings) -> dict[str, Any]:
    """Check, then time, one case.

    Raises:
        EngineError: this project's own result is wrong; a wrong result is not worth timing.
    """
    task = problem(case)
    taking_part = contenders(task, training, settings.peers)
    exact = (task.y, task.dx, task.dw) if training else (task.y,)
    errors = {}
    for one in taking_part:
        errors[one.name] = max(relative_error(got, value) for got, value in zip(one.results(), exact, strict=True))
    if not errors[OWN] <= _TOLERATED[training]:
        raise EngineError(f"{case}: the native engine is off by {errors[OWN]:.1e} of the greatest value; not timed")
    meter, peaks = peak_meter()
    timings = alternate(
        [one.call for one in taking_part], rounds=settings.rounds, seconds=settings.seconds, between=meter
    )
    mine, flops = timings[0], case.flops(training)
    return {
        "case": asdict(case),
        "training": training,
        "peak_gflops": statistics.median(peaks) / 1e9,
        "contenders": {
            one.name: {
                "ms": timing.median * 1e3,
                "low_ms": timing.low * 1e3,
                "high_ms": timing.high * 1e3,
                "gflops": flops / timing.median / 1e9,
                # Of the peak that was measured in the same round.
                "share_of_peak": statistics.median(
                    flops / taken / peak for taken, peak in zip(timing.samples, peaks, strict=True)
                ),
                "times_ours": timing.over(mine),
                "error": errors[one.name],
            }
            for one, timing in zip(taking_part, timings, strict=True)
        },
    }


def ratio_to_best(row: dict[str, Any]) -> float:
    """How many times faster than the fastest peer, from round to round; NaN if none took part."""
    return float(
        min((value["times_ours"] for name, value in row["contenders"].items() if name != OWN), default=math.nan)
    )


def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The targets that are about the 18 cases, with what was reached."""
    found: list[dict[str, Any]] = []

    def add(what: str, target: float, values: list[float]) -> None:
        if values:
            found.append(
                {"what": what, "target": target, "value": min(values), "met": min(values) >= target, "unit": ""}
            )

    def share(training: bool, **sizes: Any) -> list[float]:
        return [
            row["contenders"][OWN]["share_of_peak"]
            for row in rows
            if row["training"] is training and all(test(row["case"][name]) for name, test in sizes.items())
        ]

    add(
        "forward, H >= 128, B >= 32: share of peak",
        0.90,
        share(False, hidden_size=lambda h: h >= 128, batch=lambda b: b >= 32),
    )
    add(
        "forward, H = 64, B >= 32: share of peak",
        0.75,
        share(False, hidden_size=lambda h: h == 64, batch=lambda b: b >= 32),
    )
    add("training, H >= 256: share of peak", 0.85, share(True, hidden_size=lambda h: h >= 256))
    add("training, H = 128: share of peak", 0.75, share(True, hidden_size=lambda h: h == 128))
    for training, worst, mean in ((False, 1.0, 1.8), (True, 1.15, 3.5)):
        ratios = [ratio_to_best(row) for row in rows if row["training"] is training]
        ratios = [ratio for ratio in ratios if not math.isnan(ratio)]
        name = "training" if training else "forward"
        add(f"{name}: least ratio to the best peer", worst, ratios)
        if ratios:
            add(f"{name}: geometric mean of the ratios to the best peer", mean, [statistics.geometric_mean(ratios)])
    return found


def run(settings: Settings, said: Callable[[str], None]) -> dict[str, Any]:
    """Run everything and return what a results file holds. `said` is given a line after every step."""
    rows = []
    for case in CASES:
        if case.cell not in settings.cells:
            continue
        for training in (False, True):
            row = measured(case, training, settings)
            rows.append(row)
            mine = row["contenders"][OWN]
            said(
                f"{case} {'training' if training else 'forward'}: {mine['ms']:.3f} ms,"
                f" {100 * mine['share_of_peak']:.0f} % of peak, {ratio_to_best(row):.2f} x the best peer"
            )
    further = further_rows(settings.rounds, settings.seconds, said) if settings.further else []
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "settings": asdict(settings),
        "cases": rows,
        "targets": summaries(rows) + further,
    }

"""The targets beyond the 18 cases: ragged batches, variants, bfloat16, streaming, memory, a whole training step.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unroll.bench.measure import alternate, once, summary
from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import scan
from unroll.layers import GRU, LSTM, Recurrent
from unroll.models.classifier import Classifier, Decision, FeatureEmbedding, ManyToOne, TextSteps
from unroll.models.encoders import Encoded, RecurrentEncoder, recurrent_stack
from unroll.models.pooling import JoinedPooling, LastPooling, MaxPooling, MeanPooling
from unroll.streaming.stepper import Stepper

Row = dict[str, Any]


def _row(what: str, value: float, target: float, *, at_most: bool = False, unit: str = "", detail: str = "") -> Row:
    met = value <= target if at_most else value >= target
    return {
        "what": what,
        "target": target,
        "value": value,
        "met": met,
        "at_most": at_most,
        "unit": unit,
        "detail": detail,
    }


def _trained(layer: nn.Module, x: Tensor, lengths: Tensor | None = None) -> Callable[[], Any]:
    """A forward and backward pass of an unroll layer with gradients of x and every parameter."""
    x = x.clone().requires_grad_()
    sources = [x, *layer.parameters()]
    dy = torch.randn_like(layer(x, lengths=lengths)[0])

    def step() -> Any:
        return torch.autograd.grad(layer(x, lengths=lengths)[0], sources, dy)

    return step


def _forward(layer: nn.Module, x: Tensor) -> Callable[[], Any]:
    def step() -> Any:
        with torch.no_grad():
            return layer(x)[0]

    return step


def ragged(rounds: int, seconds: float) -> list[Row]:
    """T = 100, B = 32, H = 128, half of the steps valid, training: against our padded time and torch's packed LSTM."""
    torch.manual_seed(0)
    steps, batch, size = 100, 32, 128
    lengths = torch.linspace(1, steps - 1, batch).round().long()
    valid = float(lengths.sum()) / (steps * batch)
    x = torch.randn(steps, batch, size)
    ours, theirs = LSTM(size, size, engine="native"), nn.LSTM(size, size)
    leaf = x.clone().requires_grad_()
    sources = [leaf, *theirs.parameters()]
    dy = torch.randn(steps, batch, size)

    def packed() -> Any:
        y, _ = theirs(pack_padded_sequence(leaf, lengths, enforce_sorted=False))
        return torch.autograd.grad(pad_packed_sequence(y, total_length=steps)[0], sources, dy)

    calls = [_trained(ours, x), _trained(ours, x, lengths), packed]
    padded, own, torch_packed = alternate(calls, rounds=rounds, seconds=seconds)
    shape = f"LSTM T={steps} B={batch} H={size}, {100 * valid:.0f} % of steps valid, training"
    return [
        _row(
            "ragged: cost per valid step over the padded one's",
            own.over(padded) / valid,
            1.15,
            at_most=True,
            detail=shape,
        ),
        _row("ragged: times faster than torch's packed LSTM", torch_packed.over(own), 6.0, detail=shape),
    ]


def _variants(size: int) -> Iterator[tuple[str, Cell, Cell]]:
    """Name, variant, and the plain cell that it is compared with."""
    plain_lstm, plain_gru, plain_rnn = LSTMCell(size, size), GRUCell(size, size), RNNCell(size, size)
    yield "lstm peephole", LSTMCell(size, size, peephole=True), plain_lstm
    yield "lstm coupled", LSTMCell(size, size, coupled=True), plain_lstm
    yield "lstm projection", LSTMCell(size, size, proj_size=size // 2), plain_lstm
    yield "lstm layer norm", LSTMCell(size, size, layer_norm=True), plain_lstm
    yield "lstm cell clip", LSTMCell(size, size, cell_clip=3.0), plain_lstm
    yield "lstm zoneout", LSTMCell(size, size, zoneout_h=0.1, zoneout_c=0.1), plain_lstm
    yield "lstm recurrent dropout", LSTMCell(size, size, recurrent_dropout=0.2), plain_lstm
    yield (
        "lstm recurrent dropout per step",
        LSTMCell(size, size, recurrent_dropout=0.2, dropout_per_step=True),
        plain_lstm,
    )
    yield "gru reset before", GRUCell(size, size, reset_after=False), plain_gru
    yield "gru layer norm", GRUCell(size, size, layer_norm=True), plain_gru
    yield "gru zoneout", GRUCell(size, size, zoneout=0.1), plain_gru
    yield "rnn relu", RNNCell(size, size, nonlinearity="relu"), plain_rnn
    yield "rnn layer norm", RNNCell(size, size, layer_norm=True), plain_rnn


def variants(rounds: int, seconds: float) -> list[Row]:
    """T = 100, B = 32, I = H = 128, training: each variant against the plain cell, and a loop of torch operations."""
    torch.manual_seed(0)
    steps, batch, size = 100, 32, 128
    x = torch.randn(steps, batch, size)
    rows = []
    for name, cell, plain in _variants(size):
        leaf = x.clone().requires_grad_()
        # The masks are drawn once: what is compared is the scan.
        noise = cell.noise(steps, batch, device=x.device, dtype=x.dtype)
        dy = torch.randn(steps, batch, cell.output_size)

        def calls(
            one: Cell, engine: str, masks: dict[str, Tensor], dy: Tensor, leaf: Tensor = leaf
        ) -> Callable[[], Any]:
            params = dict(Recurrent(one).own_parameters())
            sources = [leaf, *params.values()]

            def step() -> Any:
                y = scan(one, params, leaf, noise=masks, engine=engine).output
                return torch.autograd.grad(y, sources, dy)

            return step

        base, own, loop = alternate(
            [
                calls(plain, "native", {}, torch.randn(steps, batch, plain.output_size)),
                calls(cell, "native", noise, dy),
                calls(cell, "reference", noise, dy),
            ],
            rounds=max(3, rounds // 2),
            seconds=seconds,
        )
        shape = f"T={steps} B={batch} I=H={size}, training, {own.median * 1e3:.2f} ms"
        rows.append(_row(f"{name}: time over the plain cell's", own.over(base), 1.5, at_most=True, detail=shape))
        rows.append(_row(f"{name}: times faster than a loop of torch operations", loop.over(own), 8.0, detail=shape))
    return rows


def bfloat16(rounds: int, seconds: float) -> list[Row]:
    """T = 100, B = 32, I = H = 512: against our float32 and torch's bfloat16, forward and training."""
    torch.manual_seed(0)
    steps, batch, size = 100, 32, 512
    x = torch.randn(steps, batch, size)
    rows = []
    pairs: list[tuple[str, Callable[[], nn.Module], Callable[[], nn.Module]]] = [
        ("lstm", lambda: LSTM(size, size, engine="native"), lambda: nn.LSTM(size, size)),
        ("gru", lambda: GRU(size, size, engine="native"), lambda: nn.GRU(size, size)),
    ]
    for name, ours, theirs in pairs:
        for training in (False, True):
            layers = (ours(), ours().bfloat16(), theirs().bfloat16())
            inputs = (x, x.bfloat16(), x.bfloat16())
            calls = [
                _trained_plain(layer, value) if training else _forward(layer, value)
                for layer, value in zip(layers, inputs, strict=True)
            ]
            wide, narrow, torch_narrow = alternate(calls, rounds=max(3, rounds // 2), seconds=seconds)
            what = f"bfloat16 {name} {'training' if training else 'forward'}"
            shape = f"T={steps} B={batch} I=H={size}, {narrow.median * 1e3:.2f} ms"
            rows.append(_row(f"{what}: times faster than our float32", wide.over(narrow), 1.6, detail=shape))
            rows.append(
                _row(f"{what}: times faster than torch's bfloat16", torch_narrow.over(narrow), 1.0, detail=shape)
            )
    return rows


def _trained_plain(layer: nn.Module, x: Tensor) -> Callable[[], Any]:
    x = x.clone().requires_grad_()
    sources = [x, *layer.parameters()]
    dy = torch.randn_like(layer(x)[0])
    return lambda: torch.autograd.grad(layer(x)[0], sources, dy)


def streaming(rounds: int, seconds: float) -> list[Row]:
    """One step of one stream from Python, I = H = 64: median over single calls."""
    torch.manual_seed(0)
    layer = Recurrent(LSTMCell(64, 64))
    stepper = Stepper.of(layer)
    theirs = nn.LSTM(64, 64)
    x = np.random.default_rng(0).standard_normal(64, dtype=np.float32)
    x_torch, state = torch.from_numpy(x).reshape(1, 1, 64), (torch.zeros(1, 1, 64), torch.zeros(1, 1, 64))

    def torch_step() -> Any:
        with torch.inference_mode():
            return theirs(x_torch, state)

    del rounds
    taken = [once(lambda: stepper(x), 20) for _ in range(max(200, int(seconds * 2e4)))]
    torch_time = summary([once(torch_step, 5) for _ in range(100)]).median
    return [
        _row(
            "one streaming step from Python, LSTM I=H=64",
            statistics.median(taken) * 1e6,
            2.0,
            at_most=True,
            unit="microseconds",
            detail=f"torch.nn.LSTM: {torch_time * 1e6:.0f}",
        )
    ]


_MEMORY_PROGRAM = """
import json, sys, time
import torch
from unroll.cells import LSTMCell
from unroll.layers import Recurrent
kind, steps, size, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
x = torch.randn(steps, 1, size)
if kind == "torch":
    layer = torch.nn.LSTM(size, size)
else:
    layer = Recurrent(LSTMCell(size, size), engine="native", recompute=every)
def peak_kib():
    # Not getrusage: there a child begins with its parent's peak.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
layer(x[:100])[1][0].sum().backward()
start_kib = peak_kib()
start = time.perf_counter()
layer(x)[1][0].sum().backward()
seconds = time.perf_counter() - start
print(json.dumps({"mib": (peak_kib() - start_kib) / 1024, "seconds": seconds}))
"""


def memory(steps: int = 100_000, size: int = 256, every: int = 300) -> list[Row]:
    """Training memory at T = 100,000, B = 1, H = 256: growth of the resident set, each in a process of its own.

    The loss is on the last state, so that neither needs a gradient for every step.
    """

    def measure(kind: str, span: int) -> dict[str, float]:
        command = [sys.executable, "-c", _MEMORY_PROGRAM, kind, str(steps), str(size), str(span)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    rounds = [(measure("unroll", every), measure("unroll", 0), measure("torch", 0)) for _ in range(3)]
    lean, full, theirs = (
        {name: statistics.median(one[name] for one in kind) for name in ("mib", "seconds")}
        for kind in zip(*rounds, strict=True)
    )
    shape = (
        f"LSTM T={steps} B=1 I=H={size}, loss on the last state, recompute={every}:"
        f" {lean['mib']:.0f} MiB in {lean['seconds']:.2f} s;"
        f" without: {full['mib']:.0f} MiB in {full['seconds']:.2f} s;"
        f" torch: {theirs['mib']:.0f} MiB in {theirs['seconds']:.2f} s"
    )
    return [
        _row("recompute: share of torch's peak memory", lean["mib"] / theirs["mib"], 0.1, at_most=True, detail=shape),
        _row(
            "recompute: time over our own without it",
            lean["seconds"] / full["seconds"],
            1.6,
            at_most=True,
            detail=shape,
        ),
    ]


class _TorchEncoder(nn.Module):
    """torch.nn's LSTM of both directions in an encoder's place, as its manual has ragged rows done: packed."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        steps = x.shape[1]
        if bool((lengths == steps).all()):
            y, (h, _) = self.layer(x)
        else:
            packed, (h, _) = self.layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            y, _ = pad_packed_sequence(packed, batch_first=True, total_length=steps)
        return Encoded(y, lengths, torch.cat(tuple(h), dim=-1))


def whole_step(rounds: int, seconds: float) -> list[Row]:
    """A training step of the classify model (features, both directions, three poolings, loss, AdamW), H = 128: on our
    layers and on torch.nn, with rows of 1 to 100 steps as texts have them, and with rows of 100 steps."""
    batch, longest, size, features = 32, 100, 128, 8000
    generator = torch.Generator().manual_seed(0)
    lengths_of = {
        "": torch.randint(1, longest + 1, (batch,), generator=generator),
        ", rows of one length": torch.full((batch,), longest),
    }
    labels = torch.randint(10, (batch,), generator=generator)
    rows = []
    for what, lengths in lengths_of.items():
        counts = torch.ones(int(lengths.sum()), dtype=torch.int64)
        ids = torch.randint(features, counts.shape, generator=generator)
        calls = []
        for encoder in (
            RecurrentEncoder(recurrent_stack([(LSTMCell(size, size), LSTMCell(size, size))], engine="native")),
            _TorchEncoder(size, size),
        ):
            pooling = JoinedPooling([pool(2 * size) for pool in (LastPooling, MeanPooling, MaxPooling)])
            model = ManyToOne(
                TextSteps(FeatureEmbedding(features, size)),
                Classifier(encoder, pooling, 10),
                Decision(10, exclusive=True),
            )
            optimiser = torch.optim.AdamW(model.parameters(), fused=True)

            def step(
                model: ManyToOne = model,
                optimiser: torch.optim.Optimizer = optimiser,
                given: tuple[Tensor, ...] = (ids, counts, lengths),
            ) -> None:
                optimiser.zero_grad(set_to_none=True)
                model.decision.loss(model(*given), labels).backward()  # type: ignore[no-untyped-call]
                optimiser.step()

            calls.append(step)
        own, theirs = alternate(calls, rounds=rounds, seconds=seconds)
        detail = (
            f"LSTM of both directions, B={batch}, {int(lengths.min())} to {longest} steps, H={size}:"
            f" {own.median * 1e3:.1f} ms against {theirs.median * 1e3:.1f} ms"
        )
        rows.append(
            _row(f"whole training step{what}: times faster than on torch.nn", theirs.over(own), 2.0, detail=detail)
        )
    return rows


def further_rows(rounds: int, seconds: float, said: Callable[[str], None]) -> list[Row]:
    """Every row of this file."""
    found: list[Row] = []
    parts: list[Callable[[], list[Row]]] = [
        lambda: ragged(rounds, seconds),
        lambda: variants(rounds, seconds),
        lambda: bfloat16(rounds, seconds),
        lambda: streaming(rounds, seconds),
        memory,
        lambda: whole_step(rounds, seconds),
    ]
    for part in parts:
        start = time.perf_counter()
        for row in part():
            found.append(row)
            mark = "met" if row["met"] else "MISSED"
            said(f"{row['what']}: {row['value']:.2f} {row['unit']} (target {row['target']}): {mark}; {row['detail']}")
        said(f"  [{time.perf_counter() - start:.0f} s]")
    return found

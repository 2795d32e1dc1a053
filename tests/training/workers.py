"""What a process under torchrun does in test_processes.py: python workers.py SCENARIO FOLDER."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch

from training.toy import Toy, bits, settings, train, without_time
from unroll.errors import UnrollError
from unroll.training import Interrupted, Processes, processes
from unroll.training.exchange import Exchange, Sums
from unroll.training.tables import with_rows

torch.set_num_threads(1)


def compare(folder: Path) -> None:
    """Everything that two processes must get right, in one launch: imports cost more than all of it."""
    every = processes()
    told = {
        "shared": every.share(b"from the main one" if every.main else b"").decode(),
        "through": sorted(through(every)),
        "collected": [part.decode() for part in every.collect(b"x" * (3 * every.rank))],
    }
    # Batches of 7 rows give shares of 4 and 3; of 30 rows the last batch has 2; with 29 it would leave one share empty.
    exact = Toy(rows=29, batch_size=7, dropout=0, dtype=torch.float64)
    if not every.main:
        with torch.no_grad():
            for parameter in exact.model.parameters():
                parameter.zero_()  # all start with the weights of the main process
    history = train(exact, folder / "exact", settings(average=0.5, layer_decay=2.6, unfreeze=1))
    whole = Toy()
    expected = train(whole, folder / "whole", settings())
    stopped = Toy(at_loss=lambda calls: os.kill(os.getpid(), signal.SIGTERM) if (calls, every.rank) == (5, 1) else None)
    code = 0
    try:
        train(stopped, folder / "parts", settings())
    except Interrupted as interrupted:
        code = interrupted.exit_code
    resumed = Toy(seed=0 if every.main else 5)  # what the other process starts with does not matter
    resumed._seed = 0
    resumed_history = train(resumed, folder / "parts", settings(), resume=True)
    answer = {
        **told,
        "tables": tables(every),
        "sent": [epoch.sent_bytes for epoch in history.epochs],
        "weights": [p.detach().flatten().tolist() for p in exact.model.parameters()],
        "history": without_time(history),
        "exit_code": code,
        "calls": stopped.calls,
        "same_bits": bits(resumed) == bits(whole),
        "same_history": without_time(resumed_history) == without_time(expected),
    }
    (folder / f"answer{every.rank}.json").write_text(json.dumps(answer))


def through(every: Processes) -> set[str]:
    """By what ways the same numbers can be summed, all giving the same bits."""
    numbers = torch.randn(3_000_000, generator=torch.Generator().manual_seed(every.rank))
    sums = {}
    for way, shared in (("memory", every.shared), ("sockets", None)):
        kept, every.shared = every.shared, shared
        sums[way] = numbers.clone()
        every.sum_(sums[way])
        every.shared = kept
    assert torch.equal(sums["memory"], sums["sockets"])
    return {"sockets", *(["memory"] if every.shared is not None else [])}


def tables(every: Processes) -> dict[str, object]:
    """Sums over tables of which the processes touch some rows, all rows or none, against sums of the whole tables."""
    generator = torch.Generator().manual_seed(every.rank)
    touched = [
        torch.tensor([0, 5, 7, 1999]) if every.main else torch.tensor([5, 8]),
        torch.arange(1500),
        torch.tensor([3]) if every.main else None,
        None,
        torch.tensor([], dtype=torch.int64),
    ]
    parameters = [torch.nn.Parameter(torch.zeros(2000, 40)) for _ in touched] + [torch.nn.Parameter(torch.zeros(7))]
    # The same again with gradients that are sparse from the start.
    parameters += [torch.nn.Parameter(torch.zeros(2000, 40)) for _ in touched]
    for parameter, rows in zip(parameters, [*touched, None, *touched], strict=True):
        if rows is not None:
            parameter.grad = torch.zeros_like(parameter)
            parameter.grad[rows] = torch.randn(len(rows), 40, generator=generator)
            # A row of zeros and negative numbers counts, too.
            parameter.grad[rows[:1]] = -parameter.grad[rows[:1]].relu()
    whole = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters]
    if every.main:
        for table in (0, 6):
            parameters[table].grad[7, 1] = whole[table][7, 1] = float("nan")  # type: ignore[index]
    for gradient in whole:
        every.sum_(gradient)
    buffers = [torch.tensor([0.1, float("inf")]), torch.tensor(2**40 + 1), torch.tensor(0.1, dtype=torch.float64)]
    expected = [buffer.clone() for buffer in buffers]
    if not every.main:
        for buffer in buffers:
            buffer.fill_(7)
    for parameter in parameters[6:]:
        if parameter.grad is not None:
            rows = parameter.grad.view(torch.int32).ne(0).any(dim=1).nonzero().squeeze(1)
            parameter.grad = with_rows(rows, parameter.grad[rows], parameter)
    exchange = Exchange(parameters, buffers, every)
    sums = exchange.sum(Sums(torch.tensor(0.5), 3, 4 + every.rank, [every.rank, 1]))
    return {
        "equal": [
            p.grad is None
            if index in (3, 5, 9)
            else torch.equal(p.grad.to_dense().nan_to_num(9), whole[index].nan_to_num(9))
            for index, p in enumerate(parameters)
        ],
        "buffers": all(map(torch.equal, buffers, expected)),
        "sums": [float(sums.total), sums.items, sums.tokens, sums.flags],
        "sent": exchange.sent,
    }


def wait(folder: Path) -> None:
    """Train slowly until the other process has been killed; exit as the command line does."""
    every = processes()
    (folder / f"pid{every.rank}").write_text(str(os.getpid()))
    validating = folder.name == "validating" and every.main

    def say_and_wait(what: str, seconds: float) -> None:
        print(what, flush=True)
        time.sleep(seconds)

    learner = Toy(
        at_loss=lambda calls: say_and_wait("a batch", 0.05),
        at_validation=lambda: say_and_wait("validation", 60 if validating else 0),
    )
    try:
        train(learner, folder, settings(epochs=1000, checkpoint_every=0))
    except UnrollError as error:
        print(f"unroll: {error}", file=sys.stderr, flush=True)
        os._exit(2)


if __name__ == "__main__":
    {"compare": compare, "wait": wait}[sys.argv[1]](Path(sys.argv[2]))

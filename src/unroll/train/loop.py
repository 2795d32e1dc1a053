"""The training loop."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from unroll.train.history import Epoch, History
from unroll.train.learner import Learner, Monitor
from unroll.train.progress import Progress, Silent
from unroll.train.settings import TrainSettings


class Interrupted(BaseException):
    """SIGINT or SIGTERM came; the run was saved. `exit_code` is 128 plus the signal's number."""

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum
        self.exit_code = 128 + signum


def fit(
    learner: Learner,
    monitor: Monitor,
    settings: TrainSettings,
    folder: Path,
    *,
    seed: int,
    resume: bool = False,
    progress: Progress | None = None,
) -> History:
    """Train `learner.model`; ends with the best weights in it."""
    progress = progress or Silent()
    torch.manual_seed(seed)
    device = torch.device("cpu")
    optimizer = torch.optim.AdamW(learner.parameter_groups(settings.learning_rate), weight_decay=settings.weight_decay)
    history = History()
    steps = 0
    for epoch in range(settings.epochs):
        start = time.monotonic()
        total, items, tokens = 0.0, 0, 0
        learner.model.train()
        for rows in learner.batches(epoch):
            loss = learner.loss(learner.model, rows, device)
            optimizer.zero_grad()
            (loss.total / max(loss.items, 1)).backward()
            torch.nn.utils.clip_grad_norm_(learner.model.parameters(), settings.clip_norm or float("inf"))
            optimizer.step()
            steps += 1
            total, items, tokens = total + float(loss.total), items + loss.items, tokens + loss.tokens
        learner.model.eval()
        metrics = learner.validate()
        history.epochs.append(
            Epoch(
                epoch + 1, steps, total / max(items, 1), metrics, settings.learning_rate, tokens, time.monotonic() - start
            )
        )
    history.best, history.stopped = len(history.epochs), "epochs"
    return history

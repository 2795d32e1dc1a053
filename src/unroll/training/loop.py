"""The training loop."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.bundle.files import decode_tensors, encode_tensors, load_state
from unroll.errors import ConfigError, UnrollError
from unroll.training.average import WeightAverage
from unroll.training.checkpoint import Checkpoint, Position, read_checkpoint, save_checkpoint
from unroll.training.history import Epoch, History
from unroll.training.learner import Learner, Looker, Monitor
from unroll.training.log import Log
from unroll.training.memory import release
from unroll.training.processes import Processes, processes
from unroll.training.progress import Pace, Progress, Silent
from unroll.training.randomness import random_state, seed_all, set_random_state
from unroll.training.resume import batches_digest, below, check_resumes, prefixed
from unroll.training.settings import TrainSettings
from unroll.training.signals import Interrupted, Signals, Stop
from unroll.training.update import SoFar, Update, Updater

#: Steps logged per epoch, about.
_LOGGED = 20
#: Seconds between two looks at the loss for the display.
_SHOWN_EVERY = 0.1


class TrainingError(UnrollError):
    """Training cannot go on: the loss is no longer a number."""


def fit(
    learner: Learner,
    monitor: Monitor,
    settings: TrainSettings,
    folder: Path,
    *,
    seed: int,
    resume: bool = False,
    progress: Progress | None = None,
    looker: Looker | None = None,
) -> History:
    """Train `learner.model`; ends with the best weights, by the monitor on validation, in it, in evaluation mode.

    Without validation rows the last weights are kept. With several processes (torchrun) each gets every `count`-th row
    of each global batch; gradients equal those of one process with the whole batch. The first one validates and writes.

    Args:
        learner: the task, opened on its data.
        monitor: the validation metric that decides.
        settings: how to train.
        folder: the run's folder: `checkpoints/`, `log.jsonl` and `tensorboard/` are written below it.
        seed: of dropout and all else that is random while training. The global generators are seeded with it.
        resume: continue from the newest complete checkpoint; from the beginning if there is none yet. On the same
            machine with as many threads and processes the final weights equal an uninterrupted run's bit for bit.
        progress: where to show progress; nowhere if None.
        looker: measures the network's inside now and then; nobody if None.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the run was saved.
        TrainingError: the loss or the gradient is not finite.
        ConfigError: settings or seed differ from those of the run that is resumed, or there are no training rows.
        BundleError: the newest checkpoint is damaged or of another model.
        ProcessLostError: another process has ended.
    """
    every = processes()
    shown = progress if progress is not None and every.main else Silent()
    with Signals(alone=every.count == 1) as signals:
        run = _Run(learner, monitor, settings, folder, seed, shown, every, signals, looker)
        try:
            return run.go(resume)
        finally:
            run.close()


class _Run:
    """A run in progress: everything that a checkpoint holds."""

    def __init__(
        self,
        learner: Learner,
        monitor: Monitor,
        settings: TrainSettings,
        folder: Path,
        seed: int,
        progress: Progress,
        every: Processes,
        signals: Signals,
        looker: Looker | None,
    ) -> None:
        self._learner = learner
        self._model = learner.model.to(every.device)
        self._monitor = monitor
        self._settings = settings
        self._folder = folder
        self._seed = seed
        self._progress = progress
        self._processes = every
        self._signals = signals
        self._looker = looker
        # All start from the weights of the main process; the average below starts from them too.
        for tensor in self._model.state_dict().values():
            every.share_(tensor)
        self._updater = Updater(learner, settings, every)
        self._average = WeightAverage(self._model, settings.average) if settings.average else None
        self._history = History()
        self._log: Log | None = None
        self._epoch, self._step, self._steps = 0, 0, 0
        self._sums = SoFar()
        self._waiting = 0
        self._best: float | None = None
        self._best_weights: dict[str, Tensor] = {}
        self._digest = ""
        self._finished = False
        self._pending: list[tuple[int, Update]] = []
        self._seconds, self._epoch_seconds = 0.0, 0.0
        self._began = self._epoch_began = self._saved = self._shown = time.monotonic()
        self._began_at: float | None = None
        self._sitting_tokens = 0

    def go(self, resume: bool) -> History:
        """Train to the end."""
        seed_all(self._seed, self._processes.rank)
        if resume:
            self._resume()
        if self._processes.main and not self._finished:
            self._log = Log(self._folder, self._steps, len(self._history.epochs))
        while not self._finished:
            self._train()
            self._end_epoch()
        if self._best_weights:
            load_state(self._model, self._best_weights, self._folder)
        elif self._average is not None:
            self._average.apply()
        self._model.eval()
        if self._signals.received:
            # It came too late to stop the training, but what follows it shall not begin.
            self._interrupted(self._signals.received)
        return self._history

    def close(self) -> None:
        """Close what is open."""
        self._progress.close()
        if self._log is not None:
            self._log.close()

    def _train(self) -> None:
        """The steps of the current epoch that are still to do."""
        batches = self._learner.batches(self._epoch)
        if not batches:
            raise ConfigError("there are no training rows; lower data.validation_fraction and data.test_fraction")
        digest = batches_digest(batches)
        if self._digest not in ("", digest):
            raise ConfigError(
                "the training rows differ from those of the run that is resumed; was the data file changed?"
            )
        self._digest = digest
        self._epoch_began = time.monotonic()
        if self._began_at is None:
            self._began_at = self._done(self._step, batches)
        self._model.train()
        self._updater.thaw(self._epoch)
        while self._step < len(batches):
            update = self._updater.step(batches[self._step], self._done(self._step + 0.5, batches), self._flags)
            self._step += 1
            self._steps += 1
            if self._average is not None:
                self._average.update(self._steps)
            self._pending.append((self._steps, update))
            self._show(batches)
            self._look(batches[self._step - 1])
            interrupt, terminate, save = update.sums.flags
            if interrupt or terminate:
                self._interrupt(signal.SIGTERM if terminate else signal.SIGINT)
            if save:
                self._save()
        # A run resumed at the end of an epoch has not set it yet.
        self._updater.set_rate(self._done(len(batches) - 0.5, batches))
        self._drain()

    def _done(self, steps: float, batches: Sequence[object]) -> float:
        """The share of the run that is done after so many steps of this epoch."""
        return (self._epoch + steps / len(batches)) / self._settings.epochs

    def _flags(self) -> list[bool]:
        """What this process tells the others at each step: was it interrupted, terminated, is a checkpoint due."""
        received = self._signals.received
        due = self._processes.main and time.monotonic() - self._saved >= self._settings.checkpoint_every
        return [received == signal.SIGINT, received == signal.SIGTERM, due]

    def _end_epoch(self) -> None:
        """Validate, keep the best weights, and decide whether to go on."""
        metrics = self._validate()
        gain = self._gain(metrics) if metrics else -math.inf
        # Of epochs with the same score the last is kept: the learning rate has come further down.
        best = gain >= 0
        if best:
            self._best = metrics[self._monitor.metric]
            with self._average.applied() if self._average is not None else nullcontext():
                self._best_weights = {name: t.detach().clone() for name, t in self._model.state_dict().items()}
        self._waiting = 0 if gain > 0 else self._waiting + bool(metrics)
        record = Epoch(
            number=self._epoch + 1,
            steps=self._steps,
            loss=self._sums.total / max(self._sums.items, 1),
            metrics=metrics,
            learning_rate=self._updater.learning_rate,
            tokens=self._sums.tokens,
            seconds=self._epoch_seconds + time.monotonic() - self._epoch_began,
            data_seconds=self._sums.data_seconds,
            exchange_seconds=self._sums.exchange_seconds,
            sent_bytes=self._sums.sent_bytes,
        )
        self._history.epochs.append(record)
        if best:
            self._history.best = record.number
        if self._log is not None:
            self._log.epoch(record)
        self._progress.epoch(record, gain > 0)
        release()
        self._epoch, self._step, self._digest = self._epoch + 1, 0, ""
        self._sums, self._epoch_seconds = SoFar(), 0.0
        self._epoch_began = time.monotonic()
        if self._settings.patience and self._waiting >= self._settings.patience:
            self._history.stopped = "patience"
        elif self._epoch >= self._settings.epochs:
            self._history.stopped = "epochs"
        if self._history.stopped:
            self._finished = True
            self._history.seconds = self._seconds + time.monotonic() - self._began
            self._save()

    def _validate(self) -> dict[str, float]:
        """The scores that the main process finds; every process gets them."""
        answer = b""
        if self._processes.main:
            before = random_state(self._processes.device)
            self._model.eval()
            try:
                with self._average.applied() if self._average is not None else nullcontext(), self._signals.at_once():
                    answer = json.dumps({"metrics": self._learner.validate()}).encode()
            except Stop:
                # The checkpoint stands before the validation, which is done again when the run is resumed.
                set_random_state(before, self._processes.device)
                answer = json.dumps({"signal": self._signals.received}).encode()
        value = json.loads(self._processes.share(answer))
        if "signal" in value:
            self._interrupt(value["signal"])
        return {name: float(score) for name, score in value["metrics"].items()}

    def _gain(self, metrics: Mapping[str, float]) -> float:
        """By how much the score is better than the best so far; negative if it is worse or undefined."""
        name = self._monitor.metric
        if name not in metrics:
            raise ConfigError(f"the validation metric '{name}' is not among those computed: {', '.join(metrics)}")
        score = metrics[name]
        if math.isnan(score):
            return -math.inf
        if self._best is None:
            return math.inf
        return score - self._best if self._monitor.higher_is_better else self._best - score

    def _show(self, batches: Sequence[object]) -> None:
        """Log this step if it is one that is logged, and move the display if it is time."""
        now = time.monotonic()
        steps = len(batches)
        number, update = self._pending[-1]
        if self._log is not None and (self._step % max(1, steps // _LOGGED) == 0 or self._step == steps):
            loss = float(update.sums.total) / max(update.sums.items, 1)
            self._log.step(number, loss, self._updater.learning_rate, float(update.norm))
        if now - self._shown >= _SHOWN_EVERY or len(self._pending) >= 100:
            self._drain()
            self._shown = now
            elapsed = now - self._began
            done = self._done(self._step, batches)
            left = elapsed * (1 - done) / max(done - (self._began_at or 0.0), 1e-9)
            rate = self._sitting_tokens / max(elapsed, 1e-9)
            loss = self._sums.total / max(self._sums.items, 1)
            self._progress.step(Pace(self._epoch + 1, self._settings.epochs, self._step, steps, loss, rate, left))

    def _look(self, rows: np.ndarray) -> None:
        """Log what the looker sees inside the network, if it looks, and pass its warning on."""
        if self._looker is None or self._log is None:
            return
        seen = self._looker.look(rows, self._processes.device, time.monotonic() - self._began)
        if seen is not None:
            self._log.inside(self._steps, seen.values)
            if seen.warning:
                self._progress.note(f"step {self._steps}: {seen.warning}")

    def _drain(self) -> None:
        """Fetch the losses of the last steps from the device, and make sure that they are numbers."""
        for steps, update in self._pending:
            total, norm = float(update.sums.total), float(update.norm)
            # The gradient scaler of float16 tries scales until one fits: its infinite gradients are not applied.
            if not math.isfinite(total) or not (math.isfinite(norm) or self._updater.scaler.is_enabled()):
                what = f"the loss is {total}" if not math.isfinite(total) else f"the gradient's norm is {norm}"
                raise TrainingError(
                    f"epoch {self._epoch + 1}, step {steps}: {what}; lower training.learning_rate or"
                    " training.clip_norm, raise training.warmup, or look for extreme values in the data"
                )
            self._sums.add(update)
            self._sitting_tokens += update.sums.tokens
        self._pending.clear()

    def _interrupt(self, signum: int) -> None:
        self._save()
        self._interrupted(signum)

    def _interrupted(self, signum: int) -> None:
        raise Interrupted(
            signum,
            f"stopped by {signal.Signals(signum).name} in epoch {self._epoch + 1} after {self._steps} steps in all;"
            " the run is saved",
        )

    def _save(self) -> None:
        """Write a checkpoint. Every process gives what it alone holds; the main process writes."""
        self._drain()
        of_process = {
            **prefixed("random", random_state(self._processes.device)),
            **prefixed("carried", self._learner.carried()),
        }
        contents = self._processes.collect(encode_tensors(of_process))
        if self._processes.main:
            now = time.monotonic()
            position = Position(
                epoch=self._epoch,
                step=self._step,
                steps=self._steps,
                **dataclasses.asdict(self._sums),
                seconds=self._seconds + now - self._began,
                epoch_seconds=self._epoch_seconds + now - self._epoch_began,
                waiting=self._waiting,
                best=self._best,
                history=self._history,
                settings=self._settings,
                seed=self._seed,
                processes=self._processes.count,
                threads=torch.get_num_threads(),
                batches=self._digest,
                scale=self._updater.scale(),
                finished=self._finished,
            )
            tensors = {
                **prefixed("model", self._model.state_dict()),
                **prefixed("best", self._best_weights),
                **prefixed("optimizer", self._updater.state()),
                **prefixed("average", self._average.tensors if self._average is not None else {}),
            }
            for rank, content in enumerate(contents):
                tensors.update(prefixed(f"process{rank}", decode_tensors(content, self._folder)))
            save_checkpoint(self._folder / "checkpoints", position, tensors)
        self._saved = time.monotonic()

    def _resume(self) -> None:
        """Take up the newest complete checkpoint, if there is one."""
        newest = read_checkpoint(self._folder / "checkpoints") if self._processes.main else None
        path, about, content = newest or Checkpoint(self._folder, b"", b"")
        checkpoint = Checkpoint(path, self._processes.share(about), self._processes.share(content))
        if not checkpoint.about:
            self._progress.note(f"{self._folder} has no complete checkpoint yet: starting from the beginning")
            return
        position, tensors = checkpoint.open()
        for note in check_resumes(position, checkpoint.path, self._settings, self._seed, self._processes.count):
            self._progress.note(note)
        load_state(self._model, below("model", tensors), checkpoint.path)
        self._updater.load(below("optimizer", tensors), position.scale, checkpoint.path)
        self._best_weights = {name: t.to(self._processes.device) for name, t in below("best", tensors).items()}
        if self._average is not None:
            self._average.load(below("average", tensors), checkpoint.path)
        of_process = below(f"process{self._processes.rank}", tensors)
        if self._processes.count == position.processes:
            set_random_state(below("random", of_process), self._processes.device)
            carried = below("carried", of_process)
            self._learner.carry({name: tensor.to(self._processes.device) for name, tensor in carried.items()})
        self._history = position.history
        self._epoch, self._step, self._steps = position.epoch, position.step, position.steps
        self._sums = SoFar(**{field.name: getattr(position, field.name) for field in dataclasses.fields(SoFar)})
        self._seconds, self._waiting, self._best = position.seconds, position.waiting, position.best
        self._epoch_seconds = position.epoch_seconds
        self._digest, self._finished = position.batches, position.finished
        self._progress.note(
            f"continuing from {checkpoint.path.name}: epoch {self._epoch + 1}, {self._steps} steps done"
        )

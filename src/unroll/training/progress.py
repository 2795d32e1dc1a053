"""What is shown while training: a table that grows in place on a terminal, otherwise one line per epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from unroll.training.history import Epoch

#: Epochs and metrics that the table of a terminal shows at once.
_LATEST, _METRICS = 6, 4


class Pace(NamedTuple):
    """How far a run is.

    Attributes:
        epoch: the current epoch, from 1.
        epochs: how many there are at most.
        step: batches of this epoch that are done.
        steps: how many this epoch has.
        loss: mean training loss per item in this epoch so far.
        tokens_per_second: time steps per second in this sitting, over all processes.
        seconds_left: until the last epoch's end, at this pace; early stopping may come sooner.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    tokens_per_second: float
    seconds_left: float


class Progress(Protocol):
    """Where the loop says how far it is."""

    def note(self, text: str) -> None:
        """Say something once."""

    def step(self, pace: Pace) -> None:
        """Show how far the run is; called a few times per second."""

    def epoch(self, record: Epoch, best: bool) -> None:
        """Show a finished epoch; `best` if its validation score is better than all before it."""

    def close(self) -> None:
        """Nothing more will come."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def step(self, pace: Pace) -> None:
        """Show nothing."""

    def epoch(self, record: Epoch, best: bool) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """One line per epoch, for logs and pipes.

    Args:
        stream: where to; standard error if None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def note(self, text: str) -> None:
        """Write the text as a line."""
        print(text, file=self._stream or sys.stderr, flush=True)

    def step(self, pace: Pace) -> None:
        """Show nothing."""

    def epoch(self, record: Epoch, best: bool) -> None:
        """Write the epoch as a line."""
        self.note(describe(record, best))

    def close(self) -> None:
        """Do nothing."""


class TerminalBar:
    """A table of the best and the latest epochs; under it a bar with loss, tokens per second and time left; in place.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Bar(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[about]}"))
        self._task: TaskID | None = None
        self._epochs: list[Epoch] = []
        self._best: Epoch | None = None
        self._live: Live | None = None

    def note(self, text: str) -> None:
        """Write the text above the table."""
        self._console.print(text, markup=False, highlight=False)

    def step(self, pace: Pace) -> None:
        """Move the bar."""
        name = f"epoch {pace.epoch}/{pace.epochs}"
        about = f"loss {pace.loss:.4f}  {pace.tokens_per_second:,.0f} tokens/s  {clock(pace.seconds_left)} left"
        if self._task is None:
            self._task = self._bar.add_task(name, about=about)
        self._bar.update(self._task, description=name, completed=pace.step, total=pace.steps, about=about)
        self._show(self._bar)

    def epoch(self, record: Epoch, best: bool) -> None:
        """Take the epoch into the table."""
        self._epochs.append(record)
        if best:
            self._best = record
        self._show(self._bar)
        if self._live is not None:
            self._live.refresh()

    def close(self) -> None:
        """Remove the bar; the table stays."""
        if self._live is not None:
            self._show()
            self._live.stop()
            self._live = None

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Show a moving bar beside the text for as long as the block runs."""
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Bar(*columns, console=self._console, transient=True) as bar:
            bar.add_task(text, total=None)
            yield

    def _show(self, *below: RenderableType) -> None:
        shown = Group(*([self._table()] if self._epochs else []), *below)
        if self._live is None:
            self._live = Live(shown, console=self._console, refresh_per_second=8)
            self._live.start()
        self._live.update(shown)

    def _table(self) -> Table:
        latest = self._epochs[-_LATEST:]
        best = [self._best] if self._best is not None and self._best not in latest else []
        names = _shown_metrics(self._epochs[-1])
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for head in ("epoch", "loss", *(name.replace("_", " ") for name in names), "seconds", ""):
            table.add_column(head, justify="right", no_wrap=True)
        for record in [*best, *latest]:
            scores = (f"{record.metrics[name]:.4g}" if name in record.metrics else "" for name in names)
            mark = "best" if record is self._best else ""
            table.add_row(str(record.number), f"{record.loss:.4f}", *scores, f"{record.seconds:.1f}", mark)
        return table


@contextmanager
def busy(progress: Progress, text: str) -> Iterator[None]:
    """Say what is done in the block, which may take a while: with a moving bar where the progress has one."""
    if isinstance(progress, TerminalBar):
        with progress.busy(text):
            yield
    else:
        progress.note(text)
        yield


def _shown_metrics(record: Epoch) -> list[str]:
    """The metrics that a terminal has room for; "score" only where it is not another one by a second name."""
    twice = record.metrics.get("score") in [value for name, value in record.metrics.items() if name != "score"]
    return [name for name in record.metrics if not (twice and name == "score")][:_METRICS]


class Told:
    """Passes everything on, and tells callbacks of finished epochs.

    Args:
        progress: where it passes to.
        callbacks: each is called with the record of the epoch.
    """

    def __init__(self, progress: Progress, callbacks: Sequence[Callable[[Epoch], object]]) -> None:
        self._progress = progress
        self._callbacks = callbacks

    def note(self, text: str) -> None:
        """Pass the text on."""
        self._progress.note(text)

    def step(self, pace: Pace) -> None:
        """Pass it on."""
        self._progress.step(pace)

    def epoch(self, record: Epoch, best: bool) -> None:
        """Pass the epoch on, and call every callback."""
        self._progress.epoch(record, best)
        for callback in self._callbacks:
            callback(record)

    def close(self) -> None:
        """Pass it on."""
        self._progress.close()


def with_callbacks(progress: Progress, callbacks: Sequence[Callable[[Epoch], object]]) -> Progress:
    """The progress, and callbacks beside it if there are any."""
    return Told(progress, callbacks) if callbacks else progress


def open_progress(stream: TextIO | None = None) -> Progress:
    """A bar if the stream (standard error if None) is a terminal, or in a notebook; otherwise lines."""
    target = stream or sys.stderr
    if stream is None and (console := Console()).is_jupyter:
        return TerminalBar(console)
    return TerminalBar(Console(file=target)) if target.isatty() else Lines(stream)


def describe(record: Epoch, best: bool) -> str:
    """An epoch in one line."""
    scores = "".join(f"  {name} {value:.4g}" for name, value in record.metrics.items())
    rate = record.tokens / max(record.seconds, 1e-9)
    star = "  (best)" if best else ""
    return f"epoch {record.number}  loss {record.loss:.4f}{scores}  {rate:,.0f} tokens/s  {record.seconds:.1f} s{star}"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

"""The training loop: checkpoints, resume, early stopping, one or several processes."""

from unroll.train.history import Epoch, History
from unroll.train.learner import Learner, Loss, Monitor
from unroll.train.loop import TrainingError, fit
from unroll.train.processes import Processes, ProcessLostError, processes
from unroll.train.progress import Lines, Pace, Progress, Silent, TerminalBar, open_progress
from unroll.train.settings import TrainSettings
from unroll.train.signals import Interrupted

__all__ = [
    "Epoch",
    "History",
    "Interrupted",
    "Learner",
    "Lines",
    "Loss",
    "Monitor",
    "Pace",
    "ProcessLostError",
    "Processes",
    "Progress",
    "Silent",
    "TerminalBar",
    "TrainSettings",
    "TrainingError",
    "fit",
    "open_progress",
    "processes",
]

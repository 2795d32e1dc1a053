"""The training loop: checkpoints, resume, early stopping, one or several processes."""

from unroll.training.chance import entropy, nothing_learnt
from unroll.training.feed import Feed
from unroll.training.history import Epoch, History
from unroll.training.learner import Inside, Learner, Looker, Loss, Monitor
from unroll.training.loop import TrainingError, fit
from unroll.training.processes import Processes, ProcessLostError, processes
from unroll.training.progress import Lines, Pace, Progress, Silent, TerminalBar, busy, open_progress
from unroll.training.settings import TrainSettings
from unroll.training.signals import Interrupted

__all__ = [
    "Epoch",
    "Feed",
    "History",
    "Inside",
    "Interrupted",
    "Learner",
    "Lines",
    "Looker",
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
    "busy",
    "entropy",
    "fit",
    "nothing_learnt",
    "open_progress",
    "processes",
]

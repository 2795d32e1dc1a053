"""The training loop: checkpoints, resume, early stopping, one or several processes."""

from unroll.train.history import Epoch, History
from unroll.train.learner import Learner, Loss, Monitor
from unroll.train.loop import Interrupted, fit
from unroll.train.progress import Progress, Silent
from unroll.train.settings import TrainSettings

__all__ = ["Epoch", "History", "Interrupted", "Learner", "Loss", "Monitor", "Progress", "Silent", "TrainSettings", "fit"]

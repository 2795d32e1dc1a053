"""Tasks: the wiring of reader, model, loss, decoding, metrics, baselines and plots."""

from unroll.tasks.registry import TASKS

__all__ = ["TASKS"]

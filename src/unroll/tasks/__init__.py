"""Tasks: the wiring of reader, model, loss, decoding, metrics, baselines and plots."""

from unroll.tasks.base import Task
from unroll.tasks.classify import ClassifyTask
from unroll.tasks.generate import GenerateTask

#: Every task by the name that `--task` takes.
TASKS: dict[str, Task] = {task.name: task for task in (ClassifyTask(), GenerateTask())}

__all__ = ["TASKS", "Task"]

"""Tasks: the wiring of reader, model, loss, decoding, metrics, baselines and plots."""

from unroll.tasks.base import Task
from unroll.tasks.classify.task import ClassifyTask
from unroll.tasks.fill.task import FillTask
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.generate.task import GenerateTask
from unroll.tasks.tag.task import TagTask

#: Every task by the name that `--task` takes.
TASKS: dict[str, Task] = {
    task.name: task for task in (ClassifyTask(), FillTask(), ForecastTask(), GenerateTask(), TagTask())
}

__all__ = ["TASKS", "Task"]

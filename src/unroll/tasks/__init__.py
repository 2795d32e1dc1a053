"""Tasks: the wiring of reader, model, loss, decoding, metrics, baselines and plots."""

from unroll.tasks.base import Task
from unroll.tasks.classify.job import ClassifyTask
from unroll.tasks.fill.job import FillTask
from unroll.tasks.forecast.job import ForecastTask
from unroll.tasks.generate.job import GenerateTask
from unroll.tasks.tag.job import TagTask

#: Every task by the name that `--task` takes.
TASKS: dict[str, Task] = {
    task.name: task for task in (ClassifyTask(), FillTask(), ForecastTask(), GenerateTask(), TagTask())
}

__all__ = ["TASKS", "Task"]

"""Every task, one line each; a task's package is imported when the task is first used."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from unroll.errors import ConfigError, nearest
from unroll.tasks.options import Choose, Options, Value, training

if TYPE_CHECKING:
    from unroll.tasks.base import Task

#: The name that `--task` takes -> where its class stands. Its package says its options in a file `options`, which
#: imports nothing heavy.
LINES: dict[str, str] = {
    "answer": "unroll.tasks.answer.task:AnswerTask",
    "caption": "unroll.tasks.caption.task:CaptionTask",
    "chat": "unroll.tasks.chat.task:ChatTask",
    "classify": "unroll.tasks.classify.task:ClassifyTask",
    "detect": "unroll.tasks.detect.task:DetectTask",
    "fill": "unroll.tasks.fill.task:FillTask",
    "forecast": "unroll.tasks.forecast.task:ForecastTask",
    "generate": "unroll.tasks.generate.task:GenerateTask",
    "tag": "unroll.tasks.tag.task:TagTask",
    "transcribe": "unroll.tasks.transcribe.task:TranscribeTask",
    "translate": "unroll.tasks.translate.task:TranslateTask",
}


class Registry(Mapping[str, "Task"]):
    """The tasks by name, each made when it is asked for."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._lines = lines
        self._made: dict[str, Task] = {}

    def __getitem__(self, name: str) -> Task:
        line = self._lines[name]
        if line not in self._made:
            module, _, made = line.partition(":")
            self._made[line] = getattr(importlib.import_module(module), made)()
        return self._made[line]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def options(self) -> dict[str, Options]:
        """What each task may be told, without importing what it does its work with."""
        found: dict[str, Options] = {}
        for name, line in self._lines.items():
            package = line.partition(":")[0].rpartition(".")[0]
            found[name] = importlib.import_module(f"{package}.options").OPTIONS
        return found

    def place(self, given: Mapping[str, Value], task: Task, choose: Choose) -> dict[str, Value]:
        """Return the values of options by the keys where they go.

        Args:
            given: name of an option -> its value.
            task: the task that is told.
            choose: `training` or `prediction`.

        Raises:
            ConfigError: the task has no such option; names the tasks that do.
        """
        known = {option.name: option for option in choose(task.options)}
        for name in given:
            if name not in known:
                own = {other: [option.name for option in choose(told)] for other, told in self.options().items()}
                have = [other for other, names in own.items() if name in names]
                which = f"; these have it: {', '.join(have)}" if have else _instead(name, known, task, choose)
                raise ConfigError(f"the task '{task.name}' has no option --{name.replace('_', '-')}{which}")
        return {known[name].key: value for name, value in given.items()}


def _instead(name: str, known: Iterable[str], task: Task, choose: Choose) -> str:
    """What to write for an option that no task has: the setting of this name, or the option that is spelled so."""
    if choose is training:
        from unroll.training import TrainSettings

        for section, fields in (("training", TrainSettings.model_fields), ("model", task.Settings.model_fields)):
            if name in fields:
                key = f"{section}.{name}"
                return f"; it is a setting: --set {key}=VALUE, in Python settings={{'{key}': VALUE}}"
    return nearest(name, known)


TASKS = Registry(LINES)

"""What tasks declare: cheap to read, the same name the same thing, and an error where a task has it not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unroll.bundle import RunConfig
from unroll.errors import ConfigError
from unroll.tasks import TASKS
from unroll.tasks.options import Option, prediction, training


def test_the_registry_names_every_task_as_it_names_itself() -> None:
    for name, options in TASKS.options().items():
        assert TASKS[name].name == name
        assert TASKS[name].options is options


@pytest.mark.parametrize("choose", [training, prediction])
def test_the_same_name_means_the_same_in_every_task(choose) -> None:
    met: dict[str, Option] = {}
    for options in TASKS.options().values():
        for option in choose(options):
            assert met.setdefault(option.name, option) == option


def test_every_value_of_training_has_a_place_in_the_config() -> None:
    for name, options in TASKS.options().items():
        for option in options.training:
            section, _, key = option.key.partition(".")
            assert section in RunConfig.model_fields
            assert section != "model" or key in TASKS[name].Settings.model_fields, f"{name}: {option.key}"


def test_an_option_that_a_task_does_not_have_names_those_that_do() -> None:
    assert TASKS.place({"hidden_size": 3}, TASKS["fill"], training) == {"model.hidden_size": 3}
    with pytest.raises(ConfigError, match=r"the task 'fill' has no option --horizon; these have it: forecast$"):
        TASKS.place({"horizon": 3}, TASKS["fill"], training)
    with pytest.raises(ConfigError, match=r"the task 'tag' has no option --top-k; these have it: generate$"):
        TASKS.place({"top_k": 3}, TASKS["tag"], prediction)
    with pytest.raises(ConfigError, match=r"has no option --nothing$"):
        TASKS.place({"nothing": 3}, TASKS["tag"], prediction)
    with pytest.raises(ConfigError, match=r"no option --hiden-size \(did you mean 'hidden_size'\?\)$"):
        TASKS.place({"hiden_size": 3}, TASKS["tag"], training)
    for key in ("training.learning_rate", "model.dropout"):
        name = key.partition(".")[2]
        with pytest.raises(
            ConfigError, match=rf"it is a setting: --set {key}=VALUE, in Python settings={{'{key}': VALUE}}"
        ):
            TASKS.place({name: 0.1}, TASKS["classify"], training)


def test_what_is_declared_is_read_without_what_the_work_is_done_with() -> None:
    heavy = "{'torch', 'numpy', 'pydantic', 'pyarrow', 'sklearn', 'rich'}"
    code = f"import sys; from unroll.tasks import TASKS; TASKS.options(); assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

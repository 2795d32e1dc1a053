"""What a task may be told on the line or by keyword: plain data, so that `unroll --help` can read it in no time.

A package under `tasks` says its own in its file `options.py`; the commands, their help and the table of the manual are
made from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

#: What an option can be worth.
Value = bool | int | float | str
#: The model section of a config as plain values, and one in which nothing is set.
Model = Mapping[str, Any]
NO_SETTINGS: Model = MappingProxyType({})


@dataclass(frozen=True)
class Option:
    """One option of a task. The same name means the same wherever it stands: a test holds tasks to that.

    Attributes:
        name: as a keyword of Python, such as "hidden_size"; on the line `--hidden-size`.
        key: where the value goes: a key of the config, such as "model.hidden_size"; of an option of prediction, a key
            of each record.
        type: of its value; a bool is `--name` or `--no-name`.
        metavar: what stands for the value in the help.
        help: one line.
        least: the smallest value.
        most: the largest.
    """

    name: str
    key: str
    type: type[bool] | type[int] | type[float] | type[str]
    metavar: str
    help: str
    least: float | None = None
    most: float | None = None

    @property
    def flag(self) -> str:
        """As it is given on the line."""
        return "--" + self.name.replace("_", "-")


class Options(NamedTuple):
    """What a task may be told.

    Attributes:
        training: by `train` and `compare`; the values go into the config.
        prediction: by `predict`; the values go into every record that does not say otherwise itself.
    """

    training: tuple[Option, ...] = ()
    prediction: tuple[Option, ...] = ()


#: How one of the two is chosen.
Choose = Callable[[Options], tuple[Option, ...]]


def training(options: Options) -> tuple[Option, ...]:
    """What a task may be told by `train` and `compare`."""
    return options.training


def prediction(options: Options) -> tuple[Option, ...]:
    """What a task may be told by `predict`."""
    return options.prediction


CELL = Option("cell", "model.encoder", str, "NAME", "The recurrent cell; `unroll info` lists them.")
HIDDEN_SIZE = Option("hidden_size", "model.hidden_size", int, "H", "State size of the recurrent layers.")
NUM_LAYERS = Option("num_layers", "model.num_layers", int, "L", "How many recurrent layers.")
BIDIRECTIONAL = Option("bidirectional", "model.bidirectional", bool, "", "Whether to read from both ends.")
BEAM = Option("beam", "beam", int, "N", "How many hypotheses a search carries on; 1: greedy.", least=1)
INIT = Option(
    "init", "model.init", str, "RUN", "Start from a run of a model of text, such as generate: its tokens and weights."
)

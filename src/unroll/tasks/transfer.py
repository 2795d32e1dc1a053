"""A finished run as the beginning of another task: its tokens, their vectors and its layers.

Which runs can be started from is up to their tasks: a task that is a `Source` says how its tokens and its layers are
taken. Nothing here knows one by name.

Shapes: N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from unroll.bundle import RunFolder
from unroll.cells import CELLS
from unroll.data import Tokenizer, WordTokenizer
from unroll.data.text.tokens import Encoded
from unroll.errors import ConfigError
from unroll.layers import Stack
from unroll.models.both_ways import BothWays, one_way
from unroll.tasks.registry import TASKS

#: What the run folder of the new task calls the tokens that it took over.
TOKENIZER = "start_tokenizer.json"
#: How a weight that is dropped in training is called in a state dict.
_DROPPED = ("parametrizations.", ".original")


class Offer(NamedTuple):
    """What a finished run gives to another task.

    Attributes:
        tokenizer: its tokens.
        encoder: the name of its cell.
        embedding_size: of the tokens' vectors.
        hidden_size: of its layers.
        num_layers: in each direction.
        weights: by their names in `Beginning`: "embedding.weight", "encoder.forwards.layers.0.weight_ih" ...; those
            below "encoder.backwards" if it reads in both directions.
    """

    tokenizer: Tokenizer
    encoder: str
    embedding_size: int
    hidden_size: int
    num_layers: int
    weights: dict[str, Tensor]


@runtime_checkable
class Source(Protocol):
    """A task whose runs another task can start from."""

    def offer(self, folder: RunFolder) -> Offer:
        """Read what a finished run gives.

        Raises:
            BundleError: the folder is damaged.
        """
        ...

    def tokens_of(self, tokenizer: Tokenizer, text: str) -> np.ndarray:
        """(N,) int32, the tokens of a text as its runs meet them in training, edges and all."""
        ...


def source(task: str) -> Source:
    """The task of this name, whose runs can be started from.

    Raises:
        ValueError: there is none; names those that there are.
    """
    offering = TASKS.get(task)
    if not isinstance(offering, Source):
        raise ValueError(f"expected {' or '.join(sources())}, got '{task}'")
    return offering


def sources() -> list[str]:
    """The tasks whose runs can be started from."""
    return [name for name, task in TASKS.items() if isinstance(task, Source)]


class Start(BaseModel):
    """What was taken over, so that the network can be built again without the run: a closed schema.

    Attributes:
        task: of the run.
        encoder: its cell.
        tokens: numbers of its vocabulary.
        embedding_size: of its vectors.
        hidden_size: of its layers.
        num_layers: in each direction.
        backwards: the backwards layers: taken over, or starting at random because the run has none, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    encoder: str
    tokens: int = Field(ge=2, le=100_000_000)
    embedding_size: int = Field(ge=1, le=65_536)
    hidden_size: int = Field(ge=1, le=65_536)
    num_layers: int = Field(ge=1, le=1_000)
    backwards: Literal["taken", "random", "none"]

    @field_validator("task")
    @classmethod
    def _known_task(cls, value: str) -> str:
        source(value)
        return value


class Pretrained(NamedTuple):
    """A run to start from.

    Attributes:
        start: what it is, and what is taken over.
        tokenizer: its tokens.
        weights: those that are taken over, by their names in `build_encoder`'s modules: "embedding.weight",
            "encoder.forwards.layers.0.weight_ih" ...
        files: what the new run depends on.
        note: what is taken over, in words.
    """

    start: Start
    tokenizer: Tokenizer
    weights: dict[str, Tensor]
    files: tuple[Path, ...]
    note: str


def read_pretrained(path: Path | str, *, bidirectional: bool) -> Pretrained:
    """Read a finished run to start from.

    Args:
        path: its folder.
        bidirectional: whether the new task reads from both ends.

    Raises:
        BundleError: the folder is not that of a finished run, or is damaged.
        ConfigError: it is the run of another task, or of a network whose layers cannot be taken over.
    """
    folder = RunFolder.open(path)
    task = folder.config.task
    if task not in sources():
        raise ConfigError(f"--init {folder.path}: expected a run of {' or '.join(sources())}, got one of '{task}'")
    offer = source(task).offer(folder)
    if offer.encoder not in CELLS:
        raise ConfigError(
            f"--init {path}: its network is '{offer.encoder}', and only layers of one cell can be taken over:"
            f" {', '.join(CELLS)}"
        )
    has_backwards = any(name.startswith("encoder.backwards") for name in offer.weights)
    weights = {
        name: tensor
        for name, tensor in offer.weights.items()
        if bidirectional or not name.startswith("encoder.backwards")
    }
    start = Start(
        task=task,
        encoder=offer.encoder,
        tokens=offer.tokenizer.size,
        embedding_size=offer.embedding_size,
        hidden_size=offer.hidden_size,
        num_layers=offer.num_layers,
        backwards="none" if not bidirectional else "taken" if has_backwards else "random",
    )
    ways = "both directions" if has_backwards and bidirectional else "the forwards direction"
    count = sum(tensor.numel() for tensor in weights.values())
    note = (
        f"started from {path} ({start.task}): the vectors of {start.tokens:,} tokens and {start.num_layers}"
        f" {start.encoder} layer(s) of {start.hidden_size} in {ways}, {count:,} weights in all"
    )
    if bidirectional and not has_backwards:
        note += "; the backwards layers start at random, because the run has none"
    elif has_backwards and not bidirectional:
        note += "; its backwards layers are left out"
    return Pretrained(start, offer.tokenizer, weights, (folder.weights, folder.tokenizer), note)


def below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of a state dict under a prefix, without it, and dropped weights by their own names."""
    head, tail = _DROPPED
    return {
        name[len(prefix) :].replace(head, "").removesuffix(tail): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


class Beginning(nn.Module):
    """The vectors and the layers that can be taken over, untrained.

    Args:
        start: their sizes.
        dropout: between layers.
        engine: what runs them.
    """

    def __init__(self, start: Start, *, dropout: float, engine: str) -> None:
        super().__init__()
        cell = CELLS[start.encoder]
        sizes = [start.embedding_size, *[start.hidden_size] * start.num_layers]
        stacks = [
            one_way(cell, sizes, reverse=reverse, dropout=dropout, engine=engine)
            for reverse in (False, True)[: 1 if start.backwards == "none" else 2]
        ]
        self.embedding = nn.Embedding(start.tokens, start.embedding_size)
        self.encoder = BothWays(stacks[0], stacks[1] if len(stacks) == 2 else None)


@torch.no_grad()
def take(modules: Mapping[str, nn.Module], pretrained: Pretrained) -> None:
    """Copy the weights of a run into modules of its sizes, by the names that `Beginning` gives them."""
    own = {
        f"{first}.{name}".removeprefix("."): tensor
        for first, part in modules.items()
        for name, tensor in part.state_dict().items()
    }
    for name, tensor in pretrained.weights.items():
        own[name].copy_(tensor)


@dataclass(frozen=True)
class RunTokens:
    """From a text to tokens as the runs of a task met them, edges and all.

    Attributes:
        tokenizer: of the run.
        task: of the run.
    """

    tokenizer: Tokenizer
    task: str

    def __call__(self, text: str) -> np.ndarray:
        """(N,) int32."""
        return source(self.task).tokens_of(self.tokenizer, text)


def split_layers(encoder: BothWays, start: Start) -> tuple[list[list[nn.Module]], list[nn.Module]]:
    """The layers that were taken over, those of one height together, the highest first; and those that start at
    random."""
    ways: list[Stack] = [encoder.forwards]
    random: list[Stack] = []
    if encoder.backwards is not None:
        (random if start.backwards == "random" else ways).append(encoder.backwards)
    heights = zip(*(list(stack.layers)[::-1] for stack in ways), strict=True)
    return [list(layers) for layers in heights], list[nn.Module](random)


class SentencePieces:
    """Sentences that are lists of tokens, in the pieces of a run, and which piece belongs to which token.

    Args:
        tokenizer: of the run.
        task: of the run; says what stands at the edges.
        spaced: whether a space stands between two tokens.
    """

    def __init__(self, tokenizer: Tokenizer, task: str, *, spaced: bool) -> None:
        self._tokenizer = tokenizer
        # Between words a space is understood; before all other pieces it is written.
        self._space = " " if spaced and not isinstance(tokenizer, WordTokenizer) else ""
        self._edge = RunTokens(tokenizer, task)("")

    def add(self, sentence: Encoded, tokens: Sequence[str]) -> Encoded:
        """The sentence with its pieces."""
        first, last = self._edge[: len(self._edge) // 2], self._edge[len(self._edge) // 2 :]
        own = [self._tokenizer.encode(token if at == 0 else self._space + token) for at, token in enumerate(tokens)]
        # A token may be nothing to the run's tokenizer; it is then something unknown.
        own = [pieces if len(pieces) else np.full(1, self._tokenizer.unknown_id, dtype=np.int32) for pieces in own]
        ends = len(first) + np.cumsum([0, *map(len, own)])
        return sentence._replace(pieces=np.concatenate([first, *own, last]), starts=ends[:-1], ends=ends[1:] - 1)


def check_fits(pretrained: Pretrained, given: Mapping[str, object], path: str) -> None:
    """Compare the settings that the user may have given with the run's.

    Args:
        pretrained: the run.
        given: name of a setting -> its value, None if it was left open.
        path: the run's folder, as it was given.

    Raises:
        ConfigError: one differs.
    """
    for name, value in given.items():
        expected = getattr(pretrained.start, name)
        if value is not None and value != expected:
            raise ConfigError(
                f"--init {path}: its model.{name} is {expected}, got {value}; give --set model.{name}={expected}, or"
                " read words beside it, whose layers these are, with --set model.words=true"
            )

"""A finished run of a language model as the beginning of another task: its tokens, their vectors and its layers.

Shapes: N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from unroll.bundle import RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Tokeniser, WordTokeniser, tokeniser_from_json
from unroll.data.text.tokens import Encoded
from unroll.errors import ConfigError
from unroll.layers import Stack
from unroll.models.both_ways import BothWays, one_way
from unroll.tasks.fill.network import load_network
from unroll.tasks.fill.settings import FillSettings
from unroll.tasks.generate.network import build_network
from unroll.tasks.generate.settings import GenerateSettings

#: What the run folder of the new task calls the tokens that it took over.
TOKENISER = "start_tokenizer.json"
#: How a weight that is dropped in training is called in a state dict.
_DROPPED = ("parametrizations.", ".original")


class Start(BaseModel):
    """What was taken over, so that the network can be built again without the run: a closed schema.

    Attributes:
        task: of the run: "generate" read forwards, "fill" in both directions.
        encoder: its cell.
        tokens: numbers of its vocabulary.
        embedding_size: of its vectors.
        hidden_size: of its layers.
        num_layers: in each direction.
        backwards: the backwards layers: taken over, or starting at random because the run has none, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["generate", "fill"]
    encoder: str
    tokens: int = Field(ge=2, le=100_000_000)
    embedding_size: int = Field(ge=1, le=65_536)
    hidden_size: int = Field(ge=1, le=65_536)
    num_layers: int = Field(ge=1, le=1_000)
    backwards: Literal["taken", "random", "none"]


class Pretrained(NamedTuple):
    """A run to start from.

    Attributes:
        start: what it is, and what is taken over.
        tokeniser: its tokens.
        weights: those that are taken over, by their names in `build_encoder`'s modules: "embedding.weight",
            "encoder.forwards.layers.0.weight_ih" ...
        files: what the new run depends on.
        note: what is taken over, in words.
    """

    start: Start
    tokeniser: Tokeniser
    weights: dict[str, Tensor]
    files: tuple[Path, ...]
    note: str


def read_pretrained(path: Path | str, *, bidirectional: bool) -> Pretrained:
    """Read a finished run of generate or fill.

    Args:
        path: its folder.
        bidirectional: whether the new task reads from both ends.

    Raises:
        BundleError: the folder is not that of a finished run, or is damaged.
        ConfigError: it is the run of another task, or of a network whose layers cannot be taken over.
    """
    folder = RunFolder.open(path)
    tokeniser, settings, found = _READERS.get(folder.config.task, _refuse)(folder)
    if settings.encoder not in CELLS:
        raise ConfigError(
            f"--init {path}: its network is '{settings.encoder}', and only layers of one cell can be taken over:"
            f" {', '.join(CELLS)}"
        )
    has_backwards = any(name.startswith("encoder.backwards") for name in found)
    weights = {
        name: tensor for name, tensor in found.items() if bidirectional or not name.startswith("encoder.backwards")
    }
    start = Start(
        task="fill" if folder.config.task == "fill" else "generate",
        encoder=settings.encoder,
        tokens=tokeniser.size,
        embedding_size=settings.embedding_size,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
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
    return Pretrained(start, tokeniser, weights, (folder.weights, folder.tokenizer), note)


def _refuse(folder: RunFolder) -> tuple[Tokeniser, Any, dict[str, Tensor]]:
    raise ConfigError(
        f"--init {folder.path}: expected a run of {' or '.join(_READERS)}, got one of '{folder.config.task}'"
    )


def _read_generate(folder: RunFolder) -> tuple[Tokeniser, Any, dict[str, Tensor]]:
    settings = validate(GenerateSettings, folder.config.model, "model")
    tokeniser = tokeniser_from_json(folder.read_text("tokenizer.json"))
    model = build_network(tokeniser.size, settings)
    folder.load_weights(model)
    layers = _below("body.", model.state_dict())
    found = {f"encoder.forwards.{name}": tensor for name, tensor in layers.items()}
    return tokeniser, settings, {"embedding.weight": model.embedding.weight.detach(), **found}


def _read_fill(folder: RunFolder) -> tuple[Tokeniser, Any, dict[str, Tensor]]:
    settings = validate(FillSettings, folder.config.model, "model")
    tokeniser = tokeniser_from_json(folder.read_text("tokenizer.json"))
    state = load_network(folder, tokeniser.size, settings).state_dict()
    taken = {name: tensor for name, tensor in state.items() if name.startswith(("embedding.", "encoder."))}
    return tokeniser, settings, taken


_READERS: dict[str, Callable[[RunFolder], tuple[Tokeniser, Any, dict[str, Tensor]]]] = {
    "generate": _read_generate,
    "fill": _read_fill,
}


def _below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries under a prefix, dropped weights by their own names."""
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


def encode(tokeniser: Tokeniser, task: str, text: str) -> np.ndarray:
    """(N,) int32, the tokens of a text as the run met them: between line breaks, or between edges."""
    if task == "generate":
        return tokeniser.encode(f"\n{text}\n")
    return np.pad(tokeniser.encode(text), 1)


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
        tokeniser: of the run.
        task: of the run; says what stands at the edges.
        spaced: whether a space stands between two tokens.
    """

    def __init__(self, tokeniser: Tokeniser, task: str, *, spaced: bool) -> None:
        self._tokeniser = tokeniser
        # Between words a space is understood; before all other pieces it is written.
        self._space = " " if spaced and not isinstance(tokeniser, WordTokeniser) else ""
        self._edge = encode(tokeniser, task, "")

    def add(self, sentence: Encoded, tokens: Sequence[str]) -> Encoded:
        """The sentence with its pieces."""
        first, last = self._edge[: len(self._edge) // 2], self._edge[len(self._edge) // 2 :]
        own = [self._tokeniser.encode(token if at == 0 else self._space + token) for at, token in enumerate(tokens)]
        # A token may be nothing to the run's tokeniser; it is then something unknown.
        own = [pieces if len(pieces) else np.full(1, self._tokeniser.unknown_id, dtype=np.int32) for pieces in own]
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

"""A trained network by itself, for other programs: from tensors to tensors, their names, and what may be fed to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.models.attention_decoder import AttentionDecoder
from unroll.models.named import MEMORY, Reading, WritingStep, state_sizes


class Input(NamedTuple):
    """What may be fed to an input of a network. Made by the functions below.

    Attributes:
        axes: its shape: a name is an axis of any size, the same in all inputs that have it.
        below: integers from `least` up to this one; None: numbers, or truth values.
        within: the axis whose size bounds the integers; "" for none.
        least: the smallest integer.
        truth: whether it is truth values.
    """

    axes: tuple[int | str, ...]
    below: int | None = None
    within: str = ""
    least: int = 0
    truth: bool = False

    def draw(self, sizes: Mapping[str, int], generator: torch.Generator) -> Tensor:
        """One at random.

        Args:
            sizes: of the axes.
            generator: of the random numbers.
        """
        shape = [sizes[axis] if isinstance(axis, str) else axis for axis in self.axes]
        if self.truth:
            return torch.rand(shape, generator=generator) < 0.7
        if self.below is None and not self.within:
            return torch.randn(shape, generator=generator)
        below = (self.below or 0) + (sizes[self.within] if self.within else 0)
        return torch.randint(self.least, below, shape, generator=generator)


def numbers(*axes: int | str) -> Input:
    """float32 numbers."""
    return Input(axes)


def ids(below: int, *axes: int | str, least: int = 0) -> Input:
    """int64 numbers of tokens, features or colours, from `least` up to `below`."""
    return Input(axes, below=below, least=least)


def lengths(of: str, *axes: int | str) -> Input:
    """int64 numbers of steps of an axis, at least one."""
    return Input(axes, below=1, within=of, least=1)


def places(of: str, *axes: int | str) -> Input:
    """int64 places in an axis."""
    return Input(axes, within=of)


def truths(*axes: int | str) -> Input:
    """Truth values."""
    return Input(axes, truth=True)


class NetworkParts(NamedTuple):
    """A trained network, or one of its graphs, by itself.

    Attributes:
        module: from tensors to tensors, without anything that is not a network.
        inputs: what may be fed to it, by name and in order.
        outputs: names of what it gives, in order.
        metadata: what else is needed, as text: classes, columns, a vocabulary.
        name: of the graph, where the network has several; "" where it is the only one.
        least: the smallest size of an axis by its name, where that is not 1.
    """

    module: nn.Module
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]
    name: str = ""
    least: Mapping[str, int] = {}


def carried_states(sizes: Mapping[str, int]) -> dict[str, Input]:
    """States as inputs: (batch, features) each; zeros begin a stream."""
    return {name: numbers("batch", size) for name, size in sizes.items()}


def after(states: Iterable[str]) -> tuple[str, ...]:
    """What the states are called as outputs."""
    return tuple(f"{name}_after" for name in states)


def reader_and_writer(
    network: nn.Module,
    decoder: AttentionDecoder,
    inputs: Mapping[str, Input],
    places: str | int,
    metadata: Mapping[str, str],
) -> tuple[NetworkParts, NetworkParts]:
    """A network that reads and one step of the decoder that writes, as two graphs.

    Args:
        network: has a method `read` that takes the inputs in order.
        decoder: what writes.
        inputs: of what is read.
        places: the axis of what is looked at.
        metadata: of both.
    """
    attention, states = decoder.attention, state_sizes(decoder.body)
    compared = attention.key.out_features if isinstance(attention.key, nn.Linear) else attention.memory_size
    held = attention.memory_size + decoder.carried_size
    carried = {**carried_states(states), "attended": numbers("batch", decoder.mix.out_features)}
    memory = (numbers("batch", places, held), numbers("batch", places, compared), truths("batch", places))
    step = {"tokens": ids(len(decoder.bias), "batch"), **dict(zip(MEMORY, memory, strict=True)), **carried}
    return (
        NetworkParts(Reading(network), inputs, (*MEMORY, *carried), metadata, "encoder"),
        NetworkParts(WritingStep(decoder), step, ("logits", *after(carried), "looked"), metadata, "step"),
    )

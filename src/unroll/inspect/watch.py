"""Every scan of a module, under the name of the layer that ran it.

Shapes: T time, B batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from unroll.engine import Observation, observed
from unroll.interop.accelerate import RECURRENT, accelerate
from unroll.layers import Attention


class Seen(NamedTuple):
    """A scan and where it ran.

    Attributes:
        module: the dotted name of the module inside the one that is watched; "" for that itself.
        depth: how many layers of the watched module ran before its own, from 0: the same for directions of a layer, and
            for members of an ensemble.
        scan: what ran.
    """

    module: str
    depth: int
    scan: Observation

    @property
    def direction(self) -> str:
        """ "forward" or "backward"."""
        return "backward" if self.scan.reverse else "forward"

    @property
    def key(self) -> tuple[str, int, bool]:
        """What is the same for every call of the same layer in the same direction."""
        return self.module, self.scan.layer, self.scan.reverse


class Weighed(NamedTuple):
    """Attention as it was given.

    Attributes:
        module: the dotted name of the module that attends.
        weights: (B, T) for one query, or (B, T of the queries, T of the keys).
    """

    module: str
    weights: Tensor


class Watched(NamedTuple):
    """What a module did: its scans in the order in which they ran, its attention, and what it gave."""

    scans: list[Seen]
    attention: list[Weighed]
    output: Any


def watch(module: nn.Module, call: Callable[[], Any]) -> Watched:
    """Run something and see every scan of a module in it.

    torch.nn's recurrent layers run on unroll's engines meanwhile, with the same results; they are given back as they
    were.

    Args:
        module: whose layers are watched.
        call: runs it, in any way.

    Returns:
        Watched: the scans, connected by autograd with the output unless gradients are off.
    """
    scans: list[Seen] = []
    attention: list[Weighed] = []
    depths: dict[tuple[str, int], int] = {}
    with _named(module, attention) as names, _unrolled(module):

        def tell(scan: Observation) -> None:
            name = names[-1] if names else ""
            depth = depths.setdefault((_layer_of(name), scan.layer), len(depths))
            scans.append(Seen(name, depth, scan))

        with observed(tell):
            output = call()
    return Watched(scans, attention, output)


#: One of the networks of `models.ensemble`, which stand beside each other.
_MEMBER = re.compile(r"(?:^|(?<=\.))members\.(\d+)\.")


def title_of(module: str, depth: int, direction: str) -> str:
    """A short name of a layer, counted from 1, in one direction, and of which member of an ensemble it is."""
    member = _MEMBER.search(module)
    whose = "" if member is None else f"member {int(member[1]) + 1}, "
    return f"{whose}layer {depth + 1}, {direction}"


def _layer_of(name: str) -> str:
    """The name without what tells layers apart that stand beside each other: the part that says the direction, as in
    `Bidirectional` and `models.both_ways`, and the member of an ensemble."""
    return ".".join(part for part in _MEMBER.sub("", name).split(".") if part not in ("forwards", "backwards"))


@contextmanager
def _named(module: nn.Module, attention: list[Weighed]) -> Iterator[list[str]]:
    """The names of the modules that are running, innermost last."""
    running: list[str] = []
    handles = []

    def entering(name: str) -> Callable[..., None]:
        return lambda part, args: running.append(name)

    def leaving(name: str) -> Callable[..., None]:
        def leave(part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            running.pop()
            weights = getattr(part, "weights", None)
            if isinstance(part, Attention) and output is not None:
                attention.append(Weighed(name, output[1].detach()))
            elif callable(weights) and output is not None:
                attention.append(Weighed(name, weights(*args).detach()))

        return leave

    for name, part in module.named_modules():
        handles.append(part.register_forward_pre_hook(entering(name)))
        handles.append(part.register_forward_hook(leaving(name), always_call=True))
    try:
        yield running
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _unrolled(module: nn.Module) -> Iterator[None]:
    """torch.nn's recurrent layers as unroll's while this lasts."""
    before = [(part, part.__class__) for part in module.modules() if type(part) in RECURRENT]
    for part, _ in before:
        accelerate(part)
    try:
        yield
    finally:
        for part, kind in before:
            part.__class__ = kind
            part.__dict__.pop("_runs", None)

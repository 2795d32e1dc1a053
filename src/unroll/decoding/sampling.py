"""Drawing tokens, or always taking the likeliest.

Shapes: T time, B batch, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unroll.decoding.decoder import Decoder
from unroll.errors import ConfigError


class Sampling(NamedTuple):
    """How a token is drawn. The three filters work in this order: temperature, top-k, top-p.

    Attributes:
        temperature: logits are divided by it; 0 always takes the likeliest.
        top_k: only the k likeliest tokens; 0 for all (Fan, Lewis, Dauphin 2018, section 5.4).
        top_p: only the fewest tokens whose probabilities reach p together; 1 for all (Holtzman et al. 2020, section
            3.1).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def check(self) -> None:
        """Raise ConfigError unless every value is in its range."""
        if not 0.0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature must be 0 (always the likeliest) or positive, got {self.temperature}")
        if self.top_k < 0:
            raise ConfigError(f"top_k must be 0 (all tokens) or positive, got {self.top_k}")
        if not 0.0 < self.top_p <= 1.0:
            raise ConfigError(f"top_p must be in (0, 1], got {self.top_p}")


def probabilities(logits: Tensor, sampling: Sampling, forbidden: Sequence[int] = ()) -> Tensor:
    """What tokens are drawn with.

    Args:
        logits: (..., V).
        sampling: the filters. Of equally likely tokens at the edge of top-k or top-p the one with the lower id stays.
        forbidden: ids that are never drawn.

    Returns:
        (..., V), summing to one.

    Raises:
        ConfigError: a value of `sampling` is out of range.
    """
    sampling.check()
    if forbidden:
        logits = logits.index_fill(-1, torch.tensor(list(forbidden), device=logits.device), float("-inf"))
    if sampling.temperature == 0.0:
        best = torch.zeros_like(logits)
        return best.scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    probabilities = torch.softmax(logits.double() / sampling.temperature, dim=-1)
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    keep = torch.ones_like(ordered, dtype=torch.bool)
    if sampling.top_k:
        keep[..., sampling.top_k :] = False
    if sampling.top_p < 1.0:
        ordered = ordered.masked_fill(~keep, 0.0)
        ordered = ordered / ordered.sum(-1, keepdim=True)
        # A token stays if those before it have not reached p; so the first always stays.
        keep &= ordered.cumsum(-1) - ordered < sampling.top_p
    kept = torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(~keep, 0.0))
    return (kept / kept.sum(-1, keepdim=True)).to(logits.dtype)


@torch.no_grad()
def sample(
    decoder: Decoder,
    seed: Sequence[int],
    sampling: Sampling,
    *,
    generator: torch.Generator,
    forbidden: Sequence[int] = (),
    forbidden_first: Sequence[int] = (),
) -> Iterator[int]:
    """Continue a text token by token, without end; the caller stops.

    Args:
        decoder: in evaluation mode.
        seed: ids of the text so far; at least one.
        sampling: how tokens are drawn.
        generator: of the random numbers; the same seed gives the same text.
        forbidden: ids that are never drawn.
        forbidden_first: ids that are not drawn directly after the seed.

    Raises:
        ConfigError: the seed is empty, or a value of `sampling` is out of range.
    """
    sampling.check()
    if not seed:
        raise ConfigError("sampling needs at least one token to start from")
    ids = torch.tensor([list(seed)], device=decoder.device)
    state = None
    barred = [*forbidden, *forbidden_first]
    while True:
        with torch.no_grad():
            logits, state = decoder.step(ids, state)
            drawn = probabilities(logits[0], sampling, barred)
            token = int(torch.multinomial(drawn.cpu(), 1, generator=generator))
        yield token
        barred = list(forbidden)
        ids = torch.tensor([[token]], device=decoder.device)

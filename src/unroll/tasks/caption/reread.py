"""A captioner that reads its own caption again, so that a look inside can follow it.

Shapes: B batch, T words, V vocabulary, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unroll.data import WordTokenizer
from unroll.inspect import Looks, Trace
from unroll.tasks.caption.network import CaptionNetwork
from unroll.tasks.following import Followed
from unroll.tasks.reread import END, START, Fed, Fresh, Said, cost_of, logits_of

#: Pixels of the longer side of a picture on a page.
_SIDE = 176


class Description:
    """A captioner, as `unroll.inspect.Predicts`: it reads its own caption again.

    Args:
        network: of captions.
        tokenizer: of its words.
        encode: from records to (B, 3, H, W) pixels.
        words: of the caption of a record.
    """

    def __init__(
        self,
        network: CaptionNetwork,
        tokenizer: WordTokenizer,
        encode: Callable[[Sequence[Any]], tuple[Tensor]],
        words: Callable[[Any], Sequence[str]],
    ) -> None:
        self.network = network
        self._tokenizer = tokenizer
        self._encode = encode
        self._said = Said(lambda record: [token for word in words(record) for token in tokenizer.encode(word).tolist()])

    def followed(self, record: Any) -> Followed:
        """How a look inside follows it: steps count for the logarithm of the probability of the whole caption."""
        inputs = self.example([record]).inputs
        return Followed(
            self,
            lambda answer: -self.costs(inputs, answer).sum(),
            "written",
            reads=False,
            looks=lambda seen: self.looks(inputs.source, seen),
        )

    def example(self, records: Sequence[Any], row: int = 0) -> Fresh:
        """A picture and the model's own caption; the steps have the names of the words that are read."""
        (pixels,) = self._encode([records[row]])
        ids = self._said(records[row])
        names = (START, *(self._tokenizer.decode([token]).strip() for token in ids))
        return Fresh(Fed(pixels, torch.ones(1, dtype=torch.int64), torch.tensor([ids], dtype=torch.int64)), names)

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T + 1, V) logits of every word of the caption and its end."""
        pixels, _, target = Fed(*inputs)
        network = self.network
        seen = pixels if network.backbone is None else network.backbone(pixels)
        return logits_of(network.captioner.decoder, network.captioner.read(seen), target)

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T + 1) nats that the caption's words and its end cost."""
        return cost_of(answer, Fed(*inputs).target)

    def looks(self, pixels: Tensor, seen: Trace) -> tuple[Looks, ...]:
        """Where each word looked.

        Args:
            pixels: (1, 3, H, W).
            seen: the trace of the picture.
        """
        small = functional.interpolate(pixels.float(), size=_fitting(*pixels.shape[2:]), mode="area")
        shown = small[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        labels = (*seen.labels[1:], END)
        grid = self.network.captioner.grid
        return tuple(
            Looks(one.module, shown, labels, one.weights.reshape(len(one.weights), *grid))
            for one in seen.attention
            if one.weights.shape == (len(labels), grid[0] * grid[1])
        )


def _fitting(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, _SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))

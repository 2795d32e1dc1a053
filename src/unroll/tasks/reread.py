"""Models that write, fed with what they wrote, so that a look inside can follow them.

Shapes: B batch, S places that are looked at, T tokens of the text, V vocabulary, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from unroll.data import Tokenizer
from unroll.models.attention_decoder import AttentionDecoder, Writing
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.following import Followed
from unroll.tasks.pair_data import Vocabularies

#: What the first step of a decoder reads, and what its last one writes, to people.
START, END = "▸", "■"


class Fed(NamedTuple):
    """A network's arguments.

    Attributes:
        source: what it reads: (B, S) tokens, or (B, 3, H, W) pixels.
        lengths: (B,) of the source; of pixels nothing is said with it.
        target: (B, T) tokens of what it wrote.
    """

    source: Tensor
    lengths: Tensor
    target: Tensor


class Fresh(NamedTuple):
    """See `unroll.tasks.base.Example`."""

    inputs: Fed
    steps: tuple[str, ...]


class Said:
    """The tokens that a model writes for a record; a search is made once, however often it is asked.

    Args:
        write: makes the search.
    """

    def __init__(self, write: Callable[[Any], Sequence[int]]) -> None:
        self._write = write
        self._last: tuple[Any, list[int]] | None = None

    def __call__(self, record: Any) -> list[int]:
        if self._last is None or self._last[0] is not record:
            self._last = record, list(self._write(record))
        return self._last[1]


class Reread:
    """A translator or a partner in conversation, as `unroll.inspect.Predicts`: it reads its own answer again.

    Args:
        network: an encoder and a decoder.
        vocabularies: of both sides.
        encode: from records to (B, S) tokens and (B,) lengths.
        write: the tokens of the answer to a record.
    """

    def __init__(
        self,
        network: EncoderDecoder,
        vocabularies: Vocabularies,
        encode: Callable[[Sequence[Any]], tuple[Tensor, Tensor]],
        write: Callable[[Any], Sequence[int]],
    ) -> None:
        self.network = network
        self._vocabularies = vocabularies
        self._encode = encode
        self._said = Said(write)

    def followed(self, record: Any) -> Followed:
        """How a look inside follows it: steps count for the logarithm of the probability of the whole answer."""
        inputs = self.example([record]).inputs
        return Followed(self, lambda answer: -self.costs(inputs, answer).sum(), "written", reads=False)

    def example(self, records: Sequence[Any], row: int = 0) -> Fresh:
        """A text and the model's own answer, with the names of the tokens that are read."""
        source, lengths = self._encode([records[row]])
        names = pieces(self._vocabularies.source, source[0].tolist())
        return Fresh(Fed(source, lengths, torch.tensor([self._said(records[row])], dtype=torch.int64)), names)

    def own_steps(self, inputs: tuple[Any, ...]) -> Mapping[str, tuple[str, ...]]:
        """The decoder's steps have the names of what they write."""
        return {"decoder": (*pieces(self._vocabularies.target, Fed(*inputs).target[0].tolist()), END)}

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T + 1, V) logits of every token of the answer and its end."""
        fed = Fed(*inputs)
        return logits_of(self.network.decoder, self.network.read(fed.source, fed.lengths), fed.target)

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T + 1) nats that the answer's tokens and its end cost."""
        return cost_of(answer, Fed(*inputs).target)


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[str, ...]:
    """What each token adds to the text before it; of a character of several tokens all but the last add nothing."""
    names, known = [], ""
    for at in range(len(ids)):
        text = tokenizer.decode(ids[: at + 1]).rstrip("\N{REPLACEMENT CHARACTER}")
        names.append(text[len(known) :])
        known = text
    return (names[0].lstrip(), *names[1:]) if names else ()


def logits_of(decoder: AttentionDecoder, state: Writing, target_BT: Tensor) -> Tensor:
    """(B, T + 1, V) logits of tokens and their end.

    With input feeding the decoder's own loop runs the cells' equations and no scan that could be seen; here every step
    of it is a scan.

    Args:
        decoder: in evaluation mode.
        state: before the first token.
        target_BT: the tokens.
    """
    ids = functional.pad(target_BT, (1, 0))
    if not decoder.input_feeding:
        return decoder.logits(decoder(ids, state).features)
    memory, layers, attended, _ = state
    made = []
    for x in (decoder.embedding(ids) * decoder.scale).unbind(dim=1):
        y, layers = decoder.body(torch.cat([x, attended], dim=-1).unsqueeze(1), layers)
        mean, _ = decoder.attention(y.squeeze(1), memory)
        attended = torch.tanh(decoder.mix(torch.cat([y.squeeze(1), mean], dim=-1)))
        made.append(attended)
    return decoder.logits(torch.stack(made, dim=1))


def cost_of(answer: Tensor, target_BT: Tensor) -> Tensor:
    """(B, T + 1) the cross-entropy of tokens and their end."""
    return functional.cross_entropy(answer.transpose(1, 2), functional.pad(target_BT, (0, 1)), reduction="none")

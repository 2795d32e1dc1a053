"""Models that write, fed with what they wrote, so that a look inside can follow them.

Shapes: B batch, S places that are looked at, T tokens of the text, V vocabulary, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from unroll.bundle import RunFolder
from unroll.data import Tokenizer, tokenizer_from_json
from unroll.inspect import Looks, Trace
from unroll.models.attention_decoder import AttentionDecoder, Writing
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.caption.network import CaptionNetwork
from unroll.tasks.chat.predictor import ChatPredictor
from unroll.tasks.pair_data import Vocabularies
from unroll.trained import Model

#: What the first step of a decoder reads, and what its last one writes, to people.
START, END = "▸", "■"
#: Pixels of the longer side of a picture on a page.
_SIDE = 176


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


class Example(NamedTuple):
    """See `unroll.tasks.base.Example`."""

    inputs: Fed
    steps: tuple[str, ...]


class Said:
    """The tokens that a model writes for a record; a search is made once, however often it is asked.

    Args:
        write: makes the search.
    """

    def __init__(self, write: Callable[[Any], list[int]]) -> None:
        self._write = write
        self._last: tuple[Any, list[int]] | None = None

    def __call__(self, record: Any) -> list[int]:
        if self._last is None or self._last[0] is not record:
            self._last = record, self._write(record)
        return self._last[1]


class Translation:
    """A translator or a partner in conversation, as `unroll.inspect.Predicts`: it reads its own answer again.

    Args:
        model: whose network is an encoder and a decoder.
    """

    def __init__(self, model: Model) -> None:
        self.network: EncoderDecoder = model.network  # type: ignore[assignment]
        self._model = model
        self._vocabularies = Vocabularies.load(RunFolder.open(model.path))
        self._said = Said(self._write)

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        """A text and the model's own answer, with the names of the tokens that are read."""
        source, lengths = self._model.predictor.encode([records[row]])
        names = pieces(self._vocabularies.source, source[0].tolist())
        return Example(Fed(source, lengths, torch.tensor([self._said(records[row])], dtype=torch.int64)), names)

    def _write(self, record: Any) -> list[int]:
        predictor = self._model.predictor
        columns = (*self._model.config["data"]["inputs"], "text")
        text = record if isinstance(record, str) else next(str(record[name]) for name in columns if name in record)
        written = predictor.answers if isinstance(predictor, ChatPredictor) else predictor.translate  # type: ignore[attr-defined]
        return list(written([text])[0].tokens)

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

    def score(self, record: Any) -> Callable[[Tensor], Tensor]:
        """The logarithm of the probability of the whole answer to a record, from the logits."""
        inputs = self.example([record]).inputs
        return lambda answer: -self.costs(inputs, answer).sum()


class Description:
    """A captioner, as `unroll.inspect.Predicts`: it reads its own caption again.

    Args:
        model: of captions.
    """

    def __init__(self, model: Model) -> None:
        self.network: CaptionNetwork = model.network  # type: ignore[assignment]
        self._model = model
        self._tokenizer = tokenizer_from_json(RunFolder.open(model.path).read_text("tokenizer.json"))
        self._said = Said(self._write)

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        """A picture and the model's own caption; the steps have the names of the words that are read."""
        (pixels,) = self._model.predictor.encode([records[row]])
        ids = self._said(records[row])
        names = (START, *(self._tokenizer.decode([token]).strip() for token in ids))
        return Example(Fed(pixels, torch.ones(1, dtype=torch.int64), torch.tensor([ids], dtype=torch.int64)), names)

    def _write(self, record: Any) -> list[int]:
        looked = next(iter(self._model.predict_each([record])))["looked_at"]
        return [token for look in looked for token in self._tokenizer.encode(look["word"]).tolist()]

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T + 1, V) logits of every word of the caption and its end."""
        pixels, _, target = Fed(*inputs)
        network = self.network
        seen = pixels if network.backbone is None else network.backbone(pixels)
        return logits_of(network.captioner.decoder, network.captioner.read(seen), target)

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T + 1) nats that the caption's words and its end cost."""
        return cost_of(answer, Fed(*inputs).target)

    def score(self, record: Any) -> Callable[[Tensor], Tensor]:
        """The logarithm of the probability of the whole caption of a record, from the logits."""
        inputs = self.example([record]).inputs
        return lambda answer: -self.costs(inputs, answer).sum()

    def looks(self, record: Any, seen: Trace) -> tuple[Looks, ...]:
        """Where each word looked.

        Args:
            record: which names the picture.
            seen: the trace of it.
        """
        (pixels,) = self._model.predictor.encode([record])
        small = functional.interpolate(pixels.float(), size=_fitting(*pixels.shape[2:]), mode="area")
        shown = small[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        labels = (*seen.labels[1:], END)
        grid = self.network.captioner.grid
        return tuple(
            Looks(one.module, shown, labels, one.weights.reshape(len(one.weights), *grid))
            for one in seen.attention
            if one.weights.shape == (len(labels), grid[0] * grid[1])
        )


def writer_of(model: Model) -> Translation | Description | None:
    """What feeds a model with what it wrote; None for a model that does not write with a decoder that looks."""
    if isinstance(model.network, EncoderDecoder):
        return Translation(model)
    if isinstance(model.network, CaptionNetwork):
        return Description(model)
    return None


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


def _fitting(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, _SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))

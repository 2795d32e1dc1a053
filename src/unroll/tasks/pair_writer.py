"""A trained encoder-decoder that writes: beam search over texts, and what texts cost it.

Shapes: B batch, S source tokens, T target tokens, V vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unroll.bundle import RunFolder
from unroll.data import Tokenizer, pad_tokens
from unroll.decoding import Beam, Hypothesis, beam_search
from unroll.models.attention_decoder import watched
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.report.charts import Heat
from unroll.tasks.pair_data import Encoded, Vocabularies
from unroll.tasks.pair_settings import PairSettings, build_network
from unroll.tasks.parts import NetworkParts, ids, lengths, reader_and_writer

#: Source tokens that are read at once, padding counted, and texts.
_TOKENS, _TEXTS = 4_096, 64
#: Tokens that are written for each that is read, and beyond that, at most: nobody's translation is longer, and a search
#: that has lost its way ends.
_FACTOR, _BEYOND = 3, 20


class Written(NamedTuple):
    """A text that was written.

    Attributes:
        text: of the tokens.
        score: by which the search ordered it.
        log_probability: of its tokens and its end.
        tokens: without the end.
        weights: (T + 1, S), how each token and the end looked at the source.
    """

    text: str
    score: float
    log_probability: float
    tokens: tuple[int, ...]
    weights: Tensor | None


class Forced(NamedTuple):
    """What a network makes of texts when every step reads the true tokens before it.

    Attributes:
        nats: the summed cost of all tokens and ends.
        tokens: how many those are.
        right: how many of them were the likeliest.
        texts: the likeliest token of every step, up to the first end, as texts.
    """

    nats: float
    tokens: int
    right: int
    texts: list[str]


class PairWriter:
    """Writes texts from texts.

    Args:
        network: with its weights.
        vocabularies: of its texts.
    """

    def __init__(self, network: EncoderDecoder, vocabularies: Vocabularies) -> None:
        self.network = network
        self.vocabularies = vocabularies

    def write(self, sources: Sequence[str], beam: Beam, *, forced: Sequence[str] | None = None) -> list[list[Written]]:
        """The best texts for each source, best first; nothing but an empty text for a blank one.

        Args:
            sources: what is read.
            beam: how is searched.
            forced: for each source what its text must begin with.
        """
        ids = [self.vocabularies.read(text.strip()) for text in sources]
        begins = [self.vocabularies.wanted(text.strip()).tolist() for text in forced or [""] * len(ids)]
        found: list[list[Written]] = [[Written("", 0.0, 0.0, (), None)] for _ in ids]
        for group in _groups([len(row) for row in ids]):
            hypotheses = self._search([ids[n] for n in group], beam, [begins[n] for n in group])
            for number, own in zip(group, hypotheses, strict=True):
                found[number] = [self._written(one) for one in own]
        return found

    @torch.no_grad()
    def _search(self, ids: list[np.ndarray], beam: Beam, begins: list[list[int]]) -> list[list[Hypothesis]]:
        network = self.network.eval()
        source, lengths = (part.to(network.decoder.device) for part in pad_tokens(ids))
        places = lengths.tolist()
        return beam_search(
            network.decoder,
            network.read(source, lengths),
            len(ids),
            beam,
            limits=[_FACTOR * length + _BEYOND for length in places],
            forced=begins,
            watch=watched,
            places=places,
        )

    def _written(self, one: Hypothesis) -> Written:
        text = self.vocabularies.target.decode(one.tokens).strip()
        return Written(text, one.score, one.log_probability, one.tokens, one.weights)

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """What reads, and one step of what writes; a text begins with token 0 and ends with it."""
        read, wrote = self.vocabularies
        metadata = {"unroll.tokenizer": read.to_json(), "unroll.target_tokenizer": wrote.to_json()}
        inputs = {"tokens": ids(read.size, "batch", "places"), "lengths": lengths("places", "batch")}
        return reader_and_writer(self.network, self.network.decoder, inputs, "places", metadata)

    def attention_map(self, source: str, written: Written) -> Heat | None:
        """How much each written word looked at each word that was read; None where nothing was.

        A word's pieces are taken together: the mean of those that were written, the sum of those that were read.
        """
        if written.weights is None:
            return None
        read, wrote = self.vocabularies
        columns = _words(read, self.vocabularies.read(source).tolist())
        rows = _words(wrote, list(written.tokens))
        shares = [
            [float(written.weights[top:bottom, left:right].sum(1).mean()) for _, left, right in columns]
            for _, top, bottom in rows
        ]
        return Heat(
            written.text, "written", "read", [row[0] for row in rows], [column[0] for column in columns], shares
        )

    @torch.no_grad()
    def force(self, encoded: Encoded) -> Forced:
        """Read pairs with the true tokens before every step."""
        network = self.network.eval()
        nats, right, texts = 0.0, 0, [""] * len(encoded.targets)
        lengths_2 = encoded.lengths()
        for group in _groups(lengths_2.sum(axis=1).tolist()):
            source, sources = (t.to(network.decoder.device) for t in pad_tokens([encoded.sources[n] for n in group]))
            target, targets = (t.to(network.decoder.device) for t in pad_tokens([encoded.targets[n] for n in group]))
            steps = network.decoder(functional.pad(target, (1, 0)), network.read(source, sources), lengths=targets + 1)
            wanted = functional.pad(target, (0, 1))
            real = torch.arange(wanted.shape[1], device=wanted.device) <= targets.unsqueeze(1)
            logits = network.decoder.logits(steps.features[real])
            nats += float(functional.cross_entropy(logits.double(), wanted[real], reduction="sum"))
            best = torch.zeros_like(wanted)
            best[real] = logits.argmax(-1)
            right += int((best[real] == wanted[real]).sum())
            for number, row in zip(group, best.tolist(), strict=True):
                texts[number] = self.vocabularies.target.decode(row[: row.index(0)] if 0 in row else row).strip()
        return Forced(nats, int(lengths_2[:, 1].sum()) + len(lengths_2), right, texts)


def _words(tokenizer: Tokenizer, ids: list[int]) -> list[tuple[str, int, int]]:
    """Tokens as words, each with the places of its first token and after its last."""
    decode = tokenizer.decode
    # What a token adds to the one before it, since some tokenizers put the space between two words on their own.
    added = [decode(ids[at - 1 : at + 1])[len(decode(ids[at - 1 : at])) :] for at in range(1, len(ids))]
    starts = [0, *(at for at, text in enumerate(added, 1) if text[:1].isspace())] if ids else []
    return [(tokenizer.decode(ids[a:b]).strip(), a, b) for a, b in itertools.pairwise([*starts, len(ids)])]


def load_writer(folder: RunFolder, settings: PairSettings) -> PairWriter:
    """The writer of a finished run.

    Args:
        folder: of the run.
        settings: of the run.
    """
    vocabularies = Vocabularies.load(folder)
    network = build_network(settings, *vocabularies.sizes, shared=vocabularies.shared)
    folder.load_weights(network)
    return PairWriter(network, vocabularies)


def _groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts of like length, as many as are read at once; those of length 0 are left out."""
    held: list[int] = []
    for number in sorted((n for n, length in enumerate(lengths) if length), key=lambda n: lengths[n]):
        if held and (len(held) == _TEXTS or (len(held) + 1) * lengths[number] > _TOKENS):
            yield held
            held = []
        held.append(number)
    if held:
        yield held

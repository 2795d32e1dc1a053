"""The network of a tagger, and sentences as it takes them.

Shapes: B batch, T tokens, F features of a token, W different words of a batch, C characters of a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS
from unroll.data import Tokenizer, pad_tokens
from unroll.data.text.tokens import Encoded, TokenFeatures
from unroll.ids import PAD_ID
from unroll.layers import Bidirectional, Recurrent
from unroll.metrics.entities import Scheme, allowed_moves, spans, tags_of
from unroll.models.crf import CRF
from unroll.models.encoders import recurrent_stack
from unroll.models.tagger import CharacterWords, Tagger, TokenContexts
from unroll.tasks.tag.settings import Saved, TagSettings
from unroll.tasks.transfer import Beginning, SentencePieces, Start, split_layers

#: Sentences that are tagged at once.
SCORED = 64


class Batch(NamedTuple):
    """Sentences as the model takes them; see `Tagger.scores`."""

    features: Tensor
    lengths: Tensor
    characters: Tensor
    character_lengths: Tensor
    place: Tensor
    pieces: Tensor
    piece_lengths: Tensor
    starts: Tensor
    ends: Tensor


def batch_of(sentences: Sequence[Encoded]) -> Batch:
    """Pad sentences, and gather the different words of the batch so that each is read by characters once."""
    lengths = torch.tensor([len(sentence.features) for sentence in sentences], dtype=torch.int64)
    longest = int(lengths.max()) if len(sentences) else 0
    features = np.zeros((len(sentences), longest, sentences[0].features.shape[1]), dtype=np.int64)
    place = np.zeros((len(sentences), longest), dtype=np.int64)
    ids: dict[bytes, int] = {b"": 0}
    words = [np.zeros(0, dtype=np.int32)]
    for row, sentence in enumerate(sentences):
        features[row, : len(sentence.features)] = sentence.features
        for at, word in enumerate(sentence.characters):
            index = ids.setdefault(word.tobytes(), len(words))
            if index == len(words):
                words.append(word)
            place[row, at] = index
    characters, character_lengths = pad_tokens(words)
    return Batch(
        torch.from_numpy(features),
        lengths,
        characters,
        character_lengths,
        torch.from_numpy(place),
        *pad_tokens([sentence.pieces for sentence in sentences]),
        pad_tokens([sentence.starts for sentence in sentences])[0],
        pad_tokens([sentence.ends for sentence in sentences])[0],
    )


def build_network(saved: Saved, features: TokenFeatures, settings: TagSettings) -> Tagger:
    """The untrained network."""
    cell = CELLS[settings.encoder]
    word = [settings.word_size, *[settings.affix_size] * (len(features.sizes()) - 1)]
    embeddings = [nn.Embedding(n, size, padding_idx=PAD_ID) for n, size in zip(features.sizes(), word, strict=True)]
    words = None
    # A token that is one character is known by its own vector already.
    if settings.character_size and not saved.characters:
        size, hidden = settings.character_size, settings.character_hidden
        both = [
            Recurrent(cell(size, hidden), reverse=reverse, batch_first=True, engine=settings.engine)
            for reverse in (False, True)
        ]
        words = CharacterWords(features.character_size, size, Bidirectional(*both), dropout=settings.word_dropout)
    contexts = None
    if saved.start is not None:
        beginning = Beginning(saved.start, dropout=settings.dropout, engine=settings.engine)
        contexts = TokenContexts(beginning.embedding, beginning.encoder)
    below = sum(word) + sum(part.output_size for part in (words, contexts) if part is not None)
    directions = 2 if settings.bidirectional else 1
    sizes = [below, *[settings.hidden_size * directions] * (settings.num_layers - 1)]
    body = recurrent_stack(
        [tuple(cell(size, settings.hidden_size) for _ in range(directions)) for size in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    crf = None
    if settings.crf:
        masks: tuple[Tensor | None, ...] = (None, None, None)
        if saved.inner is not None:
            masks = tuple(torch.from_numpy(mask) for mask in allowed_moves(saved.tags, Scheme(saved.inner)))
        crf = CRF(len(saved.tags), allowed=masks[0], allowed_start=masks[1], allowed_end=masks[2])
    return Tagger(
        embeddings,
        words,
        body,
        crf,
        len(saved.tags),
        contexts=contexts,
        dropout=settings.dropout,
        word_dropout=settings.word_dropout,
    )


def layers_of(network: Tagger, start: Start | None) -> list[list[nn.Module]]:
    """The tags, the recurrent layers from the highest down, the vectors; below a started run's layers and vectors,
    whose rest starts at random and is trained with the tags."""
    output: list[nn.Module] = [network.output, *([] if network.crf is None else [network.crf])]
    vectors: list[nn.Module] = [network.embeddings, *([] if network.words is None else [network.words])]
    if network.contexts is None or start is None:
        return [output, *([layer] for layer in list(network.body.layers)[::-1]), vectors]
    taken, random = split_layers(network.contexts.encoder, start)
    return [[*output, network.body, *vectors, *random], *taken, [network.contexts.embedding]]


def rewritten(tags: Sequence[str], saved: Saved, to: str | None) -> list[str]:
    """Tags of entities in another scheme; other tags as they are."""
    return list(tags) if to is None or saved.inner == saved.scheme else tags_of(spans(tags), len(tags), Scheme(to))


@torch.no_grad()
def tag_sentences(network: Tagger, saved: Saved, sentences: Sequence[Encoded]) -> list[list[str]]:
    """The tags of sentences, in the scheme of the data; sentences without tokens get none."""
    network.eval()
    device = network.output.weight.device
    predicted: list[list[str]] = [[] for _ in sentences]
    order = [
        row for row in np.argsort([len(s.features) for s in sentences], kind="stable") if len(sentences[row].features)
    ]
    for at in range(0, len(order), SCORED):
        rows = order[at : at + SCORED]
        batch = batch_of([sentences[row] for row in rows])
        moved = Batch(*(part.to(device) for part in batch))
        for row, ids in zip(rows, network.decode(network.scores(*moved), moved.lengths), strict=True):
            predicted[row] = rewritten([saved.tags[tag] for tag in ids], saved, saved.scheme)
    return predicted


def pieces_of(saved: Saved, tokenizer: Tokenizer) -> SentencePieces | None:
    """From sentences to the pieces of the run that was started from; None if there was none."""
    return None if saved.start is None else SentencePieces(tokenizer, saved.start.task, spaced=not saved.characters)


def encode_sentence(features: TokenFeatures, pieces: SentencePieces | None, tokens: Sequence[str]) -> Encoded:
    """A sentence as the network takes it."""
    sentence = features.encode(tokens)
    return sentence if pieces is None else pieces.add(sentence, tokens)

"""Many-to-many, aligned: a tag for every token, from features, characters, recurrent layers and a CRF.

Shapes: B batch, T tokens, F features of a token, W different words of a batch, C characters of a word, H features, K
tags.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.ids import PAD_ID, UNKNOWN_ID
from unroll.layers import Bidirectional, LockedDropout, Stack, TokenDropout
from unroll.models.both_ways import BothWays
from unroll.models.crf import CRF


class CharacterWords(nn.Module):
    """A vector for a word from its characters: the last outputs of two recurrent layers that read it from both ends.

    Source: Lample et al. 2016, "Neural architectures for named entity recognition", section 4.1.

    Args:
        characters: how many characters have ids.
        size: numbers of a character's vector.
        layer: reads them; batch-first, of that input size.
        dropout: probability that a character is hidden in training.

    Raises:
        ConfigError: the layer does not fit.
    """

    def __init__(self, characters: int, size: int, layer: Bidirectional, *, dropout: float = 0.0) -> None:
        super().__init__()
        if not layer.batch_first or layer.input_size != size:
            raise ConfigError(f"CharacterWords: expected batch-first layers of input size {size}")
        self.embedding = nn.Embedding(characters, size, padding_idx=PAD_ID)
        self.drop = TokenDropout(dropout, UNKNOWN_ID)
        self.layer = layer
        self.output_size = layer.output_size

    def forward(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """(W, C) numbers of characters and (W,) lengths to (W, H)."""
        _, (forwards, backwards) = self.layer(self.embedding(self.drop(characters)), lengths=lengths)
        return torch.cat((forwards.h, backwards.h), dim=-1)


class TokenContexts(nn.Module):
    """What a language model knows of a token from all that stands up to its end, and from its beginning on.

    Source: Akbik, Blythe, Vollgraf 2018, "Contextual string embeddings for sequence labeling", section 2.2: the
    forwards state at a token's last character beside the backwards state at its first; here for pieces of any kind.

    Args:
        embedding: of the pieces.
        encoder: reads them, in both directions or forwards only.
    """

    def __init__(self, embedding: nn.Embedding, encoder: BothWays) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.output_size = encoder.output_size

    def forward(self, pieces: Tensor, lengths: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """(B, P) pieces, (B,) lengths and (B, T) places of each token's first and last piece to (B, T, H)."""
        before, behind = self.encoder.ways(self.embedding(pieces), lengths)
        row = torch.arange(pieces.shape[0], device=pieces.device).unsqueeze(1)
        parts = [before[row, ends]] if behind is None else [before[row, ends], behind[row, starts]]
        return torch.cat(parts, dim=-1)


class Tagger(nn.Module):
    """Scores every tag of every token.

    Source: Huang, Xu, Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging", section 2.5; words from
    characters: Lample et al. 2016, section 4; affixes as vectors: Pinter, Guthrie, Eisenstein 2017, section 4.

    Args:
        embeddings: one for each of the F features; the first is the word itself.
        words: from characters to a vector; None for none.
        body: recurrent layers, batch-first, over the joined vectors.
        crf: scores sequences of tags; None where tags are chosen one by one.
        tags: K.
        contexts: from the pieces of a language model to vectors of the tokens; None for none.
        dropout: probability that a number of the joined vectors, or of the layers' output, is hidden for a whole
            sentence.
        word_dropout: probability that a word is taken as unknown in training.

    Raises:
        ConfigError: the sizes do not fit together.
    """

    def __init__(
        self,
        embeddings: Sequence[nn.Embedding],
        words: CharacterWords | None,
        body: Stack,
        crf: CRF | None,
        tags: int,
        *,
        contexts: TokenContexts | None = None,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        size = sum(embedding.embedding_dim for embedding in embeddings)
        size += sum(part.output_size for part in (words, contexts) if part is not None)
        if body.input_size != size or not body.batch_first:
            raise ConfigError(f"Tagger: expected batch-first layers of input size {size}, got {body.input_size}")
        self.embeddings = nn.ModuleList(embeddings)
        self.words = words
        self.contexts = contexts
        self.drop_word = TokenDropout(word_dropout, UNKNOWN_ID)
        self.drop_input = LockedDropout(dropout)
        self.body = body
        self.drop_output = LockedDropout(dropout)
        self.output = nn.Linear(body.output_size, tags)
        self.crf = crf

    def scores(
        self,
        features: Tensor,
        lengths: Tensor,
        characters: Tensor,
        character_lengths: Tensor,
        place: Tensor,
        pieces: Tensor,
        piece_lengths: Tensor,
        starts: Tensor,
        ends: Tensor,
    ) -> Tensor:
        """(B, T, K) scores.

        Args:
            features: (B, T, F) numbers.
            lengths: (B,) tokens of each sentence.
            characters: (W, C) numbers of the characters of the batch's different words.
            character_lengths: (W,).
            place: (B, T), which of the W words each token is.
            pieces: (B, P) the sentences as a language model reads them; P is 0 where there is none.
            piece_lengths: (B,).
            starts: (B, T) where each token's pieces begin.
            ends: (B, T) the last of them.
        """
        parts = []
        for index, embedding in enumerate(self.embeddings):
            numbers = features[:, :, index]
            parts.append(embedding(self.drop_word(numbers) if index == 0 else numbers))
        if self.words is not None:
            parts.append(self.words(characters, character_lengths)[place])
        if self.contexts is not None:
            parts.append(self.contexts(pieces, piece_lengths, starts, ends))
        y, _ = self.body(self.drop_input(torch.cat(parts, dim=-1)), lengths=lengths)
        scores: Tensor = self.output(self.drop_output(y))
        return scores

    def forward(
        self,
        features: Tensor,
        lengths: Tensor,
        characters: Tensor,
        character_lengths: Tensor,
        place: Tensor,
        pieces: Tensor,
        piece_lengths: Tensor,
        starts: Tensor,
        ends: Tensor,
        tags: Tensor,
    ) -> Tensor:
        """The sum of -log p of the sentences' (B, T) tags; further arguments as `scores`."""
        scores = self.scores(
            features, lengths, characters, character_lengths, place, pieces, piece_lengths, starts, ends
        )
        if self.crf is not None:
            return -self.crf.log_likelihood(scores, tags, lengths).sum()
        valid = torch.arange(tags.shape[1], device=tags.device) < lengths.unsqueeze(1)
        return nn.functional.cross_entropy(scores[valid], tags[valid], reduction="sum")

    def decode(self, scores: Tensor, lengths: Tensor) -> list[list[int]]:
        """The best tags of each sentence from (B, T, K) scores."""
        if self.crf is not None:
            return self.crf.decode(scores, lengths)
        best = scores.argmax(dim=-1).tolist()
        return [row[:length] for row, length in zip(best, lengths.tolist(), strict=True)]

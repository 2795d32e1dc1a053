"""A question about a story, answered by looking at the story's sentences several times.

Shapes: B batch, S sentences, W words of a sentence, Q words of a question, E size of a word's vector, M features of a
sentence, A answers, K hops.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.layers import Attention
from unroll.models.encoders import RecurrentEncoder

#: Share of sentences before which, in training, a sentence is imagined that was not told: otherwise the vectors of how
#: long ago a sentence was told would be learnt by heart (Sukhbaatar et al. 2015, section 4.2, "random noise").
_IMAGINED = 0.1


class Answered(NamedTuple):
    """What a story reader says.

    Attributes:
        logits: (B, A), of every answer that is known.
        attention: (B, K, S), where it looked at each hop.
    """

    logits: Tensor
    attention: Tensor


def position_sum(words: Tensor, present: Tensor) -> Tensor:
    """The words of every sentence as one vector that knows their order.

    Source: Sukhbaatar, Szlam, Weston, Fergus 2015, "End-to-end memory networks", section 4.1: the feature k (of E) of
    the word j (of J) counts (1 - j/J) - (k/E) (1 - 2 j/J).

    Args:
        words: (..., W, E).
        present: (..., W) bool, false in the padding.

    Returns:
        (..., E).
    """
    size = words.shape[-1]
    count = present.sum(dim=-1, keepdim=True).clamp(min=1)
    j = torch.arange(1, words.shape[-2] + 1, device=words.device, dtype=words.dtype)
    k = torch.arange(1, size + 1, device=words.device, dtype=words.dtype) / size
    # The weight is a + b (j/J) with a = 1 - k/E and b = 2 k/E - 1: two sums, and no weight of every word and feature.
    shares = torch.stack([present.to(words.dtype), present * (j / count)], dim=-2)
    plain, placed = (shares @ words).unbind(dim=-2)
    return (1 - k) * plain + (2 * k - 1) * placed


class StoryReader(nn.Module):
    """Sentence vectors read by a recurrent network, and several looks at them, each from what the last one found.

    Source: Sukhbaatar, Szlam, Weston, Fergus 2015, sections 2.2 (layer-wise, with a linear map between hops) and 4.1
    (position encoding, temporal encoding). Different here: a recurrent network runs over the sentences and is added to
    them, and the vectors of a sentence are compared and averaged through linear maps of each hop.

    Args:
        vocabulary: how many ids words have; 0 is the padding.
        answers: A.
        story: runs over the sentences, batch-first, from 2 E features to any.
        size: E.
        hops: K.
        memory: sentences of a story at most; how long ago each was told has a vector.
        dropout: of the sentences and of what is known at the end.

    Raises:
        ConfigError: a size is below 1, or the story's layers do not take 2 E features.
    """

    def __init__(
        self,
        vocabulary: int,
        answers: int,
        story: RecurrentEncoder,
        *,
        size: int,
        hops: int,
        memory: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(vocabulary, answers, size, hops, memory) < 1:
            raise ConfigError(
                f"StoryReader: sizes must be at least 1, got vocabulary {vocabulary}, answers {answers}, size {size},"
                f" hops {hops}, memory {memory}"
            )
        if story.stack.input_size != 2 * size:
            raise ConfigError(f"StoryReader: the layers take {story.stack.input_size} features, expected {2 * size}")
        self.size = size
        self.memory = memory
        self.words = nn.Embedding(vocabulary, 2 * size, padding_idx=0)
        self.asked = nn.Embedding(vocabulary, size, padding_idx=0)
        self.ages = nn.Embedding(2 * memory + 1, 2 * size)
        self.story = story
        self.mix = nn.Linear(story.output_size, 2 * size)
        self.looks = nn.ModuleList(Attention(size, 2 * size) for _ in range(hops))
        self.found = nn.ModuleList(nn.Linear(2 * size, size) for _ in range(hops))
        self.kept = nn.ModuleList(nn.Linear(size, size) for _ in range(hops))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(size, answers)
        for table in (self.words, self.asked, self.ages):
            nn.init.normal_(table.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[0] = 0
            self.asked.weight[0] = 0

    def forward(self, story_BSW: Tensor, sentences_B: Tensor, question_BQ: Tensor) -> Answered:
        """Answer.

        Args:
            story_BSW: word ids, 0 in the padding.
            sentences_B: sentences of every story, at most S; a story may have none.
            question_BQ: word ids, 0 in the padding.
        """
        told = torch.arange(story_BSW.shape[1], device=story_BSW.device) < sentences_B.unsqueeze(1)
        sentences_BSM = position_sum(self.words(story_BSW), story_BSW != 0) + self.ages(self._ages(told))
        sentences_BSM = self.dropout(sentences_BSM)
        y_BSH = self.story(sentences_BSM, sentences_B).y
        memory_BSM = sentences_BSM + self.mix(self.dropout(y_BSH))
        known_BE = position_sum(self.asked(question_BQ), question_BQ != 0)
        weights = []
        for look, found, kept in zip(self.looks, self.found, self.kept, strict=True):
            memory = cast(Attention, look).remember(memory_BSM, mask=told)
            mean_BM, weights_BS = look(known_BE, memory)
            known_BE = kept(known_BE) + found(mean_BM)
            weights.append(weights_BS)
        return Answered(self.head(self.dropout(known_BE)), torch.stack(weights, dim=1))

    def _ages(self, told: Tensor) -> Tensor:
        """(B, S): how many sentences ago each was told, the last one 1; in training some more, imagined ones."""
        steps = told.long()
        if self.training:
            steps = steps + (told & (torch.rand(told.shape, device=told.device) < _IMAGINED))
        return steps.flip(1).cumsum(dim=1).flip(1).clamp(max=2 * self.memory)

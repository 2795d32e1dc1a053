"""What a text costs a language model, or an n-gram model.

Shapes: N tokens of a text, B streams, T steps of a chunk, V vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unroll.baselines.ngram import NGramModel
from unroll.metrics.language import LanguageScores
from unroll.models.language_model import LanguageModel
from unroll.report import Section
from unroll.tasks.base import Score, Scores
from unroll.tasks.generate.data import WARM, Passage

#: Tokens that are scored at once; the state passes on, so the value does not depend on it.
_SCORED = 1000
#: Streams in which the validation text is scored quickly, between epochs.
_STREAMS = 16


@torch.no_grad()
def text_cost(model: LanguageModel, passage: Passage) -> float:
    """The sum of -ln p over a passage's tokens, read in one stream from its context on."""
    device = model.embedding.weight.device
    text = torch.from_numpy(np.concatenate([passage.context, passage.tokens]).astype(np.int64)).to(device)
    skipped = len(passage.context) - 1
    total, state = 0.0, None
    for at in range(0, len(text) - 1, _SCORED):
        inputs, wanted = text[at : at + _SCORED][: len(text) - 1 - at], text[at + 1 : at + 1 + _SCORED]
        logits, state = model(inputs.unsqueeze(0), state)
        costs = nn.functional.cross_entropy(logits[0].double(), wanted, reduction="none")
        total += float(costs[max(0, skipped - at) :].sum())
    return total


@torch.no_grad()
def quick_cost(model: LanguageModel, passage: Passage) -> float:
    """Nearly `text_cost`, many times faster: in several streams, each warmed up on what stands before it."""
    device = model.embedding.weight.device
    text = torch.from_numpy(np.concatenate([passage.context, passage.tokens]).astype(np.int64)).to(device)
    width = len(passage.tokens) // _STREAMS
    if width <= WARM:
        return text_cost(model, passage) / len(passage.tokens)
    first = len(text) - width * _STREAMS - 1
    starts = first + width * np.arange(_STREAMS)
    total, state = 0.0, None
    for at in range(-min(WARM, first), width, _SCORED):
        end = min(at + _SCORED, width)
        index = torch.from_numpy(starts[:, None] + np.arange(at, end)).to(device)
        logits, state = model(text[index], state)
        keep = max(0, -at)
        wanted = text[index + 1][:, keep:]
        total += float(nn.functional.cross_entropy(logits[:, keep:].flatten(0, 1), wanted.flatten(), reduction="sum"))
    return total / (width * _STREAMS)


def ngram_cost(model: NGramModel, passage: Passage) -> float:
    """The sum of -ln p over a passage's tokens."""
    return -float(model.log_probabilities(passage.tokens, passage.context).sum())


def metrics_of(scores: LanguageScores) -> dict[str, float]:
    """The metrics by their names."""
    return {
        "bits_per_character": scores.bits_per_character,
        "nats_per_character": scores.nats_per_character,
        "perplexity": scores.perplexity,
    }


def scored(scores: LanguageScores, sections: list[Section] | None = None) -> Scores:
    """The metrics as the tasks hand them on; a text is one sample, so there are no intervals."""
    return Scores({name: Score(value) for name, value in metrics_of(scores).items()}, sections or [])
